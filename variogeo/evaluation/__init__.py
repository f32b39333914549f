"""Geolocation accuracy, what a gallery bounds, and how far the variograms of two feature spaces differ."""

from variogeo.evaluation._errors import (
    accuracy_within,
    error_quantiles,
    geolocation_error,
    geoscore,
    geoscores,
    mean_error,
    median_error,
)
from variogeo.evaluation._gallery import nearest_places, recall_at_k
from variogeo.evaluation._misfit import variogram_misfit

__all__ = [
    "accuracy_within",
    "error_quantiles",
    "geolocation_error",
    "geoscore",
    "geoscores",
    "mean_error",
    "median_error",
    "nearest_places",
    "recall_at_k",
    "variogram_misfit",
]
