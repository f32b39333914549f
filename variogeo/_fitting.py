"""Fit variogram models to an empirical variogram: `fit_variogram`, `compare_models`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import ModelComparison, Outcome, VariogramFit
from variogeo._leastsquares import Curve, Solution, minimise
from variogeo._model import VariogramModel
from variogeo._models import MODELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Weights = Literal["equal", "npairs", "npairs_over_lag2", "npairs_over_semivariance2"]

_REWEIGHTINGS = 50
_ROUNDING = 1e-14
"""A semivariance of unit vectors below this is the rounding of equal ones."""
_NO_STRUCTURE = 1e-6
"""Share of the sill below which a partial sill is none."""
_LOW_SHAPE = 0.3
"""A stable shape below this is a sign of two structures, one short and one long."""


def fit_variogram(
    empirical: EmpiricalVariogram,
    model: type[VariogramModel],
    *,
    weights: "Weights | NDArray[np.float64]" = "npairs",
    fixed: Mapping[str, float] | None = None,
) -> VariogramFit:
    r"""Return the model of a class that fits an empirical variogram best, by weighted least squares.

    .. math:: \min_\theta \sum_k w_k \left(\hat\gamma_k - \gamma_\theta(h_k)\right)^2

    at the mean lags ``h_k`` of the bins that hold pairs.

    Parameters
    ----------
    empirical : EmpiricalVariogram
    model : class
        ``Spherical``, ``Exponential``, ``Gaussian``, ``Stable`` or ``Matern``.
    weights : str or (bins,) array
        ``"equal"``: 1; ``"npairs"``: N; ``"npairs_over_lag2"``: N / h^2;
        ``"npairs_over_semivariance2"``: N / gamma_theta(h)^2, iterated (Cressie 1985, eq. 8); or one
        number per bin, not negative. With logarithmic bins ``"npairs_over_lag2"`` puts nearly all
        weight on the first bin.
    fixed : dict, optional
        Parameters to hold, e.g. ``{"nugget": 0.0}``.

    Returns
    -------
    VariogramFit

    Raises
    ------
    ValueError
        When fewer bins hold pairs than parameters are free, or ``fixed`` names no parameter.

    Notes
    -----
    Nugget and partial sill are at least 0; the effective range lies between a tenth of the shortest
    and ten times the longest mean lag. On great-circle or geodesic lags the shape of ``Stable`` goes
    up to 1 and ``Matern`` has smoothness 0.5, where they are valid on the sphere; ``metric="chord"``
    or distances given by the user lift that, and so does ``fixed``. Several starts are tried.

    References
    ----------
    .. [1] Cressie, N. (1985). Fitting variogram models by weighted least squares.
       Mathematical Geology 17, 563-586.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo import Exponential, LagBins, fit_variogram, variogram_from_pairs
    >>> truth = Exponential(nugget=0.1, partial_sill=0.4, effective_range=300.0)
    >>> lag = np.linspace(1, 1000, 2000)
    >>> empirical = variogram_from_pairs(lag, truth(lag), LagBins.linear(0, 1000, 50))
    >>> fit = fit_variogram(empirical, Exponential)
    >>> round(fit.model.effective_range), fit.outcome
    (300, 'fitted')
    """
    _check_empirical(empirical)
    _check_model_class(model)
    held = _checked_fixed(model, fixed)
    curve, name = _curve(empirical, weights)
    on_sphere = empirical.metric in ("geodesic", "great_circle")
    unit = 1.0 if empirical.dissimilarity == "cosine" else 0.0
    if curve.semivariance.max() <= _ROUNDING * unit:
        return _no_variation(model, held, curve, name)
    choices = [held]
    if "smoothness" in model.parameters() and "smoothness" not in held:
        choices = [{**held, "smoothness": nu} for nu in ((0.5,) if on_sphere else (0.5, 1.5, 2.5))]
    shape_limit = 1.0 if on_sphere else 2.0
    solutions = [_solve(curve, model, values, shape_limit, name) for values in choices]
    best = min(solutions, key=lambda solution: solution.cost)
    # A smoothness chosen among several counts as a parameter, one that is given does not.
    free = len(model.parameters()) - len(choices[0]) + (len(choices) > 1)
    fit = _described(best, curve, name, free)
    if on_sphere and fit.outcome == "fitted":
        return replace(fit, message=fit.message + _validity_note(fit.model, held))
    return fit


def compare_models(
    empirical: EmpiricalVariogram,
    models: Sequence[type[VariogramModel]],
    *,
    weights: "Weights | NDArray[np.float64]" = "npairs",
) -> ModelComparison:
    """Return the fits of several models, ranked by AIC.

    Parameters
    ----------
    empirical : EmpiricalVariogram
    models : sequence of classes
        E.g. ``[Exponential, Spherical, Stable]``.
    weights : str or (bins,) array
        See `fit_variogram`. ``"npairs_over_semivariance2"`` depends on each model, so their AIC do
        not compare; it is refused.

    Returns
    -------
    ModelComparison

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo import Exponential, LagBins, Spherical, compare_models, variogram_from_pairs
    >>> lag = np.linspace(1, 1000, 2000)
    >>> empirical = variogram_from_pairs(lag, Spherical(0.1, 0.4, 300.0)(lag), LagBins.linear(0, 1000, 50))
    >>> compare_models(empirical, [Exponential, Spherical]).best.model
    Spherical(nugget=0.1..., partial_sill=0.39..., effective_range=300...)
    """
    if isinstance(weights, str) and weights == "npairs_over_semivariance2":
        msg = (
            "Invalid weights 'npairs_over_semivariance2' for a comparison: they differ from model to model. "
            "Compare with 'npairs', then fit the chosen model with them."
        )
        raise ValueError(msg)
    if not isinstance(models, Sequence) or not models:
        msg = f"Invalid models {models!r}. Must be a list with at least one class, e.g. [Exponential, Spherical]."
        raise ValueError(msg)
    fits = [fit_variogram(empirical, model, weights=weights) for model in models]
    return ModelComparison(tuple(sorted(fits, key=lambda fit: fit.aic)))


def _check_empirical(empirical: Any) -> None:
    """Refuse anything but an empirical variogram."""
    if not isinstance(empirical, EmpiricalVariogram):
        msg = (
            f"Invalid empirical of type {type(empirical).__name__}. "
            "Must be an EmpiricalVariogram: make one with empirical_variogram."
        )
        raise TypeError(msg)


def _check_model_class(model: Any) -> None:
    """Refuse anything but a final model class."""
    if model not in MODELS.values():
        hint = "the class, not a value of it" if isinstance(model, VariogramModel) else ", ".join(MODELS)
        msg = f"Invalid model {model!r}. Must be a model class: {hint}."
        raise TypeError(msg)


def _checked_fixed(model: type[VariogramModel], fixed: Mapping[str, float] | None) -> dict[str, float]:
    """Return the fixed parameters, checked by the model's own constructor."""
    names = tuple(model.parameters())
    held = dict(fixed or {})
    unknown = [name for name in held if name not in names]
    if unknown:
        msg = f"Invalid fixed parameter {unknown[0]!r}. {model.__name__} has {', '.join(names)}."
        raise ValueError(msg)
    valid = {
        "nugget": 0.0,
        "partial_sill": 1.0,
        "effective_range": 1.0,
        "shape": 1.0,
        "smoothness": 0.5,
    }
    checked = model(**{name: held.get(name, valid[name]) for name in names})
    return {name: getattr(checked, name) for name in held}


