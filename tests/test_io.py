"""Tables of points with embeddings: what is read, in which order, and what is refused."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely import Point, box
from versions import NULL_OF_FIXED_SIZE

from variogeo import DataError
from variogeo.io import open_points, read_points

N, WIDTH = 30, 6
RANDOM = np.random.default_rng(5)
LONLAT = np.column_stack([RANDOM.uniform(-179, 179, N), RANDOM.uniform(-80, 80, N)])
EMBEDDINGS = RANDOM.normal(size=(N, WIDTH)).astype(np.float32)


def frame(**columns: object) -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(*LONLAT.T)
    return gpd.GeoDataFrame({"name": np.arange(N), **columns}, geometry=points, crs="EPSG:4326")


def write_geoparquet(path: Path, column: pa.Array | None = None, **options: object) -> Path:
    """Write the points with a column ``clip`` of a given Arrow type."""
    if column is None:
        column = pa.array(list(EMBEDDINGS), pa.list_(pa.float32()))
    frame().to_parquet(path)
    pq.write_table(pq.read_table(path).append_column("clip", column), path, **options)
    return path


def refusal(path: Path, **options: object) -> str:
    """Return the message with which a file is refused; it starts with the file's name."""
    with pytest.raises(DataError) as caught:
        read_points(path, **{"embedding": "clip", **options})  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize("suffix", [".parquet", ".geoparquet", ".PARQUET"])
def test_a_geodataframe_written_by_geopandas_is_read_in_its_order(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"photos{suffix}"
    shuffled = RANDOM.permutation(N)
    frame(clip=list(EMBEDDINGS)).iloc[shuffled].to_parquet(path)  # the index is out of order as well
    lonlat, embeddings = read_points(path, embedding="clip")
    assert np.array_equal(lonlat, LONLAT[shuffled])
    assert np.array_equal(embeddings, EMBEDDINGS[shuffled])
    assert embeddings.dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (pa.list_(pa.float32()), np.float32),
        (pa.list_(pa.float64()), np.float64),
        (pa.list_(pa.float16()), np.float16),
        (pa.list_(pa.float32(), WIDTH), np.float32),
        (pa.list_(pa.float16(), WIDTH), np.float16),
        (pa.large_list(pa.float32()), np.float32),
    ],
    ids=str,
)
def test_every_arrow_type_of_a_list_of_floats_is_read(kind: pa.DataType, dtype: type, tmp_path: Path) -> None:
    vectors = EMBEDDINGS.astype(dtype)
    path = write_geoparquet(tmp_path / "photos.parquet", pa.array(list(vectors), kind))
    points = read_points(path, embedding="clip")
    assert np.array_equal(points.embeddings, vectors)
    assert points.embeddings.dtype == dtype


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), WIDTH)], ids=str)
def test_many_row_groups_are_read_in_order(kind: pa.DataType, tmp_path: Path) -> None:
    path = write_geoparquet(tmp_path / "photos.parquet", pa.array(list(EMBEDDINGS), kind), row_group_size=7)
    assert pq.ParquetFile(path).num_row_groups == 5
    lonlat, embeddings = read_points(path, embedding="clip")
    assert np.array_equal(lonlat, LONLAT)
    assert np.array_equal(embeddings, EMBEDDINGS)


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32632", "EPSG:4267"])
def test_points_of_another_crs_are_converted_to_longitude_and_latitude(crs: str, tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    europe = np.column_stack([RANDOM.uniform(0, 20, N), RANDOM.uniform(40, 60, N)])
    points = gpd.GeoSeries(gpd.points_from_xy(*europe.T), crs="EPSG:4326").to_crs(crs)
    gpd.GeoDataFrame({"clip": list(EMBEDDINGS)}, geometry=points).to_parquet(path)
    # There and back through the projection: a nanodegree is a tenth of a millimetre.
    assert np.abs(read_points(path, embedding="clip").lonlat - europe).max() < 1e-9


def test_a_geometry_column_of_another_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    frame(clip=list(EMBEDDINGS)).rename_geometry("where").to_parquet(path)
    assert np.array_equal(read_points(path, embedding="clip").lonlat, LONLAT)


def test_longitudes_beyond_180_in_a_file_are_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    points = [Point(200.0, 5.0), Point(10.0, 5.0)]
    gpd.GeoDataFrame({"clip": list(EMBEDDINGS[:2])}, geometry=points, crs="EPSG:4326").to_parquet(path)
    assert read_points(path, embedding="clip").lonlat.tolist() == [[-160.0, 5.0], [10.0, 5.0]]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_an_npz_file_is_read_as_it_is(save: Callable[..., None], dtype: type | str, tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    save(path, lonlat=LONLAT, clip=EMBEDDINGS.astype(dtype), other=np.zeros(3))
    lonlat, embeddings = read_points(path, embedding="clip")
    assert np.array_equal(lonlat, LONLAT)
    assert np.array_equal(embeddings, EMBEDDINGS.astype(dtype))
    assert embeddings.dtype == np.dtype(dtype).newbyteorder("=")


def test_real_chips_become_points_inside_their_polygons(shared_data: Path) -> None:
    path = shared_data / "clay_alaska_417.parquet"
    chips = gpd.read_parquet(path)
    points = read_points(path, embedding="embeddings", point="representative")
    assert points.embeddings.shape == (417, 768)
    assert points.lonlat.shape == (417, 2)
    assert chips.geometry.contains(gpd.GeoSeries(gpd.points_from_xy(*points.lonlat.T), crs=chips.crs)).all()
    assert np.array_equal(points.embeddings, np.stack(chips["embeddings"].to_numpy()))


def test_polygons_without_a_choice_of_point_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "chips.parquet"
    chips = [box(0, 0, 1, 1), box(1, 1, 2, 2), Point(3, 3)]
    gpd.GeoDataFrame({"clip": list(EMBEDDINGS[:3])}, geometry=chips, crs="EPSG:4326").to_parquet(path)
    message = refusal(path)
    assert "2 Polygon, 1 Point" in message
    assert 'point="representative"' in message


def test_parquet_without_geo_metadata_lists_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"x": [1.0], "y": [2.0], "clip": [[1.0]]}), path)
    message = refusal(path)
    assert "without GeoParquet metadata; its columns are x, y, clip" in message
    assert "Name those of longitude and latitude: lon=, lat=." in message


