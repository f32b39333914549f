"""Run a job: its tasks anywhere, their sums merged in one order, so that the result has the same bits everywhere."""

import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

from variogeo._engine._class_sums import ClassSums, no_classes
from variogeo._engine._histogram import TermHistogram
from variogeo._engine._job import Job, Task
from variogeo._engine._sums import LagSums, no_histogram, no_sums
from variogeo._engine.running._executors import Executor, as_executor
from variogeo._engine.running._journal import Journal, open_journal
from variogeo._progress import progress_bar

_CELLS_AT_ONCE = 2**20
"""Cells of histograms that are added together."""


def run(job: Job, *, executor: Any = None, resume: str | os.PathLike[str] | None = None) -> LagSums:
    """Return the sums of all tasks of a job, added in the order of ``job.tasks()``.

    Parameters
    ----------
    job : Job
    executor : None, concurrent.futures.ProcessPoolExecutor, distributed.Client or Executor
        Where the tasks run; None: on threads of this process. The result has the same bits for all.
    resume : path, optional
        A folder in which each finished task is kept: a new one, an empty one, or that of an earlier run of the same
        job, which then goes on. Without it nothing is written. The folder stays when all is done, so that the same
        call returns at once; to begin anew, remove it.

    Returns
    -------
    LagSums
        Without totals over all ordered pairs, which are the caller's.

    Raises
    ------
    DataError
        For the folder of another job.
    RuntimeError
        When a task fails, its blocks named, or another run holds the folder.
    OSError
        When the folder cannot be written.
    TypeError, ValueError
        For an executor that cannot be used.

    Notes
    -----
    Ctrl-C ends the run after the tasks that are being worked on; what was finished stays in the folder.
    """
    chosen = as_executor(executor)
    if resume is None:
        return _merged(job, chosen, None)
    with open_journal(resume, job) as journal:
        try:
            return _merged(job, chosen, journal)
        except (KeyboardInterrupt, RuntimeError) as error:
            error.add_note(journal.state())
            raise


def _merged(job: Job, executor: Executor, journal: Journal | None) -> LagSums:
    """Return the sums of all tasks."""
    order = job.tasks()
    merge = _Merge(job, order)
    with progress_bar(len(order), doing="pairs", unit="task") as bar, closing(_all(job, executor, journal)) as results:
        for task, sums in results:
            merge.add(task, sums)
            bar.update()
    return merge.total()


def _all(job: Job, executor: Executor, journal: Journal | None) -> Generator[tuple[Task, LagSums], None, None]:
    """Yield what the journal holds, then what the executor finds; the latter is kept in the journal first."""
    found: set[Task] = set()
    if journal is not None:
        for task, sums in journal.finished():
            found.add(task)
            yield task, sums
    # Two rows of tasks side by side: a block is prepared once for both.
    rest = sorted((task for task in job.tasks() if task not in found), key=lambda task: (task[0] // 2, task[1], task))
    if not rest:
        return
    try:
        executor.start(job)
        for task, sums in executor.results(rest):
            if journal is not None:
                journal.keep(task, sums)
            yield task, sums
    finally:
        executor.stop()


class _Merge:
    """Adds sums in one order while they come in any."""

    def __init__(self, job: Job, order: list[Task]) -> None:
        self._place = {task: k for k, task in enumerate(order)}
        self._bins = job.bins
        self._sums = no_sums(job.bins, spread=job.spread)
        self._histograms = [self._sums.histogram]
        self._classes = [self._sums.classes]
        self._added = 0
        self._early: dict[int, LagSums] = {}

    def add(self, task: Task, sums: LagSums) -> None:
        """Take the sums of a task."""
        place = self._place.pop(task, None)
        if place is None:
            msg = (
                f"The executor yielded task {task}, which it was not given or had yielded before. Its results "
                "must yield each task of the job once."
            )
            raise RuntimeError(msg)
        # Counts add exactly, in any order: only the few numbers per bin of a task that came early are held.
        self._histograms.append(sums.histogram)
        if sum(len(histogram.cell) for histogram in self._histograms) > _CELLS_AT_ONCE:
            self._histograms = [TermHistogram.sum_of(self._histograms)]
        self._early[place] = replace(sums, histogram=no_histogram(self._bins))
        while self._added in self._early:
            following = self._early.pop(self._added)
            self._classes.append(following.classes)
            # Sums per class add like all others in one order, but many at once: each time costs a sort of all cells.
            if sum(map(len, self._classes[1:])) > max(_CELLS_AT_ONCE, len(self._classes[0])):
                self._classes = [ClassSums.sum_of(self._classes)]
            self._sums = self._sums + replace(following, classes=no_classes())
            self._added += 1

    def total(self) -> LagSums:
        """Return the sums of all tasks."""
        if self._place:
            msg = (
                f"The executor ended without {len(self._place)} tasks, the first of which is {min(self._place)}. Its "
                "results must yield each task of the job once."
            )
            raise RuntimeError(msg)
        return replace(
            self._sums, histogram=TermHistogram.sum_of(self._histograms), classes=ClassSums.sum_of(self._classes)
        )
