"""``variogeo fit``: measure and fit the semivariogram of a table of embeddings."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variogeo._fit import ModelComparison
from variogeo._fitting import ModelChoice
from variogeo._model import VariogramModel
from variogeo.cli._bins import add_bins_options, bins_of
from variogeo.cli._estimate import Estimate, add_estimate_options, check_together, measured
from variogeo.cli._lines import naming_options, print_json, print_result
from variogeo.cli._models import add_models_options, choice_of, fit_summary, fitted, held, weights_line
from variogeo.cli._outputs import Write, check_folder, of_bytes, write_outputs
from variogeo.cli._points import add_points_options, extent, inputs_of, read_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from variogeo.direction import Anisotropy
    from variogeo.inference import CurveUncertainty, FitIntervals

_OUTPUTS = ("variogram.json", "model.json", "variogram.png")
_MORE = ("sectors.csv", "sectors.png", "rose.png", "envelope.png")
_LEAST_SECTORS = 3
"""An ellipse of ranges has three numbers."""


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of the command."""
    text = "measure and fit the semivariogram of a table of embeddings"
    usage = "%(prog)s FILE --out DIR [options]"
    parser = commands.add_parser("fit", help=text, description=f"{text.capitalize()}.", usage=usage)
    add_points_options(parser)
    add_bins_options(parser)
    add_estimate_options(parser)
    add_models_options(parser, default=True)
    help_of_out = f"folder for {', '.join(_OUTPUTS)}; with --sectors and --permutations also for {', '.join(_MORE)}"
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help=help_of_out)
    parser.add_argument("--overwrite", action="store_true", help="replace the outputs of an earlier call")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    return parser


@dataclass(frozen=True, eq=False)
class _Result:
    """What was measured, and what was made of it."""

    estimate: Estimate
    comparison: ModelComparison
    uncertainty: "CurveUncertainty | None"
    intervals: "FitIntervals | None"
    anisotropy: "Anisotropy | None"


def run(arguments: argparse.Namespace) -> None:
    """Measure, fit, and write the outputs."""
    check_together(arguments)
    held(arguments)
    names = (*_OUTPUTS, *_MORE)
    check_folder(arguments.out, names, overwrite=arguments.overwrite, inputs=inputs_of(arguments))
    points = read_points(arguments)
    estimate = measured(arguments, points, bins_of(arguments, points.lonlat))
    result = _fitted(arguments, estimate)
    outputs = {arguments.out / name: write for name, write in _outputs(result, arguments).items()}
    # What an earlier call wrote and this one does not would be taken for its result.
    write_outputs(outputs, without=[arguments.out / name for name in _MORE if arguments.out / name not in outputs])
    if arguments.json:
        print_json({**_summary(result), "points": len(points), "outputs": [str(path) for path in outputs]})
    else:
        names = ", ".join(path.name for path in outputs)
        weighed = weights_line(result.comparison.best)
        print_result(f"{extent(points)}\n{_text(result)}\n{weighed}\nWritten to {arguments.out}: {names}")


def _fitted(arguments: argparse.Namespace, estimate: Estimate) -> _Result:
    """Return the fits, and what is asked for beside them."""
    comparison = fitted(estimate.empirical, arguments)
    chosen = choice_of(comparison.best)
    uncertainty = intervals = anisotropy = None
    if arguments.patches is not None:
        from variogeo.inference import fit_intervals, jackknife

        uncertainty = jackknife(estimate.empirical)
        intervals = fit_intervals(uncertainty, chosen, weights=arguments.weights, fixed=held(arguments))
    if estimate.directional is not None and len(estimate.directional) >= _LEAST_SECTORS:
        from variogeo.direction import fit_anisotropy

        anisotropy = fit_anisotropy(estimate.directional, _long(chosen), weights=arguments.weights)
    return _Result(estimate, comparison, uncertainty, intervals, anisotropy)


def _outputs(result: _Result, arguments: argparse.Namespace) -> dict[str, Write]:
    """Return what is to be written, by its name in the folder."""
    from variogeo.plotting import plot_envelope, plot_variogram, to_png

    best, empirical = result.comparison.best, result.estimate.empirical
    picture = to_png(lambda ax: plot_variogram(empirical, best, ax=ax, uncertainty=result.uncertainty))
    outputs: dict[str, Write] = dict(zip(_OUTPUTS, (empirical.save, best.model.save, of_bytes(picture)), strict=True))
    if result.estimate.directional is not None:
        outputs |= _directions(result, arguments)
    test = result.estimate.test
    if test is not None:
        outputs["envelope.png"] = of_bytes(to_png(lambda ax: plot_envelope(test, ax=ax)))
    return outputs


def _directions(result: _Result, arguments: argparse.Namespace) -> dict[str, Write]:
    """Return the table, the curves and the rose of the sectors."""
    from variogeo.direction import fit_sectors
    from variogeo.plotting import plot_rose, plot_sectors, to_png

    directional = result.estimate.directional
    assert directional is not None
    fits = fit_sectors(directional, _long(choice_of(result.comparison.best)), weights=arguments.weights)
    table = directional.to_frame().to_csv(index=False).encode()
    curves = to_png(lambda ax: plot_sectors(directional, result.anisotropy, ax=ax))
    rose = to_png(lambda ax: plot_rose(directional, fits, result.anisotropy, ax=_polar(ax)))
    return dict(zip(_MORE[:3], map(of_bytes, (table, curves, rose)), strict=True))


def _long(chosen: ModelChoice) -> type[VariogramModel]:
    """Return the class that is fitted by direction: of two structures that of the long one."""
    return chosen[1] if isinstance(chosen, tuple) else chosen


def _polar(ax: "Axes") -> "Axes":
    """Return polar axes in the place of others."""
    figure = ax.figure
    ax.remove()
    return figure.add_subplot(projection="polar")


def _text(result: _Result) -> str:
    """Return all results as text."""
    parts = [
        result.estimate.empirical, result.uncertainty, result.comparison, result.comparison.best.message,
        result.intervals, result.estimate.directional,
        None if result.anisotropy is None else result.anisotropy.message, result.estimate.test,
    ]  # fmt: skip
    return naming_options("\n\n".join(str(part) for part in parts if part is not None))


def _summary(result: _Result) -> dict[str, Any]:
    """Return the result in plain JSON types; a number that is not known is null."""
    empirical, intervals, test = result.estimate.empirical, result.intervals, result.estimate.test
    summary = fit_summary(result.comparison.best)
    summary["npairs"] = int(empirical.npairs.sum())
    summary["sill_apriori"] = _known(empirical.sill_apriori)
    if intervals is not None:
        rows = {name: intervals[name]._asdict() for name in intervals.names}
        summary["intervals"] = {
            name: {key: _known(number) for key, number in row.items()} for name, row in rows.items()
        }
        summary["intervals_message"] = intervals.message
    if result.anisotropy is not None:
        kept = ("azimuth", "ratio", "converged", "message")
        summary["anisotropy"] = {name: getattr(result.anisotropy, name) for name in kept}
    if test is not None:
        summary["p_value"] = test.p_value
    return summary


def _known(number: float) -> float | None:
    """Return a finite number, or None."""
    return float(number) if math.isfinite(number) else None
