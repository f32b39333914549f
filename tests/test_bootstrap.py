"""The bootstrap of patches: against a double loop, TreeCorr, closed forms and known truths."""

import dataclasses

import numpy as np
import pytest
import reference
import treecorr
from patched import of_separate_patches, standard_bins

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo._engine import ClassSums
from variogeo.inference import bootstrap, jackknife, kmeans_patches
from variogeo.synthetic import gaussian_field, uniform_lonlat

BINS = LagBins([0.0, 100.0, 1000.0, 4000.0, 12_000.0])


@pytest.fixture(scope="module")
def photo_patches(photos):
    return kmeans_patches(photos[0], 12, seed=1)


@pytest.fixture(scope="module")
def curve(photos, photo_patches):
    return empirical_variogram(*photos, BINS, patches=photo_patches)


@pytest.mark.parametrize("across", ["product", "marked"])
def test_replicates_equal_a_double_loop_over_pairs(photos, photo_patches, curve, across):
    lonlat, embeddings = photos
    first, second = np.triu_indices(len(lonlat), 1)
    lags = reference.lags_of_all_pairs(lonlat, "geodesic")
    terms = reference.terms_of_all_pairs(embeddings, "cosine")
    drawn = np.random.default_rng(7).multinomial(12, np.full(12, 1 / 12), 5)
    one, other = drawn[:, photo_patches[first]], drawn[:, photo_patches[second]]
    weight = one * other if across == "product" else (one + other) / 2
    weight = np.where(photo_patches[first] == photo_patches[second], one, weight)
    uncertainty = bootstrap(curve, count=5, seed=7, across=across)
    for k in range(4):
        inside = (lags > BINS.low[k]) & (lags <= BINS.high[k])
        total = weight[:, inside].sum(axis=1)
        np.testing.assert_allclose(uncertainty.replicates[:, k], weight[:, inside] @ terms[inside] / total, rtol=1e-9)
        np.testing.assert_allclose(uncertainty.lags[:, k], weight[:, inside] @ lags[inside] / total, rtol=1e-7)
    np.testing.assert_allclose(uncertainty.covariance, np.cov(uncertainty.replicates.T), rtol=1e-9, atol=1e-18)


def test_marks_are_the_sums_over_the_pairs_of_the_points_of_a_patch(photos, photo_patches, curve):
    """Loh's marks: for each point the sums over its pairs, added up over the points of the patches drawn."""
    lonlat, embeddings = photos
    count = len(lonlat)
    lags, terms = np.zeros((count, count)), np.zeros((count, count))
    upper = np.triu_indices(count, 1)
    lags[upper], terms[upper] = (
        reference.lags_of_all_pairs(lonlat, "geodesic"),
        reference.terms_of_all_pairs(embeddings, "cosine"),
    )
    lags, terms = lags + lags.T, terms + terms.T
    inside = (lags > BINS.low[:, None, None]) & (lags <= BINS.high[:, None, None])
    marks = inside.sum(axis=2), (inside * terms).sum(axis=2)
    drawn = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12), 4)[:, photo_patches]
    pairs, sums = (drawn @ mark.T for mark in marks)
    np.testing.assert_allclose(bootstrap(curve, count=4, seed=3, across="marked").replicates, sums / pairs, rtol=1e-9)


