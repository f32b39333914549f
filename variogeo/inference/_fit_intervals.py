"""Intervals of fitted parameters, from fits to replicates of the curve: `fit_intervals`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import intervals_html, settings_html
from variogeo._fit import VariogramFit
from variogeo._fitting import fit_variogram
from variogeo._read_only import ReadOnlyArrays
from variogeo.inference._intervals import check_level, on_log_scale, student_quantile
from variogeo.inference._uncertainty import CurveUncertainty, pooled_patches

if TYPE_CHECKING:
    import pandas as pd

_NO_CURVE = ("not converged", "pure nugget", "no variation", "too few bins")
"""Outcomes whose parameters mean nothing, the effective range least of all."""

_MOST_FAILED = 0.1
"""Share of the replicates whose fit may fail; beyond it the rest are no fair picture."""


class ParameterInterval(NamedTuple):
    """A fitted parameter with its error.

    Attributes
    ----------
    estimate : float
    standard_error : float
    lower, upper : float
    """

    estimate: float
    standard_error: float
    lower: float
    upper: float

    _repr_html_ = settings_html


@dataclass(frozen=True, eq=False, repr=False)
class FitIntervals(ReadOnlyArrays):
    """A fit with intervals of its parameters. Made by `fit_intervals`.

    Indexing gives the `ParameterInterval` of a parameter by its name.

    Attributes
    ----------
    fit : VariogramFit
        The fit to all patches.
    names : tuple of str
        The parameters of the model, its sill and its effective range.
    standard_error : (p,) float array
    interval : (p, 2) float array
        Lower and upper limit of each parameter.
    replicates : (R, p) float array
        Parameters fitted to the replicates; NaN where the fit failed.
    method : {"jackknife", "bootstrap"}
    level : float
    """

    fit: VariogramFit
    names: tuple[str, ...]
    standard_error: NDArray[np.float64]
    interval: NDArray[np.float64]
    replicates: NDArray[np.float64]
    method: str
    level: float

    def __post_init__(self) -> None:
        for name in ("standard_error", "interval", "replicates"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def estimate(self) -> NDArray[np.float64]:
        """The (p,) parameters fitted to all patches."""
        return np.array(list(_figures(self.fit).values()))

    @property
    def failed(self) -> int:
        """Number of replicates without a curve: the fit did not converge, or found a pure nugget."""
        return int(np.isnan(self.replicates).all(axis=1).sum())

    @property
    def message(self) -> str:
        """What the intervals rest on, in words."""
        tried = f"{len(self.replicates)} replicates of the {self.method}"
        if self.fit.outcome in _NO_CURVE:
            return f"No intervals: {self.fit.outcome}. {self.fit.message}"
        if self.failed > _MOST_FAILED * len(self.replicates):
            return (
                f"No intervals: the fit failed in {self.failed} of {tried}, the data do not determine the parameters. "
                "Use a simpler model, hold a parameter with fixed=, or fewer and larger patches."
            )
        message = f"Fitted to {tried}, of which {self.failed} failed and were left out."
        return (
            message
            if self.fit.outcome == "fitted"
            else f"{message} {self.fit.outcome.capitalize()}. {self.fit.message}"
        )

    def __getitem__(self, name: str) -> ParameterInterval:
        if name not in self.names:
            msg = f"Invalid parameter {name!r}. Must be one of {', '.join(self.names)}."
            raise KeyError(msg)
        k = self.names.index(name)
        columns = self.estimate[k], self.standard_error[k], *self.interval[k]
        return ParameterInterval(*(float(number) for number in columns))

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per parameter: estimate, standard error, lower, upper."""
        import pandas as pd

        rows = {name: self[name]._asdict() for name in self.names}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")

    def __repr__(self) -> str:
        return f"<FitIntervals: {self.fit.model}, {self.level:.0%} from {len(self.replicates)} replicates>"

    def __str__(self) -> str:
        lines = [repr(self), "parameter                estimate  standard_error     lower     upper"]
        for name in self.names:
            estimate, error, lower, upper = self[name]
            lines.append(f"{name:23s}{estimate:10.4g}{error:16.3g}{lower:10.4g}{upper:10.4g}")
        return "\n".join([*lines, self.message])

    _repr_html_ = intervals_html


