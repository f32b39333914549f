"""Measure what patches, weights, directions and permutations cost beside one plain run: docs/studies/cost.md.

``python docs/scripts/inference_cost.py`` takes 5 000 photos with 512 entries each through 30 bins in every way, in turn
with a plain run, and writes the medians of the ratios.
"""

import os
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# Preset for another machine, they would halve numpy's speed.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import numpy as np  # noqa: E402

from variogeo import LagBins, empirical_variogram  # noqa: E402
from variogeo._cores import usable_cores  # noqa: E402
from variogeo.direction import AzimuthSector, directional_variogram  # noqa: E402
from variogeo.inference import jackknife, kmeans_patches, permutation_test  # noqa: E402
from variogeo.synthetic import uniform_lonlat  # noqa: E402

POINTS, ENTRIES, ROUNDS, FEW_ROUNDS = 5000, 512, 15, 3
BINS = {"30 to 5 000 km": LagBins.linear(0, 5000, 30), "30 from 50 to 20 000 km": LagBins.logarithmic(50, 20_000, 30)}
PAGE = Path(__file__).parents[1] / "studies" / "cost.md"


def clustered(seed: int) -> np.ndarray:
    """Return the places of photos: a third scattered, the rest in 60 towns."""
    random = np.random.default_rng(seed)
    towns = uniform_lonlat(60, seed=seed)[random.integers(0, 60, 2 * POINTS // 3)]
    near = towns + random.normal(0, 0.3, towns.shape)
    lonlat = np.vstack([uniform_lonlat(POINTS - len(near), seed=seed + 1), near])
    return np.column_stack([(lonlat[:, 0] + 180) % 360 - 180, np.clip(lonlat[:, 1], -90, 90)])


def ways(lonlat: np.ndarray, values: np.ndarray, bins: LagBins) -> dict[str, Callable[[], Any]]:
    """Return every way through the photos; the first is the plain one."""
    random = np.random.default_rng(1)
    plain = partial(empirical_variogram, lonlat, values, bins)
    patches, scattered = kmeans_patches(lonlat, 50), random.integers(0, 50, POINTS)
    return {
        "plain": plain,
        "50 patches and their jackknife": lambda: jackknife(plain(patches=patches)),
        "50 scattered labels and their jackknife": lambda: jackknife(plain(patches=scattered)),
        "weights": partial(plain, weights=random.uniform(0.5, 2.0, POINTS)),
        "pairs of one of 1 000 sequences left out": partial(plain, exclude=random.integers(0, 1000, POINTS)),
        "4 sectors": partial(directional_variogram, lonlat, values, bins, AzimuthSector.evenly(4)),
        "8 sectors": partial(directional_variogram, lonlat, values, bins, AzimuthSector.evenly(8)),
        "999 permutations": partial(permutation_test, lonlat, values, bins),
    }


def measured(run: Callable[[], Any], plain: Callable[[], Any], rounds: int) -> np.ndarray:
    """Return the seconds of a way, and of a plain run before each: (rounds, 2)."""
    times = []
    for _ in range(rounds):
        stamps = [time.perf_counter()]
        for call in (plain, run):
            call()
            stamps.append(time.perf_counter())
        times.append(np.diff(stamps)[::-1])
    return np.array(times)


def main() -> None:
    """Write the page."""
    lonlat = clustered(0)
    values = np.random.default_rng(2).normal(size=(POINTS, ENTRIES)).astype(np.float32)
    rows = []
    for name, bins in BINS.items():
        found = ways(lonlat, values, bins)
        for way, run in found.items():
            run()  # compiles
            seconds = measured(run, found["plain"], FEW_ROUNDS if "permutations" in way else ROUNDS)
            ratio = np.sort(seconds[:, 0] / seconds[:, 1])
            rows.append(
                f"| {name} | {way} | {np.median(seconds[:, 0]):.3g} s "
                f"| {np.median(ratio):.3g} x ({ratio[0]:.3g} - {ratio[-1]:.3g}) |"
            )
            print(rows[-1])
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(
        "# What patches, weights, directions and permutations cost\n\n"
        f"Written by `docs/scripts/inference_cost.py`: {POINTS} photos with {ENTRIES} float32 entries, two thirds in "
        "60 towns, all\npairs on the WGS84 ellipsoid. Each way runs in turn with a plain `empirical_variogram`; the "
        "median of the seconds, and\nof the ratios with the smallest and the largest. "
        f"{usable_cores()} cores, {platform.system()} {platform.machine()}, numpy {np.__version__}.\n\n"
        "| bins | way | time | against plain |\n|---|---|--:|--:|\n" + "\n".join(rows) + "\n"
    )


if __name__ == "__main__":
    main()
