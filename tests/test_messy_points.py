"""What geographers bring: gaps as NaN points, split polygons, odd CRS, decimal commas, tensors that are no arrays."""

import copy
import math
import os
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely import MultiPolygon, Point, box

import variogeo
from variogeo import DataError, Exponential, LagBins, PointEmbeddings, check, empirical_variogram
from variogeo._label_codes import label_codes
from variogeo.checkup import Finding
from variogeo.interop import lonlat_from_geodataframe
from variogeo.io import open_points, points_from_arrays, points_from_batches, points_from_geodataframe, read_points
from variogeo.io._duplicates import rows_that_repeat

N, WIDTH = 12, 4
RANDOM = np.random.default_rng(7)
LONLAT = np.column_stack([RANDOM.uniform(5, 15, N), RANDOM.uniform(45, 55, N)])
VECTORS = RANDOM.normal(size=(N, WIDTH)).astype(np.float32)


def frame(geometry: Any = None, crs: Any = "EPSG:4326", **columns: Any) -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(*LONLAT.T) if geometry is None else geometry
    return gpd.GeoDataFrame({"embedding": list(VECTORS[: len(points)]), **columns}, geometry=points, crs=crs)


def by_parquet(table: gpd.GeoDataFrame, path: Path, **options: Any) -> PointEmbeddings:
    table.to_parquet(path / "photos.parquet")
    return read_points(path / "photos.parquet", **options)


# Geometries


@pytest.mark.filterwarnings("ignore:invalid value encountered in bounds")  # of shapely 2.0, where geopandas writes
@pytest.mark.parametrize("gap", [math.nan, math.inf])
def test_points_that_points_from_xy_makes_of_gaps_are_missing(gap: float, tmp_path: Path) -> None:
    holes = LONLAT.copy()
    holes[[2, 5], 0] = gap
    table = frame([Point(*place) for place in holes])
    rest = np.delete(LONLAT, [2, 5], axis=0)
    for points in (
        points_from_geodataframe(table, missing="drop"), by_parquet(table, tmp_path, missing="drop"),
        open_points(tmp_path / "photos.parquet", missing="drop"),
    ):  # fmt: skip
        assert points.dropped == (2, 5)
        assert np.array_equal(points.lonlat, rest)
    for act in (lambda: points_from_geodataframe(table), lambda: read_points(tmp_path / "photos.parquet")):
        with pytest.raises(ValueError, match="geometry is missing or empty in 2 rows: 2, 5"):
            act()
    with pytest.raises(ValueError, match="geometry is missing or empty in 2 rows: 2, 5"):
        lonlat_from_geodataframe(table)


def test_polygons_split_at_the_antimeridian_are_as_wide_as_their_parts() -> None:
    fiji = MultiPolygon([box(179, -18, 180, -17), box(-180, -18, -179.5, -17)])
    ((longitude, latitude),) = lonlat_from_geodataframe(frame([fiji]), point="representative")
    assert abs(longitude) >= 179
    assert -18 <= latitude <= -17
    round_it = MultiPolygon([box(0, 0, 1, 1), box(-100, 0, 100, 1)])
    with pytest.raises(ValueError, match="wider than 180 degrees in 1 rows: 1"):
        lonlat_from_geodataframe(frame([fiji, round_it]), point="representative")


def test_a_geocentric_crs_without_heights_has_no_places() -> None:
    with pytest.raises(ValueError, match=r"measures x, y and z from the middle of the Earth, but geometry has no z"):
        points_from_geodataframe(frame(crs="EPSG:4978"))
    with_a_gap = gpd.GeoDataFrame(
        {"embedding": list(VECTORS[:2])}, geometry=[Point(6378137, 0, 0), Point()], crs="EPSG:4978"
    )
    assert points_from_geodataframe(with_a_gap, missing="drop").dropped == (1,)
    above_kenya = gpd.GeoDataFrame(
        {"embedding": list(VECTORS[:2])}, geometry=[Point(6378137, 0, 0)] * 2, crs="EPSG:4978"
    )
    np.testing.assert_allclose(lonlat_from_geodataframe(above_kenya), 0.0, atol=1e-9)


