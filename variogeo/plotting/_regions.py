"""The map of a curve's parameter by region."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from variogeo._checks import check_choice
from variogeo._fit import VariogramFit
from variogeo._model import VariogramModel
from variogeo.plotting._axes import BARS, GUIDE, axes_or_new, checked
from variogeo.plotting._maps import COLOUR_BAR, draw_coastline, label_map
from variogeo.regions._labels import checked_polygons

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes

Parameter = Literal["effective_range", "nugget", "partial_sill", "sill"]

_LABELS = {
    "effective_range": "effective range (km)",
    "nugget": "nugget (semivariance)",
    "partial_sill": "partial sill (semivariance)",
    "sill": "sill (semivariance)",
}


def plot_regions(
    fits: Mapping[str, VariogramModel | VariogramFit],
    polygons: "gpd.GeoDataFrame",
    column: str,
    ax: "Axes | None" = None,
    *,
    parameter: Parameter = "effective_range",
) -> "Axes":
    """Plot a parameter of the curve of each region on a map.

    Parameters
    ----------
    fits : mapping of str to VariogramFit or VariogramModel
        By label: ``{label: fit_variogram(one, Exponential) for label, one in grouped}``, with the `GroupedVariogram` of
        `variogeo.regions.grouped_variogram`.
    polygons : geopandas.GeoDataFrame
        The regions, with a CRS: what `variogeo.regions.labels_in_polygons` made the labels from.
    column : str
        The column of ``polygons`` that holds the labels.
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.
    parameter : {"effective_range", "nugget", "partial_sill", "sill"}

    Returns
    -------
    matplotlib Axes
        Regions without a curve are grey; those whose fit did not converge are hatched. An effective range that spans
        more than a decade is coloured by its logarithm.

    Raises
    ------
    ValueError
        For labels that no polygon has, no fit, another parameter, and polygons that
        `variogeo.regions.labels_in_polygons` refuses.
    TypeError
        For other values.

    Notes
    -----
    A region's curve is uncertain, the more so the fewer photos it has: neighbours of another colour may differ by
    chance. `variogeo.inference.compare_groups` tests that.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from matplotlib.figure import Figure
    >>> from shapely import box
    >>> from variogeo import Exponential
    >>> from variogeo.plotting import plot_regions
    >>> countries = gpd.GeoDataFrame({"name": ["west", "east"]}, geometry=[box(0, 40, 5, 50), box(5, 40, 10, 50)],
    ...                              crs="EPSG:4326")
    >>> fits = {"west": Exponential(0.1, 0.3, 200.0), "east": Exponential(0.1, 0.3, 900.0)}
    >>> ax = plot_regions(fits, countries, "name", ax=Figure().subplots())
    >>> ax.figure.axes[1].get_xlabel()
    'effective range (km)'
    """
    check_choice(parameter, Parameter, name="parameter")
    checked(fits, Mapping, "fits", "{label: fit_variogram(one, Exponential) for label, one in grouped}")
    labels, geometry = checked_polygons(polygons, column)
    _check_fits(fits, labels, column)
    models = {label: fit.model if isinstance(fit, VariogramFit) else fit for label, fit in fits.items()}
    found = {label: float(getattr(model, parameter)) for label, model in models.items()}
    ax = axes_or_new(ax)
    values = np.array([found.get(label, np.nan) for label in labels])
    known = np.isfinite(values)
    geometry.plot(ax=ax, facecolor=BARS, edgecolor="white", linewidth=0.4, aspect=None)
    norm = _norm(values[known], parameter)
    colours = _draw_known(geometry.loc[known], values[known], norm, ax)
    ax.figure.colorbar(colours, ax=ax, label=_LABELS[parameter], **COLOUR_BAR)
    odd = np.array([isinstance(fits.get(name), VariogramFit) and not fits[name].converged for name in labels])  # type: ignore[union-attr]
    if odd.any():
        geometry.loc[odd].plot(ax=ax, facecolor="none", edgecolor=GUIDE, linewidth=0.0, hatch="////", aspect=None)
    label_map(ax)
    draw_coastline(ax, zorder=3.0)
    _draw_legend(ax, grey=not known.all(), hatched=bool(odd.any()))
    return ax


def _check_fits(fits: Mapping[str, Any], labels: list[str], column: str) -> None:
    """Refuse what is no curve, and curves of regions that are not there."""
    if not fits:
        msg = "Invalid fits without an entry. Must hold at least one fit by the label of its region."
        raise ValueError(msg)
    for label, fit in fits.items():
        if not isinstance(fit, VariogramModel):
            checked(fit, VariogramFit, f"fits[{label!r}]", "fit_variogram")
    unknown = [label for label in fits if label not in labels]
    if unknown:
        listed = ", ".join(map(repr, unknown[:5]))
        msg = f"Invalid fits for {len(unknown)} labels: {listed}. Must be labels of polygons[{column!r}]."
        raise ValueError(msg)


def _norm(values: Any, parameter: str) -> Any:
    """Return how values become colours."""
    from matplotlib.colors import LogNorm, Normalize

    low, high = float(values.min()), float(values.max())
    if parameter == "effective_range" and high > 10 * low:
        return LogNorm(low, high)
    # One value alone lies in the middle of the colours.
    room = 0.0 if high > low else 0.5 * abs(high) or 0.5
    return Normalize(low - room, high + room)


def _draw_known(geometry: Any, values: Any, norm: Any, ax: "Axes") -> Any:
    """Draw regions in their colours, and return what a colour bar is made from."""
    import matplotlib as mpl
    from matplotlib.cm import ScalarMappable

    colours = ScalarMappable(norm=norm, cmap=mpl.colormaps["viridis"])
    geometry.plot(ax=ax, color=colours.to_rgba(values), edgecolor="white", linewidth=0.4, aspect=None)
    return colours


def _draw_legend(ax: "Axes", *, grey: bool, hatched: bool) -> None:
    """Say what grey and hatched regions are, where there are some."""
    from matplotlib.patches import Patch

    entries = [Patch(facecolor=BARS, label="no curve")] if grey else []
    entries += [Patch(facecolor="none", edgecolor=GUIDE, hatch="////", label="not converged")] if hatched else []
    if entries:
        ax.legend(
            handles=entries, frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2
        )
