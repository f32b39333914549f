"""Which columns count, where points are, native geometries, missing rows and groups: the doors for files and frames."""

import json
import re
import warnings
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import CRS
from shapely import Point, Polygon, box
from versions import NULL_OF_FIXED_SIZE

from variogeo import DataError, PointEmbeddings, _columns, _files, empirical_variogram, load
from variogeo._rows import SomeRows
from variogeo.io import (
    dequantize_alphaearth,
    open_embeddings,
    open_points,
    points_from_geodataframe,
    read_points,
)
from variogeo.io._tables import Table

N, WIDTH = 12, 4
RANDOM = np.random.default_rng(31)
# Degrees that float64 and text of seven digits both hold.
LONLAT = np.column_stack([RANDOM.integers(5_000, 15_000, N), RANDOM.integers(45_000, 55_000, N)]) / 1000
VECTORS = RANDOM.normal(size=(N, WIDTH)).astype(np.float32)
LABELS = np.array(["a", "b", "c", "a"] * 3)


def lists(rows: object = VECTORS, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(list(rows), kind or pa.list_(pa.float32()))  # type: ignore[call-overload]


def write(path: Path, **columns: object) -> Path:
    """Write plain Parquet with places, vectors and labels, some columns replaced or, with None, left out."""
    table = {"lon": LONLAT[:, 0], "lat": LONLAT[:, 1], "embedding": lists(), "sequence": LABELS, **columns}
    pq.write_table(pa.table({k: v for k, v in table.items() if v is not None}), path, row_group_size=5)
    return path


def frame(**columns: object) -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(*LONLAT.T)
    return gpd.GeoDataFrame({"embedding": list(VECTORS), **columns}, geometry=points, crs="EPSG:4326")


def same(points: PointEmbeddings, rows: object = slice(None)) -> bool:
    """Whether points are some rows of those of this file, to a millimetre: there and back through a projection."""
    lonlat, vectors = points.lonlat, points.embeddings[:]
    return bool(np.abs(lonlat - LONLAT[rows]).max() < 1e-8) and np.array_equal(vectors, VECTORS[rows])


READ_OR_OPEN = pytest.mark.parametrize("door", [read_points, open_points])


def refusal(path: Path, door: object = read_points, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        door(path, **options)  # type: ignore[operator]
    assert str(path) in str(caught.value)
    return str(caught.value)


# Names


@READ_OR_OPEN
@pytest.mark.parametrize(
    "names",
    [
        "lon lat",
        "LON Lat",
        "lng lat",
        "long lat",
        "Longitude Latitude",
        "centre_lon centre_lat",
        "decimalLongitude decimalLatitude",
    ],
)
def test_known_names_of_columns_need_not_be_told(names: str, door: object, tmp_path: Path) -> None:
    lon, lat = names.split()
    columns = {"lon": None, "lat": None, lat: LONLAT[:, 1], lon: LONLAT[:, 0]}  # in the other order
    points = door(write(tmp_path / "photos.parquet", **columns), group="sequence", model_id="clip")  # type: ignore[operator]
    assert same(points)
    assert points.groups.tolist() == LABELS.tolist()
    assert (points.model_id, points.crs) == ("clip", None)


@READ_OR_OPEN
@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"longitude": LONLAT[:, 0], "latitude": LONLAT[:, 1]},
            "2 pairs of columns for the places: lon, lat; longitude, latitude. Name those that count: lon=, lat=.",
        ),
        ({"LAT": LONLAT[:, 1]}, "2 pairs of columns for the places: lon, lat; lon, LAT."),
        ({"lng": LONLAT[:, 0]}, "2 pairs of columns for the places: lon, lat; lng, lat."),
        ({"lat": None}, "its columns are lon, embedding, sequence. Name those of longitude and latitude"),
        ({"embeddings": lists()}, "Both embedding and embeddings may be the embeddings. "),
        ({"embedding": None, "clip": lists()}, "None of its columns is known as the embeddings. It has lon, lat"),
    ],
    ids=["two pairs", "two cases", "two longitudes", "no latitude", "two embeddings", "no embeddings"],
)
def test_columns_are_never_guessed(columns: dict[str, object], words: str, door: object, tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet", **columns)
    assert words in refusal(path, door)
    options = {"embedding": "clip" if "clip" in columns else "embedding"}
    if "lat" not in columns:
        assert same(door(path, lon="lon", lat="lat", **options))  # type: ignore[operator]


@READ_OR_OPEN
def test_a_column_for_each_entry_is_named_in_a_list(door: object, tmp_path: Path) -> None:
    names = [f"A{k:02}" for k in range(WIDTH)]
    path = write(tmp_path / "photos.parquet", embedding=None, **dict(zip(names, VECTORS.T, strict=True)))
    assert same(door(path, embedding=names))  # type: ignore[operator]
    backwards = door(path, embedding=names[::-1])  # type: ignore[operator]
    assert np.array_equal(backwards.embeddings[:], VECTORS[:, ::-1])
    assert "It has no column 'A09'" in refusal(path, door, embedding=["A00", "A09"])
    assert "Column 'sequence' is of type string. Must be numbers" in refusal(path, door, embedding=["A00", "sequence"])
    message = "columns 'lon' to 'A00' are of different types: float64 in 'lon' and float32 in 'A00'"
    assert message in refusal(path, door, embedding=["lon", "A00"])
    for odd in ([], ["A00", "A00"], ["A00", 3]):
        assert "Must name one column, or different columns of numbers" in refusal(path, door, embedding=odd)


@READ_OR_OPEN
def test_quantised_columns_take_their_formula_and_lose_what_has_no_data(door: object, tmp_path: Path) -> None:
    stored = RANDOM.integers(-127, 127, (N, WIDTH)).astype(np.int8)
    stored[[2, 7]] = -128
    floats = np.delete(dequantize_alphaearth(stored), [2, 7], axis=0)
    names = [f"A{k:02}" for k in range(WIDTH)]
    wide = write(tmp_path / "wide.parquet", embedding=None, **dict(zip(names, stored.T, strict=True)))
    listed = write(tmp_path / "listed.parquet", embedding=lists(stored, pa.list_(pa.int8())))
    for path, embedding in ((wide, names), (listed, None)):
        assert "Integer embeddings are quantised" in refusal(path, door, embedding=embedding)
        options = {"embedding": embedding, "dequantize": dequantize_alphaearth, "missing": "drop"}
        points = door(path, **options)  # type: ignore[operator]
        assert points.dropped == (2, 7)
        assert points.embeddings.dtype == np.float32
        assert np.array_equal(points.embeddings[:], floats)
    message = refusal(write(tmp_path / "floats.parquet"), door, dequantize=dequantize_alphaearth)
    assert "Invalid dequantize for column 'embedding' of dtype float32" in message


def test_a_formula_that_changes_its_mind_is_refused_when_rows_are_read(tmp_path: Path) -> None:
    stored = np.arange(N * WIDTH).reshape(N, WIDTH).astype(np.int16) + 1
    path = write(tmp_path / "photos.parquet", embedding=lists(stored, pa.list_(pa.int16())))
    rows = open_points(path, dequantize=lambda v: v / (2.0 if v.min() < 10 else np.float32(2))).embeddings
    assert rows.dtype == np.float64
    half = open_points(path, dequantize=lambda v: (v / 2).astype(np.float32 if v.min() < 10 else np.float64)).embeddings
    with pytest.raises(DataError, match="row group 1: Invalid dequantize: it made float64 here and float32 before"):
        half[5:]


# Geometry


def test_a_geometry_counts_before_columns_that_agree_with_it(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    rounded = LONLAT.round(2)
    frame(lon=rounded[:, 0], lat=rounded[:, 1]).to_parquet(path)
    points = read_points(path)
    assert same(points)
    assert points.crs == "EPSG:4326"
    assert np.array_equal(read_points(path, lon="lon", lat="lat").lonlat, rounded)  # asked for
    assert same(points_from_geodataframe(frame(lon=rounded[:, 0], lat=rounded[:, 1])))


@READ_OR_OPEN
def test_columns_that_disagree_with_the_geometry_are_refused_with_the_largest_gap(door: object, tmp_path: Path) -> None:
    moved = LONLAT.copy()
    moved[[3, 5], 1] += 0.1, 0.02
    photos = frame(lon=moved[:, 0], lat=moved[:, 1])
    photos.to_parquet(tmp_path / "photos.parquet")
    # A degree of the sphere of 6371.0088 km is 111.195 km.
    words = "Columns 'lon' and 'lat' are up to 11.12 km from the geometry, most in row 3, and more than 1 km in 2 rows"
    assert words in refusal(tmp_path / "photos.parquet", door)
    assert words in refusal(tmp_path / "photos.parquet", door, lon="lon", lat="lat")
    with pytest.raises(DataError, match=re.escape(words)):
        points_from_geodataframe(photos)
    photos["lat"] += 100.0
    with pytest.raises(DataError, match="Columns 'lon' and 'lat' are no degrees in row 0, but it has a geometry too"):
        points_from_geodataframe(photos)
    photos["lat"] = np.nan
    assert same(points_from_geodataframe(photos))  # nothing that could disagree


@pytest.mark.parametrize(
    ("make", "reads"),
    [
        (lambda numbers: numbers.map(str), True),
        (lambda numbers: numbers.map(str).astype("category"), True),
        (lambda numbers: numbers.map(lambda number: Decimal(f"{number:.3f}")), True),
        (lambda numbers: (1000 * numbers).round().astype("Int32") / 1000, True),
        (lambda numbers: numbers.map("{} N".format), False),
        (lambda numbers: numbers > 10, False),
    ],
    ids=["text", "categories", "decimals", "nullable", "words", "booleans"],
)
def test_columns_of_text_beside_a_geometry_are_compared_where_they_are_numbers(
    make: Callable[[pd.Series], pd.Series], reads: bool, tmp_path: Path
) -> None:
    path = tmp_path / "photos.parquet"
    photos = frame(lon=make(pd.Series(LONLAT[:, 0])), lat=make(pd.Series(LONLAT[:, 1])))
    photos.to_parquet(path)
    assert same(points_from_geodataframe(photos))
    assert same(read_points(path))
    assert same(open_points(path))
    photos["lat"] = make(pd.Series(LONLAT[:, 1] + (np.arange(N) == 3) * 0.1))
    photos.to_parquet(path)
    if not reads:
        assert same(read_points(path))
        return
    # A degree of the sphere of 6371.0088 km is 111.195 km.
    words = "Columns 'lon' and 'lat' are up to 11.12 km from the geometry, most in row 3"
    assert words in refusal(path)
    assert words in refusal(path, open_points)
    with pytest.raises(DataError, match=re.escape(words)):
        points_from_geodataframe(photos)


@READ_OR_OPEN
def test_columns_of_text_that_are_named_are_refused_with_the_way_out(door: object, tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet", lon=[str(lon) for lon in LONLAT[:, 0]])
    words = "Column 'lon' is of type string. Must be numbers: convert it and write the file again."
    assert words in refusal(path, door)


def test_chips_take_the_columns_of_their_centres_when_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "chips.parquet"
    chips = [box(lon - 1, lat - 1, lon + 3, lat + 1) for lon, lat in LONLAT]
    chip_frame = frame(centre_lon=LONLAT[:, 0], centre_lat=LONLAT[:, 1]).set_geometry(gpd.GeoSeries(chips, crs=4326))
    chip_frame.to_parquet(path)
    assert 'pass point="representative"' in refusal(path)
    assert same(read_points(path, lon="centre_lon", lat="centre_lat"))
    by_frame = points_from_geodataframe(chip_frame, point="representative")
    assert np.abs(by_frame.lonlat - LONLAT - (1, 0)).max() < 1e-9
    with pytest.raises(ValueError, match="geometry holds 12 Polygon"):
        points_from_geodataframe(chip_frame)
    inside = read_points(path, point="representative")
    assert np.abs(inside.lonlat - LONLAT - (1, 0)).max() < 1e-9
    with pytest.raises(ValueError, match="Columns of numbers hold points already"):
        read_points(path, lon="centre_lon", lat="centre_lat", point="representative")
    plain = write(tmp_path / "plain.parquet")
    assert "It has no geometry; columns of numbers hold points already" in refusal(plain, point="representative")


def test_projected_points_are_converted_and_their_crs_is_told() -> None:
    photos = frame().to_crs("EPSG:32632")
    points = points_from_geodataframe(photos, group=None)
    assert same(points)
    assert points.crs == "EPSG:32632"
    own = photos.to_crs("+proj=laea +lat_0=50 +lon_0=10")
    assert points_from_geodataframe(own).crs == own.crs.name


def test_a_polygon_over_the_antimeridian_is_refused() -> None:
    shapes = [box(*LONLAT[0], *LONLAT[0] + 1), Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])]
    chips = gpd.GeoDataFrame({"embedding": [[1.0], [2.0]]}, geometry=shapes, crs="EPSG:4326")
    with pytest.raises(ValueError, match=r"wider than 180 degrees in 1 rows: 1\. Across the antimeridian"):
        points_from_geodataframe(chips, point="representative")


class _Wkb(pa.ExtensionType):
    """What pyarrow writes as Parquet's own type of geometries."""

    def __init__(self, meta: str = "{}") -> None:
        self.meta = meta
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self) -> bytes:
        return self.meta.encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, meta: bytes) -> "_Wkb":
        return cls(meta.decode())


