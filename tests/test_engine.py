"""The engine against a double loop, outside libraries and closed forms."""

import tracemalloc

import gstools
import numpy as np
import pytest
import reference
import skgstat
from pyproj import Geod

from variogeo import Exponential, LagBins, empirical_variogram, fit_variogram
from variogeo._distances import prepare_points
from variogeo._engine import LagSums, TermHistogram, Terms, _job, accumulate
from variogeo._engine._blocks import blocks_of
from variogeo._engine.cpu import _block_sums
from variogeo._engine.cpu._block_sums import _groups
from variogeo._engine.cpu._compiled import METRICS
from variogeo._engine.cpu._dual import visit
from variogeo._engine.cpu._sides import side_of
from variogeo._engine.cpu._zones import zones_of
from variogeo.synthetic import uniform_lonlat

EDGES = [0.5, 20, 300, 2000, 9000, 20_004]


@pytest.mark.parametrize("metric", ["geodesic", "great_circle", "chord"])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_the_engine_equals_a_double_loop(scattered, metric, dissimilarity):
    lonlat, values = scattered[0][:130], scattered[1][:130]
    counts, lag, semivariance, spread, zero = reference.variogram(lonlat, values, EDGES, metric, dissimilarity)
    empirical = empirical_variogram(lonlat, values, LagBins(EDGES), metric=metric, dissimilarity=dissimilarity)
    assert empirical.npairs.tolist() == counts.tolist()
    assert empirical.colocated.npairs == zero == 3
    np.testing.assert_allclose(empirical.lag, lag, rtol=1e-7)
    np.testing.assert_allclose(empirical.semivariance, semivariance, rtol=0, atol=1e-12)
    np.testing.assert_allclose(empirical.spread, spread, rtol=0, atol=1e-7)


def test_scalars_equal_a_double_loop(scattered):
    lonlat, values = scattered[0][:90], 1e6 + scattered[1][:90, 0]
    counts, _, semivariance, _, _ = reference.variogram(lonlat, values, EDGES, "geodesic", "half_squared")
    empirical = empirical_variogram(lonlat, values, LagBins(EDGES), dissimilarity="half_squared")
    assert empirical.npairs.tolist() == counts.tolist()
    np.testing.assert_allclose(empirical.semivariance, semivariance, rtol=1e-9)