def test_degrees_in_a_crs_of_metres_are_suspicious() -> None:
    with pytest.warns(UserWarning, match=r"within 400 m of longitude 0, latitude 0\. Were they degrees in a CRS of"):
        points = points_from_geodataframe(frame(crs="EPSG:3857"), check_land=False)
    names = [{one.name for one in check(*points, units=units, check_land=False).findings} for units in (None, "deg")]
    assert ["radians" in found for found in names] == [True, False]
    assert ["degrees as metres" in found for found in names] == [False, True]
    with pytest.raises(ValueError, match=r"Invalid units 'rad'\. Must be one of 'deg'"):
        check(*points, units="rad")  # type: ignore[arg-type]
    # The cure that it names.
    cured = points_from_geodataframe(frame(crs="EPSG:3857").set_crs("EPSG:4326", allow_override=True))
    assert np.array_equal(cured.lonlat, LONLAT)


def test_columns_beside_polygons_must_say_a_place_of_their_boxes(tmp_path: Path) -> None:
    chips = [box(lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1) for lon, lat in LONLAT]
    near = frame(chips, lon=LONLAT[:, 0] + 0.05, lat=LONLAT[:, 1])
    assert len(points_from_geodataframe(near, point="representative")) == N
    assert len(by_parquet(near.to_crs("EPSG:3035"), tmp_path, point="representative")) == N
    east = frame([box(-10 - 0.1, 40, -10 + 0.1, 41)] * N, lon=np.full(N, 350.05), lat=np.full(N, 40.5))
    assert len(points_from_geodataframe(east, point="representative")) == N
    far = frame(chips, lon=LONLAT[:, 0] + 30, lat=LONLAT[:, 1])
    with pytest.raises(DataError, match=r"Columns 'lon' and 'lat' are up to 2\d{3} km from the geometry"):
        points_from_geodataframe(far, point="representative")
    far.to_parquet(tmp_path / "far.parquet")
    with pytest.raises(DataError, match="km from the geometry"):
        read_points(tmp_path / "far.parquet", point="representative")
    # Who names the columns may mean the camera and not its footprint.
    assert np.array_equal(
        read_points(tmp_path / "far.parquet", lon="lon", lat="lat").lonlat, LONLAT + np.array([30, 0])
    )
    for west in (200.0, -160.0):  # polygons of 0..360
        table = frame([box(200 + k, 5, 201 + k, 6) for k in range(N)], lon=west + np.arange(N), lat=np.full(N, 5.5))
        assert len(points_from_geodataframe(table, point="representative")) == N


@pytest.mark.parametrize("text", ["{:.4f}°", "{:.4f} "])
def test_texts_of_degrees_with_a_decimal_comma_are_compared_with_the_geometry(text: str, tmp_path: Path) -> None:
    def texts(shift: float) -> dict[str, list[str]]:
        return {
            name: [text.format(number + shift).replace(".", ",") for number in column]
            for name, column in zip(("lon", "lat"), LONLAT.T, strict=True)
        }

    assert len(points_from_geodataframe(frame(**texts(0.0)))) == N
    for act in (points_from_geodataframe, lambda table: by_parquet(table, tmp_path)):
        with pytest.raises(DataError, match="km from the geometry, most in row"):
            act(frame(**texts(5.0)))


def test_units_beside_a_geometry_contradict_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Invalid units 'rad'\. It has a geometry, which is in its CRS\."):
        by_parquet(frame(), tmp_path, units="rad")
    assert len(read_points(tmp_path / "photos.parquet", units="deg")) == N


# Numbers


@pytest.mark.parametrize("act", [points_from_arrays, check, lambda x, v: empirical_variogram(x, v, LagBins([0, 500]))])
def test_coordinates_of_half_precision_are_refused(act: Any) -> None:
    torch = pytest.importorskip("torch")
    halves = LONLAT.astype(np.float16)
    for given in (halves, pd.DataFrame(halves), torch.tensor(LONLAT).half(), torch.tensor(LONLAT).bfloat16()):
        with pytest.raises(
            TypeError, match=r"Invalid lonlat of dtype \S*float16: half precision moves a place by kilo"
        ):
            act(given, VECTORS)


def test_columns_of_half_precision_are_no_places(tmp_path: Path) -> None:
    places = [pa.array(column.astype(np.float16)) for column in LONLAT.T]
    pq.write_table(pa.table({"lon": places[0], "lat": places[1], "embedding": list(VECTORS)}), tmp_path / "p.parquet")
    with pytest.raises(DataError, match="Invalid column 'lon' of dtype float16: half precision"):
        read_points(tmp_path / "p.parquet")


