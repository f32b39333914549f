from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from reference import lags_of_all_pairs, terms_of_all_pairs

from variogeo import Exponential, Spherical
from variogeo._engine.tiles import Tiles
from variogeo._prepared import prepared
from variogeo.inference import cell_patches
from variogeo.local import PairKind, hot_pairs
from variogeo.local import _strongest as strongest
from variogeo.local._lines import geodesic_line

MODEL = Exponential(nugget=0.3, partial_sill=0.4, effective_range=3000.0)
NAMES = ("hard_negative", "false_negative", "as_expected")
METRICS = ("geodesic", "great_circle", "chord")
GEOD = Geod(ellps="WGS84")


def by_hand(lonlat, values, model, kind, count, metric="geodesic", dissimilarity="cosine", groups=None):
    """Return first, second, lag, dissimilarity, expected of the strongest pairs, from all pairs in memory."""
    first, second = np.triu_indices(len(lonlat), 1)
    lags, terms = lags_of_all_pairs(lonlat, metric), terms_of_all_pairs(values, dissimilarity)
    expected = model(lags)
    beyond = kind.beyond if kind.beyond is not None else (3000.0 if kind.name == "hard_negative" else 0.0)
    within = kind.within if kind.within is not None else (3000.0 if kind.name == "false_negative" else np.inf)
    chosen = (lags > beyond) & (lags <= within)
    if groups is not None:
        chosen &= groups[first] != groups[second]
    strength = expected - terms
    if kind.name == "as_expected":
        strength = -np.abs(strength)
    else:
        chosen &= strength > 0
    rows = np.flatnonzero(chosen)
    order = rows[np.lexsort((second[rows], first[rows], -strength[rows]))][:count]
    return np.column_stack([first[order], second[order]]), lags[order], terms[order], expected[order]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("metric", METRICS)
