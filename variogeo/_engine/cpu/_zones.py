"""Zones: where a lag surely lies, as tables that a compiled loop can read."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import Metric, exact_beyond, lag_error
from variogeo._lags import LagBins

_MOST_CELLS = 2**18

_FURTHEST = 20_100.0
"""No lag on Earth is longer (km)."""

_KEY_ERROR = 1.2e-7
"""Relative error of a lag as float32, and a little."""


class Zones(NamedTuple):
    """Intervals ``(edge[r - 1], edge[r]]`` of the lag: from zero through all bins to infinity.

    A lag strictly between ``lower[r]`` and ``upper[r]`` lies in interval r, whatever the error of its formula;
    every other lag is open: it has to be settled by the exact one.

    A table of cells makes that quick. The number of a cell is the leading bits of the lag as float32, between
    ``smallest`` and ``largest``. A lag of the cell is in its ``interval``, or in the next one if it exceeds its
    ``cut``; but only when it differs from the cut by more than ``error``. Otherwise it needs the closer look above.

    Attributes
    ----------
    edge, lower, upper : (intervals + 1,) float array, km
        Position 0 is no interval: nothing lies there.
    interval : (cells,) int32 array
    cut : (cells,) float array, km
        Infinite where the cell holds no edge.
    error : (cells,) float array, km
        Infinite where the cell holds several edges, or lags whose formula has no bound.
    first_bits, shift : int
    smallest, largest : float, km
    first_bin : int
        Interval of the first bin.
    """

    edge: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    interval: NDArray[np.int32]
    cut: NDArray[np.float64]
    error: NDArray[np.float64]
    first_bits: int
    shift: int
    smallest: float
    largest: float
    first_bin: int

    @property
    def bins(self) -> slice:
        """The intervals that are bins."""
        return slice(self.first_bin, len(self.edge) - 1)


@lru_cache(maxsize=4)
def zones_of(bins: LagBins, metric: Metric) -> Zones:
    """Return the zones of some bins."""
    edges = np.concatenate([[0.0], bins.edges[bins.edges > 0]])
    limit = exact_beyond(metric)
    # Beyond the series its bound means nothing: all lags there are exact.
    error = lag_error(np.minimum(edges, limit), metric)
    edge = np.concatenate([edges, [np.inf]])
    lower = np.concatenate([[np.inf], edges + error])
    upper = np.concatenate([[-np.inf], edges[1:] - error[1:], [np.inf]])
    if edges[-1] + lag_error(limit, metric) >= limit:
        upper = np.minimum(upper, limit)
        lower[lower >= limit] = np.inf
    else:
        limit = np.inf
    smallest, largest = min(edges[1], _FURTHEST) / 2, min(edges[-1], _FURTHEST) * 1.01
    first_bits, shift, start = _cells(edge, smallest, largest)
    interval, cut, error = _table(edge, start, limit, metric)
    zones = Zones(
        edge, lower, upper, interval, cut, error, first_bits, shift, smallest, largest, 1 + int(bins.edges[0] > 0)
    )
    for array in zones[:6]:
        array.setflags(write=False)
    return zones


def _cells(edge: NDArray[np.float64], smallest: float, largest: float) -> tuple[int, int, NDArray[np.float64]]:
    """Return first bits and shift of the coarsest cells none of which holds two edges, or of the finest allowed.

    Also where each cell starts, and where the last one ends.
    """
    first, last = (int(np.float32(lag).view(np.int32)) for lag in (smallest, largest))
    inner = edge[(edge > 0) & (edge <= largest)].astype(np.float32).view(np.int32).astype(np.int64)
    shift = 16
    while shift > 6 and (np.diff(inner >> shift) == 0).any() and (last - first) >> (shift - 1) < _MOST_CELLS:
        shift -= 1
    first_bits = first >> shift << shift
    cells = np.arange(((last - first_bits) >> shift) + 2, dtype=np.int64)
    return first_bits, shift, (first_bits + (cells << shift)).astype(np.int32).view(np.float32).astype(np.float64)


def _table(edge: NDArray[np.float64], start: NDArray[np.float64], limit: float, metric: Metric) -> tuple[Any, ...]:
    """Return interval, cut and error of the cells; lags from ``limit`` on have no bound."""
    error = lag_error(np.minimum(start[1:], exact_beyond(metric)), metric)
    low, high = start[:-1] * (1 - _KEY_ERROR) - error, start[1:] * (1 + _KEY_ERROR) + error
    # All lags that are shorter are in the first cell.
    low[0] = -1.0
    interval, above = np.searchsorted(edge, low, side="left"), np.searchsorted(edge, high, side="right")
    cut = np.where(above > interval, edge[np.minimum(interval, len(edge) - 1)], np.inf)
    error[(above - interval > 1) | (high >= limit)] = np.inf
    return interval.astype(np.int32), cut, error