def test_a_checkup_refuses_latitude_first_as_the_doors_do() -> None:
    table = pd.DataFrame({"latitude": LONLAT[:, 1], "longitude": LONLAT[:, 0]})
    for act in (check, points_from_arrays):
        with pytest.raises(ValueError, match="Longitude is the first: turn the columns round"):
            act(table, VECTORS)


def test_whole_numbers_in_floats_are_told_from_metres() -> None:
    texts = [
        check(numbers, VECTORS, check_land=False).findings[0].text
        for numbers in (np.round(LONLAT * 1e7), np.round(LONLAT * 1e5), LONLAT * 1e7 + 0.25)
    ]
    assert ["E7 integers" in text for text in texts] == [True, False, False]


def test_none_among_floats_is_missing_and_among_whole_numbers_is_refused() -> None:
    places: list[Any] = LONLAT.tolist()
    places[3][0] = None
    vectors: list[Any] = VECTORS.tolist()
    vectors[5][1] = None
    assert points_from_arrays(places, vectors, missing="drop").dropped == (3, 5)
    with pytest.raises(ValueError, match="lonlat has missing, NaN or infinite coordinates in 1 rows: 3"):
        points_from_arrays(places, vectors)
    with pytest.raises(TypeError, match="Invalid embeddings of dtype object"):
        points_from_arrays(LONLAT[:2], [[1, None], [3, 4]], missing="drop")
    mixed = [[0, np.float64(1.5)], [None, 2.5], [np.int64(3), 4]]
    assert points_from_arrays(mixed, VECTORS[:3], missing="drop").dropped == (1,)
    with pytest.raises(TypeError, match="Invalid lonlat of dtype object"):
        points_from_arrays([[True, 1.5], [None, 2.5]], VECTORS[:2], missing="drop")


def test_rows_of_a_frame_with_none_or_a_mask_inside_are_missing() -> None:
    rows: list[Any] = [row.tolist() for row in VECTORS]
    rows[4][0] = None
    rows[6] = np.ma.MaskedArray(VECTORS[6], [False, True, False, False])
    table = frame(embedding=rows)
    assert points_from_geodataframe(table, missing="drop").dropped == (4, 6)
    with pytest.raises(ValueError, match="Column 'embedding' is null in 1 rows: 6"):
        points_from_geodataframe(table)


