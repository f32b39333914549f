"""Geolocation errors in geodesic km, and the usual summaries of them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_number, check_same_length
from variogeo._distances import lag_along
from variogeo._lonlat import check_lonlat

_GEOSCORE_SCALE = 1492.7
"""Decay of the GeoScore, km (Haas et al. 2023, PIGEON)."""


def geolocation_error(predicted: Any, true: Any) -> NDArray[np.float64]:
    """Return the WGS84 geodesic between predicted and true places, km.

    Parameters
    ----------
    predicted, true : (n, 2) float array, degrees
        Longitude then latitude, WGS84, row by row.

    Returns
    -------
    (n,) float array, km

    Examples
    --------
    >>> from variogeo.evaluation import geolocation_error
    >>> geolocation_error([[179.999, 0.0]], [[-179.999, 0.0]]).round(3)
    array([0.223])
    """
    places, truth = check_lonlat(predicted, name="predicted"), check_lonlat(true, name="true")
    check_same_length(places, truth, names=("predicted", "true"), item="photo")
    if not len(places):
        msg = "predicted and true have no rows: no error to measure. Must have one row per photo."
        raise ValueError(msg)
    return lag_along(places, truth, "geodesic")


def accuracy_within(predicted: Any, true: Any, km: Iterable[float] = (1, 25, 200, 750, 2500)) -> dict[float, float]:
    """Return the share of predictions within each distance: street, city, region, country, continent.

    Parameters
    ----------
    predicted, true : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    km : sequence of float
        Distances, km; a prediction at exactly a distance is within it.

    Returns
    -------
    dict
        Distance to share in 0..1, in the order of ``km``.

    Examples
    --------
    >>> from variogeo.evaluation import accuracy_within
    >>> accuracy_within([[0, 0], [0, 0]], [[0, 0.1], [0, 10]])
    {1: 0.0, 25: 0.5, 200: 0.5, 750: 0.5, 2500: 1.0}
    """
    if not isinstance(km, Iterable):
        msg = f"Invalid km {km!r}. Must be a sequence of distances, e.g. (25,)."
        raise TypeError(msg)
    error = geolocation_error(predicted, true)
    return {distance: float(np.mean(error <= check_number(distance, name="km", above=0.0))) for distance in km}


def median_error(predicted: Any, true: Any) -> float:
    """Return the median geodesic error, km."""
    return float(np.median(geolocation_error(predicted, true)))


def mean_error(predicted: Any, true: Any) -> float:
    """Return the mean geodesic error, km."""
    return float(np.mean(geolocation_error(predicted, true)))


def geoscores(predicted: Any, true: Any) -> NDArray[np.float64]:
    """Return the GeoScore of each prediction, 0..5000; see `geoscore`."""
    return geoscores_of(geolocation_error(predicted, true))


def geoscores_of(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the GeoScore of each error in km."""
    return 5000.0 * np.exp(-error / _GEOSCORE_SCALE)


def geoscore(predicted: Any, true: Any) -> float:
    """Return the mean GeoScore, 0..5000: ``5000 exp(-error / 1492.7 km)``.

    References
    ----------
    .. [1] Haas, L. et al. (2023). PIGEON: predicting image geolocations. arXiv 2307.05845.
    """
    return float(np.mean(geoscores(predicted, true)))


def error_quantiles(
    predicted: Any, true: Any, probabilities: Iterable[float] = (0.9, 0.95, 0.99)
) -> dict[float, float]:
    """Return quantiles of the geodesic error: the tail that median and mean do not show.

    Parameters
    ----------
    predicted, true : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    probabilities : sequence of float
        Each in 0..1.

    Returns
    -------
    dict
        Probability to error in km, in the order of ``probabilities``; linear between two errors.

    Raises
    ------
    ValueError
        For a probability outside 0..1.

    Notes
    -----
    With fewer than ``1 / (1 - p)`` photos the quantile is little more than the largest error.

    Examples
    --------
    >>> from variogeo.evaluation import error_quantiles
    >>> quantiles = error_quantiles([[0, 0], [0, 0]], [[0, 0], [90, 0]], probabilities=(0.5, 1.0))
    >>> {p: round(km) for p, km in quantiles.items()}
    {0.5: 5009, 1.0: 10019}
    """
    if not isinstance(probabilities, Iterable):
        msg = f"Invalid probabilities {probabilities!r}. Must be a sequence, e.g. (0.9,)."
        raise TypeError(msg)
    error = geolocation_error(predicted, true)
    return {probability: float(np.quantile(error, _share(probability))) for probability in probabilities}


def _share(probability: float) -> float:
    """Return a probability, or refuse it."""
    share = check_number(probability, name="probabilities", at_least=0.0)
    if share > 1:
        msg = f"Invalid probabilities '{probability}'. Must be at most 1."
        raise ValueError(msg)
    return share
