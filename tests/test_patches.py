"""Patches: compact, reproducible, one for each place."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo._distances import EARTH_RADIUS
from variogeo.inference import cell_patches, kmeans_patches
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
    lonlat = uniform_lonlat(50, seed=1)
    import scipy.cluster.vq as vq

    whole = vq.kmeans
    monkeypatch.setattr(vq, "kmeans", lambda unit, centres: (whole(unit, centres)[0][1:], 0.0))
    assert_numbered(kmeans_patches(lonlat, 6), 50)


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


def test_small_cells_are_laid_over_the_latitudes_of_the_points_only():
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
        (lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 3), ValueError, r"Invalid count 3 for 2 distinct places"),
        (lambda: kmeans_patches(np.zeros((0, 2)), 2), ValueError, r"Invalid count 2 for 0 distinct places"),
        (lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 1), ValueError, r"Invalid count '1.0'. Must be at least 2"),
        (lambda: kmeans_patches([[0.0, 0.0], [1.0, 0.0]], 2.5), ValueError, r"Invalid count '2.5'. Must be a whole"),
        (lambda: kmeans_patches([[0.0, np.nan], [1.0, 0.0]], 2), ValueError, r"NaN .* in 1 rows: 0"),
        (lambda: cell_patches([[0.0, 0.0], [np.inf, 0.0]], 2.0), ValueError, r"infinite coordinates in 1 rows: 1"),
        (lambda: cell_patches([[0.0, 0.0]], 0.0), ValueError, r"Invalid spacing '0.0'. Must be greater than 0 \(km\)"),
        (lambda: cell_patches([[0.0, -60.0], [0.0, 60.0]], 1.0), ValueError, r"cells lie over the latitudes .* larger"),
    ],
)
def test_what_gives_no_patches_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
