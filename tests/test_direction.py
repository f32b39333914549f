"""Variograms by azimuth: sectors, their sums against a loop over pairs, and the ellipse of ranges."""

import dataclasses

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from variogeo import Exponential, LagBins, Spherical, empirical_variogram
from variogeo.direction import (
    Anisotropy,
    AzimuthSector,
    directional_variogram,
    fit_anisotropy,
    fit_sectors,
)
from variogeo.direction._anisotropy import _half_turn
from variogeo.direction._sectors import cell_limits, cells_within

BINS = LagBins([0.0, 100.0, 1000.0, 5000.0, 12_000.0])


def azimuths(lonlat):
    """Azimuth of all pairs at the middle of the geodesic, by pyproj alone."""
    geod = Geod(ellps="WGS84")
    first, second = np.triu_indices(len(lonlat), 1)
    (lon1, lat1), (lon2, lat2) = lonlat[first].T, lonlat[second].T
    forward, _, metres = geod.inv(lon1, lat1, lon2, lat2)
    lon, lat, _ = geod.fwd(lon1, lat1, forward, metres / 2)
    return geod.inv(lon, lat, lon2, lat2)[0] % 180


@settings(max_examples=100, deadline=None)
@given(
    sectors=st.lists(
        st.builds(AzimuthSector, st.floats(0, 179.99), st.floats(0.5, 90)) | st.sampled_from(AzimuthSector.evenly(6)),
        min_size=1,
        max_size=6,
    ),
    azimuth=st.floats(0, 179.999),
)
def test_a_sector_is_the_sum_of_its_cells(sectors, azimuth):
    limits = cell_limits(sectors)
    cell = (np.searchsorted(limits, azimuth, side="right") - 1) % len(limits)
    near_a_limit = np.abs((azimuth - limits + 90) % 180 - 90).min() < 1e-6
    for sector in sectors:
        assert near_a_limit or (cell in cells_within(sector, limits)) == (azimuth in sector)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12])
def test_even_sectors_hold_every_azimuth_once(count):
    sectors = AzimuthSector.evenly(count)
    for azimuth in np.linspace(0, 180, 721)[:-1] + 0.01:
        assert sum(azimuth in sector for sector in sectors) == 1
    limits = cell_limits(sectors)
    assert len(limits) == count
    assert sorted(k for sector in sectors for k in cells_within(sector, limits)) == list(range(count))


def test_a_limit_a_hair_below_half_a_turn_is_the_one_at_north():
    limits = cell_limits([AzimuthSector(10.0, 10.0), AzimuthSector(np.nextafter(170.0, 0), 10.0)])
    assert len(limits) == 3


def test_each_sector_equals_a_loop_over_its_pairs(scattered):
    lonlat, values = scattered
    sectors = (*AzimuthSector.evenly(4), AzimuthSector(100.0, 15.0), AzimuthSector(0.0, 90.0))
    found = directional_variogram(lonlat, values, BINS, sectors, dissimilarity="half_squared")
    lag, term = reference.lags_of_all_pairs(lonlat, "geodesic"), reference.terms_of_all_pairs(values, "half_squared")
    azimuth = azimuths(np.array([reference.place(point) for point in lonlat]))
    for sector, variogram in found:
        inside = np.array([angle in sector for angle in azimuth]) & (lag > 0)
        counts, mean_lag, mean = reference.counts_and_means(lag[inside], term[inside], BINS.edges)
        assert variogram.npairs.tolist() == counts[1:].tolist()
        np.testing.assert_allclose(variogram.lag, mean_lag[1:], rtol=1e-7)
        np.testing.assert_allclose(variogram.semivariance, mean[1:], rtol=1e-11)
    whole = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared")
    np.testing.assert_array_equal(found.omnidirectional.npairs, whole.npairs)
    np.testing.assert_array_equal(found[5].npairs, whole.npairs)
    np.testing.assert_array_equal(sum(found[k].npairs for k in range(4)), whole.npairs)


