"""What a fit means, in a word and in a sentence with what to change."""

from collections.abc import Mapping

from variogeo._fit import Outcome
from variogeo._leastsquares import SAME_RANGE, Curve, Solution
from variogeo._model import VariogramModel
from variogeo._parameters import FIRST_RANGE, PARTS, SECOND_RANGE, Classes, kind_of, title_of
from variogeo._space import Space

NO_STRUCTURE = 1e-6
"""Share of the sill below which a partial sill is none."""
_LOW_SHAPE = 0.3
"""A stable shape below this is a sign of two structures, one short and one long."""
_UNITS = {"effective_range": " km"}


def outcome_of(
    solution: Solution, curve: Curve, space: Space, bounds: Mapping[str, tuple[float, float]]
) -> tuple[Outcome, bool, str]:
    """Return the outcome, whether the fit has converged, and the outcome in words."""
    model, longest, at_bound = solution.model, float(curve.lag.max()), solution.at_bound
    if not solution.success:
        message = (
            f"The fit of {title_of(space.classes)} did not converge: {solution.reason}. The bins may be too few or "
            "too noisy for it. Use wider bins, more pairs, a simpler model, or hold a parameter with fixed=."
        )
        return "not converged", False, message
    last_range = "effective_range" if len(space.classes) == 1 else SECOND_RANGE
    side = at_bound.get(last_range)
    if model.partial_sill <= NO_STRUCTURE * model.sill or (side == "lower" and last_range not in bounds):
        message = (
            "The semivariance does not rise with the lag: a pure nugget, the effective range means nothing. "
            "Use shorter first bins, or accept that there is no spatial structure at these lags."
        )
        if bounds or any(kind_of(name) != "smoothness" for name in space.held):
            message = (
                "With the parameters given by fixed= or bounds= the best curve does not rise with the lag: a pure "
                "nugget, the effective range means nothing. Fit without them to see whether the data rise."
            )
        return "pure nugget", False, message
    if side and last_range in bounds:
        return "parameter at a bound", False, _bound_message(model, at_bound)
    if side or model.effective_range > longest:
        message = (
            f"The semivariance still rises at the longest mean lag, {longest:.4g} km: the effective range "
            f"({model.effective_range:.4g} km) and the sill are extrapolated. Use longer bins, "
            "or hold the partial sill with fixed=."
        )
        return "no sill within the data", False, message + _two_structures(model, space)
    if len(space.classes) == 2 and (message := _collapse(model, space.classes)):
        return "parameter at a bound", False, message
    return _with_a_sill(solution, space, f"Fitted to {len(curve.lag)} bins.")


def _with_a_sill(solution: Solution, space: Space, message: str) -> tuple[Outcome, bool, str]:
    """Return the outcome of a curve that levels off within the data; ``message`` where nothing is odd about it."""
    model, note = solution.model, _two_structures(solution.model, space)
    # A curve without a nugget is a legal one, unless it got there because its shape is odd.
    is_natural = model.nugget == 0 and not note
    odd = {name: side for name, side in solution.at_bound.items() if not (name == "nugget" and is_natural)}
    if odd:
        message = _bound_message(model, odd)
    converged = not any(kind_of(name) == "effective_range" for name in odd)
    return ("parameter at a bound" if odd else "fitted"), converged, message + note


def _two_structures(model: VariogramModel, space: Space) -> str:
    """Return what a low shape of a single model is a sign of, where there is one that was not given."""
    shape = model.parameter_values.get("shape", 1.0)
    if shape >= _LOW_SHAPE or "shape" in space.held:
        return ""
    return (
        f" A shape of {shape:.3g} is a sign of two structures, one short and one long, which one model cannot "
        "describe: its effective range depends on the weights. "
        "Fit both: fit_variogram(empirical, (Exponential, Exponential))."
    )


def validity_note(model: VariogramModel, given: set[str]) -> str:
    """Return what the sphere means for a fitted model, where it means anything; ``given`` parameters were chosen."""
    if not model.valid_on_sphere:
        return f" For weighting only, not for simulation or kriging: {model.validity}."
    limits = {"shape": 1.0, "smoothness": 0.5}
    at_limit = any(
        limits.get(kind_of(name)) == value for name, value in model.parameter_values.items() if name not in given
    )
    return " The shape lies at its limit on the sphere; metric='chord', bounds= or fixed= lifts it." if at_limit else ""


def _collapse(model: VariogramModel, classes: Classes) -> str:
    """Return how the two parts of a nested fit have become one, or nothing."""
    values = model.parameter_values
    for part, single in zip(PARTS, reversed(classes), strict=True):
        if values[f"{part}.partial_sill"] <= NO_STRUCTURE * model.sill:
            return (
                f"The {part} structure has no partial sill: the nested fit has collapsed into one structure, and the "
                f"range of that part means nothing. Use the single fit: fit_variogram(empirical, {single.__name__})."
            )
    if values[FIRST_RANGE] * SAME_RANGE >= values[SECOND_RANGE]:
        return (
            f"Both structures have a range of {values[SECOND_RANGE]:.4g} km: the nested fit has collapsed into one "
            f"structure. Use a single fit, e.g. fit_variogram(empirical, {classes[1].__name__})."
        )
    return ""


def _bound_message(model: VariogramModel, at_bound: Mapping[str, str]) -> str:
    """Return which parameters lie at which bound, and what to change; below 0 there is nothing to widen."""
    values = model.parameter_values
    listed = ", ".join(
        f"{name} {values[name]:.4g}{_UNITS.get(kind_of(name), '')} ({side})"
        for name, side in at_bound.items()
        if values[name] > 0
    )
    if not listed:
        return f"At a bound: {', '.join(f'{name} 0' for name in at_bound)}, which cannot be negative."
    return (
        f"At a bound: {listed}. A better value may lie beyond it. Widen it with bounds=, hold the parameter with "
        "fixed=, or use a model that suits the curve."
    )