def write_native(path: Path, crs: object = None, *, where: CRS | str = "EPSG:4326", missing: int | None = None,
                 also: str | None = None, **meta: object) -> Path:  # fmt: skip
    """Write points in Parquet's own type, without GeoParquet metadata; skipped where pyarrow cannot."""
    geometry = gpd.GeoSeries(gpd.points_from_xy(*LONLAT.T), crs="EPSG:4326").to_crs(where)
    raw = shapely.to_wkb(geometry.to_numpy()).tolist()
    if missing is not None:
        raw[missing] = None
    kind = _Wkb(json.dumps(meta if crs is None else {"crs": crs, **meta}))
    pa.register_extension_type(kind)
    try:
        column = pa.ExtensionArray.from_storage(kind, pa.array(raw, pa.binary()))
        table = {"embedding": lists(), "shape": column}
        if also is not None:
            table[also] = column
        pq.write_table(pa.table(table), path, store_schema=False, row_group_size=5)
    finally:
        pa.unregister_extension_type("geoarrow.wkb")
    if not any("Geo" in str(pq.read_metadata(path).schema.column(k).logical_type) for k in range(2)):
        pytest.skip("this pyarrow has no geometries of Parquet itself")
    return path


@READ_OR_OPEN
@pytest.mark.parametrize(
    ("crs", "where", "meta", "name"),
    [
        (None, "OGC:CRS84", {}, "OGC:CRS84"),
        (None, "OGC:CRS84", {"edges": "spherical"}, "OGC:CRS84"),
        (CRS("EPSG:32632").to_json_dict(), "EPSG:32632", {"crs_type": "projjson"}, "EPSG:32632"),
        ("3035", "EPSG:3035", {"crs_type": "srid"}, "EPSG:3035"),
        ("EPSG:3857", "EPSG:3857", {"crs_type": "authority_code"}, "EPSG:3857"),
    ],
    ids=["no CRS", "geography", "PROJJSON", "number", "code"],
)
def test_geometries_of_parquet_itself_are_read(
    crs: object, where: str, meta: dict[str, object], name: str, door: object, tmp_path: Path
) -> None:
    points = door(write_native(tmp_path / "photos.parquet", crs, where=where, **meta))  # type: ignore[operator]
    assert same(points)
    assert points.crs == name


