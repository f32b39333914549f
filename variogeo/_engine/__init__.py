"""Exact engines: from points and values to sums per lag bin. One door, `accumulate`."""

from variogeo._engine._accumulate import accumulate, accumulate_sample, weighted_sums
from variogeo._engine._class_sums import ClassSums, no_classes
from variogeo._engine._cost import check_cost, check_cost_alone
from variogeo._engine._histogram import TermHistogram
from variogeo._engine._marks import Marks
from variogeo._engine._sums import LagSums, no_sums, sums_of_pairs
from variogeo._engine._terms import Terms

__all__ = [
    "ClassSums",
    "LagSums",
    "Marks",
    "TermHistogram",
    "Terms",
    "accumulate",
    "accumulate_sample",
    "check_cost",
    "check_cost_alone",
    "no_classes",
    "no_sums",
    "sums_of_pairs",
    "weighted_sums",
]
