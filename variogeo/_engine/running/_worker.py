"""What a worker process does: the sums of one task."""

from concurrent.futures import CancelledError
from pathlib import Path

from variogeo._engine._job import Task
from variogeo._engine._sums import LagSums
from variogeo._engine.running._transport import Parcel


def sums_in_process(folder: str, parcel: Parcel, task: Task) -> LagSums:
    """Return the sums of a task in a process of a pool, which keeps the job of the last folder.

    ``folder`` holds the arrays of the job and is there while the run goes on.
    """
    if not Path(folder).exists():
        raise CancelledError(folder)
    if folder not in _kept:
        _kept.clear()
        _kept[folder] = parcel
    return _kept[folder].job().sums(task)


def sums_of_parcel(parcel: Parcel, first: int, second: int) -> LagSums:
    """Return the sums of a task in a worker of Dask, which keeps the parcel while the run goes on."""
    # Two numbers and not a tuple, which Dask could take for a key.
    return parcel.job().sums((first, second))


_kept: dict[str, Parcel] = {}
