"""Measured: everything that a report shows, as numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_same_length, check_values, values_in_place
from variogeo._empirical import EmpiricalVariogram
from variogeo._estimation import empirical_variogram
from variogeo._fit import ModelComparison
from variogeo._fitting import ModelChoice, Weights, compare_models
from variogeo._label_codes import label_codes
from variogeo._lags import LagBins
from variogeo._lonlat import check_lonlat
from variogeo._prepared import prepared
from variogeo._rows import some_rows
from variogeo._usable_lags import suggested_bins
from variogeo.checkup import Checkup, Finding
from variogeo.checkup._check import check
from variogeo.checkup._source_rows import SourceRows
from variogeo.reporting._findings import findings_of
from variogeo.reporting._pair_classes import PairClasses
from variogeo.reporting._provenance import data_hash
from variogeo.reporting._shown import STRONGEST, ShownPairs, rounded_places, shown_pairs

MOST_POINTS = 10_000
"""Points that are looked at: 50 million pairs, some ten seconds."""

_FEWEST_BINS = 5
"""Bins that are left at least where the first ones are too short for a random part of the points."""


@dataclass(frozen=True, eq=False)
class Settings:
    """What a user chooses of what is measured.

    Attributes
    ----------
    models : sequence of classes
        To compare.
    bins : LagBins or None
        None for those of the usable lags.
    weights : str or (bins,) array
        Of the bins. Most pairs are far apart: with weights by pairs a curve would miss its rise.
    precision_km : float or None
    units : {None, "deg"}
    check_land : bool
    dropped : iterable of int
        Rows that were left out before.
    """

    models: Sequence[ModelChoice]
    bins: LagBins | None = None
    weights: Weights | NDArray[np.float64] = "equal"
    precision_km: float | None = None
    units: Literal["deg"] | None = None
    check_land: bool = True
    dropped: Iterable[int] = ()


@dataclass(frozen=True, eq=False)
class Groups:
    """Labels of points, whose pairs within a group are left out.

    Attributes
    ----------
    names : tuple of str
    codes : (n,) int array
        Position of each point's label, or -1 for none.
    """

    names: tuple[str, ...]
    codes: NDArray[np.intp]

    @property
    def numbers(self) -> NDArray[np.intp]:
        """One number for each group; points without a label are groups of their own."""
        alone = self.codes < 0
        return np.where(alone, len(self.names) + np.cumsum(alone), self.codes)


@dataclass(frozen=True, eq=False)
class Measured:
    """What a report shows.

    Attributes
    ----------
    npoints, entries : int
        Points of the user, and entries of an embedding.
    dtype : str
        Of the embeddings.
    hash : str
        Of all data.
    source : SourceRows
        Which rows of the user's table the points are.
    rows : (n,) int array
        Which rows of that table were looked at.
    places : (n, 2) float array, degrees
        These points as they are shown.
    groups : Groups or None
        Of these points.
    empirical : EmpiricalVariogram
    comparison : ModelComparison
    classes : PairClasses
    counts : (4,) int array
        Pairs of each class.
    pairs : ShownPairs
    findings : tuple of Finding
        What to know first, the most serious first.
    """

    npoints: int
    entries: int
    dtype: str
    hash: str
    source: SourceRows
    rows: NDArray[np.intp]
    places: NDArray[np.float64]
    groups: Groups | None
    empirical: EmpiricalVariogram
    comparison: ModelComparison
    classes: PairClasses
    counts: NDArray[np.int64]
    pairs: ShownPairs
    findings: tuple[Finding, ...]


def measured(lonlat: Any, embeddings: Any, *, groups: Any, settings: Settings) -> Measured:
    """Return what a report shows of some points, or of a random part of very many."""
    places, values = check_lonlat(lonlat), _checked(embeddings)
    check_same_length(places, values, names=("lonlat", "embeddings"), item="photo")
    npoints = len(places)
    source = SourceRows.of(npoints, settings.dropped)
    labels = None if groups is None else Groups(*label_codes(groups, npoints, name="groups"))
    digest = data_hash(places, values)
    checkup = check(places, values, groups=groups, units=settings.units, check_land=settings.check_land)
    rows = np.arange(npoints)
    if npoints > MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(npoints, MOST_POINTS, replace=False))
        places, values = places[rows], some_rows(values, rows)
        labels = labels and Groups(labels.names, labels.codes[rows])
    group = None if labels is None else labels.numbers
    points, terms = prepared(places, values, "cosine", "geodesic")
    bins = _usable_bins(checkup, places) if settings.bins is None else settings.bins
    empirical = empirical_variogram(places, values, bins, exclude=group)
    comparison = compare_models(empirical, settings.models, weights=settings.weights)
    classes = PairClasses.of(empirical, comparison.best)
    found = classes.walk(points, terms, group, most=STRONGEST)
    pairs = shown_pairs(points, terms, classes, found, group=group, precision_km=settings.precision_km)
    shown = rounded_places(points.lonlat, settings.precision_km)
    findings = findings_of(checkup, empirical, comparison.best, looked_at=len(rows), source=source)
    return Measured(
        npoints, values.shape[1], str(values.dtype), digest, source, source.kept[rows], shown, labels, empirical,
        comparison, classes, found.counts, pairs, findings,
    )  # fmt: skip


def _checked(embeddings: Any) -> NDArray[Any]:
    """Return embeddings, or refuse what is none; scalars have a door of their own."""
    shape = values_in_place(embeddings, "embeddings").shape
    if len(shape) == 1:
        msg = (
            f"Invalid embeddings of shape {shape}. Must be (n, d): a report is of embeddings. For scalars call "
            'variogeo.empirical_variogram with dissimilarity="half_squared", then variogeo.plotting.plot_variogram.'
        )
        raise ValueError(msg)
    return check_values(embeddings, dissimilarity="cosine", name="embeddings")


def _usable_bins(checkup: Checkup, places: NDArray[np.float64]) -> LagBins:
    """Return the bins of the checkup, without the first ones where a random part of its points has hardly a pair."""
    if checkup.lags is None or len(places) == checkup.rows:
        return LagBins.covering(places) if checkup.lags is None else checkup.lags.bins
    edges = checkup.lags.bins.edges
    first = np.searchsorted(edges, suggested_bins(places).edges[0])
    return LagBins(edges[min(int(first), max(len(edges) - 1 - _FEWEST_BINS, 0)) :])
