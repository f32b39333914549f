"""Where tasks run: on threads of this process, on a pool of processes, on the workers of Dask."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from variogeo._checks import check_number
from variogeo._cores import usable_cores
from variogeo._engine._job import Job, Task
from variogeo._engine._sums import LagSums
from variogeo._engine.running._flight import Flight
from variogeo._engine.running._transport import Parcel, packed, packed_into
from variogeo._engine.running._worker import sums_in_process, sums_of_parcel

_RETRIES = 2
"""Times that a task of Dask that raised is repeated, and sending the data."""

_PAUSE = 0.5
"""Seconds before the data are sent again."""

_LEAST_UNDER_WAY = 32
"""Tasks that the scheduler of Dask has at hand, so that workers which join later find some."""


@runtime_checkable
class Executor(Protocol):
    """What `empirical_variogram` needs of an ``executor``; any object with these three methods will do."""

    def start(self, job: Job) -> None:
        """Give the job to every worker, once.

        Parameters
        ----------
        job : Job
            Has ``tasks()`` and ``sums(task)``; frozen. Its arrays are large and its memory maps are not to be copied.
        """
        ...

    def results(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, LagSums]]:
        """Yield each task once with its sums, as they finish, in any order.

        Parameters
        ----------
        tasks : list of (int, int)
            Not empty. Those that come first are needed first.

        Yields
        ------
        (int, int), LagSums
            The task and ``job.sums(task)``.

        Raises
        ------
        RuntimeError
            When a task fails; what was under way beside it is yielded before, where it can be.
        """
        ...

    def stop(self) -> None:
        """End what still runs and remove what is temporary.

        Called once after each `start`, also when that, a task or the caller has failed or was interrupted.
        """
        ...


class Threads:
    """Threads of this process: the default.

    Parameters
    ----------
    count : int, optional
        As many as this process may use cores, unless given.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = usable_cores() if count is None else int(check_number(count, name="count", at_least=1))
        self._flight = Flight()
        self._pool: ThreadPoolExecutor | None = None

    def start(self, job: Job) -> None:
        """Start the threads; the job is shared."""
        pool = self._pool = ThreadPoolExecutor(self._count, thread_name_prefix="variogeo")
        self._flight.open(job, lambda task: pool.submit(job.sums, task), 2 * self._count)

    def results(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, LagSums]]:
        """Yield each task with its sums, as they finish."""
        return self._flight.results(tasks)

    def stop(self) -> None:
        """Wait for the tasks that run, and end the threads."""
        self._flight.cancel()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


