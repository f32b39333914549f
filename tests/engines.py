"""One way to each engine, for tests that compare them."""

from contextlib import contextmanager

import numpy as np
import pytest

from variogeo._distances import prepare_points
from variogeo._engine import Terms, _job, _terms, accumulate

ENGINES = ("blocked", "tree")


@contextmanager
def chosen(engine, *, rows=None, float32=False):
    """Let an engine do all work, in blocks of ``rows``; with float32 products for few or narrow values on order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_job, "TREE_FROM", 0 if engine == "tree" else np.inf)
        if rows is not None:
            patch.setattr(_job, "LEAST_ROWS", rows)
            patch.setattr(_job, "_MOST_ROWS", dict.fromkeys(_job._MOST_ROWS, rows))
        if float32:
            patch.setattr(_terms, "_WIDE", 0)
            patch.setattr(_terms, "_MANY", 0)
        yield


def sums_by(engine, lonlat, values, bins, metric="geodesic", dissimilarity="cosine", *, spread=None, **options):
    """Return the sums of an engine; the tree knows no spread."""
    points, terms = prepare_points(np.asarray(lonlat, dtype=float), metric), Terms.of(values, dissimilarity)
    with chosen(engine, **options):
        return accumulate(points, terms, bins, spread=engine == "blocked" if spread is None else spread)


def assert_sums(sums, expected, *, lag_error, term_error):
    """Assert counts, mean lags within a relative and mean terms within an absolute error."""
    counts, lag, term = expected
    assert sums.npairs.tolist() == counts.tolist()
    pairs = np.maximum(counts, 1)
    assert (np.abs(sums.lag / pairs - lag) <= lag_error * lag).all()
    np.testing.assert_allclose(sums.term / pairs, term, rtol=0, atol=term_error)
    empty = counts == 0
    assert not sums.lag[empty].any()
    assert not sums.term[empty].any()
