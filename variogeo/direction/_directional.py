"""DirectionalVariogram: one empirical variogram for each azimuth sector."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from variogeo._cards import directional_html
from variogeo._checks import Dissimilarity
from variogeo._distances import Metric
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import LagSums, Marks, accumulate, check_cost_alone, no_classes, no_sums
from variogeo._from_pairs import check_bins, check_filled
from variogeo._lags import LagBins
from variogeo._point_marks import marks_of
from variogeo._prepared import prepared
from variogeo.direction._sectors import AzimuthSector, cell_limits, cells_within

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class DirectionalVariogram:
    """One empirical variogram for each azimuth sector, and that of all directions. Made by `directional_variogram`.

    Attributes
    ----------
    sectors : tuple of AzimuthSector
    variograms : tuple of EmpiricalVariogram
        Of each sector, in the same order; without spread.
    omnidirectional : EmpiricalVariogram
        Of all pairs, whatever their direction.

    Notes
    -----
    Iteration goes over pairs ``(sector, variogram)``.
    """

    sectors: tuple[AzimuthSector, ...]
    variograms: tuple[EmpiricalVariogram, ...]
    omnidirectional: EmpiricalVariogram

    def __post_init__(self) -> None:
        if not 0 < len(self.sectors) == len(self.variograms):
            msg = f"Invalid variograms: {len(self.variograms)} for {len(self.sectors)} sectors. Must be one for each."
            raise ValueError(msg)

    def __repr__(self) -> str:
        return f"<DirectionalVariogram: {len(self)} sectors of {self.omnidirectional!r}>"

    def __len__(self) -> int:
        return len(self.sectors)

    def __iter__(self) -> Iterator[tuple[AzimuthSector, EmpiricalVariogram]]:
        return iter(zip(self.sectors, self.variograms, strict=True))

    def __getitem__(self, index: int) -> EmpiricalVariogram:
        return self.variograms[index]

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per sector and bin."""
        import pandas as pd

        frames = []
        for sector, variogram in self:
            frame = variogram.to_frame().drop(columns="spread")
            frame.insert(0, "azimuth", sector.azimuth)
            frame.insert(1, "tolerance", sector.tolerance)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def __str__(self) -> str:
        heads = [f"{sector.azimuth:7.1f} +- {sector.tolerance:<5.4g}" for sector in self.sectors]
        lines = [repr(self)]
        lines.append("       low      high   all directions" + "".join(f"{head:>16s}" for head in heads))
        columns = [self.omnidirectional.semivariance, *(one.semivariance for one in self.variograms)]
        for k, (low, high) in enumerate(
            zip(self.omnidirectional.bins.low, self.omnidirectional.bins.high, strict=True)
        ):
            cells = "".join(f"{column[k]:16.5g}" for column in columns[1:])
            lines.append(f"{low:10.4g}{high:10.4g}{columns[0][k]:17.5g}{cells}")
        return "\n".join(lines)

    _repr_html_ = directional_html


def directional_variogram(
    lonlat: Any,
    values: Any,
    bins: LagBins,
    sectors: Sequence[AzimuthSector],
    *,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
    exclude: Any = None,
) -> DirectionalVariogram:
    """Return the empirical variogram of each azimuth sector, from one run over all pairs.

    The azimuth of a pair is that of the geodesic between its points, at the middle of the line: there it is the same
    from both ends, up to half a turn.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    values : (n, d) float array or (n,) array
        As for `variogeo.empirical_variogram`.
    bins : LagBins
    sectors : sequence of AzimuthSector
        They may overlap. ``AzimuthSector.evenly(4)``: north, north-east, east and south-east.
    dissimilarity : {"cosine", "half_squared"}
    metric : {"geodesic", "great_circle", "chord"}
    exclude : (n,) array of labels, optional
        Pairs of points with the same label are left out.

    Returns
    -------
    DirectionalVariogram

    Raises
    ------
    ValueError
        For inputs that `variogeo.empirical_variogram` refuses, and for no sectors.

    Notes
    -----
    On a sphere a direction is a local thing: over thousands of km a geodesic changes its azimuth on the way, and the
    middle stands for it. Sectors are exact: a pair too near to their limit for a short formula gets the azimuth of the
    exact geodesic. Pairs at zero lag have none and belong to no sector.

    References
    ----------
    .. [1] Karney, C. F. F. (2013). Algorithms for geodesics. J. Geodesy 87, 43-55.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo import LagBins
    >>> from variogeo.direction import AzimuthSector, directional_variogram
    >>> lonlat = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> found = directional_variogram(lonlat, np.array([0.0, 1.0, 3.0]), LagBins([0, 200]), AzimuthSector.evenly(4),
    ...     dissimilarity="half_squared")
    >>> [float(variogram.semivariance[0]) for _, variogram in found]
    [0.5, nan, 4.5, 2.0]
    """
    check_bins(bins)
    chosen = _checked(sectors)
    points, terms = prepared(lonlat, values, dissimilarity, metric)
    marks = replace(marks_of(len(points), patches=None, exclude=exclude, weights=None), limits=cell_limits(chosen))
    check_cost_alone(len(points), terms.width)
    sums = accumulate(points, terms, bins, marks)
    check_filled(sums, bins)
    omnidirectional = EmpiricalVariogram(
        bins, replace(sums, classes=no_classes()), dissimilarity, "matheron", metric, width=int(terms.width)
    )
    variograms = [replace(omnidirectional, sums=_within(sector, sums, bins, marks)) for sector in chosen]
    return DirectionalVariogram(chosen, tuple(variograms), omnidirectional)


def _checked(sectors: Any) -> tuple[AzimuthSector, ...]:
    """Return the sectors, or refuse none and what is none."""
    chosen = tuple(sectors) if isinstance(sectors, Sequence) else ()
    if not chosen or not all(isinstance(sector, AzimuthSector) for sector in chosen):
        msg = f"Invalid sectors {sectors!r}. Must be a list of AzimuthSector, e.g. AzimuthSector.evenly(4)."
        raise TypeError(msg)
    return cast("tuple[AzimuthSector, ...]", chosen)


def _within(sector: AzimuthSector, sums: LagSums, bins: LagBins, marks: Marks) -> LagSums:
    """Return the sums over the pairs of a sector, those at zero lag left out."""
    cells = sums.classes
    inside = np.isin(cells.first, cells_within(sector, marks.limits)) & (cells.bin > 0)
    npairs, _, lag, term = cells.totals(np.flatnonzero(inside), len(bins) + 1)
    empty = no_sums(bins, spread=False)
    totals = {"total_npairs": sums.total_npairs, "total_term": sums.total_term}
    return replace(empty, npairs=np.rint(npairs), lag=lag, term=term, **totals)
