"""Where a curve does not hold: the mean excess of each photo, and the pairs that differ most from what is expected."""

from variogeo.local._excess import local_excess
from variogeo.local._hot_pairs import hot_pairs
from variogeo.local._kind_counts import PairKindCounts, count_pair_kinds
from variogeo.local._kinds import PairKind

__all__ = ["PairKind", "PairKindCounts", "count_pair_kinds", "hot_pairs", "local_excess"]
