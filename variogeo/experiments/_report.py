"""The report of an experiment as text: what was compared, what came out, and what that shows."""

from textwrap import wrap

import numpy as np

from variogeo.experiments._arms import Arm
from variogeo.experiments._result import ExperimentResult
from variogeo.experiments._splits import FEWEST_BLOCKS, QUERY_SETS
from variogeo.experiments._statistics import KM, OUTCOMES, Difference, error_figures, level

LEVEL = 0.05
"""Of the adjusted p-values below which a difference is called shown."""

WIDTH = 120
"""Of running text."""

_BY_NAME = {outcome.name: outcome for outcome in OUTCOMES}
_KNOWN, _NEW = _BY_NAME["25 km, known"], _BY_NAME["750 km, new"]


def report_text(result: ExperimentResult) -> str:
    """Return the whole report.

    Parameters
    ----------
    result : ExperimentResult
    """
    parts = [_photos(result), _levels(result)]
    if len(result.tested) < len(result.compared):
        parts.append(_validation(result))
    parts += [_differences(result), _schemes(result), _verdict(result)]
    return "\n\n".join(parts)


def _photos(result: ExperimentResult) -> str:
    """Return what the photos, the curve and the training are."""
    split, training = result.task.split, result.task.training
    lines = [
        f"Photos: {split.source}.",
        f"Training: {len(split.train.lonlat)} photos, {training.epochs} epochs, batch {training.batch_size}, "
        f"{len(result.seeds)} seeds, {result.task.model.precision}; gallery of {len(split.gallery)} training places.",
    ]
    for name in QUERY_SETS:
        queries = split.queries[name]
        few = "" if queries.effective_blocks >= FEWEST_BLOCKS else f"  FEWER THAN {FEWEST_BLOCKS}: distrust intervals"
        lines.append(
            f"  {name + ':':18} {len(queries.lonlat):5} queries in {len(np.unique(queries.blocks)):4} blocks, "
            f"effectively {queries.effective_blocks:.0f}{few}"
        )
    curve = f"Curve of the frozen training features: {result.task.curves}"
    lines += wrap(curve, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def _levels(result: ExperimentResult) -> str:
    """Return the figures of the baselines and of the tested arms beside the oracle's."""
    shown = [arm for arm in result.arms if arm.baseline == arm.name or arm in result.tested]
    heads = [f"{km} km" for km in KM] + ["GeoScore", "median", "mean", "p90", "p95", "p99"]
    parts = []
    for kind, what in (("known", "known regions"), ("new", "new regions")):
        lines = [f"{'Test in ' + what:32}" + "".join(f"{head:>9}" for head in heads)]
        for arm in shown:
            runs = result.runs[arm.name]
            shares = [level(runs, _BY_NAME[f"{km} km, {kind}"], "test") for km in KM]
            numbers = [*shares, level(runs, _BY_NAME[f"GeoScore, {kind}"], "test")]
            numbers += error_figures(runs, kind, "test").values()
            lines.append(f"{arm.title:32}" + "".join(_number(value) for value in numbers))
        oracle = result.oracle(kind).values()
        lines.append(f"{'oracle: the nearest place':32}" + "".join(_number(100 * share) for share in oracle))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n(%, points of 5000, km; means over seeds)"


def _validation(result: ExperimentResult) -> str:
    """Return the differences on validation, by which one arm of each family was chosen."""
    lines = [f"{'Validation: GeoScore minus baseline':40}{'difference':>11}{'seeds 95 %':>18}{'blocks 95 %':>18}"]
    for arm in result.compared:
        found = result.difference(arm, "validation")
        mark = "*" if arm in result.tested else " "
        lines.append(f"{mark} {_title(arm):38}{found.estimate:+11.1f}{_span(found.seeds)}{_span(found.blocks)}")
    return "\n".join([*lines, "* best of its family: these are tested, once"])


def _differences(result: ExperimentResult) -> str:
    """Return the paired differences on the test."""
    adjusted = result.adjusted_p_values(result.tested)
    lines = [
        f"{'Test: minus baseline':40}{'GeoScore':>9}{'seeds 95 %':>18}{'blocks 95 %':>18}{'p (Holm)':>9}"
        f"{'25 km, known':>20}{'750 km, new':>20}"
    ]
    for arm in result.tested:
        found = result.difference(arm, "test")
        sides = "".join(_plus_minus(result.difference(arm, "test", outcome)) for outcome in (_KNOWN, _NEW))
        lines.append(
            f"  {_title(arm):38}{found.estimate:+9.1f}{_span(found.seeds)}{_span(found.blocks)}"
            f"{adjusted[arm.name]:9.3f}{sides}"
        )
    return "\n".join([*lines, "(points; percentage points with the half width of the interval over seeds)"])


def _schemes(result: ExperimentResult) -> str:
    """Return what each scheme did in training."""
    heads = ("mean weight", "changed %", "self-mass", "in range", "step", "misfit", "from frozen")
    lines = [f"{'In training':32}" + "".join(f"{head:>13}" for head in heads)]
    for arm in result.arms:
        figures, misfits = result.figures(arm), result.misfits(arm)
        changed = figures.get("changed_share", np.nan) * 100
        numbers = (
            f"{figures.get('mean_weight', np.nan):.2f}",
            f"{changed:.1f}",
            f"{figures.get('self_mass', np.nan):.2f}",
            f"{figures['pairs_in_range']:.0f}",
            f"{result.step_ratio[arm.name]:.2f}",
            f"{misfits['baseline']:.3f}",
            f"{misfits['frozen_shape']:.3f}",
        )
        lines.append(f"{arm.title:32}" + "".join(f"{'-' if text == 'nan' else text:>13}" for text in numbers))
    lines.append(
        "(mean weight of a negative; share of negatives with another weight than 1; mean soft label of the own place; "
        "pairs of a batch\nwithin the curve's range; time of a step over the baseline's; misfit of the semivariogram "
        "of the trained image embeddings\nto the baseline's, and in shape to that of the frozen features)"
    )
    return "\n".join(lines)


def _verdict(result: ExperimentResult) -> str:
    """Return in words what is shown, and what is not."""
    adjusted = result.adjusted_p_values(result.tested)
    lines = ["What this shows"]
    best = result.best_baseline
    if best.name != "plain":
        lines.append(f"- The baseline is not tuned: {best.title} is better on validation. Compare with that instead.")
    for arm in result.tested:
        found = result.difference(arm, "test")
        lines.append(f"- {_title(arm)}: {_words(found, adjusted[arm.name], len(result.seeds))}.")
    schemes = [arm for arm in result.tested if arm.role == "scheme"]
    gains = [arm for arm in schemes if adjusted[arm.name] < LEVEL and result.difference(arm, "test").estimate > 0]
    if schemes and not gains:
        lines.append("- No weighting is shown to help here.")
    lines += [f"- Left out: {name}, because {reason}" for name, reason in result.left_out.items()]
    losers = [arm for arm in result.tested if arm.role == "known loser"]
    missed = [arm.title for arm in losers if not _is_worse(result, arm, adjusted[arm.name])]
    if missed:
        lines.append(
            f"- Not told from the baseline although known to lose: {', '.join(missed)}. The experiment is too small to "
            "tell effects of that size."
        )
    widths = [half for half in (_half_width(result.difference(arm, "test")) for arm in result.tested) if half > 0]
    if widths:
        lines.append(f"- Differences below about {np.median(widths):.0f} GeoScore are not resolved.")
    lines.append(
        "- A difference counts as shown when it holds for other seeds and for other places, after Holm's adjustment "
        f"for {len(result.tested)} arms."
    )
    if result.task.split.is_simulated:
        lines.append("- The features are simulated around real places: this says nothing about photographs, or OSV5M.")
    wrapped = [part for line in lines for part in wrap(line, WIDTH, subsequent_indent="  ")]
    return "\n".join(wrapped)


def _words(found: Difference, p_value: float, seeds: int) -> str:
    """Return a difference in GeoScore in words."""
    if seeds < 2:
        return f"{found.estimate:+.0f} GeoScore with one seed, which shows nothing"
    if p_value < LEVEL:
        return f"{'better' if found.estimate > 0 else 'worse'} by {abs(found.estimate):.0f} GeoScore"
    return f"no difference shown ({found.estimate:+.0f} GeoScore)"


def _is_worse(result: ExperimentResult, arm: Arm, p_value: float) -> bool:
    """Whether a known loser is told from its baseline, in GeoScore or within 25 km in known regions."""
    return (p_value < LEVEL and result.difference(arm, "test").estimate < 0) or (
        result.difference(arm, "test", _KNOWN).seeds[1] < 0
    )


def _half_width(found: Difference) -> float:
    """Return half the width of the wider interval; 0 where there is none."""
    low, high = found.seeds
    return float(np.nan_to_num(max(high - low, found.blocks[1] - found.blocks[0]) / 2))


def _title(arm: Arm) -> str:
    """Return the title of an arm, with its baseline where that is not the plain one."""
    return arm.title if arm.baseline == "plain" else f"{arm.title} (against {arm.baseline})"


def _number(value: float) -> str:
    """Return a number of a table."""
    return f"{value:9.1f}"


def _span(interval: tuple[float, float]) -> str:
    """Return an interval of a table."""
    low, high = interval
    return f"{'-':>18}" if np.isnan(low) else f"{f'[{low:+.1f}, {high:+.1f}]':>18}"


def _plus_minus(found: Difference) -> str:
    """Return a difference with the half width of its interval over seeds."""
    half = (found.seeds[1] - found.seeds[0]) / 2
    return f"{f'{found.estimate:+.1f}' if np.isnan(half) else f'{found.estimate:+.1f} +- {half:.1f}':>20}"
