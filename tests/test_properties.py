"""Invariants of the empirical variogram, over random points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from variogeo import LagBins, empirical_variogram, variogram_from_pairs

BINS = LagBins([0, 1, 50, 700, 4000, 20_004])
METRICS = ["geodesic", "great_circle", "chord"]

# Coordinates on a grid of 1/1024 degree are exact in binary, so that adding 360 loses nothing.
_LONGITUDE = st.integers(-180 * 1024, 180 * 1024).map(lambda n: n / 1024)
_LATITUDE = st.integers(-90 * 1024, 90 * 1024).map(lambda n: n / 1024)


@st.composite
def points(draw):
    """2 to 12 places, some twice, with vectors of 3 entries."""
    places = draw(st.lists(st.tuples(_LONGITUDE, _LATITUDE), min_size=2, max_size=12))
    places[0], places[1] = (0.0, 0.0), (1.0, 1.0)
    vectors = draw(hnp.arrays(float, (len(places), 3), elements=st.floats(0.5, 2)))
    return np.array(places), vectors


def _assert_same(one, other):
    assert one.npairs.tolist() == other.npairs.tolist()
    assert one.colocated.npairs == other.colocated.npairs
    np.testing.assert_allclose(one.semivariance, other.semivariance, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.lag, other.lag, rtol=1e-7)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25, deadline=None)
@given(points=points(), seed=st.integers(0, 99))
def test_the_order_of_the_points_does_not_matter(metric, points, seed):
    lonlat, vectors = points
    order = np.random.default_rng(seed).permutation(len(lonlat))
    _assert_same(
        empirical_variogram(lonlat, vectors, BINS, metric=metric),
        empirical_variogram(lonlat[order], vectors[order], BINS, metric=metric),
    )


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25, deadline=None)
@given(points=points(), rows=st.integers(0, 2**12))
def test_longitudes_from_0_to_360_are_the_same_places(metric, points, rows):
    lonlat, vectors = points
    chosen = (lonlat[:, 0] < 0) & ((rows >> np.arange(len(lonlat))) & 1).astype(bool)
    turned = lonlat + np.column_stack([360.0 * chosen, np.zeros(len(lonlat))])
    one = empirical_variogram(lonlat, vectors, BINS, metric=metric)
    other = empirical_variogram(turned, vectors, BINS, metric=metric)
    assert one == other


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25, deadline=None)
@given(points=points(), turn=st.integers(-179, 179))
def test_turning_the_globe_changes_nothing(metric, points, turn):
    """Across the antimeridian and around the poles included; edges off the grid's own lags."""
    lonlat, vectors = points
    bins = LagBins([0.123, 45.678, 789.01, 4321.09, 20_100])
    turned = lonlat.copy()
    turned[:, 0] = (turned[:, 0] + turn + 180) % 360 - 180
    _assert_same(
        empirical_variogram(lonlat, vectors, bins, metric=metric),
        empirical_variogram(turned, vectors, bins, metric=metric),
    )


@settings(max_examples=25, deadline=None)
@given(
    pairs=hnp.arrays(float, st.tuples(st.integers(2, 40), st.just(2)), elements=st.floats(0.0009765625, 4)),
    cut=st.integers(1, 39),
)
def test_merged_parts_equal_the_whole(pairs, cut):
    bins = LagBins([0, 1, 4])
    cut = min(cut, len(pairs) - 1)
    whole = variogram_from_pairs(pairs[:, 0], pairs[:, 1], bins)
    parts = variogram_from_pairs(*pairs[:cut].T, bins) + variogram_from_pairs(*pairs[cut:].T, bins)
    _assert_same(whole, parts)
    assert parts.sill_apriori == pytest.approx(whole.sill_apriori)


@settings(max_examples=25, deadline=None)
@given(points=points(), scale=st.floats(0.001, 1000))
def test_the_cosine_does_not_see_the_length_and_the_square_does_not_see_the_origin(points, scale):
    lonlat, vectors = points
    lengths = np.linspace(1, scale, len(vectors))[:, None]
    _assert_same(empirical_variogram(lonlat, vectors, BINS), empirical_variogram(lonlat, vectors * lengths, BINS))
    squared = empirical_variogram(lonlat, vectors, BINS, dissimilarity="half_squared")
    moved = empirical_variogram(lonlat, vectors + scale, BINS, dissimilarity="half_squared")
    np.testing.assert_allclose(squared.semivariance, moved.semivariance, rtol=1e-9, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(points=points())
def test_every_pair_is_counted_once(points):
    lonlat, vectors = points
    empirical = empirical_variogram(lonlat, vectors, LagBins([0, 10_000, 20_004]))
    n = len(lonlat)
    assert empirical.npairs.sum() + empirical.colocated.npairs == n * (n - 1) // 2
    assert (empirical.sums.npairs >= 0).all()
