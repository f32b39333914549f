"""VariogramModel: what every variogram model is and does."""

import dataclasses
import os
from abc import ABC, abstractmethod
from typing import Any, Literal, get_args

import numpy as np

from variogeo._cards import model_html
from variogeo._checks import check_number
from variogeo._distances import EARTH_RADIUS, HALF_GREAT_CIRCLE
from variogeo._namespace import array_namespace, as_floats, is_torch
from variogeo._storage import encode, write_document

RangeDefinition = Literal["effective_range", "slope_range", "integral_scale"]
"""The ways to say how far a curve reaches: members of every model, in km."""

_LONGEST = 1.005 * HALF_GREAT_CIRCLE
"""Lags that are longer by more than rounding and the sphere are none."""

_SLOPE_STEP = 0.01
"""Grid of the rule for the slope range, radians."""
_FLAT_SLOPE = 1e-2
"""Slope below which that rule calls the curve flat, per radian."""


class VariogramModel(ABC):
    r"""A curve ``gamma(lag)``: nugget, partial sill, effective range, and a shape.

    .. math:: \gamma(0) = 0, \qquad \gamma(h) = n + s\,(1 - \rho(h)), \quad h > 0

    with nugget ``n``, partial sill ``s`` and correlogram ``rho``. A final class adds the fields and
    the correlogram. Lags are in km, semivariances in the unit of the dissimilarity.
    """

    nugget: float
    partial_sill: float
    effective_range: float

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Return the names of the fields: nugget, partial_sill, effective_range, and a shape."""
        return tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]

    @property
    @abstractmethod
    def valid_on_sphere(self) -> bool:
        """Whether the covariance is positive definite in great-circle distance."""

    @abstractmethod
    def _rise(self, lag: Any) -> Any:
        """Return ``1 - rho(lag)``."""

    @abstractmethod
    def _rise_slope(self, lag: Any) -> Any:
        """Return the derivative of ``1 - rho(lag)`` per km, from the right at 0."""

    @property
    @abstractmethod
    def integral_scale(self) -> float:
        """Definition: the integral of the correlogram over all lags. Units: km."""

    @property
    def parameter_values(self) -> dict[str, float]:
        """The parameters by the names that `fit_variogram` knows them by, for ``fixed`` and ``bounds``."""
        return {name: getattr(self, name) for name in self.parameters()}

    def __str__(self) -> str:
        units = {"effective_range": " km"}
        fields = (f"{name}={getattr(self, name):.4g}{units.get(name, '')}" for name in self.parameters())
        return f"{type(self).__name__}({', '.join(fields)})"

    @property
    def validity(self) -> str:
        """The reason for `valid_on_sphere`, in words."""
        if self.valid_on_sphere:
            return "positive definite in great-circle distance (Gneiting 2013, table 1)"
        return "not positive definite in great-circle distance (Gneiting 2013, table 1); use metric='chord'"

    @property
    def sill(self) -> float:
        """Semivariance far beyond the effective range. Definition: ``nugget + partial_sill``."""
        return self.nugget + self.partial_sill

    @property
    def slope_range(self) -> float:
        """The first lag on a grid of 0.01 rad (64 km) at which the slope is below 0.01 per rad.

        Definition: the rule of an early public thesis code on hard negatives. Units: km. Fragile: it depends on the
        unit of the semivariance, it is 0 for curves that start flat (stable shapes above 1), and the slope may stay
        above the threshold, which raises a ValueError. `effective_range` and `integral_scale` always exist.
        """
        lag = np.arange(0.0, HALF_GREAT_CIRCLE / EARTH_RADIUS, _SLOPE_STEP) * EARTH_RADIUS
        flat = self.slope(lag) * EARTH_RADIUS < _FLAT_SLOPE
        if not flat.any():
            msg = (
                f"{self} has no slope range: its slope stays above 0.01 per radian up to the antipode. "
                "Use effective_range or integral_scale."
            )
            raise ValueError(msg)
        return float(lag[np.argmax(flat)])

    def __call__(self, lag: Any) -> Any:
        """Return the semivariance at ``lag``.

        Parameters
        ----------
        lag : float, array or tensor, km
            Not negative. NaN gives NaN. A tensor gives a tensor of its dtype and device.
        """
        lag = checked_lag(lag)
        return array_namespace(lag).where(lag == 0, 0.0, self.nugget + self.partial_sill * self._rise(lag))[()]

    def correlogram(self, lag: Any) -> Any:
        """Return the correlation ``1 - (gamma - nugget) / partial_sill`` at ``lag`` (km): 1 at 0."""
        return (1.0 - self._rise(checked_lag(lag)))[()]

    def slope(self, lag: Any) -> Any:
        """Return the derivative of the curve per km at ``lag`` (km); at 0 from the right, maybe inf."""
        return (self.partial_sill * self._rise_slope(checked_lag(lag)))[()]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save as JSON with a checksum, numbers in full: ``variogeo.load(path) == self``."""
        write_document(path, "model", {"value": encode(self)}, overwrite=overwrite)

    _repr_html_ = model_html


def check_model(model: Any) -> None:
    """Refuse anything but a model's value."""
    if not isinstance(model, VariogramModel):
        kind = f"{model.__name__}: a class" if isinstance(model, type) else f"of type {type(model).__name__}"
        msg = f"Invalid model {kind}. Must be a variogram model, e.g. fit.model."
        raise TypeError(msg)


def check_range_name(given: str, *, name: str) -> None:
    """Refuse a text that is no range of a model."""
    members = get_args(RangeDefinition)
    if given not in members:
        listed = ", ".join(repr(member) for member in members)
        msg = f"Invalid {name} {given!r}. Must be a number (km), or one of {listed}."
        raise ValueError(msg)


def range_of(model: Any, given: str, *, name: str) -> Any:
    """Return the range (km) of a model by its name; a function of the user's may have none."""
    check_range_name(given, name=name)
    found = getattr(model, given, None)
    if found is None:
        msg = f"Invalid {name} {given!r}: the model has no {given}. Pass {name} in km."
        raise ValueError(msg)
    return found


def check_fields(model: VariogramModel) -> None:
    """Check the three fields that every model has, and store them as floats."""
    nugget = check_number(model.nugget, name="nugget", at_least=0.0)
    partial_sill = check_number(model.partial_sill, name="partial_sill", at_least=0.0)
    effective_range = check_number(model.effective_range, name="effective_range", above=0.0, unit="km")
    object.__setattr__(model, "nugget", nugget)
    object.__setattr__(model, "partial_sill", partial_sill)
    object.__setattr__(model, "effective_range", effective_range)


def checked_lag(lag: Any) -> Any:
    """Return the lag as floats; a negative one is refused (on numpy: a tensor would have to be read)."""
    lag = as_floats(lag)
    if not is_torch(lag) and (lag < 0).any():
        msg = f"Invalid lag '{np.min(lag)}'. Must not be negative (km)."
        raise ValueError(msg)
    return lag


def lag_on_earth(lag: Any) -> Any:
    """Return the lag (km) as floats; one that no two places have is refused (on numpy), as metres are."""
    lag = checked_lag(lag)
    if not is_torch(lag) and (lag > _LONGEST).any():
        msg = (
            f"Invalid lag '{np.nanmax(lag):.6g}'. No two places are more than {HALF_GREAT_CIRCLE:,.0f} km apart. "
            "Metres? Divide them by 1000."
        )
        raise ValueError(msg)
    return lag
