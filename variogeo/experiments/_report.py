"""The report of an experiment as text: what was compared, what came out, and what that shows."""

from textwrap import wrap

import numpy as np

from variogeo.experiments._arms import Arm
from variogeo.experiments._result import ExperimentResult
from variogeo.experiments._splits import FEWEST_BLOCKS, QUERY_SETS
from variogeo.experiments._statistics import KM, OUTCOMES, Difference, error_figures, level
from variogeo.experiments._verdict import WIDTH, titled, verdict

_BY_NAME = {outcome.name: outcome for outcome in OUTCOMES}
_KNOWN, _NEW = _BY_NAME["25 km, known"], _BY_NAME["750 km, new"]
FEWEST_STEPS = 100
"""Of a training, below which a model has learned next to nothing, whatever its loss."""
_SPANS = f"{'95 %':>19}{'seeds alone':>19}{'blocks alone':>19}"


def report_text(result: ExperimentResult) -> str:
    """Return the whole report.

    Parameters
    ----------
    result : ExperimentResult
    """
    steps = result.figures(result.arms[0])["steps"]
    parts = [f"ONLY {steps:.0f} STEPS: everything runs; read nothing into the figures."] if steps < FEWEST_STEPS else []
    parts += [_photos(result), _levels(result)]
    if len(result.tested) < len(result.compared):
        parts.append(_validation(result))
    parts.append(_differences(result))
    parts += [_controls(result, arm) for arm in result.tested if result.controls(arm)]
    return "\n\n".join([*parts, _schemes(result), verdict(result)])


def _photos(result: ExperimentResult) -> str:
    """Return what the photos, the curve and the training are."""
    split, training = result.task.split, result.task.training
    lines = [
        f"Photos: {split.source}.",
        f"Training: {len(split.train.lonlat)} photos, {training.epochs} epochs, batch {training.batch_size}, "
        f"{result.figures(result.arms[0])['steps']:.0f} steps, {len(result.seeds)} seeds, "
        f"{result.task.model.precision}; gallery of {len(split.gallery)} training places.",
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
        lines = [f"{'Test in ' + what:36}" + "".join(f"{head:>9}" for head in heads)]
        for arm in shown:
            runs = result.runs[arm.name]
            shares = [level(runs, _BY_NAME[f"{km} km, {kind}"], "test") for km in KM]
            numbers = [*shares, level(runs, _BY_NAME[f"GeoScore, {kind}"], "test")]
            numbers += error_figures(runs, kind, "test").values()
            lines.append(f"{arm.title:36}" + "".join(_number(value) for value in numbers))
        oracle = result.oracle(kind).values()
        lines.append(f"{'oracle: the nearest place':36}" + "".join(_number(100 * share) for share in oracle))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n(%, points of 5000, km; means over seeds)"


def _validation(result: ExperimentResult) -> str:
    """Return the differences on validation, by which one arm of each family was chosen."""
    lines = [f"{'Validation: GeoScore minus baseline':40}{'difference':>11}{_SPANS}"]
    for arm in result.compared:
        found = result.difference(arm, "validation")
        mark = "*" if arm in result.tested else " "
        lines.append(f"{mark} {titled(arm):38}{found.estimate:+11.1f}{_spans(found)}")
    return "\n".join([*lines, "* best of its family, or a scheme with controls: these are tested, once"])


def _differences(result: ExperimentResult) -> str:
    """Return the paired differences on the test."""
    adjusted = result.adjusted_p_values(result.tested)
    lines = [
        f"{'Test: minus baseline':40}{'GeoScore':>9}{_SPANS}{'p (Holm)':>9}{'25 km, known':>20}{'750 km, new':>20}"
    ]
    for arm in result.tested:
        found = result.difference(arm, "test")
        sides = "".join(_plus_minus(result.difference(arm, "test", outcome)) for outcome in (_KNOWN, _NEW))
        lines.append(f"  {titled(arm):38}{found.estimate:+9.1f}{_spans(found)}{_p_value(adjusted[arm.name])}{sides}")
    lines.append(
        "(points; 95 %: for other seeds and other places together, beside it for either alone; percentage points with "
        "the half width\nof the common interval)"
    )
    return "\n".join(lines)


def _controls(result: ExperimentResult, scheme: Arm) -> str:
    """Return the paired differences of a scheme to its controls on the test."""
    lines = [
        "Scheme minus its control",
        f"{'Test: ' + scheme.title + ' minus':40}{'GeoScore':>9}{'95 %':>19}{'p':>9}{'25 km, known':>20}"
        f"{'750 km, new':>20}{'mean weights':>16}",
    ]
    own = result.figures(scheme)["mean_weight"]
    for control in result.controls(scheme):
        found = result.difference(scheme, "test", against=control)
        sides = "".join(
            _plus_minus(result.difference(scheme, "test", outcome, against=control)) for outcome in (_KNOWN, _NEW)
        )
        weights = f"{own:.2f} / {result.figures(control)['mean_weight']:.2f}"
        lines.append(
            f"  {control.title:38}{found.estimate:+9.1f}{_span(found.interval)}{_p_value(found.p_value)}{sides}"
            f"{weights:>16}"
        )
    lines.append(
        "(p without Holm, because all of them must hold; mean weight of a negative, of the scheme / of the control: "
        "they act on the\ntemperature, and a control with another one differs in that as well)"
    )
    return "\n".join(lines)


def _schemes(result: ExperimentResult) -> str:
    """Return what each scheme did in training."""
    heads = ("mean weight", "changed %", "self-mass", "in range", "step", "misfit", "from frozen")
    lines = [f"{'In training':36}" + "".join(f"{head:>13}" for head in heads)]
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
        mark = "! " if arm in result.unchanging else ""
        lines.append(f"{mark + arm.title:36}" + "".join(f"{'-' if text == 'nan' else text:>13}" for text in numbers))
    lines.append(
        "(mean weight of a negative; share of negatives with another weight than 1; mean soft label of the own place; "
        "pairs of a batch\nwithin the curve's range; time of a step over the baseline's; misfit of the semivariogram "
        "of the trained image embeddings\nto the baseline's, and in shape to that of the frozen features)"
    )
    if result.unchanging:
        lines.append("! changes no weight, so it is not tested")
    return "\n".join(lines)


def _number(value: float) -> str:
    """Return a number of a table."""
    return f"{value:9.1f}"


def _span(interval: tuple[float, float]) -> str:
    """Return an interval of a table."""
    low, high = interval
    return f"{'-':>19}" if np.isnan(low) else f"{f'[{low:+.1f}, {high:+.1f}]':>19}"


def _spans(found: Difference) -> str:
    """Return the three intervals of a difference."""
    return "".join(_span(interval) for interval in (found.interval, found.seeds, found.blocks))


def _p_value(value: float) -> str:
    """Return a p-value of a table."""
    return f"{'-':>9}" if np.isnan(value) else f"{value:9.3f}"


def _plus_minus(found: Difference) -> str:
    """Return a difference with the half width of its interval."""
    half = (found.interval[1] - found.interval[0]) / 2
    return f"{f'{found.estimate:+.1f}' if np.isnan(half) else f'{found.estimate:+.1f} +- {half:.1f}':>20}"