def _curve(empirical: EmpiricalVariogram, weights: Any) -> tuple[Curve, str]:
    """Return the filled bins with their weights, and the name of the weights."""
    name = weights if isinstance(weights, str) else "given"
    lag, npairs = empirical.lag, empirical.npairs.astype(np.float64)
    if name == "given":
        weight = np.asarray(weights, dtype=np.float64)
        if weight.shape != lag.shape or not np.isfinite(weight).all() or (weight < 0).any():
            msg = f"Invalid weights of shape {weight.shape}. Must be ({len(lag)},): one finite number >= 0 per bin."
            raise ValueError(msg)
    elif name in ("npairs", "npairs_over_semivariance2"):
        weight = npairs
    elif name == "npairs_over_lag2":
        weight = npairs / np.where(npairs > 0, lag, 1.0) ** 2
    elif name == "equal":
        weight = np.ones_like(lag)
    else:
        members = ", ".join(repr(member) for member in Weights.__args__)  # type: ignore[attr-defined]
        msg = f"Invalid weights {weights!r}. Must be one of {members}, or an array with one number per bin."
        raise ValueError(msg)
    used = (npairs > 0) & (weight > 0)
    if not used.any():
        msg = "No bin with pairs has a weight above zero. Give weights to the bins that hold pairs."
        raise ValueError(msg)
    return Curve(lag[used], empirical.semivariance[used], weight[used] / weight[used].mean()), name


