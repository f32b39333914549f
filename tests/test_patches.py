"""Patches: compact, reproducible, one for each place."""

from decimal import Decimal

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import KDTree

from variogeo._distances import EARTH_RADIUS
from variogeo.inference import _patches, cell_patches, kmeans_patches
from variogeo.inference._fibonacci import nearest_of_lattice
from variogeo.synthetic import uniform_lonlat


def assert_numbered(patch, count):
    assert patch.dtype == np.int64
    assert patch.shape == (count,)
    assert np.unique(patch).tolist() == list(range(patch.max() + 1))


def test_kmeans_patches_are_compact_and_of_like_size():
    lonlat = uniform_lonlat(3000, seed=1)
    patch = kmeans_patches(lonlat, 30, seed=2)
    assert_numbered(patch, 3000)
    size = np.bincount(patch)
    # 100 points on average; k-means on even points makes cells of like area.
    assert len(size) == 30
    assert size.min() > 50
    assert size.max() < 200
    # A cap of a thirtieth of the sphere has a radius of 21 degrees: hardly a point is farther from its patch's middle.
    unit = unit_vectors(lonlat)
    middle = np.array([unit[patch == k].mean(axis=0) for k in range(30)])
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip((unit * middle[patch]).sum(axis=1), -1, 1)))
    assert np.quantile(angle, 0.99) < 1.6 * 21
    # Each point belongs to the nearest middle, up to the last step of k-means.
    assert ((unit @ middle.T).argmax(axis=1) == patch).mean() > 0.98


def unit_vectors(lonlat):
    longitude, latitude = np.radians(lonlat).T
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def test_a_seed_gives_the_same_patches_and_another_seed_others():
    lonlat = uniform_lonlat(500, seed=3)
    assert (kmeans_patches(lonlat, 20, seed=4) == kmeans_patches(lonlat, 20, seed=4)).all()
    assert (kmeans_patches(lonlat, 20, seed=4) != kmeans_patches(lonlat, 20, seed=5)).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12))
def test_points_of_one_place_are_in_one_patch(seed, count):
    lonlat = uniform_lonlat(40, seed=seed)
    shifted = lonlat + [360.0, 0.0] * (lonlat[:, :1] < 0)
    for patch in (kmeans_patches(np.vstack([lonlat, lonlat]), count, seed=seed % 7), both_cells(lonlat, shifted)):
        assert_numbered(patch, 80)
        assert (patch[:40] == patch[40:]).all()


def both_cells(lonlat, shifted):
    return cell_patches(np.vstack([lonlat, shifted]), 3000.0)


def test_a_patch_may_cross_the_antimeridian_and_hold_a_pole():
    lonlat = [[179.9, 0.0], [-179.9, 0.0], [0.0, 89.9], [180.0, 89.9], [90.0, 0.0]]
    patch = kmeans_patches(lonlat, 3)
    assert patch[0] == patch[1]
    assert patch[2] == patch[3]
    assert len(set(patch)) == 3


def test_a_centre_that_loses_its_points_leaves_no_gap(monkeypatch):
    first_centres = _patches._first_centres
    # A third centre outside the sphere, to which no point is near.
    monkeypatch.setattr(_patches, "_first_centres", lambda *args: np.insert(first_centres(*args), 1, 9.0, axis=0))
    patch = kmeans_patches(uniform_lonlat(50, seed=1), 6)
    assert_numbered(patch, 50)
    assert patch.max() == 5


def test_a_small_copy_of_an_area_is_cut_in_the_same_way():
    """Two areas of 11 km and of 110 m, in which the sphere is flat to 1e-6: k-means knows no unit of length."""
    away = np.random.default_rng(6).uniform(-0.05, 0.05, (600, 2))
    large, small = (kmeans_patches([8.0, 0.0] + away * scale, 20, seed=3) for scale in (1.0, 0.01))
    assert (large == small).all()


@pytest.mark.parametrize("size", [60.0, 1.0, 0.01])
def test_patches_are_as_compact_as_k_means_can_make_them_in_areas_of_any_size(size):
    """Further steps from these patches, to the end, lower the sum of squares by 2 % at most."""
    lonlat = np.random.default_rng(7).uniform(-size / 2, size / 2, (3000, 2))
    unit = unit_vectors(lonlat)
    patch = kmeans_patches(lonlat, 50)
    found = squares_within(unit, patch)
    while True:
        middle = np.array([unit[patch == k].mean(axis=0) for k in range(50)])
        nearest = np.square(unit[:, None] - middle).sum(axis=2).argmin(axis=1)
        if (nearest == patch).all():
            break
        patch = nearest
    assert 1 <= found / squares_within(unit, patch) < 1.02


def squares_within(unit, patch):
    return sum(np.square(unit[patch == k] - unit[patch == k].mean(axis=0)).sum() for k in range(patch.max() + 1))


