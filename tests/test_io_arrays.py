"""The doors for arrays and batches: units, missing rows, integers, warnings, and arguments that stay as they were."""

import logging
import pickle
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from variogeo import PointEmbeddings, datasets, empirical_variogram
from variogeo.io import dequantize_alphaearth, points_from_arrays, points_from_batches
from variogeo.io._duplicates import rows_that_repeat

N, WIDTH = 24, 4
RANDOM = np.random.default_rng(23)
LONLAT = np.column_stack([RANDOM.uniform(5, 15, N), RANDOM.uniform(45, 55, N)])
VECTORS = RANDOM.normal(size=(N, WIDTH)).astype(np.float32)


def with_rows(array: np.ndarray, rows: object, value: object) -> np.ndarray:
    """Return a copy with some rows replaced."""
    changed = array.copy()
    changed[rows] = value  # type: ignore[index]
    return changed


def masked(array: np.ndarray, rows: list[int]) -> np.ma.MaskedArray:
    mask = np.zeros(array.shape, bool)
    mask[rows, -1] = True
    return np.ma.MaskedArray(array, mask)


def refusal(*arguments: object, **options: object) -> str:
    """Return why arrays are refused, after a look whether they stayed as they were."""
    before = pickle.dumps(arguments)
    with pytest.raises((ValueError, TypeError)) as caught:
        points_from_arrays(*arguments, **options)  # type: ignore[arg-type]
    assert pickle.dumps(arguments) == before
    return str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_become_points_in_their_dtype(dtype: type) -> None:
    groups = np.arange(N) // 5
    points = points_from_arrays(LONLAT, VECTORS.astype(dtype), groups=groups, model_id="clip")
    assert np.array_equal(points.lonlat, LONLAT)
    assert np.array_equal(points.embeddings, VECTORS.astype(dtype))
    assert points.embeddings.dtype == dtype
    assert points.groups.tolist() == groups.tolist()
    assert (points.model_id, points.crs, points.dropped) == ("clip", None, ())


def test_tensors_become_points_and_bfloat16_becomes_float32() -> None:
    torch = pytest.importorskip("torch")
    halves = torch.tensor(VECTORS).to(torch.bfloat16)
    points = points_from_arrays(torch.tensor(LONLAT), halves.requires_grad_())
    assert np.array_equal(points.lonlat, LONLAT)
    assert np.array_equal(points.embeddings, halves.detach().float().numpy())
    assert points.embeddings.dtype == np.float32


def test_a_memory_map_stays_in_its_file_also_without_some_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", with_rows(VECTORS, [3, 7], 0.0))
    mapped = np.load(tmp_path / "clip.npy", mmap_mode="r")
    points = points_from_arrays(with_rows(LONLAT, 5, np.nan), mapped, missing="drop")
    assert points.dropped == (3, 5, 7)
    assert points.embeddings.source is mapped  # type: ignore[attr-defined]
    assert np.array_equal(points.embeddings[:], np.delete(VECTORS, [3, 5, 7], axis=0))
    assert isinstance(points_from_arrays(LONLAT[:2], mapped[:2]).embeddings, np.memmap)


# Case: coordinates, embeddings, and what is said of the rows when they are refused.
MISSING = {
    "NaN coordinates": (with_rows(LONLAT, [2, 9], np.nan), VECTORS, "NaN or infinite coordinates in 2 rows: 2, 9."),
    "infinite coordinates": (with_rows(LONLAT, [2, 9], np.inf), VECTORS, "infinite coordinates in 2 rows: 2, 9."),
    "masked coordinates": (masked(LONLAT, [2, 9]), VECTORS, "missing, NaN or infinite coordinates in 2 rows: 2, 9."),
    "NaN vectors": (
        LONLAT,
        with_rows(VECTORS, [2, 9], np.nan),
        "embeddings has NaN or infinite entries in 2 rows: 2, 9",
    ),
    "infinite vectors": (LONLAT, with_rows(VECTORS, [2, 9], -np.inf), "NaN or infinite entries in 2 rows: 2, 9."),
    "masked vectors": (LONLAT, masked(VECTORS, [2, 9]), "NaN or infinite entries in 2 rows: 2, 9."),
    "zero vectors": (LONLAT, with_rows(VECTORS, [2, 9], 0.0), "2 zero vectors, which have no direction: rows 2, 9."),
    "zero vectors of float16": (LONLAT, with_rows(VECTORS, [2, 9], 0.0).astype(np.float16), "2 zero vectors"),
}


