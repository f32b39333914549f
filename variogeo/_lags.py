"""LagBins: the lag classes of an empirical variogram."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from variogeo._cards import bins_html
from variogeo._checks import as_real_array, check_number, check_whole
from variogeo._distances import HALF_GREAT_CIRCLE, lag_along
from variogeo._lonlat import check_lonlat
from variogeo._read_only import ReadOnlyArrays


@dataclass(frozen=True, eq=False, repr=False, init=False)
class LagBins(ReadOnlyArrays):
    """Lag bins ``(edges[k], edges[k+1]]`` in km.

    A pair whose lag equals an edge belongs to the bin below it. Pairs at zero lag (several photos
    of one place) never enter a bin: they are counted apart, as bin 0.

    Parameters
    ----------
    edges : (count + 1,) float array, km
        Strictly increasing, not negative.

    Examples
    --------
    >>> from variogeo import LagBins
    >>> LagBins([0, 10, 100])
    LagBins([0.0, 10.0, 100.0])
    >>> LagBins.logarithmic(1, 1000, 3).edges
    array([   1.,   10.,  100., 1000.])
    >>> LagBins.linear(0, 30, 3).low
    array([ 0., 10., 20.])
    """

    edges: NDArray[np.float64]

    def __init__(self, edges: ArrayLike) -> None:
        edges = np.array(as_real_array(edges, name="edges"), dtype=np.float64)
        if edges.ndim != 1 or len(edges) < 2:
            msg = f"Invalid edges of shape {edges.shape}. Must be (count + 1,) with at least one bin."
            raise ValueError(msg)
        if not np.isfinite(edges).all() or edges[0] < 0:
            msg = f"Invalid edges {_short(edges)}. Must be finite and not negative (km)."
            raise ValueError(msg)
        if not (np.diff(edges) > 0).all():
            first = int(np.flatnonzero(np.diff(edges) <= 0)[0])
            msg = (
                f"Invalid edges: {edges[first + 1]:g} follows {edges[first]:g} (position {first + 1}). "
                "Must increase strictly (km)."
            )
            raise ValueError(msg)
        edges.setflags(write=False)
        object.__setattr__(self, "edges", edges)

    @classmethod
    def linear(cls, low: float, high: float, count: int) -> "LagBins":
        """Return ``count`` bins of equal width from ``low`` to ``high`` (km)."""
        low, high, count = _limits(low, high, count)
        return cls(np.linspace(low, high, count + 1))

    @classmethod
    def logarithmic(cls, low: float, high: float, count: int) -> "LagBins":
        """Return ``count`` bins of equal ratio from ``low`` > 0 to ``high`` (km).

        The usual choice for photographs, whose lags span five decades.
        """
        if not check_number(low, name="low", unit="km") > 0:
            msg = f"Invalid low '{low}'. Must be greater than zero (km): logarithmic bins cannot start at zero."
            raise ValueError(msg)
        low, high, count = _limits(low, high, count)
        edges = np.geomspace(low, high, count + 1)
        edges[[0, -1]] = low, high
        return cls(edges)

    @classmethod
    def covering(cls, lonlat: Any, count: int = 20) -> "LagBins":
        """Return logarithmic bins that suit the points: from their short lags to half their extent.

        The first edge is the 0.1 % quantile of the lags among up to 1 000 evenly chosen points, the
        last is half of the largest such lag (the usual reach of a variogram), at most a quarter of
        the Earth's circumference; it is the largest lag where no pair is closer than that.

        Parameters
        ----------
        lonlat : (n, 2) float array, degrees
            Longitude then latitude, WGS84.
        count : int
            Number of bins.

        Examples
        --------
        >>> import numpy as np
        >>> bins = LagBins.covering(np.array([[8.0, 50.0], [8.1, 50.0], [9.0, 50.5], [11.0, 51.0]]), 4)
        >>> bins.edges.round(0)
        array([  8.,  15.,  30.,  60., 120.])
        """
        places = check_lonlat(lonlat)
        chosen = places[np.unique(np.linspace(0, len(places) - 1, min(len(places), 1000)).astype(int))]
        first, second = np.triu_indices(len(chosen), 1)
        lags = lag_along(chosen[first], chosen[second], "great_circle")
        lags = lags[lags > 0]
        if not lags.size:
            msg = f"lonlat has {len(places)} points at one place: no lag to bin. Must have two places."
            raise ValueError(msg)
        high = min(float(lags.max()) / 2, HALF_GREAT_CIRCLE / 2)
        if lags.min() > high:
            # Two points, or a few at equal distances: then the bins must reach the longest geodesic.
            high = 1.01 * float(lags.max())
        return cls.logarithmic(min(float(np.quantile(lags, 0.001)), high / 10), high, count)

    @property
    def low(self) -> NDArray[np.float64]:
        """Lower limits of the bins (excluded). Units: km."""
        return self.edges[:-1]

    @property
    def high(self) -> NDArray[np.float64]:
        """Upper limits of the bins (included). Units: km."""
        return self.edges[1:]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LagBins) and np.array_equal(self.edges, other.edges)

    def __hash__(self) -> int:
        return hash(self.edges.tobytes())

    def __repr__(self) -> str:
        return f"LagBins({self.edges.tolist()})"

    _repr_html_ = bins_html


def check_same_bins(one: LagBins, other: LagBins) -> None:
    """Refuse the bins of two variograms that are to be added, where they differ."""
    if one != other:
        both = " and ".join(f"{len(bins)} from {bins.edges[0]:.6g} to {bins.edges[-1]:.6g} km" for bins in (one, other))
        msg = f"Variograms with different bins do not add: {both}. Make both with the same LagBins."
        raise ValueError(msg)


def _limits(low: Any, high: Any, count: Any) -> tuple[float, float, int]:
    """Return checked limits and number of bins."""
    low = check_number(low, name="low", at_least=0.0, unit="km")
    high = check_number(high, name="high", above=low, unit="km, above low")
    return low, high, check_whole(count, name="count", at_least=1)


def _short(edges: NDArray[np.float64]) -> str:
    """Return the first edges as text."""
    return "[" + ", ".join(f"{edge:g}" for edge in edges[:6]) + (", ...]" if len(edges) > 6 else "]")
