"""Noise of coordinates: sizes on the ellipsoid, poles, antimeridian, units, and what is refused."""

import math

import numpy as np
import pytest
import torch
from pyproj import Geod
from scipy.stats import kstest

from variogeo.nn import coordinate_noise

GEOD = Geod(ellps="WGS84")
ROWS = 20_000


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _noisy(latlon, metres, **options):
    places = torch.tensor([latlon], dtype=torch.float64).expand(ROWS, 2)
    return coordinate_noise(places, metres, order="latlon", units="deg", generator=_generator(), **options)


def _distance(a, b):
    """Geodesics (m) and azimuths (radians) from a place to places, latitude first."""
    start = np.broadcast_to(a, b.shape)
    azimuth, _, metres = GEOD.inv(start[:, 1], start[:, 0], b[:, 1], b[:, 0])
    return np.asarray(metres), np.radians(azimuth)


@pytest.mark.parametrize("metres", [1.0, 150.0, 1000.0, 100_000.0])
@pytest.mark.parametrize(
    "latlon", [(0.0, 0.0), (60.0, 10.0), (-33.9, 179.9999), (89.9999, 20.0), (90.0, 0.0), (-90.0, 77.0)]
)
def test_the_distance_moved_is_that_of_two_gaussians_of_the_stated_size(latlon, metres):
    """Rayleigh's law. The sphere differs from the ellipsoid by 0.56 %, which moves its distribution by 0.4 %."""
    moved, _ = _distance(latlon, _noisy(latlon, metres).numpy())
    # 1.95 / sqrt(n): exceeded by one sample of a thousand.
    assert kstest(moved / metres, "rayleigh").statistic < 1.95 / math.sqrt(ROWS) + 0.0045


@pytest.mark.parametrize("latlon", [(0.0, 0.0), (60.0, 10.0), (-80.0, 180.0)])
def test_the_noise_has_no_direction(latlon):
    """Azimuths are uniform, and the size is the same to the east and to the north."""
    moved, azimuth = _distance(latlon, _noisy(latlon, 1000.0).numpy())
    assert kstest(azimuth, "uniform", args=(-math.pi, 2 * math.pi)).statistic < 1.95 / math.sqrt(ROWS) + 0.002
    for part in (moved * np.sin(azimuth), moved * np.cos(azimuth)):
        assert part.std() == pytest.approx(1000.0, rel=0.02)
        assert part.mean() == pytest.approx(0.0, abs=4 * 1000 / math.sqrt(ROWS))


def test_longitudes_cross_the_antimeridian_and_stay_in_their_range():
    noisy = _noisy((10.0, 179.999), 1000.0)
    assert noisy[:, 1].abs().max() <= 180
    assert (noisy[:, 1] < 0).any()
    assert (noisy[:, 1] > 0).any()


def test_order_and_units_are_only_spellings():
    latlon = torch.tensor([[50.0, 8.0], [-30.0, 150.0], [89.0, -70.0]], dtype=torch.float64)

    def noisy(coords, order, units):
        return coordinate_noise(coords, 500.0, order=order, units=units, generator=_generator())

    expected = noisy(latlon, "latlon", "deg")
    torch.testing.assert_close(noisy(latlon.flip(1), "lonlat", "deg").flip(1), expected)
    torch.testing.assert_close(torch.rad2deg(noisy(torch.deg2rad(latlon), "latlon", "rad")), expected)
    for dtype in (torch.int32, torch.int64):
        e7 = noisy((latlon * 1e7).to(dtype), "latlon", "e7")
        assert e7.dtype == dtype
        torch.testing.assert_close(e7.double() / 1e7, expected, atol=1e-7, rtol=0)
    single = noisy(latlon.float(), "latlon", "deg")
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, atol=2e-5, rtol=0)
    latitude, longitude = torch.deg2rad(expected).T
    xyz = torch.stack([latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()], dim=1)
    latitude, longitude = torch.deg2rad(latlon).T
    start = torch.stack([latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()], dim=1)
    moved = coordinate_noise(start, 500.0, units="xyz", generator=_generator())
    torch.testing.assert_close(moved, xyz)
    assert (moved.norm(dim=1) - 1).abs().max() < 1e-15


def test_a_pole_written_as_a_unit_vector_has_neighbours_on_all_sides():
    poles = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64).expand(ROWS, 3)
    moved = coordinate_noise(poles, 1000.0, units="xyz", generator=_generator()).numpy()
    turn = np.arctan2(moved[:, 1], moved[:, 0])
    assert kstest(turn, "uniform", args=(-math.pi, 2 * math.pi)).statistic < 1.95 / math.sqrt(ROWS)


def test_no_noise_returns_the_coordinates_and_noise_leaves_them_alone():
    places = torch.tensor([[50.0, 8.0]])
    assert coordinate_noise(places, 0, order="latlon", units="deg") is places
    coordinate_noise(places, 10.0, order="latlon", units="deg")
    assert torch.equal(places, torch.tensor([[50.0, 8.0]]))


def test_the_same_generator_gives_the_same_noise_and_the_global_one_serves_without():
    places = torch.tensor([[50.0, 8.0]])
    first, again = (
        coordinate_noise(places, 10.0, order="latlon", units="deg", generator=_generator(3)) for _ in range(2)
    )
    assert torch.equal(first, again)
    torch.manual_seed(3)
    assert torch.equal(coordinate_noise(places, 10.0, order="latlon", units="deg"), first)


@pytest.mark.parametrize(
    ("coords", "metres", "options", "error", "words"),
    [
        ([[50.0, 8.0]], -1.0, {}, ValueError, "metres '-1.0'"),
        ([[50.0, 8.0]], math.inf, {}, ValueError, "metres 'inf'"),
        ([[50.0, 8.0]], "150", {}, TypeError, "metres '150'"),
        ([50.0, 8.0], 1.0, {}, ValueError, r"shape \(2,\)"),
        ([[50.0, 8.0], [math.nan, 8.0]], 1.0, {}, ValueError, "NaN or infinite.*1 rows, 1"),
        ([[150.0, 8.0]], 0.0, {}, ValueError, "latitudes beyond 90.*swapped"),
        ([[50.0, 8.0]], 1.0, {"order": None}, TypeError, "order is not given"),
        ([[50.0, 8.0]], 1.0, {"units": None}, TypeError, "units is not given"),
    ],
)
def test_what_is_no_place_or_no_size_is_refused(coords, metres, options, error, words):
    with pytest.raises(error, match=words):
        coordinate_noise(torch.tensor(coords), metres, **{"order": "latlon", "units": "deg"} | options)


def test_half_precision_is_refused():
    with pytest.raises(TypeError, match="half precision moves a place by kilometres"):
        coordinate_noise(torch.ones(2, 2).half(), 150.0, order="latlon", units="deg")
