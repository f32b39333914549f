"""PairSample: pairs chosen at random within each lag bin."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import Metric, SpherePoints, exact_beyond, lag_error, lag_of_pairs
from variogeo._engine.sampling._candidates import Candidates, PointTree, candidates_of, squared_chords
from variogeo._lags import LagBins
from variogeo._pairs import StratifiedPairs

MOST_LOOKED_AT = 2**25
"""Candidates of a bin that are looked at before the bin stays incomplete: some seconds."""

_AT_ONCE = 2**17
"""Candidates looked at together: 10 MB."""

_BEYOND_SERIES = 100.0
"""Past `exact_beyond` a compiled lag errs by less than this (km): 32 km seen at the antipode."""


@dataclass(frozen=True, eq=False)
class PairSample:
    """Pairs of points, bin after bin; position 0 of a count is the pairs at zero lag, position k the k-th bin.

    Attributes
    ----------
    first, second : (m,) int array
        Row numbers, the smaller one first; no pair comes twice.
    lag : (m,) float array, km
        Exact where it decides on the bin; otherwise a geodesic is within the bound of its series.
    complete : (count + 1,) bool array
        Whether all pairs of the bin are here.
    population : (count + 1,) float array
        Number of pairs of the bin: counted at zero lag and where all candidates were looked at, otherwise estimated
        from those that were; NaN where none was found.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    lag: NDArray[np.float64]
    complete: NDArray[np.bool_]
    population: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("first", "second", "lag", "complete", "population"):
            getattr(self, name).setflags(write=False)


class _Found(NamedTuple):
    """Pairs of one bin: their numbers as candidates, the positions of their points in the tree, their lags."""

    number: NDArray[np.int64]
    i: NDArray[np.int64]
    j: NDArray[np.int64]
    lag: NDArray[np.float64]

    def only(self, chosen: Any) -> "_Found":
        """Return some of the pairs."""
        return _Found(self.number[chosen], self.i[chosen], self.j[chosen], self.lag[chosen])


class _OfBin(NamedTuple):
    """What was found of one bin, whether that is all, and how many pairs there are."""

    found: _Found
    complete: bool
    population: float


def sample_pairs(points: SpherePoints, bins: LagBins, pairs: StratifiedPairs) -> PairSample:
    """Return ``pairs.count // len(bins)`` pairs of each bin, and as many at zero lag; all pairs of a bin of fewer.

    Within a bin all sets of so many pairs are equally likely. A bin is filled from its candidates: from all when
    they are few, otherwise from candidates drawn at random. A bin that is so rare among more than `MOST_LOOKED_AT`
    candidates that as many do not fill it keeps the fewer pairs found, which are no less random.
    """
    quota = pairs.count // len(bins)
    if quota < 2:
        msg = f"Invalid count '{pairs.count}'. Must be at least two pairs for each bin: {2 * len(bins)}."
        raise ValueError(msg)
    tree = PointTree.of(points)
    limits = [(-np.inf, 0.0), *zip(bins.low.tolist(), bins.high.tolist(), strict=True)]
    of_bins = [
        _of_bin(tree, low, high, quota, np.random.default_rng([pairs.seed, position]))
        for position, (low, high) in enumerate(limits)
    ]
    # Which places are equal is known without looking at pairs.
    found, colocated = of_bins[0].found, _colocated(points)
    of_bins[0] = _OfBin(found, len(found.number) == colocated, colocated)
    ends = [tree.order[np.concatenate([getattr(of_bin.found, side) for of_bin in of_bins])] for side in ("i", "j")]
    return PairSample(
        np.minimum(*ends),
        np.maximum(*ends),
        np.concatenate([of_bin.found.lag for of_bin in of_bins]),
        np.array([of_bin.complete for of_bin in of_bins]),
        np.array([of_bin.population for of_bin in of_bins]),
    )


def _of_bin(tree: PointTree, low: float, high: float, quota: int, random: np.random.Generator) -> _OfBin:
    """Return up to ``quota`` pairs of the bin ``(low, high]``."""
    candidates = candidates_of(tree, low, high, quota)
    if candidates.count > 4 * quota:
        of_bin = _found_at_random(tree, candidates, low, high, quota, random)
        # A sample of most of the bin needs an exact population: the error is that of the rest.
        enough = len(of_bin.found.number) == quota and of_bin.population > 2 * quota
        if enough or candidates.count > MOST_LOOKED_AT:
            return of_bin
    return _found_among_all(tree, candidates, low, high, quota, random)


