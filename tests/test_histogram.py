"""The histogram of dissimilarities: what it holds, how it adds and which quantiles come from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from variogeo._engine._histogram import CELLS, SHIFT, TermHistogram, cell_limit, first_cell_around

NOTHING = TermHistogram(3, [], [], [])


def cell_of(terms):
    """Return the cell of each dissimilarity."""
    return np.maximum(terms, 0.0).view(np.int64) >> SHIFT


def of(*terms_of_bins):
    """Return the histogram of lists of dissimilarities, one per bin."""
    rows = np.repeat(np.arange(len(terms_of_bins)), [len(terms) for terms in terms_of_bins])
    return TermHistogram.of_terms(len(terms_of_bins), rows, np.concatenate(terms_of_bins).astype(float))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, [0, 1], [5], [1]), r"Invalid npairs of shape \(1,\)\. Must be \(m,\), like bin and cell\."),
        ((3, [[0]], [[5]], [[1]]), r"Invalid npairs of shape \(1, 1\)"),
        ((3, [0], [5], [0]), r"Invalid npairs '0'\. Must be at least 1: cells without pairs are left out\."),
        ((3, [3], [5], [1]), r"Invalid bin or cell\. Must not be negative, and bin below 3\."),
        ((3, [-1], [5], [1]), "Invalid bin or cell"),
        ((3, [0], [-5], [1]), "Invalid bin or cell"),
        ((3, [1, 0], [5, 6], [1, 1]), r"Invalid bin and cell\. Must be sorted, each cell of a bin once\."),
        ((3, [1, 1], [6, 5], [1, 1]), "Must be sorted"),
        ((3, [1, 1], [5, 5], [1, 1]), "Must be sorted"),
    ],
)
def test_what_is_no_histogram_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        TermHistogram(*arguments)


def test_it_is_frozen_and_compares_by_value():
    one = TermHistogram(3.0, [0, 2], [5, 4], [1, 7])
    assert one == TermHistogram(3, [0, 2], [5, 4], [1, 7])
    assert one.size == 3
    for other in (TermHistogram(4, [0, 2], [5, 4], [1, 7]), TermHistogram(3, [0, 2], [5, 4], [1, 8]), NOTHING, 1):
        assert one != other
    with pytest.raises(ValueError, match="read-only"):
        one.npairs[0] = 2


def test_histograms_add_cell_by_cell():
    one, other = TermHistogram(3, [0, 2], [5, 4], [1, 7]), TermHistogram(3, [0, 1, 2], [6, 4, 4], [2, 3, 4])
    assert one + other == other + one == TermHistogram(3, [0, 0, 1, 2], [5, 6, 4, 4], [1, 2, 3, 11])
    assert one + NOTHING == NOTHING + one == one
    assert NOTHING + NOTHING == NOTHING
    with pytest.raises(TypeError):
        one + 1


def test_a_table_of_counts_becomes_its_filled_cells():
    counts = np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3]], np.int32)
    assert TermHistogram.of_counts(counts, 10) == TermHistogram(3, [0, 2, 2], [11, 0, 12], [2, 1, 3])
    assert TermHistogram.of_counts(np.zeros((3, 0), np.int64), 0) == NOTHING


def test_terms_become_the_cells_that_hold_them():
    terms = np.array([1e-30, 1e-3, 0.25, 0.7, 0.7, 1.9999, 2.0])
    cells = cell_of(terms)
    assert (cell_limit(cells) <= terms).all()
    assert (terms < cell_limit(cells + 1)).all()
    assert (cell_limit(cells + 1) / cell_limit(cells) - 1 < 0.032).all()
    assert of([-1e-17, 0.0]) == TermHistogram(1, [0], [0], [2])
    assert of([0.7, 0.25, 0.7], [], [2.0]) == TermHistogram(3, [0, 0, 2], cells[[2, 3, 6]], [1, 2, 1])


def test_the_cells_of_a_compiled_loop_lie_around_what_is_typical():
    first = first_cell_around(0.5)
    assert cell_limit(first) == 0.5 / 2**18
    assert cell_limit(first + CELLS) == 0.5 * 2**8
    assert first_cell_around(0.0) == 0
    # What is far below is as good as nothing.
    table = np.zeros((2, CELLS), np.int64)
    table[1, [0, 5]] = 3, 4
    assert TermHistogram.of_counts(table, first) == TermHistogram(2, [1, 1], [0, first + 5], [3, 4])


def test_quantiles_are_linear_within_a_cell():
    cell = int(cell_of(np.array([0.5]))[0])
    low, high = cell_limit(cell), cell_limit(cell + 1)
    histogram = TermHistogram(3, [0, 2, 2], [cell, cell, cell + 8], [4, 2, 2])
    found = histogram.quantiles(np.array([0.0, 0.25, 0.5, 1.0]))
    np.testing.assert_allclose(found[0], [low, low + (high - low) / 4, (low + high) / 2, high], rtol=1e-15)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[2], [low, (low + high) / 2, high, cell_limit(cell + 9)], rtol=1e-15)


@settings(max_examples=50, deadline=None)
@given(
    terms=hnp.arrays(float, st.integers(1, 60), elements=st.floats(1e-6, 2.0)),
    probability=st.floats(0, 1),
    cut=st.integers(0, 60),
)
def test_quantiles_lie_between_those_of_the_terms(terms, probability, cut):
    """Within a cell, 3 %, of the terms around the wanted place, however the terms came together."""
    histogram = of(terms[:cut], []) + of(terms[cut:], [])
    assert histogram == of(terms, [])
    found = histogram.quantiles(np.array([probability]))[0, 0]
    below, above = (np.quantile(terms, probability, method=method) for method in ("inverted_cdf", "higher"))
    assert 0.968 * below <= found <= 1.032 * max(below, above)
