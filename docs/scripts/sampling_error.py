"""Measure how far a sampled variogram is from the exact one: the figures quoted for ``StratifiedPairs``.

``python docs/scripts/sampling_error.py`` draws 5 000 positions from the bundled photos, takes the exact variogram and
compares sampled ones with it: of pairs spread over the lags, and of as many pairs of fewer points, which is how others
sample. It prints the relative root-mean-square error of the semivariance over bins and seeds, and the root mean square
of the errors over their standard errors (1 if those are right).
"""

import time

import numpy as np

from variogeo import EmpiricalVariogram, LagBins, StratifiedPairs, datasets, empirical_variogram

POINTS = 5000
SEEDS = 20
COUNTS = (3_000, 30_000, 300_000)
BINS = {
    "15 uniform bins to 5 000 km": LagBins.linear(0, 5000, 15),
    "30 logarithmic bins from 1 to 20 000 km": LagBins.logarithmic(1, 20_000, 30),
}


def resampled_photos() -> tuple[np.ndarray, np.ndarray]:
    """Return positions drawn with replacement and moved by some 5 km, with the embeddings of their photos."""
    random = np.random.default_rng(0)
    lonlat, embeddings = datasets.geoclip_photos()
    rows = random.integers(0, len(lonlat), POINTS)
    places = lonlat[rows] + random.normal(0, 0.05, (POINTS, 2))
    places[:, 1] = np.clip(places[:, 1], -90, 90)
    return places, embeddings[rows].astype(np.float32)


def of_fewer_points(places: np.ndarray, embeddings: np.ndarray, bins: LagBins, count: int, seed: int) -> np.ndarray:
    """Return the semivariances of all pairs of so many points that there are ``count`` pairs."""
    kept = np.random.default_rng(seed).permutation(POINTS)[: int(np.sqrt(2 * count)) + 1]
    return empirical_variogram(places[kept], embeddings[kept], bins).semivariance


def relative_rms(estimates: list[np.ndarray], exact: np.ndarray) -> float:
    """Return the root of the mean squared relative error over all bins and seeds that have pairs."""
    return float(np.sqrt(np.nanmean((np.array(estimates) / exact - 1) ** 2)))


def in_standard_errors(sampled: list[EmpiricalVariogram], exact: np.ndarray) -> float:
    """Return the root of the mean squared error in standard errors, over the bins that are not complete."""
    errors = np.array([empirical.standard_error for empirical in sampled])
    missed = np.array([empirical.semivariance for empirical in sampled]) - exact
    return float(np.sqrt(np.mean((missed[errors > 0] / errors[errors > 0]) ** 2)))


def main() -> None:
    """Print a table for each set of bins."""
    places, embeddings = resampled_photos()
    for name, bins in BINS.items():
        start = time.perf_counter()
        exact = empirical_variogram(places, embeddings, bins).semivariance
        print(f"\n{name}, {POINTS} points, all pairs: {time.perf_counter() - start:.2f} s")
        print("   count   stratified pairs   pairs of fewer points   in standard errors   seconds")
        for count in COUNTS:
            start = time.perf_counter()
            sampled = [
                empirical_variogram(places, embeddings, bins, pairs=StratifiedPairs(count, seed))
                for seed in range(SEEDS)
            ]
            seconds = (time.perf_counter() - start) / SEEDS
            pairs = relative_rms([empirical.semivariance for empirical in sampled], exact)
            points = relative_rms(
                [of_fewer_points(places, embeddings, bins, count, seed) for seed in range(SEEDS)], exact
            )
            error = in_standard_errors(sampled, exact)
            print(f"{count:8d} {pairs:18.2%} {points:23.2%} {error:20.2f} {seconds:9.2f}")


if __name__ == "__main__":
    main()
