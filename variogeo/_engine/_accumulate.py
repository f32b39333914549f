"""From points and terms to sums: one door to all engines."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._job import Job
from variogeo._engine._marks import Marks
from variogeo._engine._sums import LagSums, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._zero_lag import zero_lag_sums
from variogeo._lags import LagBins
from variogeo._pairs import PairSampling, StratifiedPairs


def accumulate(
    points: SpherePoints,
    terms: Terms,
    bins: LagBins,
    marks: Marks | None = None,
    *,
    spread: bool = True,
    executor: Any = None,
    resume: Any = None,
) -> LagSums:
    """Return the exact sums per bin over all unordered pairs of points, and per class where marks ask for it."""
    from variogeo._engine.running._run import run

    job = Job.of(points, terms, bins, marks, spread=spread)
    sums = run(job, executor=executor, resume=resume)
    if job.uses_tree:
        sums = sums + zero_lag_sums(points, terms, bins)
    n = len(points)
    return replace(sums, total_npairs=n * n, total_term=terms.total)


def weighted_sums(sums: LagSums, terms: Terms, weight: NDArray[np.float64]) -> LagSums:
    """Return sums with those of the weighted pairs, which are kept per class, in the place of the plain ones."""
    size = len(sums.npairs)
    npairs, total_weight, lag, term = sums.classes.totals(slice(None), size)
    totals = {"total_term": terms.weighted_total(weight), "total_weight": float(weight.sum()) ** 2}
    return replace(sums, npairs=np.rint(npairs), lag=lag, term=term, weight=total_weight, **totals)


def accumulate_sample(
    points: SpherePoints, terms: Terms, bins: LagBins, pairs: StratifiedPairs, marks: Marks
) -> tuple[LagSums, PairSampling]:
    """Return the sums over a sample of the pairs, and how it was chosen."""
    from variogeo._engine.sampling._sample import sample_pairs

    sample = sample_pairs(points, bins, pairs)
    term = terms.of_pairs(sample.first, sample.second)
    n = len(points)
    sums = sums_of_pairs(sample.lag, term, bins, total_npairs=n * n, total_term=terms.total)
    classes = marks.class_sums(points, (sample.first, sample.second), sample.lag, term, bins)
    return replace(sums, classes=classes), PairSampling(pairs, np.nan_to_num(sample.population))
