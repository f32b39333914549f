"""Fit variogram models to an empirical variogram: `fit_variogram`, `compare_models`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from variogeo._curve import Weights, curve_of
from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import ModelComparison, Outcome, VariogramFit
from variogeo._leastsquares import Curve
from variogeo._model import VariogramModel
from variogeo._outcomes import outcome_of, validity_note
from variogeo._parameters import (
    FIRST_RANGE,
    SECOND_RANGE,
    Classes,
    checked_bounds,
    checked_classes,
    checked_fixed,
    kind_of,
    model_of,
    parameter_names,
    title_of,
)
from variogeo._solving import misfit, smoothness_choices, solve, space_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

ModelChoice = type[VariogramModel] | tuple[type[VariogramModel], type[VariogramModel]]
"""A model class, or two for a nested fit."""

_ROUNDING = 1e-14
"""A semivariance of unit vectors below this is the rounding of equal ones."""


def fit_variogram(
    empirical: EmpiricalVariogram,
    model: ModelChoice,
    *,
    weights: "Weights | NDArray[np.float64]" = "npairs",
    covariance: "NDArray[np.float64] | None" = None,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> VariogramFit:
    r"""Return the model of a class that fits an empirical variogram best, by least squares.

    .. math:: \min_\theta \sum_k w_k \left(\hat\gamma_k - \gamma_\theta(h_k)\right)^2
       \quad\text{or}\quad
       \min_\theta \, (\hat\gamma - \gamma_\theta)^\top \Sigma^{-1} (\hat\gamma - \gamma_\theta)

    at the mean lags ``h_k`` of the bins that hold pairs.

    Parameters
    ----------
    empirical : EmpiricalVariogram
    model : class or tuple of two classes
        ``Spherical``, ``Exponential``, ``Gaussian``, ``Stable`` or ``Matern``; two for `Nested`, a short and a long
        structure in this order.
    weights : str or (bins,) array
        ``"equal"``: 1; ``"npairs"``: N; ``"npairs_over_lag2"``: N / h^2;
        ``"npairs_over_semivariance2"``: N / gamma_theta(h)^2, iterated (Cressie 1985, eq. 8); or one
        number per bin, not negative, e.g. ``1 / standard_error**2``. With logarithmic bins ``"npairs_over_lag2"``
        puts nearly all weight on the first bin.
    covariance : (bins, bins) array, optional
        Of the semivariances, symmetric and positive definite over the bins used: generalised least squares. A bin
        whose variance is NaN is left out. One that is estimated from replicates must be inflated first
        (`variogeo.inference.CurveUncertainty.inflated_covariance`), and needs several times as many as bins.
    fixed : dict, optional
        Parameters to hold, e.g. ``{"nugget": 0.0}``. Those of a nested fit are ``nugget``,
        ``first.partial_sill``, ``first.effective_range``, ``first.shape``, ``second.partial_sill``, ...
    bounds : dict, optional
        Limits of parameters, e.g. ``{"effective_range": (10, 500)}``; 0 or inf leaves a side as it is.

    Returns
    -------
    VariogramFit

    Raises
    ------
    TypeError
        For anything but model classes.
    ValueError
        For a name that is no parameter or one that is both fixed and bounded, numbers outside the model's domain, a
        first structure that must be longer than the second, a singular covariance, and when no bin counts.

    Notes
    -----
    Nugget and partial sills are at least 0; an effective range lies between a tenth of the shortest
    and ten times the longest mean lag, and the first of two is at most as long as the second. On great-circle or
    geodesic lags the shape of ``Stable`` goes up to 1 and ``Matern`` has smoothness 0.5, where they are valid on the
    sphere; ``metric="chord"`` or distances given by the user lift that, and so do ``fixed`` and ``bounds``. Several
    starts are tried, for a nested fit also the single ones: it never fits worse than they do.

    What data can be like raises nothing: it is the ``outcome``. With fewer bins than free parameters the model is
    flat at the mean semivariance.

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
    >>> fit_variogram(empirical, Exponential, bounds={"effective_range": (10, 200)}).at_bound
    ('effective_range',)
    """
    _check_empirical(empirical)
    classes = checked_classes(model)
    held = checked_fixed(classes, fixed)
    limited = checked_bounds(classes, bounds, held)
    if not empirical.npairs.any():
        return _nothing(empirical, classes, held, weights)
    curve, name = curve_of(empirical, weights, covariance)
    on_sphere = empirical.metric in ("geodesic", "great_circle")
    free = [parameter for parameter in parameter_names(classes) if parameter not in held]
    choices = smoothness_choices(free, on_sphere=on_sphere)
    # A smoothness chosen among several counts as a parameter, one that is given does not.
    nparameters = len(free) - len(choices[0]) * (len(choices) == 1)
    if curve.unit <= (_ROUNDING if empirical.dissimilarity == "cosine" else 0.0):
        message = "Every semivariance is zero: all values are equal, there is nothing to fit."
        return _flat(curve, classes, held, ("no variation", message, name, nparameters))
    if len(curve.lag) < nparameters:
        message = (
            f"Only {len(curve.lag)} bins hold pairs, but {title_of(classes)} has {nparameters} free parameters "
            f"({', '.join(free)}): the model is flat at the mean semivariance. Use more or wider bins, "
            "or hold parameters with fixed=."
        )
        return _flat(curve, classes, held, ("too few bins", message, name, nparameters))
    iterated = name == "npairs_over_semivariance2"
    spaces = [space_of(curve, classes, {**held, **choice}, limited, on_sphere=on_sphere) for choice in choices]
    solutions = [(solve(curve, space, iterated=iterated), space) for space in spaces]
    solution, space = min(solutions, key=lambda pair: misfit(curve, pair[0], iterated=iterated))
    outcome, converged, message = outcome_of(solution, curve, space, limited)
    if on_sphere and outcome in ("fitted", "parameter at a bound"):
        message += validity_note(solution.model, {*held, *limited})
    return VariogramFit(
        model=solution.model,
        rmse=_rmse(curve, solution.model),
        aic=_aic(curve, solution.cost, nparameters),
        converged=converged,
        outcome=outcome,
        message=message,
        weights=name,
        nbins=len(curve.lag),
        nparameters=nparameters,
        at_bound=tuple(solution.at_bound),
    )


def compare_models(
    empirical: EmpiricalVariogram,
    models: Sequence[ModelChoice],
    *,
    weights: "Weights | NDArray[np.float64]" = "npairs",
    covariance: "NDArray[np.float64] | None" = None,
) -> ModelComparison:
    """Return the fits of several models, ranked by AIC.

    Parameters
    ----------
    empirical : EmpiricalVariogram
    models : sequence of classes
        E.g. ``[Exponential, Stable, (Exponential, Exponential)]``; a tuple is a nested fit.
    weights : str or (bins,) array
        See `fit_variogram`. ``"npairs_over_semivariance2"`` depends on each model, so their AIC do
        not compare; it is refused.
    covariance : (bins, bins) array, optional
        See `fit_variogram`.

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
    fits = [fit_variogram(empirical, model, weights=weights, covariance=covariance) for model in models]
    return ModelComparison(tuple(sorted(fits, key=lambda fit: fit.aic)))


