"""Zones: where a lag surely lies, as tables that a compiled loop can read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import Metric, exact_beyond, lag_error
from variogeo._lags import LagBins

_MOST_CELLS = 2**18

_FURTHEST = 20_100.0
"""No lag on Earth is longer (km)."""


class Zones(NamedTuple):
    """Intervals ``(edge[r - 1], edge[r]]`` of the lag: from zero through all bins to infinity.

    A lag strictly between ``lower[r]`` and ``upper[r]`` lies in interval r, whatever the error of its formula;
    every other lag has to be settled by the exact one. The interval at which to start looking stands in a table
    whose index is the leading bits of the lag as float32, between ``smallest`` and ``largest``.

    Attributes
    ----------
    edge, lower, upper : (intervals + 1,) float array, km
        Position 0 is no interval: nothing lies there.
    table : (cells,) int32 array
    first_bits, shift : int
    smallest, largest : float, km
    first_bin : int
        Interval of the first bin.
    """

    edge: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    table: NDArray[np.int32]
    first_bits: int
    shift: int
    smallest: float
    largest: float
    first_bin: int

    @property
    def bins(self) -> slice:
        """The intervals that are bins."""
        return slice(self.first_bin, len(self.edge) - 1)


def zones_of(bins: LagBins, metric: Metric) -> Zones:
    """Return the zones of some bins."""
    edges = np.concatenate([[0.0], bins.edges[bins.edges > 0]])
    # Beyond the series its bound means nothing: all lags there are exact.
    error = lag_error(np.minimum(edges, exact_beyond(metric)), metric)
    edge = np.concatenate([edges, [np.inf]])
    lower = np.concatenate([[np.inf], edges + error])
    upper = np.concatenate([[-np.inf], edges[1:] - error[1:], [np.inf]])
    limit = exact_beyond(metric)
    if edges[-1] + lag_error(limit, metric) >= limit:
        upper = np.minimum(upper, limit)
        lower[lower >= limit] = np.inf
    smallest, largest = min(edges[1], _FURTHEST) / 2, min(edges[-1], _FURTHEST) * 1.01
    shift, first_bits, table = _table(edge, smallest, largest)
    return Zones(edge, lower, upper, table, first_bits, shift, smallest, largest, 1 + int(bins.edges[0] > 0))


def _table(edge: NDArray[np.float64], smallest: float, largest: float) -> tuple[int, int, NDArray[np.int32]]:
    """Return the coarsest table in which no cell holds two edges, or the finest allowed."""
    first, last = (int(np.float32(lag).view(np.int32)) for lag in (smallest, largest))
    inner = np.sort(edge[1:-1].astype(np.float32)).view(np.int32).astype(np.int64)
    shift = 16
    while shift > 6 and (np.diff(inner >> shift) == 0).any() and (last - first) >> (shift - 1) < _MOST_CELLS:
        shift -= 1
    first_bits = first >> shift << shift
    cells = np.arange(((last - first_bits) >> shift) + 2, dtype=np.int64)
    # The cell's lower limit, less the rounding to float32.
    start = (first_bits + (cells << shift)).astype(np.int32).view(np.float32).astype(np.float64) * (1 - 1e-7)
    return shift, first_bits, np.searchsorted(edge, start, side="left").astype(np.int32)
