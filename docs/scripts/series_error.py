"""Measure the error of the geodesic's series against the exact inverse: the figures in ``_distances.py``.

``python docs/scripts/series_error.py`` draws 10 million pairs (uniform, near, meridional, polar, nearly antipodal) and
prints the largest error per class of lags.
"""

import numpy as np

from variogeo._distances import exact_geodesic, pairwise_lag, prepare_points
from variogeo.synthetic import uniform_lonlat

PAIRS = 2_000_000
EDGES = [0, 0.001, 1, 100, 1000, 5000, 10_000, 15_000, 16_000, 17_000, 18_000, 19_000, 19_500, 20_004]


def drawn_pairs(kind: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return ``PAIRS`` pairs of a kind, (n, 2) degrees each."""
    a, b = uniform_lonlat(PAIRS, seed=1), uniform_lonlat(PAIRS, seed=2)
    step = 10.0 ** random.uniform(-7, 1, (PAIRS, 2)) * random.choice([-1.0, 1.0], (PAIRS, 2))
    if kind == "near":
        b = a + step
    elif kind == "meridional":
        b[:, 0] = a[:, 0]
    elif kind == "polar":
        a[:, 1], b[:, 1] = 90 - 10.0 ** random.uniform(-6, 1, (2, PAIRS))
    elif kind == "antipodal":
        b = a * [1, -1] + [180, 0] + random.normal(0, 10, (PAIRS, 2))
    b[:, 1] = np.clip(b[:, 1], -90, 90)
    return a, b


def series(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the series' lag row by row: the diagonals of small tiles."""
    first, second = prepare_points(a, "geodesic"), prepare_points(b, "geodesic")
    tiles = (slice(start, start + 16) for start in range(0, len(a), 16))
    return np.concatenate([np.diag(pairwise_lag(first[rows], second[rows])) for rows in tiles])


def main() -> None:
    """Print the largest error, absolute and relative, per class of lags."""
    random = np.random.default_rng(0)
    worst = np.zeros((2, len(EDGES) - 1))
    for kind in ("uniform", "near", "meridional", "polar", "antipodal"):
        a, b = drawn_pairs(kind, random)
        exact = exact_geodesic(a, b)
        error = np.abs(series(a, b) - exact)
        position = np.digitize(exact, EDGES) - 1
        for k in range(len(EDGES) - 1):
            chosen = (position == k) & (exact > 0)
            if chosen.any():
                worst[0, k] = max(worst[0, k], error[chosen].max())
                worst[1, k] = max(worst[1, k], (error[chosen] / exact[chosen]).max())
    for low, high, absolute, relative in zip(EDGES[:-1], EDGES[1:], *worst, strict=True):
        print(f"{low:8g} .. {high:8g} km: {absolute * 1000:12.6g} m, {relative:.1e} of the lag")


if __name__ == "__main__":
    main()