def test_integers_beside_floats_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    columns = {"a": np.arange(N, dtype=np.int8), "b": VECTORS[:, 0]}
    with pytest.raises(TypeError, match=r"columns 'a' to 'b' are of different types: float32 and int8. Must be alike"):
        points_from_geodataframe(frame(**columns), embedding=["a", "b"])
    whole = [[1, 0, 0, 0], [0.1, 0.2, 0.3, 0.4]] * (N // 2)
    assert points_from_geodataframe(frame(embedding=whole)).embeddings[0].tolist() == [1, 0, 0, 0]
    rows = [VECTORS[0], np.ones(WIDTH, np.int8)] * (N // 2)
    with pytest.raises(TypeError, match="The rows of column 'embedding' are of different types: float32 and int8"):
        points_from_geodataframe(frame(embedding=rows))
    np.savez(tmp_path / "p.npz", lonlat=LONLAT, **columns)
    with pytest.raises(DataError, match="columns 'a' to 'b' are of different types"):
        read_points(tmp_path / "p.npz", embedding=["a", "b"])


def test_sparse_columns_are_numbers() -> None:
    dense = {"a": VECTORS[:, 0], "b": VECTORS[:, 1]}
    sparse = {name: pd.arrays.SparseArray(column) for name, column in dense.items()}
    points = points_from_geodataframe(frame(**sparse), embedding=["a", "b"])
    assert np.array_equal(points.embeddings, VECTORS[:, :2])


def test_an_empty_masked_array_has_no_rows() -> None:
    with pytest.raises(ValueError, match="There must be points"):
        points_from_arrays(np.ma.zeros((0, 2)), np.ma.zeros((0, 4)))


# Tensors


def test_tensors_that_are_no_arrays_are_refused_by_name() -> None:
    torch = pytest.importorskip("torch")
    for tensor in (torch.empty((N, 2), device="meta"), torch.tensor(LONLAT).to_sparse()):
        with pytest.raises(
            TypeError, match=r"Invalid lonlat: a tensor of torch.float.* Must be dense, of plain numbers"
        ):
            points_from_arrays(tensor, VECTORS)
        with pytest.raises(TypeError, match=r"Invalid embeddings: a tensor of torch.float.* is no array"):
            points_from_arrays(LONLAT, tensor)
        with pytest.raises(TypeError, match="Invalid groups: a tensor"):
            points_from_arrays(LONLAT, VECTORS, groups=tensor)
        with pytest.raises(TypeError, match="Invalid lonlat: a tensor"):
            check(tensor, VECTORS)


def test_lists_of_tensors_and_lazy_tensors_are_arrays() -> None:
    torch = pytest.importorskip("torch")
    expected = points_from_arrays(LONLAT, VECTORS)
    rows = [torch.tensor(row, requires_grad=True) for row in VECTORS]
    negative = torch.view_as_complex(torch.tensor(-np.stack([VECTORS] * 2, axis=-1))).conj().imag
    for given in (rows, tuple(rows), negative):
        assert np.array_equal(points_from_arrays(LONLAT, given).embeddings, expected.embeddings)


# Labels, batches, copies


def test_labels_of_bfloat16_that_may_be_several_numbers_are_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"floats of 2\^8 and more in 2 rows: 0, 1"):
        label_codes(torch.tensor([256.0, 257.0, 3.0]).bfloat16(), 3, name="by")


class _Odd(ValueError):
    """An error whose class wants more than a message."""

    def __init__(self, one: str, _two: str) -> None:
        super().__init__(one)


def test_the_error_of_a_formula_comes_with_the_number_of_its_batch() -> None:
    def formula(_: Any) -> Any:
        raise _Odd("no formula", "")

    batches = [(LONLAT, np.ones((N, 2), np.int8))]
    with pytest.raises(ValueError, match="batch 0: no formula") as caught:
        points_from_batches(batches, dequantize=formula)
    assert type(caught.value) is ValueError
    with pytest.raises(TypeError, match=r"Invalid batches of type NoneType. Must be an iterable of"):
        points_from_batches(None)  # type: ignore[arg-type]


def _same(value: Any, other: Any) -> bool:
    return np.array_equal(value, other) if isinstance(value, np.ndarray) else bool(value == other)


@pytest.mark.parametrize("again", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy, copy.copy])
def test_arrays_of_copies_are_read_only(again: Any) -> None:
    points = points_from_arrays(LONLAT, VECTORS, groups=np.arange(N))
    empirical = empirical_variogram(*points, LagBins([0, 100, 500]))
    values = {
        "points": (points, ("lonlat", "embeddings", "groups")), "bins": (empirical.bins, ("edges",)),
        "sums": (empirical.sums, ("npairs", "lag")), "finding": (Finding("note", "a", "b", [1]), ("rows",)),
        "mapped": (check(*points), ("mapped",)),
    }  # fmt: skip
    for value, names in values.values():
        made = again(value)
        for name in names:
            assert not getattr(made, name).flags.writeable
            assert _same(getattr(made, name), getattr(value, name))


# Files and folders


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("~/photos.parquet", "Write ~ out in full."),
        ("file:///photos.parquet", "Must be a path, not an address."),
        ("folder", "It is a folder, where a file is wanted; variogeo.io.open_points takes folders of Parquet."),
        ("none.parquet", "Must be the path of one that exists."),
    ],
)
def test_what_is_no_file_is_said_with_what_it_may_be(
    path: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match=re.escape(words)):
        read_points(path)


@pytest.mark.parametrize("path", [None, b"photos.parquet", 3, ""])
def test_what_is_no_path_is_refused(path: Any) -> None:
    model = Exponential(0.1, 0.2, 300.0)
    report = variogeo.report
    for act in (read_points, open_points, variogeo.load, model.save, lambda p: report(LONLAT, VECTORS, p)):
        with pytest.raises(TypeError, match=r"Invalid path .* of type \w+\. Must be the path of a file or folder\."):
            act(path)