def test_the_input_of_patches_is_not_changed():
    lonlat = uniform_lonlat(50, seed=1)
    before = lonlat.copy()
    kmeans_patches(lonlat, 5)
    cell_patches(lonlat, 500.0)
    assert (lonlat == before).all()


@pytest.mark.parametrize("spacing", [400.0, 1000.0, 2500.0])
def test_cells_have_equal_areas(spacing):
    """Of 200 000 even points each cell holds a share of spacing^2 over the area of the sphere."""
    patch = cell_patches(uniform_lonlat(200_000, seed=1), spacing)
    cells = 4 * np.pi * EARTH_RADIUS**2 / spacing**2
    assert patch.max() + 1 == round(cells)
    size = np.bincount(patch)
    # The cells around the poles differ by some 15 %, the others by less than the noise of the count.
    tolerance = 0.2 + 5 / np.sqrt(200_000 / cells)
    assert abs(size * cells / 200_000 - 1).max() < tolerance


def test_a_cell_is_that_of_the_nearest_point_of_the_lattice():
    """The lattice written out, and the nearest of all its points by the great circle."""
    lonlat = uniform_lonlat(300, seed=5)
    count = round(4 * np.pi * EARTH_RADIUS**2 / 2000.0**2)
    number = np.arange(count)
    latitude = np.degrees(np.arcsin(1 - (2 * number + 1) / count))
    longitude = (360 * number * (np.sqrt(5) - 1) / 2) % 360 - 180 + 180
    nearest = [
        min(range(count), key=lambda k: reference.lag("great_circle", point, (longitude[k], latitude[k])))
        for point in lonlat[:60]
    ]
    patch = cell_patches(lonlat, 2000.0)[:60]
    for i in range(60):
        for j in range(60):
            assert (patch[i] == patch[j]) == (nearest[i] == nearest[j])


def turns(number):
    """Return ``number * (sqrt(5) - 1) / 2`` less whole turns, exactly enough: by thousands, with 25 digits."""
    turn = (Decimal(5).sqrt() - 1) / 2
    parts = [float(turn * 1000**k % 1) * (number // 1000**k % 1000) for k in range(5)]
    return np.sum(np.mod(parts, 1.0), axis=0) % 1.0


def lattice(number, count):
    height, angle = 1 - (2 * number + 1) / count, 2 * np.pi * turns(number)
    across = np.sqrt((2 * number + 1) / count * (1 + height))
    return np.column_stack([across * np.cos(angle), across * np.sin(angle), height])


@pytest.mark.parametrize("count", [1, 2, 3, 50, 2047, 2048, 2049, 2500, 4096, 9999, 123_457, 600_000])
def test_the_nearest_point_of_the_lattice_is_that_of_a_tree_of_all(count):
    random = np.random.default_rng(count)
    unit = [unit_vectors(uniform_lonlat(4000, seed=count))]
    # Around the poles, closer and closer, and along the antimeridian.
    unit += [unit_vectors(np.column_stack([random.uniform(-180, 180, 500), 90 - 10.0 ** random.uniform(-3, 1.5, 500)]))]
    unit += [unit[1] * [1, 1, -1], unit_vectors([[0, 90], [0, -90], [180, 0], [-180, 0], [0, 0], [180, 45]])]
    unit += [unit_vectors(np.column_stack([180 - random.normal(0, 1e-3, 300), random.uniform(-90, 90, 300)]))]
    unit = np.concatenate(unit)
    nearest = KDTree(lattice(np.arange(count), count)).query(unit)[1]
    assert (nearest_of_lattice(unit, count) == nearest).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 180), st.floats(-89.9, 89.9), st.sampled_from([0.01, 0.05, 0.3]))
def test_cells_of_a_street_are_those_of_the_nearest_points_of_the_lattice(longitude, latitude, spacing):
    """Of up to 5e12 points the neighbours of a found one are a few steps of Fibonacci numbers away: none is nearer."""
    count = round(4 * np.pi * EARTH_RADIUS**2 / spacing**2)
    away = np.random.default_rng(1).uniform(-2, 2, (20, 2)) * spacing / 111.2
    unit = unit_vectors([longitude, latitude] + away / [np.cos(np.radians(latitude)), 1])
    found = nearest_of_lattice(unit, count)
    # No point of the lattice is far: a cell has an area of spacing^2.
    distance = np.linalg.norm(lattice(found, count) - unit, axis=1) * EARTH_RADIUS / spacing
    assert distance.max() < 0.9
    steps = [1, 2]
    while steps[-1] < 4 * np.sqrt(count):
        steps.append(steps[-1] + steps[-2])
    aside = np.unique(np.add.outer(np.r_[0, steps], np.multiply.outer([-1, 1], np.r_[0, steps])))
    others = found[:, None] + np.r_[-aside[::-1], aside]
    others = np.where((others >= 0) & (others < count), others, found[:, None])
    square = [
        np.square(lattice(near, count) - place).sum(axis=1).min() for near, place in zip(others, unit, strict=True)
    ]
    np.testing.assert_allclose(np.sqrt(square) * EARTH_RADIUS / spacing, distance, rtol=0, atol=1e-6)


