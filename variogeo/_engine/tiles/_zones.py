"""LagZones: which bin a lag of limited accuracy is in, or that only the exact lag can tell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import Metric, exact_beyond, lag_error
from variogeo._engine._sums import bin_positions
from variogeo._lags import LagBins

OPEN = -1
"""The position of a pair that needs its exact lag."""

_SHORT = 1e-3
"""Lags up to here (km) are always settled exactly: below a metre the relative error of the series grows."""

_MARGIN = 2.0
"""Errors are taken as twice their bound, because the bound is that of the edge and not of the lag beside it."""


@dataclass(frozen=True, eq=False)
class LagZones:
    """Intervals of the lag with the position of each.

    Attributes
    ----------
    breaks : (m,) float array
        Limits of the zones, increasing (km): zone z is ``(breaks[z - 1], breaks[z]]``.
    position : (m + 1,) int array
        As `bin_positions` of each zone, or `OPEN`.
    """

    breaks: NDArray[np.float64]
    position: NDArray[np.int32]

    @classmethod
    def of(cls, bins: LagBins, metric: Metric) -> "LagZones":
        """Return the zones of some bins: open around each edge, near zero, and where the series has no bound."""
        limit = exact_beyond(metric)
        edges = bins.edges[(bins.edges > 0) & (bins.edges < limit)]
        error = _MARGIN * lag_error(edges, metric)
        low, high = np.append(edges - error, -1.0), np.append(edges + error, _SHORT)
        if np.isfinite(limit):
            low, high = np.append(low, limit - _MARGIN * lag_error(limit, metric)), np.append(high, np.inf)
        breaks = np.unique(np.concatenate([low, high]))
        breaks = breaks[(breaks > 0) & np.isfinite(breaks)]
        middle = (np.append(0.0, breaks) + np.append(breaks, breaks[-1] + 1.0)) / 2
        is_open = ((middle[:, None] > low) & (middle[:, None] < high)).any(axis=1)
        return cls(breaks, np.where(is_open, OPEN, bin_positions(middle, bins)).astype(np.int32))
