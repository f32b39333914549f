"""Job: what there is to sum, cut into tasks that any thread, process or machine can do alone."""

import threading
import weakref
from dataclasses import dataclass
from typing import Any

from variogeo._distances import SpherePoints
from variogeo._engine._blocks import Blocks, blocks_of
from variogeo._engine._sums import LagSums
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

Task = tuple[int, int]
"""Two blocks, the first not after the second: all pairs of one with the other, or within one."""

TREE_FROM = 10_000
"""Points from which the dual tree is faster than all pairs; it knows no spread."""

LEAST_ROWS = 1024
"""Of a block, where there are as many points."""

_MOST_BYTES = {"dense": 2**24, "tree": 2**26}
"""Of the factors of a block; each thread holds two."""

_MOST_ROWS = {"dense": 8192, "tree": 32_768}

_LEAST_BLOCKS = {"dense": 4, "tree": 8}


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
    blocks : Blocks
    """

    points: SpherePoints
    terms: Terms
    bins: LagBins
    spread: bool
    blocks: Blocks

    @classmethod
    def of(cls, points: SpherePoints, terms: Terms, bins: LagBins, *, spread: bool) -> "Job":
        """Return the job with its blocks, which depend on the data alone."""
        n, row_bytes = len(points), terms.width * terms.precision().itemsize
        engine = _engine(n, terms.width, spread=spread)
        wanted = min(_MOST_BYTES[engine] // row_bytes, -(-n // _LEAST_BLOCKS[engine]), _MOST_ROWS[engine])
        return cls(points, terms, bins, spread, blocks_of(points.unit, terms.values, max(LEAST_ROWS, wanted)))

    def tasks(self) -> list[Task]:
        """Return all tasks in the order in which their sums are merged."""
        return [(i, j) for i in range(len(self.blocks)) for j in range(i, len(self.blocks))]

    def sums(self, task: Task) -> LagSums:
        """Return the sums over the pairs of a task: the same bits wherever and whenever it runs."""
        from variogeo._engine.cpu._block_sums import block_sums

        rows = self.blocks.rows(task[0]), self.blocks.rows(task[1])
        sides = self._side(task[0], task), self._side(task[1], task)
        return block_sums(
            self.points, self.terms, self.bins, rows, sides, spread=self.spread, summed=self.uses_tree
        )

    @property
    def uses_tree(self) -> bool:
        """Whether the dual tree does the work."""
        return _engine(len(self.points), self.terms.width, spread=self.spread) == "tree"

    def _side(self, block: int, task: Task) -> Any:
        """Return the prepared points of a block; each thread keeps those of its last task."""
        from variogeo._engine.cpu._sides import side_of

        # Weakly, so that a worker which waits for other work does not hold the points.
        if getattr(_kept, "job", lambda: None)() is not self:
            _kept.job, _kept.sides = weakref.ref(self), {}
        _kept.sides = {kept: side for kept, side in _kept.sides.items() if kept in task}
        if block not in _kept.sides:
            rows = self.blocks.rows(block)
            _kept.sides[block] = side_of(self.points, self.terms, rows, summed=self.uses_tree)
        return _kept.sides[block]


def _engine(n: int, width: int, *, spread: bool) -> str:
    """Return which engine works on n points; scalars have exact differences, and no products worth saving."""
    return "dense" if spread or n < TREE_FROM or width == 1 else "tree"


_kept = threading.local()
