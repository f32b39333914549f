"""Plots of directional variograms: curves by sector, and a rose of ranges."""

from collections.abc import Sequence
from colorsys import hls_to_rgb
from typing import TYPE_CHECKING

import numpy as np

from variogeo._fit import VariogramFit
from variogeo.direction import Anisotropy, DirectionalVariogram
from variogeo.plotting._axes import CURVE, GUIDE, POINTS, axes_or_new, checked, label_lags, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_sectors(
    directional: DirectionalVariogram, anisotropy: Anisotropy | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Plot the variogram of each azimuth sector at its mean lags, in colours that go round with the azimuth.

    Parameters
    ----------
    directional : DirectionalVariogram
    anisotropy : Anisotropy, optional
        Its curve along the middle of each sector: one fit to all of them.
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
    >>> from variogeo.direction import AzimuthSector, directional_variogram
    >>> from variogeo.plotting import plot_sectors
    >>> lonlat = np.random.default_rng(0).uniform(0, 10, (50, 2))
    >>> found = directional_variogram(lonlat, lonlat[:, 0], LagBins.linear(0, 900, 6), AzimuthSector.evenly(2),
    ...     dissimilarity="half_squared")
    >>> ax = plot_sectors(found, ax=Figure().subplots())
    >>> [line.get_label() for line in ax.get_lines()]
    ['0° ± 45°', '90° ± 45°', 'all directions']
    """
    checked(directional, DirectionalVariogram, "directional", "directional_variogram")
    if anisotropy is not None:
        checked(anisotropy, Anisotropy, "anisotropy", "fit_anisotropy")
    ax = axes_or_new(ax)
    whole = directional.omnidirectional
    for sector, variogram in directional:
        # Hues go round, as azimuths do after half a turn.
        colour = hls_to_rgb(0.6 + sector.azimuth / 180, 0.42, 0.7)
        filled = variogram.npairs > 0
        lag = variogram.lag[filled]
        label = f"{sector.azimuth:.3g}° ± {sector.tolerance:.3g}°"
        style = "o" if anisotropy is not None else "o-"
        ax.plot(lag, variogram.semivariance[filled], style, color=colour, markersize=4.5, linewidth=1.2, label=label)
        if anisotropy is not None and lag.size:
            along = np.geomspace(lag.min(), lag.max(), 200)
            ax.plot(along, anisotropy(along, sector.azimuth), color=colour, linewidth=1.5)
    if anisotropy is not None:
        ax.plot([], [], color="black", linewidth=1.5, label=_of_ellipse(anisotropy))
    filled = whole.npairs > 0
    ax.plot(
        whole.lag[filled], whole.semivariance[filled], color=GUIDE, linestyle=":", linewidth=1.5, label="all directions"
    )
    label_lags(whole, ax)
    legend_above(ax)
    return ax


def plot_rose(
    directional: DirectionalVariogram,
    fits: Sequence[VariogramFit],
    anisotropy: Anisotropy | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot the effective range of each azimuth sector as a rose, north up and east to the right.

    Parameters
    ----------
    directional : DirectionalVariogram
    fits : sequence of VariogramFit
        From `variogeo.direction.fit_sectors`, one for each sector; those that did not converge are drawn hollow, and
        reach beyond the plot where their range does so.
    anisotropy : Anisotropy, optional
        Its ellipse of ranges.
    ax : matplotlib polar Axes, optional
        Drawn into; a new figure otherwise.

    Returns
    -------
    matplotlib polar Axes

    Raises
    ------
    ValueError
        For another number of fits than sectors, or axes that are not polar.

    Notes
    -----
    Each fit of one sector has a sill of its own: ranges compare only where the sills are alike. The ellipse is one fit,
    with one sill for all sectors: it need not go through the ends of the petals.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from variogeo import Exponential, LagBins
    >>> from variogeo.direction import AzimuthSector, directional_variogram, fit_sectors
    >>> from variogeo.plotting import plot_rose
    >>> lonlat = np.random.default_rng(0).uniform(0, 10, (50, 2))
    >>> found = directional_variogram(lonlat, lonlat[:, 0], LagBins.linear(0, 900, 6), AzimuthSector.evenly(2),
    ...     dissimilarity="half_squared")
    >>> ax = Figure().subplots(subplot_kw={"projection": "polar"})
    >>> len(plot_rose(found, fit_sectors(found, Exponential), ax=ax).patches)
    4
    """
    checked(directional, DirectionalVariogram, "directional", "directional_variogram")
    if not isinstance(fits, Sequence) or not all(isinstance(fit, VariogramFit) for fit in fits):
        msg = f"Invalid fits of type {type(fits).__name__}. Must be a list of VariogramFit, from fit_sectors."
        raise TypeError(msg)
    if anisotropy is not None:
        checked(anisotropy, Anisotropy, "anisotropy", "fit_anisotropy")
    if len(fits) != len(directional):
        msg = f"fits has {len(fits)} entries but directional has {len(directional)} sectors. One fit per sector."
        raise ValueError(msg)
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(5, 5), layout="constrained", subplot_kw={"projection": "polar"})[1]
    if getattr(ax, "name", "") != "polar":
        msg = 'Invalid ax. Must be polar axes: plt.subplots(subplot_kw={"projection": "polar"}).'
        raise ValueError(msg)
    ax.set_theta_zero_location("N")  # type: ignore[attr-defined]
    ax.set_theta_direction(-1)  # type: ignore[attr-defined]
    for (sector, _), fit in zip(directional, fits, strict=True):
        for turn in (0.0, 180.0):
            name = "fit of one sector, with its own sill" if fit.converged else "fit of one sector, not converged"
            ax.bar(
                np.radians(sector.azimuth + turn), fit.model.effective_range, width=np.radians(2 * sector.tolerance),
                facecolor=POINTS if fit.converged else "none", edgecolor=POINTS, alpha=0.45, linewidth=1.0,
                label=name if name not in ax.get_legend_handles_labels()[1] else None,
            )  # fmt: skip
    if anisotropy is not None:
        azimuth = np.linspace(0, 360, 361)
        ax.plot(
            np.radians(azimuth),
            anisotropy.effective_range(azimuth),
            color=CURVE,
            linewidth=1.8,
            label=_of_ellipse(anisotropy),
        )
    _limit_radius(directional, fits, anisotropy, ax)
    ax.tick_params(axis="y", labelsize="x-small")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), frameon=False, fontsize="small")
    ax.set_title("effective range (km) by azimuth", fontsize="medium")
    return ax


