"""Paired differences between arms: one error for other seeds and other places, adjusted for the number of arms."""

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
    interval : (low, high)
        95 % interval for other seeds and other places together. NaN with one seed.
    p_value : float
        Two-sided, of no difference, from the same error as ``interval``. NaN with one seed.
    """

    estimate: float
    seeds: tuple[float, float]
    blocks: tuple[float, float]
    interval: tuple[float, float]
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
    return paired_difference(paired, blocks)


def paired_difference(paired: npt.NDArray[np.float64], blocks: npt.NDArray[np.intp]) -> Difference:
    r"""Return the mean of paired differences with its intervals and its p-value.

    .. math:: s^2 = s_\text{seeds}^2 + s_\text{blocks}^2, \quad \nu = s^4 / (s_\text{seeds}^4 / (S - 1))

    with the error of the mean of ``S`` seeds, and the standard deviation of the means of the block bootstrap. The
    interval and the p-value are Student's with Satterthwaite's ``nu`` degrees of freedom, the blocks being many.

    Parameters
    ----------
    paired : (S, n) float array
        Difference of every seed and photo.
    blocks : (n,) int array
        Block of every photo.

    Examples
    --------
    >>> import numpy as np
    >>> paired = np.array([[1.0, 2.0, 1.0, 2.0], [2.0, 3.0, 2.0, 3.0], [3.0, 4.0, 3.0, 4.0]])
    >>> found = paired_difference(paired, np.array([0, 1, 2, 3]))
    >>> found.estimate, round(found.p_value, 3)
    (2.5, 0.032)
    """
    per_seed = paired.mean(axis=1)
    estimate, count = float(per_seed.mean()), len(per_seed)
    means = bootstrap_means(paired.mean(axis=0), blocks)
    low, high = np.quantile(means, (0.025, 0.975))
    of_seeds = float(per_seed.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan")
    error = float(np.hypot(of_seeds, means.std()))
    # Without a difference between seeds only the blocks are left, which are many.
    freedom = (count - 1) * (error / of_seeds) ** 4 if of_seeds else float("inf")
    return Difference(
        estimate=estimate,
        seeds=_interval(estimate, of_seeds, count - 1),
        blocks=(float(low), float(high)),
        interval=_interval(estimate, error, freedom),
        p_value=_p_value(estimate, error, freedom),
    )


def _interval(estimate: float, error: float, freedom: float) -> tuple[float, float]:
    """Return Student's 95 % interval; NaN without an error."""
    half = float(student_quantile(0.975, freedom)) * error
    return estimate - half, estimate + half


def _p_value(estimate: float, error: float, freedom: float) -> float:
    """Return the two-sided p-value of Student's test; NaN without an error."""
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if estimate == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(estimate) / error))


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
