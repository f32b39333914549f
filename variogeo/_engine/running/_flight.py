"""Flight: the tasks that are under way, whatever kind of pool runs them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from itertools import islice

import numpy as np

from variogeo._checks import listed_rows
from variogeo._engine._job import Job, Task
from variogeo._engine._sums import LagSums

_MOST_LOST = 3
"""Times that a task may be lost with its worker before the run gives up."""


class Flight:
    """Tasks handed over and not yet back: at most a given number at once."""

    def __init__(self) -> None:
        self._futures: dict[Future[LagSums], Task] = {}

    def open(self, job: Job, submit: Callable[[Task], Future[LagSums]], most: int) -> None:
        """Say how a task is handed over, and how many may be under way."""
        self._job, self._submit, self._most = job, submit, most

    def cancel(self) -> None:
        """Withdraw the tasks that have not begun; those that run are left to end."""
        self._futures = {future: task for future, task in self._futures.items() if not future.cancel()}

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, LagSums]]:
        """Yield each task with its sums, as they finish.

        After a failure no task is begun, those that run are yielded, then it is raised.
        """
        waiting, times_lost, failure = iter(tasks), Counter[Task](), None
        self._send(islice(waiting, self._most))
        while self._futures:
            ended = [(self._futures.pop(future), future) for future in self._done()]
            lost = [task for task, future in ended if _is_lost(future)]
            times_lost.update(lost)
            for task, future in ended:
                error = self._error(task, future, times_lost[task])
                failure = failure or error
                if error is None and task not in lost:
                    yield task, future.result()
            if failure is None:
                self._send(lost)
                self._send(islice(waiting, len(ended) - len(lost)))
            else:
                self.cancel()
        if failure is not None:
            raise failure

    def _done(self) -> list[Future[LagSums]]:
        """Wait until at least one task is back."""
        return list(wait(self._futures, return_when=FIRST_COMPLETED).done)

    def _send(self, tasks: Iterable[Task]) -> None:
        """Hand tasks over."""
        for task in tasks:
            try:
                self._futures[self._submit(task)] = task
            except BrokenExecutor as error:
                raise _broken(error) from error

    def _error(self, task: Task, future: Future[LagSums], times_lost: int) -> BaseException | None:
        """Return what to raise for a task that is back, or None."""
        if _is_lost(future):
            cause, text = None, f"its workers were lost {times_lost} times. Killed, or out of memory?"
            if times_lost < _MOST_LOST:
                return None
        else:
            cause = future.exception()
            text = f"{type(cause).__name__}: {cause}"
            if isinstance(cause, BrokenExecutor):
                return _broken(cause)
            if cause is None or not isinstance(cause, Exception):
                return cause
        failure = RuntimeError(f"{self._pairs(task)} could not be summed: {text}")
        failure.__cause__ = cause
        return failure

    def _pairs(self, task: Task) -> str:
        """Return which pairs a task sums, in words."""
        named = [f"block {block} (rows {listed_rows(np.sort(self._job.blocks.rows(block)))})" for block in task]
        return f"The pairs within {named[0]}" if task[0] == task[1] else f"The pairs of {named[0]} with {named[1]}"


def _is_lost(future: Future[LagSums]) -> bool:
    """Whether a task came back without sums and without an error of its own."""
    return future.cancelled() or isinstance(future.exception(), CancelledError)


def _broken(cause: BrokenExecutor) -> RuntimeError:
    """Return the error of a pool that lost a worker."""
    failure = RuntimeError(
        "A worker of the pool ended abruptly: killed, out of memory, or the pool is not made under "
        f"'if __name__ == \"__main__\":' ({cause}). Make a new pool."
    )
    failure.__cause__ = cause
    return failure
