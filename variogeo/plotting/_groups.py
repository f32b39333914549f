"""The plot of variograms of groups."""

from typing import TYPE_CHECKING

from variogeo.plotting._axes import CURVE, axes_or_new, checked, hues, label_lags, legend_above, literal
from variogeo.regions import GroupedVariogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_groups(grouped: GroupedVariogram, ax: "Axes | None" = None) -> "Axes":
    """Plot the variogram of each group at its mean lags, and the pooled one.

    Parameters
    ----------
    grouped : GroupedVariogram
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.

    Returns
    -------
    matplotlib Axes
        Of more than 11 groups the legend names the first ones.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from variogeo import LagBins
    >>> from variogeo.plotting import plot_groups
    >>> from variogeo.regions import grouped_variogram, latitude_bands
    >>> lonlat = np.random.default_rng(0).uniform(0, 10, (50, 2))
    >>> grouped = grouped_variogram(lonlat, lonlat[:, 0], LagBins.linear(0, 900, 6), latitude_bands(lonlat, [0, 5, 10]),
    ...     dissimilarity="half_squared")
    >>> [line.get_label() for line in plot_groups(grouped, ax=Figure().subplots()).get_lines()]
    ['pooled', '0..5', '5..10']
    """
    checked(grouped, GroupedVariogram, "grouped", "grouped_variogram")
    ax = axes_or_new(ax)
    pooled = grouped.pooled
    filled = pooled.npairs > 0
    # First, so that a legend of many groups has it.
    ax.plot(pooled.lag[filled], pooled.semivariance[filled], color=CURVE, linestyle=":", linewidth=1.8, label="pooled")
    for (label, variogram), colour in zip(grouped, hues(len(grouped)), strict=True):
        filled = variogram.npairs > 0
        ax.plot(
            variogram.lag[filled], variogram.semivariance[filled], "o-", color=colour, markersize=4.5, linewidth=1.2,
            label=literal(label),
        )  # fmt: skip
    label_lags(pooled, ax)
    legend_above(ax)
    return ax
