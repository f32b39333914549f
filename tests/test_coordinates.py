"""Lags of a batch against long double arithmetic, and places that are refused."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from variogeo import (
    DecorrelationWeighting,
    Exponential,
    FarWeighting,
    NearWeighting,
    Nested,
    ResidualWeighting,
    Spherical,
    Stable,
)
from variogeo._distances import EARTH_RADIUS
from variogeo.nn import NegativeWeights, pack, unpack
from variogeo.nn._coordinates import Coordinates, on_host, positive_columns

METRES = [1, 3, 10, 100, 1e3, 1e4, 1e5, 1e6, 5e6, 9.9e6, 1.01e7, 1.5e7, 1.9e7, 2e7]
LONLAT = Coordinates("lonlat", "deg")
SPELLINGS = {
    ("lonlat", "deg"): lambda degrees: degrees,
    ("latlon", "deg"): lambda degrees: degrees.flip(1),
    ("lonlat", "rad"): torch.deg2rad,
    ("latlon", "e7"): lambda degrees: (degrees.flip(1) * 1e7).round().to(torch.int32),
}


def _pairs():
    """Two columns of places that far apart: from many latitudes, in many directions, across poles and antimeridian."""
    rows = []
    for metres, latitude, azimuth in itertools.product(METRES, [-89.9, -45, 0, 30, 71, 90], [0, 33, 90, 187, 300]):
        arc, start, direction = metres / 1000 / EARTH_RADIUS, math.radians(latitude), math.radians(azimuth)
        end = math.asin(math.sin(start) * math.cos(arc) + math.cos(start) * math.sin(arc) * math.cos(direction))
        east = math.atan2(
            math.sin(direction) * math.sin(arc) * math.cos(start), math.cos(arc) - math.sin(start) * math.sin(end)
        )
        rows.append((179.99, latitude, (179.99 + math.degrees(east) + 180) % 360 - 180, math.degrees(end)))
    rows = np.array(rows)
    return rows[:, :2], rows[:, 2:]


def _long_double_lag(a, b):
    """Great-circle lag (km) of pairs in degrees by the formula that is stable everywhere, in long double."""
    radians = np.arctan(np.longdouble(1)) / 45
    lon_a, lat_a, lon_b, lat_b = (np.asarray(column, np.longdouble) * radians for column in (*a.T, *b.T))
    step = lon_b - lon_a
    across = np.cos(lat_b) * np.sin(step)
    along = np.cos(lat_a) * np.sin(lat_b) - np.sin(lat_a) * np.cos(lat_b) * np.cos(step)
    dot = np.sin(lat_a) * np.sin(lat_b) + np.cos(lat_a) * np.cos(lat_b) * np.cos(step)
    return np.longdouble(EARTH_RADIUS) * np.arctan2(np.hypot(across, along), dot)


def _lag_of_pairs(coordinates, a, b):
    """Lags of row i of one side and row i of the other."""
    return coordinates.pairwise_lag(a, b).diagonal().double().numpy()


def _compiled(function):
    """In one graph, in which the arc sine is a polynomial; run by torch itself, so that no compiler is needed."""
    return torch.compile(function, fullgraph=True, dynamic=True, backend="aot_eager")


@pytest.fixture(params=[False, True], ids=["eager", "graph"])
def _either_way(request, monkeypatch):
    """Run what is written for eager mode and what is written for a graph, step by step: graphs take long to make."""
    if request.param:
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


def test_a_graph_gives_the_lags_and_holds_the_checks():
    a, b = (torch.tensor(side) for side in _pairs())
    pairwise_lag = _compiled(LONLAT.pairwise_lag)
    torch.testing.assert_close(pairwise_lag(a, b), LONLAT.pairwise_lag(a, b), rtol=2e-7, atol=0)
    with pytest.raises(RuntimeError, match="coords_b has latitudes beyond 90 degrees"):
        pairwise_lag(a, b.flip(1))
    torch._dynamo.reset()


@pytest.mark.usefixtures("_either_way")
def test_lags_are_right_from_a_metre_to_twenty_thousand_kilometres():
    a, b = _pairs()
    lag = LONLAT.pairwise_lag(torch.tensor(a), torch.tensor(b)).diagonal()
    exact = _long_double_lag(a, b)
    assert lag.dtype == torch.float32
    assert exact.min() < 0.0011
    assert exact.max() > 19_999
    assert np.abs(lag.double().numpy() / exact - 1).max() < 4e-7


@pytest.mark.parametrize(("order", "units"), SPELLINGS)
def test_order_and_units_are_only_spellings(order, units):
    a, b = (np.round(side, 7) for side in _pairs())
    write = SPELLINGS[order, units]
    lag = _lag_of_pairs(Coordinates(order, units), write(torch.tensor(a)), write(torch.tensor(b)))
    np.testing.assert_allclose(lag, _long_double_lag(a, b).astype(float), rtol=4e-7, atol=1e-8)


@settings(max_examples=200, deadline=None)
@given(*[st.tuples(st.floats(-540, 540), st.floats(-90, 90))] * 2)
def test_any_two_places_have_the_lag_of_long_double_arithmetic(one, other):
    a, b = np.array([one]), np.array([other])
    lag = _lag_of_pairs(LONLAT, torch.tensor(a), torch.tensor(b))
    # A float64 longitude of 540 degrees is 1e-12 km wide, and float32 unit vectors in two parts 1e-10.
    np.testing.assert_allclose(lag, _long_double_lag(a, b).astype(float), rtol=4e-7, atol=1e-9)


def test_the_lag_is_symmetric_and_zero_at_one_place():
    a, _ = _pairs()
    places = torch.tensor(a)
    lag = LONLAT.pairwise_lag(places, places)
    assert torch.equal(lag, lag.T)
    assert (lag.diagonal() == 0).all()
    turned = places + torch.tensor([360.0, 0.0])
    assert LONLAT.pairwise_lag(places, turned).diagonal().max() < 1e-9
    assert LONLAT.pairwise_lag(torch.tensor([[5.0, 90.0]]), torch.tensor([[77.0, 90.0]])) < 1e-9
    assert LONLAT.pairwise_lag(torch.tensor([[20.0, 0.0]]), torch.tensor([[-160.0, 0.0]])).item() == pytest.approx(
        math.pi * EARTH_RADIUS, rel=1e-7
    )


CONTINUOUS = [
    DecorrelationWeighting(Exponential(0.0, 1.0, 0.05)),
    DecorrelationWeighting(Exponential(0.2, 0.8, 300.0)),
    DecorrelationWeighting(Spherical(0.0, 1.0, 40_000.0)),
    DecorrelationWeighting(Stable(0.05, 0.4, 20.0, 0.4)),
    DecorrelationWeighting(Nested(Exponential(0.1, 0.2, 2.0), Spherical(0.0, 0.5, 9_000.0))),
    NearWeighting(1.0, 0.02),
    NearWeighting(1.0, 5_000.0),
    FarWeighting(1.0),
    ResidualWeighting.hard_negatives(Exponential(0.0, 1.0, 0.2), beyond=0.0),
    ResidualWeighting.hard_negatives(Spherical(0.0, 0.7, 20_000.0), beyond=0.0),
    ResidualWeighting.false_negatives(Exponential(0.1, 0.9, 50.0), 2.0, within=30_000.0),
]


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("scheme", CONTINUOUS, ids=repr)
def test_weights_are_right_to_one_in_a_hundred_thousand(scheme):
    """Against the scheme in float64 at long double lags; the positives stand in a column of their own."""
    a, b = _pairs()
    rows = len(a)
    columns = np.vstack([b, [[0.0, 0.0]]])
    feats = torch.eye(2, dtype=torch.float32)[[0] * (rows + 1)]
    module = NegativeWeights(scheme, order="lonlat", units="deg", coincident="weight")
    module._same_space = True  # the features are all alike, which no curve expects
    found = module(torch.tensor(a), torch.tensor(columns), feats[:rows], feats, positives=torch.full((rows,), rows))
    found = found.exp()[:, :rows].diagonal().double().numpy()
    exact = np.exp(scheme(_long_double_lag(a, b).astype(float), np.zeros(rows)))
    assert exact.max() - exact.min() > 0.1
    assert np.abs(found - exact).max() < 1e-5


@pytest.mark.parametrize("metres", [10, 1e3, 1e5, 1e7])
def test_float32_coordinates_cost_no_more_than_their_own_rounding(metres):
    """A float32 degree near 30 is rounded by up to 0.11 m: the lag of a pair moves by at most 0.22 m."""
    places = torch.tensor([[30.0, 0.0], [30.0, math.degrees(metres / 1000 / EARTH_RADIUS)]], dtype=torch.float64)
    single, double = (LONLAT.pairwise_lag(p, p)[0, 1].item() for p in (places.float(), places))
    assert single == pytest.approx(double, abs=0.22e-3, rel=4e-7)


def test_great_circle_lags_are_within_the_stated_distance_of_the_geodesic():
    random = np.random.default_rng(0)
    places = np.column_stack([random.uniform(-180, 180, 200), np.degrees(np.arcsin(random.uniform(-1, 1, 200)))])
    lag = LONLAT.pairwise_lag(torch.tensor(places), torch.tensor(places)).numpy()
    first, second = np.triu_indices(200, 1)
    exact = np.array(Geod(ellps="WGS84").inv(*places[first].T, *places[second].T)[2]) / 1000
    assert np.abs(lag[first, second] / exact - 1).max() < 0.0056


def test_unit_vectors_of_a_ride_along_are_right_to_their_own_rounding():
    """A float32 unit vector is off by up to sqrt(3) times 2^-25: 0.33 m for each of the two."""
    a, b = (torch.tensor(side) for side in _pairs())
    xyz_a, xyz_b = (unpack(pack(torch.ones(len(a), 1), side, order="lonlat", units="deg"))[1] for side in (a, b))
    lag = _lag_of_pairs(Coordinates(None, "xyz"), xyz_a, xyz_b)
    assert np.abs(lag - _lag_of_pairs(LONLAT, a, b)).max() < 0.66e-3 + 20_000 * 4e-7


def test_float64_unit_vectors_lose_nothing():
    a, b = _pairs()
    xyz_a, xyz_b = (LONLAT.unit_vectors(torch.tensor(side), "coords") for side in (a, b))
    lag = _lag_of_pairs(Coordinates(None, "xyz"), xyz_a, xyz_b)
    np.testing.assert_allclose(lag, _long_double_lag(a, b).astype(float), rtol=4e-7)


def test_the_geometry_runs_where_float64_exists():
    from variogeo.nn._coordinates import float64_device

    assert float64_device(torch.device("mps")) == torch.device("cpu")
    assert float64_device(torch.device("cuda:1")) == torch.device("cuda:1")


def test_places_made_on_the_host_come_back_in_float32(monkeypatch):
    """The path of a device without float64, played by a second name of the host."""
    from variogeo.nn import _coordinates

    asked = []
    monkeypatch.setattr(_coordinates, "float64_device", lambda device: asked.append(device) or torch.device("cpu", 0))
    places = LONLAT.places(torch.tensor([[8.0, 50.0]]), "coords")
    assert asked == [torch.device("cpu")]
    assert len(places) == places.number == 1
    assert (places.high.dtype, places.low.dtype, places.high.device) == (torch.float32,) * 2 + (torch.device("cpu"),)


PLACES = torch.tensor([[8.0, 50.0], [9.0, 40.0], [100.0, 0.0]])
BAD = {
    "NaN": (LONLAT, [(1, 0, math.nan)], "coords has coordinates that are NaN or infinite.*1 rows, 1"),
    "infinite": (LONLAT, [(0, 1, math.inf), (2, 0, -math.inf)], "NaN or infinite.*2 rows, 0, 2"),
    "latitude": (LONLAT, [(2, 1, 90.1)], r"latitudes beyond 90 degrees.*swapped \(order is 'lonlat'\).*1 rows, 2"),
    "longitude": (LONLAT, [(0, 0, -541.0)], "longitudes beyond 540 degrees. Is the unit another than 'deg'.*0"),
    "swapped": (Coordinates("latlon", "deg"), [], r"latitudes beyond 90.*order is 'latlon'.*1 rows, 2"),
    "radians": (Coordinates("lonlat", "rad"), [], "latitudes beyond 90 .*another unit than 'rad'"),
}


@pytest.mark.parametrize(("coordinates", "changes", "words"), BAD.values(), ids=BAD)
def test_places_that_are_none_are_refused_by_row_or_by_an_assertion(coordinates, changes, words, monkeypatch):
    places = PLACES.clone()
    for row, column, value in changes:
        places[row, column] = value
    with pytest.raises(ValueError, match=words):
        coordinates.places(places, "coords")
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with pytest.raises(RuntimeError, match=words.partition(".*")[0]):
        coordinates.places(places, "coords")


@pytest.mark.parametrize("units", ["deg", "rad", "e7"])
def test_poles_the_antimeridian_and_a_turn_are_places(units):
    places = torch.tensor([[180.0, 90.0], [-180.0, -90.0], [540.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    written = {
        "deg": places.float(),
        "rad": torch.deg2rad(places).float(),
        "e7": (places * 1e7).round().to(torch.int64),
    }[units]
    assert Coordinates("lonlat", units).places(written, "coords").high.isfinite().all()


@pytest.mark.parametrize("spoil", [0.99, math.nan, 0.0])
def test_vectors_that_are_no_unit_vectors_are_refused(spoil):
    xyz = torch.eye(3)
    xyz[1, 1] = spoil
    with pytest.raises(ValueError, match=r"not of unit length.*with unpack.*1 rows, 1"):
        Coordinates(None, "xyz").places(xyz, "coords_a")


def test_half_precision_on_the_way_is_noticed_by_the_length_of_unit_vectors():
    unit = LONLAT.unit_vectors(PLACES[:2], "coords").float()
    for dtype in (torch.bfloat16, torch.float16):
        with pytest.raises(ValueError, match="cast to half precision"):
            Coordinates(None, "xyz").places(unit.to(dtype).float(), "coords_a")


def test_an_exported_graph_holds_the_checks():
    class Lag(torch.nn.Module):
        def forward(self, coords):
            return LONLAT.pairwise_lag(coords, coords)

    rows = torch.export.Dim("rows")
    exported = torch.export.export(Lag(), (PLACES,), dynamic_shapes=({0: rows},), strict=False).module()
    torch.testing.assert_close(exported(PLACES[:2]), LONLAT.pairwise_lag(PLACES[:2], PLACES[:2]))
    with pytest.raises(RuntimeError, match="latitudes beyond 90 degrees"):
        exported(PLACES.flip(1))


def test_values_are_looked_at_on_the_host_only():
    assert on_host(PLACES)
    assert not on_host(PLACES.to("meta"))
    assert not on_host(PLACES.as_subclass(type("Tracked", (torch.Tensor,), {})))


def test_the_positive_is_the_diagonal_or_a_column():
    assert positive_columns(None, PLACES[:2], PLACES).tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"positives has columns that are none of the 3 rows of coords_b.*1 rows, 1"):
        positive_columns(torch.tensor([0, 3]), PLACES[:2], PLACES)


@pytest.mark.parametrize(
    ("order", "units", "error", "words"),
    [
        (None, None, TypeError, "units is not given.*'deg', 'rad', 'e7' or 'xyz'.*GeoCLIP.*SatCLIP.*OSV5M"),
        (None, "deg", TypeError, "order is not given.*'lonlat' or 'latlon'.*GeoCLIP writes order='latlon'"),
        ("lonlat", None, TypeError, "units is not given"),
        ("xy", "deg", ValueError, "order 'xy'.*'lonlat', 'latlon'"),
        ("lonlat", "km", ValueError, "units 'km'.*'deg', 'rad', 'e7', 'xyz'"),
        ("lonlat", "xyz", ValueError, "order 'lonlat' with units 'xyz'. Leave order out"),
    ],
)
def test_order_and_units_are_never_guessed(order, units, error, words):
    with pytest.raises(error, match=words):
        Coordinates(order, units)


@pytest.mark.parametrize(
    ("units", "coords", "error", "words"),
    [
        ("deg", PLACES.T[:2], ValueError, r"coords of shape \(2, 3\). Must be \(n, 2\): lonlat in deg"),
        ("xyz", PLACES, ValueError, r"coords of shape \(3, 2\). Must be \(n, 3\): unit vectors"),
        ("deg", PLACES.bfloat16(), TypeError, 'torch.bfloat16.*int32 with units="e7"'),
        ("deg", PLACES.int(), TypeError, "torch.int32 for units 'deg'"),
        ("e7", PLACES, TypeError, "Must be torch.int32 or torch.int64"),
        ("deg", PLACES.numpy(), TypeError, "type ndarray. Must be a tensor: torch.as_tensor"),
    ],
)
def test_tensors_of_another_form_are_refused(units, coords, error, words):
    with pytest.raises(error, match=words):
        Coordinates(None if units == "xyz" else "lonlat", units).places(coords, "coords")
