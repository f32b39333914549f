"""Measure what docs/design.md says about the engine: products of leaves, pairs looked at, quartets in one bin.

``python docs/scripts/engine_figures.py`` takes 10 000 positions drawn from the bundled photos and prints

- nanoseconds per pair of 512 float32 entries on one core: ours, sixteen and eight sums at once, beside numpy's product;
- the share of all pairs that tiles of 256 x 1 024 and leaves of 8 x 8 points look at to find those within 5 000 km;
- of four points with four others that a tree looks at, the share whose 16 lags are in one of 15 and of 50 bins.

For AVX2: ``NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt OPENBLAS_CORETYPE=Haswell``.
"""

import time
from collections.abc import Callable

import numba
import numpy as np
from threadpoolctl import threadpool_limits

from variogeo import LagBins, datasets
from variogeo._distances import EARTH_RADIUS, prepare_points
from variogeo._engine._blocks import blocks_of
from variogeo._engine.cpu._products import _sixteen, _twice_eight

POINTS, WIDTH, LEAF = 10_000, 512, 8
FURTHEST = 5000.0


def leaf_by_leaf(product: Callable[..., None]) -> Callable[..., None]:
    """Return the loop over leaves around a product of four rows with four."""

    @numba.njit
    def multiply(a, b, out):
        for j in range(0, b.shape[0], 8):
            for i in range(0, a.shape[0], 4):
                for k in range(0, 8, 4):
                    product(a, i, b, j + k, out, i, j + k)

    return multiply


def by_numpy(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Multiply at once."""
    np.matmul(a, b.T, out=out)


WAYS = {"sixteen sums": leaf_by_leaf(_sixteen), "eight sums": leaf_by_leaf(_twice_eight), "numpy": by_numpy}


def nanoseconds(multiply: Callable[..., object], rows: int, columns: int) -> float:
    """Return the time per pair, the median of many products."""
    random = np.random.default_rng(0)
    a, b = (random.standard_normal((size, WIDTH), np.float32) for size in (rows, columns))
    out, seconds = np.empty((rows, columns), np.float32), []
    for _ in range(max(10, 2**23 // (rows * columns))):
        start = time.perf_counter()
        multiply(a, b, out)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) / (rows * columns) * 1e9


def ordered_photos() -> np.ndarray:
    """Return unit vectors of positions drawn with replacement and moved by some 5 km, in spatial order."""
    random = np.random.default_rng(0)
    photos = datasets.geoclip_photos().lonlat
    lonlat = photos[random.integers(0, len(photos), POINTS)] + random.normal(0, 0.05, (POINTS, 2))
    lonlat[:, 1] = np.clip(lonlat[:, 1], -90, 90)
    unit = prepare_points(lonlat, "great_circle").unit
    return unit[blocks_of(unit, unit, POINTS).order]


def looked_at(unit: np.ndarray, rows: int, columns: int) -> float:
    """Return the share of pairs in tiles that may hold one within `FURTHEST`."""

    def caps(size: int) -> tuple[np.ndarray, np.ndarray]:
        parts = np.split(unit, range(size, len(unit), size))
        middle = np.array([part.mean(axis=0) / np.linalg.norm(part.mean(axis=0)) for part in parts])
        chord = [np.linalg.norm(part - centre, axis=1).max() for part, centre in zip(parts, middle, strict=True)]
        return middle, 2 * np.arcsin(np.minimum(np.array(chord) / 2, 1))

    (a, radius_a), (b, radius_b) = caps(rows), caps(columns)
    chord = np.linalg.norm(a[:, None] - b, axis=2)
    least = 2 * np.arcsin(np.minimum(chord / 2, 1)) - radius_a[:, None] - radius_b
    return float((EARTH_RADIUS * least <= FURTHEST).mean())


def in_one_bin(unit: np.ndarray, bins: LagBins) -> float:
    """Return the share of quartets, of leaves whose lags are in several bins, that have all lags in one bin."""
    random = np.random.default_rng(0)
    leaves = unit.reshape(-1, LEAF, 3)
    whole, torn = 0, 0
    for i, j in random.integers(0, len(leaves), (20_000, 2)):
        chord = np.linalg.norm(leaves[i][:, None] - leaves[j], axis=2)
        position = np.searchsorted(bins.edges, 2 * EARTH_RADIUS * np.arcsin(np.minimum(chord / 2, 1)))
        if position.min() == position.max() or position.min() > len(bins):
            continue
        quartets = position.reshape(2, 4, 2, 4).transpose(0, 2, 1, 3).reshape(4, 16)
        one = (quartets == quartets[:, :1]).all(axis=1)
        whole, torn = whole + int(one.sum()), torn + int((~one).sum())
    return whole / (whole + torn)


def main() -> None:
    """Measure and print."""
    with threadpool_limits(1):
        print("nanoseconds per pair and core, 512 entries")
        for name, multiply in WAYS.items():
            small, large = nanoseconds(multiply, 8, 128), nanoseconds(multiply, 256, 1024)
            print(f"  {name:12} 8 x 128: {small:5.1f}   256 x 1024: {large:5.1f}")
    unit = ordered_photos()
    chord = np.linalg.norm(unit[::7, None] - unit[None, ::7], axis=2)
    within = (2 * EARTH_RADIUS * np.arcsin(np.minimum(chord / 2, 1)) <= FURTHEST).mean()
    print(f"within {FURTHEST:,.0f} km: {within:.0%} of all pairs")
    for rows, columns in ((256, 1024), (8, 8)):
        print(f"  looked at by parts of {rows} x {columns}: {looked_at(unit, rows, columns):.0%}")
    for count in (15, 50):
        share = in_one_bin(unit, LagBins.linear(0, FURTHEST, count))
        print(f"four with four in one of {count} bins, of leaves in several: {share:.0%}")


if __name__ == "__main__":
    main()
