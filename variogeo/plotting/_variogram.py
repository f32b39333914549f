"""The plot of an empirical variogram with its curve and its band."""

from typing import TYPE_CHECKING, Any

import numpy as np

from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import VariogramFit
from variogeo._html import number
from variogeo._model import VariogramModel
from variogeo._tables import FEW_PAIRS
from variogeo.inference import CurveUncertainty
from variogeo.plotting._axes import (
    BAND,
    BARS,
    CURVE,
    GUIDE,
    POINTS,
    along_lags,
    axes_or_new,
    checked,
    evenly_spaced,
    label_lags,
    legend_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HIGHEST_GUIDE = 1.5
"""A sill so many times above the end of the curve was never seen: its line would flatten what was."""


def plot_variogram(
    empirical: EmpiricalVariogram,
    model: VariogramModel | VariogramFit | None = None,
    ax: "Axes | None" = None,
    *,
    uncertainty: CurveUncertainty | None = None,
) -> "Axes":
    """Plot an empirical variogram at its mean lags, with its pairs, its a-priori sill, a model and its band.

    Parameters
    ----------
    empirical : EmpiricalVariogram
        Bins with fewer than 30 pairs are drawn hollow, on grey.
    model : VariogramModel or VariogramFit, optional
        Drawn as a curve, dashed for a fit that did not converge, with lines at its nugget, sill and effective range.
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.
    uncertainty : CurveUncertainty, optional
        Of the same variogram: its 95 % band, drawn at each bin, pale where few patches hold the pairs.

    Returns
    -------
    matplotlib Axes
        With a linear lag axis where the bins are evenly spaced, as those of ``LagBins.linear``, and a logarithmic one
        otherwise. The pair counts are bars on a twin axis along the bottom.

    Examples
    --------
    >>> import variogeo
    >>> from matplotlib.figure import Figure
    >>> empirical = variogeo.variogram_from_pairs([1.0, 5.0], [0.1, 0.3], variogeo.LagBins([0, 2, 10]))
    >>> ax = variogeo.plotting.plot_variogram(empirical, ax=Figure().subplots())
    >>> ax.get_ylabel(), ax.get_xlabel()
    ('semivariance', 'lag (unit as given)')
    """
    checked(empirical, EmpiricalVariogram, "empirical", "empirical_variogram")
    if uncertainty is not None:
        checked(uncertainty, CurveUncertainty, "uncertainty", "jackknife or bootstrap")
    ax = axes_or_new(ax)
    filled = empirical.npairs > 0
    lag, semivariance = empirical.lag[filled], empirical.semivariance[filled]
    few = empirical.npairs[filled] < FEW_PAIRS
    _draw_pairs(empirical, ax)
    if uncertainty is not None:
        _draw_band(uncertainty, empirical, ax)
    if np.isfinite(empirical.sill_apriori):
        ax.axhline(empirical.sill_apriori, color=GUIDE, linestyle=":", linewidth=1.2, label="a-priori sill")
    if model is not None:
        lags = along_lags([(lag, semivariance)], linear=evenly_spaced(empirical.bins))
        _draw_model(model, lags, ax, unit="" if empirical.metric == "given" else " km")
    ax.plot(
        lag[~few],
        semivariance[~few],
        "o",
        color=POINTS,
        markersize=5.5,
        label="semivariance",
        zorder=4,
    )
    if few.any():
        ax.plot(
            lag[few], semivariance[few], "o", markerfacecolor="white", color=POINTS, markersize=5.5,
            label=f"fewer than {FEW_PAIRS} pairs", zorder=4,
        )  # fmt: skip
    label_lags(empirical, ax)
    legend_above(ax)
    return ax


def _draw_pairs(empirical: EmpiricalVariogram, ax: "Axes") -> None:
    """Draw the number of pairs per bin as bars along the bottom, on a twin axis, with grey behind bins of few."""
    low = empirical.bins.low
    if not evenly_spaced(empirical.bins):  # a bin from 0 has no end on a logarithmic axis
        low = np.where(low > 0, low, empirical.bins.high / 10)
    most = max(int(empirical.npairs.max()), 10)
    bars = ax.twinx()
    bars.bar(low, empirical.npairs, width=empirical.bins.high - low, align="edge", color=BARS, edgecolor="white")
    spans = [(start, end - start) for start, end, count in zip(low, empirical.bins.high, empirical.npairs, strict=True)
             if count < FEW_PAIRS]  # fmt: skip
    bars.broken_barh(spans, (0, 1), transform=bars.get_xaxis_transform(), facecolor=GUIDE, alpha=0.09, linewidth=0)
    # Counts span decades, so they are drawn in their logarithm; the tallest bar takes a quarter of the height.
    bars.set_yscale("log")
    bars.set_ylim(1, float(most) ** 4)
    ticks = [10**power for power in range(0, 16, 2) if 10**power <= most]
    bars.set_yticks(ticks, [f"{tick:,}" for tick in ticks], color=GUIDE, fontsize="x-small")
    bars.minorticks_off()
    bars.set_ylabel("pairs", color=GUIDE, fontsize="small", loc="bottom")
    bars.tick_params(length=0)
    bars.set_zorder(ax.get_zorder() - 1)
    ax.patch.set_visible(False)


def _draw_band(uncertainty: CurveUncertainty, empirical: EmpiricalVariogram, ax: "Axes") -> None:
    """Draw the 95 % band of each bin as a bar through its point."""
    if uncertainty.empirical != empirical:
        msg = "uncertainty belongs to another variogram. Pass that of this one: jackknife(empirical)."
        raise ValueError(msg)
    lower, upper = uncertainty.band().T
    for chosen, pale, label in (
        (uncertainty.reliable, 1.0, f"95 % band ({uncertainty.method})"),
        (uncertainty.usable & ~uncertainty.reliable, 0.4, "band from few patches"),
    ):
        if chosen.any():
            ax.vlines(
                empirical.lag[chosen], lower[chosen], upper[chosen],
                color=BAND, linewidth=6, alpha=pale, label=label, zorder=2,
            )  # fmt: skip


def curve_of(model: Any) -> tuple[VariogramModel, str, str]:
    """Return the curve of a model or a fit, the style of its line and its name, or refuse anything else."""
    fit = model if isinstance(model, VariogramFit) else None
    curve = fit.model if fit else model
    if not isinstance(curve, VariogramModel):
        msg = f"Invalid model of type {type(curve).__name__}. Must be a model or a fit, e.g. comparison.best."
        raise TypeError(msg)
    name = type(curve).__name__
    return (curve, "-", name) if not fit or fit.converged else (curve, "--", f"{name} ({fit.outcome})")


def _draw_model(model: VariogramModel | VariogramFit, lags: Any, ax: "Axes", *, unit: str) -> None:
    """Draw the curve over some lags, with guides at nugget, sill and effective range where they lie in view."""
    curve, style, name = curve_of(model)
    ax.plot(lags, curve(lags), style, color=CURVE, linewidth=1.8, label=name, zorder=3)
    guide = {"color": CURVE, "linestyle": ":", "linewidth": 1.0}
    ax.axhline(curve.nugget, **guide, label=f"nugget {curve.nugget:.3g}, sill {curve.sill:.3g}")
    if curve.sill <= _HIGHEST_GUIDE * curve(lags[-1]):
        ax.axhline(curve.sill, **guide)
    reached = curve.effective_range
    if lags[0] < reached < lags[-1]:
        ax.axvline(reached, **{**guide, "linestyle": "-."}, label=f"effective range {number(reached)}{unit}")
