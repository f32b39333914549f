"""LagBins."""

import numpy as np
import pytest

from variogeo import LagBins, empirical_variogram
from variogeo._engine._sums import bin_positions


def test_bins_are_open_below_and_closed_above():
    bins = LagBins([1.0, 2.0, 4.0])
    lag = np.array([0.0, 0.5, 1.0, np.nextafter(1.0, 2.0), 2.0, np.nextafter(2.0, 3.0), 4.0, 4.1])
    assert bin_positions(lag, bins).tolist() == [0, 3, 3, 1, 1, 2, 2, 3]


def test_a_first_edge_of_zero_keeps_zero_lags_out_of_the_first_bin():
    assert bin_positions(np.array([0.0, 1e-300, 1.0]), LagBins([0.0, 1.0])).tolist() == [0, 1, 1]


def test_linear_bins_have_equal_widths_and_logarithmic_ones_equal_ratios():
    np.testing.assert_allclose(np.diff(LagBins.linear(5, 50, 9).edges), 5.0)
    edges = LagBins.logarithmic(0.1, 20_000, 30).edges
    np.testing.assert_allclose(edges[1:] / edges[:-1], (20_000 / 0.1) ** (1 / 30))
    assert (edges[0], edges[-1]) == (0.1, 20_000.0)


def test_covering_bins_reach_from_the_short_lags_to_half_the_extent(photos):
    bins = LagBins.covering(photos[0], 12)
    assert len(bins) == 12
    assert bins.edges[0] < 100
    assert 0.98 < bins.edges[-1] / (np.pi * 6371.0088 / 2) <= 1


def test_covering_bins_work_for_two_points_and_refuse_one_place():
    two = np.array([[0.0, 0.0], [0.0, 1.0]])
    bins = LagBins.covering(two, 3)
    # Half the largest lag would hold no pair: the bins reach the one there is, on the ellipsoid too.
    assert bins.edges[-1] == pytest.approx(1.01 * np.pi * 6371.0088 / 180)
    assert empirical_variogram(two, np.eye(2), bins).npairs.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="one place"):
        LagBins.covering(np.zeros((3, 2)))


def test_bins_are_values():
    bins = LagBins([0, 1, 2])
    assert bins == LagBins(np.array([0.0, 1.0, 2.0]))
    assert hash(bins) == hash(LagBins([0, 1, 2]))
    assert bins != LagBins([0, 1, 3])
    assert bins != [0, 1, 2]
    assert eval(repr(bins), {"LagBins": LagBins}) == bins
    with pytest.raises(ValueError, match="read-only"):
        bins.edges[0] = 5


def test_bins_do_not_keep_the_callers_array():
    edges = np.array([0.0, 1.0])
    bins = LagBins(edges)
    edges[1] = 7
    assert bins.edges[1] == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LagBins.logarithmic(0, 10, 3), "low '0'.*greater than zero"),
        (lambda: LagBins.linear(10, 5, 3), "high '5.0'"),
        (lambda: LagBins.linear(0, 5, 0), "count '0'"),
        (lambda: LagBins.linear(0, 5, 1.5), "count '1.5'"),
        (lambda: LagBins.linear(-1, 5, 2), "low '-1.0'"),
        (lambda: LagBins.linear(0, np.inf, 2), "high 'inf'.*finite"),
    ],
)
def test_limits_that_make_no_bins_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
