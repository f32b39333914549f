"""Maps of where a curve does not hold: photos by their excess, and pairs as lines."""

from typing import TYPE_CHECKING, Any

import numpy as np

from variogeo._land import coastline
from variogeo._longitudes import turned, western_edge
from variogeo.plotting._axes import BARS, CURVE, GUIDE, axes_or_new, checked

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes

COLOUR_BAR: Any = {"location": "bottom", "shrink": 0.7, "aspect": 35, "pad": 0.03}
"""Below the map: maps are wider than high."""

_COAST = "coastline"
_LEAST_DEGREES = 3.0
"""Width of a map below which a coastline of 1:110m, which is off by tens of km, would be wrong."""


def plot_excess(excess: "gpd.GeoDataFrame", ax: "Axes | None" = None) -> "Axes":
    """Plot photos on a map, red where they differ more from their surroundings than expected, blue where less.

    Parameters
    ----------
    excess : geopandas.GeoDataFrame
        From `variogeo.local.local_excess`.
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.

    Returns
    -------
    matplotlib Axes
        The colours end at the 98 % quantile of the magnitude. Photos without pairs in the bins are grey dots. Maps
        of three degrees and more have a coastline (Natural Earth, 1:110m).

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from variogeo import Exponential, LagBins
    >>> from variogeo.local import local_excess
    >>> from variogeo.plotting import plot_excess
    >>> lonlat = np.random.default_rng(0).uniform(0, 10, (50, 2))
    >>> model = Exponential(nugget=0.0, partial_sill=8.0, effective_range=900.0)
    >>> excess = local_excess(lonlat, lonlat[:, 0], model, bins=LagBins([0, 500]), dissimilarity="half_squared")
    >>> ax = plot_excess(excess, ax=Figure().subplots())
    >>> [len(points.get_offsets()) for points in ax.collections[:2]]  # without pairs in the bins, and with some
    [0, 50]
    """
    excess = _in_degrees(excess, "excess", "mean_excess", "local_excess")
    ax = axes_or_new(ax)
    column = excess["mean_excess"].to_numpy(dtype=float)
    known = np.isfinite(column)
    reach = float(np.quantile(np.abs(column[known]), 0.98)) if known.any() else 1.0
    longitude, latitude = excess.geometry.x.to_numpy(), excess.geometry.y.to_numpy()
    longitude = turned(longitude, _western_edge(longitude, ax))
    ax.scatter(longitude[~known], latitude[~known], s=4, color=BARS)
    # The strongest are drawn last, on top.
    order = np.flatnonzero(known)[np.argsort(np.abs(column[known]))]
    mesh = ax.scatter(
        longitude[order], latitude[order], s=14, c=column[order],
        cmap="RdBu_r", vmin=-reach or -1.0, vmax=reach or 1.0, edgecolor="#00000040", linewidth=0.3,
    )  # fmt: skip
    ax.figure.colorbar(mesh, ax=ax, label="mean excess over the curve", extend="both", **COLOUR_BAR)
    label_map(ax)
    draw_coastline(ax, zorder=0.5)
    return ax


