"""From points and terms to sums: one door to all engines."""

from dataclasses import replace
from typing import Any

import numpy as np

from variogeo._distances import SpherePoints
from variogeo._engine._job import Job
from variogeo._engine._sums import LagSums, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._zero_lag import zero_lag_sums
from variogeo._lags import LagBins
from variogeo._pairs import PairSampling, StratifiedPairs


def accumulate(
    points: SpherePoints, terms: Terms, bins: LagBins, *, spread: bool = True, executor: Any = None, resume: Any = None
) -> LagSums:
    """Return the exact sums per bin over all unordered pairs of points."""
    from variogeo._engine.running._run import run

    job = Job.of(points, terms, bins, spread=spread)
    sums = run(job, executor=executor, resume=resume)
    if job.uses_tree:
        sums = sums + zero_lag_sums(points, terms, bins)
    n = len(points)
    return replace(sums, total_npairs=n * n, total_term=terms.total)


def accumulate_sample(
    points: SpherePoints, terms: Terms, bins: LagBins, pairs: StratifiedPairs
) -> tuple[LagSums, PairSampling]:
    """Return the sums over a sample of the pairs, and how it was chosen."""
    from variogeo._engine.sampling._sample import sample_pairs

    sample = sample_pairs(points, bins, pairs)
    term = terms.of_pairs(sample.first, sample.second)
    n = len(points)
    sums = sums_of_pairs(sample.lag, term, bins, total_npairs=n * n, total_term=terms.total)
    return sums, PairSampling(pairs, np.nan_to_num(sample.population))
