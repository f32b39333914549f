"""The plot of a weighting: its surface over lag and dissimilarity, or its line over the lag."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from variogeo._distances import HALF_GREAT_CIRCLE
from variogeo._model import VariogramModel
from variogeo._weighting import SumWeighting, ThesisMultiplier, Weighting, landmarks_by_lag
from variogeo.plotting._axes import CURVE, GUIDE, POINTS, axes_or_new, log_lags

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TAKEN_OUT = "#8b929c"
"""Grey of the negatives that have weight 0."""
_TOP = 1.0
"""Largest dissimilarity that is drawn without a curve: two embeddings that share nothing."""
_GUIDES = ("dotted", "dashed", "dashdot")


def plot_weights(scheme: Weighting | ThesisMultiplier, ax: "Axes | None" = None) -> "Axes":
    """Plot a weighting: the surface of its log-weight, or a line for a scheme of the lag alone.

    Parameters
    ----------
    scheme : Weighting or ThesisMultiplier
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Of a scheme that reads the dissimilarity, its log-weight over lag and dissimilarity: blue where a negative
        counts less, red where it counts more, white where the weight is 1; the curve as a line. Of a scheme of the lag
        alone, its weight over the lag. Grey where negatives are taken out (weight 0). The lags at which the weight
        turns are vertical lines. Of a `ThesisMultiplier` the logarithm of what it multiplies logits by.

    Raises
    ------
    TypeError
        For what is no scheme.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from variogeo import Exponential, ResidualWeighting
    >>> from variogeo.plotting import plot_weights
    >>> scheme = ResidualWeighting(Exponential(nugget=0.1, partial_sill=0.3, effective_range=300.0))
    >>> plot_weights(scheme, ax=Figure().subplots()).get_title()
    'ResidualWeighting'
    """
    if not isinstance(scheme, Weighting | ThesisMultiplier):
        msg = f"Invalid scheme of type {type(scheme).__name__}. Must be a Weighting, which gives log-weights."
        raise TypeError(msg)
    ax = axes_or_new(ax)
    curve = scheme.model if isinstance(scheme, ThesisMultiplier) else scheme.curve
    lag = np.geomspace(_shortest(curve, scheme.landmarks), HALF_GREAT_CIRCLE, 240)
    free = "upper left"
    if isinstance(scheme, ThesisMultiplier):
        _draw_surface(lambda *pair: np.log(scheme(*pair)), curve, lag, ax, label="log of the multiplier of a logit")
    elif scheme.needs_dissimilarity:
        _draw_surface(scheme, curve, lag, ax, label="log-weight of a negative")
    else:
        _draw_line(scheme, lag, ax)
        free = "lower right"
    ax.set_xlim(lag[0], lag[-1])
    log_lags(ax)
    _draw_landmarks(scheme, ax)
    ax.set_xlabel("lag (km)")
    ax.set_title(_name(scheme), fontsize="medium")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(framealpha=0.9, fontsize="small", loc=free)
    return ax


def _shortest(curve: VariogramModel | None, landmarks: Iterable[tuple[str, float]]) -> float:
    """Return the lag (km) at which the plot begins: well before the first thing happens, a metre at least."""
    lags = [lag / 100 for _, lag in landmarks]
    if curve is not None:
        lags.append(curve.effective_range / 1e3)
    return min(max(min(lags, default=1.0), 1e-3), 1e3)


def _draw_surface(
    logarithm: Callable[..., Any], curve: VariogramModel | None, lag: np.ndarray, ax: "Axes", *, label: str
) -> None:
    """Draw a logarithm over lag and dissimilarity, and the curve."""
    import matplotlib as mpl
    from matplotlib.colors import TwoSlopeNorm
    from matplotlib.patches import Rectangle

    dissimilarity = np.linspace(0.0, _TOP if curve is None or curve.sill == 0 else 1.6 * curve.sill, 160)
    log_weight = np.asarray(logarithm(*np.meshgrid(lag, dissimilarity)))
    finite = np.isfinite(log_weight)
    reach = float(np.abs(log_weight, where=finite, out=np.zeros_like(log_weight)).max(initial=0.1))
    norm = TwoSlopeNorm(vcenter=0.0, vmin=-reach, vmax=reach)
    colours = mpl.colormaps["RdBu_r"].with_extremes(bad=TAKEN_OUT)
    shown = np.ma.masked_where(~finite, log_weight)
    mesh = ax.pcolormesh(lag, dissimilarity, shown, cmap=colours, norm=norm, shading="auto", rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label=label)
    if curve is not None:
        ax.plot(lag, curve(lag), color="black", linewidth=1.3, label=r"$\gamma(h)$")
    if not finite.all():
        # Of no size: only for its entry in the legend.
        ax.add_patch(Rectangle((lag[0], 0.0), 0.0, 0.0, facecolor=TAKEN_OUT, label="taken out (weight 0)"))
    ax.set_ylim(dissimilarity[0], dissimilarity[-1])
    ax.set_ylabel("dissimilarity")


def _draw_line(scheme: Weighting, lag: np.ndarray, ax: "Axes") -> None:
    """Draw the weight over the lag, with the lags that are taken out in grey."""
    # Thresholds lie between the lags of the grid: with those and the next float steps are drawn upright.
    turns = [at for _, turn in scheme.landmarks for at in (turn, np.nextafter(turn, np.inf))]
    lag = np.sort(np.append(lag, [turn for turn in turns if lag[0] < turn < lag[-1]]))
    weight = np.exp(np.asarray(scheme(lag)))
    out = weight == 0
    ax.axhline(1.0, color=GUIDE, linewidth=0.8, zorder=1)
    ax.plot(lag, np.where(out, np.nan, weight), color=POINTS, linewidth=1.8, label="weight", zorder=3)
    top = max(1.25, 1.15 * float(weight.max()))
    if out.any():
        ax.fill_between(
            lag, 0.0, top, where=out, facecolor=TAKEN_OUT, edgecolor="white", hatch="///", linewidth=0.0,
            label="taken out (weight 0)", zorder=2,
        )  # fmt: skip
    ax.set_ylim(0.0, top)
    ax.set_ylabel("weight of a negative")


def _draw_landmarks(scheme: Weighting | ThesisMultiplier, ax: "Axes") -> None:
    """Draw a vertical line at each lag where the weight turns, and name it in the legend."""
    for number, (lag, called) in enumerate(landmarks_by_lag(scheme.landmarks).items()):
        label = f"{called} {lag:,.4g} km"
        ax.axvline(lag, color=CURVE, linewidth=1.0, linestyle=_GUIDES[number % len(_GUIDES)], label=label, zorder=4)


def _name(scheme: Weighting | ThesisMultiplier) -> str:
    """Return the name of a scheme's class, of a sum those of its parts."""
    parts = scheme.parts if isinstance(scheme, SumWeighting) else (scheme,)
    return " + ".join(type(part).__name__ for part in parts)
