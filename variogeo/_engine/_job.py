"""Job: what there is to sum, cut into tasks that any thread, process or machine can do alone."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from variogeo._cores import usable_cores
from variogeo._distances import SpherePoints
from variogeo._engine._blocks import Blocks, blocks_of
from variogeo._engine._latest import Latest
from variogeo._engine._marks import Marks
from variogeo._engine._sums import LagSums
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

Task = tuple[int, int]
"""Two blocks, the first not after the second: all pairs of one with the other, or within one."""

TREE_FROM = 10_000
"""Points from which the dual tree is faster than all pairs; it knows no spread."""

LEAST_ROWS = 1024
"""Of a block, where there are as many points."""

_MOST_BYTES = {"dense": 2**24, "tree": 2**22}
"""Of the factors of a block; each thread works on two."""

_LARGEST_PART = {"dense": 0.0, "tree": 1 / 36}
"""Share of all points that a block may hold even so: the tree takes larger parts as a whole in larger blocks."""

_MOST_ROWS = {"dense": 8192, "tree": 32_768}

_LEAST_BLOCKS = 5

_KEPT_BYTES = 2**25
"""Of the factors of blocks that are kept for the next task."""


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
    marks : Marks
        With any, every pair is looked at.
    """

    points: SpherePoints
    terms: Terms
    bins: LagBins
    spread: bool
    blocks: Blocks
    marks: Marks = field(default_factory=Marks)

    @classmethod
    def of(
        cls, points: SpherePoints, terms: Terms, bins: LagBins, marks: Marks | None = None, *, spread: bool
    ) -> "Job":
        """Return the job with its blocks, which depend on the data alone."""
        marks = marks or Marks()
        n, row_bytes = len(points), terms.width * terms.precision().itemsize
        engine = engine_of(n, terms.width, spread=spread or marks.given or terms.roots > 0)
        most = max(_MOST_BYTES[engine] // row_bytes, int(n * _LARGEST_PART[engine]))
        wanted = min(most, -(-n // _LEAST_BLOCKS), _MOST_ROWS[engine])
        blocks = blocks_of(points.unit, terms.values, max(LEAST_ROWS, wanted), marks.patch)
        return cls(points, terms, bins, spread, blocks, marks)

    def tasks(self) -> list[Task]:
        """Return all tasks in the order in which their sums are merged."""
        return [(i, j) for i in range(len(self.blocks)) for j in range(i, len(self.blocks))]

    def sums(self, task: Task) -> LagSums:
        """Return the sums over the pairs of a task: the same bits wherever and whenever it runs."""
        from variogeo._engine.cpu._block_sums import block_sums

        first, second = task
        rows = self.blocks.rows(first), self.blocks.rows(second)
        side = self._sides[first]
        # The same one for pairs within a block: asked for twice, it might have been made anew.
        sides = side, side if first == second else self._sides[second]
        return block_sums(
            self.points, self.terms, self.bins, rows, sides, self.marks, spread=self.spread, summed=self.uses_tree
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields, without what was made of them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def uses_tree(self) -> bool:
        """Whether the dual tree does the work."""
        needs_all = self.spread or self.marks.given or self.terms.roots > 0
        return engine_of(len(self.points), self.terms.width, spread=needs_all) == "tree"

    @cached_property
    def _sides(self) -> Latest:
        """The prepared points of the blocks, shared by the threads that work on tasks."""
        from variogeo._engine.cpu._sides import side_of

        # Not the job itself, which would then hold its blocks in a circle until the garbage is collected.
        points, terms, blocks, summed = self.points, self.terms, self.blocks, self.uses_tree

        def prepare(block: int) -> Any:
            return side_of(points, terms, blocks.rows(block), summed=summed)

        largest = int(np.diff(blocks.starts).max()) * terms.width * terms.precision().itemsize
        # At least one for each thread, the one that they share and the next.
        return Latest(prepare, max(usable_cores() + 2, _KEPT_BYTES // largest))


def engine_of(n: int, width: int, *, spread: bool) -> str:
    """Return which engine works on n points; scalars have exact differences, and no products worth saving."""
    return "dense" if spread or n < TREE_FROM or width == 1 else "tree"
