"""The options of the lag bins."""

import argparse
from typing import Any

from variogeo._checks import DataError
from variogeo._lags import LagBins


def add_bins_options(parser: argparse.ArgumentParser) -> None:
    """Add the limits, the number and the spacing of the bins."""
    group = parser.add_argument_group("lag bins")
    usable = "(default: of the usable lags that `variogeo check` finds)"
    group.add_argument("--low", type=float, metavar="KM", help=f"first bin edge {usable}")
    group.add_argument("--high", type=float, metavar="KM", help=f"last bin edge {usable}")
    group.add_argument("--bins", type=int, metavar="COUNT", help="number of bins (default: six per factor of ten)")
    group.add_argument("--spacing", choices=("log", "linear"), default="log", help="of the bins (default: %(default)s)")


def are_default(arguments: argparse.Namespace) -> bool:
    """Whether nothing is said about the bins, which are then those that `variogeo check` finds."""
    return arguments.low is arguments.high is arguments.bins is None and arguments.spacing == "log"


def bins_of(arguments: argparse.Namespace, lonlat: Any) -> LagBins:
    """Return the bins asked for; what was not given comes from the usable lags of the points."""
    from variogeo._usable_lags import bin_count, suggested_bins

    low, high, count = arguments.low, arguments.high, arguments.bins
    make = LagBins.logarithmic if arguments.spacing == "log" else LagBins.linear
    if low is None or high is None or count is None:
        suggested = suggested_bins(lonlat)
        if are_default(arguments):
            return suggested
        first, last = (float(edge) for edge in suggested.edges[[0, -1]])
        if high is None and low is not None and low >= last:
            msg = f"--low {low:g} is not below the longest usable lag, {last:g} km. Pass --high as well."
            raise DataError(msg)
        if low is None and high is not None and high <= first:
            msg = f"--high {high:g} is not above the shortest usable lag, {first:g} km. Pass --low as well."
            raise DataError(msg)
        low, high = first if low is None else low, last if high is None else high
        # Linear bins may begin at 0, which is no number of factors of ten below the last edge.
        below = low if low > 0 else first
        count = (bin_count(below, high) if below < high else 1) if count is None else count
    return make(low, high, count)
