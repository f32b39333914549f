"""Weighting schemes: from (lag, dissimilarity) to the log-weight of a negative."""

from variogeo._weighting._base import WEIGHTINGS, SumWeighting, Weighting, is_listed, landmarks_by_lag
from variogeo._weighting._decorrelation import DecorrelationWeighting
from variogeo._weighting._lag_only import SAME_PLACE, FarWeighting, MaskWeighting, NearWeighting, UniformWeighting
from variogeo._weighting._lag_spread import LagSpread
from variogeo._weighting._residual import ResidualWeighting
from variogeo._weighting._row_mean import row_mean_one
from variogeo._weighting._thesis import ThesisMultiplier

__all__ = [
    "SAME_PLACE",
    "WEIGHTINGS",
    "DecorrelationWeighting",
    "FarWeighting",
    "LagSpread",
    "MaskWeighting",
    "NearWeighting",
    "ResidualWeighting",
    "SumWeighting",
    "ThesisMultiplier",
    "UniformWeighting",
    "Weighting",
    "is_listed",
    "landmarks_by_lag",
    "row_mean_one",
]
