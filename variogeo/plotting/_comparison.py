"""Variograms on top of each other: before and after a training, or of one space at several times."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from variogeo._checks import check_choice
from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import VariogramFit
from variogeo._model import VariogramModel
from variogeo._tables import FEW_PAIRS
from variogeo.inference import CurveUncertainty
from variogeo.plotting._axes import (
    along_lags,
    axes_or_new,
    checked,
    evenly_spaced,
    hues,
    label_lags,
    legend_above,
    literal,
)
from variogeo.plotting._variogram import curve_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Aspect = Literal["curve", "shape"]


def plot_comparison(
    variograms: Mapping[str, EmpiricalVariogram],
    ax: "Axes | None" = None,
    *,
    models: Mapping[str, VariogramModel | VariogramFit] | None = None,
    uncertainties: Mapping[str, CurveUncertainty] | None = None,
    of: Aspect = "curve",
) -> "Axes":
    """Plot several variograms on top of each other, e.g. of embeddings before and after a training.

    Parameters
    ----------
    variograms : mapping of str to EmpiricalVariogram
        By name, in the order of their colours: ``{"before": ..., "after": ...}``, or one for each epoch. Of one metric
        and one dissimilarity; bins may differ. Bins with fewer than 30 pairs are hollow.
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.
    models : mapping of str to VariogramModel or VariogramFit, optional
        A curve for some of the names, dashed for a fit that did not converge.
    uncertainties : mapping of str to CurveUncertainty, optional
        Of the variograms of some of the names: their 95 % bands.
    of : {"curve", "shape"}
        ``"shape"`` divides each by its a-priori sill, so that spaces of another spread compare.

    Returns
    -------
    matplotlib Axes
        With a logarithmic lag axis.

    Raises
    ------
    ValueError
        Without a variogram, for names that are not among them, for variograms that differ in metric or dissimilarity,
        and for ``of="shape"`` without an a-priori sill above zero.
    TypeError
        For other values.

    Notes
    -----
    Two bands that overlap do not say that the curves are alike: both come from the same photos, and their errors go
    together. `variogeo.evaluation.variogram_misfit` says how far apart they are.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from variogeo import LagBins, datasets, empirical_variogram
    >>> from variogeo.plotting import plot_comparison
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> bins = LagBins.logarithmic(100, 10_000, 6)
    >>> before = empirical_variogram(lonlat[:300], embeddings[:300], bins)
    >>> after = empirical_variogram(lonlat[:300], embeddings[:300, :64], bins)
    >>> ax = plot_comparison({"before": before, "after": after}, ax=Figure().subplots())
    >>> ax.get_legend_handles_labels()[1]
    ['before', 'after']
    """
    check_choice(of, Aspect, name="of")
    _check_variograms(variograms)
    models, uncertainties = models or {}, uncertainties or {}
    for name, given in (("models", models), ("uncertainties", uncertainties)):
        _check_names(given, variograms, name)
    ax = axes_or_new(ax)
    drawn = {label: _filled(one) for label, one in variograms.items()}
    linear = all(evenly_spaced(one.bins) for one in variograms.values())
    for (label, one), colour in zip(variograms.items(), hues(len(variograms)), strict=True):
        sill = _divisor(one, of, label)
        if label in uncertainties:
            _draw_band(uncertainties[label], one, sill, colour, ax)
        _draw_points(one, sill, colour, label, ax, joined=label not in models)
        if label in models:
            curve, style, _ = curve_of(models[label])
            lags = along_lags(drawn.values(), linear=linear)
            ax.plot(lags, curve(lags) / sill, style, color=colour, linewidth=1.8, zorder=3)
    first, *others = variograms.values()
    label_lags(first, ax, *others)
    if of == "shape":
        ax.axhline(1.0, color="black", linewidth=0.8, linestyle=":", zorder=1)
        ax.set_ylabel("semivariance / a-priori sill")
    legend_above(ax)
    return ax


def _check_variograms(variograms: Any) -> None:
    """Refuse anything but named variograms of one kind."""
    checked(variograms, Mapping, "variograms", '{"before": empirical, "after": empirical}')
    if not variograms:
        msg = "Invalid variograms without an entry. Must hold at least one EmpiricalVariogram by its name."
        raise ValueError(msg)
    for label, one in variograms.items():
        checked(one, EmpiricalVariogram, f"variograms[{label!r}]", "empirical_variogram")
    for name in ("metric", "dissimilarity"):
        found = sorted({getattr(one, name) for one in variograms.values()})
        if len(found) > 1:
            msg = f"Invalid variograms of different {name}: {', '.join(found)}. They share axes: make all the same way."
            raise ValueError(msg)


def _check_names(given: Any, variograms: Mapping[str, Any], name: str) -> None:
    """Refuse what belongs to none of the variograms."""
    checked(given, Mapping, name, "one value for each name of a variogram")
    unknown = [label for label in given if label not in variograms]
    if unknown:
        msg = f"Invalid {name} for {', '.join(map(repr, unknown))}. Must be among {', '.join(map(repr, variograms))}."
        raise ValueError(msg)


def _divisor(one: EmpiricalVariogram, of: Aspect, label: str) -> float:
    """Return what a curve is divided by."""
    if of == "curve":
        return 1.0
    if not one.sill_apriori > 0:
        msg = f"Invalid variograms[{label!r}] with a-priori sill {one.sill_apriori:g} for a shape. Use of='curve'."
        raise ValueError(msg)
    return one.sill_apriori


def _filled(one: EmpiricalVariogram) -> tuple[Any, Any]:
    """Return lags and semivariances of the bins that hold pairs."""
    filled = one.npairs > 0
    return one.lag[filled], one.semivariance[filled]


def _draw_points(one: EmpiricalVariogram, sill: float, colour: Any, label: str, ax: "Axes", *, joined: bool) -> None:
    """Draw the points of a variogram, joined by a line where no curve goes through them."""
    lag, semivariance = _filled(one)
    few = one.npairs[one.npairs > 0] < FEW_PAIRS
    if joined:
        ax.plot(lag, semivariance / sill, color=colour, linewidth=1.0, alpha=0.7, zorder=3)
    for chosen, face in ((~few, colour), (few, "white")):
        if chosen.any():
            ax.plot(
                lag[chosen], semivariance[chosen] / sill, "o", color=colour, markerfacecolor=face, markersize=5,
                zorder=4,
            )  # fmt: skip
    ax.plot([], [], "o", color=colour, markersize=5, label=literal(label))


def _draw_band(uncertainty: Any, one: EmpiricalVariogram, sill: float, colour: Any, ax: "Axes") -> None:
    """Draw the band of a variogram."""
    checked(uncertainty, CurveUncertainty, "uncertainties", "jackknife or bootstrap")
    if uncertainty.empirical != one:
        msg = "uncertainties hold one of another variogram. Pass that of each: jackknife(empirical)."
        raise ValueError(msg)
    lower, upper = uncertainty.band().T / sill
    used = uncertainty.usable
    ax.fill_between(one.lag[used], lower[used], upper[used], color=colour, alpha=0.18, linewidth=0, zorder=2)
