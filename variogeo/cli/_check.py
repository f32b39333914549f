"""``variogeo check``: what is in a file, before anything is measured."""

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from variogeo._checks import DataError
from variogeo._files import naming
from variogeo.checkup import Checkup, Finding
from variogeo.checkup._findings import DROP_THEM
from variogeo.checkup._source_rows import SourceRows
from variogeo.checkup._ways import DROPPED, affordable
from variogeo.cli._lines import naming_options, print_json, print_result
from variogeo.cli._outputs import check_file, of_bytes, write_outputs
from variogeo.cli._points import add_points_options, inputs_of, read_rows, same_points, shown_name


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of the command."""
    text = "look at a table of embeddings: rows, extent, duplicates, usable lags, time and memory"
    parser = commands.add_parser(
        "check",
        help=text,
        description=f"{text.capitalize()}. Exit code 1 with errors.",
        usage="%(prog)s FILE [options]",
    )
    add_points_options(parser)
    parser.add_argument("--html", type=Path, metavar="PATH", help="write the result as a page as well")
    parser.add_argument("--overwrite", action="store_true", help="replace a page that exists")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Check the points, print what was found, and return 1 where there are errors."""
    import variogeo

    if arguments.html is not None:
        inputs = inputs_of(arguments)
        check_file(arguments.html, "--html", ".html", overwrite=arguments.overwrite, inputs=inputs)
    try:
        rows = read_rows(arguments)
        with naming(arguments.points):
            found = variogeo.check(
                rows.lonlat, rows.embeddings, groups=rows.groups, units=rows.units,
                check_land=not arguments.no_check_land,
            )  # fmt: skip
    except DataError as error:
        if not arguments.json:
            raise
        print_json({"ok": False, "findings": [Finding("error", "not readable", str(error)).to_json()]})
        return 1
    checkup = _in_options(_of_table(found, rows.dropped), arguments)
    if arguments.html is not None:
        write_outputs({arguments.html: of_bytes(checkup.to_html(f"Checkup of {shown_name(arguments)}").encode())})
    if arguments.json:
        print_json(checkup.to_json())
    else:
        written = "" if arguments.html is None else f"\n\nWritten to {arguments.html}."
        print_result(f"{checkup}{written}")
    return 0 if checkup.ok else 1


def _of_table(checkup: Checkup, dropped: tuple[int, ...]) -> Checkup:
    """Return a checkup that counts rows as the table does, of which a stream has left out some."""
    source = SourceRows.of(checkup.rows, dropped)
    findings = (*source.finding(), *(source.numbered(finding) for finding in checkup.findings))
    return replace(checkup, rows=source.total, findings=findings)


def _in_options(checkup: Checkup, arguments: argparse.Namespace) -> Checkup:
    """Return a checkup whose cures, and what to do next, are those of the command line."""
    findings = checkup.findings
    if arguments.missing == "drop":
        findings = [_done(finding) if finding.name in DROPPED else finding for finding in findings]
    findings = tuple(Finding(one.level, one.name, naming_options(one.text), one.rows) for one in findings)
    return replace(checkup, findings=findings, next_lines=tuple(_next(checkup, arguments)))


def _done(finding: Finding) -> Finding:
    """Return a note that rows are left out, of an error whose cure that is."""
    return Finding("note", finding.name, finding.text.replace(DROP_THEM, "They are left out."), finding.rows)


def _next(checkup: Checkup, arguments: argparse.Namespace) -> list[str]:
    """Return the command that goes on from here: with the same points, and with the bins of these lags by default."""
    if not checkup.next_lines:
        return []
    words = ["variogeo", "fit", *same_points(arguments)]
    words += [] if checkup.ok or arguments.missing == "drop" else ["--missing", "drop"]
    words += ["--group", arguments.group, "--exclude-group"] if arguments.group is not None else []
    return [shlex.join([*words, *_cheaper(checkup, arguments), "--out", "results"])]


def _cheaper(checkup: Checkup, arguments: argparse.Namespace) -> list[str]:
    """Return the option of the first way of less than an hour; none is left where pairs of a group are left out."""
    way = affordable(checkup.ways)
    if way.arguments and arguments.group is not None:
        return ["--resume", "run"]
    return naming_options(way.arguments).split()
