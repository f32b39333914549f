"""Jobs for the tests of executors and journals, importable in worker processes."""

import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from variogeo import LagBins
from variogeo._distances import SpherePoints, prepare_points
from variogeo._engine._blocks import Blocks
from variogeo._engine._job import Job
from variogeo._engine._marks import Marks
from variogeo._engine._sums import LagSums, no_sums, sums_of_pairs


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """What a journal knows of the terms."""

    values: Any
    dissimilarity: str = "half_squared"


@dataclasses.dataclass(frozen=True, eq=False)
class PlainJob:
    """All pairs of a few points by plain means, with what can go wrong on order."""

    points: SpherePoints
    terms: Values
    bins: LagBins
    spread: bool
    blocks: Blocks
    marks: Marks = dataclasses.field(default_factory=Marks)
    seconds: float = 0.0
    """Time that a task takes."""
    trace: str | None = None
    """Folder in which each task leaves a file each time it is done."""
    broken: tuple[int, int] | None = None
    """Task that raises ``error``."""
    error: BaseException = dataclasses.field(default_factory=lambda: ValueError("a bad photo"))
    fatal: tuple[int, int] | None = None
    """Task that kills its process the first ``deaths`` times."""
    deaths: int = 1

    def tasks(self):
        """Return all tasks in the order of their merge."""
        return [(i, j) for i in range(len(self.blocks)) for j in range(i, len(self.blocks))]

    def sums(self, task) -> LagSums:
        """Return the sums of a task, or fail."""
        time.sleep(self.seconds)
        if task == self.fatal and len(list(Path(self.trace).glob("death-*"))) < self.deaths:
            (Path(self.trace) / f"death-{time.time_ns()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if task == self.broken:
            raise self.error
        i, j = (self.blocks.rows(block) for block in task)
        first, second = (
            np.triu_indices(len(i), 1) if task[0] == task[1] else np.indices((len(i), len(j))).reshape(2, -1)
        )
        first, second = i[first], j[second]
        lag = 6371.0 * np.linalg.norm(self.points.unit[first] - self.points.unit[second], axis=1)
        term = np.square(self.terms.values[first] - self.terms.values[second]).sum(axis=1) / 2
        if self.trace is not None:
            (Path(self.trace) / f"done-{task[0]}-{task[1]}-{time.time_ns()}").touch()
        return sums_of_pairs(lag, term, self.bins, spread=self.spread)


@dataclasses.dataclass(frozen=True, eq=False)
class TreeJob(Job):
    """A job that uses the tree for any number of points, in a worker process as well."""

    @property
    def uses_tree(self):
        """Whether the dual tree does the work."""
        return True


def plain_job(count=8, **changes) -> PlainJob:
    """Return a job of ``count`` blocks of 20 points, so ``count (count + 1) / 2`` tasks."""
    random = np.random.default_rng(5)
    n = 20 * count
    lonlat = random.uniform((-180, -90), (180, 90), (n, 2))
    job = PlainJob(
        prepare_points(lonlat, "chord"),
        Values(random.normal(size=(n, 3))),
        LagBins([0.0, 1000.0, 5000.0, 9000.0]),
        True,
        Blocks(random.permutation(n), np.arange(0, n + 1, 20)),
    )
    return dataclasses.replace(job, **changes)


def added_in_order(job) -> LagSums:
    """Return the sums of all tasks, one after the other."""
    total = no_sums(job.bins, spread=job.spread)
    for task in job.tasks():
        total = total + job.sums(task)
    return total


def times_done(trace, task=None) -> int:
    """Return how often the tasks, or one, were done."""
    return len(list(Path(trace).glob("done-*" if task is None else f"done-{task[0]}-{task[1]}-*")))
