"""Paired differences between arms: over seeds, over spatial blocks, and adjusted for the number of arms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from variogeo.evaluation._errors import geoscores_of
from variogeo.experiments._blocks import bootstrap_means
from variogeo.experiments._runs import Run
from variogeo.experiments._splits import QuerySet, SplitPhotos
from variogeo.inference._holm import holm
from variogeo.inference._intervals import student_quantile

Stage = Literal["validation", "test"]
"""Arms are chosen on validation; the test is reported once."""

KM = (1, 25, 200, 750, 2500)
"""Street, city, region, country, continent."""

TAILS = (0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Outcome:
    """A figure that is a mean over photos, so that its difference can be followed to blocks.

    Parameters
    ----------
    name : str
    kinds : tuple of str
        ``"known"``, ``"new"`` or both.
    values : callable
        From errors in km to one number per photo.
    """

    name: str
    kinds: tuple[str, ...]
    values: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


def _within(km: float) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    """Return the rule that gives 100 to an error within a distance, and 0 beyond."""
    return lambda errors: np.where(errors <= km, 100.0, 0.0)


PRIMARY = Outcome("GeoScore", ("known", "new"), geoscores_of)
"""The outcome that claims are made on, over the queries of known and new regions together."""

OUTCOMES: tuple[Outcome, ...] = (
    PRIMARY,
    *(Outcome(f"GeoScore, {kind}", (kind,), geoscores_of) for kind in ("known", "new")),
    *(Outcome(f"{km} km, {kind}", (kind,), _within(km)) for kind in ("known", "new") for km in KM),
)


@dataclass(frozen=True)
class Difference:
    """An arm minus its baseline, in one outcome.

    Parameters
    ----------
    estimate : float
        Mean over seeds and photos.
    seeds : (low, high)
        95 % t interval over seeds: what another training on the same photos would give. NaN with one seed.
    blocks : (low, high)
        95 % bootstrap interval over spatial blocks, seeds averaged: what other places would give.
    p_value : float
        The larger of the two p-values: a difference counts when it holds for other seeds and for other places.
    """

    estimate: float
    seeds: tuple[float, float]
    blocks: tuple[float, float]
    p_value: float


def difference(
    arm: Sequence[Run], baseline: Sequence[Run], split: SplitPhotos, outcome: Outcome, stage: Stage
) -> Difference:
    """Return the paired difference of an arm to its baseline.

    Parameters
    ----------
    arm, baseline : sequence of Run
        The same seeds in the same order.
    split : SplitPhotos
    outcome : Outcome
    stage : {"validation", "test"}
    """
    paired = np.stack(
        [_values(a, outcome, stage) - _values(b, outcome, stage) for a, b in zip(arm, baseline, strict=True)]
    )
    blocks = np.concatenate([split.queries[_set(stage, kind)].blocks for kind in outcome.kinds])
    per_seed = paired.mean(axis=1)
    means = bootstrap_means(paired.mean(axis=0), blocks)
    low, high = np.quantile(means, (0.025, 0.975))
    p_blocks = 2 * min(np.mean(means <= 0), np.mean(means >= 0))
    return Difference(
        estimate=float(per_seed.mean()),
        seeds=student_interval(per_seed),
        blocks=(float(low), float(high)),
        p_value=float(min(1.0, max(p_blocks, 1 / len(means), student_p_value(per_seed)))),
    )


def student_interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % t interval of a mean; NaN for a single value.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = student_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    half = student_quantile(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def student_p_value(values: npt.NDArray[np.float64]) -> float:
    """Return the two-sided p-value of a mean of 0; 1 for a single value, which says nothing about other seeds."""
    from scipy.special import stdtr

    if len(values) < 2:
        return 1.0
    error = values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return 1.0 if values.mean() == 0 else 0.0
    return float(2 * stdtr(len(values) - 1, -abs(values.mean()) / error))


def adjusted(differences: Sequence[Difference]) -> list[float]:
    """Return the p-values adjusted for their number by Holm's steps."""
    return holm(np.array([d.p_value for d in differences])).tolist()


def level(runs: Sequence[Run], outcome: Outcome, stage: Stage) -> float:
    """Return the mean of an outcome over seeds and photos."""
    return float(np.mean([_values(run, outcome, stage).mean() for run in runs]))


def error_figures(runs: Sequence[Run], kind: str, stage: Stage) -> dict[str, float]:
    """Return median, mean and tail quantiles of the error in km, means over the seeds."""
    errors = [run.errors[_set(stage, kind)] for run in runs]
    figures = {"median": float(np.mean([np.median(e) for e in errors])), "mean": float(np.mean(errors))}
    return figures | {f"p{100 * p:.0f}": float(np.mean([np.quantile(e, p) for e in errors])) for p in TAILS}


def _values(run: Run, outcome: Outcome, stage: Stage) -> npt.NDArray[np.float64]:
    """Return an outcome of every query."""
    return outcome.values(np.concatenate([run.errors[_set(stage, kind)] for kind in outcome.kinds]))


def _set(stage: Stage, kind: str) -> QuerySet:
    """Return the name of a query set."""
    name: QuerySet = f"{stage} {kind}"  # pyright: ignore[reportAssignmentType]
    return name
