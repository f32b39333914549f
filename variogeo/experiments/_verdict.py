"""What an experiment shows and what it does not, in words."""

from textwrap import wrap

import numpy as np

from variogeo.experiments._arms import Arm
from variogeo.experiments._result import ExperimentResult
from variogeo.experiments._statistics import OUTCOMES, Difference

LEVEL = 0.05
"""Of the p-values below which a difference is called shown."""

WIDTH = 120
"""Of running text."""

_BY_NAME = {outcome.name: outcome for outcome in OUTCOMES}


def verdict(result: ExperimentResult) -> str:
    """Return in words what is shown, and what is not.

    Parameters
    ----------
    result : ExperimentResult
    """
    adjusted = result.adjusted_p_values(result.tested)
    lines = []
    best = result.best_baseline
    if best.name != "plain":
        lines.append(f"The baseline is not tuned: {best.title} is better on validation. Compare with that instead.")
    for arm in result.tested:
        found = result.difference(arm, "test")
        lines.append(f"{titled(arm)}: {in_words(found, adjusted[arm.name], len(result.seeds))}.")
    lines += _reasons(result, adjusted)
    lines += [
        f"{titled(arm)}: changes no weight in the batches that were looked at. It is not tested: what it differs by "
        "is rounding."
        for arm in result.unchanging
    ]
    lines += [f"Left out: {name}, because {reason}" for name, reason in result.left_out.items()]
    lines += _resolution(result)
    if result.task.split.is_simulated:
        lines.append("The features are simulated around real places: this says nothing about photographs, or OSV5M.")
    return "\n".join(
        ["What this shows", *(row for line in lines for row in wrap(f"- {line}", WIDTH, subsequent_indent="  "))]
    )


def _reasons(result: ExperimentResult, adjusted: dict[str, float]) -> list[str]:
    """Return which schemes help, and whether their controls leave geography as the reason."""
    lines = []
    schemes = [arm for arm in result.tested if arm.role == "scheme"]
    gains = [arm for arm in schemes if adjusted[arm.name] < LEVEL and result.difference(arm, "test").estimate > 0]
    for arm in schemes:
        controls = {control: result.difference(arm, "test", against=control) for control in result.controls(arm)}
        lines += [
            f"{arm.title} minus its control {control.title}: {in_words(found, found.p_value, len(result.seeds))}."
            for control, found in controls.items()
        ]
        missed = [c.title for c, found in controls.items() if not (found.p_value < LEVEL and found.estimate > 0)]
        if arm not in gains:
            continue
        if not controls:
            lines.append(f"{titled(arm)}: has no control among the arms. That geography is the reason is not shown.")
        elif missed:
            lines.append(
                f"{arm.title}: not shown to beat its control: {'; '.join(missed)}. That geography is the reason is "
                "not shown."
            )
        else:
            lines.append(
                f"{arm.title}: helps here because of geography, as far as its controls tell: it beats the baseline and "
                f"{'; '.join(control.title for control in controls)}."
            )
    if schemes and not gains:
        lines.append("No weighting is shown to help here.")
    return lines


def _resolution(result: ExperimentResult) -> list[str]:
    """Return what the experiment is able to tell."""
    lines = []
    losers = [arm for arm in result.tested if arm.role == "known loser"]
    missed = [f"{arm.title} ({arm.loses_in})" for arm in losers if not _is_worse(result, arm)]
    if missed:
        lines.append(
            f"Not told from the baseline although known to lose: {', '.join(missed)}. The experiment is too small to "
            "tell effects of that size."
        )
    intervals = [result.difference(arm, "test").interval for arm in result.tested]
    widths = [half for half in ((high - low) / 2 for low, high in intervals) if half > 0]
    if widths:
        lines.append(
            f"Differences below about {np.median(widths):.0f} GeoScore are not resolved, before Holm's adjustment; "
            "after it the limit is higher."
        )
    lines.append(
        "A difference counts as shown when it holds for other seeds and other places together, after Holm's adjustment "
        f"for {len(result.tested)} arms."
    )
    return lines


def in_words(found: Difference, p_value: float, seeds: int) -> str:
    """Return a difference in GeoScore in words."""
    if seeds < 2:
        return f"{found.estimate:+.0f} GeoScore with one seed, which shows nothing"
    if p_value < LEVEL:
        return f"{'better' if found.estimate > 0 else 'worse'} by {abs(found.estimate):.0f} GeoScore"
    return f"no difference shown ({found.estimate:+.0f} GeoScore)"


def titled(arm: Arm) -> str:
    """Return the title of an arm, with its baseline where that is not the plain one."""
    return arm.title if arm.baseline == "plain" else f"{arm.title} (against {arm.baseline})"


def _is_worse(result: ExperimentResult, arm: Arm) -> bool:
    """Whether a known loser loses in the outcome that it must lose in; its own 95 % interval decides, without Holm."""
    return result.difference(arm, "test", _BY_NAME[arm.loses_in]).interval[1] < 0
