"""Weighted least squares of one model class: scaled variables, bounds, several starts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._model import VariogramModel

_STARTS = 4
"""Number of starts that are refined, the best by their linear fits."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Filled bins: mean lag (km), semivariance and weight of mean 1, each (m,)."""

    lag: NDArray[np.float64]
    semivariance: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solution:
    """The best parameters found, and where they lie."""

    model: VariogramModel
    cost: float
    success: bool
    reason: str
    at_low_range: bool
    at_high_range: bool
    shape_held: bool


def minimise(curve: Curve, model: type[VariogramModel], held: dict[str, float], shape_limit: float) -> Solution:
    """Return the parameters of least weighted squares.

    Lags are scaled by the longest and semivariances by the largest, so that every parameter is of
    order one; the range is searched in its logarithm.
    """
    from scipy.optimize import least_squares

    unit_lag, unit_gamma = float(curve.lag.max()), float(curve.semivariance.max())
    lag, gamma, root = curve.lag / unit_lag, curve.semivariance / unit_gamma, np.sqrt(curve.weight)
    units = {"nugget": unit_gamma, "partial_sill": unit_gamma, "effective_range": unit_lag}
    scaled_held = {name: value / units.get(name, 1.0) for name, value in held.items()}
    bounds = {
        "nugget": (0.0, np.inf),
        "partial_sill": (0.0, np.inf),
        "effective_range": (np.log(lag.min() / 10), np.log(10.0)),
        "shape": (0.05, shape_limit),
    }
    free = [name for name in model.parameters() if name not in held]
    if len(lag) < max(len(free), 1):
        msg = (
            f"Only {len(lag)} bins hold pairs, but {model.__name__} has {len(free)} free parameters "
            f"({', '.join(free)}). Use more or wider bins, or hold parameters with fixed=."
        )
        raise ValueError(msg)

    def made(theta: NDArray[np.float64]) -> VariogramModel:
        given = dict(zip(free, theta, strict=True))
        if "effective_range" in given:
            given["effective_range"] = np.exp(given["effective_range"])
        return model(**scaled_held, **given)

    def residuals(theta: NDArray[np.float64]) -> NDArray[np.float64]:
        return root * (made(theta)(lag) - gamma)

    low, high = (np.array([bounds[name][side] for name in free]) for side in (0, 1))
    if not free:
        best, theta, success, reason = (
            float((residuals(np.empty(0)) ** 2).sum()),
            np.empty(0),
            True,
            "",
        )
    else:
        starts = _starts(residuals, free, low, high, lag)
        runs = [
            least_squares(residuals, start, bounds=(low, high), xtol=1e-12, ftol=1e-12, gtol=1e-12) for start in starts
        ]
        run = min(runs, key=lambda found: found.cost)
        # A parameter at its bound is the bound itself, not 1e-31 away from it.
        theta = np.where(run.active_mask < 0, low, np.where(run.active_mask > 0, high, run.x))
        best, success, reason = float((residuals(theta) ** 2).sum()), run.status > 0, run.message
    fitted = made(theta)
    fields = {name: getattr(fitted, name) * units.get(name, 1.0) for name in model.parameters()}
    position = dict(zip(free, theta, strict=True)).get("effective_range", 0.0)
    return Solution(
        model=model(**{**fields, **held}),
        cost=best * unit_gamma**2,
        success=success,
        reason=reason,
        at_low_range=position < bounds["effective_range"][0] + 1e-3,
        at_high_range=position > bounds["effective_range"][1] - 1e-3,
        shape_held="shape" in held,
    )


def _starts(
    residuals: Any,
    free: list[str],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    lag: Any,
) -> list[NDArray[np.float64]]:
    """Return the most promising starts of a grid of ranges and shapes.

    For a given range and shape the curve is linear in nugget and partial sill, so these two start
    at their own least-squares values.
    """
    grid: list[NDArray[np.float64]] = []
    for log_range in np.linspace(np.log(max(lag.min(), 1e-6)), np.log(2.0), 7):
        for shape in (0.3, 0.6, 0.95) if "shape" in free else (1.0,):
            start = {
                "nugget": 0.0,
                "partial_sill": 0.0,
                "effective_range": log_range,
                "shape": shape * high[-1],
            }
            theta = np.array([start[name] for name in free])
            grid.append(np.clip(_with_linear_part(theta, free, residuals), low, high))
    costs = [float((residuals(theta) ** 2).sum()) for theta in grid]
    return [grid[k] for k in np.argsort(costs)[:_STARTS]]


def _with_linear_part(theta: NDArray[np.float64], free: list[str], residuals: Any) -> NDArray[np.float64]:
    """Return the start with its free nugget and partial sill at their non-negative least squares."""
    from scipy.optimize import nnls

    linear = [k for k, name in enumerate(free) if name in ("nugget", "partial_sill")]
    if not linear:
        return theta
    at_zero = residuals(theta)
    columns = []
    for k in linear:
        step = theta.copy()
        step[k] = 1.0
        columns.append(residuals(step) - at_zero)
    theta = theta.copy()
    theta[linear] = nnls(np.column_stack(columns), -at_zero)[0]
    return theta
