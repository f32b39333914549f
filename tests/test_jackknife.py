"""The jackknife: against points left out by hand, TreeCorr, closed forms and known truths."""

import dataclasses

import numpy as np
import pytest
import reference
import treecorr
from hypothesis import given, settings
from hypothesis import strategies as st
from patched import of_separate_patches, standard_bins
from scipy import stats

from variogeo import Exponential, LagBins, empirical_variogram, fit_variogram
from variogeo.inference import CurveUncertainty, bootstrap, jackknife, kmeans_patches
from variogeo.synthetic import gaussian_field, uniform_lonlat

BINS = LagBins([0.0, 100.0, 1000.0, 4000.0, 12_000.0])
PATCHES = 12
ALPHA = {"dropped": 1.0, "matched": PATCHES / (2 + np.sqrt(2) * (PATCHES - 1))}


@pytest.fixture(scope="module")
def photo_patches(photos):
    return kmeans_patches(photos[0], PATCHES, seed=1)


@pytest.fixture(scope="module")
def curve(photos, photo_patches):
    return empirical_variogram(*photos, BINS, patches=photo_patches)


def test_dropping_a_patch_is_leaving_its_points_out(photos, photo_patches, curve):
    lonlat, embeddings = photos
    uncertainty = jackknife(curve)
    for patch in range(12):
        kept = photo_patches != patch
        left = empirical_variogram(lonlat[kept], embeddings[kept], BINS)
        np.testing.assert_allclose(uncertainty.replicates[patch], left.semivariance, rtol=1e-9)
        np.testing.assert_allclose(uncertainty.lags[patch], left.lag, rtol=1e-9)


def test_dropping_a_patch_of_weighted_points_is_leaving_them_out(photos, photo_patches):
    lonlat, embeddings = photos
    weights = np.random.default_rng(1).uniform(0.1, 5, len(lonlat))
    uncertainty = jackknife(empirical_variogram(lonlat, embeddings, BINS, patches=photo_patches, weights=weights))
    for patch in range(12):
        kept = photo_patches != patch
        left = empirical_variogram(lonlat[kept], embeddings[kept], BINS, weights=weights[kept])
        np.testing.assert_allclose(uncertainty.replicates[patch], left.semivariance, rtol=1e-9)


@pytest.mark.parametrize("across", ["dropped", "matched"])
def test_replicates_and_covariance_equal_a_double_loop_over_pairs(photos, photo_patches, curve, across):
    lonlat, embeddings = photos
    first, second = np.triu_indices(len(lonlat), 1)
    lags = reference.lags_of_all_pairs(lonlat, "geodesic")
    terms = reference.terms_of_all_pairs(embeddings, "cosine")
    replicates, mean_lags = np.zeros((12, 4)), np.zeros((12, 4))
    for patch in range(12):
        mine = (photo_patches[first] == patch).astype(int) + (photo_patches[second] == patch)
        weight = np.choose(mine, [1.0, 1 - ALPHA[across], 0.0])
        for k in range(4):
            inside = (lags > BINS.low[k]) & (lags <= BINS.high[k])
            replicates[patch, k] = (weight * terms)[inside].sum() / weight[inside].sum()
            mean_lags[patch, k] = (weight * lags)[inside].sum() / weight[inside].sum()
    uncertainty = jackknife(curve, across=across)
    np.testing.assert_allclose(uncertainty.replicates, replicates, rtol=1e-9)
    np.testing.assert_allclose(uncertainty.lags, mean_lags, rtol=1e-7)
    covariance = np.cov(replicates.T, ddof=0) * 11
    np.testing.assert_allclose(uncertainty.covariance, covariance, rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(uncertainty.standard_error, np.sqrt(np.diag(covariance)), rtol=1e-6)
    np.testing.assert_allclose(uncertainty.correlation, np.corrcoef(replicates.T), rtol=1e-6)


@pytest.mark.parametrize(("across", "theirs"), [("dropped", "simple"), ("matched", "match")])
def test_the_covariance_of_a_scalar_field_equals_treecorr(across, theirs):
    """Half the squared difference is the mean square of either point less the mean product, both of TreeCorr."""
    lonlat = uniform_lonlat(400, seed=2)
    values = np.random.default_rng(3).normal(1, 1, 400) + lonlat[:, 1] / 50
    patch = kmeans_patches(lonlat, 10, seed=1)

    def catalogue(column):
        return treecorr.Catalog(
            ra=lonlat[:, 0], dec=lonlat[:, 1], k=column, ra_units="deg", dec_units="deg", patch=patch
        )

    options = {"min_sep": 0.05, "max_sep": 2.5, "nbins": 6, "metric": "Arc", "bin_slop": 0, "angle_slop": 0}
    product, square = (treecorr.KKCorrelation(**options, num_threads=1) for _ in range(2))
    product.process(catalogue(values))
    square.process(catalogue(values**2), catalogue(np.ones(400)))
    covariance = treecorr.estimate_multi_cov(
        [product, square], "jackknife", func=lambda pair: pair[1].xi - pair[0].xi, cross_patch_weight=theirs
    )
    bins = LagBins(6371.0088 * np.append(product.left_edges, product.right_edges[-1]))
    empirical = empirical_variogram(
        lonlat, values, bins, dissimilarity="half_squared", metric="great_circle", patches=patch
    )
    np.testing.assert_allclose(empirical.semivariance, square.xi - product.xi, rtol=1e-7)
    np.testing.assert_allclose(jackknife(empirical, across=across).covariance, covariance, rtol=1e-6, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=40), st.sampled_from(["dropped", "matched"]))