def _found_at_random(
    tree: PointTree, candidates: Candidates, low: float, high: float, quota: int, random: np.random.Generator
) -> _OfBin:
    """Return pairs among candidates drawn at random: until there are enough, or until all can be looked at as well.

    Going on depends on how many were found and never on which, so what was found is a simple random sample.
    """
    total, inside = candidates.count, candidates.inside
    most = MOST_LOOKED_AT if total > MOST_LOOKED_AT else total // 2
    found = _hits(tree, candidates, np.zeros(0, np.int64), low, high)
    looked_at, asked, answered, rate = 0, 0, 0, max(0.1, inside / total)
    while (room := quota - len(found.number)) and looked_at < most:
        size = int(min(_AT_ONCE, 1.1 * room / rate + 100))
        # In order, so that candidates of one node are looked at together; and none twice.
        number = np.sort(random.integers(0, total, size))
        number = number[np.diff(number, prepend=-1) > 0]
        hits = _hits(tree, candidates, number, low, high)
        looked_at += size
        asked += np.count_nonzero(number >= inside)
        answered += np.count_nonzero(hits.number >= inside)
        rate = max((len(hits.number) + 1) / (size + 1), 1e-6)
        hits = hits.only(~np.isin(hits.number, found.number, assume_unique=True))
        if len(hits.number) > room:
            hits = hits.only(random.permutation(len(hits.number))[:room])
        found = _merged([found, hits])
    population = max(inside + (total - inside) * answered / max(asked, 1), float(len(found.number)))
    return _OfBin(found, False, population if population > 0 else np.nan)


def _found_among_all(
    tree: PointTree, candidates: Candidates, low: float, high: float, quota: int, random: np.random.Generator
) -> _OfBin:
    """Return pairs among all candidates: those to which chance gives the lowest ranks."""
    kept = _hits(tree, candidates, np.zeros(0, np.int64), low, high)
    ranks, population = np.zeros(0), 0
    for start in range(0, candidates.count, _AT_ONCE):
        number = np.arange(start, min(start + _AT_ONCE, candidates.count))
        hits = _hits(tree, candidates, number, low, high)
        population += len(hits.number)
        kept = _merged([kept, hits])
        ranks = np.concatenate([ranks, random.random(len(hits.number))])
        if len(ranks) > quota:
            lowest = np.sort(np.argsort(ranks, kind="stable")[:quota])
            kept, ranks = kept.only(lowest), ranks[lowest]
    return _OfBin(kept, population <= quota, float(population))


def _hits(tree: PointTree, candidates: Candidates, number: NDArray[np.int64], low: float, high: float) -> _Found:
    """Return the candidates of increasing numbers that lie in the bin; where the bound is not enough, exactly."""
    from variogeo._engine.cpu._compiled import METRICS
    from variogeo._engine.sampling._sample_kernels import hits_of_numbers

    metric = tree.points.metric
    i, j = np.empty((2, len(number)), np.int64)
    lag, sure = np.empty(len(number)), np.empty(len(number), np.bool_)
    nodes = (tree.start, tree.stop, candidates.first, candidates.second, candidates.ends)
    limits = _limits(low, high, metric)
    count = hits_of_numbers(METRICS[metric], tree.unit, *nodes, limits, number, i, j, lag, sure)
    found, unsure = _Found(number, i, j, lag).only(slice(count)), np.flatnonzero(~sure[:count])
    found.lag[unsure] = lag_of_pairs(tree.points, tree.order[i[unsure]], tree.order[j[unsure]])
    return found.only((found.lag > low) & (found.lag <= high))


def _limits(low: float, high: float, metric: Metric) -> tuple[float, ...]:
    """Return where compiled lags of the bin lie: perhaps from, surely from, surely to, perhaps to (km).

    And between which squared chords of the unit sphere.
    """
    limit = exact_beyond(metric)
    around_low, around_high = lag_error(np.clip([low, high], 0.0, limit), metric).tolist()
    perhaps_from = low - (around_low if low < limit else _BEYOND_SERIES)
    perhaps_to = high + (around_high if high + around_high < limit else _BEYOND_SERIES)
    return (
        perhaps_from,
        low + around_low,
        min(high, limit) - around_high,
        perhaps_to,
        *squared_chords(perhaps_from, perhaps_to, metric),
    )


def _colocated(points: SpherePoints) -> float:
    """Return the number of pairs at zero lag."""
    # As one number each, which sorts faster than rows of two.
    places = np.ascontiguousarray(points.lonlat).view(np.complex128)
    _, counts = np.unique(places, return_counts=True)
    return float((counts * (counts - 1) // 2).sum())


def _merged(parts: list[_Found]) -> _Found:
    """Return the pairs of all parts."""
    return _Found(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
