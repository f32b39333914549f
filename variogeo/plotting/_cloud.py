"""The lag cloud: dissimilarities of single pairs over their lags."""

from typing import TYPE_CHECKING, Any

import numpy as np

from variogeo._checks import Dissimilarity
from variogeo._fit import VariogramFit
from variogeo._from_pairs import check_bins
from variogeo._lags import LagBins
from variogeo._model import VariogramModel
from variogeo._pairs import StratifiedPairs
from variogeo._prepared import prepared
from variogeo.plotting._axes import CURVE, along_lags, axes_or_new, checked, legend_above, log_lags, unit_of
from variogeo.plotting._variogram import curve_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QUANTILES = ((0.5, "-", "median"), (0.1, "--", "10 % and 90 % of the pairs"), (0.9, "--", None))
_CELLS = (38, 22)


def plot_cloud(
    lonlat: Any,
    embeddings: Any,
    bins: LagBins,
    ax: "Axes | None" = None,
    *,
    model: VariogramModel | VariogramFit | None = None,
    dissimilarity: Dissimilarity = "cosine",
    pairs: StratifiedPairs = StratifiedPairs(40_000, seed=0),  # noqa: B008
) -> "Axes":
    """Plot the dissimilarity of a sample of pairs over their lag, as cells, with quantiles per bin.

    What a variogram averages: a mean may hide two kinds of pairs, or a few that differ from all others.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    embeddings : (n, d) float array or (n,) array
        Scalars with ``dissimilarity="half_squared"``.
    bins : LagBins
        Each gives as many pairs, chosen at random, so that short lags are seen as well as long ones.
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.
    model : VariogramModel or VariogramFit, optional
        Drawn as a curve, dashed for a fit that did not converge.
    dissimilarity : {"cosine", "half_squared"}
    pairs : StratifiedPairs
        How many pairs, and the seed of the choice. All pairs are never in memory.

    Returns
    -------
    matplotlib Axes
        With a logarithmic lag axis. Colours count the pairs of a cell. Lines are the 10 %, 50 % and 90 % quantiles of
        the pairs of each bin, at their mean lag.

    Raises
    ------
    ValueError
        For what `variogeo.empirical_variogram` refuses, and where no pair is in the bins.
    TypeError
        For arrays that do not hold real numbers, and pairs that are no `StratifiedPairs`.

    Notes
    -----
    Pairs at zero lag have no place on a logarithmic axis, and are not drawn.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from variogeo import LagBins, datasets
    >>> from variogeo.plotting import plot_cloud
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> ax = plot_cloud(lonlat[:300], embeddings[:300], LagBins.logarithmic(50, 15_000, 8), ax=Figure().subplots())
    >>> ax.get_legend_handles_labels()[1]
    ['median', '10 % and 90 % of the pairs']
    """
    check_bins(bins)
    checked(pairs, StratifiedPairs, "pairs", "variogeo.StratifiedPairs(count, seed)")
    curve = None if model is None else curve_of(model)
    points, terms = prepared(lonlat, embeddings, dissimilarity, "geodesic")
    from variogeo._engine.sampling._sample import sample_pairs

    sample = sample_pairs(points, bins, pairs)
    apart = np.flatnonzero(sample.lag > 0)
    if not apart.size:
        msg = (
            f"No pair has a lag from {bins.edges[0]:g} to {bins.edges[-1]:g} km. Choose other edges; "
            "LagBins.covering(lonlat) suggests some."
        )
        raise ValueError(msg)
    lag, term = sample.lag[apart], terms.of_pairs(sample.first[apart], sample.second[apart])
    ax = axes_or_new(ax)
    drawn = "all" if sample.complete[1:].all() else "a sample of"
    _draw_cells(lag, term, f"pairs in a cell, of {drawn} {len(lag):,}", ax)
    _draw_quantiles(lag, term, bins, ax)
    if curve is not None:
        style, name = curve[1:]
        lags = along_lags([(lag, term)])
        ax.plot(lags, curve[0](lags), style, color=CURVE, linewidth=1.8, label=name)
    log_lags(ax)
    ax.set_ylim(0.0, None)
    ax.set_xlabel("lag (km)")
    ax.set_ylabel(f"dissimilarity{unit_of(dissimilarity)}")
    legend_above(ax)
    return ax


def _draw_cells(lag: Any, term: Any, label: str, ax: "Axes") -> None:
    """Draw hexagons, the darker the more pairs."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    # From where a single pair can be told from white.
    blues = ListedColormap(mpl.colormaps["Blues"](np.linspace(0.22, 1.0, 256)))
    cells = ax.hexbin(
        lag, term, gridsize=_CELLS, xscale="log", bins="log", mincnt=1, cmap=blues, linewidths=0.1, zorder=1,
        extent=_extent(lag, term),
    )  # fmt: skip
    bar = ax.figure.colorbar(cells, ax=ax, label=label)
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())


def _extent(lag: Any, term: Any) -> tuple[float, float, float, float]:
    """Return the limits of the cells, apart even where all pairs are alike."""
    low, high = np.log10([lag.min(), lag.max()])
    room = 0.0 if high > low else 0.1
    top = float(term.max())
    return float(low) - room, float(high) + room, 0.0, top if top > 0 else 1.0


def _draw_quantiles(lag: Any, term: Any, bins: LagBins, ax: "Axes") -> None:
    """Draw quantiles of the pairs of each bin."""
    position = np.searchsorted(bins.edges, lag, side="left")
    rows = [np.flatnonzero(position == k) for k in range(1, len(bins) + 1)]
    rows = [own for own in rows if own.size]
    middle = [lag[own].mean() for own in rows]
    for probability, style, label in _QUANTILES:
        values = [np.quantile(term[own], probability) for own in rows]
        ax.plot(middle, values, style, color="black", linewidth=1.2, label=label, zorder=3)
