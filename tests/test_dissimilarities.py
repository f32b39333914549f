"""Madogram and rodogram, and the robust estimators as what a variogram is."""

import dataclasses

import numpy as np
import pytest
import reference
from scipy.stats import chi2

from variogeo import LagBins, StratifiedPairs, empirical_variogram, load, variogram_from_pairs
from variogeo._engine import Terms

BINS = LagBins([0.0, 100.0, 2000.0, 9000.0])
ROOTS = {"madogram": lambda term: np.sqrt(2 * term) / 2, "rodogram": lambda term: np.sqrt(np.sqrt(2 * term)) / 2}


@pytest.mark.parametrize("dissimilarity", ROOTS)
@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize("scale", [1.0, 3e-5, 7e6])
def test_roots_of_the_difference_equal_a_loop_over_pairs(scattered, dissimilarity, width, scale):
    lonlat, values = scattered
    values = values[:, 0] * scale if width == 1 else values * scale
    found = empirical_variogram(lonlat, values, BINS, dissimilarity=dissimilarity)
    lag = reference.lags_of_all_pairs(lonlat, "geodesic")
    term = ROOTS[dissimilarity](reference.terms_of_all_pairs(values, "half_squared"))
    counts, _, mean = reference.counts_and_means(lag, term, BINS.edges)
    square = reference.counts_and_means(lag, term**2, BINS.edges)[2]
    assert found.npairs.tolist() == counts[1:].tolist()
    np.testing.assert_allclose(found.semivariance, mean[1:], rtol=1e-12)
    np.testing.assert_allclose(found.spread, np.sqrt(square - mean**2)[1:], rtol=1e-8)
    position = np.searchsorted(BINS.edges, lag)
    medians = [np.median(term[position == k]) for k in (1, 2, 3)]
    np.testing.assert_allclose(found.quantiles([0.5])[:, 0], medians, rtol=0.03)
    assert np.isnan(found.sill_apriori)


def test_equal_values_are_at_exactly_no_root(scattered):
    lonlat = scattered[0][10:60]
    values = np.repeat([[1.0, 2.0]], 50, axis=0)
    values[0] = (4.0, 6.0)
    found = empirical_variogram(lonlat, values, LagBins([0, 20_020]), dissimilarity="madogram")
    # One point is at distance 5 from 49 others, which are equal.
    assert found.semivariance[0] == pytest.approx(49 * 2.5 / (50 * 49 / 2), rel=1e-12)


def test_a_root_is_sampled_saved_and_weighted_like_others(scattered, tmp_path):
    lonlat, values = scattered
    sampled = empirical_variogram(lonlat, values, BINS, dissimilarity="madogram", pairs=StratifiedPairs(10**6, seed=1))
    found = empirical_variogram(lonlat, values, BINS, dissimilarity="madogram")
    np.testing.assert_allclose(sampled.semivariance, found.semivariance, rtol=1e-12)
    found.save(tmp_path / "madogram.json")
    assert load(tmp_path / "madogram.json") == found
    weighted = empirical_variogram(lonlat, values, BINS, dissimilarity="madogram", weights=np.ones(700))
    np.testing.assert_allclose(weighted.semivariance, found.semivariance, rtol=1e-12)
    assert np.isnan(weighted.sill_apriori)


def test_a_root_is_never_taken_as_a_whole(scattered):
    terms = Terms.of(np.zeros((3, 2)) + np.eye(3, 2), "rodogram")
    assert (terms.roots, terms.share, terms.precision) == (2, 0.125, np.float64)
    lonlat, values = scattered
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("variogeo._engine._job.TREE_FROM", 0)
        found = empirical_variogram(lonlat, values, BINS, dissimilarity="madogram", spread=False)
    assert found.semivariance[1] == empirical_variogram(lonlat, values, BINS, dissimilarity="madogram").semivariance[1]


@pytest.mark.parametrize("dimension", [1, 2, 8, 32, 512])
def test_robust_constants_are_those_of_isotropic_gaussian_increments(dimension):
    expected = {
        1: (0.4570, 2.198),
        2: (0.6750, 1.4427),
        8: (0.9089, 1.0893),
        32: (0.9767, 1.0212),
        512: (0.9985, 1.0013),
    }
    # All terms equal: the roots' mean to the fourth is the term, and so is its median.
    pairs = variogram_from_pairs(np.ones(100), np.full(100, 3.0), LagBins([0, 2]))
    assert 3 / pairs.cressie_hawkins(dimension)[0] == pytest.approx(expected[dimension][0], abs=6e-5)
    assert pairs.dowd(dimension)[0] / pairs.quantiles([0.5])[0, 0] == pytest.approx(expected[dimension][1], abs=6e-4)
    assert pairs.quantiles([0.5])[0, 0] == pytest.approx(3, rel=0.03)