@pytest.mark.parametrize("latitude", [0.0, 47.4, -75.0])
def test_cells_of_a_village_are_those_of_all_points_of_the_lattice_in_its_latitudes(latitude):
    """A belt of 2 km around the Earth, of 6e9 points 300 m apart: up to a million."""
    count = round(4 * np.pi * EARTH_RADIUS**2 / 0.3**2)
    away = np.random.default_rng(3).uniform(-0.004, 0.004, (50, 2))
    unit = unit_vectors(np.array([20.0, latitude]) + away)
    low, high = (int(count * (1 - np.sin(np.radians(latitude + side * 0.009))) / 2) for side in (1, -1))
    belt = np.arange(low, high)
    nearest = belt[KDTree(lattice(belt, count)).query(unit)[1]]
    assert (nearest_of_lattice(unit, count) == nearest).all()


def test_cells_of_50_m_in_one_city_and_at_the_ends_of_the_earth_cost_nothing():
    random = np.random.default_rng(2)
    city = np.array([8.5, 47.4]) + random.uniform(-0.002, 0.002, (3000, 2))
    far = [[180.0, -16.0], [-180.0, -16.0], [0.0, 90.0], [33.0, 90.0], [12.0, -90.0]]
    patch = cell_patches(np.vstack([city, far]), 0.05)
    assert patch[3000] == patch[3001]
    assert patch[3002] == patch[3003]
    # 301 by 445 m: 54 cells, and parts of cells at the rim; three elsewhere.
    assert 54 <= len(set(patch[:3000])) < 54 + 2 * (6 + 9) + 10
    assert patch.max() + 1 == len(set(patch[:3000])) + 3
    inside = [reference.lag("great_circle", city[i], city[j]) for i in range(400) for j in range(i)
              if patch[i] == patch[j]]  # fmt: skip
    assert max(inside) < 0.1


def test_small_cells_in_a_city_have_their_width():
    """Cells of 1 km over a city, of which the whole sphere has 510 million; neighbours at 100 m share one."""
    random = np.random.default_rng(1)
    lonlat = np.array([8.5, 47.4]) + random.uniform(-0.05, 0.05, (2000, 2))
    patch = cell_patches(lonlat, 1.0)
    # 11 by 7.5 km: some 83 cells, and parts of cells at the rim.
    assert 83 <= patch.max() + 1 < 83 + 2 * (11 + 7.5) + 10
    inside = [reference.lag("great_circle", lonlat[i], lonlat[j]) for i in range(200) for j in range(i)
              if patch[i] == patch[j]]  # fmt: skip
    assert max(inside) < 2.0


def test_points_with_one_cell_are_in_one_patch():
    assert cell_patches([[8.0, 50.0], [-120.0, -40.0]], 50_000.0).tolist() == [0, 0]
    assert cell_patches(np.zeros((0, 2)), 100.0).tolist() == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 2, seed=-1),
            ValueError,
            r"Invalid seed '-1'. Must be a whole",
        ),
        (lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 2, seed=0.5), ValueError, r"Invalid seed '0.5'. Must be a w"),
        (
            lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 2, seed=None),
            TypeError,
            r"Invalid seed None. Must be a num",
        ),
        (lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 3), ValueError, r"Invalid count 3 for 2 distinct places"),
        (lambda: kmeans_patches(np.zeros((0, 2)), 2), ValueError, r"Invalid count 2 for 0 distinct places"),
        (
            lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 1),
            ValueError,
            r"Invalid count '1'. Must be a whole .* at least 2",
        ),
        (lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 2.5), ValueError, r"Invalid count '2.5'. Must be a whole"),
        (lambda: kmeans_patches([[0.0, np.nan], [1.0, 0.0]], 2), ValueError, r"NaN .* in 1 rows: 0"),
        (lambda: cell_patches([[0.0, 0.0], [np.inf, 0.0]], 2.0), ValueError, r"infinite coordinates in 1 rows: 1"),
        (lambda: cell_patches([[0.0, 0.0]], 0.0), ValueError, r"Invalid spacing '0.0'. Must be greater than 0 \(km\)"),
        (
            lambda: cell_patches([[0.0, 0.0]], 0.009),
            ValueError,
            r"Invalid spacing '0.009'. Must be at least 0.01 \(km\)",
        ),
    ],
)
def test_what_gives_no_patches_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