@pytest.mark.parametrize("case", MISSING)
def test_rows_without_a_place_or_a_vector_are_refused_or_dropped(case: str, caplog: pytest.LogCaptureFixture) -> None:
    lonlat, vectors, words = MISSING[case]
    message = refusal(lonlat, vectors)
    assert words in message
    assert 'Drop these rows, or pass missing="drop".' in message
    before = pickle.dumps((lonlat, vectors))
    with caplog.at_level(logging.INFO, logger="variogeo"):
        points = points_from_arrays(lonlat, vectors, missing="drop", groups=np.arange(N))
    assert pickle.dumps((lonlat, vectors)) == before
    assert points.dropped == (2, 9)
    assert caplog.messages == [f"dropped 2 of {N} rows: 2, 9"]
    kept = np.delete(np.arange(N), [2, 9])
    assert points.groups.tolist() == kept.tolist()
    assert np.array_equal(points.lonlat, LONLAT[kept])
    assert np.array_equal(points.embeddings, VECTORS[kept].astype(points.embeddings.dtype))


def test_what_is_wrong_with_a_row_is_said_with_its_number_before_any_are_dropped() -> None:
    lonlat = with_rows(with_rows(LONLAT, [0, 1], np.nan), 7, [10.0, 95.0])
    assert "latitudes up to 95 (rows 7)" in refusal(lonlat, VECTORS, missing="drop")
    assert "All 24 rows lack a place or a vector" in refusal(LONLAT, VECTORS * 0, missing="drop")


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((LONLAT, VECTORS[1:]), {}, "embeddings has 23 rows but lonlat has 24. One row per photo in both."),
        ((LONLAT[:0], VECTORS[:0]), {}, "lonlat has no rows"),
        ((LONLAT.T, VECTORS), {}, "Invalid lonlat of shape (2, 24). Must be (n, 2)"),
        ((LONLAT, VECTORS[:, 0]), {}, "Invalid embeddings of shape (24,). Must be (n, d)"),
        ((LONLAT, VECTORS[:, :0]), {}, "Invalid embeddings of shape (24, 0). Must be (n, d)"),
        ((LONLAT, VECTORS.astype(object)), {}, "Invalid embeddings of dtype object"),
        ((LONLAT, VECTORS > 0), {}, "Invalid embeddings of dtype bool"),
        ((LONLAT, VECTORS), {"groups": [1, 2]}, "groups has 2 rows but lonlat has 24."),
        ((LONLAT, VECTORS), {"missing": "skip"}, "Invalid missing 'skip'. Must be one of 'refuse', 'drop'."),
        ((LONLAT, VECTORS), {"units": "gon"}, "Invalid units 'gon'. Must be one of 'deg', 'rad', 'e7'."),
        ((LONLAT, VECTORS), {"model_id": 1}, "Invalid model_id of type int"),
        ((LONLAT, VECTORS), {"units": "rad"}, "latitudes beyond pi / 2 in 24 rows: 0, 1, 2, 3, 4 (and 19 more)"),
        ((LONLAT, VECTORS), {"units": "e7"}, "lonlat has decimals in 24 rows: 0, 1, 2, 3, 4 (and 19 more)"),
        (((LONLAT * 1e7).astype(np.int64), VECTORS), {}, 'Whole numbers of 1e-7 degrees? Pass units="e7"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_refused_in_words(
    arguments: tuple[object, ...], options: dict[str, object], words: str
) -> None:
    assert words in refusal(*arguments, **options)


# Units


@pytest.mark.parametrize("units", ["deg", None])
def test_radians_and_whole_numbers_give_the_same_places_as_degrees(units: str | None) -> None:
    whole = np.round(LONLAT * 1e7).astype(np.int32)
    degrees = whole / 1e7
    assert np.array_equal(points_from_arrays(degrees, VECTORS, units=units).lonlat, degrees)  # type: ignore[arg-type]
    assert np.array_equal(points_from_arrays(whole, VECTORS, units="e7").lonlat, degrees)
    radians = points_from_arrays(np.radians(degrees), VECTORS, units="rad").lonlat
    assert np.abs(radians - degrees).max() < 1e-13  # a few roundings of 55 degrees


