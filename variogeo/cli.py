"""The command line: ``variogeo fit``, ``variogeo demo`` and ``variogeo experiment``."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
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
from variogeo._points import PointEmbeddings
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
    _add_experiment(commands)
    return parser


def _add_experiment(commands: Any) -> None:
    """Add the parser of the experiment."""
    experiment = commands.add_parser(
        "experiment", help="does weighting help: train with every scheme on the same photos, and compare"
    )
    experiment.set_defaults(run=_experiment)
    experiment.add_argument(
        "points", type=Path, nargs="?", help="own photos: (Geo)Parquet or npz; simulated ones by default"
    )
    experiment.add_argument("--embedding", metavar="COLUMN", help="column (or npz array) of the frozen features")
    experiment.add_argument("--point", choices=get_args(PointOf), help="how polygons become points")
    experiment.add_argument("--lon", metavar="COLUMN", help="longitude, of Parquet without a geometry")
    experiment.add_argument("--lat", metavar="COLUMN", help="latitude, of Parquet without a geometry")
    experiment.add_argument(
        "--out", type=Path, default=Path("experiment-output"), metavar="DIR",
        help="folder for the report and the finished runs; the same call goes on there (default: %(default)s)",
    )  # fmt: skip
    experiment.add_argument(
        "--arms", nargs="+", default=["short"], metavar="ARM",
        help="arms or groups: short, tuning, all (default: short)",
    )  # fmt: skip
    size = experiment.add_mutually_exclusive_group()
    size.add_argument("--short", action="store_true", help="about ten minutes on two cores")
    size.add_argument("--tiny", action="store_true", help="to see that everything runs: read nothing into the figures")
    experiment.add_argument("--seeds", type=int, metavar="N", help="trainings of every arm")
    experiment.add_argument("--epochs", type=int, metavar="N", help="passes over the photos")
    experiment.add_argument("--batch", type=int, metavar="N", help="photos of a step")
    experiment.add_argument("--dropout", type=float, default=0.3, help="of the input features (default: %(default)s)")
    experiment.add_argument(
        "--blocks", nargs=2, type=float, metavar="KM",
        help="width of the held-out blocks in known and in new regions (default: 5 111.2)",
    )  # fmt: skip
    experiment.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    experiment.add_argument("--processes", type=int, metavar="N", help="runs at once (default: one per core)")
    experiment.add_argument("--seed", type=int, default=0, help="of photos and split (default: %(default)s)")
    experiment.add_argument("--json", action="store_true", help="print the result as one line of JSON")


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


def _experiment(arguments: argparse.Namespace) -> None:
    """Run the experiment on simulated or on own photos."""
    from variogeo import experiments

    size = experiments.SHORT if arguments.short else experiments.TINY if arguments.tiny else experiments.FULL
    given = {"seeds": arguments.seeds, "epochs": arguments.epochs, "batch_size": arguments.batch}
    result = experiments.run_experiment(
        arguments.out,
        photos=_own_photos(arguments),
        source=str(arguments.points),
        arms=arguments.arms,
        size=replace(size, **{name: value for name, value in given.items() if value is not None}),
        blocks=None if arguments.blocks is None else experiments.BlockSizes(*arguments.blocks),
        dropout=arguments.dropout,
        device=arguments.device,
        processes=arguments.processes,
        seed=arguments.seed,
    )
    if arguments.json:
        print(json.dumps(result.to_json()))
    else:
        print(f"{experiments.report_text(result)}\n\nWritten to {arguments.out}.")


def _own_photos(arguments: argparse.Namespace) -> PointEmbeddings | None:
    """Return the user's photos, or None where none are given."""
    from variogeo.io import open_points, read_points

    if arguments.points is None:
        if arguments.embedding is not None:
            msg = "--embedding names a column, but no file is given. Pass the file first: variogeo experiment FILE."
            raise DataError(msg)
        return None
    if arguments.embedding is None:
        msg = f"Which column of {arguments.points} holds the frozen features? Pass --embedding."
        raise DataError(msg)
    if arguments.lon is not None or arguments.lat is not None:
        return open_points(arguments.points, embedding=arguments.embedding, lon=arguments.lon, lat=arguments.lat)
    return read_points(arguments.points, embedding=arguments.embedding, point=arguments.point)


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
