"""The options that say where the points are, the same for every command, and how they are read."""

import argparse
import os
import re
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from variogeo._checks import listed_rows
from variogeo._geometry import PointOf
from variogeo._missing import Missing
from variogeo._points import PointEmbeddings
from variogeo.cli._lines import say
from variogeo.cli._usage import UsageError
from variogeo.io._units import Units

_FORMULAS = {"alphaearth": "dequantize_alphaearth"}
"""The published formulas, by their names in `variogeo.io`."""


def add_points_options(parser: argparse.ArgumentParser, *, needed: bool = True) -> None:
    """Add the file and the options that say what is where in it; where no file is needed, groups are not either."""
    file = "GeoParquet, Parquet, npz or npy; a folder of (Geo)Parquet files as parts of one table"
    if needed:
        parser.add_argument("points", type=Path, metavar="FILE", help=file)
    else:
        parser.add_argument("points", type=Path, metavar="FILE", nargs="?", help=f"{file}; simulated photos by default")
    group = parser.add_argument_group("points")
    group.add_argument(
        "--embedding", type=_columns, metavar="COLUMN",
        help="column (or npz array) of lists; or A00..A63 for columns of numbers (default: embedding, embeddings)",
    )  # fmt: skip
    group.add_argument("--lon", metavar="COLUMN", help="longitude, where there is no geometry (default: lon, ...)")
    group.add_argument("--lat", metavar="COLUMN", help="latitude, where there is no geometry (default: lat, ...)")
    group.add_argument("--units", choices=get_args(Units), help="of longitude and latitude (default: deg)")
    group.add_argument("--point", choices=get_args(PointOf), help="how polygons become points")
    if needed:
        group.add_argument("--group", metavar="COLUMN", help="label of each point, such as its sequence")
    else:
        parser.set_defaults(group=None)
    group.add_argument("--table", type=Path, metavar="FILE", help="table with a row for each row of an npy file")
    group.add_argument(
        "--missing", choices=get_args(Missing), default="refuse", help="rows without a number (default: %(default)s)"
    )
    group.add_argument("--dequantize", choices=_FORMULAS, help="formula of the publisher, for embeddings of int8")
    group.add_argument(
        "--stream", action="store_true", help="of Parquet: leave the embeddings in the file, as of a folder"
    )
    group.add_argument("--model-id", metavar="NAME", help="of the model that made the embeddings")
    group.add_argument("--no-check-land", action="store_true", help="for points at sea: do not suspect swapped columns")


def read_points(arguments: argparse.Namespace) -> PointEmbeddings:
    """Return the points of a file; those of a folder with embeddings that stay in their files."""
    from variogeo import io

    given = {**_given(arguments), "check_land": not arguments.no_check_land}
    streamed = arguments.stream or arguments.points.is_dir()
    if streamed and arguments.table is not None:
        msg = "--table goes with an npy file, which is neither a folder nor streamed. Leave one of them out."
        raise UsageError(msg)
    if streamed:
        points = io.open_points(arguments.points, **given)
    else:
        points = io.read_points(arguments.points, table=arguments.table, **given)
    if points.dropped:
        rows = f"{len(points.dropped)} rows ({listed_rows(points.dropped)})"
        say(f"warning: {rows} were left out by --missing drop; errors that follow number rows without them.")
    return points


class Rows(NamedTuple):
    """The rows of a file, with NaN where something is missing, so that all of it is seen.

    ``dropped`` are those that a stream has left out; ``units`` are "deg" where they are known.
    """

    lonlat: Any
    embeddings: Any
    groups: Any
    units: Literal["deg"] | None
    dropped: tuple[int, ...] = ()


def read_rows(arguments: argparse.Namespace) -> Rows:
    """Return the rows of a file as they stand there; a stream leaves out what it is told to."""
    from variogeo.io._read import raw_points
    from variogeo.io._wanted import Wanted

    if arguments.stream or arguments.points.is_dir():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a checkup finds it all
            points = read_points(arguments)
        return Rows(points.lonlat, points.embeddings, points.groups, units_of(points, arguments), points.dropped)
    given = {"dequantize": None, **_given(arguments), "missing": "drop"}
    del given["model_id"]
    raw = raw_points(arguments.points, arguments.table, Wanted(**given))
    return Rows(raw.lonlat, raw.embeddings, raw.groups, None if raw.units is None else "deg")


def units_of(points: PointEmbeddings, arguments: argparse.Namespace) -> Literal["deg"] | None:
    """Return "deg" where the points are known to be in degrees: by their CRS, or because somebody has said so."""
    return None if points.crs is None and arguments.units is None else "deg"


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of a door that the options stand for."""
    from variogeo import io

    if (arguments.lon is None) != (arguments.lat is None):
        msg = "--lon and --lat go together. Name both columns."
        raise UsageError(msg)
    names = ("embedding", "lon", "lat", "point", "group", "units", "missing", "model_id")
    given: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    if arguments.dequantize is not None:
        given["dequantize"] = getattr(io, _FORMULAS[arguments.dequantize])
    return given


def inputs_of(arguments: argparse.Namespace) -> list[Path]:
    """Return the files that are read, which no output may replace."""
    return [path for path in (arguments.points, arguments.table) if path is not None]


def shown_name(arguments: argparse.Namespace) -> str:
    """Return the name of the file for a page, which is UTF-8: names of files need not be."""
    return os.fsencode(arguments.points.name).decode(errors="replace")


def same_points(arguments: argparse.Namespace) -> list[str]:
    """Return the words that name the same points to another command."""
    words: list[str] = [] if arguments.points is None else [_named(arguments.points)]
    for name in ("embedding", "lon", "lat", "units", "point", "table", "dequantize", "model_id"):
        given = getattr(arguments, name)
        if given is not None:
            text = f"{given[0]}..{given[-1]}" if isinstance(given, list) else _named(given)
            words += [f"--{name.replace('_', '-')}", text]
    words += ["--missing", arguments.missing] if arguments.missing != "refuse" else []
    return words + [f"--{name}" for name in ("no-check-land", "stream") if getattr(arguments, name.replace("-", "_"))]


def _named(value: Any) -> str:
    """Return a value as a word that is no option."""
    return f"./{value}" if isinstance(value, Path) and str(value).startswith("-") else str(value)


def _columns(text: str) -> str | list[str]:
    """Return the name of a column, or those from ``A00..A63``: equal but for their last digits."""
    span = re.fullmatch(r"(.*?)([0-9]+)\.\.\1([0-9]+)", text)
    if span is None:
        return text
    start, first, last = span.groups()
    if len(first) > len(last) or int(first) >= int(last):
        msg = f"invalid columns: {text!r} (the first before the last, as in A00..A63)"
        raise argparse.ArgumentTypeError(msg)
    return [f"{start}{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]


def extent(points: PointEmbeddings) -> str:
    """Return how many points there are and where, in one line."""
    low, high = points.lonlat.min(axis=0), points.lonlat.max(axis=0)
    return f"{len(points)} points, longitude {low[0]:.4g}..{high[0]:.4g}, latitude {low[1]:.4g}..{high[1]:.4g}"
