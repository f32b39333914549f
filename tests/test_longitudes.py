"""Where longitudes begin and end, and where a map of them is cut open."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from variogeo._longitudes import covering_arc, turned, western_edge


@pytest.mark.parametrize(
    ("longitude", "arc", "edge"),
    [
        ([8.0], (8.0, 8.0), -180.0),
        ([-100.0, 10.0, 50.0], (-100.0, 50.0), -180.0),
        ([178.5, -178.0, 179.0], (178.5, -178.0), 0.25),  # their middle is -179.75
        ([100.0, 170.0, -120.0], (100.0, -120.0), -10.0),  # 140 degrees wide, about 170
        ([-180.0, 180.0], (180.0, -180.0), 0.0),
        ([-170.0, -60.0, 40.0, 175.0], (-170.0, 175.0), -180.0),
        ([0.0, 120.0, -180.0], (-180.0, 120.0), -180.0),  # half of the way round is all round
    ],
)
def test_an_arc_begins_after_the_widest_gap(longitude, arc, edge):
    array = np.array(longitude)
    assert covering_arc(array) == arc
    assert western_edge(array) == edge


@given(st.lists(st.floats(-180, 180), min_size=1, max_size=12))
def test_turned_longitudes_are_the_same_places_within_one_map(longitude):
    array = np.array(longitude)
    west, east = covering_arc(array)
    edge = western_edge(array)
    drawn = turned(array, edge)
    np.testing.assert_allclose(np.mod(drawn, 360.0), np.mod(array, 360.0), atol=1e-12)
    assert ((drawn >= edge) & (drawn <= edge + 360.0)).all()
    # No wider than the arc, and no arc that crosses goes half round.
    width = east - west + (360.0 if west > east else 0.0)
    assert np.ptp(drawn) == pytest.approx(width, abs=1e-9)
    assert west <= east or width < 180.0