def test_the_strongest_pairs_are_those_of_all_pairs(scattered, name, metric):
    lonlat, values = scattered
    frame = hot_pairs(lonlat, values, MODEL, kind=name, count=60, metric=metric)
    pairs, lags, terms, expected = by_hand(lonlat, values, MODEL, PairKind(name), 60, metric)
    assert frame[["first", "second"]].to_numpy().tolist() == pairs.tolist()
    np.testing.assert_allclose(frame.lag, lags, rtol=1e-9)
    np.testing.assert_allclose(frame.dissimilarity, terms, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(frame.expected, expected, rtol=1e-9)
    assert (frame.excess == frame.dissimilarity - frame.expected).all()


@pytest.mark.parametrize(
    "kind",
    [
        PairKind("hard_negative", beyond=100, within=900),
        PairKind("false_negative", within=50.0),
        PairKind("as_expected", beyond=10_000),
        PairKind("as_expected", within=20),
    ],
)
def test_lags_are_within_the_window_of_the_kind(scattered, kind):
    lonlat, values = scattered
    frame = hot_pairs(lonlat, values, MODEL, kind=kind, count=40, dissimilarity="half_squared")
    pairs, *_ = by_hand(lonlat, values, MODEL, kind, 40, dissimilarity="half_squared")
    assert frame[["first", "second"]].to_numpy().tolist() == pairs.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_pairs_of_one_group_are_left_out(scattered, name):
    lonlat, values = scattered
    groups = np.random.default_rng(2).integers(0, 3, 700)
    labels = np.array([f"camera {group}" for group in groups], dtype=object)
    # Photos without a label are groups of their own.
    labels[::7], groups[::7] = None, np.arange(100, 200)
    frame = hot_pairs(lonlat, values, MODEL, kind=name, count=60, exclude=labels)
    pairs, *_ = by_hand(lonlat, values, MODEL, PairKind(name), 60, groups=groups)
    assert frame[["first", "second"]].to_numpy().tolist() == pairs.tolist()
    assert not set(hot_pairs(lonlat, values, MODEL, kind=name, count=60).lag) <= set(frame.lag)


def test_two_towns_can_be_shown_once_as_the_notes_say():
    # Two photos in each of three towns, all alike: twelve pairs join towns, in three ways.
    towns = np.repeat([[8.5, 47.4], [2.3, 48.9], [13.4, 52.5]], 2, axis=0)
    lonlat = towns + np.tile([[0, 0], [0.001, 0]], (3, 1))
    pairs = hot_pairs(lonlat, np.ones((6, 2)), MODEL, kind=PairKind("hard_negative", beyond=100))
    assert len(pairs) == 12
    ends = np.sort(cell_patches(lonlat, 25.0)[pairs[["first", "second"]]], axis=1)
    once = pairs[~pd.DataFrame(ends).duplicated()]
    assert sorted(zip(once["first"] // 2, once["second"] // 2, strict=True)) == [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize("definition", ["effective_range", "slope_range", "integral_scale"])
def test_limits_of_a_kind_may_be_ranges_of_the_model(definition):
    wanted = getattr(MODEL, definition)
    assert PairKind("hard_negative", beyond=definition).window(MODEL).edges.tolist() == [wanted, 25_000]
    assert PairKind("as_expected", within=definition).window(MODEL).edges.tolist() == [0, wanted]
    assert PairKind("false_negative", beyond=1, within=definition).window(MODEL).edges.tolist() == [1, wanted]
    kind = PairKind("as_expected", beyond=definition, within=wanted / 2)
    with pytest.raises(ValueError, match="Invalid beyond"):
        kind.window(MODEL)
    with pytest.raises(ValueError, match=f"Invalid beyond '{definition}': the model has no {definition}"):
        PairKind("hard_negative", beyond=definition).window(np.sqrt)


def test_fewer_pairs_than_asked_for_come_back_without_those_at_one_place():
    # Places 0 and 1 are one; of the other five pairs two are within 200 km and more alike than expected.
    lonlat = np.array([[180.0, 10.0], [-180.0, 10.0], [179.0, 10.0], [0.0, 10.0]])
    frame = hot_pairs(lonlat, np.ones((4, 2)), MODEL, kind=PairKind("false_negative", within=200), count=50)
    assert frame[["first", "second"]].to_numpy().tolist() == [[0, 2], [1, 2]]
    assert frame.dissimilarity.tolist() == [0, 0]


def test_no_pairs_are_an_empty_table():
    lonlat = np.array([[0.0, 0.0], [0.1, 0.0]])
    frame = hot_pairs(lonlat, np.eye(2), MODEL, kind="hard_negative")
    assert len(frame) == 0
    assert frame.crs == "EPSG:4326"
    assert frame.columns.tolist()[-1] == "geometry"


def test_ties_are_broken_by_row_numbers_however_many_there_are(monkeypatch):
    # 300 equal vectors and a curve that is flat beyond 100 km: all 44 850 pairs far apart are equally strong.
    random = np.random.default_rng(0)
    lonlat = np.column_stack([random.uniform(-180, 180, 300), random.uniform(-60, 60, 300)])
    model = Spherical(nugget=0.1, partial_sill=0.4, effective_range=100.0)
    values = np.ones((300, 3), np.float32)
    tiles_of = Tiles.of
    monkeypatch.setattr(Tiles, "of", lambda *args: tiles_of(*args, rows=64))
    frame = hot_pairs(lonlat, values, model, kind="hard_negative", count=25)
    pairs, *_ = by_hand(lonlat, values, model, PairKind("hard_negative", beyond=100.0), 25)
    assert frame[["first", "second"]].to_numpy().tolist() == pairs.tolist()
    assert set(frame["first"]) == {0}


def test_the_result_does_not_depend_on_blocks_and_threads(known_field, monkeypatch):
    lonlat, values, model = known_field
    wanted = hot_pairs(lonlat, values, model, kind="hard_negative", count=30)
    original = strongest.Strongest.of
    floors = []

    def noted(self, tile):
        floors.append(self._floor)
        return original(self, tile)

    monkeypatch.setattr(strongest.Strongest, "of", noted)
    monkeypatch.setattr("variogeo._engine.tiles._tiles.usable_cores", lambda: 3)
    tiles_of = Tiles.of
    monkeypatch.setattr(Tiles, "of", lambda *args: tiles_of(*args, rows=100))
    again = hot_pairs(lonlat, values, model, kind="hard_negative", count=30)
    assert again.drop(columns="geometry").equals(wanted.drop(columns="geometry"))
    # What was found before leaves out the weak pairs of later tiles.
    assert max(floors) > 0


def test_memory_is_bounded_because_a_tile_gives_at_most_the_number_wanted(known_field):
    lonlat, values, model = known_field
    points, terms = prepared(lonlat, values, "cosine", "geodesic")
    kind = PairKind("as_expected")
    finder = strongest.Strongest(points, terms, model, kind, 7)
    assert {len(finder.of(tile).first) for tile in Tiles.of(points, kind.window(model), terms).map(lambda t: t)} == {7}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "cold"}, ValueError, "Invalid kind 'cold'. Must be one of 'hard_negative'"),
        ({"count": 0}, ValueError, "at least 1"),
        ({"count": 1.5}, ValueError, "whole number"),
        ({"exclude": ["a"]}, ValueError, "exclude has 1 rows but lonlat has 2"),
        ({"model": 3}, TypeError, "Invalid model"),
        ({"model": np.sqrt}, ValueError, "Pass beyond in km"),
        ({"kind": PairKind("false_negative", beyond=5000)}, ValueError, "Invalid beyond '5000.0' with within '3000.0'"),
        ({"values": np.ones((3, 2))}, ValueError, "One row per photo"),
    ],
)
def test_refusals_say_what_to_do(options, error, message):
    lonlat = np.array([[0.0, 0.0], [90.0, 0.0]])
    given = {"values": np.eye(2), "model": MODEL, "kind": "hard_negative"} | options
    with pytest.raises(error, match=message):
        hot_pairs(lonlat, given.pop("values"), given.pop("model"), **given)


