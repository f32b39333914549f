"""The plot of an experiment: the differences of all tested arms with their intervals."""

from typing import TYPE_CHECKING

import numpy as np

from variogeo.experiments._result import ExperimentResult
from variogeo.experiments._statistics import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"scheme": "#1b6ca8", "control": "#6b7280", "known loser": "#c2410c", "baseline": "#111827"}
_PANELS = ("GeoScore, known", "GeoScore, new", "25 km, known", "750 km, new")
_BY_NAME = {outcome.name: outcome for outcome in OUTCOMES}


def differences_figure(result: ExperimentResult) -> "Figure":
    """Return a figure of the differences on both tests, with 95 % intervals for other seeds and other places.

    Parameters
    ----------
    result : ExperimentResult
    """
    from matplotlib.figure import Figure

    rows = len(result.tested)
    figure = Figure(figsize=(11, 1.6 + 0.34 * rows), layout="constrained")
    axes = figure.subplots(1, len(_PANELS), sharey=True)
    for ax, name in zip(axes, _PANELS, strict=True):
        _panel(result, name, ax)
    axes[0].set_yticks(np.arange(rows), [arm.title for arm in result.tested])
    axes[0].set_ylim(rows - 0.4, -0.6)
    figure.suptitle(
        f"Minus baseline, {len(result.seeds)} seeds. Lines: 95 % for other seeds and other places.",
        fontsize="medium",
    )
    return figure


def _panel(result: ExperimentResult, name: str, ax: "Axes") -> None:
    """Draw the differences of one outcome."""
    ax.axvline(0.0, color="#9ca3af", linewidth=1.0)
    for row, arm in enumerate(result.tested):
        found = result.difference(arm, "test", _BY_NAME[name])
        colour = _COLOURS[arm.role]
        ax.plot(found.interval, [row, row], color=colour, linewidth=2.0, alpha=0.7)
        ax.plot(found.estimate, row, "o", color=colour, markersize=5)
    ax.set_title(
        {"GeoScore, known": "GeoScore, known regions", "GeoScore, new": "GeoScore, new regions"}.get(
            name, f"within {name} regions"
        ),
        fontsize="small",
    )
    ax.set_xlabel("points" if name.startswith("GeoScore") else "percentage points", fontsize="small")
    ax.tick_params(labelsize="small")
