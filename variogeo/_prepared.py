"""From the user's coordinates and values to points and terms, or a refusal."""

from typing import Any

from variogeo._checks import Dissimilarity, check_choice, check_same_length, check_values
from variogeo._distances import Metric, SpherePoints, prepare_points
from variogeo._engine import Terms
from variogeo._lonlat import check_lonlat


def prepared_points(lonlat: Any, metric: Metric) -> SpherePoints:
    """Return coordinates of at least two places, prepared for a metric."""
    check_choice(metric, Metric, name="metric")
    places = check_lonlat(lonlat)
    if len(places) < 2:
        msg = f"lonlat has {len(places)} rows: no pairs. A variogram needs at least two points."
        raise ValueError(msg)
    points = prepare_points(places, metric)
    if (points.lonlat == points.lonlat[0]).all():
        msg = f"lonlat has all {len(points)} points at one place: no lag but zero. Check the coordinates."
        raise ValueError(msg)
    return points


def prepared(lonlat: Any, values: Any, dissimilarity: Dissimilarity, metric: Metric) -> tuple[SpherePoints, Terms]:
    """Return points and terms of checked coordinates and values."""
    check_choice(dissimilarity, Dissimilarity, name="dissimilarity")
    points = prepared_points(lonlat, metric)
    checked = check_values(values, dissimilarity=dissimilarity)
    check_same_length(points, checked, names=("lonlat", "values"), item="photo")
    return points, Terms.of(checked, dissimilarity)
