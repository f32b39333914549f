"""What a worker does: the sums of one task, with BLAS at one thread because tasks run side by side."""

import threading
from concurrent.futures import CancelledError
from functools import cache
from pathlib import Path
from typing import Any

from variogeo._engine._job import Job, Task
from variogeo._engine._sums import LagSums
from variogeo._engine.running._transport import Parcel


def sums_in_thread(job: Job, task: Task) -> LagSums:
    """Return the sums of a task of a job that is at hand."""
    with one_blas_thread:
        return job.sums(task)


def sums_in_process(folder: str, parcel: Parcel, task: Task) -> LagSums:
    """Return the sums of a task in a process of a pool, which keeps the job of the last folder.

    ``folder`` holds the arrays of the job and is there while the run goes on.
    """
    if not Path(folder).exists():
        raise CancelledError(folder)
    if folder not in _kept:
        _kept.clear()
        _kept[folder] = parcel
    return sums_in_thread(_kept[folder].job(), task)


def sums_of_parcel(parcel: Parcel, first: int, second: int) -> LagSums:
    """Return the sums of a task in a worker of Dask, which keeps the parcel while the run goes on."""
    # Two numbers and not a tuple, which Dask could take for a key.
    return sums_in_thread(parcel.job(), (first, second))


_kept: dict[str, Parcel] = {}


class _OneBlasThread:
    """Limits BLAS to one thread while at least one thread is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = _libraries().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


one_blas_thread = _OneBlasThread()


@cache
def _libraries() -> Any:
    """Return what controls the libraries of this process; numpy's BLAS is among them from the start."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
