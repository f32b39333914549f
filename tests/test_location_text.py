"""Positions as text, against geohashes of others, pyproj and a double loop."""

import math
import re

import geopandas as gpd
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import box

from variogeo import location_text
from variogeo._nearest_place import COMPASS

PLACES = (["Munich", "Vienna", "Suva", "Pole"], [[11.5755, 48.1374], [16.3725, 48.2083], [178.44, -18.14], [7.0, 90.0]])

# Of geohash.org and the package python-geohash.
KNOWN = {
    (-5.6, 42.6): "ezs42e44yx96",
    (10.40744, 57.64911): "u4pruydqqvj8",
    (-0.1275, 51.5072): "gcpvj0e5jjcp",
    (151.2153, -33.8568): "r3gx2ux9ggh1",
    (11.575, -48.137): "hr2npkutthcd",
    (0.0, 0.0): "s00000000000",
    (-180.0, -89.99999999): "000000000000",
}


def test_templates_say_where():
    munich = [[11.6213, 48.1642]]
    assert location_text(munich) == ["a photo taken at latitude 48.1642, longitude 11.6213"]
    assert location_text([[-11.6213, -48.1642]], "hemispheres") == [
        "a photo taken at 48.16 degrees south, 11.62 degrees west"
    ]
    assert location_text([[-5.6, 42.6]], "cells") == ["a photo taken in cell e ez ezs ezs4 ezs42 ezs42e ezs42e4"]
    assert location_text(munich, "place", places=PLACES) == ["a photo taken 4.5 km north-east of Munich"]
    assert location_text([[11.5755, 48.1371]], "place", places=PLACES) == ["a photo taken at Munich"]


def test_fields_of_a_template_of_ones_own():
    template = "{{x}} {latitude:+.1f} {longitude:07.2f} {ns:.1}{ew:.1} {cell:.3}|{place}|{distance:.0f}|{direction}"
    lonlat = [[11.9, 48.3], [-11.9, -48.3]]
    first, second = location_text(lonlat, template, places=PLACES)
    assert first == "{x} +48.3 0011.90 ne u28|Munich|30|north-east"
    assert second.startswith("{x} -48.3 -011.90 sw 5")


def test_negative_zero_and_the_spellings_of_one_place_are_one_text():
    spellings = [[180.0, 10.0], [-180.0, 10.0]], [[0.0, 90.0], [123.0, 90.0]], [[-0.0, -0.0], [0.0, 0.0]]
    for places in spellings:
        for template in ("degrees", "hemispheres", "cells", "{ns} {ew} {cell}"):
            assert len(set(location_text(places, template))) == 1
    assert location_text([[-1e-6, -1e-6]]) == ["a photo taken at latitude 0.0000, longitude 0.0000"]
    assert location_text([[350.0, 1.0]], "{longitude:.0f}") == ["-10"]


@pytest.mark.parametrize(("point", "cell"), list(KNOWN.items()))
def test_cells_are_geohashes(point, cell):
    assert location_text([point], "{cell}") == [cell]
    assert location_text([point], "{cell:.5}") == [cell[:5]]


def test_the_north_eastern_corner_belongs_to_the_last_cell():
    assert location_text([[179.999999999, 90.0 - 1e-9]], "{cell}") == ["z" * 12]
    assert location_text([[0.0, 90.0]], "{cell:.1}") == ["u"]


def _geohash_by_halving(longitude, latitude, length):
    """Return the geohash as it is defined: halve in turn, longitude first."""
    low, high, value, cell = [-180.0, -90.0], [180.0, 90.0], (longitude, latitude), ""
    for start in range(0, 5 * length, 5):
        number = 0
        for bit in range(start, start + 5):
            axis = bit % 2
            middle = (low[axis] + high[axis]) / 2
            upper = value[axis] >= middle
            low[axis], high[axis] = (middle, high[axis]) if upper else (low[axis], middle)
            number = 2 * number + upper
        cell += "0123456789bcdefghjkmnpqrstuvwxyz"[number]
    return cell


