import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from variogeo.inference import GlobalEnvelope, envelope
from variogeo.inference._envelope import extreme_rank_length
from variogeo.inference._holm import holm

SHAPES = st.tuples(st.integers(2, 40), st.integers(1, 6))
SMOOTH = SHAPES.flatmap(
    lambda shape: arrays.arrays(float, shape, elements=st.floats(-1e6, 1e6, allow_subnormal=False), unique=True)
)
TIED = SHAPES.flatmap(lambda shape: arrays.arrays(float, shape, elements=st.integers(-2, 2)))
LEVELS = st.sampled_from([0.5, 0.6, 0.75, 0.8, 0.9, 0.95, 0.99])


def measures_by_hand(values):
    """How many rows are more extreme than each row, by comparing sorted lists of ranks."""
    count = len(values)
    lists = []
    for row in values:
        ranks = []
        for r, number in enumerate(row):
            below, equal = np.sum(values[:, r] < number), np.sum(values[:, r] == number)
            middle = below + (equal + 1) / 2
            ranks.append(min(middle, count + 1 - middle))
        lists.append(sorted(ranks))
    return [sum(other < mine for other in lists) for mine in lists]


def outside(result, observed):
    return bool(((observed < result.low) | (observed > result.high)).any())


@settings(max_examples=200, deadline=None)
@given(st.one_of(SMOOTH, TIED))
def test_the_measure_counts_the_rows_that_come_before_in_sorted_ranks(values):
    assert extreme_rank_length(values).tolist() == measures_by_hand(values)


@settings(max_examples=300, deadline=None)
@given(st.one_of(SMOOTH, TIED), LEVELS)
def test_the_observed_curve_leaves_the_envelope_if_and_only_if_p_is_at_most_one_minus_the_level(values, level):
    result = envelope(values[0], values[1:], level=level)
    assert outside(result, values[0]) == (result.p_value <= 1 - level + 1e-9)


