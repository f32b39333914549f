"""Weights of points that were taken where people are: inverse local density, and a cap per place."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_number
from variogeo._distances import EARTH_RADIUS, HALF_GREAT_CIRCLE, one_spelling, prepare_points
from variogeo._label_codes import complete_codes
from variogeo._lonlat import check_lonlat


def density_weights(lonlat: Any, radius: float) -> NDArray[np.float64]:
    r"""Return the inverse local density of each point, scaled to a mean of 1.

    .. math:: w_i \propto \frac{1}{\#\{j : h_{ij} \le r\}}

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    radius : float, km
        Radius r of the neighbourhood, along a sphere of 6371.0088 km: the scale below which points are too many.

    Returns
    -------
    (n,) float64 array
        Positive, with a mean of 1. A pair counts as ``w_i w_j`` in `variogeo.empirical_variogram`.

    Raises
    ------
    ValueError
        For coordinates that are not degrees, no points, and a radius that is not positive or beyond half of the
        Earth's circumference.

    Notes
    -----
    A point is within its own neighbourhood, and so are all other points of its place. A point alone has the largest
    weight, so a few remote points can carry a curve: show it with and without weights.

    Examples
    --------
    Three photos of one place, and one elsewhere:

    >>> density_weights([[2.3, 48.9], [2.3, 48.9], [2.3, 48.9], [13.4, 52.5]], 10.0)
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    places = check_lonlat(lonlat)
    reach = check_number(radius, name="radius", above=0.0, unit="km")
    if reach > HALF_GREAT_CIRCLE:
        msg = f"Invalid radius '{reach}'. Must be at most {HALF_GREAT_CIRCLE:.0f} (km). Is it in metres?"
        raise ValueError(msg)
    _check_some(places)
    from variogeo.sampling_bias._neighbours import neighbours_within

    unit = prepare_points(places, "great_circle").unit
    weights = 1.0 / neighbours_within(unit, 2 * np.sin(reach / (2 * EARTH_RADIUS)))
    return weights / weights.mean()


def capped_weights(labels: Any, most: float) -> NDArray[np.float64]:
    """Return weights with which no group of points counts as more than ``most`` points.

    Definition: ``min(1, most / size of the group)``.

    Parameters
    ----------
    labels : (n,) array
        The group of each point, of any type: its place (`location_labels`), a cell
        (`variogeo.inference.cell_patches`), a sequence, a photographer.
    most : float
        At least 1.

    Returns
    -------
    (n,) float64 array
        At most 1. The sum over a group is its size or ``most``.

    Raises
    ------
    ValueError
        For points without a label, labels that are not one per point, no points, and ``most`` below 1.

    Examples
    --------
    >>> capped_weights(["quay", "quay", "quay", "quay", "hill"], most=2)
    array([0.5, 0.5, 0.5, 0.5, 1. ])
    """
    cap = check_number(most, name="most", at_least=1.0)
    codes = complete_codes(labels, np.shape(labels)[0] if np.ndim(labels) else 0, name="labels")
    _check_some(codes, name="labels")
    return np.minimum(1.0, cap / np.bincount(codes))[codes]


def location_labels(lonlat: Any) -> NDArray[np.intp]:
    """Return a number for each point that is the same for points of one place and no others.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.

    Returns
    -------
    (n,) int array
        From 0 to the number of places less one, in the order of longitude and latitude.

    Notes
    -----
    Places are equal when their numbers are: 180 and -180 degrees are one meridian, and a pole has one longitude.
    Coordinates that jitter by metres are different places: use cells for them.

    Examples
    --------
    >>> location_labels([[180.0, 10.0], [-180.0, 10.0], [5.0, 10.0]])
    array([0, 0, 1])
    """
    places = one_spelling(check_lonlat(lonlat))
    return np.unique(places, axis=0, return_inverse=True)[1].ravel()


def _check_some(points: NDArray[Any], *, name: str = "lonlat") -> None:
    """Refuse no points."""
    if not len(points):
        msg = f"{name} has 0 rows: no points to weight. Must have at least one."
        raise ValueError(msg)