@settings(deadline=None)
@given(st.floats(-180, 179.999), st.floats(-89.999, 89.999))
def test_cells_halve_longitude_and_latitude_in_turn(longitude, latitude):
    # A number closer to an edge than the rounding of 180 degrees is on it.
    longitude, latitude = round(longitude, 9), round(latitude, 9)
    assert location_text([[longitude, latitude]], "{cell}") == [_geohash_by_halving(longitude, latitude, 12)]


def test_a_digit_is_as_many_metres_as_stated():
    """Half a unit of the last digit moves the text; the geodesic says how far that is."""
    for digits, metres in ((1, 11_000), (2, 1_100), (3, 111), (4, 11), (5, 1.1)):
        unit = 10.0**-digits
        assert Geod(ellps="sphere").inv(0, 0, 0, unit)[2] == pytest.approx(metres, rel=0.02)
        template = f"{{latitude:.{digits}f}}"
        first, second = location_text([[0.0, 0.4 * unit], [0.0, 0.6 * unit]], template)
        assert first != second


def test_the_nearest_place_is_that_of_a_double_loop_across_the_antimeridian_and_the_poles():
    random = np.random.default_rng(3)
    names = [f"p{k}" for k in range(60)]
    positions = np.column_stack([random.uniform(-180, 180, 60), np.degrees(np.arcsin(random.uniform(-1, 1, 60)))])
    positions[:4] = [[179.9, 10.0], [-179.8, 10.3], [20.0, 89.8], [-150.0, -89.9]]
    points = np.column_stack([random.uniform(-180, 180, 200), np.degrees(np.arcsin(random.uniform(-1, 1, 200)))])
    points[:6] = [[-179.9, 10.1], [180.0, 10.1], [-160.0, 89.9], [0.0, 90.0], [30.0, -89.99], [77.0, -90.0]]
    texts = location_text(points, "{place} {distance:.2f} {direction}", places=(names, positions))
    geod = Geod(a=6_371_008.8, b=6_371_008.8)
    for point, text in zip(points, texts, strict=True):
        lag = [reference.lag("great_circle", point, place) for place in positions]
        nearest = int(np.argmin(lag))
        azimuth = geod.inv(*positions[nearest], *point)[0] % 360
        assert abs(azimuth % 45 - 22.5) > 0.01  # no point of the sample lies between two directions
        assert text == f"p{nearest} {lag[nearest]:.2f} {COMPASS[round(azimuth / 45) % 8]}"


@pytest.mark.parametrize(("step", "direction"), list(enumerate(COMPASS)))
def test_directions_are_seen_from_the_place(step, direction):
    longitude, latitude, _ = Geod(ellps="sphere").fwd(8.0, 50.0, 45.0 * step, 20_000)
    text = location_text([[longitude, latitude]], "{direction}", places=(["here"], [[8.0, 50.0]]))
    assert text == [direction]


def test_from_a_pole_there_is_one_direction_only():
    points = [[longitude, 89.0] for longitude in (-170.0, -90.0, 0.0, 45.0, 90.0)]
    assert set(location_text(points, "{direction}", places=(["Pole"], [[33.0, 90.0]]))) == {"south"}
    south = [[longitude, -89.0] for longitude, _ in points]
    assert set(location_text(south, "{near}", places=(["Base"], [[-20.0, -90.0]]))) == {"111.2 km north of Base"}


def test_of_places_at_one_position_the_first_counts():
    places = (["b", "a", "c"], [[180.0, 1.0], [-180.0, 1.0], [0.0, 0.0]])
    assert location_text([[179.0, 1.0]], "{place}", places=places) == ["b"]


def test_places_may_be_a_geodataframe_of_points_in_any_crs_or_of_polygons():
    names, positions = PLACES
    points = gpd.points_from_xy(*np.transpose(positions[:3]), crs="EPSG:4326")
    frame = gpd.GeoDataFrame({"name": names[:3]}, geometry=points)
    lonlat = [[12.0, 48.0], [-179.0, -18.0]]
    expected = location_text(lonlat, "{place} {distance:.1f}", places=(names[:3], positions[:3]))
    assert [text.split()[0] for text in expected] == ["Munich", "Suva"]
    assert location_text(lonlat, "{place} {distance:.1f}", places=frame) == expected
    assert location_text(lonlat, "{place} {distance:.1f}", places=frame.to_crs("EPSG:3857")) == expected
    cities = gpd.GeoDataFrame({"name": ["square"]}, geometry=[box(11.0, 47.0, 12.0, 48.0)], crs="EPSG:4326")
    assert location_text([[11.5, 47.5]], "place", places=cities) == ["a photo taken at square"]


