"""``variogeo report``: one page that holds the whole result."""

import argparse
from pathlib import Path
from typing import Any

from variogeo.cli._bins import add_bins_options, are_default, bins_of
from variogeo.cli._lines import naming_options, print_json, print_result
from variogeo.cli._models import add_models_options
from variogeo.cli._outputs import check_file
from variogeo.cli._points import add_points_options, inputs_of, read_points, shown_name, units_of


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of the command."""
    text = "one self-contained page with the curve, the cloud and the map of a table of embeddings"
    usage = "%(prog)s FILE --out REPORT.html [options]"
    parser = commands.add_parser("report", help=text, description=f"Write {text}.", usage=usage)
    add_points_options(parser)
    add_bins_options(parser)
    add_models_options(parser, default=True, fix=False)
    parser.add_argument("--out", required=True, type=Path, metavar="REPORT.html", help="the page")
    parser.add_argument("--title", metavar="TEXT", help="of the page (default: the name of the file)")
    parser.add_argument(
        "--precision-km",
        type=float,
        metavar="KM",
        help="show places on a grid of this width: where photos were taken may be personal",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a page that exists")
    parser.add_argument("--json", action="store_true", help="print what was written as one line of JSON")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Write the report."""
    import variogeo
    from variogeo.reporting._words import page_words

    check_file(arguments.out, "--out", ".html", overwrite=arguments.overwrite, inputs=inputs_of(arguments))
    points = read_points(arguments)
    with page_words(naming_options):
        written = variogeo.report(
            points.lonlat,
            points.embeddings,
            arguments.out,
            title=shown_name(arguments) if arguments.title is None else arguments.title,
            bins=None if are_default(arguments) else bins_of(arguments, points.lonlat),
            weights=arguments.weights,
            models=arguments.models,
            groups=points.groups,
            model_id=points.model_id,
            precision_km=arguments.precision_km,
            check_land=not arguments.no_check_land,
            overwrite=arguments.overwrite,
            units=units_of(points, arguments),
            dropped=points.dropped,
        )
    if arguments.json:
        print_json({"points": len(points), "outputs": [str(written)], "bytes": written.stat().st_size})
    else:
        numbers = " Its row numbers are those of the table with what was left out." if points.dropped else ""
        print_result(f"{len(points)} points. Written to {written}, {written.stat().st_size / 1e6:.1f} MB.{numbers}")
