from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import lags_of_all_pairs

from variogeo import LagBins
from variogeo._engine.tiles import Tiles
from variogeo.sampling_bias import largest_shares
from variogeo.synthetic import uniform_lonlat


def by_hand(lonlat, edges, labels, metric):
    """Return the largest share of pairs that involve one label, by a loop over labels."""
    lags = lags_of_all_pairs(lonlat, metric)
    first, second = np.triu_indices(len(lonlat), 1)
    shares = []
    for low, high in pairwise(edges):
        inside = (lags > low) & (lags <= high)
        counts = [np.sum(inside & ((labels[first] == k) | (labels[second] == k))) for k in np.unique(labels)]
        shares.append(max(counts) / inside.sum() if inside.any() else np.nan)
    return np.array(shares)


@pytest.mark.parametrize("metric", ["geodesic", "great_circle", "chord"])
def test_shares_of_places_are_those_of_a_loop(scattered, metric):
    lonlat = np.concatenate([scattered[0][:150], np.repeat(scattered[0][300:303], 20, axis=0)])
    edges = np.array([0, 1e-3, 20, 200, 3000, 20_100])
    places = np.array([tuple(place) for place in lonlat])
    places[places[:, 0] == 180, 0] = -180
    places[np.abs(places[:, 1]) == 90, 0] = 0
    labels = np.unique(places, axis=0, return_inverse=True)[1].ravel()
    expected = by_hand(lonlat, edges, labels, metric)
    found = largest_shares(lonlat, LagBins(edges), metric=metric)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.isnan(found[0])


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(1, 6), st.integers(0, 1000))
def test_shares_of_labels_are_those_of_a_loop(count, labels, seed):
    random = np.random.default_rng(seed)
    lonlat = uniform_lonlat(count, seed=seed)[random.integers(0, count, count)]
    lonlat[0] = lonlat[-1] + [0.5, 0]
    if abs(lonlat[0, 0]) > 180:
        return
    location = random.integers(0, labels, count)
    bins = LagBins([0, 2000, 8000, 20_100])
    found = largest_shares(lonlat, bins, locations=location.astype(str))
    np.testing.assert_allclose(found, by_hand(lonlat, bins.edges, location, "geodesic"), rtol=1e-12)
    some = found[~np.isnan(found)]
    assert ((some > 0) & (some <= 1)).all()


def test_locations_of_equal_weight_share_evenly():
    # Among m places in one bin each takes part in (m - 1) of m (m - 1) / 2 pairs: 2 / m.
    assert largest_shares(uniform_lonlat(50, seed=1), LagBins([0, 20_100])).tolist() == [2 / 50]


def test_pairs_within_a_location_count_once():
    # Three photos 11 km apart with one label: all pairs involve it.
    lonlat = [[0, 0], [0, 0.1], [0, 0.2]]
    assert largest_shares(lonlat, LagBins([0, 100]), locations=["a", "a", "a"]).tolist() == [1]
    assert largest_shares(lonlat, LagBins([0, 100]), locations=["a", "a", "b"]).tolist() == [1]
    assert largest_shares(lonlat, LagBins([0, 100])).tolist() == [2 / 3]


def test_many_blocks_give_the_same_shares_as_one(monkeypatch):
    lonlat = np.concatenate([uniform_lonlat(300, seed=2), np.tile([[3.0, 4.0]], (30, 1))])
    whole = largest_shares(lonlat, LagBins.logarithmic(50, 9000, 8))
    tiles_of = Tiles.of
    monkeypatch.setattr(Tiles, "of", lambda *args: tiles_of(*args, rows=32))
    assert largest_shares(lonlat, LagBins.logarithmic(50, 9000, 8)).tolist() == whole.tolist()


def test_refusals_say_what_to_do():
    lonlat = uniform_lonlat(5, seed=0)
    with pytest.raises(ValueError, match="locations has 4 rows"):
        largest_shares(lonlat, LagBins([0, 1]), locations=[1, 2, 3, 4])
    with pytest.raises(ValueError, match="locations is missing in 1 rows: 2"):
        largest_shares(lonlat, LagBins([0, 1]), locations=["a", "b", None, "c", "d"])
    with pytest.raises(TypeError, match="Must be LagBins"):
        largest_shares(lonlat, [0, 1])
    with pytest.raises(ValueError, match="Invalid metric"):
        largest_shares(lonlat, LagBins([0, 1]), metric="plane")
    with pytest.raises(ValueError, match="one place"):
        largest_shares(np.zeros((4, 2)), LagBins([0, 1]))
