"""What all plots share: axes, colours, lags, legend."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from variogeo._empirical import EmpiricalVariogram
from variogeo._lags import LagBins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.axes import Axes

POINTS = "#1b6ca8"
CURVE = "#c2410c"
GUIDE = "#6b7280"
BARS = "#d7dbe0"
BAND = "#9ec5e3"
_LONGEST = 48
"""Characters of a user's text that are drawn."""
_MOST_ENTRIES = 12
"""Entries of a legend, above which it would be larger than the plot."""


def checked(value: Any, kind: type, name: str, source: str) -> Any:
    """Return a value of a kind, or refuse it and say where one comes from."""
    if not isinstance(value, kind):
        of = f"{value.__name__}: a class" if isinstance(value, type) else f"of type {type(value).__name__}"
        msg = f"Invalid {name} {of}. Must be {kind.__name__}, from {source}."
        raise TypeError(msg)
    return value


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


def axes_or_new(ax: "Axes | None") -> "Axes":
    """Return the given axes, or those of a new figure."""
    if ax is not None:
        from matplotlib.axes import Axes

        return checked(ax, Axes, "ax", "plt.subplots()[1]; other options go by their names")
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(7, 4.3), layout="constrained")[1]


def evenly_spaced(bins: LagBins) -> bool:
    """Whether all bins are equally wide, so that their lags belong on a linear axis."""
    widths = bins.high - bins.low
    return bool(np.allclose(widths, widths[0], rtol=1e-6, atol=0.0))


def scale_lags(ax: "Axes", *bins: LagBins) -> None:
    """Make the lag axis linear, from 0 if that is near, where all bins are evenly spaced, and logarithmic otherwise."""
    # Limits that an earlier curve of these axes has set hold no longer, but its logarithm does.
    ax.autoscale(axis="x")
    if ax.get_xscale() == "log" or not all(map(evenly_spaced, bins)):
        log_lags(ax)
        return
    if ax.get_xlim()[0] < ax.get_xlim()[1] / 2:
        ax.set_xlim(0.0, None)
    ax.xaxis.set_major_formatter(_plain)


def log_lags(ax: "Axes") -> None:
    """Make the lag axis logarithmic, with plain numbers: five per decade over a short span."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 300 * low else (1.0, 2.0, 5.0), numticks=20))
    ax.xaxis.set_major_formatter(_plain)
    ax.xaxis.set_minor_formatter(NullFormatter())


def _plain(lag: float, _: float) -> str:
    """Return a lag as the label of a tick."""
    return f"{lag:,g}" if lag < 1e4 else f"{lag:,.0f}"


def label_lags(empirical: EmpiricalVariogram, ax: "Axes", *others: EmpiricalVariogram) -> None:
    """Name both axes of a variogram, or of several in one plot, and scale the lag as their bins are spaced."""
    scale_lags(ax, *(one.bins for one in (empirical, *others)))
    ax.set_ylim(0, None)
    ax.set_xlabel("lag (km)" if empirical.metric != "given" else "lag (unit as given)")
    names = {"madogram": "madogram", "rodogram": "rodogram"}
    ax.set_ylabel(f"{names.get(empirical.dissimilarity, 'semivariance')}{unit_of(empirical.dissimilarity)}")


def unit_of(dissimilarity: str) -> str:
    """Return what a semivariance is in, as the end of a label."""
    return {"cosine": " (1 - cos)", "half_squared": " (half squared difference)"}.get(dissimilarity, "")


def literal(text: object) -> str:
    """Return a user's text so that it is drawn as it is: one line, no mathematics, not hidden, not endless."""
    line = "".join(mark if mark.isprintable() else " " for mark in str(text)[: _LONGEST + 1])
    line = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}\u2026"
    # A label that begins with an underscore gets no entry in a legend.
    return (" " if line.startswith("_") else "") + line.replace("$", r"\$")


def hues(count: int) -> "list[Any]":
    """Return as many colours that are told apart, in an order that the eye follows."""
    import matplotlib as mpl

    if count <= 2:
        return [GUIDE, POINTS][-count:]
    return list(mpl.colormaps["viridis"](np.linspace(0.0, 0.88, count)))


def legend_above(ax: "Axes") -> None:
    """Put the legend above the axes: rising curves, bars and the sill leave no free corner for every data set."""
    handles, labels = ax.get_legend_handles_labels()
    inches = ax.get_window_extent().width / ax.figure.dpi
    if len(labels) > _MOST_ENTRIES:
        labels[_MOST_ENTRIES - 1] = f"and {len(labels) - _MOST_ENTRIES + 1} more"
    shown = labels[:_MOST_ENTRIES]
    columns = next((count for count in (3, 2) if _legend_width(shown, count) < inches), 1)
    ax.legend(
        handles[:_MOST_ENTRIES], shown, frameon=False, fontsize="small", loc="lower left",
        bbox_to_anchor=(0.0, 1.0), borderpad=0.2, ncols=columns,
    )  # fmt: skip
    # A power of ten that all numbers share would lie under it.
    ax.yaxis.get_offset_text().set_horizontalalignment("right")


def _legend_width(labels: list[str], columns: int) -> float:
    """Return about how wide a legend is (inches), whose columns are filled one after the other."""
    parts = [list(part) for part in np.array_split(np.array(labels, dtype=object), columns) if len(part)]
    return sum(0.65 + 0.062 * max(map(len, part)) for part in parts)


def along_lags(curves: "Iterable[tuple[Any, Any]]", *, linear: bool = False) -> Any:
    """Return lags from before the first to after the last one that is drawn; on a linear axis from 0 if it is near."""
    lags = np.concatenate([lag for lag, _ in curves])
    if linear:
        first = 1e-4 if lags.min() < lags.max() / 2 else 0.99 * lags.min() / lags.max()
        return np.linspace(first, 1.05, 800) * lags.max()
    return np.geomspace(lags.min() / 1.5, lags.max() * 1.2, 400)