def plot_pairs(pairs: "gpd.GeoDataFrame", ax: "Axes | None" = None) -> "Axes":
    """Plot pairs on a map as geodesics, the strongest on top.

    Parameters
    ----------
    pairs : geopandas.GeoDataFrame
        From `variogeo.local.hot_pairs`.
    ax : matplotlib Axes, optional
        Drawn into, e.g. onto `plot_excess`; a new figure otherwise.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from variogeo import Exponential
    >>> from variogeo.local import hot_pairs
    >>> from variogeo.plotting import plot_pairs
    >>> lonlat = np.random.default_rng(0).uniform(0, 10, (50, 2))
    >>> model = Exponential(nugget=0.0, partial_sill=8.0, effective_range=900.0)
    >>> pairs = hot_pairs(lonlat, lonlat[:, 0], model, kind="false_negative", count=7, dissimilarity="half_squared")
    >>> len(plot_pairs(pairs, ax=Figure().subplots()).collections[0].get_segments())
    7
    """
    from matplotlib.collections import LineCollection

    pairs = _in_degrees(pairs, "pairs", "second", "hot_pairs")
    ax = axes_or_new(ax)
    # A line across the antimeridian has two parts, which come together again where the map goes on beyond 180.
    shapes = [[np.array(part.coords) for part in getattr(shape, "geoms", [shape])] for shape in pairs.geometry[::-1]]
    lines = [part for parts in shapes for part in parts]
    west = _western_edge(np.concatenate([np.empty((0, 2)), *lines])[:, 0], ax)
    for line in lines:
        line[:, 0] += 360.0 if line[:, 0].mean() < west else 0.0
    ax.add_collection(LineCollection(lines, colors=CURVE, linewidths=0.9, alpha=0.6, zorder=3))
    ends = [end for parts in shapes for end in (parts[0][0], parts[-1][-1])]
    if ends:
        ax.scatter(*np.array(ends).T, s=6, color=CURVE, zorder=4)
    ax.autoscale_view()
    label_map(ax)
    draw_coastline(ax, zorder=0.5)
    return ax


def _in_degrees(frame: Any, name: str, column: str, source: str) -> "gpd.GeoDataFrame":
    """Return the result of a function of the local view in longitude and latitude, or refuse anything else."""
    import geopandas as gpd

    checked(frame, gpd.GeoDataFrame, name, source)
    if column not in frame.columns:
        msg = f"Invalid {name} without a column {column!r}. Must be the GeoDataFrame that {source} returns."
        raise ValueError(msg)
    return frame if frame.crs is None else frame.to_crs("EPSG:4326")


def _western_edge(longitude: Any, ax: "Axes") -> float:
    """Return the longitude at which a map is cut open: where the one that is there is, or as suits what is drawn."""
    low, high = ax.get_xlim()
    if not ax.has_data():
        return western_edge(longitude)
    return (low + high) / 2 - 180.0 if high > 180.0 else -180.0


def draw_coastline(ax: "Axes", *, zorder: float) -> None:
    """Draw the coasts that lie within the limits of a map, once, and leave the limits as they are."""
    from matplotlib.collections import LineCollection

    west, east = ax.get_xlim()
    south, north = ax.get_ylim()
    if max(east - west, north - south) < _LEAST_DEGREES or any(drawn.get_gid() == _COAST for drawn in ax.collections):
        return
    repeated = [np.add(line, (turn, 0.0)) for turn in (-360.0, 0.0, 360.0) for line in coastline()]
    lines = [line for line in repeated if line[:, 0].max() > west and line[:, 0].min() < east]
    coast = LineCollection(lines, colors=GUIDE, linewidths=0.5, alpha=0.7, zorder=zorder)
    coast.set_gid(_COAST)
    ax.add_collection(coast, autolim=False)


def label_map(ax: "Axes") -> None:
    """Name the axes of a map, whose degrees are as long both ways at its middle."""
    drawn = ax.dataLim
    for limits, first, last, end in (("x", drawn.x0, drawn.x1, 180.0), ("y", drawn.y0, drawn.y1, 90.0)):
        # Room around the points does not reach beyond the map, unless they do so themselves.
        low, high = getattr(ax, f"get_{limits}lim")()
        shown = max(low, -end) if first >= -end else low, min(high, end) if last <= end else high
        getattr(ax, f"set_{limits}lim")(*shown, auto=True)
    low, high = ax.get_ylim()
    ax.set_aspect(1 / max(np.cos(np.radians(np.clip((low + high) / 2, -80, 80))), 0.2), adjustable="box")
    if ax.get_xlim()[1] > 180.0:
        ax.xaxis.set_major_formatter(
            lambda longitude, _: f"{(longitude + 180.0) % -360.0 + 180.0:g}".replace("-", "\N{MINUS SIGN}")
        )
    ax.set_xlabel("longitude (degrees)", fontsize="medium")
    ax.set_ylabel("latitude (degrees)", fontsize="medium")