def _check_empirical(empirical: Any) -> None:
    """Refuse anything but an empirical variogram."""
    if not isinstance(empirical, EmpiricalVariogram):
        msg = (
            f"Invalid empirical of type {type(empirical).__name__}. "
            "Must be an EmpiricalVariogram: make one with empirical_variogram."
        )
        raise TypeError(msg)


def _aic(curve: Curve, cost: float, nparameters: int) -> float:
    """Return the information criterion of Akaike, infinite where the parameters fit anything."""
    nbins = len(curve.lag)
    if nbins <= nparameters:
        return np.inf
    fit = cost if curve.has_covariance else nbins * float(np.log(max(cost, 1e-300) / nbins))
    return fit + 2 * nparameters


def _rmse(curve: Curve, model: VariogramModel) -> float:
    """Return the unweighted root mean square of the residuals."""
    return float(np.sqrt(np.mean((curve.semivariance - model(curve.lag)) ** 2)))


def _nothing(empirical: EmpiricalVariogram, classes: Classes, held: dict[str, float], weights: Any) -> VariogramFit:
    """Return the fit to no pair at all, as a sector may have none."""
    name = weights if isinstance(weights, str) else "given"
    nparameters = len(parameter_names(classes)) - len(held)
    empty = Curve(empirical.bins.edges[-1:], np.zeros(1), np.ones(1))
    message = "No bin holds a pair: there is nothing to fit. Use other bins."
    flat = _flat(empty, classes, held, ("too few bins", message, name, nparameters))
    return replace(flat, rmse=np.nan, nbins=0)


def _flat(
    curve: Curve, classes: Classes, held: dict[str, float], described: tuple[Outcome, str, str, int]
) -> VariogramFit:
    """Return the flat model at the mean semivariance: there is nothing to fit, or too little to fit with."""
    outcome, message, weights, nparameters = described
    ones, level = curve.whitened(np.ones_like(curve.lag)), curve.whitened(curve.semivariance)
    longest = max(float(curve.lag.max()), held.get(FIRST_RANGE, 0.0))
    flat = {
        "nugget": max(float(ones @ level / (ones @ ones)), 0.0) if outcome == "too few bins" else 0.0,
        "partial_sill": 0.0,
        "effective_range": longest,
        "shape": 0.5,
        "smoothness": 0.5,
    }
    values = {name: flat[kind_of(name)] for name in parameter_names(classes)} | held
    if FIRST_RANGE in values and FIRST_RANGE not in held:
        values[FIRST_RANGE] = min(values[FIRST_RANGE], values[SECOND_RANGE])
    model = model_of(classes, values)
    aic = -np.inf if outcome == "no variation" else np.inf
    return VariogramFit(
        model, _rmse(curve, model), aic, False, outcome, message, weights, len(curve.lag), nparameters
    )  # fmt: skip
