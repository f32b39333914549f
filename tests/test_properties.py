"""Invariants of the empirical variogram, over random points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from variogeo import LagBins, empirical_variogram

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
