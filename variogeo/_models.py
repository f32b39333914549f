"""The variogram models: Spherical, Exponential, Gaussian, Stable, Matern."""

import math
from dataclasses import dataclass
from typing import Any

from variogeo._checks import check_number
from variogeo._model import VariogramModel, check_fields
from variogeo._namespace import array_namespace

LOG20 = math.log(20.0)
"""At 95 % of the partial sill ``exp(-x) = 1 / 20``."""

MATERN_SCALES = {0.5: LOG20, 1.5: 4.743864518390578, 2.5: 5.918649346310188}
"""Effective range over the scale: the x with 95 % of the partial sill, per smoothness."""

_MATERN_SERIES = {
    1.5: [(-1) ** n * (n - 1) / math.factorial(n) for n in range(2, 12)],
    2.5: [-((-1) ** n) * (n - 1) * (n - 3) / (3 * math.factorial(n)) for n in range(2, 12)],
}
"""Coefficients of ``(1 - rho) / x^2`` in powers of x: for ``1 - (1 + x) e^-x`` and
``1 - (1 + x + x^2/3) e^-x``, multiplied out."""
_NEAR = 0.1
"""Below this x the series is exact to 1e-16."""
_FAR = 700.0
"""Beyond this x the correlogram is zero, and x^2 e^-x would be infinity times zero."""
_LARGEST_LOG = 709.0
"""The exponential of more than this is no float64."""


@dataclass(frozen=True)
class Spherical(VariogramModel):
    r"""Spherical model: reaches its sill at the effective range.

    .. math:: 1 - \rho(h) = \tfrac32 \tfrac{h}{r} - \tfrac12 \left(\tfrac{h}{r}\right)^3, \; h < r

    Parameters
    ----------
    nugget, partial_sill : float
        Not negative.
    effective_range : float, km
        The lag ``r`` at which the sill is reached.

    Examples
    --------
    >>> from variogeo import Spherical
    >>> float(Spherical(nugget=0.0, partial_sill=20.0, effective_range=10.0)(5.0))
    13.75
    """

    nugget: float
    partial_sill: float
    effective_range: float

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def valid_on_sphere(self) -> bool:
        """True (Gneiting 2013, table 1)."""
        return True

    @property
    def integral_scale(self) -> float:
        """Integral of the correlogram. Definition: ``3/8 r``. Units: km."""
        return 0.375 * self.effective_range

    def _rise(self, lag: Any) -> Any:
        part = array_namespace(lag).clip(lag / self.effective_range, None, 1.0)
        return part * (1.5 - 0.5 * part * part)

    def _rise_slope(self, lag: Any) -> Any:
        part = array_namespace(lag).clip(lag / self.effective_range, None, 1.0)
        return 1.5 * (1.0 - part * part) / self.effective_range


@dataclass(frozen=True)
class Exponential(VariogramModel):
    r"""Exponential model.

    .. math:: 1 - \rho(h) = 1 - \exp(-h / a), \qquad a = r / \ln 20

    Parameters
    ----------
    nugget, partial_sill : float
        Not negative.
    effective_range : float, km
        The lag ``r`` at which 95 % of the partial sill is reached: ``2.9957 a``.

    Examples
    --------
    >>> from variogeo import Exponential
    >>> round(float(Exponential(nugget=0.0, partial_sill=1.0, effective_range=100.0)(100.0)), 12)
    0.95
    """

    nugget: float
    partial_sill: float
    effective_range: float

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def valid_on_sphere(self) -> bool:
        """True (Gneiting 2013, table 1)."""
        return True

    @property
    def integral_scale(self) -> float:
        """Integral of the correlogram. Definition: the scale ``a``. Units: km."""
        return self.effective_range / LOG20

    def _rise(self, lag: Any) -> Any:
        return -array_namespace(lag).expm1(-lag * (LOG20 / self.effective_range))

    def _rise_slope(self, lag: Any) -> Any:
        rate = LOG20 / self.effective_range
        return rate * array_namespace(lag).exp(-lag * rate)


@dataclass(frozen=True)
class Gaussian(VariogramModel):
    r"""Gaussian model: smooth at the origin. Not valid in great-circle distance.

    .. math:: 1 - \rho(h) = 1 - \exp(-(h / a)^2), \qquad a = r / \sqrt{\ln 20}

    Parameters
    ----------
    nugget, partial_sill : float
        Not negative.
    effective_range : float, km
        The lag ``r`` at which 95 % of the partial sill is reached: ``1.7308 a``.

    Examples
    --------
    >>> from variogeo import Gaussian
    >>> Gaussian(nugget=0.0, partial_sill=1.0, effective_range=100.0).valid_on_sphere
    False
    """

    nugget: float
    partial_sill: float
    effective_range: float

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def valid_on_sphere(self) -> bool:
        """False (Gneiting 2013, table 1)."""
        return False

    @property
    def integral_scale(self) -> float:
        """Integral of the correlogram. Definition: ``a sqrt(pi) / 2``. Units: km."""
        return self.effective_range * math.sqrt(math.pi / LOG20) / 2

    def _rise(self, lag: Any) -> Any:
        scaled = lag / self.effective_range
        return -array_namespace(lag).expm1(-LOG20 * scaled * scaled)

    def _rise_slope(self, lag: Any) -> Any:
        scaled = lag / self.effective_range
        return 2 * LOG20 / self.effective_range * scaled * array_namespace(lag).exp(-LOG20 * scaled * scaled)


