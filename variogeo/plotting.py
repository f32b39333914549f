"""Plots of variograms and weightings. Every function takes ``ax`` and returns it."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from variogeo._empirical import FEW_PAIRS, EmpiricalVariogram
from variogeo._fit import VariogramFit
from variogeo._model import VariogramModel
from variogeo._weighting import Weighting

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

__all__ = ["plot_variogram", "plot_weights", "to_png"]

_POINTS = "#1b6ca8"
_CURVE = "#c2410c"
_GUIDE = "#6b7280"
_BARS = "#d7dbe0"


def plot_variogram(
    empirical: EmpiricalVariogram,
    model: VariogramModel | VariogramFit | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot an empirical variogram at its mean lags, with its pairs, its a-priori sill and a model.

    Parameters
    ----------
    empirical : EmpiricalVariogram
        Bins with fewer than 30 pairs are drawn hollow.
    model : VariogramModel or VariogramFit, optional
        Drawn as a curve, dashed for a fit that did not converge.
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.

    Returns
    -------
    matplotlib Axes
        With a logarithmic lag axis. The pair counts are bars on a twin axis along the bottom.

    Examples
    --------
    >>> import variogeo
    >>> from matplotlib.figure import Figure
    >>> empirical = variogeo.variogram_from_pairs([1.0, 5.0], [0.1, 0.3], variogeo.LagBins([0, 2, 10]))
    >>> ax = variogeo.plotting.plot_variogram(empirical, ax=Figure().subplots())
    >>> ax.get_ylabel(), ax.get_xlabel()
    ('semivariance', 'lag (unit as given)')
    """
    ax = _axes(ax)
    filled = empirical.npairs > 0
    lag, semivariance = empirical.lag[filled], empirical.semivariance[filled]
    few = empirical.npairs[filled] < FEW_PAIRS
    _draw_pairs(empirical, ax)
    ax.axhline(empirical.sill_apriori, color=_GUIDE, linestyle=":", linewidth=1.2, label="a-priori sill")
    if model is not None:
        _draw_model(model, lag, ax)
    ax.plot(
        lag[~few],
        semivariance[~few],
        "o",
        color=_POINTS,
        markersize=5.5,
        label="semivariance",
        zorder=4,
    )
    if few.any():
        ax.plot(
            lag[few], semivariance[few], "o", markerfacecolor="white", color=_POINTS, markersize=5.5,
            label=f"fewer than {FEW_PAIRS} pairs", zorder=4,
        )  # fmt: skip
    _log_lags(ax)
    ax.set_ylim(0, None)
    ax.set_xlabel("lag (km)" if empirical.metric != "given" else "lag (unit as given)")
    ax.set_ylabel(_semivariance_label(empirical))
    # Above the axes: rising curves, bars and the sill leave no free corner for every data set.
    inches = ax.get_window_extent().width / ax.figure.dpi
    ax.legend(
        frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 1.0), borderpad=0.2,
        ncols=max(1, min(3, int(inches / 1.9))),
    )  # fmt: skip
    return ax


def plot_weights(scheme: Weighting, ax: "Axes | None" = None) -> "Axes":
    """Plot the surface of a weighting: its weight over lag and dissimilarity.

    Parameters
    ----------
    scheme : Weighting
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Blue where a negative counts less, red where it counts more, white where the weight is 1;
        the model as a line.
    """
    from matplotlib.colors import TwoSlopeNorm

    if not isinstance(scheme, Weighting):
        msg = f"Invalid scheme of type {type(scheme).__name__}. Must be a Weighting, which gives log-weights."
        raise TypeError(msg)
    ax = _axes(ax)
    model = scheme.model  # type: ignore[attr-defined]
    lag = np.geomspace(max(model.effective_range / 1e3, 1e-3), 20_015.0, 240)
    dissimilarity = np.linspace(0.0, 1.6 * model.sill, 160)
    log_weight = scheme(*np.meshgrid(lag, dissimilarity))
    reach = max(float(np.abs(log_weight[np.isfinite(log_weight)]).max()), 0.1)
    norm = TwoSlopeNorm(vcenter=0.0, vmin=-reach, vmax=reach)
    # A weight of 0 has the log-weight -inf, which matplotlib would leave white, the colour of weight 1.
    shown = np.maximum(log_weight, -reach)
    mesh = ax.pcolormesh(lag, dissimilarity, shown, cmap="RdBu_r", norm=norm, shading="auto", rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label="log-weight of a negative")
    ax.plot(lag, model(lag), color="black", linewidth=1.3, label=r"$\gamma(h)$")
    _log_lags(ax)
    ax.set_xlabel("lag (km)")
    ax.set_ylabel("dissimilarity")
    ax.set_title(type(scheme).__name__, fontsize="medium")
    ax.legend(framealpha=0.9, fontsize="small", loc="upper left")
    return ax


