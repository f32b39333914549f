"""``variogeo demo``: the whole line on bundled data."""

import argparse
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of the command."""
    text = "the whole line on bundled data: fit, plot, train with and without weights"
    parser = commands.add_parser("demo", help=text, description=f"Run {text}.", usage="%(prog)s [options]")
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--short", action="store_true", help="a few training steps only, to see that everything runs")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Run the demonstration."""
    from variogeo import demo

    demo.run(arguments.out, short=arguments.short)
