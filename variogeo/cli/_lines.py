"""What a command says: results on stdout, and everything else on stderr, each in one line."""

import json
import logging
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PHRASES = (
    (
        "a folder to go on from after a stop, and more machines: resume=folder, executor=client",
        "a folder to go on from after a stop: --resume DIR",
    ),
    (", or an executor and a folder to resume from", ", or --resume DIR"),
    ("pairs='all'", "--all-pairs"),
    ("spread=False", "--no-spread"),
    ("check_land=False", "--no-check-land"),
    ("overwrite=True", "--overwrite"),
    ("Widen it with bounds=, hold the parameter with ", "Hold the parameter with "),
    ("fixed= or bounds=", "--fix"),
    ("metric='chord', bounds= or fixed=", "--metric chord or --fix"),
    ("hold the partial sill with fixed=", "hold the partial sill with --fix partial_sill=NUMBER"),
    ("fixed=", "--fix"),
    ("Use longer bins, ", "Use longer bins (--high), "),
    ("Use shorter first bins, ", "Use shorter first bins (--low), "),
    ("LagBins.covering(lonlat) suggests", "variogeo check suggests"),
    ("exclude= takes each as a group", "--exclude-group takes each as a group"),
    ("its own, patches= refuses", "its own, --patches group refuses"),
    ("exclude= leaves out", "--exclude-group leaves out"),
    ("e.g. variogeo.inference.kmeans_patches", "e.g. --patches 25"),
    (
        "A report takes no such arguments: variogeo.fit_variogram does, with the variogram of these bins.",
        "That is an option of variogeo fit.",
    ),
    ("; variogeo.io.open_points takes folders of Parquet", ""),
    ("variogeo.inference.kmeans_patches(lonlat, 50) makes some", "--patches 50 makes some"),
    (
        'Then say so: gdf.set_crs("EPSG:4326", allow_override=True).',
        'Then write the file again with the right CRS: set_crs("EPSG:4326", allow_override=True) of geopandas.',
    ),
    ("Make both with the same LagBins", "Fit both with the same --low, --high and --bins"),
    ("exclude or weights with sampled pairs", "--exclude-group or --density-weights with --sample"),
    (' With dissimilarity="half_squared" they are values like others.', ""),
    ('For dissimilarity="half_squared", pass arrays to the function itself. ', ""),
    (" Pass them as scalars: half_squared, (n,).", " Was a wider one meant? Choose it with --embedding."),
    ('missing="drop" in variogeo.io', "--missing drop"),
    (", then points_from_geodataframe or points_from_arrays", ", and write them with to_parquet"),
    ("that save() wrote", "that variogeo wrote"),
    (" to variogeo.io.points_from_arrays", ""),
    (" to a door of variogeo.io", ""),
    (" to variogeo.io, with the formula", " with the formula"),
    ("pass lonlat[:, ::-1]", "swap the columns (--lon, --lat)"),
    ("Pass a GeoDataFrame with its CRS", "Pass a GeoParquet file with its CRS"),
    (" to variogeo.interop.lonlat_from_geodataframe", ""),
    (" (--point on the command line)", ""),
)
"""What messages of the library name, and the option that stands for it: longer phrases before their parts."""

_SAMPLE = re.compile(r"pairs=(?:variogeo\.)?StratifiedPairs\(([0-9_]+), seed=0\)")

_FIT = re.compile(r"fit_variogram\(empirical, \(?(\w+)(?:, (\w+)\))?\)")
"""The call that fits another model, or two."""

_ARGUMENT = re.compile(
    r"(?<![^\s(])(embedding|lon|lat|point|group|table|units|missing|dequantize|dissimilarity|dimension|metric|resume)="
    r"(?:([\"'])(.+?)\2)?(?![\w/~-]|\.{1,2}/)"
)
"""An argument that the library names and that is an option of the same name."""


def say(text: str) -> None:
    """Print one line on stderr, in the words of the command line."""
    print("variogeo:", naming_options(" ".join(text.split())), file=sys.stderr)


def naming_options(message: str) -> str:
    """Return a message of the library with options in the place of arguments."""
    message = _SAMPLE.sub(lambda found: f"--sample {found[1].replace('_', '')}", message)
    message = _FIT.sub(lambda found: f"--models {'+'.join(filter(None, found.groups()))}", message)
    for phrase, option in PHRASES:
        message = message.replace(phrase, option)
    return _ARGUMENT.sub(lambda found: shlex.join([f"--{found[1]}", *([found[3]] if found[3] else [])]), message)


def print_result(text: str) -> None:
    """Print a result on stdout. A reader that has gone away, such as ``head``, is no failure of the work."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        leave_stdout()
    except OSError:
        leave_stdout()
        raise


def print_json(result: dict[str, Any]) -> None:
    """Print a result on stdout as one line of JSON."""
    print_result(json.dumps(result, allow_nan=False))


def leave_stdout() -> None:
    """Let what is left to be written go nowhere: the interpreter would fail on it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Print warnings and log records of the library as one line each."""
    handler = _OneLine(logging.WARNING)
    logger = logging.getLogger("variogeo")
    with warnings.catch_warnings():
        warnings.showwarning = _show
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning as one line, without the line of code that it comes from."""
    say(f"warning: {message}")


class _OneLine(logging.Handler):
    """Prints records as one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        say(f"{record.levelname.lower()}: {record.getMessage()}")