def test_a_missing_column_lists_the_columns_that_exist(tmp_path: Path) -> None:
    path = write_geoparquet(tmp_path / "photos.parquet")
    assert "It has no column 'dino'. It has name, geometry, clip." in refusal(path, embedding="dino")


def test_a_long_list_of_columns_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "wide.npz"
    np.savez(path, **{f"a{number:02}": np.zeros(1) for number in range(50)})
    assert refusal(path).endswith("a18, a19 and 30 more.")


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pytest.param(pa.list_(pa.float32(), WIDTH), marks=NULL_OF_FIXED_SIZE)], ids=str
)
def test_null_embeddings_are_counted_with_their_rows(kind: pa.DataType, tmp_path: Path) -> None:
    rows: list[object] = list(EMBEDDINGS)
    rows[3] = rows[17] = None
    path = write_geoparquet(tmp_path / "photos.parquet", pa.array(rows, kind), row_group_size=10)
    assert "Column 'clip' is null in 2 rows: 3, 17. Drop these rows, or pass" in refusal(path)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), WIDTH)], ids=str)
def test_nulls_inside_embeddings_are_counted_with_their_rows(kind: pa.DataType, tmp_path: Path) -> None:
    rows: list[object] = list(EMBEDDINGS)
    rows[4] = [1.0, None, None, 4.0, 5.0, 6.0]
    rows[29] = [1.0, 2.0, 3.0, 4.0, 5.0, None]
    path = write_geoparquet(tmp_path / "photos.parquet", pa.array(rows, kind))
    assert "null entries inside 2 rows: 4, 29. Drop these rows, or pass" in refusal(path)


def test_ragged_embeddings_name_the_first_odd_row(tmp_path: Path) -> None:
    rows = [list(row) for row in EMBEDDINGS]
    rows[11] = rows[11][:4]
    path = write_geoparquet(tmp_path / "photos.parquet", pa.array(rows, pa.list_(pa.float32())))
    assert "has 6 entries in row 0 but 4 in row 11. Must be equal." in refusal(path)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a"] * N),
        pa.array([1.0] * N),
        pa.array([["a"]] * N),
        pa.array([[[1.0]]] * N),
        pa.array([b"12345678"] * N),
        pa.array([[True]] * N),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_that_is_no_list_of_floats_names_its_type(column: pa.Array, tmp_path: Path) -> None:
    message = refusal(write_geoparquet(tmp_path / "photos.parquet", column))
    # Parquet calls the items of a list "element".
    assert f"Column 'clip' is of type {column.type}. Must be a list of floats".replace("item", "element") in message


