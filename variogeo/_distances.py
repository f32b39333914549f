"""Lags between points: WGS84 geodesic, great circle and chord, in km.

The geodesic of a large block of pairs comes from a second-order series (Thomas) without
trigonometry per pair; `bounded_geodesic` states its error, and the exact inverse (Karney, through
pyproj) settles every pair that the error leaves open.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS = 6371.0088
"""Mean radius of the Earth, km (IUGG R1): the sphere of ``great_circle`` and ``chord``."""

HALF_GREAT_CIRCLE = np.pi * EARTH_RADIUS
"""The largest great-circle lag, km."""

WGS84_SEMI_MAJOR = 6378.137
"""Semi-major axis of WGS84, km."""

WGS84_FLATTENING = 1 / 298.257223563
"""Flattening of WGS84."""

SERIES_LIMIT = 19_500.0
"""Beyond this lag (km) the series loses its bound and the exact inverse is used."""

SERIES_RELATIVE_ERROR = 1e-7
SERIES_ABSOLUTE_ERROR = 1e-9
"""Bound of the series, km: ``1e-9 + 1e-7 h``, growing with the fourth power of the thousands of km beyond 16 000.
Measured against the exact inverse on 10 million pairs (uniform, near, meridional, polar, nearly antipodal;
docs/scripts/series_error.py): 3e-9 h from 1 to 10 000 km, 3.6e-8 h to 16 000 km, 1.6e-7 h to 18 000 km, 6.7e-7 h
to 19 000 km and 2.6e-6 h to 19 500 km."""

AZIMUTH_ERROR = 1.5e-5, 5e-5
"""Bound of a compiled azimuth on the ellipsoid, ``a + b tan^2(s / 2)`` with the arc s of the lag: radians times the
cosine of the latitude in the middle. At least twice what was measured (docs/scripts/azimuth_error.py)."""

Metric = Literal["geodesic", "great_circle", "chord"]


def exact_geodesic(lonlat_a: NDArray[np.float64], lonlat_b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the WGS84 geodesic (km) row by row, exact to 15 nanometres (Karney 2013)."""
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    a, b = np.atleast_2d(lonlat_a), np.atleast_2d(lonlat_b)
    metres = geod.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2]
    return np.asarray(metres, dtype=np.float64) / 1000.0


@dataclass(frozen=True, eq=False)
class SpherePoints:
    """Points prepared for a metric: unit vectors and the degrees they came from.

    Attributes
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude in [-180, 180], latitude; one spelling for each place.
    unit : (n, 3) float array
        Unit vectors; of the reduced latitude for the geodesic, of the latitude otherwise.
    metric : str
        The metric that the unit vectors were made for.
    """

    lonlat: NDArray[np.float64]
    unit: NDArray[np.float64]
    metric: Metric

    def __len__(self) -> int:
        return len(self.lonlat)

    def __getitem__(self, rows: slice) -> "SpherePoints":
        return SpherePoints(self.lonlat[rows], self.unit[rows], self.metric)


def prepare_points(lonlat: NDArray[np.float64], metric: Metric) -> SpherePoints:
    """Return checked coordinates with their unit vectors."""
    places = one_spelling(lonlat)
    longitude, latitude = np.radians(places).T
    if metric == "geodesic":
        latitude = np.arctan2((1 - WGS84_FLATTENING) * np.sin(latitude), np.cos(latitude))
    across = np.cos(latitude)
    unit = np.column_stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)])
    return SpherePoints(places, unit, metric)


