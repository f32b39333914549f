"""Measure what the permutation test costs beside one empirical variogram: the figures quoted for `permutation_test`.

``python docs/scripts/permutation_cost.py`` tests 5 000 places with 512 entries each, in 30 bins, by 999 permutations,
in turn with plain runs, and prints seconds and ratios.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from variogeo import LagBins, empirical_variogram
from variogeo._cores import usable_cores
from variogeo.inference import permutation_test
from variogeo.synthetic import uniform_lonlat

POINTS, ENTRIES, REPEATS = 5000, 512, 3
BINS = LagBins.logarithmic(50, 20_000, 30)


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    random = np.random.default_rng(0)
    values = random.normal(size=(POINTS, ENTRIES)).astype(np.float32)
    one = uniform_lonlat(POINTS, seed=1)
    # As many photos, of which some share a place: pairs of photos are counted anew in each permutation.
    several = one[np.sort(random.integers(0, POINTS, POINTS))]
    for lonlat in (one, several):
        empirical_variogram(lonlat[:2000], values[:2000], BINS)
        permutation_test(lonlat[:300], values[:300], BINS, permutations=19)
    print(f"{POINTS} photos, {ENTRIES} entries, {len(BINS)} bins, 999 permutations, {usable_cores()} cores")
    for name, lonlat in (("one photo at each place", one), ("some with several photos", several)):
        times = [
            (seconds(empirical_variogram, lonlat, values, BINS), seconds(permutation_test, lonlat, values, BINS))
            for _ in range(REPEATS)
        ]
        plain, test = (median(column) for column in zip(*times, strict=True))
        ratio = median(after / before for before, after in times)
        print(f"{name}: plain {plain:.2f} s, test {test:.1f} s, ratio {ratio:.0f}")


if __name__ == "__main__":
    main()