def test_the_geometry_is_no_embedding(tmp_path: Path) -> None:
    assert "is of type binary" in refusal(write_geoparquet(tmp_path / "photos.parquet"), embedding="geometry")


@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (np.nan, "column 'clip' has NaN or infinite entries in 2 rows: 2, 9"),
        (np.inf, "column 'clip' has NaN or infinite entries in 2 rows: 2, 9"),
        (0.0, "column 'clip' has 2 zero vectors, which have no direction: rows 2, 9"),
    ],
)
def test_embeddings_without_a_direction_are_refused_with_their_rows(
    entry: float, words: str, suffix: str, tmp_path: Path
) -> None:
    vectors = EMBEDDINGS.copy()
    vectors[[2, 9]] = entry
    path = tmp_path / f"photos{suffix}"
    if suffix == ".npz":
        np.savez(path, lonlat=LONLAT, clip=vectors)
    else:
        write_geoparquet(path, pa.array(list(vectors), pa.list_(pa.float32())))
    assert words in refusal(path)


def test_nan_that_pandas_writes_as_null_is_refused_with_its_rows(tmp_path: Path) -> None:
    vectors = EMBEDDINGS.copy()
    vectors[[2, 9], 0] = np.nan
    path = tmp_path / "photos.parquet"
    frame(clip=list(vectors)).to_parquet(path)
    assert "null entries inside 2 rows: 2, 9" in refusal(path)


@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
def test_quantised_embeddings_are_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"photos{suffix}"
    quantised = np.ones((N, WIDTH), np.int8)
    if suffix == ".npz":
        np.savez(path, lonlat=LONLAT, clip=quantised)
    else:
        write_geoparquet(path, pa.array(list(quantised), pa.list_(pa.int8())))
    assert "Integer embeddings are quantised: de-quantise them to floats first" in refusal(path)


@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
def test_a_table_without_rows_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"photos{suffix}"
    if suffix == ".npz":
        np.savez(path, lonlat=LONLAT[:0], clip=EMBEDDINGS[:0])
    else:
        frame(clip=list(EMBEDDINGS)).iloc[:0].to_parquet(path)
    assert "It has no rows" in refusal(path)


def test_a_file_of_an_unknown_crs_says_how_to_set_it(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    photos = frame(clip=list(EMBEDDINGS)).rename_geometry("place").set_crs(None, allow_override=True)
    photos.to_parquet(path)  # with "crs": null
    message = refusal(path)
    assert "Its geometry 'place' says that its CRS is not known. Say what its numbers are and write it" in message
    assert 'geopandas.read_parquet(file).set_crs("EPSG:4326").to_parquet(file)' in message
    gpd.read_parquet(path).set_crs("EPSG:4326").to_parquet(path)
    assert read_points(path, embedding="clip").crs == "EPSG:4326"


def _crs_removed(path: Path, other: object = None) -> None:
    """Take the CRS out of the metadata of a GeoParquet file, or put another one there."""
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    del geo["columns"]["geometry"]["crs"]
    geo["columns"]["geometry"] |= {} if other is None else {"crs": other}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"geo": json.dumps(geo).encode()}), path)


