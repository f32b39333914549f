"""ExperimentResult: the runs of an experiment, and what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from variogeo._cards import experiment_html
from variogeo.evaluation import accuracy_within, nearest_places
from variogeo.evaluation._misfit import Aspect, log_misfit
from variogeo.experiments._arms import Arm
from variogeo.experiments._runs import Run, Task
from variogeo.experiments._statistics import (
    OUTCOMES,
    PRIMARY,
    Difference,
    Stage,
    adjusted,
    difference,
    error_figures,
    level,
)


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """All runs of an experiment.

    Parameters
    ----------
    task : Task
    arms : tuple of Arm
        With their baselines.
    seeds : tuple of int
    runs : dict of str to tuple of Run
        By arm, in the order of the seeds.
    step_ratio : dict of str to float
        Time of a step over that of the arm's baseline.
    frozen_semivariance : (bins,) float64 array
        Of the frozen features of the queries, in the bins of the trained embeddings' semivariance.
    left_out : dict of str to str
        Arms that the fitted curve does not allow, and why.
    settings : dict
        What all runs follow from, in plain JSON types.
    """

    task: Task
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    runs: dict[str, tuple[Run, ...]]
    step_ratio: dict[str, float]
    frozen_semivariance: npt.NDArray[np.float64]
    left_out: dict[str, str]
    settings: dict[str, Any]

    @property
    def compared(self) -> tuple[Arm, ...]:
        """The arms that are compared with another one."""
        return tuple(arm for arm in self.arms if arm.baseline != arm.name)

    @cached_property
    def unchanging(self) -> tuple[Arm, ...]:
        """The arms whose weights are all 1 in the batches that were looked at: what they differ by is rounding."""
        return tuple(arm for arm in self.compared if all(_changes_nothing(run) for run in self.runs[arm.name]))

    @cached_property
    def tested(self) -> tuple[Arm, ...]:
        """All controls and known losers, of every family of schemes the best on validation, and schemes with controls.

        Arms that change nothing are left out.
        """
        families: dict[str, list[Arm]] = {}
        changing = [arm for arm in self.compared if arm not in self.unchanging]
        for arm in changing:
            families.setdefault(arm.family if arm.role in ("scheme", "baseline") else arm.name, []).append(arm)
        kept = {
            max(arms, key=lambda arm: self.difference(arm, "validation").estimate).name for arms in families.values()
        }
        kept.update(arm.control_of for arm in changing if arm.control_of)
        return tuple(arm for arm in changing if arm.name in kept)

    @property
    def best_baseline(self) -> Arm:
        """The plain arm that is best on validation, of those with the batch and without the queue of ``plain``."""
        plain = [arm for arm in self.arms if arm.role == "baseline" and arm.batch == 1 and not arm.queue]
        return max(plain, key=lambda arm: level(self.runs[arm.name], PRIMARY, "validation"))

    def controls(self, arm: Arm) -> tuple[Arm, ...]:
        """Return the tested controls of a scheme."""
        return tuple(control for control in self.tested if control.control_of == arm.name)

    def difference(self, arm: Arm, stage: Stage, outcome: Any = PRIMARY, *, against: Arm | None = None) -> Difference:
        """Return an arm minus another one, by default its baseline, in an outcome."""
        other = arm.baseline if against is None else against.name
        return difference(self.runs[arm.name], self.runs[other], self.task.split, outcome, stage)

    def adjusted_p_values(self, arms: Sequence[Arm]) -> dict[str, float]:
        """Return the p-values of the test's GeoScore, adjusted for their number (Holm); NaN with one seed."""
        values = adjusted([self.difference(arm, "test") for arm in arms])
        return {arm.name: value for arm, value in zip(arms, values, strict=True)}

    def figures(self, arm: Arm) -> dict[str, float]:
        """Return what the scheme did, as means over seeds: mean weight, self-mass, pairs in range, temperature."""
        runs = self.runs[arm.name]
        return {name: float(np.mean([run.figures[name] for run in runs])) for name in runs[0].figures}

    def misfits(self, arm: Arm) -> dict[str, float]:
        """Return how far the semivariogram of the trained image embeddings is from others, as means over seeds.

        ``baseline`` is the misfit to the baseline's of the same seed, ``frozen_shape`` that in shape to the frozen
        features' one.
        """
        pairs = list(zip(self.runs[arm.name], self.runs[arm.baseline], strict=True))
        to_baseline = [_misfit(a.semivariance, b.semivariance, "curve") for a, b in pairs]
        to_frozen = [_misfit(a.semivariance, self.frozen_semivariance, "shape") for a, _ in pairs]
        return {"baseline": float(np.mean(to_baseline)), "frozen_shape": float(np.mean(to_frozen))}

    def oracle(self, kind: str, stage: Stage = "test") -> dict[float, float]:
        """Return the share of queries whose nearest gallery place is within each distance."""
        queries = self.task.split.queries[f"{stage} {kind}"]  # pyright: ignore[reportArgumentType]
        return accuracy_within(nearest_places(queries.lonlat, self.task.split.gallery), queries.lonlat)

    def to_json(self) -> dict[str, Any]:
        """Return everything that the report says, as plain JSON types."""
        tested = self.tested
        adjusted_p = self.adjusted_p_values(tested)
        split = self.task.split
        return {
            "source": split.source,
            "is_simulated": split.is_simulated,
            "train": len(split.train.lonlat),
            "gallery": len(split.gallery),
            "queries": {
                name: {"photos": len(q.lonlat), "effective_blocks": round(q.effective_blocks, 1)}
                for name, q in split.queries.items()
            },
            "oracle": {kind: _keys_as_text(self.oracle(kind)) for kind in ("known", "new")},
            "curve": str(self.task.curves),
            "settings": self.settings,
            "seeds": list(self.seeds),
            "precision": self.task.model.precision,
            "left_out": self.left_out,
            "best_baseline": self.best_baseline.name,
            "arms": [self._arm_as_json(arm, adjusted_p) for arm in self.arms],
        }

    def _arm_as_json(self, arm: Arm, adjusted_p: dict[str, float]) -> dict[str, Any]:
        """Return everything about an arm; its test only where it was tested."""
        entry: dict[str, Any] = {
            "name": arm.name,
            "title": arm.title,
            "family": arm.family,
            "role": arm.role,
            "baseline": arm.baseline,
            "control_of": arm.control_of,
            "changes_nothing": arm in self.unchanging,
            "figures": self.figures(arm),
            "variogram_misfit": {name: _number_or_null(value) for name, value in self.misfits(arm).items()},
            "step_ratio": self.step_ratio[arm.name],
        }
        if arm in self.compared:
            entry["validation"] = _as_json(self.difference(arm, "validation"))
        if arm.name in adjusted_p:
            entry["p_holm"] = _number_or_null(adjusted_p[arm.name])
            entry["test"] = {outcome.name: _as_json(self.difference(arm, "test", outcome)) for outcome in OUTCOMES}
            entry["minus_control"] = {
                control.name: {
                    outcome.name: _as_json(self.difference(arm, "test", outcome, against=control))
                    for outcome in OUTCOMES
                }
                for control in self.controls(arm)
            }
        if arm.name in adjusted_p or arm.baseline == arm.name:
            entry["level"] = {outcome.name: level(self.runs[arm.name], outcome, "test") for outcome in OUTCOMES}
            entry["error_km"] = {kind: error_figures(self.runs[arm.name], kind, "test") for kind in ("known", "new")}
        return entry

    _repr_html_ = experiment_html