def test_all_estimators_agree_on_gaussian_increments_and_only_the_mean_follows_outliers():
    random = np.random.default_rng(0)
    difference = random.normal(size=(40_000, 4))
    term = np.square(difference).sum(axis=1) / 2
    lag, bins = np.ones(len(term)), LagBins([0, 2])
    spoiled = np.where(np.arange(len(term)) % 50 == 0, 100 * term, term)
    clean, dirty = (variogram_from_pairs(lag, some, bins) for some in (term, spoiled))
    for estimator, tolerance in (("matheron", 2.5), ("cressie_hawkins", 0.25), ("dowd", 0.05)):
        made = [dataclasses.replace(one, estimator=estimator, dimension=4) for one in (clean, dirty)]
        assert made[0].semivariance[0] == pytest.approx(2.0, rel=0.02)
        moved = made[1].semivariance[0] / made[0].semivariance[0] - 1
        assert 0 <= moved < tolerance
        assert (moved > 1) == (estimator == "matheron")


def test_dowd_of_published_values_is_reproduced():
    # scikit-gstat, tests/test_estimator.py: dowd of weibull differences, 2.198 median^2 / 2.
    random = np.random.RandomState(1306)
    difference = random.weibull(14, 1000)
    pairs = variogram_from_pairs(np.ones(1000), difference**2 / 2, LagBins([0, 2]), estimator="dowd", dimension=1)
    assert pairs.semivariance[0] == pytest.approx(2.198 * np.median(difference) ** 2 / 2, rel=2e-3)
    assert pairs.semivariance[0] == pytest.approx(1.0437, rel=2e-3)
    assert 1 / chi2.median(1) == pytest.approx(2.198, abs=5e-4)


def test_the_estimator_of_a_run_finds_the_dimension_of_the_values_by_itself(scattered):
    lonlat, values = scattered
    plain = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared")
    robust = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared", estimator="cressie_hawkins")
    assert 4.5 < robust.dimension < 5
    np.testing.assert_allclose(robust.semivariance, plain.cressie_hawkins(robust.dimension))
    scalar = empirical_variogram(lonlat, values[:, 0], BINS, dissimilarity="half_squared", estimator="dowd")
    assert scalar.dimension == 1
    np.testing.assert_allclose(scalar.semivariance, scalar.dowd(1))
    given = empirical_variogram(lonlat, values, BINS, estimator="dowd", dimension=3)
    assert given.dimension == 3
    assert "dowd" in repr(given)


def test_covariogram_and_correlogram_are_views_of_the_same_curve(scattered):
    lonlat, values = scattered
    found = empirical_variogram(lonlat, values, BINS)
    np.testing.assert_allclose(found.covariogram + found.semivariance, found.sill_apriori)
    np.testing.assert_allclose(found.correlogram, 1 - found.semivariance / found.sill_apriori)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"estimator": "dowd", "dissimilarity": "madogram", "dimension": 1}, "whose mean is robust. Use 'matheron'"),
        ({"estimator": "dowd", "dimension": 0.5}, "Invalid dimension '0.5'"),
    ],
)
def test_robust_estimators_of_what_has_none_are_refused(scattered, options, words):
    with pytest.raises(ValueError, match=words):
        empirical_variogram(*scattered, BINS, **options)


def test_a_dimension_must_be_given_where_the_values_are_not_known():
    with pytest.raises(ValueError, match=r"Invalid dimension None for dowd\. Pass 1 for scalars"):
        variogram_from_pairs([1.0], [1.0], LagBins([0, 2]), estimator="dowd")


@pytest.mark.parametrize("dimension", [0.2, "x"])
def test_a_wrong_dimension_is_refused_before_any_work(scattered, monkeypatch, dimension):
    monkeypatch.setattr("variogeo._estimation.accumulate", None)
    with pytest.raises((ValueError, TypeError), match="Invalid dimension"):
        empirical_variogram(*scattered, BINS, estimator="dowd", dimension=dimension)


def test_equal_values_have_a_robust_semivariance_of_zero(scattered):
    lonlat, _ = scattered
    for values, kind in ((np.ones(700), "half_squared"), (np.ones((700, 4)), "cosine")):
        found = empirical_variogram(lonlat, values, BINS, dissimilarity=kind, estimator="cressie_hawkins")
        assert found.semivariance.tolist() == [0.0, 0.0, 0.0]
        assert found.dimension == 1


def test_another_view_of_a_root_is_refused(scattered):
    found = empirical_variogram(*scattered, BINS, dissimilarity="madogram")
    with pytest.raises(ValueError, match="Invalid estimator 'dowd' for madogram, whose mean is robust"):
        dataclasses.replace(found, estimator="dowd", dimension=1)