@pytest.mark.parametrize(
    ("across", "method", "theirs"), [("product", "bootstrap", "simple"), ("marked", "marked_bootstrap", "mean")]
)
def test_the_covariance_of_a_scalar_field_is_that_of_treecorr(across, method, theirs):
    """The mean product of a field by both ways; 2 000 draws each, so variances agree to some 5 %."""
    lonlat = uniform_lonlat(300, seed=2)
    values = np.random.default_rng(3).normal(size=300)
    patch = kmeans_patches(lonlat, 10, seed=1)
    their = treecorr.KKCorrelation(
        min_sep=0.2, max_sep=2.5, nbins=5, metric="Arc", bin_slop=0, angle_slop=0, num_threads=1,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    their.process(
        treecorr.Catalog(ra=lonlat[:, 0], dec=lonlat[:, 1], k=values, ra_units="deg", dec_units="deg", patch=patch)
    )
    covariance = their.estimate_cov(method, num_bootstrap=2000, cross_patch_weight=theirs)
    # The same sums as a variogram: the mean product stands in the place of the mean dissimilarity.
    first, second = np.triu_indices(300, 1)
    lags = reference.lags_of_all_pairs(lonlat, "great_circle")
    bins = LagBins(6371.0088 * np.append(their.left_edges, their.right_edges[-1]))
    position = np.searchsorted(bins.edges, lags)
    inside = (position > 0) & (position <= len(bins))
    low, high = np.sort([patch[first], patch[second]], axis=0)[:, inside]
    ones = np.ones(inside.sum(), dtype=int)
    cells = ClassSums.of(
        low, high, position[inside], ones, ones, lags[inside], (values[first] * values[second])[inside]
    )
    empirical = empirical_variogram(
        lonlat, values, bins, dissimilarity="half_squared", metric="great_circle", patches=patch
    )
    assert empirical.patches is not None
    products = dataclasses.replace(empirical, patches=dataclasses.replace(empirical.patches, cells=cells))
    ours = bootstrap(products, count=2000, seed=1, across=across)
    np.testing.assert_allclose(ours.standard_error, np.sqrt(np.diag(covariance)), rtol=0.08)


def test_the_error_of_a_mean_of_separate_patches_is_that_of_a_mean():
    """The variance of a bootstrap mean is the sample's variance over n, up to the error of 20 000 draws, 1 %."""
    levels = np.random.default_rng(1).uniform(0.5, 1.5, (15, 2))
    uncertainty = bootstrap(of_separate_patches(levels, standard_bins(2)), count=20_000, seed=2)
    np.testing.assert_allclose(uncertainty.standard_error, levels.std(axis=0) / np.sqrt(15), rtol=0.03)
    low, high = uncertainty.band(0.9).T
    np.testing.assert_allclose(low, np.quantile(uncertainty.replicates, 0.05, axis=0))
    np.testing.assert_allclose(high, np.quantile(uncertainty.replicates, 0.95, axis=0))


def test_products_cover_the_truth_of_fields_where_marks_do_not():
    """Over fields on the globe with lags wider than patches: an error by half of marks, none of products."""
    lonlat = uniform_lonlat(200, seed=5)
    model = Exponential(nugget=0.1, partial_sill=0.4, effective_range=3000.0)
    bins = LagBins.linear(3000, 7000, 2)
    patch = kmeans_patches(lonlat, 25, seed=1)
    fields = gaussian_field(lonlat, model, dimensions=60, seed=6)[:, 1:] * np.sqrt(60)
    estimates, errors = [], {"product": [], "marked": [], "jackknife": []}
    for number, field in enumerate(fields.T):
        empirical = empirical_variogram(
            lonlat, field, bins, dissimilarity="half_squared", metric="great_circle", patches=patch
        )
        estimates.append(empirical.semivariance)
        for across in ("product", "marked"):
            errors[across].append(bootstrap(empirical, count=99, seed=number, across=across).standard_error)
        errors["jackknife"].append(jackknife(empirical).standard_error)
    truth = np.std(estimates, axis=0)
    product, marked, left_out = (np.mean(errors[name], axis=0) / truth for name in ("product", "marked", "jackknife"))
    # 60 fields tell their spread to 9 %.
    assert (abs(product - 1) < 0.35).all()
    assert (marked < 0.75).all()
    assert (abs(product / left_out - 1) < 0.15).all()


def test_a_seed_gives_the_same_replicates_and_another_seed_others(curve):
    again = [bootstrap(curve, count=9, seed=seed).replicates for seed in (1, 1, 2)]
    assert (again[0] == again[1]).all()
    assert (again[0] != again[2]).any()


def test_a_bin_that_few_draws_leave_empty_keeps_its_band_and_one_that_many_do_has_none():
    """A bin is empty unless one of its patches is drawn: 1 of 3 has a chance of (2/3)^3 to be missed, 3 of 3 none."""
    empirical = of_separate_patches(np.ones((3, 2)), standard_bins(2))
    cells = empirical.patches.cells
    kept = (cells.bin == 2) | (cells.first == 0)
    columns = (cells.first, cells.second, cells.bin, cells.npairs, cells.weight, cells.lag, cells.term)
    fewer = ClassSums(*(column[kept] for column in columns))
    patches = dataclasses.replace(empirical.patches, cells=fewer)
    uncertainty = bootstrap(dataclasses.replace(empirical, patches=patches), count=200)
    assert np.isnan(uncertainty.replicates[:, 0]).mean() == pytest.approx((2 / 3) ** 3, abs=0.1)
    assert uncertainty.usable.tolist() == [False, True]
    assert np.isnan(uncertainty.band()[0]).all()
    assert (uncertainty.band()[1] == 1).all()


def test_a_bin_that_two_of_many_patches_fill_is_missed_by_few_draws():
    """Of 8 patches 4 fill the bin: missed with a chance of (1/2)^8, so that the others tell the error."""
    empirical = of_separate_patches(np.arange(1.0, 9.0)[:, None], standard_bins(1))
    cells = empirical.patches.cells
    columns = (cells.first, cells.second, cells.bin, cells.npairs, cells.weight, cells.lag, cells.term)
    patches = dataclasses.replace(empirical.patches, cells=ClassSums(*(column[:4] for column in columns)))
    uncertainty = bootstrap(dataclasses.replace(empirical, patches=patches), count=2000)
    assert 0 < np.isnan(uncertainty.replicates).sum() < 30
    assert uncertainty.usable.all()
    found = uncertainty.replicates[np.isfinite(uncertainty.replicates)]
    assert uncertainty.standard_error[0] == pytest.approx(found.std(), rel=0.01)
    assert uncertainty.band()[0].tolist() == np.quantile(found, [0.025, 0.975]).tolist()


PATCHED = of_separate_patches(np.ones((3, 2)), standard_bins(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap(dataclasses.replace(PATCHED, patches=None)), "no patches, which a bootstrap"),
        (lambda: bootstrap(PATCHED, count=1), "Invalid count '1'. Must be a whole number of at least 2"),
        (lambda: bootstrap(PATCHED, count=9.5), "Invalid count '9.5'. Must be a whole number of at least 2"),
        (lambda: bootstrap(PATCHED, seed=-1), "Invalid seed '-1'. Must be a whole number of at least 0"),
        (lambda: bootstrap(PATCHED, count=10**6), "Invalid count '1000000'. Must be a whole number"),
        (lambda: bootstrap(PATCHED, across="dropped"), "Invalid across 'dropped'. Must be one of 'product', 'marked'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
