"""The land mask, the coastline, and what they tell about swapped columns."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from variogeo._land import LandShares, coastline, land_shares, on_land
from variogeo.datasets import geoclip_photos

REPO = Path(__file__).parents[1]
STORED = REPO / "variogeo" / "data"
MAKE = runpy.run_path(str(REPO / "docs" / "scripts" / "make_land.py"))


@pytest.fixture(scope="module")
def countries():
    """200 random points in each country."""
    random = np.random.default_rng(0)
    return [MAKE["points_in"](country, 200, random) for country in MAKE["countries"]()]


def test_the_files_are_small_and_what_the_script_makes(tmp_path):
    MAKE["write_files"](tmp_path)
    for name, largest in (("land_mask.npz", 10_000), ("coastline.npz", 25_000)):
        assert (STORED / name).stat().st_size <= largest
        with np.load(STORED / name) as stored, np.load(tmp_path / name) as made:
            assert stored.files == made.files
            for array in stored.files:
                np.testing.assert_array_equal(stored[array], made[array])


def test_known_places_are_on_land_or_at_sea():
    land = [[2.35, 48.85], [36.8, -1.3], [151.2, -33.9], [-0.1, 51.5], [0, -90], [55.5, -4.7], [-25.5, 37.8]]
    sea = [[-30, 0], [-140, 30], [75, -30], [0, 0], [0, 90], [180, 0]]
    assert on_land(np.array(land)).all()
    assert not on_land(np.array(sea, dtype=float)).any()


def test_longitudes_a_turn_further_are_the_same_place():
    lonlat = geoclip_photos().lonlat
    np.testing.assert_array_equal(on_land(lonlat), on_land(lonlat + np.array([360, 0])))
    np.testing.assert_array_equal(on_land(lonlat), on_land(lonlat - np.array([360, 0])))
    assert on_land(np.array([[-180.0, 66.0], [180.0, 66.0]])).tolist() == [True, True]


def test_what_is_not_finite_is_not_on_land():
    assert on_land(np.array([[np.nan, 50], [8, np.inf], [8, 50]])).tolist() == [False, False, True]
    assert on_land(np.empty((0, 2))).shape == (0,)


def test_points_in_countries_are_on_land(countries):
    assert on_land(np.concatenate(countries)).all()


def test_the_coastline_is_read_only_and_nowhere_crosses_the_map():
    lines = coastline()
    assert lines is coastline()
    for line in lines:
        assert line.dtype == np.float64
        assert line.shape[1] == 2
        assert len(line) > 1
        assert not line.flags.writeable
        assert (np.abs(line) <= [180, 90]).all()
        assert np.abs(np.diff(line, axis=0)).max() < 20
        along_the_cut = (np.abs(line[:, 0]) > 179.98) & (np.abs(np.roll(line[:, 0], -1)) > 179.98)
        assert not along_the_cut[:-1].any()


def test_the_coastline_lies_at_the_edge_of_land():
    points = np.concatenate(coastline())
    points = points[np.abs(points[:, 1]) < 89]
    assert on_land(points).mean() > 0.95
    around = [on_land(points + step) for step in ([1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0])]
    assert not np.array(around).all(axis=0).mean() > 0.5


def test_swapped_columns_are_told_in_71_of_144_countries_without_a_false_alarm(countries):
    # The numbers that variogeo.check states.
    assert MAKE["swap_counts"](countries) == (144, 71, 0)


def test_swapped_columns_of_photos_are_told_without_a_false_alarm():
    within, told, false = MAKE["swap_counts"](MAKE["photo_neighbourhoods"](20)[:500])
    assert false == 0
    assert told > 0.4 * within


def test_few_points_and_longitudes_beyond_90_say_nothing_about_swaps():
    lonlat = np.column_stack((np.linspace(6, 12, 10), np.linspace(47, 53, 10)))
    assert land_shares(lonlat[:9]) is None
    shares = land_shares(lonlat)
    assert shares is not None
    assert shares[:2] == (10, 1.0)
    far = np.append(lonlat, [[91.0, 50.0]], axis=0)
    assert land_shares(far) is None
    # Nine points that are finite.
    lonlat[4] = np.nan
    assert land_shares(lonlat) is None


@pytest.mark.parametrize(
    ("rows", "given", "swapped", "suspicious"),
    [
        (10, 7, 10, True),
        (10, 8, 10, False),  # two points at sea may be ships
        (100, 90, 100, True),
        (100, 91, 100, False),  # a tenth more on land
        (100, 10, 95, True),
        (100, 10, 94, False),  # both ways at sea
    ],
)
def test_a_suspicion_needs_land_a_tenth_more_of_it_and_three_points(rows, given, swapped, suspicious):
    assert LandShares(rows, given / rows, swapped / rows).suspicious is suspicious
