"""Nested: the sum of two models with one nugget."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from variogeo._model import VariogramModel
from variogeo._models import Spherical

_SHARE = 0.95
"""Share of the partial sill that defines the effective range."""
_BOUNDED = (Spherical,)
"""Models that reach their sill."""


@dataclass(frozen=True)
class Nested(VariogramModel):
    r"""Sum of two models: a short and a long structure over one nugget.

    .. math:: \gamma(h) = n + s_1 (1 - \rho_1(h)) + s_2 (1 - \rho_2(h)), \quad h > 0

    The normal shape of image embeddings, which rise from street to continent: a single model describes one of the
    two structures, or neither.

    Parameters
    ----------
    first : VariogramModel
        With the nugget of the sum.
    second : VariogramModel
        With a nugget of 0.

    Raises
    ------
    TypeError
        For classes instead of values, or a part that is nested itself.
    ValueError
        For a nugget of the second part.

    Notes
    -----
    ``nugget``, ``partial_sill`` and ``effective_range`` are those of the whole curve. Fit one with
    ``fit_variogram(empirical, (Exponential, Exponential))``, which puts the shorter structure first.

    Examples
    --------
    >>> from variogeo import Exponential, Nested
    >>> streets = Exponential(nugget=0.05, partial_sill=0.4, effective_range=10.0)
    >>> regions = Exponential(nugget=0.0, partial_sill=0.5, effective_range=1500.0)
    >>> model = Nested(streets, regions)
    >>> round(model.sill, 2), round(model.effective_range), round(float(model(10.0)), 3)
    (0.95, 1206, 0.44)
    """

    first: VariogramModel
    second: VariogramModel

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            _check_part(getattr(self, name), name)
        if self.second.nugget != 0:
            total = self.first.nugget + self.second.nugget
            msg = (
                f"Invalid second with a nugget of '{self.second.nugget}'. Must be 0: the sum has one nugget, that of "
                f"first. Give first the nugget {total:g} and second none."
            )
            raise ValueError(msg)

    @property
    def nugget(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Nugget of the sum. Definition: ``first.nugget``."""
        return self.first.nugget

    @property
    def partial_sill(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Partial sill of the sum. Definition: ``first.partial_sill + second.partial_sill``."""
        return self.first.partial_sill + self.second.partial_sill

    @property
    def effective_range(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Lag at which 95 % of the whole partial sill is reached. Units: km.

        Definition: where both parts reach their sill (`Spherical`), the lag at which both have.
        """
        low, high = 0.0, max(part.effective_range for part in self._present)
        if all(isinstance(part, _BOUNDED) for part in self._present):
            return high
        # Both parts have 95 % of their own at the longer range; halved until no float64 lies between.
        while low < (middle := (low + high) / 2) < high:
            low, high = (low, middle) if self._rise(np.float64(middle)) >= _SHARE else (middle, high)
        return high

    @property
    def integral_scale(self) -> float:
        """Integral of the correlogram. Definition: the mean of both, weighted by partial sill. Units: km."""
        scales = zip(self._shares, (self.first, self.second), strict=True)
        return sum(share * part.integral_scale for share, part in scales if share > 0)

    @property
    def valid_on_sphere(self) -> bool:
        """Whether both parts are positive definite in great-circle distance, and so is their sum."""
        return self.first.valid_on_sphere and self.second.valid_on_sphere

    @property
    def validity(self) -> str:
        """The reason for `valid_on_sphere`, in words."""
        for part in (self.first, self.second):
            if not part.valid_on_sphere:
                return f"its part {type(part).__name__} is {part.validity}"
        return f"the sum of two models, each {self.first.validity}"

    @property
    def parameter_values(self) -> dict[str, float]:
        """The parameters by the names that `fit_variogram` knows them by, e.g. ``first.partial_sill``."""
        parts = {"first": self.first, "second": self.second}
        named = {
            f"{part}.{name}": value
            for part, model in parts.items()
            for name, value in model.parameter_values.items()
            if name != "nugget"
        }
        return {"nugget": self.nugget, **named}

    def __str__(self) -> str:
        return f"Nested({self.first}, {self.second})"

    @property
    def _shares(self) -> tuple[float, float]:
        """The parts' shares of the partial sill; one half each of nothing."""
        total = self.partial_sill
        if total == 0:
            return 0.5, 0.5
        return self.first.partial_sill / total, self.second.partial_sill / total

    @property
    def _present(self) -> list[VariogramModel]:
        """The parts that the curve has anything of."""
        return [part for share, part in zip(self._shares, (self.first, self.second), strict=True) if share > 0]

    def _rise(self, lag: Any) -> Any:
        first, second = self._shares
        return first * self.first._rise(lag) + second * self.second._rise(lag)

    def _rise_slope(self, lag: Any) -> Any:
        # Where nothing rises nothing is added: an infinite slope at 0 times a share of 0 would be NaN.
        slopes = zip(self._shares, (self.first, self.second), strict=True)
        return sum(share * part._rise_slope(lag) for share, part in slopes if share > 0)


def _check_part(part: Any, name: str) -> None:
    """Refuse anything but the value of a single model."""
    if isinstance(part, type):
        msg = (
            f"Invalid {name} {part.__name__}: a class. Must be a value, e.g. Exponential(0.1, 0.2, 300.0). "
            "To fit two structures: fit_variogram(empirical, (Exponential, Exponential))."
        )
        raise TypeError(msg)
    if not isinstance(part, VariogramModel) or isinstance(part, Nested):
        kind = type(part).__name__
        msg = f"Invalid {name} of type {kind}. Must be a single model, e.g. Exponential(0.1, 0.2, 300.0)."
        raise TypeError(msg)
