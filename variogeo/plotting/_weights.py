"""The plot of a weighting: its surface over lag and dissimilarity."""

from typing import TYPE_CHECKING

import numpy as np

from variogeo._weighting import Weighting
from variogeo.plotting._axes import axes_or_new, log_lags

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from variogeo import Exponential, ResidualWeighting
    >>> from variogeo.plotting import plot_weights
    >>> scheme = ResidualWeighting(Exponential(nugget=0.1, partial_sill=0.3, effective_range=300.0))
    >>> plot_weights(scheme, ax=Figure().subplots()).get_title()
    'ResidualWeighting'
    """
    from matplotlib.colors import TwoSlopeNorm

    if not isinstance(scheme, Weighting):
        msg = f"Invalid scheme of type {type(scheme).__name__}. Must be a Weighting, which gives log-weights."
        raise TypeError(msg)
    ax = axes_or_new(ax)
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
    log_lags(ax)
    ax.set_xlabel("lag (km)")
    ax.set_ylabel("dissimilarity")
    ax.set_title(type(scheme).__name__, fontsize="medium")
    ax.legend(framealpha=0.9, fontsize="small", loc="upper left")
    return ax