def _solve(
    curve: Curve,
    model: type[VariogramModel],
    held: dict[str, float],
    shape_limit: float,
    weights: str,
) -> Solution:
    """Return the best parameters, iterating the weights where they depend on the model."""
    solution = minimise(curve, model, held, shape_limit)
    if weights != "npairs_over_semivariance2":
        return solution
    for _ in range(_REWEIGHTINGS):
        level = np.maximum(solution.model(curve.lag), 1e-6 * curve.semivariance.max())
        weight = curve.weight / level**2
        following = minimise(Curve(curve.lag, curve.semivariance, weight / weight.mean()), model, held, shape_limit)
        settled = np.allclose(following.model(curve.lag), solution.model(curve.lag), rtol=1e-6)
        solution = following
        if settled:
            break
    return solution


def _described(solution: Solution, curve: Curve, weights: str, free: int) -> VariogramFit:
    """Return the fit with its figures and its outcome in words."""
    model = solution.model
    residual = curve.semivariance - model(curve.lag)
    nbins = len(curve.lag)
    outcome, message = _outcome(solution, curve)
    return VariogramFit(
        model=model,
        rmse=float(np.sqrt(np.mean(residual**2))),
        aic=float(nbins * np.log(max(solution.cost, 1e-300) / nbins) + 2 * free) if nbins > free else np.inf,
        converged=outcome == "fitted",
        outcome=outcome,
        message=message,
        weights=weights,
        nbins=nbins,
    )


def _outcome(solution: Solution, curve: Curve) -> tuple[Outcome, str]:
    """Return what the fit means, and what to do about it."""
    model, longest = solution.model, float(curve.lag.max())
    if not solution.success:
        return "not converged", (
            f"The fit of {type(model).__name__} did not converge: {solution.reason}. The bins may be too few or too "
            "noisy for its parameters. Use wider bins, more pairs, a simpler model, or hold a parameter with fixed=."
        )
    if model.partial_sill <= _NO_STRUCTURE * model.sill or solution.at_low_range:
        return "pure nugget", (
            "The semivariance does not rise with the lag: a pure nugget, the effective range means nothing. "
            "Use shorter first bins, or accept that there is no spatial structure at these lags."
        )
    if solution.at_high_range or model.effective_range > longest:
        return "no sill within the data", (
            f"The semivariance still rises at the longest mean lag, {longest:.4g} km: the effective range "
            f"({model.effective_range:.4g} km) and the sill are extrapolated. Use longer bins, "
            "or hold the partial sill with fixed=."
        )
    shape = getattr(model, "shape", 1.0)
    if shape < _LOW_SHAPE and not solution.shape_held:
        return "fitted", (
            f"A shape of {shape:.3g} is a sign of two structures, one short and one long, which one model cannot "
            "describe: the effective range depends on the weights. Fit shorter and longer lags apart."
        )
    return "fitted", f"Fitted to {len(curve.lag)} bins."


def _validity_note(model: VariogramModel, held: dict[str, float]) -> str:
    """Return what the sphere means for a fitted model, where it means anything."""
    if not model.valid_on_sphere:
        return f" For weighting only, not for simulation or kriging: {model.validity}."
    at_limit = getattr(model, "shape", None) == 1.0 or getattr(model, "smoothness", None) == 0.5
    if at_limit and not {"shape", "smoothness"} & set(held):
        return " The shape lies at its limit on the sphere; metric='chord' or fixed= lifts it."
    return ""


def _no_variation(model: type[VariogramModel], held: dict[str, float], curve: Curve, weights: str) -> VariogramFit:
    """Return the flat model of constant values."""
    flat = {"nugget": 0.0, "partial_sill": 0.0, "effective_range": float(curve.lag.max())}
    flat |= {name: 0.5 for name in ("shape", "smoothness") if name in model.parameters()}
    message = "Every semivariance is zero: all values are equal, there is nothing to fit."
    nbins = len(curve.lag)
    return VariogramFit(model(**{**flat, **held}), 0.0, -np.inf, False, "no variation", message, weights, nbins)
