"""Labels by polygon and by latitude."""

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box

from variogeo.regions import labels_in_polygons, latitude_bands
from variogeo.synthetic import uniform_lonlat


def _polygons(shapes, names, crs="EPSG:4326", column="name"):
    return gpd.GeoDataFrame({column: names}, geometry=shapes, crs=crs)


def test_points_get_the_label_of_their_polygon_as_a_loop_over_all_gives_it():
    lonlat = uniform_lonlat(500, seed=1)
    shapes = [
        box(-170, -60, -40, 70),
        box(-20, -35, 50, 35),
        MultiPolygon([box(60, 0, 150, 60), box(110, -40, 155, -10)]),
    ]
    frame = _polygons(shapes, ["america", "africa", "asia"])
    expected = [
        next((name for name, shape in zip(frame["name"], shapes, strict=True) if shape.contains(Point(*place))), "")
        for place in lonlat
    ]
    found = labels_in_polygons(lonlat, frame, "name")
    assert found.tolist() == expected
    assert set(found) == {"america", "africa", "asia", ""}
    # 0..360 is another way to write the same longitudes.
    turned = np.where(lonlat[:, :1] < 0, lonlat + np.array([360, 0]), lonlat)
    np.testing.assert_array_equal(labels_in_polygons(turned, frame, "name"), found)


def test_other_coordinate_systems_are_converted():
    lonlat = np.array([[9.0, 50.0], [12.0, 50.0], [-60.0, 10.0]])
    frame = _polygons([box(8, 49, 10, 51), box(11, 49, 13, 51)], ["west", "east"]).to_crs("EPSG:25832")
    assert labels_in_polygons(lonlat, frame, "name").tolist() == ["west", "east", ""]


def test_a_point_on_a_shared_border_gets_the_first_polygon_whatever_the_order_of_the_points():
    frame = _polygons([box(5, 0, 10, 10), box(0, 0, 5, 10)], ["east", "west"])
    lonlat = np.array([[5.0, 5.0], [4.0, 5.0], [5.0, 0.0], [6.0, 5.0], [0.0, 0.0]])
    expected = np.array(["east", "west", "east", "east", "west"])
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]):
        np.testing.assert_array_equal(labels_in_polygons(lonlat[order], frame, "name"), expected[order])
    assert labels_in_polygons(lonlat[:1], frame[::-1], "name").tolist() == ["west"]


def test_a_point_within_one_polygon_and_on_the_border_of_another_is_in_the_one_it_is_within():
    frame = _polygons([box(0, 0, 5, 10), box(4, 0, 10, 10)], ["west", "east"])
    assert labels_in_polygons([[5.0, 5.0]], frame, "name").tolist() == ["east"]


def test_overlapping_polygons_of_two_labels_are_refused_and_those_of_one_are_not():
    frame = _polygons([box(0, 0, 6, 10), box(4, 0, 10, 10), box(1, 0, 3, 10)], ["west", "east", "west"])
    lonlat = [[2, 5], [5, 5], [8, 5], [5, 6]]
    with pytest.raises(ValueError, match=r"lonlat has 2 rows within polygons of more than one name: 1, 3\. Make"):
        labels_in_polygons(lonlat, frame, "name")
    assert labels_in_polygons(lonlat[:1], frame, "name").tolist() == ["west"]


def test_both_spellings_of_the_antimeridian_and_polygons_beyond_it_hold_their_points():
    fiji = _polygons([box(176, -20, 184, -15)], ["fiji"])
    halves = _polygons([MultiPolygon([box(176, -20, 180, -15), box(-180, -20, -176, -15)])], ["fiji"])
    russia = _polygons([box(-190, 60, -170, 70)], ["russia"])
    lonlat = [[179, -17], [-179, -17], [180, -17], [-180, -17], [181, -17], [175, -17]]
    for frame in (fiji, halves):
        assert labels_in_polygons(lonlat, frame, "name").tolist() == ["fiji"] * 5 + [""]
    assert labels_in_polygons([[175, 65], [-175, 65], [0, 65]], russia, "name").tolist() == ["russia", "russia", ""]


def test_numbers_are_labels_too_and_the_geometry_column_may_have_any_name():
    frame = _polygons([box(0, 0, 1, 1), box(1, 0, 2, 1)], [7, 12], column="code").rename_geometry("shape")
    found = labels_in_polygons([[0.5, 0.5], [1.5, 0.5], [3, 3]], frame, "code")
    assert found.tolist() == ["7", "12", ""]


def test_no_points_have_no_labels():
    assert labels_in_polygons(np.zeros((0, 2)), _polygons([box(0, 0, 1, 1)], ["a"]), "name").shape == (0,)


