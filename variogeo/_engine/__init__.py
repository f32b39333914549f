"""Exact engines: from points and values to sums per lag bin. One door, `accumulate`."""

from variogeo._engine._accumulate import accumulate, accumulate_sample
from variogeo._engine._cost import check_cost
from variogeo._engine._histogram import TermHistogram
from variogeo._engine._sums import LagSums, sums_of_pairs
from variogeo._engine._terms import Terms

__all__ = ["LagSums", "TermHistogram", "Terms", "accumulate", "accumulate_sample", "check_cost", "sums_of_pairs"]
