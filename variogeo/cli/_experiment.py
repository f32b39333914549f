"""``variogeo experiment``: whether weighting helps."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from variogeo._checks import DataError
from variogeo._points import PointEmbeddings
from variogeo.cli._lines import print_json, print_result
from variogeo.cli._points import add_points_options, read_points, same_points
from variogeo.cli._usage import Extend, file_first


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of the command."""
    text = "does weighting help: train with every scheme on the same photos, and compare"
    usage = "%(prog)s [FILE] [options]"
    parser = commands.add_parser("experiment", help=text, description=f"{text.capitalize()}.", usage=usage)
    add_points_options(parser, needed=False)
    parser.add_argument(
        "--out", type=Path, default=Path("experiment-output"), metavar="DIR",
        help="folder for the report and the finished runs; the same call goes on there (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--arms", nargs="+", action=Extend, type=_arm, default=["short"], metavar="ARM",
        help="arms or groups: short, tuning, all (default: short)",
    )  # fmt: skip
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--short", action="store_true", help="about eight minutes on two cores")
    size.add_argument("--tiny", action="store_true", help="to see that everything runs: read nothing into the figures")
    parser.add_argument("--seeds", type=int, metavar="N", help="trainings of every arm")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the photos")
    parser.add_argument("--batch", type=int, metavar="N", help="photos of a step")
    parser.add_argument("--dropout", type=float, default=0.3, help="of the input features (default: %(default)s)")
    parser.add_argument(
        "--blocks", nargs=2, type=float, metavar="KM",
        help="width of the held-out blocks in known and in new regions (default: 5 111.2)",
    )  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--processes", type=int, metavar="N", help="runs at once (default: one per core)")
    parser.add_argument("--seed", type=int, default=0, help="of photos and split (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    return parser


def run(arguments: argparse.Namespace) -> None:
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
        print_json(result.to_json())
    else:
        print_result(f"{experiments.report_text(result)}\n\nWritten to {arguments.out}.")


def _arm(word: str) -> str:
    """Return the name of an arm or of a group of arms, but no file: which names there are only the experiment knows."""
    if cure := file_first(word, "--arms"):
        msg = f"invalid choice: {word!r} (a file, no arm{cure})"
        raise argparse.ArgumentTypeError(msg)
    return word


def _own_photos(arguments: argparse.Namespace) -> PointEmbeddings | None:
    """Return the user's photos, or None where none are given."""
    if arguments.points is None:
        given = same_points(arguments)
        if given:
            msg = f"{given[0]} is about a file, but no file is given. Pass the file first: variogeo experiment FILE."
            raise DataError(msg)
        return None
    return read_points(arguments)