def fit_intervals(
    uncertainty: CurveUncertainty,
    model: Any,
    *,
    level: float = 0.95,
    weights: Any = "npairs",
    covariance: Any = None,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> FitIntervals:
    r"""Return a fitted model with intervals of its parameters, its sill and its effective range.

    The model is fitted to each replicate of the curve, so that the errors of the bins and their correlation enter.

    Parameters
    ----------
    uncertainty : CurveUncertainty
        From `jackknife` or `bootstrap`.
    model : class or tuple of two
        See `variogeo.fit_variogram`.
    level : float
        Between 0 and 1.
    weights, covariance, bounds
        See `variogeo.fit_variogram`.
    fixed : dict, optional
        Parameters to hold. Their intervals have no width.

    Returns
    -------
    FitIntervals
        With NaN intervals, and a message that says why, where the fit itself or more than a tenth of those to the
        replicates found no curve. A parameter that every fit puts on its bound has none either.

    Raises
    ------
    ValueError
        As `variogeo.fit_variogram`; for a level outside 0..1.

    Notes
    -----
    With a jackknife, limits are :math:`\hat\theta \exp(\pm t s)` with the jackknife error ``s`` of the logarithm and
    ``t`` as in `CurveUncertainty.band`, for the pairs of all bins together; those of parameters that are 0 in some
    replicates, as nuggets may be, are :math:`\hat\theta \pm t s`, cut off at 0. With a bootstrap they are quantiles of
    the replicates. An effective range beyond the data is an extrapolation, and its interval as well.

    Examples
    --------
    >>> from variogeo import Exponential, LagBins, datasets, empirical_variogram
    >>> from variogeo.inference import fit_intervals, jackknife, kmeans_patches
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> patches = kmeans_patches(lonlat[:500], 25)
    >>> bins = LagBins.linear(0, 10_000, 10)
    >>> uncertainty = jackknife(empirical_variogram(lonlat[:500], embeddings[:500], bins, patches=patches))
    >>> sill = fit_intervals(uncertainty, Exponential)["sill"]
    >>> round(sill.estimate, 2), round(sill.lower, 2), round(sill.upper, 2)
    (0.95, 0.93, 0.98)
    """
    if not isinstance(uncertainty, CurveUncertainty):
        msg = f"Invalid uncertainty of type {type(uncertainty).__name__}. Must come from jackknife or bootstrap."
        raise TypeError(msg)
    tail = (1 - check_level(level)) / 2
    given: dict[str, Any] = {"weights": weights, "covariance": covariance, "fixed": fixed, "bounds": bounds}
    fit = fit_variogram(uncertainty.empirical, model, **given)
    names = tuple(_figures(fit))
    replicates = np.full((len(uncertainty.replicates), len(names)), np.nan)
    for number in np.flatnonzero(_fittable(uncertainty, weights, covariance)):
        refit = fit_variogram(uncertainty.replicate(int(number)), model, **given)
        if refit.outcome not in _NO_CURVE:
            replicates[number] = list(_figures(refit).values())
    found = replicates[~np.isnan(replicates).all(axis=1)]
    error, interval = np.full(len(names), np.nan), np.full((len(names), 2), np.nan)
    enough = len(found) > 1 and len(found) >= (1 - _MOST_FAILED) * len(replicates)
    if fit.outcome not in _NO_CURVE and enough:
        estimate = np.array(list(_figures(fit).values()))
        error = _errors(found, uncertainty.method)
        if uncertainty.method == "bootstrap":
            interval = np.quantile(found, [tail, 1 - tail], axis=0).T
        else:
            t = student_quantile(1 - tail, max(pooled_patches(uncertainty) - 1, 1.0))
            interval = _limits(estimate, found, t)
        # Errors that are too uncertain for limits are none.
        error = np.where(np.isnan(interval).any(axis=1), np.nan, error)
        held = [name in (fixed or {}) for name in names]
        error[held], interval[held] = 0.0, estimate[held, None]
        # A parameter that every fit puts on its bound is held there, not known exactly.
        stuck = [name in fit.at_bound and not np.ptp(found[:, k]) for k, name in enumerate(names)]
        error[stuck], interval[stuck] = np.nan, np.nan
    return FitIntervals(fit, names, error, interval, replicates, uncertainty.method, float(level))


def _fittable(uncertainty: CurveUncertainty, weights: Any, covariance: Any) -> NDArray[np.bool_]:
    """Return which replicates have a bin that counts; others cannot be fitted."""
    counts = np.ones(uncertainty.replicates.shape[1], dtype=bool)
    if covariance is not None:
        counts = ~np.isnan(np.diag(covariance))
    elif not isinstance(weights, str):
        counts = np.asarray(weights) > 0
    return np.asarray(np.isfinite(uncertainty.replicates[:, counts]).any(axis=1))


def _figures(fit: VariogramFit) -> dict[str, float]:
    """Return the parameters of a fitted model by name, with its sill and its effective range."""
    model = fit.model
    return {**model.parameter_values, "sill": model.sill, "effective_range": model.effective_range}


def _errors(found: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    """Return the standard error of each column of replicates."""
    count = len(found)
    factor = (count - 1) / count if method == "jackknife" else 1 / (count - 1)
    return np.sqrt(factor * np.square(found - found.mean(axis=0)).sum(axis=0))


def _limits(estimate: NDArray[np.float64], found: NDArray[np.float64], t: Any) -> NDArray[np.float64]:
    """Return the jackknife limits: of the logarithm where all replicates are positive."""
    positive = (found > 0).all(axis=0) & (estimate > 0)
    logarithm = np.log(np.where(positive, found, 1.0))
    on_log = on_log_scale(estimate, estimate * _errors(logarithm, "jackknife"), t)
    width = t * _errors(found, "jackknife")
    plain = np.stack([np.maximum(estimate - width, 0.0), estimate + width], axis=-1)
    return np.where(positive[:, None], on_log, plain)