def test_geometries_of_parquet_itself_may_be_missing_but_not_two(tmp_path: Path) -> None:
    path = write_native(tmp_path / "photos.parquet", missing=3)
    assert "geometry is missing or empty in 1 rows: 3" in refusal(path)
    assert read_points(path, missing="drop").dropped == (3,)
    assert "It has 2 geometries: shape, other" in refusal(write_native(tmp_path / "two.parquet", also="other"))
    first, second = tmp_path / "parts" / "a.parquet", tmp_path / "parts" / "b.parquet"
    first.parent.mkdir()
    write_native(first)
    write_native(second, CRS("EPSG:32632").to_json_dict(), where="EPSG:32632")
    assert f"another CRS than the one in {first}" in refusal(second.parent, open_points)


def test_the_crs_of_a_geometry_may_be_a_number_or_lie_elsewhere_in_the_file() -> None:
    from variogeo.io._tables import _known_crs

    schema = pa.schema([], metadata={"mine": CRS("EPSG:3035").to_json()})
    assert _known_crs("projjson:mine", schema) == _known_crs("srid:3035", schema) == CRS("EPSG:3035")


# Missing rows


@READ_OR_OPEN
@pytest.mark.parametrize(
    "fixed", [False, pytest.param(True, marks=NULL_OF_FIXED_SIZE)], ids=["list", "fixed size list"]
)
def test_null_rows_are_dropped_and_no_row_moves(fixed: bool, door: object, tmp_path: Path) -> None:
    rows: list[object] = [row.tolist() for row in VECTORS]
    rows[0] = rows[6] = None  # the first of a row group is one of them
    rows[8] = [1.0, None, 3.0, 4.0]
    kind = pa.list_(pa.float32(), WIDTH) if fixed else pa.list_(pa.float32())
    lon = LONLAT[:, 0].copy()
    lon[10] = np.nan
    latitudes = pa.array([None if row == 4 else value for row, value in enumerate(LONLAT[:, 1])])
    path = write(tmp_path / "photos.parquet", embedding=lists(rows, kind), lon=lon, lat=latitudes)
    assert "rows: 0, 6" in refusal(path) or "rows: 4, 10" in refusal(path)
    points = door(path, missing="drop", group="sequence")  # type: ignore[operator]
    kept = [1, 2, 3, 5, 7, 9, 11]
    assert same(points, kept)
    assert points.dropped == (0, 4, 6, 8, 10)
    assert points.groups.tolist() == LABELS[kept].tolist()
    assert isinstance(points.embeddings, SomeRows) == (door is open_points)


