"""The runs of an experiment on several processes of one thread each; finished ones are kept."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import torch

from variogeo._progress import progress_bar
from variogeo.experiments._arms import Arm
from variogeo.experiments._runs import Run, Task, run_arm

_shared: dict[str, Task] = {}
"""The task of this worker process."""


def run_all(task: Task, arms: Sequence[Arm], seeds: Sequence[int], *, processes: int) -> list[Run]:
    """Return all runs, seed by seed; those that are kept in the task's folder are not done again.

    Parameters
    ----------
    task : Task
    arms : sequence of Arm
    seeds : sequence of int
    processes : int
        1 runs in this process, with all its threads.
    """
    task.folder.mkdir(parents=True, exist_ok=True)
    photos = task.split.fingerprint
    wanted = [(arm, seed) for seed in seeds for arm in arms]
    keys = {(arm.name, seed): task.key(arm, seed, photos) for arm, seed in wanted}
    runs: dict[tuple[str, int], Run] = {}
    for arm, seed in wanted:
        kept = Run.kept(task.file(arm, seed), keys[arm.name, seed])
        if kept is not None:
            runs[arm.name, seed] = kept
    missing = [(arm, seed) for arm, seed in wanted if (arm.name, seed) not in runs]
    done = _alone if processes == 1 or len(missing) < 2 else _together
    with progress_bar(len(missing), doing="experiment", unit="run") as progress:
        for arm, seed, run in done(task, missing, processes):
            run.save(task.file(arm, seed), keys[arm.name, seed])
            runs[arm.name, seed] = run
            progress.update()
    return [runs[arm.name, seed] for arm, seed in wanted]


def _alone(task: Task, wanted: list[tuple[Arm, int]], _: int) -> Iterator[tuple[Arm, int, Run]]:
    """Yield the runs one after the other."""
    for arm, seed in wanted:
        yield arm, seed, run_arm(task, arm.name, seed)


def _together(task: Task, wanted: list[tuple[Arm, int]], processes: int) -> Iterator[tuple[Arm, int, Run]]:
    """Yield the runs of several processes as they finish."""
    with ProcessPoolExecutor(
        min(processes, len(wanted)), mp_context=get_context("spawn"), initializer=share, initargs=(task,)
    ) as pool:
        futures = {pool.submit(run_shared, arm.name, seed): (arm, seed) for arm, seed in wanted}
        try:
            for future in as_completed(futures):
                yield *futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def share(task: Task) -> None:
    """Take the task of this worker process, which works on one thread."""
    torch.set_num_threads(1)
    _shared["task"] = task


def run_shared(name: str, seed: int) -> Run:
    """Return a run of the worker's task."""
    return run_arm(_shared["task"], name, seed)