def test_a_pole_in_radians_of_float32_is_a_pole() -> None:
    poles = np.array([[1.0, np.pi / 2], [2.0, -np.pi / 2], [np.nan, 1.0]], np.float32)
    assert float(poles[0, 1]) > np.pi / 2
    points = points_from_arrays(poles, VECTORS[:3], units="rad", missing="drop")
    assert points.lonlat[:, 1].tolist() == [90.0, -90.0]
    assert points.dropped == (2,)


def test_degrees_that_would_make_sense_as_radians_are_warned_of_unless_they_are_said_to_be_degrees() -> None:
    radians = np.radians(LONLAT)
    with pytest.warns(UserWarning, match=r'All 24 points lie within pi .* Radians\? Pass units="rad", or units="deg"'):
        points_from_arrays(radians, VECTORS, check_land=False)
    for options in ({"units": "deg"}, {"units": "rad"}):
        points_from_arrays(radians, VECTORS, check_land=False, **options)  # type: ignore[arg-type]
    points_from_arrays(radians[:9], VECTORS[:9], check_land=False)  # too few to say
    points_from_arrays(with_rows(radians, 0, [4.0, 0.0]), VECTORS, check_land=False)


# Swapped columns


def around(lon: float, lat: float) -> np.ndarray:
    return np.random.default_rng(4).uniform((lon - 3, lat - 3), (lon + 3, lat + 3), (N, 2))


def test_columns_that_are_swapped_are_warned_of_by_the_land() -> None:
    france = around(2.0, 47.0)[:, ::-1]  # off Somalia
    message = (
        r"0% of the points lie on land, but 100% would with longitude and latitude swapped.*are the columns swapped"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        points_from_arrays(france, VECTORS)
    assert caught[0].filename == __file__  # the line of the caller, not of the package
    points_from_arrays(france, VECTORS, check_land=False)
    points_from_arrays(france[:9], VECTORS[:9])


def test_no_photos_of_the_bundled_ones_are_taken_for_swapped() -> None:
    lonlat, embeddings = datasets.geoclip_photos()
    cells = np.floor(lonlat / 10) @ [1, 100]
    regions = [np.flatnonzero(cells == cell) for cell in np.unique(cells)]
    assert sum(len(rows) >= 10 for rows in regions) > 30
    for rows in (*regions, np.arange(len(lonlat))):
        points_from_arrays(lonlat[rows], embeddings[rows], units="deg")  # a warning would be an error


# Rows that stand twice


def test_rows_that_repeat_a_place_and_a_vector_are_warned_of_with_their_share() -> None:
    twice = np.arange(N)
    twice[[4, 20]] = 0
    message = r"8\.33% of the rows \(2 of 24\) repeat the place and the vector of an earlier row: 4, 20\."
    with pytest.warns(UserWarning, match=message):
        points_from_arrays(LONLAT[twice], VECTORS[twice])
    points_from_arrays(LONLAT[twice], VECTORS)  # other photos of one place
    points_from_arrays(LONLAT, VECTORS[twice])  # the same photo at other places


def test_repeated_rows_are_those_that_a_search_through_all_earlier_ones_finds() -> None:
    # Few places and few vectors: every kind of repetition, also a vector that moves to another shared place.
    random = np.random.default_rng(8)
    places = random.integers(0, 4, (60, 2)).astype(float)
    vectors = random.integers(1, 4, (60, 1)).astype(np.float32)
    rows = np.column_stack([places, vectors]).tolist()
    assert rows_that_repeat(places, vectors).tolist() == [k for k in range(60) if rows[k] in rows[:k]]
    signed = np.array([[0.0, 1.0], [-0.0, 1.0]])
    assert rows_that_repeat(np.zeros((2, 2)), signed).tolist() == [1]  # one zero


def test_one_repeated_row_of_hundreds_is_not_worth_a_warning() -> None:
    lonlat, embeddings = datasets.geoclip_photos()
    rows = np.append(np.arange(200), 0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        points = points_from_arrays(lonlat[rows], embeddings[rows])
    assert caught == []
    assert len(points) == 201


# Integers


def test_the_published_formula_of_alphaearth_gives_unit_vectors_and_no_data() -> None:
    unit = RANDOM.normal(size=(N, 64))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    stored = np.round(np.sign(unit) * np.sqrt(np.abs(unit)) * 127.5).astype(np.int8)
    floats = dequantize_alphaearth(stored)
    assert floats.dtype == np.float32
    # x = (v / 127.5)^2 with v wrong by 1/2 at most: 2 sqrt(|x|) / 255 and (1 / 255)^2.
    assert (np.abs(floats - unit) <= 2 * np.sqrt(np.abs(unit)) / 255 + 1 / 255**2 + 1e-7).all()
    assert dequantize_alphaearth(np.array([[127, -127, 0, -128]], np.int8))[0, :3].tolist() == pytest.approx(
        [(127 / 127.5) ** 2, -((127 / 127.5) ** 2), 0.0]
    )
    stored[[3, 8]] = -128
    assert "NaN or infinite entries in 2 rows: 3, 8." in refusal(LONLAT, stored, dequantize=dequantize_alphaearth)
    points = points_from_arrays(LONLAT, stored, dequantize=dequantize_alphaearth, missing="drop")
    assert points.dropped == (3, 8)
    assert np.array_equal(points.embeddings, np.delete(floats, [3, 8], axis=0))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64])