@pytest.mark.parametrize("block", [8, 24, 64, 10_000])
def test_the_size_of_blocks_changes_nothing(scattered, monkeypatch, block):
    lonlat, values, bins = scattered[0][:100], scattered[1][:100], LagBins(EDGES)
    whole = empirical_variogram(lonlat, values, bins).sums
    monkeypatch.setattr(_job, "LEAST_ROWS", block)
    monkeypatch.setitem(_job._MOST_ROWS, "dense", block)
    cut = empirical_variogram(lonlat, values, bins).sums
    assert cut.npairs.tolist() == whole.npairs.tolist()
    assert cut.histogram == whole.histogram
    np.testing.assert_allclose(cut.term, whole.term, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(cut.lag, whole.lag, rtol=1e-9)


@pytest.mark.parametrize("metric", ["geodesic", "great_circle", "chord"])
def test_leaves_beyond_the_last_lag_are_left_out_and_no_pair_with_them(scattered, metric):
    lonlat, values = scattered
    points = prepare_points(lonlat, metric)
    rows = blocks_of(points.unit, values, len(lonlat)).rows(0)
    side = side_of(points, Terms.of(values, "cosine"), rows, summed=False)
    leaves, few, everything = len(side.nodes.start), *(zones_of(LagBins([0, most]), metric) for most in (300, 20_004))

    def looked_at(zones):
        bits, touched = np.zeros(leaves, np.int64), np.empty(leaves, np.int64)
        none, stack = np.empty((0, 3), np.int32), np.empty((4096, 2), np.int64)
        count = 0
        for group in _groups(side.nodes):
            _, touches = visit(
                METRICS[metric], group, side.nodes, side.nodes, True, False, zones, bits, touched, none, stack
            )
            count += int(np.bitwise_count(bits).sum())
            bits[touched[:touches]] = 0
        return count

    assert looked_at(few) < 0.4 * looked_at(everything)
    near = empirical_variogram(lonlat, values, LagBins([0, 20, 300]), metric=metric)
    everything = empirical_variogram(lonlat, values, LagBins([0, 20, 300, 20_004]), metric=metric)
    assert near.npairs.tolist() == everything.npairs[:2].tolist()
    np.testing.assert_array_equal(near.semivariance, everything.semivariance[:2])


def test_counts_equal_the_exact_geodesic_on_all_pairs(scattered):
    lonlat, values = scattered
    first, second = np.triu_indices(len(lonlat), 1)
    metres = Geod(ellps="WGS84").inv(*lonlat[first].T, *lonlat[second].T)[2]
    bins = LagBins.logarithmic(0.01, 20_004, 200)
    expected = np.bincount(np.searchsorted(bins.edges, metres / 1000, side="left"), minlength=202)[1:-1]
    assert empirical_variogram(lonlat, values, bins).npairs.tolist() == expected.tolist()


@pytest.mark.parametrize("lag", [0.0005, 0.1, 7.0, 432.1, 9_876.5, 15_999.0, 19_500.0])
def test_a_pair_on_an_edge_is_decided_by_the_exact_geodesic(lag):
    geod = Geod(ellps="WGS84")
    east, north, _ = geod.fwd(10.0, 40.0, 33.0, lag * 1000)
    exact = geod.inv(10.0, 40.0, east, north)[2] / 1000
    below, above = np.nextafter(exact, 0), np.nextafter(exact, np.inf)
    points, values = np.array([[10.0, 40.0], [east, north]]), np.eye(2)
    for edges, inside in (([below, above], 0), ([below / 2, exact, 20_004], 0), ([below / 2, below, 20_004], 1)):
        assert empirical_variogram(points, values, LagBins(edges)).npairs[inside] == 1


def test_the_vector_variogram_equals_gstools(photos):
    lonlat, embeddings = photos
    unit = embeddings.astype(float) / np.linalg.norm(embeddings.astype(float), axis=1, keepdims=True)
    unit = unit[:, :40]  # any fields will do: half the squared difference of 40 of them
    edges = np.array([1, 30, 200, 1000, 4000, 9000]) / 6371.0088
    # GSTools writes into the edges that it is given, so it gets its own.
    _, gamma, counts = gstools.vario_estimate(
        (lonlat[:, 1], lonlat[:, 0]), list(unit.T), edges.copy(), latlon=True, return_counts=True
    )
    empirical = empirical_variogram(
        lonlat, unit, LagBins(edges * 6371.0088), metric="great_circle", dissimilarity="half_squared"
    )
    assert (counts == 40 * empirical.npairs).all()
    np.testing.assert_allclose(empirical.semivariance, gamma * 40, rtol=0, atol=1e-8)


def test_the_cosine_variogram_equals_gstools_on_unit_vectors(photos):
    lonlat, embeddings = photos
    unit = embeddings.astype(float) / np.linalg.norm(embeddings.astype(float), axis=1, keepdims=True)
    edges = np.array([1, 100, 3000]) / 6371.0088
    gamma = gstools.vario_estimate((lonlat[:, 1], lonlat[:, 0]), list(unit.T), edges.copy(), latlon=True)[1]
    empirical = empirical_variogram(lonlat, embeddings, LagBins(edges * 6371.0088), metric="great_circle")
    np.testing.assert_allclose(empirical.semivariance, gamma * 512, rtol=0, atol=1e-8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_scalars_equal_scikit_gstat_over_the_chord():
    """scikit-gstat measures straight lines, so it gets the points in space."""
    random = np.random.default_rng(5)
    lonlat, values = random.uniform(-60, 60, (80, 2)), random.normal(size=80)
    longitude, latitude = np.radians(lonlat).T
    xyz = 6371.0088 * np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )
    theirs = skgstat.Variogram(xyz, values, bin_func=[2000.0, 5000.0, 9000.0], fit_method=None)
    ours = empirical_variogram(
        lonlat, values, LagBins([0, 2000, 5000, 9000]), dissimilarity="half_squared", metric="chord"
    )
    assert ours.npairs.tolist() == theirs.bin_count.tolist()
    np.testing.assert_allclose(ours.semivariance, theirs.experimental, rtol=1e-12)


def test_the_apriori_sill_has_its_closed_form(photos):
    lonlat, embeddings = photos
    unit = embeddings.astype(float) / np.linalg.norm(embeddings.astype(float), axis=1, keepdims=True)
    mean, n = unit.mean(axis=0), len(lonlat)
    for values, tolerance in ((embeddings, 1e-8), (unit, 1e-12)):  # float32 products, float64 products
        empirical = empirical_variogram(lonlat, values, LagBins([0, 20_004]))
        assert empirical.sill_apriori == pytest.approx(1 - mean @ mean, rel=1e-12)
        # Over all pairs, none at zero lag: n / (n - 1) times the a-priori sill.
        assert empirical.semivariance[0] == pytest.approx(n / (n - 1) * empirical.sill_apriori, rel=tolerance)


def test_the_apriori_sill_of_scalars_is_their_variance(scattered):
    lonlat, values = scattered
    empirical = empirical_variogram(lonlat, values[:, 0], LagBins(EDGES), dissimilarity="half_squared")
    assert empirical.sill_apriori == pytest.approx(values[:, 0].var(), rel=1e-12)


def test_sums_of_tasks_add_up_to_the_whole(scattered, monkeypatch):
    lonlat, values, bins = scattered[0], scattered[1], LagBins(EDGES)
    points, terms = prepare_points(lonlat, "geodesic"), Terms.of(values, "cosine")
    monkeypatch.setattr(_job, "LEAST_ROWS", 512)
    job = _job.Job.of(points, terms, bins, spread=True)
    assert job.tasks() == [(0, 0), (0, 1), (1, 1)]  # 700 points make two blocks
    whole = accumulate(points, terms, bins)
    parts = sum((job.sums(task) for task in job.tasks()[1:]), job.sums((0, 0)))
    assert parts.npairs.tolist() == whole.npairs.tolist()
    np.testing.assert_allclose(parts.term, whole.term, rtol=1e-14)


def test_memory_does_not_grow_with_the_number_of_points(tmp_path, monkeypatch):
    """Peak of all allocations beyond coordinates (56 bytes a point), for 64 columns of float16 on disk."""
    monkeypatch.setitem(_job._MOST_ROWS, "dense", 512)
    empirical_variogram([[0, 0], [1, 1]], [[1.0, 0.0], [0.0, 1.0]], LagBins([0, 200]))  # imports done
    peaks = {}
    for n in (2048, 6144):
        values = np.memmap(tmp_path / f"{n}.bin", dtype=np.float16, mode="w+", shape=(n, 64))
        values[:] = np.random.default_rng(0).normal(size=(n, 64))
        tracemalloc.start()
        empirical_variogram(uniform_lonlat(n), values, LagBins([0, 500, 9000]), metric="great_circle")
        peaks[n] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[6144] < 1.15 * peaks[2048] + 4096 * 200


@pytest.mark.parametrize("spread", [True, False])
def test_pairs_that_are_all_to_be_settled_are_settled_in_parts(monkeypatch, spread):
    """990 of 1 000 points at one place: their lags need the exact formula, and there is room for a few thousand."""
    lonlat = uniform_lonlat(1000, seed=2)
    lonlat[10:] = lonlat[10]
    values, bins = np.random.default_rng(2).normal(size=(1000, 3)), LagBins([0, 5000, 20_016])
    whole = empirical_variogram(lonlat, values, bins, spread=spread).sums
    monkeypatch.setattr(_block_sums, "_APART", 2 * _block_sums._LEAST_ROOM * 32 * 64)
    parts = empirical_variogram(lonlat, values, bins, spread=spread).sums
    assert parts.npairs.tolist() == whole.npairs.tolist()
    assert parts.npairs[0] == 990 * 989 // 2
    np.testing.assert_allclose(parts.term, whole.term, rtol=1e-12)


def test_pairs_that_are_all_to_be_settled_take_little_memory():
    lonlat = uniform_lonlat(3000, seed=2)
    lonlat[10:] = lonlat[10]
    values, bins = np.random.default_rng(2).normal(size=(3000, 8)), LagBins([0, 5000])
    empirical_variogram(lonlat[:500], values[:500], bins)  # imports done
    tracemalloc.start()
    assert empirical_variogram(lonlat, values, bins).colocated.npairs == 2990 * 2989 // 2
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6  # for two threads


def test_edges_far_beyond_the_earth_change_nothing(scattered):
    lonlat, values = scattered[0][:100], scattered[1][:100]
    near, far = (empirical_variogram(lonlat, values, LagBins([0, 1000, most])) for most in (20_016, 1e300))
    assert near.sums == far.sums


def test_sums_are_frozen_and_refuse_other_things():
    ones = np.ones(2)
    none = TermHistogram(2, [], [], [])
    sums = LagSums(ones, ones, ones, ones, ones, none, 2, 1.0)
    with pytest.raises(ValueError, match="read-only"):
        sums.npairs[0] = 3
    with pytest.raises(TypeError):
        sums + 1
    assert sums != 1
    assert sums == LagSums(ones, ones, ones, ones, ones, none, 2, 1.0)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_the_length_of_the_vectors_does_not_matter_to_the_cosine(scale):
    values = np.array([[3.0, 4.0], [4.0, 3.0]]) * scale
    empirical = empirical_variogram([[0, 0], [1, 0]], values, LagBins([0, 200]))
    assert empirical.semivariance[0] == pytest.approx(1 - 24 / 25, rel=1e-12)


def test_equal_vectors_have_no_dissimilarity_at_all(scattered):
    lonlat = scattered[0][:60]
    for width, options in ((3, {}), (512, {}), (64, {"dissimilarity": "half_squared"})):
        vectors = np.tile(np.random.default_rng(1).normal(size=width) * 1e4, (60, 1))
        empirical = empirical_variogram(lonlat, vectors, LagBins(EDGES), **options)
        assert (empirical.semivariance[empirical.npairs > 0] == 0).all()
        assert empirical.colocated.semivariance == 0
        assert fit_variogram(empirical, Exponential).outcome == "no variation"


def test_vectors_that_differ_in_length_only_are_no_variation_for_the_cosine(scattered):
    lonlat = scattered[0][:60]
    lengths = np.random.default_rng(2).uniform(0.1, 10, (60, 1))
    empirical = empirical_variogram(lonlat, lengths * np.array([[1.0, 2.0, 3.0, 0.7]]), LagBins(EDGES))
    assert fit_variogram(empirical, Exponential).outcome == "no variation"


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_differences_survive_in_groups_that_lie_far_apart(offset):
    """Two groups of 40 vectors: within a group the product form alone would lose every digit."""
    random = np.random.default_rng(3)
    lonlat = np.repeat([[0.0, 0.0], [90.0, 0.0]], 40, axis=0) + random.uniform(0, 1, (80, 2))
    vectors = random.integers(-3, 4, (80, 8)) + offset * np.repeat([[0.0], [1.0]], 40, axis=0)
    pairs = [(i, j) for group in (range(40), range(40, 80)) for i in group for j in group if i < j]
    expected = np.mean([((vectors[i] - vectors[j]) ** 2).sum() / 2 for i, j in pairs])
    empirical = empirical_variogram(lonlat, vectors, LagBins([0, 1000]), dissimilarity="half_squared")
    assert empirical.npairs[0] == len(pairs)
    assert empirical.semivariance[0] == pytest.approx(expected, rel=1e-9)