def to_png(draw: "Callable[[Axes], object]") -> bytes:
    """Return what ``draw`` draws into its axes as the bytes of a PNG, whatever the user's backend.

    Examples
    --------
    >>> from variogeo.plotting import to_png
    >>> to_png(lambda ax: ax.plot([1, 2]))[1:4]
    b'PNG'
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    draw(figure.subplots())
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def _draw_pairs(empirical: EmpiricalVariogram, ax: "Axes") -> None:
    """Draw the number of pairs per bin as bars along the bottom, on a twin axis."""
    low = np.where(empirical.bins.low > 0, empirical.bins.low, empirical.bins.high / 10)
    most = max(int(empirical.npairs.max()), 10)
    bars = ax.twinx()
    bars.bar(low, empirical.npairs, width=empirical.bins.high - low, align="edge", color=_BARS, edgecolor="white")
    # Counts span decades, so they are drawn in their logarithm; the tallest bar takes a quarter of the height.
    bars.set_yscale("log")
    bars.set_ylim(1, float(most) ** 4)
    ticks = [10**power for power in range(0, 16, 2) if 10**power <= most]
    bars.set_yticks(ticks, [f"{tick:,}" for tick in ticks], color=_GUIDE, fontsize="x-small")
    bars.minorticks_off()
    bars.set_ylabel("pairs", color=_GUIDE, fontsize="small", loc="bottom")
    bars.tick_params(length=0)
    bars.set_zorder(ax.get_zorder() - 1)
    ax.patch.set_visible(False)


def _draw_model(model: VariogramModel | VariogramFit, lag: Any, ax: "Axes") -> None:
    """Draw the curve over the measured lags, with guides at the effective range."""
    fit = model if isinstance(model, VariogramFit) else None
    curve = fit.model if fit else model
    if not isinstance(curve, VariogramModel):
        msg = f"Invalid model of type {type(curve).__name__}. Must be a model or a fit, e.g. comparison.best."
        raise TypeError(msg)
    lags = np.geomspace(lag.min() / 1.5, lag.max() * 1.2, 400)
    style = "--" if fit and not fit.converged else "-"
    name = type(curve).__name__ + ("" if not fit or fit.converged else f" ({fit.outcome})")
    ax.plot(lags, curve(lags), style, color=_CURVE, linewidth=1.8, label=name, zorder=3)
    reached = curve.effective_range
    if lags[0] < reached < lags[-1]:
        ax.axvline(
            reached,
            color=_CURVE,
            linestyle=":",
            linewidth=1.0,
            label=f"effective range {reached:,.0f} km",
        )


def _log_lags(ax: "Axes") -> None:
    """Make the lag axis logarithmic, with plain numbers: five per decade over a short span."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 300 * low else (1.0, 2.0, 5.0), numticks=20))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda lag, _: f"{lag:,g}" if lag < 1e4 else f"{lag:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _semivariance_label(empirical: EmpiricalVariogram) -> str:
    kind = {"cosine": " (1 - cos)", "half_squared": " (half squared difference)"}.get(empirical.dissimilarity, "")
    return f"semivariance{kind}"


def _axes(ax: "Axes | None") -> "Axes":
    """Return the given axes, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(7, 4.3), layout="constrained")[1]
