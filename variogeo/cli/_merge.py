"""``variogeo merge``: add saved variograms, and fit what comes of them."""

import argparse
from pathlib import Path
from typing import Any

from variogeo._checks import DataError
from variogeo._empirical import EmpiricalVariogram
from variogeo._files import existing_file, naming
from variogeo._fit import ModelComparison
from variogeo._loading import load
from variogeo.cli._lines import naming_options, print_json, print_result
from variogeo.cli._models import add_models_options, fit_summary, fitted, held, weights_line
from variogeo.cli._outputs import Write, check_file, of_bytes, write_outputs
from variogeo.cli._usage import UsageError

_ACROSS = """\
Pairs across files are in none of them, nor in this sum. That is harmless for files farther apart than the last bin, and
for random parts of one set of points (fewer pairs, the same curve). For neighbouring regions the long lags lack many of
their pairs: measure all points at once."""


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of the command."""
    text = "add saved variograms of different points, and fit the sum"
    parser = commands.add_parser(
        "merge",
        help=text,
        description=f"{text.capitalize()}. {_ACROSS}",
        usage="%(prog)s A.json B.json [B.json ...] --out C.json [options]",
    )
    parser.add_argument("first", type=Path, metavar="A.json", help="a variogram that fit or save has written")
    parser.add_argument("others", type=Path, metavar="B.json", nargs="+", help="others, made in the same way")
    add_models_options(parser, default=False)
    parser.add_argument("--out", required=True, type=Path, metavar="C.json", help="the sum")
    parser.add_argument("--model", type=Path, metavar="MODEL.json", help="the best model, with --models")
    parser.add_argument("--plot", type=Path, metavar="PLOT.png", help="a picture of the sum, and of the best model")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Add, fit and write."""
    if arguments.model is not None and arguments.models is None:
        msg = "--model is where the best model goes, but none is fitted. Add --models."
        raise UsageError(msg)
    held(arguments)
    inputs = [arguments.first, *arguments.others]
    for option, suffix in (("out", ".json"), ("model", ".json"), ("plot", ".png")):
        if getattr(arguments, option) is not None:
            path = getattr(arguments, option)
            check_file(path, f"--{option}", suffix, overwrite=arguments.overwrite, inputs=inputs)
    given = [path.resolve() for path in (arguments.out, arguments.model) if path is not None]
    if len(given) != len(set(given)):
        msg = "--out and --model are one file. Choose two."
        raise UsageError(msg)
    empirical = _sum(arguments.first, arguments.others)
    comparison = None if arguments.models is None else fitted(empirical, arguments)
    outputs = _outputs(empirical, comparison, arguments)
    write_outputs(outputs)
    written = [str(path) for path in outputs]
    if arguments.json:
        fit = {} if comparison is None else fit_summary(comparison.best)
        merged = {"variograms": 1 + len(arguments.others), "npairs": int(empirical.npairs.sum()), "outputs": written}
        print_json({**merged, **fit})
    else:
        text = f"{empirical}\n"
        if comparison is not None:
            best = comparison.best
            text += f"\n{comparison}\n\n{naming_options(best.message)}\n{weights_line(best)}\n"
        print_result(f"{text}\n{_ACROSS}\nWritten to {', '.join(written)}")


def _sum(first: Path, others: list[Path]) -> EmpiricalVariogram:
    """Return the sum of saved variograms; a refusal names the file that does not fit."""
    total = _loaded(first)
    seen = {existing_file(first).read_bytes(): first}
    for path in others:
        content = existing_file(path).read_bytes()
        if content in seen:
            msg = f"{path} holds the same variogram as {seen[content]}: its pairs would count twice. Name it once."
            raise DataError(msg)
        seen[content] = path
        other = _loaded(path)
        with naming(path):
            total = total + other
    return total


def _loaded(path: Path) -> EmpiricalVariogram:
    """Return the variogram of a file, or refuse what is none."""
    value = load(existing_file(path))
    if not isinstance(value, EmpiricalVariogram):
        msg = f"{path} holds a value of class {type(value).__name__}. Must be a variogram: variogram.json of fit."
        raise DataError(msg)
    return value


def _outputs(
    empirical: EmpiricalVariogram, comparison: ModelComparison | None, arguments: argparse.Namespace
) -> dict[Path, Write]:
    """Return what is to be written where."""
    outputs: dict[Path, Write] = {arguments.out: empirical.save}
    if arguments.model is not None and comparison is not None:
        outputs[arguments.model] = comparison.best.model.save
    if arguments.plot is not None:
        from variogeo.plotting import plot_variogram, to_png

        best = None if comparison is None else comparison.best
        outputs[arguments.plot] = of_bytes(to_png(lambda ax: plot_variogram(empirical, best, ax=ax)))
    return outputs