@READ_OR_OPEN
def test_whole_row_groups_may_be_missing(door: object, tmp_path: Path) -> None:
    rows = [None] * 5 + [row.tolist() for row in VECTORS[5:]]
    path = write(tmp_path / "photos.parquet", embedding=lists(rows))
    points = door(path, missing="drop")  # type: ignore[operator]
    assert points.dropped == (0, 1, 2, 3, 4)
    assert same(points, slice(5, None))
    path = write(tmp_path / "none.parquet", embedding=lists([None] * N))
    assert "has no entries in" in refusal(path, door, missing="drop")
    ragged = [None, *([1.0, 2.0] for _ in range(10)), [1.0]]
    path = write(tmp_path / "ragged.parquet", embedding=lists(ragged))
    with pytest.raises(DataError, match=r"2 entries in its first vector but 1 in row 11"):
        door(path, missing="drop").embeddings[:]  # type: ignore[operator]


@READ_OR_OPEN
def test_nulls_in_columns_side_by_side_are_missing_rows(door: object, tmp_path: Path) -> None:
    first = pa.array([None if row in (1, 7) else float(row + 1) for row in range(N)])
    path = write(tmp_path / "photos.parquet", a=first, b=np.ones(N))
    assert "Column 'a' is null in" in refusal(path, door, embedding=["a", "b"]) or door is open_points
    points = door(path, embedding=["a", "b"], missing="drop")  # type: ignore[operator]
    assert points.dropped == (1, 7)
    assert points.embeddings[:][:, 0].tolist() == [row + 1.0 for row in range(N) if row not in (1, 7)]