@pytest.mark.parametrize("metric", ["great_circle", "chord"])
def test_on_a_sphere_the_sectors_are_those_of_great_circles(scattered, metric):
    lonlat, values = scattered
    found = directional_variogram(
        lonlat, values, BINS, AzimuthSector.evenly(4), dissimilarity="half_squared", metric=metric
    )
    # The azimuth of the great circle at its middle, from its pole and the middle's meridian.
    unit = np.column_stack([f(np.radians(lonlat[:, 0])) * np.cos(np.radians(lonlat[:, 1])) for f in (np.cos, np.sin)])
    unit = np.column_stack([unit, np.sin(np.radians(lonlat[:, 1]))])
    first, second = np.triu_indices(len(lonlat), 1)
    pole, middle = np.cross(unit[first], unit[second]), unit[first] + unit[second]
    east = np.column_stack([-middle[:, 1], middle[:, 0], np.zeros(len(middle))])
    north = np.cross(middle, east)
    along = np.cross(pole, middle)
    azimuth = np.degrees(np.arctan2((along * east).sum(1) / np.linalg.norm(east, axis=1),
                                    (along * north).sum(1) / np.linalg.norm(north, axis=1))) % 180  # fmt: skip
    lag = reference.lags_of_all_pairs(lonlat, metric)
    for sector, variogram in found:
        inside = np.array([angle in sector for angle in azimuth]) & (lag > 0)
        counts, _, _ = reference.counts_and_means(lag[inside], lag[inside], BINS.edges)
        assert variogram.npairs.tolist() == counts[1:].tolist()


def test_pairs_of_one_group_are_left_out_of_every_sector(scattered):
    lonlat, values = scattered
    group = np.arange(700) // 10
    found = directional_variogram(lonlat, values, BINS, AzimuthSector.evenly(2), exclude=group)
    plain = empirical_variogram(lonlat, values, BINS, exclude=group)
    np.testing.assert_array_equal(found[0].npairs + found[1].npairs, plain.npairs)


def test_a_directional_variogram_prints_and_gives_a_table(scattered):
    lonlat, values = scattered
    found = directional_variogram(lonlat, values, BINS, AzimuthSector.evenly(2))
    frame = found.to_frame()
    assert frame.columns.tolist() == ["azimuth", "tolerance", "low", "high", "npairs", "lag", "semivariance"]
    assert frame.azimuth.tolist() == [0.0] * 4 + [90.0] * 4
    text = str(found)
    assert "2 sectors" in text
    assert "90.0 +- 45" in text
    assert len(text.splitlines()) == 6
    assert len(found) == 2


def stretched(count, seed):
    """Points around the equator and a scalar field whose range is 900 km along 60 degrees, 300 km across."""
    random = np.random.default_rng(seed)
    lonlat = random.uniform(-8, 8, (count, 2))
    plane = lonlat * 111.2
    angle = np.radians(60.0)
    along = plane @ [np.sin(angle), np.cos(angle)]
    across = plane @ [np.cos(angle), -np.sin(angle)]
    places = np.column_stack([along, 3 * across])
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    factor = np.linalg.cholesky(np.exp(-np.log(20.0) * distance / 900.0) + 1e-9 * np.eye(count))
    return lonlat, factor @ random.standard_normal((count, 40))


def test_an_ellipse_of_ranges_is_found_again():
    lonlat, field = stretched(900, seed=4)
    bins = LagBins.linear(0, 800, 16)
    directional = directional_variogram(lonlat, field, bins, AzimuthSector.evenly(8), dissimilarity="half_squared")
    found = fit_anisotropy(directional, Exponential)
    assert found.converged
    assert found.azimuth == pytest.approx(60, abs=4)
    assert found.ratio == pytest.approx(1 / 3, abs=0.05)
    assert found.model.effective_range == pytest.approx(900, rel=0.15)
    assert found.rmse < found.rmse_isotropic / 3
    assert "Longest range along" in found.message
    fits = fit_sectors(directional, Exponential)
    reach = [fit.model.effective_range for fit in fits]
    assert int(np.argmax(reach)) in (2, 3)
    assert int(np.argmin(reach)) in (6, 7)


