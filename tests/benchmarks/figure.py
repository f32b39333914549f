"""The picture: time over the number of photos, ours, the floor and the peers."""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.cases import Case, time_cases
from benchmarks.measure import Store
from variogeo.plotting import to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS = "#1b6ca8"
_GUIDE = "#6b7280"
_BINS = "u5000/50"
_PEERS = {
    "gstools": ("gstools_core", "#7c3aed"),
    "pyproj": ("pyproj, lags only", "#4d7c0f"),
    "thesis": ("public thesis way", "#c2410c"),
    "skgstat": ("scikit-gstat", "#d19a00"),
    "torch": ("torch eager", "#be185d"),
    "treecorr": ("TreeCorr, one column", "#0f766e"),
}
"""Slowest first, as the lines lie from above."""


def draw(store: Store) -> bytes:
    """Return the picture as the bytes of a PNG."""
    return to_png(lambda ax: _draw(store, ax))


def _draw(store: Store, ax: "Axes") -> None:
    def line(cases: list[Case], column: str, text: str, color: str, style: str) -> None:
        records = [(case.n, store.read(str(case))) for case in cases]
        n = [size for size, record in records if record]
        seconds = [float(np.median(record[column])) for _, record in records if record]
        width, marker = (2.2, 5.5) if column == "ours_s" else (1.3, 4.0)
        ax.plot(n, seconds, style, color=color, linewidth=width, markersize=marker, label=text)

    cases = [case for case in time_cases() if case.bins == _BINS]
    for peer, (text, color) in _PEERS.items():
        spread = peer != "treecorr"
        line([case for case in cases if case.peer == peer and case.spread == spread], "peer_s", text, color, "-s")
    own = [case for case in cases if case.peer == "floor" and case.metric == "geodesic"]
    line([case for case in own if case.spread], "ours_s", "variogeo, all moments", _OURS, "-o")
    line([case for case in own if case.spread], "peer_s", "product of all pairs", _GUIDE, ":")
    line([case for case in own if not case.spread], "ours_s", "variogeo, spread=False", _OURS, "--o")
    _frame(ax)
    ax.legend(
        frameon=False,
        fontsize="small",
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        labelcolor="linecolor",
        handlelength=3,
    )


def _frame(ax: "Axes") -> None:
    """Make both axes logarithmic with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value < 1e5 else f"{value:,.0f}"))
        axis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("photos")
    ax.set_ylabel("time (s)")
    ax.set_title("Exact variogram of 512-dimensional embeddings, 50 bins to 5 000 km", fontsize="medium", loc="left")
    ax.grid(which="major", color="#eceff2", linewidth=0.8)
    ax.set_axisbelow(True)
