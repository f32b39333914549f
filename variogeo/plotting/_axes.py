"""What all plots share: axes, colours, lags, legend."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

from variogeo._empirical import EmpiricalVariogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

POINTS = "#1b6ca8"
CURVE = "#c2410c"
GUIDE = "#6b7280"
BARS = "#d7dbe0"
BAND = "#9ec5e3"


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


def log_lags(ax: "Axes") -> None:
    """Make the lag axis logarithmic, with plain numbers: five per decade over a short span."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 300 * low else (1.0, 2.0, 5.0), numticks=20))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda lag, _: f"{lag:,g}" if lag < 1e4 else f"{lag:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def label_lags(empirical: EmpiricalVariogram, ax: "Axes") -> None:
    """Name both axes of a variogram, with a logarithmic lag."""
    log_lags(ax)
    ax.set_ylim(0, None)
    ax.set_xlabel("lag (km)" if empirical.metric != "given" else "lag (unit as given)")
    kind = {"cosine": " (1 - cos)", "half_squared": " (half squared difference)"}.get(empirical.dissimilarity, "")
    names = {"madogram": "madogram", "rodogram": "rodogram"}
    ax.set_ylabel(f"{names.get(empirical.dissimilarity, 'semivariance')}{kind}")


def legend_above(ax: "Axes") -> None:
    """Put the legend above the axes: rising curves, bars and the sill leave no free corner for every data set."""
    inches = ax.get_window_extent().width / ax.figure.dpi
    ax.legend(
        frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 1.0), borderpad=0.2,
        ncols=max(1, min(3, int(inches / 1.9))),
    )  # fmt: skip
