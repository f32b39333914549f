"""The decorator of compiled loops, and the loops that turn coordinates into lags.

This and the modules that import it are imported only when an engine runs, because numba takes a second to load.
"""

import math

import numba
import numpy as np

from variogeo._distances import EARTH_RADIUS, WGS84_FLATTENING, WGS84_SEMI_MAJOR

GEODESIC, GREAT_CIRCLE, CHORD = 0, 1, 2
METRICS = {"geodesic": GEODESIC, "great_circle": GREAT_CIRCLE, "chord": CHORD}

compiled = numba.njit(
    nogil=True,
    cache=True,
    error_model="numpy",
    # No assumption about NaN or infinity; sums may be reordered, always in the same way.
    fastmath={"contract", "reassoc", "arcp", "nsz"},
)

# asin(sqrt(m)) / sqrt(m) on 0 <= m <= 1/2: Chebyshev fit of degree 15, relative error below 1e-14.
_m = (1 - np.cos(np.pi * (np.arange(400) + 0.5) / 400)) / 4
_fit = np.polynomial.Chebyshev.fit(_m, np.arcsin(np.sqrt(_m)) / np.sqrt(_m), 15, domain=[0, 0.5])
_A = tuple(float(a) for a in _fit.convert(kind=np.polynomial.Polynomial, domain=[-1, 1], window=[-1, 1]).coef)
_A0, _A1, _A2, _A3, _A4, _A5, _A6, _A7, _A8, _A9, _A10, _A11, _A12, _A13, _A14, _A15 = _A


@compiled
def _half_arc_ratio(m):
    """Return asin(sqrt(m)) / sqrt(m) for 0 <= m <= 1/2."""
    high = _A8 + m * (_A9 + m * (_A10 + m * (_A11 + m * (_A12 + m * (_A13 + m * (_A14 + m * _A15))))))
    return _A0 + m * (_A1 + m * (_A2 + m * (_A3 + m * (_A4 + m * (_A5 + m * (_A6 + m * (_A7 + m * high)))))))


@compiled
def _arc(near, far):
    """Return the arc whose half has the squared sine ``near`` and the squared cosine ``far``."""
    smaller = near if near <= 0.5 else far
    part = 2.0 * math.sqrt(smaller) * _half_arc_ratio(smaller)
    return part if near <= 0.5 else math.pi - part


@compiled
def geodesic(dx, dy, dz, z_sum):
    """Return Thomas' second-order geodesic (km); see `variogeo._distances._series_geodesic`."""
    near = max((dx * dx + dy * dy + dz * dz) * 0.25, 1e-300)
    # Nearer to the antipode the series would fall far below the lags that are settled exactly.
    far = max(1.0 - near, 1e-6)
    arc = _arc(near, far)
    both = near * far
    inverse = 0.5 / both
    u = z_sum * z_sum * near * inverse
    v = dz * dz * far * inverse
    sine = 2.0 * math.sqrt(both)
    t = arc / sine
    total, gap = u + v, u - v
    e = 2.0 * (far - near)
    d = 4.0 * t * t
    a = d * e
    c = t - (a - e) * 0.5
    first = t * total - gap
    second = total * (a + c * total) - gap * (2.0 * d + e * gap) + d * total * gap
    f = WGS84_FLATTENING
    return WGS84_SEMI_MAJOR * sine * (t - f / 4.0 * first + f * f / 64.0 * second)


@compiled
def row_lags(metric, x, y, z, bx, by, bz, lag):
    """Write the lags (km) of one point to many into ``lag``."""
    leaf_lags(metric, (x,), (y,), (z,), 0, 1, bx, by, bz, lag.shape[0], 0, lag)


@compiled
def leaf_lags(metric, ax, ay, az, first, rows, bx, by, bz, count, later, lag):
    """Write the lags (km) of some points from ``first`` on to the first ``count`` others, row after row.

    Row i begins at column ``later * (i + 1)``. Nothing is sliced and no function gets a row: with a few dozen columns
    either would take longer than the lags.
    """
    place, stop = np.uint64(0), np.uint64(count)
    for i in range(rows):
        x, y, z = ax[first + i], ay[first + i], az[first + i]
        start = np.uint64(later * (i + 1))
        # May be less than nothing, which unsigned numbers stand.
        shift = place - start
        if metric == GEODESIC:
            for j in range(start, stop):
                lag[shift + j] = geodesic(bx[j] - x, by[j] - y, bz[j] - z, bz[j] + z)
        elif metric == GREAT_CIRCLE:
            for j in range(start, stop):
                dx, dy, dz = bx[j] - x, by[j] - y, bz[j] - z
                near = (dx * dx + dy * dy + dz * dz) * 0.25
                lag[shift + j] = EARTH_RADIUS * _arc(near, max(1.0 - near, 0.0))
        else:
            for j in range(start, stop):
                dx, dy, dz = bx[j] - x, by[j] - y, bz[j] - z
                lag[shift + j] = EARTH_RADIUS * math.sqrt(dx * dx + dy * dy + dz * dz)
        place = shift + stop if start < stop else place


@compiled
def one_lag(metric, x, y, z, bx, by, bz):
    """Return the lag (km) of one pair."""
    dx, dy, dz = bx - x, by - y, bz - z
    near = (dx * dx + dy * dy + dz * dz) * 0.25
    if metric == GEODESIC:
        return geodesic(dx, dy, dz, bz + z)
    if metric == GREAT_CIRCLE:
        return EARTH_RADIUS * _arc(near, max(1.0 - near, 0.0))
    return 2.0 * EARTH_RADIUS * math.sqrt(near)
