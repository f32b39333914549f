"""How sure a curve is, and what it shows: errors from patches, intervals, tests."""

from variogeo.inference._bootstrap import bootstrap
from variogeo.inference._comparison import GroupComparison, compare_groups
from variogeo.inference._envelope import GlobalEnvelope, envelope
from variogeo.inference._fit_intervals import FitIntervals, ParameterInterval, fit_intervals
from variogeo.inference._jackknife import jackknife
from variogeo.inference._patches import cell_patches, kmeans_patches
from variogeo.inference._permutation import PermutationEnvelope, permutation_test
from variogeo.inference._uncertainty import CurveUncertainty

__all__ = [
    "CurveUncertainty",
    "FitIntervals",
    "GlobalEnvelope",
    "GroupComparison",
    "ParameterInterval",
    "PermutationEnvelope",
    "bootstrap",
    "cell_patches",
    "compare_groups",
    "envelope",
    "fit_intervals",
    "jackknife",
    "kmeans_patches",
    "permutation_test",
]
