"""Space: the free parameters of a fit as coordinates of order one within a box."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from variogeo._model import VariogramModel
from variogeo._parameters import FIRST_RANGE, SECOND_RANGE, Classes, kind_of, model_of, parameter_names


@dataclass(frozen=True, eq=False)
class Space:
    """The free parameters as coordinates of order one within a box.

    Nugget and partial sills are in units of the largest semivariance; a range is the logarithm of its ratio to the
    longest lag. The first range of two is a fraction of the way, in its logarithm, from its lower limit to the upper
    one or the second range, whichever is shorter: so the box holds ordered ranges only.
    """

    classes: Classes
    held: dict[str, float]
    limits: dict[str, tuple[float, float]]
    unit_lag: float
    unit_gamma: float

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(self.limits)

    @cached_property
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper limits of the coordinates."""
        low = np.array([self._coordinate(name, limits[0]) for name, limits in self.limits.items()])
        high = np.array([self._coordinate(name, limits[1]) for name, limits in self.limits.items()])
        if self._is_ordered:
            low[self._first], high[self._first] = 0.0, 1.0
        return low, high

    def values(self, theta: NDArray[np.float64]) -> dict[str, float]:
        """Return the parameters at a point of the box; at its faces they are the limits themselves."""
        low, high = self.box
        values = dict(self.held)
        for k, (name, limits) in enumerate(self.limits.items()):
            if theta[k] == low[k] or theta[k] == high[k]:
                values[name] = limits[0] if theta[k] == low[k] else limits[1]
            elif kind_of(name) == "effective_range":
                values[name] = float(np.exp(theta[k])) * self.unit_lag
            else:
                values[name] = float(theta[k]) * self._unit(name)
        if self._is_ordered:
            shortest, longest = self._reach(values[SECOND_RANGE])
            fraction = float(theta[self._first])
            values[FIRST_RANGE] = longest if fraction == 1 else shortest * (longest / shortest) ** fraction
        return {name: values[name] for name in self._names}

    def theta(self, values: dict[str, float]) -> NDArray[np.float64]:
        """Return the point of the box that is nearest to some parameters."""
        theta = np.array([self._coordinate(name, values[name]) for name in self.free])
        if self._is_ordered:
            second = self.held.get(SECOND_RANGE, values[SECOND_RANGE])
            shortest, longest = self._reach(float(np.clip(second, *self.limits.get(SECOND_RANGE, (0.0, np.inf)))))
            way = float(np.log(longest / shortest))
            theta[self._first] = np.log(values[FIRST_RANGE] / shortest) / way if way > 0 else 1.0
        return np.clip(theta, *self.box)

    def model(self, theta: NDArray[np.float64]) -> VariogramModel:
        """Return the model at a point of the box."""
        return model_of(self.classes, self.values(theta))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Names of all parameters."""
        return parameter_names(self.classes)

    @cached_property
    def _is_ordered(self) -> bool:
        """Whether the first of two ranges is free."""
        return FIRST_RANGE in self.limits

    @cached_property
    def _first(self) -> int:
        """Position of the first range among the coordinates."""
        return self.free.index(FIRST_RANGE)

    def _reach(self, second: float) -> tuple[float, float]:
        """Return the shortest and the longest first range beside a second one."""
        shortest, longest = self.limits[FIRST_RANGE]
        return shortest, min(longest, second)

    def _unit(self, name: str) -> float:
        """Return the unit of a parameter."""
        return self.unit_gamma if kind_of(name) in ("nugget", "partial_sill") else 1.0

    def _coordinate(self, name: str, value: float) -> float:
        """Return a parameter as the coordinate that it is."""
        if kind_of(name) == "effective_range":
            return float(np.log(value / self.unit_lag))
        return value / self._unit(name)
