"""Least squares of one model class or two: scaled variables, bounds, several starts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from variogeo._model import VariogramModel
from variogeo._parameters import FIRST_RANGE, SECOND_RANGE, kind_of
from variogeo._space import Space

_STARTS = 4
"""Number of starts that are refined, the best by their linear fits."""
_SHAPES = 0.3, 0.6, 0.95
"""Shapes of the starts, as shares of the largest."""
_NEAR_BOUND = 1e-4
"""A coordinate this near to a bound is put onto it where that costs nothing."""
_NO_SILL = 1e-6
"""Share of the largest semivariance below which a partial sill is none."""
SAME_RANGE = 1.001
"""Two ranges, or a range and its bound, are the same within this ratio."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Filled bins: mean lag (km) and semivariance, each (m,), and what makes the residuals alike.

    ``root`` is the square root of weights of mean 1, (m,), or the inverse of a covariance's Cholesky factor, (m, m).
    """

    lag: NDArray[np.float64]
    semivariance: NDArray[np.float64]
    root: NDArray[np.float64]

    @property
    def has_covariance(self) -> bool:
        """Whether the sum of squares is a chi-square."""
        return self.root.ndim == 2

    @property
    def unit(self) -> float:
        """Size of the semivariances."""
        return float(np.abs(self.semivariance).max())

    def squares(self, model: VariogramModel) -> NDArray[np.float64]:
        """Return the weighted squares of the residuals, whose sum is minimised."""
        return self.whitened(model(self.lag) - self.semivariance) ** 2

    def whitened(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return residuals of one variance, independent of each other where the covariance is known."""
        return self.root @ residual if self.has_covariance else self.root * residual


@dataclass(frozen=True, eq=False)
class Solution:
    """The best parameters found, and where they lie.

    ``at_bound`` holds the free parameters that lie at a bound, and at which: ``"lower"`` or ``"upper"``.
    """

    model: VariogramModel
    cost: float
    success: bool
    reason: str
    at_bound: dict[str, str]


def minimise(curve: Curve, space: Space, known: Iterable[dict[str, float]] = (), *, from_grid: bool = True) -> Solution:
    """Return the parameters of least squares, never worse than those ``known``, from which it starts.

    It starts from the best of a grid of ranges and shapes, too, unless told not to. Lags are scaled by the longest
    and semivariances by the largest, so that every parameter is of order one; a range is searched in its logarithm.
    """
    from scipy.optimize import least_squares

    # Roots of a covariance may have any size; the tolerances of the optimiser are absolute in part.
    scale = curve.unit * float(np.linalg.norm(curve.root)) / np.sqrt(len(curve.lag))

    def residuals(theta: NDArray[np.float64]) -> NDArray[np.float64]:
        return curve.whitened(space.model(theta)(curve.lag) - curve.semivariance) / scale

    def cost(theta: NDArray[np.float64]) -> float:
        return float((residuals(theta) ** 2).sum())

    theta, success, reason = np.empty(0), True, ""
    if space.free:
        low, high = space.box
        given = [space.theta(values) for values in known]
        starts = [*given, *(_promising(_grid(curve, space), space, residuals) if from_grid else ())]
        runs = [
            least_squares(residuals, start, bounds=(low, high), xtol=1e-12, ftol=1e-12, gtol=1e-12) for start in starts
        ]
        run = min(runs, key=lambda found: found.cost)
        theta, success, reason = _on_bounds(run.x, space, cost), run.status > 0, run.message
        theta = min([theta, *given], key=cost)
    model = space.model(theta)
    return Solution(model, float(curve.squares(model).sum()), success, reason, _at_bound(model, space))


def _grid(curve: Curve, space: Space) -> list[NDArray[np.float64]]:
    """Return starts at several ranges and shapes, without nugget and partial sill."""
    shapes = [name for name in space.free if kind_of(name) == "shape"]
    ranges = np.geomspace(max(curve.lag.min(), 1e-6 * space.unit_lag), 2.0 * space.unit_lag, 7)
    names = [FIRST_RANGE, SECOND_RANGE] if len(space.classes) == 2 else ["effective_range"]
    starts = []
    for lengths in combinations(ranges, len(names)):
        for shares in product(_SHAPES, repeat=len(shapes)):
            start = dict.fromkeys((*space.free, *names), 0.0) | dict(zip(names, lengths, strict=True))
            start |= {name: share * space.limits[name][1] for name, share in zip(shapes, shares, strict=True)}
            starts.append(space.theta(start))
    return starts


def _promising(
    grid: list[NDArray[np.float64]], space: Space, residuals: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Return the best starts of a grid.

    For given ranges and shapes the curve is linear in nugget and partial sills, so these start at their own
    least-squares values.
    """
    distinct = np.unique(np.array(grid), axis=0)
    starts = [np.clip(_with_linear_part(theta, space.free, residuals), *space.box) for theta in distinct]
    costs = [float((residuals(theta) ** 2).sum()) for theta in starts]
    return [starts[k] for k in np.argsort(costs, kind="stable")[:_STARTS]]


def _with_linear_part(
    theta: NDArray[np.float64],
    free: tuple[str, ...],
    residuals: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the start with its free nugget and partial sills at their non-negative least squares."""
    from scipy.optimize import nnls

    linear = [k for k, name in enumerate(free) if kind_of(name) in ("nugget", "partial_sill")]
    if not linear:
        return theta
    theta = theta.copy()
    theta[linear] = 0.0
    at_zero = residuals(theta)
    columns = []
    for k in linear:
        step = theta.copy()
        step[k] = 1.0
        columns.append(residuals(step) - at_zero)
    theta[linear] = nnls(np.column_stack(columns), -at_zero)[0]
    return theta


def _on_bounds(
    theta: NDArray[np.float64], space: Space, cost: Callable[[NDArray[np.float64]], float]
) -> NDArray[np.float64]:
    """Return the optimum with every coordinate that is at a bound but for rounding on the bound itself."""
    best = cost(theta)
    for bound in space.box:
        for k in np.flatnonzero(np.abs(theta - bound) < _NEAR_BOUND):
            moved = theta.copy()
            moved[k] = bound[k]
            if cost(moved) <= best * (1 + 1e-9) + 1e-22:
                theta = moved
    return theta


def _at_bound(model: VariogramModel, space: Space) -> dict[str, str]:
    """Return the free parameters that lie at a bound."""
    values, found = model.parameter_values, {}
    for name, (low, high) in space.limits.items():
        value = values[name]
        if kind_of(name) == "effective_range":
            # The second range is the bound of the first.
            high = min(high, values[SECOND_RANGE]) if name == FIRST_RANGE else high
            at_low, at_high = value <= low * SAME_RANGE, value * SAME_RANGE >= high
        else:
            spare = _NO_SILL * space.unit_gamma if kind_of(name) == "partial_sill" else 0.0
            at_low, at_high = value <= low + spare, value >= high
        if at_low or at_high:
            found[name] = "lower" if at_low else "upper"
    return found
