"""From points and terms to sums: one door to all engines."""

from dataclasses import replace
from typing import Any

from variogeo._distances import SpherePoints
from variogeo._engine._job import Job
from variogeo._engine._sums import LagSums, no_sums
from variogeo._engine._terms import Terms
from variogeo._engine._zero_lag import zero_lag_sums
from variogeo._lags import LagBins


def accumulate(
    points: SpherePoints, terms: Terms, bins: LagBins, *, spread: bool = True, executor: Any = None, resume: Any = None
) -> LagSums:
    """Return the exact sums per bin over all unordered pairs of points."""
    job = Job.of(points, terms, bins, spread=spread)
    try:
        from variogeo._engine._run import run
        sums = run(job, executor=executor, resume=resume)
    except ImportError:
        sums = no_sums(bins, spread=spread)
        for task in job.tasks():
            sums = sums + job.sums(task)
    if job.uses_tree:
        sums = sums + zero_lag_sums(points, terms, bins)
    n = len(points)
    return replace(sums, total_npairs=n * n, total_term=terms.total)