@dataclass(frozen=True)
class Stable(VariogramModel):
    r"""Stable (powered exponential) model: exponential at shape 1, Gaussian at shape 2.

    .. math:: 1 - \rho(h) = 1 - \exp(-(h / a)^\alpha), \qquad a = r / (\ln 20)^{1/\alpha}

    Parameters
    ----------
    nugget, partial_sill : float
        Not negative.
    effective_range : float, km
        The lag ``r`` at which 95 % of the partial sill is reached.
    shape : float
        The exponent ``alpha`` in (0, 2]; valid on the sphere up to 1.

    Examples
    --------
    >>> from variogeo import Stable
    >>> round(float(Stable(nugget=0.0, partial_sill=100.0, effective_range=50.0, shape=1.5)(30.0)), 2)
    75.15
    """

    nugget: float
    partial_sill: float
    effective_range: float
    shape: float

    def __post_init__(self) -> None:
        check_fields(self)
        shape = check_number(self.shape, name="shape", above=0.0)
        if shape > 2:
            msg = f"Invalid shape '{shape}'. Must be at most 2: beyond that the curve is no variogram."
            raise ValueError(msg)
        object.__setattr__(self, "shape", shape)

    @property
    def valid_on_sphere(self) -> bool:
        """True for a shape of at most 1 (Gneiting 2013, table 1)."""
        return self.shape <= 1

    @property
    def integral_scale(self) -> float:
        """Integral of the correlogram. Definition: ``a Gamma(1 + 1 / alpha)``. Units: km.

        Mostly tail for low shapes: 62 effective ranges at 0.1; infinite where no float64 holds it.
        """
        power = 1 / self.shape
        log_scale = math.log(self.effective_range) + math.lgamma(1 + power) - power * math.log(LOG20)
        return math.exp(log_scale) if log_scale < _LARGEST_LOG else math.inf

    def _rise(self, lag: Any) -> Any:
        return -array_namespace(lag).expm1(-LOG20 * (lag / self.effective_range) ** self.shape)

    def _rise_slope(self, lag: Any) -> Any:
        xp = array_namespace(lag)
        scaled = lag / self.effective_range
        at_zero = math.inf if self.shape < 1 else (1.0 if self.shape == 1 else 0.0)
        steepness = xp.where(scaled > 0, xp.where(scaled > 0, scaled, 1.0) ** (self.shape - 1.0), at_zero)
        return self.shape * LOG20 / self.effective_range * steepness * xp.exp(-LOG20 * scaled**self.shape)


@dataclass(frozen=True)
class Matern(VariogramModel):
    r"""Matern model of smoothness 0.5, 1.5 or 2.5, in closed form.

    .. math:: \rho(h) = e^{-x},\; (1 + x) e^{-x},\; (1 + x + x^2/3) e^{-x}, \qquad x = h / a

    with ``a = r / 2.9957``, ``r / 4.7439``, ``r / 5.9186``.

    Parameters
    ----------
    nugget, partial_sill : float
        Not negative.
    effective_range : float, km
        The lag ``r`` at which 95 % of the partial sill is reached.
    smoothness : {0.5, 1.5, 2.5}
        Mean-square differentiability; valid on the sphere at 0.5 only, where it is exponential.

    Examples
    --------
    >>> from variogeo import Matern
    >>> Matern(nugget=0.0, partial_sill=1.0, effective_range=100.0, smoothness=1.5).valid_on_sphere
    False
    """

    nugget: float
    partial_sill: float
    effective_range: float
    smoothness: float

    def __post_init__(self) -> None:
        check_fields(self)
        if self.smoothness not in MATERN_SCALES:
            msg = f"Invalid smoothness '{self.smoothness}'. Must be one of 0.5, 1.5, 2.5."
            raise ValueError(msg)
        object.__setattr__(self, "smoothness", float(self.smoothness))

    @property
    def valid_on_sphere(self) -> bool:
        """True for smoothness 0.5 (Gneiting 2013, table 1)."""
        return self.smoothness == 0.5

    @property
    def integral_scale(self) -> float:
        """Integral of the correlogram. Definition: ``a``, ``2 a`` or ``8/3 a`` by smoothness. Units: km."""
        scale = self.effective_range / MATERN_SCALES[self.smoothness]
        return {0.5: 1.0, 1.5: 2.0, 2.5: 8 / 3}[self.smoothness] * scale

    def _rise(self, lag: Any) -> Any:
        xp = array_namespace(lag)
        x = xp.clip(lag * (MATERN_SCALES[self.smoothness] / self.effective_range), None, _FAR)
        if self.smoothness == 0.5:
            return -xp.expm1(-x)
        polynomial = x if self.smoothness == 1.5 else x + x * x / 3
        # 1 - (1 + p) e^-x cancels at short lags: there the power series is used.
        near, series = xp.clip(x, None, _NEAR), 0.0 * x
        for coefficient in reversed(_MATERN_SERIES[self.smoothness]):
            series = coefficient + near * series
        return xp.where(x < _NEAR, near * near * series, -xp.expm1(-x) - polynomial * xp.exp(-x))

    def _rise_slope(self, lag: Any) -> Any:
        rate = MATERN_SCALES[self.smoothness] / self.effective_range
        x = lag * rate
        steepness = {0.5: 1.0 + 0.0 * x, 1.5: x, 2.5: x * (1 + x) / 3}[self.smoothness]
        return rate * steepness * array_namespace(lag).exp(-x)


MODELS: dict[str, type[VariogramModel]] = {
    model.__name__: model for model in (Spherical, Exponential, Gaussian, Stable, Matern)
}
"""Every final model by its name: what a saved document may hold."""
