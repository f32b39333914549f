"""The plot of a permutation test."""

from typing import TYPE_CHECKING

import numpy as np

from variogeo.inference import PermutationEnvelope
from variogeo.plotting._axes import BARS, CURVE, GUIDE, POINTS, axes_or_new, checked, legend_above, log_lags

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_envelope(test: PermutationEnvelope, ax: "Axes | None" = None) -> "Axes":
    """Plot an observed variogram in the global envelope of permuted places.

    Parameters
    ----------
    test : PermutationEnvelope
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.

    Returns
    -------
    matplotlib Axes
        Bins outside the envelope are filled; one that is outside is enough for the p-value of the whole curve.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from variogeo import LagBins
    >>> from variogeo.inference import permutation_test
    >>> from variogeo.plotting import plot_envelope
    >>> lonlat = np.random.default_rng(0).uniform(0, 10, (60, 2))
    >>> test = permutation_test(lonlat, lonlat[:, 0], LagBins.linear(0, 900, 6), dissimilarity="half_squared",
    ...     permutations=99)
    >>> plot_envelope(test, ax=Figure().subplots()).texts[0].get_text()
    'p = 0.01, 99 permutations'
    """
    checked(test, PermutationEnvelope, "test", "permutation_test")
    ax = axes_or_new(ax)
    filled = np.isfinite(test.low) & np.isfinite(test.lag)
    lag = test.lag[filled]
    ax.fill_between(
        lag, test.low[filled], test.high[filled], color=BARS, label=f"{100 * test.level:g} % global envelope", zorder=1
    )
    ax.plot(lag, test.central[filled], color=GUIDE, linestyle=":", linewidth=1.2, label="mean of permutations")
    ax.plot(lag, test.semivariance[filled], color=POINTS, linewidth=1.2, zorder=3)
    for chosen, face, label in ((test.outside, CURVE, "outside"), (~test.outside, "white", "inside")):
        some = chosen & filled
        if some.any():
            ax.plot(
                test.lag[some], test.semivariance[some], "o", markerfacecolor=face, color=POINTS, markersize=5.5,
                label=f"semivariance, {label}", zorder=4,
            )  # fmt: skip
    log_lags(ax)
    ax.set_xlabel("lag (km)")
    ax.set_ylabel("semivariance")
    words = f"p = {test.p_value:.3g}, {test.permutations} permutations"
    ax.text(0.98, 0.03, words, transform=ax.transAxes, horizontalalignment="right", fontsize="small")
    legend_above(ax)
    return ax