def test_a_field_without_direction_has_a_ratio_near_one():
    from variogeo.synthetic import gaussian_field, uniform_lonlat

    lonlat = uniform_lonlat(900, seed=6)
    field = gaussian_field(lonlat, Spherical(nugget=0.1, partial_sill=0.3, effective_range=4000.0), seed=6)
    directional = directional_variogram(lonlat, field, LagBins.linear(0, 8000, 12), AzimuthSector.evenly(4))
    found = fit_anisotropy(directional, Spherical, weights="equal")
    assert found.ratio > 0.85
    assert found.rmse <= found.rmse_isotropic * (1 + 1e-6)


def test_the_curve_of_an_anisotropy_is_that_of_its_ellipse():
    curve = Exponential(nugget=0.1, partial_sill=0.4, effective_range=600.0)
    found = Anisotropy(curve, 30.0, 0.5, 0.0, 0.0, True, "")
    assert found.effective_range(30.0) == pytest.approx(600)
    assert found.effective_range([120.0, 210.0]).tolist() == pytest.approx([300, 600])
    assert found(300.0, 120.0) == pytest.approx(0.1 + 0.4 * 0.95)
    assert found(0.0, 120.0) == 0


def test_what_is_wrong_with_an_ellipse_is_said():
    random = np.random.default_rng(1)
    lonlat, noise = random.uniform(-5, 5, (300, 2)), random.normal(size=300)
    bins, sectors = LagBins.linear(0, 600, 6), AzimuthSector.evenly(3)
    options = {"dissimilarity": "half_squared"}
    constant = fit_anisotropy(directional_variogram(lonlat, np.ones(300), bins, sectors, **options), Exponential)
    assert not constant.converged
    assert "The fit of all directions: no variation." in constant.message
    # All on one meridian: a single sector holds pairs.
    line = np.column_stack([np.zeros(300), lonlat[:, 1]])
    directional = directional_variogram(line, np.sin(lonlat[:, 1]) + noise, bins, sectors, **options)
    found = fit_anisotropy(directional, Exponential)
    assert not found.converged
    assert "Only 1 azimuths have pairs" in found.message
    fits = fit_sectors(directional, Exponential)
    assert [fit.outcome == "too few bins" for fit in fits] == [False, True, True]
    assert np.isnan(fits[1].rmse)
    assert fits[1].message.startswith("No bin holds a pair")


def test_a_direction_that_hardly_helps_is_called_so():
    lonlat, field = stretched(300, seed=2)
    random = np.random.default_rng(3)
    bins = LagBins.linear(0, 800, 10)
    options = {"sectors": AzimuthSector.evenly(4), "dissimilarity": "half_squared"}
    noise = fit_anisotropy(directional_variogram(lonlat, random.normal(size=field.shape), bins, **options), Exponential)
    assert "Direction hardly improves the fit" in noise.message
    found = fit_anisotropy(directional_variogram(lonlat, field, bins, **options), Exponential)
    assert "hardly" not in found.message


def test_an_angle_a_hair_below_north_is_north():
    assert [_half_turn(angle) for angle in (-1e-15, 0.0, 180.0, 190.0, -10.0)] == [0.0, 0.0, 0.0, 10.0, 170.0]


def test_three_sectors_along_two_azimuths_are_no_three_directions():
    sectors = [AzimuthSector(0.0, 45.0), AzimuthSector(0.0, 30.0), AzimuthSector(90.0, 45.0)]
    lonlat = np.random.default_rng(0).uniform(-5, 5, (30, 2))
    directional = directional_variogram(
        lonlat, lonlat[:, 0], LagBins.linear(0, 600, 6), sectors, dissimilarity="half_squared"
    )
    with pytest.raises(ValueError, match="directional has 2 azimuths"):
        fit_anisotropy(directional, Exponential)