def test_a_variogram_is_the_same_with_and_without_the_rows_that_are_dropped(tmp_path: Path) -> None:
    rows: list[object] = [row.tolist() for row in VECTORS]
    rows[2] = rows[9] = None
    path = write(tmp_path / "photos.parquet", embedding=lists(rows))
    kept = np.delete(np.arange(N), [2, 9])
    whole = empirical_variogram(LONLAT[kept], VECTORS[kept])
    for door in (read_points, open_points):
        again = empirical_variogram(*door(path, missing="drop"))
        assert again.npairs.tolist() == whole.npairs.tolist()
        assert np.allclose(again.semivariance, whole.semivariance, rtol=1e-12, equal_nan=True)


# GeoDataFrames


def test_a_geodataframe_becomes_points_with_groups_and_keeps_its_columns() -> None:
    photos = frame(sequence=LABELS)
    photos.index = RANDOM.permutation(N)
    before = photos.copy(deep=True)
    points = points_from_geodataframe(photos, group="sequence", model_id="clip")
    assert same(points)
    assert points.groups.tolist() == LABELS.tolist()
    pd.testing.assert_frame_equal(photos, before)
    wide = frame(**{f"A{k:02}": VECTORS[:, k] for k in range(WIDTH)})
    assert same(points_from_geodataframe(wide, embedding=[f"A{k:02}" for k in range(WIDTH)]))
    arrow = frame(embedding=pd.Series(lists(), dtype=pd.ArrowDtype(pa.list_(pa.float32()))))
    assert same(points_from_geodataframe(arrow))
    nullable = frame(a=pd.array([1, None, *range(3, N + 1)], dtype="Int16"), b=np.ones(N, np.int16))
    points = points_from_geodataframe(nullable, embedding=["a", "b"], missing="drop", dequantize=lambda v: v / 2)
    assert points.dropped == (1,)
    assert points.embeddings[:2].tolist() == [[0.5, 0.5], [1.5, 0.5]]


@pytest.mark.parametrize(
    "labels",
    [
        pd.array([2**60, None, 2**60 + 1] * 4, dtype="Int64"),
        pd.array([2**60, None, 2**60 + 1] * 4, dtype=pd.ArrowDtype(pa.int64())),
    ],
    ids=lambda labels: str(labels.dtype.name),
)
def test_whole_numbers_with_nulls_stay_apart_as_labels_of_a_geodataframe(labels: object) -> None:
    groups = points_from_geodataframe(frame(sequence=labels), group="sequence").groups
    assert groups[0::3].tolist() == [2**60] * 4
    assert groups[2::3].tolist() == [2**60 + 1] * 4
    assert pd.isna(groups[1::3]).all()


def test_categories_of_whole_numbers_with_nulls_stay_whole_as_labels_of_a_geodataframe() -> None:
    photos = frame(sequence=pd.Categorical([2**60, None, 2**60 + 1] * 4))
    groups = points_from_geodataframe(photos, group="sequence").groups
    assert groups[0::3].tolist() == [2**60] * 4
    assert groups[2::3].tolist() == [2**60 + 1] * 4
    assert pd.isna(groups[1::3]).all()


def test_null_and_empty_geometries_and_vectors_are_dropped_from_a_geodataframe() -> None:
    photos = frame()
    shapes, vectors = list(photos.geometry), list(VECTORS)
    shapes[1], shapes[4] = None, Point()
    vectors[7], vectors[9] = None, float("nan")  # pandas has two words for it
    photos = gpd.GeoDataFrame({"embedding": vectors}, geometry=shapes, crs="EPSG:4326")
    with pytest.raises(ValueError, match=r"Column 'embedding' is null in 2 rows: 7, 9\. Drop these rows, or pass"):
        points_from_geodataframe(photos)
    points = points_from_geodataframe(photos, missing="drop")
    assert points.dropped == (1, 4, 7, 9)
    assert same(points, np.delete(np.arange(N), [1, 4, 7, 9]))
    with pytest.raises(ValueError, match="geometry is missing or empty in 2 rows: 1, 4"):
        points_from_geodataframe(photos.assign(embedding=list(VECTORS)))
    with pytest.raises(ValueError, match="All 12 rows lack a place or a vector"):
        points_from_geodataframe(frame(embedding=[None] * N), missing="drop")
    holes = frame(a=[np.nan, *[1.0] * 11], b=np.ones(N))
    with pytest.raises(ValueError, match="columns 'a' to 'b' is null in 1 rows: 0"):
        points_from_geodataframe(holes, embedding=["a", "b"])