def test_no_points_are_no_texts():
    for template in ("degrees", "cells", "place"):
        places = PLACES if template == "place" else None
        assert location_text(np.empty((0, 2)), template, places=places) == []


def test_names_with_braces_are_only_names():
    places = (["{latitude.__class__}"], [[0.0, 0.0]])
    assert location_text([[0.0, 0.0]], "{place}", places=places) == ["{latitude.__class__}"]


def test_inputs_are_not_written_to():
    lonlat, positions = np.array([[180.0, 90.0]]), np.array([[180.0, 90.0]])
    location_text(lonlat, "place", places=(["a"], positions))
    assert lonlat.tolist() == positions.tolist() == [[180.0, 90.0]]


@pytest.mark.parametrize(
    "template",
    [
        "{latitude.__class__.__mro__:.2f}",
        "{latitude[0]:.2f}",
        "{latitude!r:.2f}",
        "{latitude!r}",
        "{cell!s}",
        "{}",
        "{0}",
        "{lat:.2f}",
        "{__import__}",
        "{latitude:{longitude}}",
        "{latitude:.999999999f}",
        "{latitude:999999999.2f}",
        "{latitude}",
        "{latitude:.2}",
        "{latitude:d}",
        "{cell:999999}",
        "{cell:5}",
        "{cell:.5s}",
        "{latitude:.2f",
        "latitude:.2f}{ns}",
        "{ns} }",
    ],
)
def test_whatever_is_no_plain_field_is_refused(template):
    with pytest.raises(ValueError, match=r"^Invalid (field|format|template)"):
        location_text([[0.0, 0.0]], template)


FRAME = gpd.GeoDataFrame({"NAME": ["a"]}, geometry=gpd.points_from_xy([0.0], [0.0]), crs="EPSG:4326")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: location_text([[0, 0], [math.nan, 0]]), ValueError, "NaN or infinite coordinates in 1 rows: 1"),
        (lambda: location_text([[48.0, 111.0]]), ValueError, "are the columns swapped"),
        (lambda: location_text([0.0, 0.0]), ValueError, r"shape \(2,\)"),
        (lambda: location_text([[0, 0]], "degres"), ValueError, "'degres'. Must be one of 'degrees', 'hemispheres'"),
        (lambda: location_text([[0, 0]], 3), TypeError, "template of type int"),
        (lambda: location_text([[0, 0]], "place"), ValueError, r"'place' needs places: .*\(names, lonlat\)"),
        (lambda: location_text([[0, 0]], "cells", places=PLACES), ValueError, "does not read places"),
        (lambda: location_text([[0, 0]], "place", places="cities.csv"), TypeError, "places of type str"),
        (lambda: location_text([[0, 0]], "place", places=(["a"],)), TypeError, "places of type tuple"),
        (lambda: location_text([[0, 0]], "place", places=([], np.empty((0, 2)))), ValueError, "places is empty"),
        (lambda: location_text([[0, 0]], "place", places=(["a", "b"], [[0, 0]])), ValueError, "One row per place"),
        (
            lambda: location_text([[0, 0]], "place", places=(["a", None, " "], [[0, 0]] * 3)),
            ValueError,
            "no name in 2 rows: 1, 2",
        ),
        (lambda: location_text([[0, 0]], "place", places=(["a"], [[0, 91]])), ValueError, "the lonlat of places has"),
        (
            lambda: location_text([[0, 0]], "place", places=FRAME),
            ValueError,
            "no column 'name', but 'NAME', 'geometry'",
        ),
    ],
)
def test_what_cannot_be_put_into_words_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_table_of_the_documentation_is_what_comes_out():
    rows = re.findall(r"^ +``(degrees|hemispheres|cells|place)`` +(a photo .*)$", location_text.__doc__, re.MULTILINE)
    assert len(rows) == 4
    for template, text in rows:
        places = PLACES if template == "place" else None
        assert location_text([[11.6213, 48.1642]], template, places=places) == [text]
