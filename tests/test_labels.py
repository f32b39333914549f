"""Labels: whole numbers that differ stay apart, whoever asks, and floats that may be several numbers are refused."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

import variogeo
from variogeo import Exponential, LagBins, PointEmbeddings, empirical_variogram
from variogeo._label_codes import joined_labels, label_array, label_codes
from variogeo.io import open_points, points_from_arrays, points_from_batches, points_from_geodataframe, read_points
from variogeo.local import hot_pairs, local_excess
from variogeo.regions import grouped_variogram, labels_in_polygons
from variogeo.sampling_bias import capped_weights, largest_shares
from variogeo.synthetic import uniform_lonlat

LARGE = 2**60  # float64 has one number for LARGE - 60 to LARGE + 120
N = 24
LONLAT = uniform_lonlat(N, seed=4)
VECTORS = np.random.default_rng(4).normal(size=(N, 4))
BINS = LagBins([0, 4000, 8000, 21_000])
WHOLE = [LARGE + k // 4 for k in range(N)]
"""Six groups of four rows."""


@pytest.mark.parametrize(
    "labels",
    [
        [LARGE, None, LARGE + 1],
        (LARGE, np.nan, LARGE + 1),
        [2**63 + 1, np.nan, -1],
        np.array([LARGE, None, LARGE + 1], object),
        np.ma.MaskedArray([LARGE, 7, LARGE + 1], [False, True, False]),
        np.ma.MaskedArray(np.array([2**63, 7, 2**63 + 1], np.uint64), [False, True, False]),
        pd.Series([LARGE, None, LARGE + 1], dtype="Int64", index=[4, 4, 4]),
        pd.Series([2**63, None, 2**63 + 1], dtype="UInt64"),
        pd.Series([LARGE, None, LARGE + 1], dtype=pd.ArrowDtype(pa.int64())),
        pd.array([LARGE, None, LARGE + 1], dtype="Int64"),
        pd.Index([LARGE, None, LARGE + 1], dtype="Int64"),
        pd.Categorical([LARGE, None, LARGE + 1]),
        [str(LARGE), None, LARGE + 1],
        [2.5, "", LARGE + 1],
        pa.array(["7", None, "007"]),
        pa.array([LARGE, None, LARGE + 1]),
        pa.chunked_array([pa.array([LARGE, None]), pa.array([LARGE + 1])]),
        pa.array([LARGE, None, LARGE + 1]).dictionary_encode(),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_labels_beside_a_missing_one_stay_apart(labels: Any) -> None:
    names, codes = label_codes(labels, 3, name="by")
    assert len(names) == 2
    assert codes[1] == -1
    assert len({*codes.tolist()}) == 3
    kept = label_array(labels, 3, name="by")
    assert {str(kept[0]), str(kept[2])} == {*names}


@pytest.mark.parametrize("dtype", ["int64", "uint64", ">i8", ">u8"])
def test_whole_numbers_of_64_bits_stay_apart(dtype: str) -> None:
    labels = np.array([LARGE, LARGE + 1, LARGE], dtype)
    assert label_codes(labels, 3, name="by")[0] == (str(LARGE), str(LARGE + 1))
    assert label_codes(labels, 3, name="by")[1].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("labels", "bits", "rows"),
    [
        (np.array([LARGE, np.nan, LARGE + 1]), 53, "2 rows: 0, 2"),
        (np.array([2**53, 2**53 - 1, -(2**53)], ">f8"), 53, "2 rows: 0, 2"),
        (np.array([LARGE, 1, LARGE + 1], np.longdouble), 53, "2 rows: 0, 2"),
        (np.array([2**24, 2**24 - 1, 2**25], np.float32), 24, "2 rows: 0, 2"),
        (np.array([2**11, 5, 5], np.float16), 11, "1 rows: 0"),
        (list(np.array([2**24, 5, 5], np.float32)), 24, "1 rows: 0"),
        ([float(LARGE), "a", LARGE], 53, "1 rows: 0"),
        (np.array([5, None, 2.0**53], object), 53, "1 rows: 2"),
        (np.array([5, None, np.float32(2**24)], object), 24, "1 rows: 2"),
        (pd.Series([float(LARGE), None, LARGE + 1]), 53, "2 rows: 0, 2"),
        (pd.Series([2**24, None, 3], dtype="Float32"), 24, "1 rows: 0"),
        (pd.Series([float(LARGE), None, 3.0], dtype=pd.ArrowDtype(pa.float64())), 53, "1 rows: 0"),
        (pa.array([float(LARGE), None, 3.0]), 53, "1 rows: 0"),
        (pd.Categorical(np.array([2**24 + 2, 3, 3], np.float32)), 24, "1 rows: 0"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int | str) else None,
)
def test_floats_that_may_be_several_whole_numbers_are_refused(labels: Any, bits: int, rows: str) -> None:
    words = f"Invalid by: floats of 2^{bits} and more in {rows}. Whole numbers that differ may be one float there"
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        label_codes(labels, 3, name="by")
    assert 'Pass whole numbers or text; pandas keeps them beside gaps with dtype "Int64" or "string".' in str(
        caught.value
    )


def test_floats_below_are_labels() -> None:
    assert label_codes([2.0**53 - 1, 0.5, np.nan], 3, name="by")[0] == ("0.5", "9007199254740991.0")
    assert label_codes(np.array([0.5, -np.nan, 0.5]), 3, name="by")[1].tolist() == [0, -1, 0]


@pytest.mark.parametrize(
    "labels",
    [[[1], [2, 3], [4]], np.array([[1], {}, 2], object), np.zeros(3, "i4,f8")],
    ids=["ragged", "objects", "structured"],
)
def test_lists_are_no_labels(labels: Any) -> None:
    for refused in (label_codes, label_array):
        with pytest.raises(TypeError, match="Invalid by: it holds lists or tables"):
            refused(labels, 3, name="by")


@pytest.mark.parametrize("labels", [np.array([1.0, np.inf, 3.0]), ["a", -np.inf, 2], pd.Series([1.0, np.inf, None])])
def test_infinite_numbers_are_no_labels(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"Invalid by: infinite in 1 rows: 1\. Give them a label"):
        label_codes(labels, 3, name="by")


@pytest.mark.parametrize("labels", [[True, 1, "1", 1.0, "1.0", None], [1.0, "1.0", 1, True, "1", np.nan]])
def test_labels_of_several_types_are_equal_when_their_texts_are(labels: list[Any]) -> None:
    names, codes = label_codes(labels, 6, name="by")
    assert [names[code] for code in codes[:5]] == [str(label) for label in labels[:5]]
    assert codes[5] == -1


def test_a_column_of_another_package_is_read_as_its_array() -> None:
    class Column:
        dtype = "String"

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
            return np.array(["a", "b", "a"], dtype)

    assert label_codes(Column(), 3, name="by")[1].tolist() == [0, 1, 0]


USERS: dict[str, Callable[[Any], Any]] = {
    "exclude": lambda labels: empirical_variogram(LONLAT, VECTORS, BINS, exclude=labels).npairs.tolist(),
    "patches": lambda labels: empirical_variogram(LONLAT, VECTORS, BINS, patches=labels).patches.count,
    "by": lambda labels: len(grouped_variogram(LONLAT, VECTORS, BINS, labels)),
    "excess": lambda labels: local_excess(
        LONLAT, VECTORS, Exponential(0.1, 0.9, 3000.0), bins=BINS, exclude=labels
    ).npairs.tolist(),
    "hot pairs": lambda labels: len(
        hot_pairs(LONLAT, VECTORS, Exponential(0.1, 0.9, 3000.0), kind="hard_negative", count=300, exclude=labels)
    ),
    "check": lambda labels: variogeo.check(LONLAT, VECTORS, groups=labels).groups.count,
    "capped_weights": lambda labels: capped_weights(labels, 2).tolist(),
    "largest_shares": lambda labels: largest_shares(LONLAT, BINS, locations=labels).tolist(),
    "points": lambda labels: np.unique(PointEmbeddings(LONLAT, VECTORS, groups=labels).groups).size,
    "arrays": lambda labels: np.unique(points_from_arrays(LONLAT, VECTORS, groups=labels).groups).size,
    "geodataframe": lambda labels: np.unique(points_from_geodataframe(_frame(labels), group="sequence").groups).size,
    "polygons": lambda labels: np.unique(labels_in_polygons(LONLAT, _squares(labels), "sequence")).size,
}


def _frame(labels: Any) -> gpd.GeoDataFrame:
    columns = {"embedding": list(VECTORS), "sequence": labels}
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*LONLAT.T), crs="EPSG:4326")


def _squares(labels: Any) -> gpd.GeoDataFrame:
    squares = [shapely.Point(place).buffer(1e-6) for place in LONLAT]
    return gpd.GeoDataFrame({"sequence": labels}, geometry=squares, crs="EPSG:4326")


@pytest.mark.parametrize("user", USERS)
def test_every_user_of_labels_tells_large_whole_numbers_apart_and_refuses_large_floats(user: str) -> None:
    expected = USERS[user]([f"group {label}" for label in WHOLE])
    for labels in (WHOLE, np.array(WHOLE), np.array(WHOLE, np.uint64), np.array(WHOLE, object), [*map(str, WHOLE)]):
        assert USERS[user](labels) == expected
    with pytest.raises(ValueError, match=r"floats of 2\^53 and more in 24 rows: 0, 1, 2, 3, 4 \(and 19 more\)"):
        USERS[user](np.array(WHOLE, float))


def test_a_report_refuses_large_floats(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Invalid groups: floats of 2\^53 and more in 24 rows"):
        variogeo.report(LONLAT, VECTORS, tmp_path / "report.html", groups=np.array(WHOLE, float))
    assert not any(tmp_path.iterdir())


def test_labels_of_parts_of_different_types_stay_what_they_are() -> None:
    joined = joined_labels([np.array([LARGE]), np.array([2**63 + 1], np.uint64), np.array(["7"]), np.array([7.5])])
    assert joined.tolist() == [LARGE, 2**63 + 1, "7", 7.5]
    assert joined_labels([np.array(["a"]), np.array(["bcd"])]).dtype == "<U3"


def test_whole_numbers_that_a_gap_made_floats_are_the_labels_of_the_other_parts() -> None:
    for whole in (np.array([1, 2]), np.array([1, 2, None], object)):
        joined = joined_labels([whole, np.array([2.0, np.nan, 1.0])]).tolist()
        assert joined[-3:] == [2, None, 1]
        assert label_codes(joined, len(joined), name="by")[0] == ("1", "2")
    assert joined_labels([np.array([1]), np.array([2.5, np.nan])]).tolist()[:2] == [1, 2.5]
    assert joined_labels([np.array(["1"]), np.array([2.0])]).tolist() == ["1", 2.0]


@pytest.mark.parametrize("labels", [pa.table({"a": [1, 2]}), pa.record_batch({"a": [1, 2]})])
def test_tables_of_arrow_are_no_labels(labels: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="Invalid by"):
        label_codes(labels, 2, name="by")


def test_batches_with_labels_of_different_types_keep_them() -> None:
    halves = [slice(0, 12), slice(12, N)]
    labels = [np.array(WHOLE[:12], np.int64), np.array(WHOLE[12:], np.uint64)]
    parts = [PointEmbeddings(LONLAT[k], VECTORS[k], groups=group) for k, group in zip(halves, labels, strict=True)]
    assert points_from_batches(parts).groups.tolist() == WHOLE


def _part(path: Path, labels: pa.Array) -> None:
    rows = slice(0, len(labels))
    table = {"lon": LONLAT[rows, 0], "lat": LONLAT[rows, 1], "embedding": list(VECTORS[rows]), "sequence": labels}
    pq.write_table(pa.table(table), path)


def test_parts_of_a_table_with_labels_of_different_types_keep_them(tmp_path: Path) -> None:
    _part(tmp_path / "a.parquet", pa.array([LARGE, LARGE + 1]))
    _part(tmp_path / "b.parquet", pa.array([2**63, None, 2**63 + 1], pa.uint64()))
    _part(tmp_path / "c.parquet", pa.array([5.0, None]))
    groups = open_points(tmp_path, group="sequence").groups
    assert groups[:-2].tolist() == [LARGE, LARGE + 1, 2**63, None, 2**63 + 1]
    assert groups[-2] == 5


@pytest.mark.parametrize("door", [read_points, open_points])
def test_a_column_that_pandas_made_floats_is_refused_with_its_file_and_rows(door: Any, tmp_path: Path) -> None:
    _part(tmp_path / "a.parquet", pa.array([LARGE]))
    _part(tmp_path / "b.parquet", pa.array([1.0, None, float(LARGE)]))
    words = f"{tmp_path / 'b.parquet'}: Invalid groups: floats of 2^53 and more in 1 rows: 2."
    with pytest.raises(variogeo.DataError, match=re.escape(words)):
        door(tmp_path / "b.parquet" if door is read_points else tmp_path, group="sequence")


def test_no_warning_comes_from_labels_without_a_number() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert label_codes(np.array(["2020-01-01", "NaT"], "M8[ns]"), 2, name="by")[1].tolist() == [0, -1]
        assert label_array([True, "a"], 2, name="by").tolist() == [True, "a"]
