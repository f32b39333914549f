"""Lags: published geodesics, an outside library on many pairs, and the bound of the series."""

import csv
import math

import numpy as np
import pytest
from pyproj import Geod

from variogeo._distances import (
    EARTH_RADIUS,
    SERIES_LIMIT,
    exact_geodesic,
    lag_along,
    one_spelling,
    pairwise_lag,
    prepare_points,
    series_error,
)


def _rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_exact_geodesics_equal_the_published_ones(shared_data):
    rows = _rows(shared_data / "geodesics_wgs84_10.csv")
    a = np.array([(float(row["lon1"]), float(row["lat1"])) for row in rows])
    b = np.array([(float(row["lon2"]), float(row["lat2"])) for row in rows])
    expected = np.array([float(row["s12_m"]) for row in rows])
    np.testing.assert_allclose(exact_geodesic(a, b) * 1000, expected, rtol=0, atol=1e-7)


def test_exact_geodesics_equal_the_published_special_cases(shared_data):
    for row in _rows(shared_data / "geodesics_special_cases.csv"):
        if row["ellipsoid"] == "WGS84":
            a = np.array([[float(row["lon1"]), float(row["lat1"])]])
            b = np.array([[float(row["lon2"]), float(row["lat2"])]])
            metres = lag_along(a, b, "geodesic")[0] * 1000
            assert metres == pytest.approx(float(row["s12_m"]), abs=float(row["tol_m"])), row["source"]


def _hard_pairs(count, seed):
    """Uniform, near, meridional, polar and nearly antipodal pairs."""
    random = np.random.default_rng(seed)

    def uniform():
        return np.column_stack([random.uniform(-180, 180, count), np.degrees(np.arcsin(random.uniform(-1, 1, count)))])

    a, b = uniform(), uniform()
    step = 10.0 ** random.uniform(-7, 1, (count, 2)) * random.choice([-1, 1], (count, 2))
    near = np.column_stack([a[:, 0] + step[:, 0], np.clip(a[:, 1] + step[:, 1], -90, 90)])
    along = np.column_stack([a[:, 0], b[:, 1]])
    polar = np.column_stack([b[:, 0], 90 - 10.0 ** random.uniform(-6, 1, count)])
    opposite = np.column_stack([a[:, 0] + 180 + step[:, 0], np.clip(-a[:, 1] + step[:, 1], -90, 90)])
    return [(a, b), (a, near), (a, along), (polar, near), (a, opposite)]


@pytest.mark.parametrize("case", range(5))
def test_the_series_keeps_its_bound_up_to_its_limit(case):
    a, b = _hard_pairs(40_000, seed=case)[case]
    exact = np.abs(np.array(Geod(ellps="WGS84").inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2])) / 1000
    a, b = prepare_points(a, "geodesic"), prepare_points(b, "geodesic")
    series = np.array([pairwise_lag(a[k : k + 1], b[k : k + 1])[0, 0] for k in range(0, len(exact), 10)])
    error, exact = np.abs(series - exact[::10]), exact[::10]
    bounded = exact < SERIES_LIMIT
    assert (error[bounded] <= series_error(exact[bounded])).all()
    # The engine relies on this beyond the limit: never so wrong that a pair seems to lie elsewhere.
    assert (error[~bounded] < 500).all()


@pytest.mark.parametrize("metric", ["great_circle", "chord"])
def test_the_sphere_has_its_closed_forms(metric):
    a = np.array([[0.0, 0.0], [0.0, 0.0], [10.0, 0.0], [0.0, 90.0], [0.0, 0.0]])
    b = np.array([[90.0, 0.0], [180.0, 0.0], [10.0, 1e-5], [123.0, 90.0], [0.0, 60.0]])
    arcs = np.array([math.pi / 2, math.pi, math.radians(1e-5), 0.0, math.pi / 3])
    expected = EARTH_RADIUS * (arcs if metric == "great_circle" else 2 * np.sin(arcs / 2))
    np.testing.assert_allclose(lag_along(a, b, metric), expected, rtol=1e-9, atol=1e-12)
    between = pairwise_lag(prepare_points(a, metric), prepare_points(b, metric))
    np.testing.assert_allclose(np.diag(between), expected, rtol=1e-9, atol=1e-12)


def test_a_place_has_one_spelling_at_the_poles_and_on_the_antimeridian():
    lonlat = np.array([[180.0, 5.0], [-180.0, 5.0], [33.0, 90.0], [-1.0, 90.0], [4.0, -90.0]])
    assert one_spelling(lonlat).tolist() == [[-180, 5], [-180, 5], [0, 90], [0, 90], [0, -90]]
    assert lonlat[0, 0] == 180  # the input stays
