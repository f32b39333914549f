import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import lags_of_all_pairs, terms_of_all_pairs

from variogeo import LagBins, empirical_variogram
from variogeo._distances import lag_error, lag_of_pairs, prepare_points
from variogeo._engine import Terms
from variogeo._engine._sums import bin_positions
from variogeo._engine.tiles import Tiles
from variogeo._engine.tiles._tile_terms import Factors, tile_terms
from variogeo._engine.tiles._zones import OPEN, LagZones
from variogeo._prepared import prepared
from variogeo.io import open_embeddings
from variogeo.synthetic import uniform_lonlat

EDGES = [0.0, 0.5, 20.0, 1000.0, 7000.0, 15_000.0, 20_100.0]
METRICS = ("geodesic", "great_circle", "chord")


def all_pairs(tiles):
    """Return position, lag and term of every pair as (n, n) upper triangles, and how often each pair came."""
    n = len(tiles.points)
    seen = np.zeros((n, n), int)
    position, lag, term = np.full((n, n), len(tiles.bins) + 1), np.full((n, n), np.nan), np.full((n, n), np.nan)
    for tile in tiles.map(lambda tile: tile):
        i, j = np.nonzero(tile.position <= len(tiles.bins))
        low, high = np.minimum(tile.first[i], tile.second[j]), np.maximum(tile.first[i], tile.second[j])
        seen[low, high] += 1
        position[low, high], lag[low, high] = tile.position[i, j], tile.lag[i, j]
        if tile.term.size:
            term[low, high] = tile.term[i, j]
    return position, lag, term, seen


def with_bins(pair, bins):
    """Return points, bins and terms."""
    points, terms = pair
    return points, bins, terms


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_every_pair_comes_once_with_the_bin_and_the_dissimilarity_of_a_double_loop(scattered, metric, dissimilarity):
    lonlat, values = scattered
    bins = LagBins(EDGES)
    points, terms = prepared(lonlat, values, dissimilarity, metric)
    position, lag, term, seen = all_pairs(Tiles.of(points, bins, terms, rows=64))
    upper = np.triu_indices(len(lonlat), 1)
    lags = lags_of_all_pairs(lonlat, metric)
    expected = bin_positions(lags, bins)
    inside = expected <= len(bins)
    assert (position[upper] == expected).all()
    assert (seen[upper] == inside).all()
    assert not seen[np.tril_indices(len(lonlat))].any()
    error = np.abs(lag[upper] - lags)[inside]
    assert (error <= lag_error(np.minimum(lags[inside], 19_500.0), metric)).all()
    assert not error[(lags[inside] < 1e-3) | (lags[inside] > 19_501.0)].any() or metric != "geodesic"
    np.testing.assert_allclose(
        term[upper][inside], terms_of_all_pairs(values, dissimilarity)[inside], rtol=1e-9, atol=1e-14
    )


def test_counts_are_those_of_the_empirical_variogram(known_field):
    lonlat, values, _ = known_field
    bins = LagBins.logarithmic(100, 9000, 25)
    counts = np.zeros(len(bins) + 2, int)
    sums = np.zeros(len(bins) + 2)
    points, terms = prepared(lonlat, values, "cosine", "geodesic")
    for tile in Tiles.of(points, bins, terms).map(lambda tile: tile):
        counts += np.bincount(tile.position.ravel(), minlength=len(bins) + 2)
        sums += np.bincount(tile.position.ravel(), tile.term.ravel(), len(bins) + 2)
    empirical = empirical_variogram(lonlat, values, bins)
    assert counts[1:-1].tolist() == empirical.npairs.tolist()
    np.testing.assert_allclose(sums[1:-1] / counts[1:-1], empirical.semivariance, rtol=1e-9)


def test_pairs_exactly_on_an_edge_are_in_the_bin_below_it():
    # Four places on the equator, whose great-circle lags are multiples of one degree of 6371.0088 km.
    lonlat = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [180.0, 0.0]])
    points = prepare_points(lonlat, "great_circle")
    first, second = np.triu_indices(4, 1)
    lags = lag_of_pairs(points, first, second)
    position, *_ = all_pairs(Tiles.of(points, LagBins(np.unique(lags))))
    # (low, high]: the shortest lag is at or below the first edge and in no bin, the k-th ends the k-th bin.
    ranks = np.searchsorted(np.unique(lags), lags)
    assert position[first, second].tolist() == np.where(ranks == 0, len(np.unique(lags)), ranks).tolist()


def test_blocks_beyond_the_last_edge_are_left_out():
    # Two clusters of 20 points 90 degrees apart: no pair of one with the other within 500 km.
    random = np.random.default_rng(0)
    lonlat = np.vstack([random.normal(0, 0.5, (20, 2)), random.normal([90, 0], 0.5, (20, 2))])
    tiles = Tiles.of(prepare_points(lonlat, "geodesic"), LagBins([0, 500]), rows=8)
    seen = list(tiles.map(lambda tile: len(tile.first) * len(tile.second)))
    assert sum(seen) < 40 * 40 / 2
    assert all_pairs(tiles)[3].sum() == 2 * 20 * 19 // 2


