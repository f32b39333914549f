"""Measure the compiled azimuth against the exact geodesic: the bound in ``_distances.py``.

``python docs/scripts/azimuth_error.py`` draws 1.2 million pairs and prints the largest error per class of lags, up to
the lag from which on every pair is settled by the exact geodesic.
"""

import numpy as np
from pyproj import Geod

from variogeo._distances import AZIMUTH_ERROR, SERIES_LIMIT, exact_geodesic, prepare_points
from variogeo._engine.cpu._compiled import GEODESIC
from variogeo._engine.cpu._marked import _directions
from variogeo.synthetic import uniform_lonlat

COUNT = 400_000
GEOD = Geod(ellps="WGS84")


def compiled_direction(a, b, lag):
    """Return the compiled direction of each pair, (east, north) over the sine of its arc, and its squared half sine."""
    east, north, margin = np.empty((3, len(lag)))
    for k in range(len(lag)):
        one, other = a[k : k + 1].T.copy(), b[k : k + 1].T.copy()
        _directions(
            GEODESIC, *one, 0, 1, *other, 1, 0, lag[k : k + 1], east[k : k + 1], north[k : k + 1], margin[k : k + 1]
        )
    near = np.square(b - a).sum(axis=1) / 4
    sine = 2 * np.sqrt(near * np.maximum(1 - near, 1e-12))
    return east / sine, north / sine, near


def errors(first, second):
    """Return the error of the direction across the exact azimuth, and the share of its bound, and the lag (km)."""
    lag = exact_geodesic(first, second)
    distinct = lag > 1e-6
    first, second, lag = first[distinct], second[distinct], lag[distinct]
    a, b = prepare_points(first, "geodesic").unit, prepare_points(second, "geodesic").unit
    azimuth, _, metres = GEOD.inv(*first.T, *second.T)
    back = np.radians(np.asarray(GEOD.fwd(*first.T, azimuth, np.asarray(metres) / 2)[2]))
    east, north, near = compiled_direction(a, b, lag)
    # Whichever way the line runs, across it there is nothing but the error.
    error = np.abs(east * np.cos(back) - north * np.sin(back))
    return error, error / (AZIMUTH_ERROR[0] + AZIMUTH_ERROR[1] * near / np.maximum(1 - near, 1e-12)), lag


def main() -> None:
    """Print the largest error, radians times the cosine of the latitude, by kind of pair and lag."""
    random = np.random.default_rng(0)
    first, uniform = uniform_lonlat(COUNT, seed=1), uniform_lonlat(COUNT, seed=2)
    step = 10 ** random.uniform(-4, 1.5, COUNT)
    turn = random.uniform(0, 2 * np.pi, COUNT)
    across = np.maximum(np.cos(np.radians(first[:, 1])), 0.01)
    near = np.column_stack([first[:, 0] + step * np.sin(turn) / across, first[:, 1] + step * np.cos(turn)])
    near = np.column_stack([(near[:, 0] + 180) % 360 - 180, np.clip(near[:, 1], -90, 90)])
    antipodes = np.column_stack([(near[:, 0] + 360) % 360 - 180, -near[:, 1]])
    for name, second in (("uniform", uniform), ("near", near), ("nearly antipodal", antipodes)):
        error, share, lag = errors(first, second)
        for low, high in (
            (0, 100),
            (100, 5000),
            (5000, 10_000),
            (10_000, 16_000),
            (16_000, 19_000),
            (19_000, SERIES_LIMIT),
        ):
            some = (lag > low) & (lag <= high)
            if some.any():
                print(
                    f"{name:17s}{low:7d}..{high:8g} km  {error[some].max():.1e}  {share[some].max():.2f} of the bound"
                )


if __name__ == "__main__":
    main()
