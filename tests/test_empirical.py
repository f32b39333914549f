"""EmpiricalVariogram: the value."""

import dataclasses

import numpy as np
import pytest

from variogeo import EmpiricalVariogram, LagBins, empirical_variogram, variogram_from_pairs
from variogeo._engine import TermHistogram


def _by_hand():
    """Three bins: one pair, none, two pairs; and two pairs at zero lag."""
    lag = [0.0, 0.0, 1.0, 2.5, 3.0]
    return variogram_from_pairs(lag, [0.1, 0.3, 0.2, 0.5, 0.7], LagBins([0, 1, 2, 3]))


def test_means_are_sums_over_counts():
    empirical = _by_hand()
    assert empirical.npairs.tolist() == [1, 0, 2]
    np.testing.assert_allclose(empirical.lag, [1.0, np.nan, 2.75])
    np.testing.assert_allclose(empirical.semivariance, [0.2, np.nan, 0.6])
    np.testing.assert_allclose(empirical.spread, [0.0, np.nan, 0.1], atol=1e-9)
    assert empirical.edges.tolist() == [0, 1, 2, 3]


def test_pairs_at_zero_lag_stand_apart():
    colocated = _by_hand().colocated
    assert colocated.npairs == 2
    assert colocated.semivariance == pytest.approx(0.2)
    assert colocated.spread == pytest.approx(0.1)


def test_the_apriori_sill_of_given_pairs_is_their_mean():
    assert _by_hand().sill_apriori == pytest.approx(1.8 / 5)


def test_parts_merge_into_the_whole():
    bins = LagBins([0, 1, 2, 3])
    parts = variogram_from_pairs([0.0, 1.0], [0.1, 0.2], bins)
    parts += variogram_from_pairs([0.0, 2.5, 3.0], [0.3, 0.5, 0.7], bins)
    whole = _by_hand()
    assert parts.npairs.tolist() == whole.npairs.tolist()
    np.testing.assert_allclose(parts.semivariance, whole.semivariance)
    assert parts.sill_apriori == pytest.approx(whole.sill_apriori)


@pytest.mark.parametrize("name", ["bins", "metric", "dissimilarity", "estimator"])
def test_values_made_differently_do_not_add(name):
    one = _by_hand()
    other = {"bins": LagBins([0, 1, 2, 4]), "estimator": "dowd"}.get(name, "other")
    fields = {field: getattr(one, field) for field in ("bins", "sums", "dissimilarity", "estimator", "metric")}
    with pytest.raises(ValueError, match=f"different {name}"):
        one + EmpiricalVariogram(**{**fields, name: other}, dimension=1 if name == "estimator" else None)


def test_a_variogram_adds_to_nothing_else():
    with pytest.raises(TypeError):
        _by_hand() + 1


def test_sums_of_another_number_of_bins_are_refused():
    one = _by_hand()
    with pytest.raises(ValueError, match="4 positions but bins needs 2"):
        EmpiricalVariogram(LagBins([0, 1]), one.sums, "given", "matheron", "given")


def test_a_histogram_of_another_number_of_bins_is_refused():
    one = _by_hand()
    sums = dataclasses.replace(one.sums, histogram=TermHistogram(3, [], [], []))
    with pytest.raises(ValueError, match=r"3 positions but bins needs 4 \(bin 0 and each bin\): histogram\."):
        dataclasses.replace(one, sums=sums)


def test_sums_without_any_pair_are_refused():
    one = _by_hand()
    with pytest.raises(ValueError, match="total_npairs of 0"):
        EmpiricalVariogram(one.bins, dataclasses.replace(one.sums, total_npairs=0), "given", "matheron", "given")


def test_the_frame_has_a_row_per_bin():
    frame = _by_hand().to_frame()
    assert list(frame.columns) == ["low", "high", "npairs", "lag", "semivariance", "spread"]
    assert frame["npairs"].tolist() == [1, 0, 2]
    assert frame["high"].tolist() == [1, 2, 3]


def test_print_shows_the_bins_and_says_where_pairs_are_few():
    text = str(_by_hand())
    assert "3 bins 0..3 km, 3 pairs" in text
    assert "* fewer than 30 pairs" in text
    assert "at zero lag: 2 pairs, semivariance 0.2" in text
    many = variogram_from_pairs(np.ones(40), np.ones(40), LagBins([0, 2]))
    assert "fewer" not in str(many)


def test_real_image_embeddings_rise_with_distance(shared_data):
    """Figures of the data's own description: .016 below 7.5 km, rising to .134 at 100 km, no sill."""
    import variogeo

    points = variogeo.io.read_points(
        shared_data / "clay_alaska_417.parquet", embedding="embeddings", point="representative"
    )
    empirical = empirical_variogram(*points, LagBins([0, 7.5, 20, 50, 95, 105]))
    assert empirical.semivariance[0] == pytest.approx(0.016, abs=0.001)
    assert empirical.semivariance[-1] == pytest.approx(0.134, abs=0.005)
    assert (np.diff(empirical.semivariance) > 0).all()


def test_sum_pools_many():
    assert sum([_by_hand(), _by_hand()]) == _by_hand() + _by_hand()
    with pytest.raises(TypeError):
        1 + _by_hand()


def test_terms_whose_squares_overflow_are_refused():
    with pytest.raises(ValueError, match=r"dissimilarity '1e\+200'. Its square overflows"):
        variogram_from_pairs([1.0, 1.0], [1e200, 1.0], LagBins([0, 2]))
    with pytest.raises(ValueError, match=r"entries beyond 1e\+75 in 1 rows: 1\. Their fourth powers overflow"):
        empirical_variogram([[0, 0], [1, 1]], [0.0, 1e160], LagBins([0, 200]), dissimilarity="half_squared")