def test_a_kind_is_checked_when_it_is_made():
    with pytest.raises(ValueError, match="Invalid name"):
        PairKind("cold")
    with pytest.raises(ValueError, match="Invalid within"):
        PairKind("false_negative", within=-1)
    for limits in ({"beyond": 10, "within": 5}, {"beyond": 5, "within": 5}, {"within": 0}):
        with pytest.raises(ValueError, match="Must be less: pairs have beyond < lag <= within"):
            PairKind("hard_negative", **limits)
    with pytest.raises(ValueError, match=r"Invalid beyond 'sill'. Must be a number .km., or one of 'effective_range'"):
        PairKind("hard_negative", beyond="sill")
    with pytest.raises(TypeError, match="Invalid within"):
        PairKind("hard_negative", within=True)
    assert PairKind("as_expected").window(MODEL).edges.tolist() == [0, 25_000]
    # An effective range beyond the antipode leaves no hard negative, and is no error.
    assert PairKind("hard_negative", beyond=30_000).window(MODEL).edges.tolist() == [30_000, 30_001]


def vertices(line):
    """Return the vertices of each part of a line."""
    return [np.array(part.coords) for part in getattr(line, "geoms", [line])]


def assert_on_the_geodesic(a, b):
    """Assert that a line from ``a`` to ``b`` is the geodesic, dense and cut where the map ends."""
    line = geodesic_line(np.asarray(a, float), np.asarray(b, float))
    assert line.geom_type in ("LineString", "MultiLineString")
    parts = vertices(line)
    every = np.concatenate(parts)
    assert (np.abs(every) <= [180, 90]).all()
    # No segment jumps across the map, and none is longer than the step, on the ellipsoid.
    total = 0.0
    for part in parts:
        assert len(part) > 1
        assert (np.abs(np.diff(part[:, 0])) <= 10.0).all()
        metres = GEOD.inv(*part[:-1].T, *part[1:].T)[2]
        assert max(metres) < 100_500
        total += sum(metres)
    assert total / 1000 == pytest.approx(GEOD.inv(*a, *b)[2] / 1000, rel=1e-3, abs=2.0)
    # Parts meet: each begins where the one before it ended.
    for before, after in pairwise(parts):
        assert GEOD.inv(*before[-1], *after[0])[2] < 1e-3
    # The ends are those of the pair.
    assert GEOD.inv(*a, *parts[0][0])[2] < 1e-3
    assert GEOD.inv(*b, *parts[-1][-1])[2] < 1e-3
    return parts


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        ((10, 50), (12, 51), 1),
        ((170, 10), (-170, 20), 2),
        ((-170, 10), (170, -20), 2),
        ((-180, 10), (170, 10), 1),  # from the edge of the map
        ((170, 10), (-180, 10), 1),
        ((-180, 10), (-170, 10), 1),
        ((-180, -30), (-180, 40), 1),  # along it
        ((10, 80), (-170, 80), 2),  # over the pole
        ((10, -80), (-170, -85), 2),
        ((0, 90), (77, 50), 1),  # from the pole
        ((77, -50), (0, -90), 1),
        ((0, 90), (0, -90), 1),
        ((10, 89.5), (-165, 89.5), 1),  # close by the pole, where longitudes turn fast
        ((179.9999999, 10), (-179.9999999, 10), 2),  # ten centimetres
        ((20, 0), (-160.5, 0.3), 2),
        ((-100, 40), (100, 40), 2),
    ],
)
def test_lines_are_dense_geodesics_cut_at_the_edge_of_the_map(a, b, count):
    assert len(assert_on_the_geodesic(a, b)) == count


PLACES = st.tuples(st.floats(-180, 179.99), st.floats(-90, 90))


@settings(max_examples=150, deadline=None)
@given(PLACES, PLACES)
def test_any_two_places_have_such_a_line(a, b):
    if GEOD.inv(*a, *b)[2] > 1e-3:
        assert_on_the_geodesic(a, b)


def test_hot_pairs_across_the_antimeridian_are_cut_there():
    lonlat = np.array([[170.0, 0.0], [-170.0, 5.0]])
    frame = hot_pairs(lonlat, np.ones((2, 2)), MODEL, kind=PairKind("hard_negative", beyond=1000))
    assert frame.geometry[0].geom_type == "MultiLineString"
    assert [tuple(np.round(part.bounds, 6)[[0, 2]]) for part in frame.geometry[0].geoms] == [(170, 180), (-180, -170)]
