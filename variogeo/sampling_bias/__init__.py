"""What uneven sampling does to a curve: weights of points, shares of places, and residuals of a trend."""

from variogeo.sampling_bias._comparison import WeightComparison, compare_weights
from variogeo.sampling_bias._density import capped_weights, density_weights, location_labels
from variogeo.sampling_bias._largest_shares import largest_shares
from variogeo.sampling_bias._residuals import residuals

__all__ = [
    "WeightComparison",
    "capped_weights",
    "compare_weights",
    "density_weights",
    "largest_shares",
    "location_labels",
    "residuals",
]
