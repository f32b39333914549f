"""Fits by direction: of each sector alone, and of one curve whose range depends on the azimuth."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import anisotropy_html
from variogeo._checks import check_number
from variogeo._fit import VariogramFit
from variogeo._fitting import Weights, fit_variogram
from variogeo._model import VariogramModel
from variogeo.direction._directional import DirectionalVariogram
from variogeo.direction._sectors import HALF_TURN

_ACROSS = np.linspace(-0.8, 0.8, 5)
"""Middles of fifths of a sector, in units of its tolerance: a curve is averaged over them."""

_STARTS = (0.0, 45.0, 90.0, 135.0)
"""Azimuths (degrees) from which the search starts."""

_LOWEST_RATIO = 0.02

_LEAST_SECTORS = 3
"""Longest range, ratio and azimuth are three unknowns."""

_HARDLY = 0.9
"""Share of the rmse without direction above which a fit with it says little."""


@dataclass(frozen=True)
class Anisotropy:
    r"""One curve whose effective range depends on the azimuth as the radius of an ellipse. Made by `fit_anisotropy`.

    .. math:: r(\alpha) = R \left(\cos^2(\alpha - \varphi) + \sin^2(\alpha - \varphi) / q^2\right)^{-1/2}

    Attributes
    ----------
    model : VariogramModel
        The curve along the azimuth of the longest range ``R``.
    azimuth : float, degrees
        ``phi``: of the longest range, clockwise from north, in [0, 180). Means nothing where the ratio is near 1.
    ratio : float
        ``q``: shortest over longest range, at most 1.
    rmse : float
        Root of the weighted mean square of semivariance less curve, over all bins of all sectors.
    rmse_isotropic : float
        The same of the best curve with ratio 1.
    converged : bool
        False where the ratio is at its lowest, the search or the fit of all directions failed, or fewer than three
        azimuths have pairs. True is no test: white noise has a ratio below 1, too.
    message : str
        What was found in words, and what is wrong with it.
    """

    model: VariogramModel
    azimuth: float
    ratio: float
    rmse: float
    rmse_isotropic: float
    converged: bool
    message: str

    def __post_init__(self) -> None:
        if not isinstance(self.model, VariogramModel):
            msg = f"Invalid model of type {type(self.model).__name__}. Must be a variogram model."
            raise TypeError(msg)
        azimuth = check_number(self.azimuth, name="azimuth", at_least=0.0, unit="degrees")
        ratio = check_number(self.ratio, name="ratio", above=0.0)
        if azimuth >= HALF_TURN or ratio > 1:
            msg = f"Invalid azimuth '{azimuth}' or ratio '{ratio}'. Must be below 180 degrees and at most 1."
            raise ValueError(msg)
        object.__setattr__(self, "azimuth", azimuth)
        object.__setattr__(self, "ratio", ratio)

    def effective_range(self, azimuth: Any) -> Any:
        """Return the effective range (km) along an azimuth (degrees clockwise from north)."""
        turn = np.radians(np.asarray(azimuth, dtype=np.float64) - self.azimuth)
        return (self.model.effective_range / np.hypot(np.cos(turn), np.sin(turn) / self.ratio))[()]

    def __call__(self, lag: Any, azimuth: Any) -> Any:
        """Return the semivariance at a lag (km) along an azimuth (degrees clockwise from north)."""
        stretch = self.model.effective_range / self.effective_range(azimuth)
        return self.model(np.asarray(lag, dtype=np.float64) * stretch)

    _repr_html_ = anisotropy_html


def fit_sectors(
    directional: DirectionalVariogram, model: type[VariogramModel], *, weights: Weights = "npairs"
) -> tuple[VariogramFit, ...]:
    """Return the fit of each sector, in their order: see `variogeo.fit_variogram`.

    Each has a nugget and a sill of its own, so that ranges compare only where the sills are alike; `fit_anisotropy`
    has both in common.

    Parameters
    ----------
    directional : DirectionalVariogram
    model : class or tuple of two
        See `variogeo.fit_variogram`.
    weights : str
        See `variogeo.fit_variogram`.

    Returns
    -------
    tuple of VariogramFit
        The outcome of a sector without pairs is ``"too few bins"``.

    Examples
    --------
    >>> from variogeo import Exponential, LagBins
    >>> from variogeo.direction import AzimuthSector, directional_variogram, fit_sectors
    >>> from variogeo.synthetic import gaussian_field, uniform_lonlat
    >>> lonlat = uniform_lonlat(400, seed=1)
    >>> field = gaussian_field(lonlat, Exponential(nugget=0.1, partial_sill=0.3, effective_range=5000.0), seed=1)
    >>> directional = directional_variogram(lonlat, field, LagBins.linear(0, 10_000, 10), AzimuthSector.evenly(2))
    >>> [fit.outcome for fit in fit_sectors(directional, Exponential)]
    ['fitted', 'fitted']
    """
    _check(directional)
    return tuple(fit_variogram(variogram, model, weights=weights) for variogram in directional.variograms)


def fit_anisotropy(
    directional: DirectionalVariogram, model: type[VariogramModel], *, weights: Weights = "npairs"
) -> Anisotropy:
    """Return the curve with elliptic effective ranges that fits all sectors together best.

    Nugget and partial sill are common to all directions (geometric anisotropy); the shape of ``Stable`` is that of all
    directions together. The curve of a sector is averaged over its width.

    Parameters
    ----------
    directional : DirectionalVariogram
        With at least three azimuths: an ellipse has three numbers.
    model : class
        One model class, not nested.
    weights : {"npairs", "equal", "npairs_over_lag2"}

    Returns
    -------
    Anisotropy

    Raises
    ------
    ValueError
        For fewer than three azimuths, or weights that depend on the model.
    TypeError
        For a nested model.

    Notes
    -----
    Azimuths are local: over thousands of km an ellipse of ranges describes, it is no model of a field on the sphere.

    Examples
    --------
    >>> from variogeo import Exponential, LagBins
    >>> from variogeo.direction import AzimuthSector, directional_variogram, fit_anisotropy
    >>> from variogeo.synthetic import gaussian_field, uniform_lonlat
    >>> lonlat = uniform_lonlat(800, seed=1)
    >>> field = gaussian_field(lonlat, Exponential(nugget=0.1, partial_sill=0.3, effective_range=5000.0), seed=1)
    >>> directional = directional_variogram(lonlat, field, LagBins.linear(0, 10_000, 10), AzimuthSector.evenly(4))
    >>> fit_anisotropy(directional, Exponential).ratio > 0.8
    True
    """
    _check(directional)
    azimuths = {sector.azimuth for sector in directional.sectors}
    if len(azimuths) < _LEAST_SECTORS:
        msg = f"directional has {len(azimuths)} azimuths. An ellipse needs at least three: AzimuthSector.evenly(4)."
        raise ValueError(msg)
    if isinstance(model, tuple):
        msg = "Invalid model: a tuple. Must be one class, e.g. Exponential: an ellipse has one range in each direction."
        raise TypeError(msg)
    if not isinstance(weights, str) or weights not in ("npairs", "equal", "npairs_over_lag2"):
        msg = f"Invalid weights {weights!r}. Must be 'npairs', 'equal' or 'npairs_over_lag2'."
        raise ValueError(msg)
    whole = fit_variogram(directional.omnidirectional, model, weights=weights)
    points = _Points.of(directional, weights)
    runs = [_search(points, whole.model, _LOWEST_RATIO, azimuth) for azimuth in _STARTS]
    found, _, success = min(runs, key=lambda run: run[1])
    rmse, rmse_isotropic = (points.rmse(one) for one in (found, _search(points, whole.model, 1 - 1e-9, 0.0)[0]))
    message = (
        f"Longest range along {found.azimuth:.0f} degrees, {found.ratio:.2f} of it across; "
        f"rmse {rmse:.3g}, {rmse_isotropic:.3g} without direction."
    )
    if rmse > _HARDLY * rmse_isotropic:
        message += " Direction hardly improves the fit: azimuth and ratio mean little."
    filled = len({sector.azimuth for sector, variogram in directional if variogram.npairs.any()})
    faults = {
        f" The fit of all directions: {whole.outcome}.": not whole.converged,
        " The ratio is at its lowest: the curves of the sectors do not belong to one ellipse.": found.ratio
        <= _LOWEST_RATIO * 1.01,
        f" Only {filled} azimuths have pairs, and an ellipse needs three.": filled < _LEAST_SECTORS,
        " The search did not converge.": not success,
    }
    message += "".join(text for text, holds in faults.items() if holds)
    converged = not any(faults.values())
    return replace(found, rmse=rmse, rmse_isotropic=rmse_isotropic, converged=converged, message=message)


@dataclass(frozen=True, eq=False)
class _Points:
    """The filled bins of all sectors: azimuths (m, 5) in degrees; lag (km), semivariance, root of the weight (m,)."""

    azimuth: NDArray[np.float64]
    lag: NDArray[np.float64]
    semivariance: NDArray[np.float64]
    root_weight: NDArray[np.float64]

    @classmethod
    def of(cls, directional: DirectionalVariogram, weights: Weights) -> "_Points":
        """Return the filled bins of all sectors."""
        columns = []
        for sector, variogram in directional:
            filled = variogram.npairs > 0
            lag, npairs = variogram.lag[filled], variogram.npairs[filled].astype(np.float64)
            weight = {"equal": np.ones_like(lag), "npairs": npairs}.get(weights, npairs / lag**2)
            azimuth = np.tile(sector.azimuth + _ACROSS * sector.tolerance, (len(lag), 1))
            columns.append((azimuth, lag, variogram.semivariance[filled], weight))
        azimuth, lag, semivariance, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
        return cls(azimuth, lag, semivariance, np.sqrt(weight / weight.mean()))

    def rmse(self, anisotropy: Anisotropy) -> float:
        """Return the root of the weighted mean square of the residuals; the weights have mean 1."""
        return float(np.sqrt(np.mean(np.square(self.root_weight * self.residual(anisotropy)))))

    def residual(self, anisotropy: Anisotropy) -> NDArray[np.float64]:
        """Return semivariance less curve, averaged over the width of the sector."""
        return self.semivariance - anisotropy(self.lag[:, None], self.azimuth).mean(axis=1)


def _half_turn(degrees: float) -> float:
    """Return an angle in [0, 180): a tiny negative one would be rounded to 180."""
    turned = degrees % HALF_TURN
    return turned if turned < HALF_TURN else 0.0


def _search(points: _Points, start: VariogramModel, lowest: float, azimuth: float) -> tuple[Anisotropy, float, bool]:
    """Return the best curve with a ratio of at least ``lowest`` from one start, its cost, and whether it was found."""
    from scipy.optimize import least_squares

    unit, longest = float(points.semivariance.max()) or 1.0, float(points.lag.max())

    def made(theta: NDArray[np.float64]) -> Anisotropy:
        nugget, partial_sill, log_range, log_ratio, angle = (float(value) for value in theta)
        reach = {"nugget": nugget * unit, "partial_sill": partial_sill * unit, "effective_range": np.exp(log_range)}
        curve = replace(start, **reach)  # type: ignore[type-var]
        return Anisotropy(curve, _half_turn(angle), min(1.0, float(np.exp(log_ratio))), 0.0, 0.0, True, "")

    low = [0.0, 0.0, np.log(points.lag.min() / 10), np.log(lowest), -360.0]
    high = [np.inf, np.inf, np.log(30 * longest), 0.0, 540.0]
    first = [start.nugget / unit, start.partial_sill / unit, np.log(start.effective_range), np.log(0.6), azimuth]
    run = least_squares(
        lambda theta: points.root_weight * points.residual(made(theta)) / unit,
        # Strictly inside, where the search can go both ways.
        np.clip(first, *(np.array(low) + 1e-12, np.array(high) - 1e-12)),
        bounds=(low, high), x_scale=[1, 1, 1, 1, 30.0], xtol=1e-10,
    )  # fmt: skip
    return made(run.x), float(run.cost), bool(run.success)


def _check(directional: Any) -> None:
    """Refuse anything but a directional variogram."""
    if not isinstance(directional, DirectionalVariogram):
        msg = f"Invalid directional of type {type(directional).__name__}. Must be made by directional_variogram."
        raise TypeError(msg)
