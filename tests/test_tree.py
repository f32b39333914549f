"""The dual tree beside the blocked engine: every pair of difficult points, outside libraries, closed forms."""

import functools

import numpy as np
import pytest
import reference
from engines import ENGINES, assert_sums, chosen, sums_by

from variogeo import Exponential, LagBins, empirical_variogram, fit_variogram
from variogeo._distances import lag_error
from variogeo._engine import Terms, _job
from variogeo._engine.cpu import _block_sums
from variogeo.synthetic import uniform_lonlat

METRICS = ["geodesic", "great_circle", "chord"]
BINS = {
    "linear": LagBins.linear(0, 15_000, 50),
    "logarithmic from a metre": LagBins.logarithmic(0.001, 20_004, 40),
    "one over everything": LagBins([0, 20_016]),
    "late": LagBins([0.5, 20, 300, 2000, 9000, 20_004]),
    "narrow": LagBins.linear(0, 20_004, 3000),
    "short": LagBins([0, 0.01, 0.1, 1]),
}


def repeated():
    """Return 100 places of four photos each."""
    return np.repeat(uniform_lonlat(100, seed=5), 4, axis=0)


def one_place_in_the_middle():
    """Return 400 points, 200 of which are at one place, with some at metres from it."""
    lonlat = uniform_lonlat(400, seed=6)
    lonlat[100:300] = lonlat[100]
    lonlat[300:320] = lonlat[100] + np.random.default_rng(6).normal(0, 1e-5, (20, 2))
    return lonlat


def clusters():
    """Return 100 clusters of four points some metres apart."""
    return repeated() + np.random.default_rng(3).normal(0, 1e-4, (400, 2))


def antipodes():
    """Return 200 points, and a point within 0.01 to 20 km of the antipode of each."""
    random = np.random.default_rng(4)
    lonlat = np.repeat(uniform_lonlat(200, seed=4)[None] * [1, 0.99], 2, axis=0)
    lonlat[1] = lonlat[1] * [1, -1] + [180, 0] + random.normal(size=(200, 2)) * 10 ** random.uniform(-4, -1, (200, 1))
    lonlat[..., 0] = (lonlat[..., 0] + 180) % 360 - 180
    return lonlat.reshape(400, 2)


def poles():
    """Return 300 points, 160 of which are around and at the poles."""
    random = np.random.default_rng(8)
    lonlat = uniform_lonlat(300, seed=8)
    lonlat[:100, 1] = 90 - np.abs(random.normal(0, 0.01, 100))
    lonlat[100:150, 1] = -90 + np.abs(random.normal(0, 1e-5, 50))
    lonlat[150:160, 1] = np.repeat([90, -90], 5)
    return lonlat


PLACES = {make.__name__: make for make in (repeated, one_place_in_the_middle, clusters, antipodes, poles)}


@functools.cache
def all_lags(places, metric):
    return PLACES[places](), reference.lags_of_all_pairs(PLACES[places](), metric)


@functools.cache
def vectors(count, dtype=np.float64):
    return np.random.default_rng(1).normal(0.5, 1, (count, 16)).astype(dtype)


def test_the_reference_of_all_pairs_is_the_double_loop(scattered):
    lonlat, values = scattered[0][:60], scattered[1][:60]
    edges = BINS["late"].edges
    for metric in METRICS:
        counts, lag, semivariance, _, zero = reference.variogram(lonlat, values, edges, metric, "cosine")
        lags, terms = reference.lags_of_all_pairs(lonlat, metric), reference.terms_of_all_pairs(values, "cosine")
        found = reference.counts_and_means(lags, terms, edges)
        assert found[0].tolist() == [zero, *counts]
        np.testing.assert_allclose(found[1][1:], np.nan_to_num(lag), rtol=1e-9)
        np.testing.assert_allclose(found[2][1:], np.nan_to_num(semivariance), atol=1e-14)


