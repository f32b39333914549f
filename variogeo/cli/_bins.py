"""The options of the lag bins."""

import argparse
from typing import Any

from variogeo._lags import LagBins


def add_bins_options(parser: argparse.ArgumentParser) -> None:
    """Add the limits, the number and the spacing of the bins."""
    group = parser.add_argument_group("lag bins")
    group.add_argument("--low", type=float, metavar="KM", help="first bin edge (default: a short lag of the points)")
    group.add_argument(
        "--high", type=float, metavar="KM", help="last bin edge (default: half the extent of the points)"
    )
    group.add_argument("--bins", type=int, default=20, metavar="COUNT", help="number of bins (default: %(default)s)")
    group.add_argument("--spacing", choices=("log", "linear"), default="log", help="of the bins (default: %(default)s)")


def bins_of(arguments: argparse.Namespace, lonlat: Any) -> LagBins:
    """Return the bins asked for; limits that were not given come from the points."""
    low, high = arguments.low, arguments.high
    if low is None or high is None:
        suggested = LagBins.covering(lonlat, arguments.bins).edges
        low, high = suggested[0] if low is None else low, suggested[-1] if high is None else high
    make = LagBins.logarithmic if arguments.spacing == "log" else LagBins.linear
    return make(float(low), float(high), arguments.bins)
