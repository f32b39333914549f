"""The plot of variograms of groups."""

from typing import TYPE_CHECKING

from variogeo.plotting._axes import GUIDE, axes_or_new, checked, label_lags, legend_above
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
    ['0..5', '5..10', 'pooled']
    """
    checked(grouped, GroupedVariogram, "grouped", "grouped_variogram")
    ax = axes_or_new(ax)
    for label, variogram in grouped:
        filled = variogram.npairs > 0
        ax.plot(variogram.lag[filled], variogram.semivariance[filled], "o-", markersize=4.5, linewidth=1.2, label=label)
    pooled = grouped.pooled
    filled = pooled.npairs > 0
    ax.plot(pooled.lag[filled], pooled.semivariance[filled], color=GUIDE, linestyle=":", linewidth=1.5, label="pooled")
    label_lags(pooled, ax)
    legend_above(ax)
    return ax