def _changes_nothing(run: Run) -> bool:
    """Whether a run's scheme left all weights at 1, where it has weights."""
    figures = run.figures
    return figures.get("changed_share", np.nan) == 0 and abs(figures["mean_weight"] - 1) < 1e-6


def _misfit(semivariance: npt.NDArray[np.float64], reference: npt.NDArray[np.float64], of: Aspect) -> float:
    """Return the misfit of two curves, NaN where no bin holds enough pairs in both."""
    filled = np.isfinite(semivariance) & np.isfinite(reference)
    return log_misfit(semivariance, reference, of=of) if filled.any() else float("nan")


def _as_json(value: Difference) -> dict[str, Any]:
    """Return a difference in plain JSON types; no interval is null."""
    intervals = {"interval": value.interval, "seeds": value.seeds, "blocks": value.blocks}
    limits = {name: None if np.isnan(found).any() else list(found) for name, found in intervals.items()}
    return {"estimate": value.estimate, **limits, "p_value": _number_or_null(value.p_value)}


def _number_or_null(value: float) -> float | None:
    """Return a number as JSON has it: NaN is null."""
    return None if np.isnan(value) else value


def _keys_as_text(shares: dict[float, float]) -> dict[str, float]:
    """Return shares by distance with the keys that JSON has."""
    return {f"{km:g} km": share for km, share in shares.items()}