def one_spelling(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return coordinates in which equal places are equal numbers: at 180 degrees and at the poles."""
    places = lonlat + 0.0
    places[places[:, 0] == 180.0, 0] = -180.0
    places[np.abs(places[:, 1]) == 90.0, 0] = 0.0
    return places


def distinct_places(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the different places (m, 2), and for each point which one it is at."""
    numbers = np.ascontiguousarray(one_spelling(lonlat)).view(np.complex128).reshape(-1)
    places, of_point = np.unique(numbers, return_inverse=True)
    return places.view(np.float64).reshape(-1, 2), of_point.reshape(-1)


def pairwise_lag(a: SpherePoints, b: SpherePoints) -> NDArray[np.float64]:
    """Return the (len(a), len(b)) lags in km; the geodesic within the stated error of its series."""
    quarter_chord2 = _quarter_square(a.unit, b.unit, -1.0)
    if a.metric == "chord":
        return 2 * EARTH_RADIUS * np.sqrt(quarter_chord2)
    # The same quantity towards the antipode: keeps the arc exact where the chord alone would not.
    quarter_antichord2 = _quarter_square(a.unit, b.unit, 1.0)
    arc = 2 * np.arctan2(np.sqrt(quarter_chord2), np.sqrt(quarter_antichord2))
    if a.metric == "great_circle":
        return EARTH_RADIUS * arc
    return _series_geodesic(a.unit[:, 2, None], b.unit[None, :, 2], arc, quarter_chord2, quarter_antichord2)


def series_error(lag: Any) -> Any:
    """Return the bound (km) on the error of the geodesic's series at ``lag`` <= `SERIES_LIMIT`."""
    beyond = np.maximum(lag - 16_000.0, 0.0) / 1000.0
    return SERIES_ABSOLUTE_ERROR + SERIES_RELATIVE_ERROR * lag * (1 + beyond**4)


def exact_beyond(metric: Metric) -> float:
    """Return the lag (km) beyond which only the exact formula counts."""
    return {"geodesic": SERIES_LIMIT, "great_circle": 20_000.0, "chord": np.inf}[metric]


def lag_error(lag: Any, metric: Metric) -> Any:
    """Return the bound (km) on the error of a compiled lag up to `exact_beyond`."""
    if metric == "geodesic":
        return series_error(lag)
    return 1e-10 * lag + 1e-12


def lag_of_pairs(points: SpherePoints, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the exact lag (km) of some pairs of points: 0 for equal places and for no others."""
    a, b = points.lonlat[first], points.lonlat[second]
    if points.metric == "geodesic":
        lag = exact_geodesic(a, b)
    else:
        lag = _lag_of_units(points.unit[first], points.unit[second], points.metric)
    return np.where((a == b).all(axis=1), 0.0, np.maximum(lag, np.nextafter(0, 1)))


def azimuth_of_pairs(points: SpherePoints, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the azimuth in [0, 180) of the shortest line between two points, at its middle.

    Degrees clockwise from north. There it is the same whichever end the line starts from, up to half a turn.
    """
    if points.metric != "geodesic":
        return _azimuth_on_sphere(points.unit[first], points.unit[second])
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    a, b = points.lonlat[first], points.lonlat[second]
    azimuth, _, metres = geod.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    back = geod.fwd(a[:, 0], a[:, 1], azimuth, np.asarray(metres) / 2)[2]
    return _half_turn(np.asarray(back, dtype=np.float64))


def _azimuth_on_sphere(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the azimuth at the middle of great circles, row by row of two arrays of unit vectors."""
    step = b - a
    east = a[:, 0] * step[:, 1] - a[:, 1] * step[:, 0]
    north = step[:, 2] * np.linalg.norm(a + b, axis=1) / 2
    return _half_turn(np.degrees(np.arctan2(east, north)))


def _half_turn(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return angles in [0, 180): a tiny negative one would be rounded to 180."""
    turned = degrees % 180.0
    return np.where(turned == 180.0, 0.0, turned)


def lag_along(lonlat_a: NDArray[np.float64], lonlat_b: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    """Return the exact lag in km, row by row, of two checked (n, 2) arrays."""
    if metric == "geodesic":
        return exact_geodesic(one_spelling(lonlat_a), one_spelling(lonlat_b))
    return _lag_of_units(prepare_points(lonlat_a, metric).unit, prepare_points(lonlat_b, metric).unit, metric)


def _lag_of_units(a: NDArray[np.float64], b: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    """Return the lag on the sphere (km), row by row, of two arrays of unit vectors."""
    chord = np.linalg.norm(a - b, axis=1)
    if metric == "chord":
        return EARTH_RADIUS * chord
    return 2 * EARTH_RADIUS * np.arctan2(chord, np.linalg.norm(a + b, axis=1))


def _quarter_square(a: NDArray[np.float64], b: NDArray[np.float64], sign: float) -> NDArray[np.float64]:
    """Return ``|a + sign b|^2 / 4`` for all pairs, from differences: exact at one metre."""
    total = np.zeros((len(a), len(b)))
    for axis in range(3):
        step = a[:, axis, None] + sign * b[None, :, axis]
        total += step * step
    return total / 4


def _series_geodesic(
    s1: NDArray[np.float64],
    s2: NDArray[np.float64],
    arc: NDArray[np.float64],
    near: NDArray[np.float64],
    far: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return Thomas' second-order geodesic in km.

    ``s1, s2`` are sines of the reduced latitudes; ``near = sin^2(arc/2)``, ``far = cos^2(arc/2)``.
    Thomas, P. D. (1970), Spheroidal geodesics, reference systems and local geometry, SP-138,
    with sigma/sin(sigma) = t.
    """
    near_or_one, far_or_one = np.where(near > 0, near, 1.0), np.where(far > 0, far, 1.0)
    u = (s1 + s2) ** 2 / (2 * far_or_one)
    v = (s1 - s2) ** 2 / (2 * near_or_one)
    sine = 2 * np.sqrt(near * far)
    t = arc / np.where(sine > 0, sine, 1.0)
    total, gap = u + v, u - v
    e = 2 * (far - near)
    d = 4 * t * t
    a = d * e
    b = 2 * d
    c = t - (a - e) / 2
    first = t * total - gap
    second = total * (a + c * total) - gap * (b + e * gap) + d * total * gap
    f = WGS84_FLATTENING
    series = WGS84_SEMI_MAJOR * sine * (t - f / 4 * first + f * f / 64 * second)
    # At the antipode the series is 0/0; the arc is good enough to send the pair to the exact inverse.
    return np.where(far > 1e-6, series, EARTH_RADIUS * arc)
