"""What a scheme costs: seconds of a training step, against its baseline's, measured in turn."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from variogeo.experiments._arms import Arm
from variogeo.experiments._runs import Task, settings_of, start_model
from variogeo.experiments._training import batch_of, features_on, logits_of, lonlat_on

WARM_UP = 2
"""Rounds that do not count."""


def step_ratios(task: Task, arms: Sequence[Arm], *, rounds: int) -> dict[str, float]:
    """Return the time of a step of every arm over that of its baseline: medians over rounds.

    Parameters
    ----------
    task : Task
    arms : sequence of Arm
        With their baselines.
    rounds : int
        In each, every arm makes one step, so that all meet the same machine.

    Notes
    -----
    A step embeds frozen features: no backbone is in it, beside which the weights would cost next to nothing.
    """
    steps = {arm.name: _step(task, arm) for arm in arms}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for turn in range(WARM_UP + rounds):
            for name, step in steps.items():
                taken = _timed(step)
                if turn >= WARM_UP:
                    seconds[name].append(taken)
    finally:
        torch.set_num_threads(threads)
    medians = {name: float(np.median(taken)) for name, taken in seconds.items()}
    return {arm.name: medians[arm.name] / medians[arm.baseline] for arm in arms}


def _timed(step: Callable[[], float]) -> float:
    """Return the seconds of a step; its result is read, so that a device has finished."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _step(task: Task, arm: Arm) -> Callable[[], float]:
    """Return a function that makes one training step of an arm and returns its loss."""
    model = start_model(task, arm, seed=0).train()
    objective = arm.objective(task.curves)
    settings = settings_of(task.training, arm)
    device = model.log_scale.device
    # Drawn as in training: the first rows of a file may all lie in one place.
    rows = np.random.default_rng(0).permutation(len(task.split.train.lonlat))[: settings.batch_size + settings.queue]
    features = features_on(device, task.split.train.embeddings[rows])
    lonlat = lonlat_on(device, task.split.train.lonlat[rows])
    candidates = torch.arange(len(rows), device=device)
    optimiser = torch.optim.AdamW(model.parameters(), 0.0, fused=device.type in ("cpu", "cuda"))

    def step() -> float:
        batch = batch_of(model, features, lonlat, candidates[: settings.batch_size], candidates)
        loss = objective.loss(logits_of(model, batch), batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step