class Processes:
    """A pool of processes on this machine, which the user makes and ends.

    Parameters
    ----------
    pool : concurrent.futures.ProcessPoolExecutor
        With the start method "spawn" or "forkserver".

    Notes
    -----
    Arrays in memory are written once to a temporary file, which the workers map: all of them share one copy. A worker
    keeps the maps and some blocks of its last job until it gets another one or ends. Only a run that is killed leaves
    the file behind.
    """

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        if getattr(pool, "_mp_context").get_start_method() == "fork":  # noqa: B009 - no public name tells it
            msg = (
                "Invalid executor: its processes are forked, which copies the locks of running threads and can hang. "
                'Make it ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")).'
            )
            raise ValueError(msg)
        self._executor = pool
        self._flight = Flight()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self, job: Job) -> None:
        """Write the job's arrays to a temporary file."""
        folder = self._folder = tempfile.TemporaryDirectory(prefix="variogeo-", ignore_cleanup_errors=True)
        try:
            parcel = packed_into(job, Path(folder.name) / "arrays")
        except OSError as error:
            msg = (
                f"{folder.name} cannot hold the points for the worker processes: {error.strerror}. "
                "Make room there, or set TMPDIR to another folder."
            )
            raise OSError(error.errno, msg) from error
        workers = int(getattr(self._executor, "_max_workers", 1))
        self._flight.open(
            job, lambda task: self._executor.submit(sums_in_process, folder.name, parcel, task), 2 * workers
        )

    def results(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, LagSums]]:
        """Yield each task with its sums, as they finish."""
        return self._flight.results(tasks)

    def stop(self) -> None:
        """Withdraw what waits and remove the temporary file; the pool stays open."""
        self._flight.cancel()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class DaskFutures:
    """The workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        Not an asynchronous one.

    Notes
    -----
    Memory maps are opened by the workers: the file must be there under the same path. Other arrays reach every
    worker once; they are sent again when all workers that held them have died.
    """

    def __init__(self, client: Any) -> None:
        _check_distributed()
        if client.asynchronous:
            msg = "Invalid executor: an asynchronous Client. Make it without asynchronous=True."
            raise TypeError(msg)
        self._client = client
        self._flight = Flight()
        self._parcel: Parcel | None = None
        self._sent: Any = None

    def start(self, job: Job) -> None:
        """Send the job to the workers."""
        self._parcel = packed(job)
        self._send()
        threads = sum(self._client.nthreads().values())

        def submit(task: Task) -> Future[LagSums]:
            if self._sent.status != "finished":
                self._send()
            return _bridged(self._client.submit(sums_of_parcel, self._sent, *task, pure=False, retries=_RETRIES))

        self._flight.open(job, submit, max(_LEAST_UNDER_WAY, 2 * threads))

    def results(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, LagSums]]:
        """Yield each task with its sums, as they finish."""
        return self._flight.results(tasks)

    def stop(self) -> None:
        """Withdraw all tasks and let the workers forget the job."""
        self._flight.cancel()
        self._parcel = self._sent = None

    def _send(self) -> None:
        """Give the job to one worker; the others fetch it from there with their first task, and so hold copies."""
        attempts_left = _RETRIES
        self._sent = None
        while self._sent is None:
            try:
                self._sent = self._client.scatter(self._parcel, hash=False)
            except (OSError, KeyError) as error:
                # The worker has died meanwhile; or there is none, and Dask has waited for one.
                if isinstance(error, TimeoutError) or not attempts_left:
                    msg = f"The points could not be sent to a worker of Dask: {error}. Does one run?"
                    raise RuntimeError(msg) from error
                attempts_left -= 1
                time.sleep(_PAUSE)


def as_executor(executor: Any) -> Executor:
    """Return what runs the tasks: threads for None, the fitting executor for a pool of processes or a Client."""
    if executor is None:
        return Threads()
    if isinstance(executor, ProcessPoolExecutor):
        return Processes(executor)
    if any(_is_client(kind) for kind in type(executor).__mro__):
        return DaskFutures(executor)
    if isinstance(executor, Executor) and not isinstance(executor, type):
        return executor
    msg = (
        f"Invalid executor of type {type(executor).__name__}. Must be None (threads), a "
        "concurrent.futures.ProcessPoolExecutor, a distributed.Client or an object with start, results and stop."
    )
    raise TypeError(msg)


def _is_client(kind: type) -> bool:
    """Whether a class is the Client of Dask, told without importing it."""
    return kind.__name__ == "Client" and kind.__module__.split(".")[0] == "distributed"


def _bridged(future: Any) -> Future[LagSums]:
    """Return a future of Dask as one of concurrent.futures; a result that is lost is a CancelledError.

    Dask's own bridge never ends when a result is lost on its way (distributed 2026.8, `ClientExecutor`).
    """
    bridged: Future[LagSums] = Future()

    def back(ended: Any) -> None:
        if not bridged.set_running_or_notify_cancel():
            return
        try:
            bridged.set_result(ended.result())
        except BaseException as error:
            bridged.set_exception(error if ended.status == "error" else CancelledError())

    bridged.add_done_callback(lambda ended: future.cancel() if ended.cancelled() else None)
    future.add_done_callback(back)
    return bridged


def _check_distributed() -> None:
    """Refuse to go on without Dask."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        msg = "Dask is not installed. Its extra: pip install 'variogeo[distributed]' (in a checkout '.[distributed]')."
        raise ImportError(msg) from error