FLOOR_PLAN = 'LOCAL_CS["floor plan",UNIT["metre",1]]'
BOW_TIE = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (_polygons([box(0, 0, 1, 1)], ["a"], crs=None), ValueError, "polygons has no CRS"),
        (
            _polygons([box(0, 0, 1, 1)], ["a"], column="code"),
            ValueError,
            "Invalid column 'name'. Must be one of 'code'",
        ),
        (_polygons([], []), ValueError, "polygons has 0 rows"),
        (_polygons([box(0, 0, 1, 1), Point(0, 0)], ["a", "b"]), ValueError, "polygons is no polygon in 1 rows: 1"),
        (_polygons([None, box(0, 0, 1, 1)], ["a", "b"]), ValueError, "polygons is no polygon in 1 rows: 0"),
        (_polygons([Polygon()], ["a"]), ValueError, "polygons is empty or crosses itself in 1 rows: 0"),
        (_polygons([box(0, 0, 1, 1), BOW_TIE], ["a", "b"]), ValueError, "crosses itself in 1 rows: 1. Mend it"),
        (_polygons([box(0, 0, 1, 1)] * 3, ["a", None, ""]), ValueError, "polygons has no name in 2 rows: 1, 2"),
        (
            _polygons([box(4e6, 3e6, 4e6 + 1, 3e6 + 1), box(0, 0, 1, 1e9)], ["a", "b"], crs="EPSG:3035"),
            ValueError,
            "has corners that are no degrees in 1 rows: 1. Is the CRS right",
        ),
        (_polygons([box(0, 0, 1, 5e6)], ["a"]), ValueError, "has corners that are no degrees in 1 rows: 0"),
        (
            _polygons([box(-1e6, -1e6, 1e6, 1e6)], ["pole"], crs="EPSG:3995"),
            ValueError,
            "across the antimeridian or a pole",
        ),
        (
            _polygons([box(-9e6, 1e6, -8e6, 2e6), box(3.3e6, 0, 3.4e6, 1e5)], ["a", "b"], crs="EPSG:3832"),
            ValueError,
            "across the antimeridian or a pole in 1 rows: 1. Split it",
        ),
        (
            _polygons([box(0, 0, 1, 1)], ["a"], crs=FLOOR_PLAN),
            ValueError,
            "polygons do not convert to EPSG:4326 from CRS 'floor plan'",
        ),
        (gpd.GeoSeries([box(0, 0, 1, 1)], crs="EPSG:4326"), TypeError, "Invalid polygons of type GeoSeries"),
    ],
)
def test_polygons_that_label_nothing_are_refused(frame, error, message):
    with pytest.raises(error, match=message):
        labels_in_polygons([[0.5, 0.5]], frame, "name")


def test_latitude_bands_hold_their_upper_edge_and_the_first_both():
    lonlat = [[0, -90], [0, -60], [0, -59.9], [0, 0], [0, 30], [0, 60], [0, 60.1]]
    expected = ["-90..-60", "-90..-60", "-60..0", "-60..0", "0..60", "0..60", ""]
    assert latitude_bands(lonlat, [-90, -60, 0, 60]).tolist() == expected
    assert latitude_bands(np.zeros((0, 2)), [0, 1]).tolist() == []


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-90, 90), min_size=2, max_size=6, unique=True),
    st.lists(st.floats(-90, 90), min_size=1, max_size=20),
)
def test_a_latitude_lies_between_the_numbers_of_its_band(edges, latitudes):
    edges = sorted(edges)
    for latitude, band in zip(latitudes, latitude_bands([[0, one] for one in latitudes], edges), strict=True):
        if not band:
            assert latitude < edges[0] or latitude > edges[-1]
            continue
        low, high = map(float, band.split(".."))
        assert low < latitude <= high or latitude == low == edges[0]
        assert {low, high} <= set(edges)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([10], r"Invalid edges of shape \(1,\)"),
        (np.zeros((2, 2)), r"Invalid edges of shape \(2, 2\)"),
        ([0, 0], "Must increase strictly"),
        ([30, 0], "Must increase strictly"),
        ([-91, 0], "from -90 to 90 degrees"),
        ([0, np.nan], "Must increase strictly"),
    ],
)
def test_edges_that_make_no_bands_are_refused(edges, message):
    with pytest.raises(ValueError, match=message):
        latitude_bands([[0, 0]], edges)


def test_an_edge_that_could_run_either_way_round_is_refused():
    def polygon(corners):
        return gpd.GeoDataFrame({"n": ["a"]}, geometry=[Polygon(corners)], crs="EPSG:4326")

    fiji, other_spelling = ([(170, -1), (end, -1), (end, 1), (170, 1)] for end in (-178, -180))
    for corners in (fiji, other_spelling, [(-170, -9), (170, -9), (170, 9), (-170, 9)]):
        with pytest.raises(ValueError, match="has an edge of more than 180 degrees in 1 rows: 0"):
            labels_in_polygons([[0.0, 0.0]], polygon(corners), "n")
    # A whole turn goes one way only, and corners between say which one is meant.
    for start in (-180, 0):
        whole = polygon([(start, -9), (start + 360, -9), (start + 360, 9), (start, 9)])
        assert labels_in_polygons([[10.0, 0.0]], whole, "n").tolist() == ["a"]
    belt = polygon([(-170, -9), (0, -9), (170, -9), (170, 9), (0, 9), (-170, 9)])
    assert labels_in_polygons([[0.0, 0.0], [175.0, 0.0]], belt, "n").tolist() == ["a", ""]