def test_a_file_that_says_no_crs_is_of_crs84(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    frame(clip=list(EMBEDDINGS)).to_parquet(path)
    _crs_removed(path)
    points = read_points(path, embedding="clip")
    assert points.crs == "OGC:CRS84"
    np.testing.assert_array_equal(points.lonlat, LONLAT)


@pytest.mark.parametrize("crs", ["OGC:CRS84", "EPSG:4326"])
@pytest.mark.parametrize("unsaid", ["a", "b"])
def test_parts_that_leave_their_crs_unsaid_and_that_spell_it_out_are_one_table(
    crs: str, unsaid: str, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        frame(clip=list(EMBEDDINGS)).to_crs(crs).to_parquet(tmp_path / f"{name}.parquet")
    _crs_removed(tmp_path / f"{unsaid}.parquet")
    points = open_points(tmp_path, embedding="clip")
    assert points.crs == ("OGC:CRS84" if unsaid == "a" else crs)
    np.testing.assert_array_equal(points.lonlat, np.vstack([LONLAT, LONLAT]))


def test_a_part_of_a_broken_crs_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        frame(clip=list(EMBEDDINGS)).to_parquet(tmp_path / f"{name}.parquet")
    _crs_removed(tmp_path / "b.parquet", {"type": "GeographicCRS"})
    with pytest.raises(DataError, match=r"b\.parquet: It cannot be read as GeoParquet: .* Is its CRS one"):
        open_points(tmp_path, embedding="clip")


def test_a_part_of_an_unknown_crs_is_none_of_a_table(tmp_path: Path) -> None:
    frame(clip=list(EMBEDDINGS)).to_parquet(tmp_path / "a.parquet")
    frame(clip=list(EMBEDDINGS)).set_crs(None, allow_override=True).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet: Its geometry has another CRS than the one in .*a\.parquet"):
        open_points(tmp_path, embedding="clip")


def test_a_crs_without_a_way_to_the_earth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    frame(clip=list(EMBEDDINGS)).set_crs('LOCAL_CS["floor plan",UNIT["metre",1]]', allow_override=True).to_parquet(path)
    assert "does not convert to EPSG:4326 from CRS 'floor plan'" in refusal(path)


def test_missing_geometries_are_refused_with_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    photos = frame(clip=list(EMBEDDINGS))
    photos.loc[5, "geometry"] = None
    photos.to_parquet(path)
    assert "geometry is missing or empty in 1 rows: 5" in refusal(path)


@pytest.mark.parametrize("suffix", [".parquet", ".geoparquet", ".npz"])
@pytest.mark.parametrize("content", [b"", b"lon,lat\n1,2\n", b"P", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_not_what_its_name_says_is_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"photos{suffix}"
    path.write_bytes(content)
    assert "does not start like it" in refusal(path)


def test_an_npz_file_named_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    np.savez(path, lonlat=LONLAT, clip=EMBEDDINGS)
    assert "named like Parquet but does not start like it" in refusal(path.rename(tmp_path / "photos.parquet"))


@pytest.mark.parametrize("name", ["photos.csv", "photos.f32", "photos"])
def test_an_unknown_suffix_lists_the_known_ones(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    message = refusal(path)
    assert f"ends in '{path.suffix}'. Must be Parquet (.parquet, .geoparquet), .npz, or .npy with table=." in message


@pytest.mark.parametrize("name", ["absent.parquet", "absent.npz", "folder.parquet"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{name} is not a file"):
        read_points(tmp_path / name, embedding="clip")


def test_an_unknown_way_to_make_points_lists_the_known_one(tmp_path: Path) -> None:
    path = write_geoparquet(tmp_path / "photos.parquet")
    with pytest.raises(ValueError, match=r"Invalid point 'centroid'\. Must be one of 'representative'") as caught:
        read_points(path, embedding="clip", point="centroid")  # type: ignore[arg-type]
    assert not isinstance(caught.value, DataError)  # the argument is wrong, the file is not


def test_an_npz_file_takes_no_choice_of_point(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    np.savez(path, lonlat=LONLAT, clip=EMBEDDINGS)
    assert "An npz file holds points already" in refusal(path, point="representative")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"clip": EMBEDDINGS}, "It has no array 'lonlat'; its arrays are clip."),
        ({"lonlat": LONLAT}, "It has no array 'clip'. It has lonlat."),
        ({"lonlat": LONLAT, "clip": EMBEDDINGS[1:]}, "column 'clip' has 29 rows but lonlat has 30"),
        ({"lonlat": LONLAT.T, "clip": EMBEDDINGS}, r"Invalid lonlat of shape (2, 30). Must be (n, 2)"),
        ({"lonlat": LONLAT * 1e5, "clip": EMBEDDINGS}, "which are not degrees. Projected metres?"),
        ({"lonlat": LONLAT, "clip": EMBEDDINGS[:, 0]}, "Invalid column 'clip' of shape (30,)"),
        ({"lonlat": LONLAT, "clip": EMBEDDINGS.astype(str)}, "Invalid column 'clip' of dtype <U"),
        ({"lonlat": LONLAT, "clip": EMBEDDINGS * 1j}, "Invalid column 'clip' of dtype complex64"),
    ],
    ids=["no lonlat", "no clip", "a row less", "transposed", "metres", "scalars", "text", "complex"],
)
def test_npz_arrays_that_do_not_fit_are_refused(arrays: dict[str, np.ndarray], words: str, tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    np.savez(path, **arrays)
    assert words in refusal(path)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("armed", ["clip", "lonlat"])
def test_a_pickle_inside_an_npz_file_is_not_run(armed: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "photos.npz"
    bomb = np.empty(1, dtype=object)
    bomb[0] = Bomb(mark)
    np.savez(path, **{"lonlat": LONLAT, "clip": EMBEDDINGS, armed: bomb})
    with np.load(path, allow_pickle=True) as archive:
        _ = archive[armed]
    assert mark.exists()  # the bomb is live
    mark.unlink()
    assert "variogeo never unpickles" in refusal(path)
    assert not mark.exists()


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_pickle_named_like_a_table_is_not_run(suffix: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / f"photos{suffix}"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    assert "variogeo never unpickles. Where you trust it, export it in two lines" in refusal(path)
    assert not mark.exists()


def test_a_bare_pickle_as_a_member_of_an_npz_file_is_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "photos.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("lonlat.npy", "clip.npy"):
            archive.writestr(name, pickle.dumps(Bomb(mark)))
    assert "Member 'lonlat' is no array. Truncated or damaged? variogeo never unpickles" in refusal(path)
    assert not mark.exists()


def test_an_npz_array_that_declares_more_than_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("lonlat.npy", "clip.npy"):
            with archive.open(name, "w") as member:
                header = {"descr": "<f8", "fortran_order": False, "shape": (10**13, 100)}
                np.lib.format.write_array_header_1_0(member, header)
    assert "Array 'lonlat' says that it takes 8000000000000000 bytes, but has 128" in refusal(path)


def good_files(folder: Path) -> list[Path]:
    """Return the same table as Parquet with page checksums, as npz and as compressed npz."""
    paths = [folder / "good.parquet", folder / "good.npz", folder / "compressed.npz"]
    frame(clip=list(EMBEDDINGS)).to_parquet(paths[0], write_page_checksum=True)
    np.savez(paths[1], lonlat=LONLAT, clip=EMBEDDINGS)
    np.savez_compressed(paths[2], lonlat=LONLAT, clip=EMBEDDINGS)
    return paths


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["parquet", "npz", "compressed npz"])
def test_a_truncated_file_is_refused_at_any_length(kind: int, tmp_path: Path) -> None:
    good = good_files(tmp_path)[kind]
    raw = good.read_bytes()
    path = tmp_path / f"short{good.suffix}"
    for length in {0, 1, 3, 4, 8, 12, *np.linspace(13, len(raw) - 1, 25).astype(int)}:
        path.write_bytes(raw[:length])
        refusal(path)


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["parquet", "npz", "compressed npz"])
def test_a_damaged_byte_is_refused_or_changes_nothing(kind: int, tmp_path: Path) -> None:
    good = good_files(tmp_path)[kind]
    raw = good.read_bytes()
    path = tmp_path / f"damaged{good.suffix}"
    refused = 0
    for position in np.random.default_rng(kind).integers(0, len(raw), 40):
        damaged = bytearray(raw)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        try:
            lonlat, embeddings = read_points(path, embedding="clip")
        except DataError:
            refused += 1
            continue
        assert np.array_equal(lonlat, LONLAT)
        assert np.array_equal(embeddings, EMBEDDINGS)
    assert refused > 15  # the rest hit padding, statistics and descriptions


def test_damage_in_the_geo_metadata_is_refused(tmp_path: Path) -> None:
    path = write_geoparquet(tmp_path / "photos.parquet")
    table = pq.read_table(path)
    for geo in (b"", b"{", b"[]", b"{}", b'{"primary_column": "absent"}', b"\xff", b'{"primary_column": 5}'):
        pq.write_table(table.replace_schema_metadata({b"geo": geo}), path)
        assert "cannot be read as GeoParquet" in refusal(path)