@settings(max_examples=200, deadline=None)
@given(SMOOTH)
def test_without_ties_p_is_the_share_of_curves_at_least_as_extreme(values):
    measures = np.array(measures_by_hand(values))
    assert envelope(values[0], values[1:]).p_value == pytest.approx(np.mean(measures <= measures[0]), abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(TIED, LEVELS)
def test_with_ties_p_is_never_smaller_and_a_test_never_rejects_too_often(values, level):
    measures = np.array(measures_by_hand(values))
    p = [envelope(values[k], np.delete(values, k, axis=0), level=level).p_value for k in range(len(values))]
    assert p[0] >= np.mean(measures <= measures[0]) - 1e-12
    # Each curve is as likely to be the observed one: the share that rejects is the level of the test.
    assert np.mean(np.array(p) <= 1 - level + 1e-9) <= 1 - level + 1e-9


@settings(max_examples=100, deadline=None)
@given(SMOOTH, st.randoms(use_true_random=False))
def test_the_order_of_curves_and_of_bins_does_not_matter(values, random):
    rows, columns = list(range(1, len(values))), list(range(values.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    a = envelope(values[0], values[1:], level=0.8)
    b = envelope(values[0][columns], values[rows][:, columns], level=0.8)
    assert a.p_value == b.p_value
    assert a.low[columns].tolist() == b.low.tolist()
    assert a.p_holm[columns].tolist() == b.p_holm.tolist()


def test_a_worked_example_with_four_curves():
    # Bins of 5 curves; ranks from below are the numbers themselves, two-sided ranks min(r, 6 - r):
    #   observed (3, 1) -> (3, 1) sorted (1, 3); (1, 2) -> (1, 2); (2, 3) -> (2, 3); (4, 4) -> (2, 2); (5, 5) -> (1, 1).
    # Order: (1, 1) < (1, 2) < (1, 3) < (2, 2) < (2, 3). Two curves are more extreme than the observed one: p = 3 / 5.
    curves = np.array([[1, 2], [2, 3], [4, 4], [5, 5]])
    result = envelope([3, 1], curves, level=0.6)
    assert result.p_value == 0.6
    # Two of five may be left out at level 0.6, so that the observed one stays.
    assert result.low.tolist() == [2, 1]
    assert result.high.tolist() == [4, 4]
    assert result.central.tolist() == [3, 3.5]
    # In the first bin 3 of 5 are at or below 3 and 3 at or above it; in the second 1 of 5 is at or below 1.
    assert result.p_per_bin.tolist() == [1.0, 0.4]
    assert result.p_holm.tolist() == [1.0, 0.8]


def test_a_level_just_reached_takes_the_observed_curve_out():
    # 19 curves and the observed one, the lowest of all: p = 1 / 20 = 1 - 0.95 leaves the envelope at 0.95, not at 0.96.
    curves = np.arange(1.0, 20.0)[:, None]
    # The highest curve is as extreme as the lowest one, so both leave together.
    assert envelope([0.0], curves).p_value == pytest.approx(2 / 20)
    assert envelope([0.0], curves, level=0.9).low[0] == 1.0
    assert envelope([0.0], curves, level=0.91).low[0] == 0.0


def test_holm_is_that_of_a_loop():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    # Sorted .01 .03 .04 .5 times 4 3 2 1: .04 .09 .08 .5, then never smaller than the one before.
    np.testing.assert_allclose(holm(p), [0.04, 0.09, 0.09, 0.5], atol=1e-15)


def test_bins_with_a_nan_are_left_out_and_nan():
    curves = np.random.default_rng(0).normal(size=(99, 4))
    curves[:, 1] = np.nan
    curves[3, 2] = np.nan
    result = envelope([-9.0, np.nan, 0.0, 0.0], curves)
    for name in ("low", "high", "central", "p_per_bin", "p_holm"):
        assert np.isnan(getattr(result, name)).tolist() == [False, True, True, False]
    kept = envelope([-9.0, 0.0], curves[:, [0, 3]])
    assert result.p_value == kept.p_value
    assert result.p_holm[[0, 3]].tolist() == kept.p_holm.tolist()


def test_random_curves_are_rejected_as_often_as_the_level_says():
    # 400 draws at 20 %: the share of rejections has a standard error of 2 %.
    random = np.random.default_rng(1)
    curves = random.normal(size=(400, 50, 8)).cumsum(axis=2)
    rejected = np.mean([envelope(some[0], some[1:], level=0.8).p_value <= 0.2 for some in curves])
    assert 0.14 < rejected < 0.26


def test_arrays_are_read_only_copies():
    curves = np.random.default_rng(0).normal(size=(20, 3))
    result = envelope(np.zeros(3), curves)
    assert isinstance(result, GlobalEnvelope)
    assert not result.low.flags.writeable
    assert curves.flags.writeable


@pytest.mark.parametrize(
    ("observed", "curves", "level", "message"),
    [
        (np.zeros((2, 2)), np.zeros((3, 2)), 0.95, "Invalid observed of shape"),
        ([], np.zeros((3, 0)), 0.95, "Invalid observed of shape"),
        ([0.0], np.zeros((3, 2)), 0.95, r"Must be \(s, 1\)"),
        ([0.0], np.zeros((0, 1)), 0.95, "Invalid curves of shape"),
        ([0.0], [[np.inf]], 0.95, "infinite"),
        ([0.0], [[np.nan]], 0.95, "at least one bin"),
        ([0.0], [[1.0]], 1.0, "less than 1"),
        ([0.0], [[1.0]], 0.0, "greater than 0"),
    ],
)
def test_refusals_say_what_is_wrong(observed, curves, level, message):
    with pytest.raises(ValueError, match=message):
        envelope(observed, curves, level=level)


@settings(max_examples=60, deadline=None)
@given(SMOOTH)
def test_envelopes_of_higher_levels_hold_those_of_lower_ones(values):
    assume(len(values) > 2)
    low, high = (envelope(values[0], values[1:], level=level) for level in (0.5, 0.9))
    assert (high.low <= low.low).all()
    assert (high.high >= low.high).all()
