"""The command line: ``variogeo fit`` and ``variogeo demo``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from variogeo import __version__
from variogeo._checks import DataError
from variogeo._distances import Metric
from variogeo._empirical import EmpiricalVariogram
from variogeo._estimation import empirical_variogram
from variogeo._fit import ModelComparison
from variogeo._fitting import Weights, compare_models
from variogeo._geometry import PointOf
from variogeo._lags import LagBins
from variogeo._models import MODELS
from variogeo._storage import write_bytes

_OUTPUTS = ("variogram.json", "model.json", "variogram.png")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0: done; 1: the data or a file cannot be used, said in one line; 2: wrong usage; 130: interrupted.
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        _say(str(error), error)
        return 1
    except KeyboardInterrupt as error:
        _say("interrupted.", error)
        return 130
    return 0


def _say(text: str, error: BaseException) -> None:
    """Print one line on stderr: what happened and, of a run with a folder, how to go on."""
    print("variogeo:", " ".join(" ".join([text, *getattr(error, "__notes__", [])]).split()), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="variogeo", description="Semivariograms of image embeddings on Earth, and the weights they imply."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    fit = commands.add_parser("fit", help="measure and fit the semivariogram of a table of embeddings")
    fit.set_defaults(run=_fit)
    fit.add_argument("points", type=Path, help="GeoParquet with a CRS, or npz with lonlat (n, 2)")
    fit.add_argument("--embedding", required=True, metavar="COLUMN", help="column (or npz array) of the embeddings")
    fit.add_argument("--out", required=True, type=Path, metavar="DIR", help=f"folder for {', '.join(_OUTPUTS)}")
    fit.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    fit.add_argument("--point", choices=get_args(PointOf), help="how polygons become points")
    fit.add_argument("--metric", choices=get_args(Metric), default="geodesic", help="the lag (default: %(default)s)")
    fit.add_argument("--low", type=float, metavar="KM", help="first bin edge (default: a short lag of the points)")
    fit.add_argument("--high", type=float, metavar="KM", help="last bin edge (default: half the extent of the points)")
    fit.add_argument("--bins", type=int, default=20, metavar="COUNT", help="number of bins (default: %(default)s)")
    fit.add_argument("--spacing", choices=("log", "linear"), default="log", help="of the bins (default: %(default)s)")
    fit.add_argument("--no-spread", action="store_true", help="counts and means only: faster from 10 000 points on")
    fit.add_argument("--resume", type=Path, metavar="DIR", help="keep finished parts here; the same call goes on")
    fit.add_argument(
        "--models", nargs="+", choices=MODELS, default=["Exponential", "Spherical", "Stable"], metavar="MODEL",
        help=f"models to compare, of {', '.join(MODELS)} (default: Exponential Spherical Stable)",
    )  # fmt: skip
    fit.add_argument(
        "--weights",
        choices=get_args(Weights)[:3],
        default="npairs",
        help="of the bins in the fit (default: %(default)s)",
    )
    fit.add_argument("--json", action="store_true", help="print the result as one line of JSON")

    demo = commands.add_parser("demo", help="the whole line on bundled data: fit, plot, train with and without weights")
    demo.set_defaults(run=_demo)
    demo.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="default: %(default)s")
    demo.add_argument("--short", action="store_true", help="a few training steps only, to see that everything runs")
    return parser


def _fit(arguments: argparse.Namespace) -> None:
    """Measure, fit, and write the three outputs."""
    from variogeo.io import read_points

    _check_outputs(arguments.out, overwrite=arguments.overwrite)
    points = read_points(arguments.points, embedding=arguments.embedding, point=arguments.point)
    bins = _bins(arguments, points.lonlat)
    empirical = empirical_variogram(
        points.lonlat,
        points.embeddings,
        bins,
        metric=arguments.metric,
        spread=not arguments.no_spread,
        resume=arguments.resume,
    )
    comparison = compare_models(empirical, [MODELS[name] for name in arguments.models], weights=arguments.weights)
    if all(fit.outcome == "too few bins" for fit in comparison):
        raise DataError(comparison.best.message)
    _write(empirical, comparison, arguments.out)
    if arguments.json:
        print(json.dumps(_summary(empirical, comparison, arguments.out)))
    else:
        low, high = points.lonlat.min(axis=0), points.lonlat.max(axis=0)
        print(
            f"{len(points.lonlat)} points, longitude {low[0]:.4g}..{high[0]:.4g}, latitude {low[1]:.4g}..{high[1]:.4g}"
        )
        print(f"{empirical}\n\n{comparison}\n\n{comparison.best.message}")
        print(f"Written to {arguments.out}: {', '.join(_OUTPUTS)}")


def _demo(arguments: argparse.Namespace) -> None:
    """Run the demonstration."""
    from variogeo import demo

    demo.run(arguments.out, short=arguments.short)


def _bins(arguments: argparse.Namespace, lonlat: Any) -> LagBins:
    """Return the bins asked for; limits that were not given come from the points."""
    low, high = arguments.low, arguments.high
    if low is None or high is None:
        suggested = LagBins.covering(lonlat, arguments.bins).edges
        low, high = suggested[0] if low is None else low, suggested[-1] if high is None else high
    make = LagBins.logarithmic if arguments.spacing == "log" else LagBins.linear
    return make(float(low), float(high), arguments.bins)


def _check_outputs(folder: Path, *, overwrite: bool) -> None:
    """Refuse outputs that exist before the work begins."""
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is not a folder. Choose another --out."
        raise DataError(msg)
    existing = [name for name in _OUTPUTS if (folder / name).exists()]
    if existing and not overwrite:
        msg = f"{folder} already holds {', '.join(existing)}. Pass --overwrite or another --out."
        raise FileExistsError(msg)


def _write(empirical: EmpiricalVariogram, comparison: ModelComparison, folder: Path) -> None:
    """Write the three outputs: all of them beside the folder first, so that a full disk leaves none inside."""
    from variogeo.plotting import plot_variogram, to_png

    picture = to_png(lambda ax: plot_variogram(empirical, comparison.best, ax=ax))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as staging:
        variogram, model, png = (Path(staging) / name for name in _OUTPUTS)
        empirical.save(variogram)
        comparison.best.model.save(model)
        write_bytes(png, picture, overwrite=False)
        folder.mkdir(exist_ok=True)
        for name in _OUTPUTS:
            (Path(staging) / name).replace(folder / name)


def _summary(empirical: EmpiricalVariogram, comparison: ModelComparison, folder: Path) -> dict[str, Any]:
    """Return the result in plain JSON types."""
    best = comparison.best
    return {
        "model": type(best.model).__name__,
        **{name: getattr(best.model, name) for name in best.model.parameters()},
        "rmse": best.rmse,
        "converged": best.converged,
        "outcome": best.outcome,
        "message": best.message,
        "npairs": int(empirical.npairs.sum()),
        "sill_apriori": empirical.sill_apriori,
        "outputs": [str(folder / name) for name in _OUTPUTS],
    }


if __name__ == "__main__":
    sys.exit(main())