@pytest.mark.parametrize(
    ("photos", "options", "kind", "words"),
    [
        (frame(embedding=np.arange(N)), {}, TypeError, "Column 'embedding' is of type int64. Must be lists or arrays"),
        (frame(embedding=pd.array(["a"] * N, "string")), {}, TypeError, "Column 'embedding' is of type string"),
        (
            frame(embedding=[*VECTORS[:5], VECTORS[5, :2], *VECTORS[6:]]), {}, ValueError,
            "Column 'embedding' has 4 entries in row 0 but 2 entries in row 5. Must be equal",
        ),
        (frame(embedding=[np.ones((2, 2))] * N), {}, ValueError, "has shape (2, 2) in row 0 but shape (2, 2) in row 0"),
        (frame(embedding=[[]] * N), {}, ValueError, "Must be equal, and at least one"),
        (frame(embedding=[["a"]] * N), {}, TypeError, "Invalid column 'embedding', row 0 of dtype <U1"),
        (frame(embedding=[[1]] * N), {}, TypeError, "Integer embeddings are quantised"),
        (frame(a=["x"] * N), {"embedding": ["a"]}, TypeError, "Column 'a' is of type"),
        (frame(), {"embedding": "clip"}, DataError, "It has no column 'clip'. It has embedding, geometry."),
        (frame().rename(columns={"embedding": 0}), {"embedding": "0"}, DataError, "It has no column '0'"),
        (frame(), {"group": "sequence"}, DataError, "It has no column 'sequence'"),
        (frame().set_crs(None, allow_override=True), {}, ValueError, "has no CRS"),
        (frame(), {"embedding": 5}, ValueError, "Invalid embedding 5. Must name one column"),
        (gpd.GeoDataFrame({"embedding": list(VECTORS)}), {}, ValueError, "gdf has no geometry that is active"),
        (frame().assign(other=frame().geometry).drop(columns="geometry"), {}, ValueError, "gdf has no geometry"),
        (pd.DataFrame({"lon": [1]}), {}, TypeError, "Invalid gdf of type DataFrame. Must be a GeoDataFrame"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_geodataframe_that_does_not_fit_is_refused(
    photos: object, options: dict[str, object], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        points_from_geodataframe(photos, **options)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_two_columns_of_one_name_are_refused() -> None:
    photos = pd.concat([frame(), frame()[["embedding"]]], axis=1)
    with pytest.raises(ValueError, match="gdf has more than one column 'embedding'"):
        points_from_geodataframe(gpd.GeoDataFrame(photos, geometry="geometry"))


# npz, npy and csv


def test_an_npz_file_with_places_twice_is_refused_unless_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    np.savez(path, lonlat=LONLAT, lon=LONLAT[:, 0] + 5, lat=LONLAT[:, 1], embedding=VECTORS)
    assert "It has lonlat and lon, lat. Name those that count" in refusal(path)
    assert read_points(path, lon="lon", lat="lat").lonlat[0, 0] == LONLAT[0, 0] + 5


def test_an_npz_file_holds_places_in_one_array_or_two(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    np.savez(path, Longitude=LONLAT[:, 0], LATITUDE=LONLAT[:, 1], embedding=VECTORS, sequence=LABELS)
    points = read_points(path, group="sequence")
    assert same(points)
    assert points.groups.tolist() == LABELS.tolist()
    np.savez(path, a=LONLAT[:, 0], b=LONLAT[:, 1], **{f"A{k}": VECTORS[:, k] for k in range(WIDTH)})
    assert same(read_points(path, embedding=[f"A{k}" for k in range(WIDTH)], lon="a", lat="b"))
    np.savez(path, lon=LONLAT[:, 0], lat=LONLAT[1:, 1], embedding=VECTORS)
    assert "Invalid array 'lat' of shape (11,). Must be (n,): one number per point." in refusal(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_npy_file_takes_its_places_from_a_table_row_by_row(suffix: str, tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", VECTORS)
    table = tmp_path / f"photos{suffix}"
    columns = pd.DataFrame({"id": range(N), "latitude": LONLAT[:, 1], "longitude": LONLAT[:, 0], "sequence": LABELS})
    columns.to_csv(table, index=False) if suffix == ".csv" else columns.to_parquet(table)
    points = read_points(tmp_path / "clip.npy", table=table, group="sequence")
    assert same(points)
    assert isinstance(points.embeddings, np.memmap)
    assert points.groups.tolist() == LABELS.tolist()
    np.save(tmp_path / "clip.npy", VECTORS[1:])
    message = refusal(tmp_path / "clip.npy", table=table)
    assert f"It has 11 rows but {table} has 12. One row per photo in both." in message
    np.save(tmp_path / "clip.npy", np.ones((N, WIDTH), np.int8))
    assert "Integer embeddings are quantised" in refusal(tmp_path / "clip.npy", table=table)
    assert read_points(tmp_path / "clip.npy", table=table, dequantize=dequantize_alphaearth).embeddings.dtype == "f4"


def test_a_table_in_csv_that_is_none_is_refused(tmp_path: Path) -> None:
    path, table = tmp_path / "clip.npy", tmp_path / "photos.csv"
    np.save(path, VECTORS)
    assert 'Pass the file of the places, row by row: table="photos.csv".' in refusal(path)
    assert "Invalid embedding 'clip'. An npy file holds one array" in refusal(path, embedding="clip", table=table)
    for text, words in (
        ("", "It cannot be read as csv"),
        ("lon,lat\n1,2,3\n", "It cannot be read as csv"),
        ("lon,lat,lon\n1,2,3\n", "It has more than one column 'lon'. Rename one."),
        ("a,b\n1,2\n", "No columns are known as places; its columns are a, b."),
        ("lon,lat\n" + "a,b\n" * N, "Column 'lon' is of type string. Must be numbers: convert it"),
    ):
        table.write_text(text)
        assert words in refusal(table, lambda table: read_points(path, table=table))
    (tmp_path / "photos.txt").write_text("lon,lat\n")
    with pytest.raises(DataError, match=r"ends in '\.txt'\. Must be Parquet \(\.parquet, \.geoparquet\) or \.csv"):
        read_points(path, table=tmp_path / "photos.txt")
    np.savez(tmp_path / "photos.npz", lonlat=LONLAT, embedding=VECTORS)
    with pytest.raises(ValueError, match=r"Invalid table .* for photos\.npz, which holds its own places"):
        read_points(tmp_path / "photos.npz", table=table)
    missing = "lon,lat\n" + "\n".join(f"{lon},{lat if row != 3 else ''}" for row, (lon, lat) in enumerate(LONLAT))
    table.write_text(missing)
    assert read_points(path, table=table, missing="drop").dropped == (3,)


@READ_OR_OPEN
def test_units_of_columns_are_told(door: object, tmp_path: Path) -> None:
    whole = np.round(LONLAT * 1e7).astype(np.int64)
    path = write(tmp_path / "photos.parquet", lon=whole[:, 0], lat=whole[:, 1])
    assert 'Pass units="e7"' in refusal(path, door)
    assert same(door(path, units="e7"))  # type: ignore[operator]
    with pytest.raises(ValueError, match="Invalid units 'm'"):
        door(path, units="m")  # type: ignore[operator]


@READ_OR_OPEN
def test_swapped_columns_are_warned_of_at_the_line_of_the_caller(door: object, tmp_path: Path) -> None:
    france = np.column_stack([np.linspace(0, 4, N), np.linspace(44, 49, N)])
    path = write(tmp_path / "photos.parquet", lon=france[:, 1], lat=france[:, 0])
    with pytest.warns(UserWarning, match="are the columns swapped") as caught:
        door(path)  # type: ignore[operator]
    assert caught[0].filename == __file__
    door(path, check_land=False)  # type: ignore[operator]


@READ_OR_OPEN
@pytest.mark.parametrize(
    "labels",
    [
        pa.array([2**60, None, 2**60 + 1] * 4),
        pa.array([2**60, None, 2**60 + 1] * 4).dictionary_encode(),
        pa.array(["a", None, "b"] * 4).dictionary_encode(),
    ],
    ids=lambda labels: str(labels.type),
)
def test_labels_beside_nulls_stay_what_they_are(labels: pa.Array, door: object, tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet", sequence=labels)
    assert door(path, group="sequence").groups.tolist() == labels.to_pylist()  # type: ignore[operator]


@READ_OR_OPEN
def test_a_column_that_stands_twice_is_refused_when_it_is_asked_for(door: object, tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    names = ["lon", "lat", "embedding", "sequence", "sequence"]
    pq.write_table(pa.table([LONLAT[:, 0], LONLAT[:, 1], lists(), LABELS, LABELS[::-1]], names=names), path)
    assert same(door(path))  # type: ignore[operator]
    assert f"{path}: It has more than one column 'sequence'. Rename one." == refusal(path, door, group="sequence")


@pytest.mark.parametrize(
    "labels",
    [
        ["007", "7", "07", "7.0"],
        [str(2**63 + k) for k in range(4)],
        ["1e3", "1000", "1e400", "-0"],
        ["true", "True", "1", "false"],
        ["2020-01-01", "2020-01-01 00:00", "2020-01-02", "2020-01-03"],
        ["00:30", "0:30", "00:30:00", "01:00"],
        ["a", "NA", "b", "NaN"],  # as Namibia is called
        ["0x10", "16", " 16", "16 "],
    ],
    ids=lambda labels: labels[0],
)
def test_labels_of_csv_are_the_text_that_stands_there(labels: list[str], tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", VECTORS)
    lines = [f'{lon},{lat},"{label}"' for (lon, lat), label in zip(LONLAT, labels * 3, strict=True)]
    (tmp_path / "places.csv").write_text("\n".join(["lon,lat,sequence", *lines]))
    points = read_points(tmp_path / "clip.npy", table=tmp_path / "places.csv", group="sequence")
    assert points.groups.tolist() == labels * 3


def test_labels_of_csv_that_are_missing_among_numbers_are_none(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", VECTORS)
    labels = ["007", "", "NA", "7"]
    lines = [f"{lon},{lat},{label}" for (lon, lat), label in zip(LONLAT, labels * 3, strict=True)]
    (tmp_path / "places.csv").write_text("\n".join(["lon,lat,sequence", *lines]))
    points = read_points(tmp_path / "clip.npy", table=tmp_path / "places.csv", group="sequence")
    assert points.groups.tolist() == ["007", None, None, "7"] * 3


def test_a_csv_table_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "places.csv"
    table.write_text("lon,lat,sequence\n8,50,007\n9,51,7\n")
    held = Table.of(table)
    table.write_text("lon,lat,sequence\n8,50,007\n")
    with pytest.raises(DataError, match=r"cannot be read as csv: .* Was it changed while it was read"):
        held.labels("sequence")


def test_a_column_of_labels_that_holds_lists_is_read_as_it_is_and_used_by_nobody(tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet")
    assert f"{path}: It has no column 'series'. It has lon, lat, embedding, sequence." == refusal(path, group="series")
    assert read_points(path, group="lon").groups.tolist() == LONLAT[:, 0].tolist()


# Files that should not be opened


@pytest.mark.parametrize("name", ["photos.pkl", "photos.pt", "photos.PTH", "photos.joblib", "photos.pickle"])
@pytest.mark.parametrize("door", [read_points, open_points, open_embeddings])
def test_files_of_objects_are_refused_by_their_name_with_the_way_out(name: str, door: object, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"whatever")
    message = refusal(tmp_path / name, door)
    assert "variogeo never unpickles" in message
    assert 'numpy.savez("photos.npz", lonlat=lonlat, embeddings=embeddings)' in message


@pytest.mark.parametrize("name", ["model.pkl", "model.json"])
def test_a_model_of_objects_is_refused_with_the_way_to_json(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    message = refusal(tmp_path / name, load)
    assert "variogeo never unpickles" in message
    assert 'model.save("model.json")' in message


def test_raw_numbers_that_begin_like_objects_are_numbers(tmp_path: Path) -> None:
    raw = np.frombuffer(b"\x80\x04" + bytes(6), "<f4")
    raw.tofile(tmp_path / "clip.f32")
    assert np.array_equal(open_embeddings(tmp_path / "clip.f32", shape=(2, 1), dtype="<f4")[:, 0], raw)


def test_a_file_of_torch_named_npz_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.npz", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    assert "It is a file of torch: variogeo never unpickles" in refusal(tmp_path / "photos.npz")


def test_an_npz_file_with_two_members_of_one_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    np.savez(path, lonlat=LONLAT, embedding=VECTORS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("embedding.npy", b"")
    assert "or two of one name" in refusal(path)


def test_files_that_grow_a_hundred_times_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros = np.zeros((200, 2000), np.float32)
    np.savez_compressed(tmp_path / "photos.npz", lonlat=np.zeros((200, 2)), embedding=zeros)
    table = pa.table({"lon": np.zeros(200), "lat": np.zeros(200), "embedding": pa.array(list(zeros))})
    pq.write_table(table, tmp_path / "photos.parquet", compression="zstd")
    np.save(tmp_path / "clip.npy", VECTORS)
    monkeypatch.setattr(_files, "_SMALLEST_BOMB", 2**20)
    assert "more than 100 times as many. Made to fill the memory?" in refusal(tmp_path / "photos.npz")
    for door in (read_points, open_points):
        assert "more than 100 times as many" in refusal(tmp_path / "photos.parquet", door)
    monkeypatch.setattr(_files, "_LARGEST_DECLARED", 2**20)
    assert "where 0 may be read at once" in refusal(tmp_path / "photos.npz")


def test_a_footer_with_fewer_rows_than_the_file_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "photos.parquet")
    opened = _columns.open_parquet

    class Short:
        """A file whose batches end early or late."""

        def __init__(self, file: Path, change: int) -> None:
            self.parquet, self.change = opened(file), change
            self.metadata, self.schema_arrow = self.parquet.metadata, self.parquet.schema_arrow

        def __enter__(self) -> "Short":
            return self

        def __exit__(self, *_: object) -> None:
            self.parquet.close()

        def iter_batches(self, *arguments: object, **options: object) -> object:
            batches = list(self.parquet.iter_batches(*arguments, **options))
            return iter(batches + batches if self.change > 0 else batches[:-1])

    columns = _columns.EmbeddingColumns(("embedding",), listed=True)
    for change in (-1, 1):
        monkeypatch.setattr(_columns, "open_parquet", lambda file, change=change: Short(file, change))
        with pytest.raises(DataError, match="It has other rows than its footer says, 12"):
            _columns.read_vectors(path, columns)