def _of_ellipse(anisotropy: Anisotropy) -> str:
    """Return the name of the ellipse in a legend."""
    return "one fit to all sectors" if anisotropy.converged else "one fit to all sectors, not converged"


def _limit_radius(
    directional: DirectionalVariogram, fits: Sequence[VariogramFit], anisotropy: Anisotropy | None, ax: "Axes"
) -> None:
    """Show all ranges that were found: one that was not may be ten times as long. Label them where least is drawn."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    found = [fit.model.effective_range for fit in fits if fit.converged]
    found += [anisotropy.model.effective_range] if anisotropy is not None and anisotropy.converged else []
    ax.set_ylim(0.0, 1.1 * max(found or [fit.model.effective_range for fit in fits]))
    ax.yaxis.set_major_locator(MaxNLocator(4, prune="lower"))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda km, _: f"{km:,g}"))
    # Half way to the edge of a sector, where no line of the grid is.
    azimuth = np.array([sector.azimuth + sector.tolerance / 2 for sector in directional.sectors])
    reach = np.array([fit.model.effective_range if fit.converged else 0.0 for fit in fits])
    if anisotropy is not None:
        reach = np.maximum(reach, anisotropy.effective_range(azimuth))
    ax.set_rlabel_position(azimuth[np.argmin(reach)])  # type: ignore[attr-defined]