def test_integers_are_refused_without_their_formula(dtype: type) -> None:
    quantised = np.ones((N, WIDTH), dtype)
    assert "pass it as dequantize= to a door of variogeo.io" in refusal(LONLAT, quantised)


@pytest.mark.parametrize(
    ("vectors", "dequantize", "words"),
    [
        (VECTORS, dequantize_alphaearth, "Invalid dequantize for embeddings of dtype float32, which holds no integers"),
        (np.ones((N, 4), np.int8), "squared", "Invalid dequantize of type str. Must be a function"),
        (np.ones((N, 4), np.int8), lambda v: v, "it made (24, 4) int8 of (24, 4) int8. Must return floats"),
        (np.ones((N, 4), np.int8), lambda v: v[:3] / 2, "it made (3, 4) float64 of (24, 4) int8"),
        (np.ones((N, 4), np.uint8), dequantize_alphaearth, "Invalid values of dtype uint8. Must be int8"),
    ],
)
def test_a_formula_that_does_not_fit_is_refused(vectors: np.ndarray, dequantize: object, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        points_from_arrays(LONLAT, vectors, dequantize=dequantize)  # type: ignore[arg-type]


def test_a_formula_cannot_write_to_the_callers_integers() -> None:
    def in_place(values: np.ndarray) -> np.ndarray:
        values[0] = 0
        return values / 2

    with pytest.raises(ValueError, match="read-only"):
        points_from_arrays(LONLAT, np.ones((N, 4), np.int8), dequantize=in_place)


# Batches


def test_batches_are_the_same_as_all_at_once() -> None:
    whole = points_from_arrays(LONLAT, VECTORS, model_id="clip")
    starts = range(0, N, 7)
    pairs = [(LONLAT[k : k + 7], VECTORS[k : k + 7]) for k in starts]
    for batches in (iter(pairs), [list(pair) for pair in pairs]):
        points = points_from_batches(batches, model_id="clip")
        assert np.array_equal(points.lonlat, whole.lonlat)
        assert np.array_equal(points.embeddings, whole.embeddings)
        assert points.model_id == "clip"
    values = (
        PointEmbeddings(*pair, groups=np.full(len(pair[0]), k), model_id="clip", crs="EPSG:32632")
        for k, pair in enumerate(pairs)
    )
    points = points_from_batches(values)
    assert points.groups.tolist() == (np.arange(N) // 7).tolist()
    assert (points.model_id, points.crs) == ("clip", "EPSG:32632")


def test_rows_of_batches_are_counted_over_all() -> None:
    vectors = with_rows(VECTORS, [5, 20], np.nan)
    batches = [(LONLAT[:12], vectors[:12]), (LONLAT[12:], vectors[12:])]
    with pytest.raises(ValueError, match="NaN or infinite entries in 2 rows: 5, 20"):
        points_from_batches(batches)
    assert points_from_batches(batches, missing="drop").dropped == (5, 20)
    whole = [(np.round(lonlat * 1e7), np.ones((12, 4), np.int8)) for lonlat, _ in batches]
    points = points_from_batches(whole, units="e7", dequantize=dequantize_alphaearth)
    assert np.abs(points.lonlat - LONLAT).max() < 1e-7
    assert points.embeddings.dtype == np.float32


@pytest.mark.parametrize("make", [lambda *pair: pair, PointEmbeddings])
def test_a_batch_that_is_written_over_by_the_next_one_keeps_its_rows(make: object) -> None:
    place, vector = np.empty((6, 2)), np.empty((6, WIDTH), np.float32)

    def batches() -> Iterator[object]:
        for start in range(0, N, 6):
            place[:], vector[:] = LONLAT[start : start + 6], VECTORS[start : start + 6]
            yield make(place, vector)  # type: ignore[operator]

    assert np.array_equal(points_from_batches(batches()).embeddings, VECTORS)


def named(**options: object) -> PointEmbeddings:
    return PointEmbeddings(LONLAT, VECTORS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ((LONLAT, VECTORS[:, :3]), "Batch 0 has embeddings of width 4, but batch 1 has 3. Parts of one table"),
        ((LONLAT, VECTORS.astype(np.float64)), "Batch 0 has embeddings of dtype float32, but batch 1 has float64"),
        (named(crs="EPSG:32632", model_id="clip"), "coordinates of CRS EPSG:4326, but batch 1 has EPSG:32632"),
        (named(crs="EPSG:4326", model_id="dino"), "Batch 1 is of model_id 'dino', those before of 'clip'"),
        (named(crs="EPSG:4326", groups=range(N)), "Batch 0 has groups: False, but batch 1 has True"),
        ((LONLAT, VECTORS[1:], 3), "Invalid batch 1 of type tuple. Must be (lonlat, embeddings)"),
        (LONLAT, "Invalid batch 1 of type ndarray"),
        ((LONLAT.T, VECTORS), "batch 1: Invalid lonlat of shape (2, 24)"),
        ((LONLAT, VECTORS[1:]), "batch 1: embeddings has 23 rows but lonlat has 24"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_batches_that_differ_are_refused_naming_the_two(second: object, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        points_from_batches([named(crs="EPSG:4326", model_id="clip"), second])


def test_no_batches_are_refused_and_the_model_named_counts() -> None:
    with pytest.raises(ValueError, match="batches has no batches"):
        points_from_batches([])
    with pytest.raises(ValueError, match="Batch 0 is of model_id 'clip', those before of 'dino'"):
        points_from_batches([named(model_id="clip")], model_id="dino")


# Models of variograms


def test_variograms_of_two_models_or_widths_do_not_add_and_the_unknown_does() -> None:
    points = points_from_arrays(LONLAT, VECTORS)
    clip = empirical_variogram(*points, model_id="clip")
    dino = empirical_variogram(*points, clip.bins, model_id="dino")
    unknown = empirical_variogram(*points, clip.bins)
    with pytest.raises(ValueError, match="different model_id do not add: 'clip' and 'dino'"):
        clip + dino
    narrow = empirical_variogram(points.lonlat, VECTORS[:, :3], clip.bins)
    with pytest.raises(ValueError, match="different width do not add: 4 and 3"):
        clip + narrow
    assert (clip + unknown).model_id == (unknown + clip).model_id == "clip"
    assert (clip + clip).width == 4
    with pytest.raises(ValueError, match="different model_id"):
        clip + unknown + dino
    with pytest.raises(TypeError, match="Invalid model_id of type int"):
        empirical_variogram(*points, clip.bins, model_id=3)  # type: ignore[arg-type]


def test_without_bins_points_that_have_no_pairs_are_refused_as_ever() -> None:
    with pytest.raises(ValueError, match="lonlat has 1 rows: no pairs"):
        empirical_variogram(LONLAT[:1], VECTORS[:1])
    with pytest.raises(ValueError, match="all 24 points at one place"), warnings.catch_warnings():
        empirical_variogram(np.zeros((N, 2)), VECTORS)


@pytest.mark.parametrize("names", [["lat", "lon"], ["Latitude", "Longitude"], ["centre_lat", "centre_lon"]])
def test_a_table_with_latitude_first_is_refused_by_its_names(names: list[str]) -> None:
    frame = pd.DataFrame([[50.0, 8.0], [51.0, 9.0]], columns=names)
    for take in (points_from_arrays, empirical_variogram):
        with pytest.raises(ValueError, match="Longitude is the first: turn the columns round"):
            take(frame, np.eye(2))
    assert points_from_arrays(frame[names[::-1]], np.eye(2)).lonlat.tolist() == [[8.0, 50.0], [9.0, 51.0]]
