"""Job: what there is to sum, cut into tasks that any thread, process or machine can do alone."""

from dataclasses import dataclass

import numpy as np

from variogeo._distances import SpherePoints
from variogeo._engine._sums import LagSums, no_sums
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

Task = tuple[int, int]
"""Two blocks, the first not after the second: all pairs of one with the other, or within one."""


@dataclass(frozen=True, eq=False)
class Job:
    """All pairs of some points, to be summed per bin.

    Attributes
    ----------
    points : SpherePoints
    terms : Terms
    bins : LagBins
    spread : bool
        Whether squares, roots and histogram are wanted.
    """

    points: SpherePoints
    terms: Terms
    bins: LagBins
    spread: bool

    def tasks(self) -> list[Task]:
        """Return all tasks in the order in which their sums are merged."""
        raise NotImplementedError

    def sums(self, task: Task) -> LagSums:
        """Return the sums over the pairs of a task: the same bits wherever and whenever it runs."""
        raise NotImplementedError