def test_the_error_of_a_mean_of_separate_patches_is_that_of_a_mean(levels, across):
    """Patches without pairs between them and with as many pairs each: s / sqrt(n) with the sample's s."""
    bins = standard_bins(1)
    uncertainty = jackknife(of_separate_patches(np.array(levels)[:, None], bins), across=across)
    expected = np.std(levels, ddof=1) / np.sqrt(len(levels))
    np.testing.assert_allclose(uncertainty.standard_error, [expected], rtol=1e-6, atol=1e-12 * max(levels))
    np.testing.assert_allclose(uncertainty.effective_patches, [len(levels)], rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_errors_follow_the_values_and_not_the_names_of_the_patches(seed, factor):
    random = np.random.default_rng(seed)
    lonlat, values = uniform_lonlat(60, seed=seed), random.normal(size=60)
    patch = random.integers(0, 5, 60)
    options = {"dissimilarity": "half_squared", "patches": patch}
    uncertainty = jackknife(empirical_variogram(lonlat, values, BINS, **options))
    options["patches"] = np.array(["a", "b", "c", "d", "e"])[random.permutation(5)][patch]
    scaled = jackknife(empirical_variogram(lonlat, factor * values, BINS, **options))
    np.testing.assert_allclose(scaled.covariance, factor**4 * uncertainty.covariance, rtol=1e-6, atol=1e-9 * factor**4)
    np.testing.assert_allclose(scaled.band(), factor**2 * uncertainty.band(), rtol=1e-6)
    np.testing.assert_allclose(scaled.effective_patches, uncertainty.effective_patches, rtol=1e-12)


def test_the_band_follows_student_on_a_logarithmic_scale():
    levels = np.random.default_rng(1).uniform(0.5, 1.5, (12, 3))
    uncertainty = jackknife(of_separate_patches(levels, standard_bins(3)))
    mean = levels.mean(axis=0)
    relative = levels.std(axis=0, ddof=1) / np.sqrt(12) / mean
    for level in (0.5, 0.95, 0.99):
        t = stats.t.ppf(0.5 + level / 2, 11)
        expected = np.column_stack([mean * np.exp(-t * relative), mean * np.exp(t * relative)])
        np.testing.assert_allclose(uncertainty.band(level), expected, rtol=1e-6)
    assert (uncertainty.band(0.99)[:, 0] > 0).all()


def test_bands_cover_the_truth_where_naive_ones_do_not():
    """120 fields on 250 points of the globe, 20 patches: the share of covered bins has a standard error below 2 %."""
    lonlat = uniform_lonlat(250, seed=5)
    model = Exponential(nugget=0.1, partial_sill=0.4, effective_range=3000.0)
    bins = LagBins.linear(0, 6000, 6)
    patch = kmeans_patches(lonlat, 20, seed=1)
    lags = reference.lags_of_all_pairs(lonlat, "great_circle")
    truth = [model(lags[(lags > low) & (lags <= high)]).mean() for low, high in zip(bins.low, bins.high, strict=True)]
    fields = gaussian_field(lonlat, model, dimensions=120, seed=6)[:, 1:] * np.sqrt(120)
    dropped, matched, naive = [], [], []
    for field in fields.T:
        empirical = empirical_variogram(
            lonlat, field, bins, dissimilarity="half_squared", metric="great_circle", patches=patch
        )
        half = 1.96 * empirical.spread / np.sqrt(empirical.npairs)
        naive.append(abs(empirical.semivariance - truth) <= half)
        for hits, across in ((dropped, "dropped"), (matched, "matched")):
            low, high = jackknife(empirical, across=across).band().T
            hits.append((low <= truth) & (truth <= high))
    assert 0.9 < np.mean(dropped) < 0.99
    assert np.mean(matched) < np.mean(dropped) - 0.02
    assert np.mean(naive) < 0.75


def test_a_bin_that_one_patch_fills_has_no_error():
    """The first bin has pairs within patch 0 only; the second has pairs across as well."""
    lonlat = [[0.0, 0.0], [0.05, 0.0], [2.0, 0.0], [4.0, 0.0], [6.0, 0.0]]
    patches = [0, 0, 1, 2, 3]
    empirical = empirical_variogram(
        lonlat, [1.0, 2.0, 4.0, 7.0, 11.0], LagBins([0, 10, 300, 500]), dissimilarity="half_squared", patches=patches
    )
    for across in ("dropped", "matched"):
        uncertainty = jackknife(empirical, across=across)
        assert uncertainty.usable.tolist() == [False, True, True]
        assert np.isnan(uncertainty.replicates[0, 0])
        assert np.isnan(uncertainty.standard_error[0])
        assert np.isnan(uncertainty.covariance[0]).all()
        assert np.isnan(uncertainty.band()[0]).all()
        assert np.isfinite(uncertainty.band()[1:]).all()
        assert uncertainty.effective_patches[0] == 1
        assert not uncertainty.reliable.any()
        assert "* fewer than 10 effective patches" in str(uncertainty)


def test_an_empty_bin_is_nan_and_no_band_is_left_without_patches_enough():
    empirical = empirical_variogram(
        [[0.0, 0.0], [1.0, 0.0]], [1.0, 2.0], LagBins([0, 10, 200]), dissimilarity="half_squared", patches=["x", "y"]
    )
    uncertainty = jackknife(empirical)
    # The only pair crosses the two patches and goes with either.
    assert np.isnan(uncertainty.replicates).all()
    assert np.isnan(uncertainty.band()).all()
    assert np.isnan(uncertainty.effective_patches[0])
    assert uncertainty.deviations.shape == (2, 2)
    assert not uncertainty.usable.any()


def test_a_weight_that_rounding_leaves_of_a_bin_is_none():
    empirical = of_separate_patches(np.ones((3, 1)), standard_bins(1))
    assert empirical.patches is not None
    tiny = dataclasses.replace(empirical.patches.cells, weight=[1e16, 1.0, 1.0], term=[1e16, 1.0, 1.0])
    patches = dataclasses.replace(empirical.patches, cells=tiny)
    uncertainty = jackknife(dataclasses.replace(empirical, patches=patches))
    assert np.isnan(uncertainty.replicates[0, 0])


def test_the_effective_number_of_patches_is_small_where_one_has_most_pairs():
    """Touched weights 8, 1 and 1: 10^2 / (64 + 1 + 1)."""
    empirical = of_separate_patches(np.ones((3, 1)), standard_bins(1))
    cells = dataclasses.replace(empirical.patches.cells, weight=[8.0, 1.0, 1.0])
    uncertainty = jackknife(dataclasses.replace(empirical, patches=dataclasses.replace(empirical.patches, cells=cells)))
    assert uncertainty.effective_patches[0] == pytest.approx(100 / 66)
    # Fewer than two: no band.
    assert not uncertainty.usable[0]


def test_constant_values_have_a_band_without_width():
    uncertainty = jackknife(of_separate_patches(np.zeros((12, 2)), standard_bins(2)))
    assert (uncertainty.band() == 0).all()
    assert np.isnan(uncertainty.correlation).all()


def test_a_replicate_is_a_variogram_with_the_same_numbers_of_pairs(curve):
    uncertainty = jackknife(curve)
    replicate = uncertainty.replicate(3)
    np.testing.assert_allclose(replicate.semivariance, uncertainty.replicates[3], rtol=1e-12)
    np.testing.assert_allclose(replicate.lag, uncertainty.lags[3], rtol=1e-12)
    assert (replicate.npairs == curve.npairs).all()
    assert replicate.patches is None


def test_a_replicate_has_no_pairs_where_it_is_empty():
    empirical = of_separate_patches(np.ones((2, 2)), standard_bins(2))
    replicates = np.array([[np.nan, 2.0], [1.0, 2.0]])
    replicate = CurveUncertainty(empirical, replicates, replicates, "jackknife", "dropped").replicate(0)
    assert replicate.npairs.tolist() == [0, 20]
    assert np.isnan(replicate.semivariance[0])


def test_the_table_and_the_text_show_errors_and_bands(curve):
    uncertainty = jackknife(curve)
    frame = uncertainty.to_frame(0.9)
    assert frame["standard_error"].tolist() == uncertainty.standard_error.tolist()
    assert frame[["lower", "upper"]].to_numpy().tolist() == uncertainty.band(0.9).tolist()
    assert frame["effective_patches"].tolist() == uncertainty.effective_patches.tolist()
    assert repr(uncertainty) == "<CurveUncertainty: jackknife of 12 patches, 12 replicates, 4 bins>"
    assert f"{uncertainty.standard_error[1]:.3g}" in str(uncertainty)


def test_a_text_without_marks_has_no_footnote():
    assert "*" not in str(jackknife(of_separate_patches(np.ones((10, 2)), standard_bins(2))))


def test_the_arrays_of_a_value_are_read_only_copies():
    empirical = of_separate_patches(np.ones((2, 1)), standard_bins(1))
    replicates = np.ones((2, 1))
    uncertainty = CurveUncertainty(empirical, replicates, replicates, "jackknife", "dropped")
    replicates[0] = 5
    assert uncertainty.replicates[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        uncertainty.lags[0] = 2


PATCHED = of_separate_patches(np.ones((3, 2)), standard_bins(2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jackknife([1.0]), TypeError, "Invalid empirical of type list"),
        (lambda: jackknife(dataclasses.replace(PATCHED, patches=None)), ValueError, r"no patches.*patches=labels"),
        (lambda: jackknife(of_separate_patches([[1.0]], standard_bins(1))), ValueError, "has 1 patch"),
        (lambda: jackknife(PATCHED, across="half"), ValueError, "Invalid across 'half'. Must be one of 'dropped'"),
        (lambda: jackknife(PATCHED).band(1.0), ValueError, r"Invalid level '1.0'. Must be between 0 and 1"),
        (lambda: jackknife(PATCHED).band(0), ValueError, "Invalid level '0.0'. Must be greater than 0"),
        (
            lambda: CurveUncertainty(PATCHED, np.ones((3, 4)), np.ones((3, 2)), "jackknife", "dropped"),
            ValueError,
            r"Invalid replicates of shape \(3, 4\). Must be \(R, 2\)",
        ),
        (
            lambda: CurveUncertainty(PATCHED, np.ones((3, 2)), np.ones((1, 2)), "jackknife", "dropped"),
            ValueError,
            r"Invalid lags of shape \(1, 2\)",
        ),
    ],
)
def test_what_has_no_errors_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_robust_estimator_is_refused(photos, photo_patches):
    lonlat, embeddings = photos
    plain = empirical_variogram(lonlat, embeddings, BINS, patches=photo_patches)
    with pytest.raises(ValueError, match=r"Invalid estimator 'dowd' for a jackknife: only means add"):
        jackknife(dataclasses.replace(plain, estimator="dowd", dimension=2.0))


def test_uncertainties_are_equal_when_all_they_hold_is(curve):
    assert jackknife(curve) == jackknife(curve)
    assert jackknife(curve) != jackknife(curve, across="matched")
    assert jackknife(curve) != curve


def test_the_covariance_for_least_squares_is_inflated_by_the_number_of_replicates(curve):
    uncertainty = jackknife(curve)
    # Twelve replicates of four bins: 11 / 6.
    np.testing.assert_allclose(uncertainty.inflated_covariance, uncertainty.covariance * 11 / 6)
    fit = fit_variogram(curve, Exponential, covariance=uncertainty.inflated_covariance)
    assert fit.weights == "covariance"
    few = of_separate_patches(np.random.default_rng(0).uniform(1, 2, (5, 4)), standard_bins(4))
    with pytest.raises(ValueError, match="5 patches do not tell, for 4 usable bins"):
        jackknife(few).inflated_covariance  # noqa: B018
    # A thousand replicates come from no more than these patches.
    with pytest.raises(ValueError, match="5 patches do not tell"):
        bootstrap(few).inflated_covariance  # noqa: B018


def test_the_inverse_of_an_inflated_covariance_is_right_on_average():
    random = np.random.default_rng(1)
    chi_squares = []
    for _ in range(300):
        curves = random.normal(10.0, 1.0, (30, 6))
        uncertainty = jackknife(of_separate_patches(curves, standard_bins(6)))
        away = uncertainty.empirical.semivariance - 10.0
        chi_squares.append(away @ np.linalg.solve(uncertainty.inflated_covariance, away))
    # Six independent means: a chi-square of six degrees of freedom has mean 6; its standard error here is 0.25.
    assert np.mean(chi_squares) == pytest.approx(6, abs=1)