def test_equal_rows_are_at_zero_and_nearly_equal_rows_keep_their_digits():
    lonlat = uniform_lonlat(4, seed=1)
    values = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 2.0, 3.0 + 1e-7], [-3.0, 1.0, 0.5]])
    points, terms = prepared(lonlat, values, "cosine", "geodesic")
    _, _, term, _ = all_pairs(Tiles.of(points, LagBins([0, 20_100]), terms))
    exact = terms_of_all_pairs(values, "cosine")
    assert term[0, 1] == 0 == exact[0]
    np.testing.assert_allclose(term[0, 2], exact[1], rtol=1e-9)
    assert 0 < term[0, 2] < 1e-14


def test_scalars_constants_and_float32_embeddings_have_their_dissimilarities():
    lonlat = uniform_lonlat(60, seed=2)
    random = np.random.default_rng(3)
    for values in (random.normal(5, 2, 60), np.full(60, 4.5), random.normal(size=(60, 70)).astype(np.float32)):
        points, terms = prepared(lonlat, values, "half_squared", "chord")
        _, _, term, seen = all_pairs(Tiles.of(points, LagBins([0, 20_000]), terms))
        expected = terms_of_all_pairs(values, "half_squared")
        np.testing.assert_allclose(term[np.triu_indices(60, 1)], expected, rtol=1e-12, atol=1e-30)
        assert (seen[np.triu_indices(60, 1)] == 1).all()


def test_embeddings_in_a_file_give_the_same_tiles(tmp_path, scattered):
    lonlat, values = scattered
    np.save(tmp_path / "values.npy", values)
    bins = LagBins([0, 2000])
    in_memory = Tiles.of(*with_bins(prepared(lonlat, values, "cosine", "geodesic"), bins), rows=128)
    mapped = Tiles.of(
        *with_bins(prepared(lonlat, open_embeddings(tmp_path / "values.npy"), "cosine", "geodesic"), bins), rows=128
    )
    for a, b in zip(in_memory.map(lambda tile: tile), mapped.map(lambda tile: tile), strict=True):
        assert (a.term == b.term).all()
        assert (a.position == b.position).all()


def test_results_come_in_the_same_order_whatever_the_number_of_threads(monkeypatch):
    lonlat = uniform_lonlat(200, seed=5)
    tiles = Tiles.of(prepare_points(lonlat, "geodesic"), LagBins([0, 3000]), rows=16)
    orders = []
    for threads in (1, 2, 5):
        monkeypatch.setattr("variogeo._engine.tiles._tiles.usable_cores", lambda threads=threads: threads)
        orders.append([tile.starts for tile in tiles.map(lambda tile: tile)])
    assert orders[0] == orders[1] == orders[2] == sorted(orders[0])


def test_an_error_in_a_tile_reaches_the_caller():
    tiles = Tiles.of(prepare_points(uniform_lonlat(100, seed=5), "geodesic"), LagBins([0, 3000]), rows=16)
    with pytest.raises(ZeroDivisionError):
        list(tiles.map(lambda _: 1 / 0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 20_100), min_size=2, max_size=12, unique=True),
    st.sampled_from(METRICS),
    st.floats(0, 20_037),
    st.floats(-1, 1),
)
def test_a_zone_never_gives_a_bin_that_the_error_of_the_lag_leaves_open(edges, metric, lag, share):
    bins = LagBins(sorted(edges))
    zones = LagZones.of(bins, metric)
    assert (np.diff(zones.breaks) > 0).all()
    measured = max(0.0, lag + share * float(lag_error(min(lag, 19_500.0), metric)))
    position = zones.position[np.searchsorted(zones.breaks, measured)]
    assert position in (OPEN, bin_positions(np.array([lag]), bins)[0])


def test_refusals_say_what_to_do():
    lonlat = uniform_lonlat(3, seed=0)
    with pytest.raises(TypeError, match="Must be LagBins"):
        Tiles.of(prepare_points(lonlat, "geodesic"), [0, 1])
    with pytest.raises(ValueError, match="one place"):
        prepared(np.zeros((3, 2)), np.ones((3, 2)), "cosine", "geodesic")
    with pytest.raises(ValueError, match="at least two points"):
        prepared(lonlat[:1], np.ones((1, 2)), "cosine", "geodesic")
    with pytest.raises(ValueError, match="One row per photo"):
        prepared(lonlat, np.ones((2, 2)), "cosine", "geodesic")


def test_terms_of_a_block_are_those_of_the_engine():
    values = np.random.default_rng(1).normal(size=(50, 8))
    terms = Terms.of(values, "cosine")
    rows = np.arange(50)
    factors = Factors.of(terms, rows)
    term = tile_terms(terms, factors, factors, np.ones((50, 50), bool))
    i, j = np.triu_indices(50, 1)
    np.testing.assert_allclose(term[i, j], terms.of_pairs(i, j), rtol=1e-10)