@pytest.mark.parametrize("metric", ["geodesic", "great_circle"])
def test_pairs_along_a_parallel_and_a_meridian_are_on_one_side_of_a_limit(metric):
    lonlat = np.array([[float(k), 45.0] for k in range(40)])
    along = directional_variogram(
        lonlat, lonlat[:, 0], BINS, AzimuthSector.evenly(3), dissimilarity="half_squared", metric=metric
    )
    # The second and the third sector meet at 90 degrees: [30, 90) and [90, 150).
    assert along[2].npairs.sum() == along.omnidirectional.npairs.sum()
    halves = directional_variogram(
        lonlat, lonlat[:, 0], BINS, [AzimuthSector(45.0, 45.0), AzimuthSector(135.0, 45.0)],
        dissimilarity="half_squared", metric=metric,
    )  # fmt: skip
    assert [variogram.npairs.sum() for _, variogram in halves] == [0, along.omnidirectional.npairs.sum()]
    upward = np.array([[33.3, float(k)] for k in range(40)])
    north = directional_variogram(
        upward, upward[:, 1], BINS, [AzimuthSector(45.0, 45.0), AzimuthSector(135.0, 45.0)],
        dissimilarity="half_squared", metric=metric,
    )  # fmt: skip
    assert [variogram.npairs.sum() > 0 for _, variogram in north] == [True, False]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AzimuthSector(-1.0), "Invalid azimuth"),
        (lambda: AzimuthSector(190.0), r"pairs have no first point\. Use 10"),
        (lambda: AzimuthSector(0.0, 0.0), "Invalid tolerance"),
        (lambda: AzimuthSector(0.0, 91.0), "at most 90 degrees"),
        (lambda: AzimuthSector.evenly(1.5), "Invalid count '1.5'"),
        (lambda: AzimuthSector.evenly(0), "Invalid count"),
        (lambda: fit_anisotropy(_small(2), Exponential), "at least three"),
        (lambda: fit_anisotropy(_small(3), Exponential, weights="npairs_over_semivariance2"), "Invalid weights"),
        (lambda: fit_anisotropy(_small(3), Exponential, weights=np.ones(6)), "Invalid weights"),
        (lambda: Anisotropy(Exponential(0.1, 0.2, 3.0), 200.0, 0.5, 0.0, 0.0, True, ""), "below 180 degrees"),
        (lambda: Anisotropy(Exponential(0.1, 0.2, 3.0), 20.0, 1.5, 0.0, 0.0, True, ""), "at most 1"),
        (lambda: dataclasses.replace(_small(2), variograms=()), "Must be one for each"),
    ],
)
def test_what_is_no_direction_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("sectors", [[], None, [45.0], "N", AzimuthSector(0.0)])
def test_sectors_of_another_kind_are_refused_with_an_example(sectors):
    with pytest.raises(TypeError, match=r"Must be a list of AzimuthSector, e\.g\. AzimuthSector\.evenly\(4\)"):
        directional_variogram(np.zeros((3, 2)), np.zeros(3), BINS, sectors)


def test_an_ellipse_has_one_range_in_each_direction():
    with pytest.raises(TypeError, match="Must be one class"):
        fit_anisotropy(_small(3), (Exponential, Exponential))
    with pytest.raises(TypeError, match="Invalid model of type str"):
        Anisotropy("Exponential", 20.0, 0.5, 0.0, 0.0, True, "")


def test_a_plain_variogram_has_no_sectors_to_fit():
    with pytest.raises(TypeError, match="Must be made by directional_variogram"):
        fit_sectors(_small(1).omnidirectional, Exponential)


def _small(count):
    lonlat = np.random.default_rng(0).uniform(-5, 5, (30, 2))
    return directional_variogram(
        lonlat, lonlat[:, 0], LagBins.linear(0, 600, 6), AzimuthSector.evenly(count), dissimilarity="half_squared"
    )
