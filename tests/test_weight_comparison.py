"""A curve with and without weights, side by side."""

import numpy as np
import pytest

from variogeo import LagBins, empirical_variogram
from variogeo.sampling_bias import capped_weights, compare_weights, largest_shares, location_labels

BINS = LagBins([0.0, 200.0, 1000.0, 3000.0])


@pytest.fixture(scope="module")
def crowded():
    """60 scattered places with one photo, and a 61st with 200 that vary more; a scalar each."""
    random = np.random.default_rng(3)
    lonlat = np.vstack([random.uniform(-8, 8, (60, 2)), np.zeros((200, 2))])
    return lonlat, np.append(random.normal(0, 1, 60), random.normal(0, 4, 200))


def test_both_curves_are_those_of_single_runs(crowded):
    lonlat, values = crowded
    weights = capped_weights(location_labels(lonlat), 1)
    both = compare_weights(lonlat, values, BINS, weights, dissimilarity="half_squared", metric="chord")
    options = {"dissimilarity": "half_squared", "metric": "chord"}
    assert both.unweighted == empirical_variogram(lonlat, values, BINS, **options)
    assert both.weighted == empirical_variogram(lonlat, values, BINS, weights=weights, **options)
    np.testing.assert_array_equal(both.largest_share, largest_shares(lonlat, BINS, metric="chord"))
    np.testing.assert_allclose(both.change, both.weighted.semivariance / both.unweighted.semivariance - 1)
    # The crowded place takes part in most pairs up to 1 000 km, and its photos vary sixteen times as much.
    assert (both.largest_share[:2] > 0.9).all()
    assert (both.change[:2] < -0.4).all()
    # With a cap of 1 it is one place of 61.
    assert (both.weighted_share < 0.2).all()


def test_it_prints_and_gives_a_table(crowded):
    lonlat, values = crowded
    both = compare_weights(lonlat, values, BINS, np.ones(260), dissimilarity="half_squared")
    assert both.to_frame().columns.tolist() == [
        "low", "high", "npairs", "lag", "semivariance", "weighted_lag", "weighted_semivariance", "change",
        "largest_share", "weighted_share",
    ]  # fmt: skip
    text = str(both)
    assert "WeightComparison" in text
    assert len(text.splitlines()) == 6
    assert "+0.0%" in text


def test_a_bin_without_variation_or_pairs_has_no_change():
    lonlat = np.array([[0.0, 0.0], [1.0, 0.0], [20.0, 0.0]])
    both = compare_weights(lonlat, np.array([1.0, 1.0, 2.0]), BINS, np.ones(3), dissimilarity="half_squared")
    np.testing.assert_array_equal(np.isnan(both.change), [True, True, False])