def _part(path: Path, rows: slice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame()[rows].to_parquet(path)


def test_folders_of_folders_are_one_table_in_the_order_of_their_paths(tmp_path: Path) -> None:
    _part(tmp_path / "year=2021" / "a.parquet", slice(4, 8))
    _part(tmp_path / "year=2021" / "whole.parquet" / "b.parquet", slice(8, N))
    _part(tmp_path / "a.parquet", slice(0, 4))
    for hidden in ("_delta_log/x.parquet", ".cache/y.parquet"):
        _part(tmp_path / hidden, slice(0, 1))
    assert np.array_equal(open_points(tmp_path).lonlat, LONLAT)


@pytest.mark.parametrize("name", ["b.pq", "b.parquet.gz", "deep/b.parq"])
def test_parquet_of_another_ending_is_not_left_out_unseen(name: str, tmp_path: Path) -> None:
    _part(tmp_path / "a.parquet", slice(0, 4))
    _part(tmp_path / name, slice(4, 8))
    with pytest.raises(DataError, match=r"is Parquet of another ending. Rename it to .parquet, or take it out"):
        open_points(tmp_path)


def test_a_pipe_and_a_dangling_link_among_the_parts_are_refused(tmp_path: Path) -> None:
    _part(tmp_path / "a.parquet", slice(0, 4))
    os.mkfifo(tmp_path / "b.parquet")
    with pytest.raises(FileNotFoundError, match=r"b\.parquet is not a file"):
        open_points(tmp_path)
    (tmp_path / "b.parquet").unlink()
    (tmp_path / "c.parquet").symlink_to(tmp_path / "gone.parquet")
    with pytest.raises(FileNotFoundError, match=r"c\.parquet is not a file"):
        open_points(tmp_path)


def test_rows_that_repeat_are_found_in_the_row_groups_that_have_some(tmp_path: Path) -> None:
    rows = [*range(8), 6, 7, 6]
    frame().iloc[rows].to_parquet(tmp_path / "p.parquet", row_group_size=3)
    points = open_points(tmp_path / "p.parquet")
    assert rows_that_repeat(points.lonlat, points.embeddings).tolist() == [8, 9, 10]
    holes = frame().iloc[[0, *rows]].reset_index(drop=True)
    holes.loc[0, "geometry"] = None
    with pytest.warns(UserWarning, match=r"\(3 of 11\) repeat the place and the vector of an earlier row: 9, 10, 11\."):
        points_from_geodataframe(holes, missing="drop", check_land=False)


@pytest.mark.parametrize("name", ["a.parquet.sha256", "a.parquet.crc", "a.pq.txt", "readme.md"])
def test_other_files_beside_the_parts_are_none(name: str, tmp_path: Path) -> None:
    _part(tmp_path / "a.parquet", slice(0, 4))
    (tmp_path / name).write_text("something")
    assert len(open_points(tmp_path)) == 4


def test_a_folder_behind_a_link_is_not_left_out_unseen(tmp_path: Path) -> None:
    _part(tmp_path / "real" / "b.parquet", slice(4, 8))
    _part(tmp_path / "parts" / "a.parquet", slice(0, 4))
    (tmp_path / "parts" / "year=2021").symlink_to(tmp_path / "real")
    with pytest.raises(DataError, match=r"year=2021 is a link to a folder, which is not followed\. Move the folder"):
        open_points(tmp_path / "parts")


def test_places_of_half_precision_beside_others_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", lon=LONLAT[:, 0].astype(np.float16), lat=LONLAT[:, 1], embedding=VECTORS)
    with pytest.raises(DataError, match="Invalid array 'lon' of dtype float16: half precision"):
        read_points(tmp_path / "p.npz")


def test_parts_with_and_without_a_geometry_are_no_table(tmp_path: Path) -> None:
    _part(tmp_path / "a.parquet", slice(0, 4))
    plain = pa.table({"lon": LONLAT[:2, 0], "lat": LONLAT[:2, 1], "embedding": list(VECTORS[:2])})
    pq.write_table(plain, tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"Only one of it and .*a\.parquet has a geometry"):
        open_points(tmp_path)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"lon,lat,seq\n" + b"8,50,Z\xfcrich\n" * N, "Column 'seq' is not UTF-8. Write the file again as UTF-8."),
        (b"lon,lat,seq\n", "It has no rows. Must have at least one."),
        (b"lon;lat\n" + b"8;50\n" * N, "It has one column, 'lon;lat'. Write it again with commas between its columns."),
    ],
)
def test_a_csv_that_is_written_otherwise_says_how_to_write_it(raw: bytes, words: str, tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", VECTORS)
    (tmp_path / "places.csv").write_bytes(raw)
    with pytest.raises(DataError, match=re.escape(words)):
        read_points(tmp_path / "clip.npy", table=tmp_path / "places.csv", group="seq")


def test_a_frame_whose_columns_have_no_names_says_so() -> None:
    table = frame().rename(columns={"embedding": 0})
    table.columns = [0, 1]
    table = table.set_geometry(1)
    with pytest.raises(DataError, match=r"No column has a name that is text. Rename them"):
        points_from_geodataframe(table)


def test_no_warning_is_left_by_what_is_fine(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(by_parquet(frame(), tmp_path)) == N
