"""LagSpread: how much the dissimilarity of pairs varies, per lag."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np

from variogeo._cards import spread_html
from variogeo._checks import check_number
from variogeo._empirical import EmpiricalVariogram
from variogeo._model import checked_lag
from variogeo._namespace import array_namespace
from variogeo._tables import FEW_PAIRS

_ROUNDING = 1e-6
"""Spread of equal numbers, relative to them: the root of what float64 loses in the difference of squares, and more."""


@dataclass(frozen=True)
class LagSpread:
    r"""Spread of the dissimilarity as a function of the lag: the unit of a standardised residual.

    .. math:: z = \frac{\gamma(h) - c}{\sigma(h)}

    Linear in the logarithm of the lag between the given lags, constant before the first and after the last.

    Parameters
    ----------
    lag : sequence of float, km
        Above zero and increasing.
    spread : sequence of float
        Standard deviation of the dissimilarity at these lags, above zero.

    Raises
    ------
    ValueError
        For lags that do not increase, numbers of at most zero, and sequences of different lengths.

    Notes
    -----
    Near pairs of photos vary more than far ones in some feature spaces and less in others. With one number for all
    lags a strength means something else in a street than between continents.

    The spread of a bin holds the rise of the curve within the bin as well: from wide bins, where the curve is steep,
    it is too large. Each lag is one more step per pair: with many of them compile the module, which makes one loop.

    Examples
    --------
    >>> from variogeo import LagSpread
    >>> spread = LagSpread(lag=(1.0, 100.0), spread=(0.02, 0.06))
    >>> spread([0.1, 10.0, 5000.0]).round(3)
    array([0.02, 0.04, 0.06])
    """

    lag: tuple[float, ...]
    spread: tuple[float, ...]

    def __post_init__(self) -> None:
        lag, spread = _numbers(self.lag, "lag", "km"), _numbers(self.spread, "spread", "")
        object.__setattr__(self, "lag", lag)
        object.__setattr__(self, "spread", spread)
        if len(lag) != len(spread):
            msg = f"spread has {len(spread)} numbers but lag has {len(lag)}. One spread per lag."
            raise ValueError(msg)
        if not lag:
            msg = "Invalid lag without numbers. Must have at least one."
            raise ValueError(msg)
        for number, (low, high) in enumerate(pairwise(lag), start=1):
            if not math.log(high) > math.log(low):
                msg = f"Invalid lag[{number}] '{high:g}' after '{low:g}'. Must increase strictly (km): sort them."
                raise ValueError(msg)

    @classmethod
    def of(cls, empirical: EmpiricalVariogram) -> "LagSpread":
        """Return the spread per bin of an empirical variogram, at the mean lags of its bins.

        Parameters
        ----------
        empirical : EmpiricalVariogram
            Of the features in which the curve was fitted, made with neither ``spread=False`` nor weights.

        Raises
        ------
        ValueError
            For a variogram that kept no spread, or no bin with 30 pairs or more and a spread above zero.

        Examples
        --------
        >>> import numpy as np
        >>> from variogeo import LagBins, LagSpread, variogram_from_pairs
        >>> lag = np.repeat([10.0, 1000.0], 50)
        >>> dissimilarity = np.tile([0.1, 0.3], 50) * lag**0.1
        >>> LagSpread.of(variogram_from_pairs(lag, dissimilarity, LagBins([0, 100, 5000]))).spread
        (0.1258..., 0.1995...)
        """
        if not isinstance(empirical, EmpiricalVariogram):  # pyright: ignore[reportUnnecessaryIsInstance]
            msg = (
                f"Invalid empirical of type {type(empirical).__name__}. Must be an EmpiricalVariogram; for numbers of "
                "your own: LagSpread(lag, spread)."
            )
            raise TypeError(msg)
        if not empirical.sums.has_spread:
            msg = (
                "This variogram was made with spread=False or weights, which keep no spread. Make it with neither, or "
                "pass one number as spread."
            )
            raise ValueError(msg)
        usable = (
            (empirical.npairs >= FEW_PAIRS) & varies(empirical.spread, empirical.semivariance) & (empirical.lag > 0)
        )
        if not usable.any():
            msg = (
                f"No bin has {FEW_PAIRS} pairs or more and a spread above zero (most pairs in a bin: "
                f"{empirical.npairs.max()}). Use fewer or wider bins, or more points."
            )
            raise ValueError(msg)
        return cls(tuple(empirical.lag[usable].tolist()), tuple(empirical.spread[usable].tolist()))

    def __call__(self, lag: Any) -> Any:
        """Return the spread at ``lag`` (km), in the array type and dtype of the lag; NaN for NaN."""
        lag = checked_lag(lag)
        xp = array_namespace(lag)
        position = xp.log(xp.clip(lag, self.lag[0], self.lag[-1]))
        # A sum of ramps rather than a search: numbers in a graph need no table on the device, and compile to one loop.
        spread = self.spread[0] + 0.0 * lag
        for start, per_width, rise in self._ramps:
            spread = spread + rise * xp.clip((position - start) * per_width, 0.0, 1.0)
        return spread[()]

    @property
    def _ramps(self) -> tuple[tuple[float, float, float], ...]:
        """The log of the lag where each ramp starts, one over its width, and its rise."""
        at = [math.log(lag) for lag in self.lag]
        rises = [high - low for low, high in pairwise(self.spread)]
        widths = [high - low for low, high in pairwise(at)]
        return tuple((start, 1.0 / width, rise) for start, width, rise in zip(at[:-1], widths, rises, strict=True))

    _repr_html_ = spread_html


def varies(spread: Any, mean: Any) -> Any:
    """Whether the spread about a mean is more than what rounding leaves of the squares of equal numbers."""
    return np.nan_to_num(spread) > _ROUNDING * np.abs(np.nan_to_num(mean))


def _numbers(values: Any, name: str, unit: str) -> tuple[float, ...]:
    """Return the numbers of a sequence, each above zero."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        msg = f"Invalid {name} {values!r}. Must be a sequence of numbers."
        raise TypeError(msg)
    numbers = enumerate(cast("Iterable[Any]", values))
    return tuple(check_number(value, name=f"{name}[{k}]", above=0.0, unit=unit) for k, value in numbers)