@pytest.mark.parametrize(("rows", "names"), [(64, list(BINS)), (1024, ["linear", "short"])])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("places", PLACES)
def test_both_engines_equal_every_pair(places, metric, rows, names):
    lonlat, lags = all_lags(places, metric)
    values = vectors(len(lonlat))
    terms = reference.terms_of_all_pairs(values, "half_squared")
    for name in names:
        bins = BINS[name]
        expected = reference.counts_and_means(lags, terms, bins.edges)
        # The mean of few lags of one length is as good as the series there.
        error = lag_error(expected[1], metric) / np.maximum(expected[1], 1e-300) if name == "narrow" else 1e-7
        for engine in ENGINES:
            sums = sums_by(engine, lonlat, values, bins, metric, "half_squared", rows=rows)
            assert_sums(sums, expected, lag_error=error, term_error=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
@pytest.mark.parametrize("places", ["repeated", "one_place_in_the_middle"])
def test_short_floats_keep_their_promise_whatever_their_products(engine, dtype, dissimilarity, places):
    lonlat, lags = all_lags(places, "geodesic")
    values = vectors(len(lonlat), dtype)
    terms = reference.terms_of_all_pairs(values, dissimilarity)
    largest = Terms.of(values, dissimilarity).largest
    for name, bins in BINS.items():
        expected = reference.counts_and_means(lags, terms, bins.edges)
        # Bins of a few pairs are exact but for some when there are thousands: sixteen entries average nothing out.
        error = 3e-8 if name == "narrow" else 1e-8
        sums = sums_by(engine, lonlat, values, bins, "geodesic", dissimilarity, rows=64, float32=True)
        assert_sums(sums, expected, lag_error=2e-6, term_error=(error if dtype != np.float64 else 1e-12) * largest)


@pytest.mark.parametrize("rows", [16, 200])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
@pytest.mark.parametrize("metric", METRICS)
def test_the_tree_equals_a_double_loop(scattered, metric, dissimilarity, rows):
    lonlat, values = scattered[0][:130], scattered[1][:130]
    edges = BINS["late"].edges
    counts, lag, semivariance, _, zero = reference.variogram(lonlat, values, edges, metric, dissimilarity)
    with chosen("tree", rows=rows):
        empirical = empirical_variogram(
            lonlat, values, LagBins(edges), metric=metric, dissimilarity=dissimilarity, spread=False
        )
    assert empirical.npairs.tolist() == counts.tolist()
    assert empirical.colocated.npairs == zero == 3
    np.testing.assert_allclose(empirical.lag, lag, rtol=1e-7)
    np.testing.assert_allclose(empirical.semivariance, semivariance, rtol=0, atol=1e-12)
    assert np.isnan(empirical.spread).all()


@pytest.mark.parametrize("rows", [64, 1024])
def test_scalars_without_spread_equal_every_pair(scattered, rows):
    """They have no products that a tree would save."""
    lonlat, values = scattered[0], 1e6 + scattered[1][:, 0]
    lags = reference.lags_of_all_pairs(lonlat, "geodesic")
    terms = reference.terms_of_all_pairs(values, "half_squared")
    for bins in (BINS["late"], BINS["logarithmic from a metre"]):
        expected = reference.counts_and_means(lags, terms, bins.edges)
        sums = sums_by("tree", lonlat, values, bins, dissimilarity="half_squared", rows=rows)
        assert_sums(sums, expected, lag_error=1e-7, term_error=1e-9)


def test_a_nearly_antipodal_pair_lies_where_its_exact_lag_is():
    """20 003.93 km apart, which the bare series takes for 9 573 km."""
    torch = pytest.importorskip("torch")
    from variogeo._distances import prepare_points
    from variogeo._engine._torch import accumulate_on_device

    lonlat, values, bins = np.array([[0.0, 30.0], [180.0, -30.0 + 1e-5]]), np.eye(2), LagBins([0, 15_000, 20_004])
    for engine in ENGINES:
        assert sums_by(engine, lonlat, values, bins).npairs.tolist() == [0, 0, 1]
    points = prepare_points(lonlat, "geodesic")
    sums = accumulate_on_device(points, torch.tensor(values), "cosine", bins, spread=False)
    assert sums.npairs.tolist() == [0, 0, 1]


def test_a_first_bin_of_few_pairs_is_exact_beside_a_place_of_many_photos():
    """300 photos at one place and one at 11 m: their 44 850 pairs must not cost the other 300 their digits."""
    lonlat = np.repeat([[0.0, 0.0], [1e-4, 0.0]], [300, 1], axis=0)
    values = np.random.default_rng(0).normal(size=(301, 16)).astype(np.float32)
    lags = reference.lags_of_all_pairs(lonlat, "geodesic")
    expected = reference.terms_of_all_pairs(values, "cosine")[lags > 0].mean()
    sums = sums_by("tree", lonlat, values, LagBins([0, 1]), float32=True)
    assert sums.npairs.tolist() == [44_850, 300]
    assert sums.term[1] / 300 == pytest.approx(expected, abs=2e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_places_one_ulp_apart_are_not_one_place(engine):
    lonlat = np.array([[12.0, 48.0]] * 3 + [[np.nextafter(12.0, 13.0), 48.0]] * 2)
    values = np.eye(5)
    assert sums_by(engine, lonlat, values, LagBins([0, 1])).npairs.tolist() == [4, 6]
    assert sums_by(engine, lonlat, values, LagBins([1e-9, 1])).npairs.tolist() == [4, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_vectors_have_no_dissimilarity_in_the_tree(dtype):
    lonlat = uniform_lonlat(300, seed=1)
    for width, dissimilarity in ((3, "cosine"), (64, "half_squared")):
        same = np.tile(np.random.default_rng(1).normal(size=width) * 1e4, (300, 1)).astype(dtype)
        with chosen("tree", rows=64, float32=True):
            empirical = empirical_variogram(
                lonlat, same, LagBins.linear(0, 20_004, 9), dissimilarity=dissimilarity, spread=False
            )
        assert (empirical.semivariance == 0).all()
        assert fit_variogram(empirical, Exponential).outcome == "no variation"


@pytest.mark.parametrize("width", [64, 512])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_photos_of_one_place_with_equal_vectors_are_at_nothing_in_short_floats(width, dissimilarity):
    """64 places of 24 photos metres apart: four with four at once must not keep the rounding of their sums."""
    random = np.random.default_rng(4)
    lonlat = np.repeat(uniform_lonlat(64, seed=4), 24, axis=0) + random.normal(0, 1e-5, (64 * 24, 2))
    lonlat[:, 1] = np.clip(lonlat[:, 1], -90, 90)
    values = np.repeat(random.normal(size=(64, width)), 24, axis=0).astype(np.float32)
    sums = sums_by("tree", lonlat, values, LagBins([0, 1, 20_004]), dissimilarity=dissimilarity)
    assert sums.npairs[1] == 64 * 24 * 23 // 2
    assert sums.term[1] / sums.npairs[1] <= 1e-12 * Terms.of(values, dissimilarity).largest


def test_dissimilarities_in_the_tree_are_never_negative():
    """Two places of equal photos far apart: all pairs within a place are at 0 in every bin, whatever rounding does."""
    random = np.random.default_rng(2)
    lonlat = np.repeat([[0.0, 0.0], [90.0, 0.0]], 200, axis=0) + random.normal(0, 1e-3, (400, 2))
    values = np.repeat(random.normal(size=(2, 16)), 200, axis=0).astype(np.float32)
    sums = sums_by("tree", lonlat, values, LagBins([0, 0.05, 1, 20_004]), rows=64, float32=True)
    assert (sums.term >= 0).all()
    np.testing.assert_allclose(sums.term[1:3] / sums.npairs[1:3], 0, atol=1e-8)


def test_differences_survive_in_the_tree_to_the_digits_of_the_largest():
    """Two groups of 100 vectors a million apart: within a group terms are some 16, between them 4e12."""
    random = np.random.default_rng(3)
    lonlat = np.repeat([[0.0, 0.0], [90.0, 0.0]], 100, axis=0) + random.uniform(0, 1, (200, 2))
    values = random.integers(-3, 4, (200, 8)) + 1e6 * np.repeat([[0.0], [1.0]], 100, axis=0)
    lags, bins = reference.lags_of_all_pairs(lonlat, "geodesic"), LagBins([0, 20, 60, 1000, 20_004])
    terms = reference.terms_of_all_pairs(values, "half_squared")
    expected = reference.counts_and_means(lags, terms, bins.edges)
    sums = sums_by("tree", lonlat, values, bins, dissimilarity="half_squared", rows=64)
    np.testing.assert_allclose(sums.term[1:] / sums.npairs[1:], expected[2][1:], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_bin_over_everything_has_a_closed_form(dtype):
    """Over all pairs, none at zero lag, the mean of 1 - u.v is n / (n - 1) (1 - |mean u|^2)."""
    n = 3000
    values = np.random.default_rng(0).normal(0.1, 1, (n, 64)).astype(dtype)
    unit = values / np.linalg.norm(values.astype(float), axis=1, keepdims=True)
    expected = n / (n - 1) * (1 - np.square(unit.mean(axis=0)).sum())
    for rows in (500, None):
        sums = sums_by("tree", uniform_lonlat(n, seed=1), values, LagBins([0, 20_004]), rows=rows)
        assert sums.npairs[1] == n * (n - 1) // 2
        assert sums.term[1] / sums.npairs[1] == pytest.approx(expected, abs=1e-9 if dtype == np.float32 else 1e-13)


def test_the_tree_works_where_there_are_many_points_and_no_spread_is_wanted(monkeypatch):
    calls, block_sums = [], _block_sums.block_sums

    def spied(*arguments, summed, **options):
        calls.append(summed)
        return block_sums(*arguments, summed=summed, **options)

    monkeypatch.setattr(_block_sums, "block_sums", spied)
    lonlat, values = uniform_lonlat(50), vectors(50)
    empirical_variogram(lonlat, values, BINS["late"], spread=False)
    monkeypatch.setattr(_job, "TREE_FROM", 50)
    empirical_variogram(lonlat, values, BINS["late"])
    empirical_variogram(lonlat, values[:, 0], BINS["late"], dissimilarity="half_squared", spread=False)
    empirical_variogram(lonlat[:49], values[:49], BINS["late"], spread=False)
    assert calls == [False] * 4
    empirical_variogram(lonlat, values, BINS["late"], spread=False)
    assert calls[4:] == [True]
