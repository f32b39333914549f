"""Embeddings that stay in Parquet files: the rows that come, in which memory, and what is refused."""

import os
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely import box
from versions import METADATA_OF_ANOTHER, NULL_OF_FIXED_SIZE

from variogeo import DataError, PointEmbeddings, _parquet_rows
from variogeo._checks import check_values
from variogeo._columns import EmbeddingColumns
from variogeo._files import reading
from variogeo._parquet_rows import ParquetRows
from variogeo._rows import RowSource, row_blocks
from variogeo.io import open_points, read_points

N, WIDTH, GROUP = 30, 6, 7
RANDOM = np.random.default_rng(11)
LONLAT = np.column_stack([RANDOM.uniform(-179, 179, N), RANDOM.uniform(-80, 80, N)])
EMBEDDINGS = RANDOM.normal(size=(N, WIDTH)).astype(np.float32)
CLIP = EmbeddingColumns(("clip",), listed=True)


def lists(rows: object = EMBEDDINGS, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(list(rows), kind or pa.list_(pa.float32()))  # type: ignore[call-overload]


def write(path: Path, column: pa.Array | None = None, **options: object) -> Path:
    """Write plain Parquet with places as numbers, in row groups of seven rows."""
    column = lists() if column is None else column
    places = LONLAT[: len(column)]
    table = pa.table({"x": places[:, 0], "clip": column, "y": places[:, 1]})
    pq.write_table(table, path, **{"row_group_size": GROUP, **options})
    return path


def write_geo(path: Path, lonlat: np.ndarray = LONLAT, crs: str = "EPSG:4326", rows: np.ndarray = EMBEDDINGS) -> Path:
    geometry = gpd.GeoSeries(gpd.points_from_xy(*lonlat.T), crs="EPSG:4326").to_crs(crs)
    gpd.GeoDataFrame({"clip": list(rows)}, geometry=geometry).to_parquet(path, row_group_size=GROUP)
    return path


def opened(path: Path, **options: object) -> PointEmbeddings:
    return open_points(path, **{"embedding": "clip", "lon": "x", "lat": "y", **options})  # type: ignore[arg-type]


def refusal(act: Callable[[], object], path: Path) -> str:
    """Return the message of a refusal; it starts with the name of the file."""
    with pytest.raises(DataError) as caught:
        act()
    message = str(caught.value)
    assert message.startswith(str(path))
    return message


@pytest.fixture
def rows(tmp_path: Path) -> ParquetRows:
    return ParquetRows.of([write(tmp_path / "photos.parquet")], CLIP)


def test_a_geoparquet_file_opened_is_the_same_as_read(tmp_path: Path) -> None:
    path = write_geo(tmp_path / "photos.geoparquet")
    read, lazy = read_points(path, embedding="clip"), open_points(path, embedding="clip")
    assert np.array_equal(lazy.lonlat, read.lonlat)
    assert np.array_equal(lazy.embeddings[:], read.embeddings)
    assert isinstance(lazy.embeddings, RowSource)
    assert (lazy.embeddings.shape, lazy.embeddings.dtype) == (read.embeddings.shape, read.embeddings.dtype)


def test_plain_parquet_takes_its_places_from_two_columns(tmp_path: Path) -> None:
    lonlat, embeddings = opened(write(tmp_path / "photos.parquet"))
    assert np.array_equal(lonlat, LONLAT)
    assert np.array_equal(embeddings[:], EMBEDDINGS)


def test_points_of_another_crs_are_converted_and_polygons_need_a_choice(tmp_path: Path) -> None:
    europe = np.column_stack([RANDOM.uniform(0, 20, N), RANDOM.uniform(40, 60, N)])
    path = write_geo(tmp_path / "photos.parquet", europe, "EPSG:3857")
    # There and back through the projection: a nanodegree is a tenth of a millimetre.
    assert np.abs(open_points(path, embedding="clip").lonlat - europe).max() < 1e-9
    chips = [box(lon - 1, lat - 1, lon + 1, lat + 1) for lon, lat in europe]
    gpd.GeoDataFrame({"clip": list(EMBEDDINGS)}, geometry=chips, crs="EPSG:4326").to_parquet(path)
    assert 'pass point="representative"' in refusal(lambda: open_points(path, embedding="clip"), path)
    points = open_points(path, embedding="clip", point="representative")
    assert np.abs(points.lonlat - europe).max() < 1e-9


def test_real_chips_are_the_same_opened_and_read(shared_data: Path) -> None:
    path = shared_data / "clay_alaska_417.parquet"
    read = read_points(path, embedding="embeddings", point="representative")
    lazy = open_points(path, embedding="embeddings", point="representative")
    assert np.array_equal(lazy.lonlat, read.lonlat)
    assert np.array_equal(lazy.embeddings[:], read.embeddings)
    assert check_values(lazy.embeddings, dissimilarity="cosine") is lazy.embeddings


@pytest.mark.parametrize("size", [None, WIDTH], ids=["list", "fixed size list"])
@pytest.mark.parametrize("number", [pa.float16(), pa.float32(), pa.float64()], ids=str)
def test_every_float_stays_what_it_is(number: pa.DataType, size: int | None, tmp_path: Path) -> None:
    vectors = EMBEDDINGS.astype(number.to_pandas_dtype())
    kind = pa.list_(number) if size is None else pa.list_(number, size)
    rows = ParquetRows.of([write(tmp_path / "photos.parquet", lists(vectors, kind))], CLIP)
    assert np.array_equal(rows[:], vectors)
    assert rows[:].dtype == rows[[3]].dtype == rows.dtype == vectors.dtype
    large = write(tmp_path / "large.parquet", lists(vectors, pa.large_list(number)))
    assert np.array_equal(ParquetRows.of([large], CLIP)[:], vectors)


def test_the_groups_are_those_of_the_file(rows: ParquetRows) -> None:
    assert rows.group_starts.tolist() == [0, 7, 14, 21, 28, 30]
    assert not rows.group_starts.flags.writeable
    assert (rows.shape, rows.ndim, len(rows)) == ((N, WIDTH), 2, N)
    assert "'clip' in" in repr(rows)
    assert repr(rows).endswith("photos.parquet': (30, 6) float32, 5 row groups>")


@pytest.mark.parametrize("start", [0, 3, 6, 7, 13, 29, 30, -2, None])
@pytest.mark.parametrize("stop", [0, 5, 7, 8, 22, 30, 99, -1, None])
def test_a_slice_is_the_slice_of_the_array(start: int | None, stop: int | None, rows: ParquetRows) -> None:
    assert np.array_equal(rows[start:stop], EMBEDDINGS[start:stop])
    assert np.array_equal(rows[start:stop:-3], EMBEDDINGS[start:stop:-3])


@pytest.mark.parametrize(
    "numbers",
    [[], [4], [20, 15, 20], [29, 0, 14, 7, 6], RANDOM.permutation(N), RANDOM.integers(0, N, 200)],
    ids=["none", "one", "of one group", "of several", "all", "again and again"],
)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_rows_come_in_the_order_of_their_numbers(numbers: object, dtype: type, rows: ParquetRows) -> None:
    index = np.array(numbers, dtype)
    assert np.array_equal(rows[index], EMBEDDINGS[index])


def test_rows_are_the_callers_own(rows: ParquetRows) -> None:
    for key in (slice(0, 7), np.arange(3), slice(5, 9)):
        taken = rows[key]
        taken += 1
        assert np.array_equal(rows[key], EMBEDDINGS[key])


@pytest.mark.parametrize("key", [3, [1.0], [[1]], np.ones(N, bool), "clip", None], ids=str)
def test_rows_by_anything_else_are_refused(key: object, rows: ParquetRows) -> None:
    with pytest.raises(TypeError, match="Must be a slice or 1-D integers"):
        rows[key]  # type: ignore[index]


@pytest.mark.parametrize("number", [-1, N])
def test_rows_that_are_not_there_are_refused(number: int, rows: ParquetRows) -> None:
    with pytest.raises(IndexError, match=r"Must lie in 0\.\.29"):
        rows[[0, number]]


def test_becoming_an_array_is_refused_because_it_reads_everything(rows: ParquetRows) -> None:
    for act in (np.asarray, np.array, lambda source: source + np.ones(WIDTH)):
        with pytest.raises(TypeError, match="is read in blocks"):
            act(rows)
    with pytest.raises(TypeError):
        iter(next(iter(rows)))  # type: ignore[call-overload]


def test_a_column_whose_name_has_dots_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    table = pa.table({"clip.b": lists([[1.0]] * N), "clip": lists(), "clip.c": pa.array(np.zeros(N))})
    pq.write_table(table, path, row_group_size=GROUP)
    assert np.array_equal(ParquetRows.of([path], CLIP)[:], EMBEDDINGS)
    assert ParquetRows.of([path], EmbeddingColumns(("clip.b",), listed=True)).shape == (N, 1)


def test_row_groups_without_rows_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    table = pa.table({"clip": lists()})
    with pq.ParquetWriter(path, table.schema) as writer:
        for part in (table[:0], table[:9], table[:0], table[9:], table[:0]):
            writer.write_table(part)
    assert pq.read_metadata(path).num_row_groups == 5
    rows = ParquetRows.of([path], CLIP)
    assert rows.group_starts.tolist() == [0, 9, 30]
    assert np.array_equal(rows[:], EMBEDDINGS)


# Parts


def parts(folder: Path) -> list[Path]:
    """Write the table as three parts, of which the second is written first."""
    cuts = {"b.parquet": slice(9, 20), "a.parquet": slice(0, 9), "c.parquet": slice(20, N)}
    return [write_geo(folder / name, LONLAT[cut], rows=EMBEDDINGS[cut]) for name, cut in cuts.items()]


def test_a_folder_of_parts_is_one_table_in_the_order_of_names(tmp_path: Path) -> None:
    parts(tmp_path)
    for other in ("_metadata", ".hidden.parquet", "_draft.parquet", "notes.txt"):
        (tmp_path / other).write_bytes(b"not Parquet")
    lonlat, embeddings = open_points(tmp_path, embedding="clip")
    assert np.abs(lonlat - LONLAT).max() < 1e-12
    assert np.array_equal(embeddings[:], EMBEDDINGS)
    assert np.array_equal(embeddings[::-1], EMBEDDINGS[::-1])
    assert embeddings.group_starts.tolist() == [0, 7, 9, 16, 20, 27, 30]  # type: ignore[attr-defined]
    assert "and 2 more: (30, 6)" in repr(embeddings)


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    assert "is a folder without .parquet" in refusal(lambda: open_points(tmp_path, embedding="clip"), tmp_path)


@pytest.mark.parametrize("odd", [EMBEDDINGS[:, :5], EMBEDDINGS.astype(np.float64)], ids=["width", "dtype"])
def test_parts_of_another_width_or_dtype_are_both_named(odd: np.ndarray, tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet", lists(odd, pa.list_(pa.from_numpy_dtype(odd.dtype))))
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    assert "Column 'clip' has 6 entries of float32 in " in str(caught.value)
    assert f"but {odd.shape[1]} of {odd.dtype} in " in str(caught.value)
    assert str(tmp_path / "a.parquet") in str(caught.value)
    assert str(tmp_path / "b.parquet") in str(caught.value)


def test_parts_of_another_crs_are_both_named(tmp_path: Path) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_geo(first)
    write_geo(second, crs="EPSG:3857")
    message = refusal(lambda: open_points(tmp_path, embedding="clip"), second)
    assert f"another CRS than the one in {first}" in message


def test_an_empty_part_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    empty = write(tmp_path / "b.parquet", lists([]))
    assert "It has no rows" in refusal(lambda: opened(tmp_path), empty)


# What is refused when a file is opened


@pytest.mark.parametrize("arguments", [{"lat": None}, {"lon": None}, {"lon": "y"}])
def test_one_column_of_places_is_not_enough(arguments: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Name two columns, or neither") as caught:
        opened(write(tmp_path / "photos.parquet"), **arguments)
    assert not isinstance(caught.value, DataError)  # the argument is wrong, the file is not


def test_columns_of_places_with_a_way_to_make_points_are_refused(tmp_path: Path) -> None:
    path = write_geo(tmp_path / "photos.parquet")
    with pytest.raises(ValueError, match="Columns of numbers hold points already"):
        opened(path, point="representative")
    with pytest.raises(ValueError, match=r"Invalid point 'centroid'\. Must be one of"):
        open_points(path, embedding="clip", point="centroid")  # type: ignore[arg-type]


def test_plain_parquet_without_the_names_of_its_columns_says_how_to_give_them(tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet")
    message = refusal(lambda: open_points(path, embedding="clip"), path)
    assert "its columns are x, clip, y. Name those of longitude and latitude: lon=, lat=." in message


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array(["8.0"] * N), "Column 'x' is of type string. Must be numbers"),
        (
            pa.array([8.0] * 4 + [None] + [8.0] * 25),
            "lonlat has missing, NaN or infinite coordinates in 1 rows: 4. Drop these rows",
        ),
        (pa.array([8.0] * 4 + [np.nan] + [8.0] * 25), "NaN or infinite coordinates in 1 rows: 4"),
        (pa.array([80_000_000] * N), "which are not degrees"),
    ],
    ids=["text", "null", "NaN", "ten millionths"],
)
def test_places_that_are_none_are_refused(column: pa.Array, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet")
    table = pq.read_table(path).set_column(0, "x", column)
    pq.write_table(table, path)
    assert words in refusal(lambda: opened(path), path)
    assert "It has no column 'east'. It has x, clip, y." in refusal(lambda: opened(path, lon="east"), path)


@pytest.mark.parametrize("name", ["photos.csv", "photos.npz", "photos"])
def test_an_unknown_suffix_lists_the_known_ones(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    assert "Must be Parquet (.parquet, .geoparquet) or a folder of it" in refusal(lambda: opened(path), path)
    with pytest.raises(FileNotFoundError, match=r"absent\.parquet is not a file"):
        opened(tmp_path / "absent.parquet")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (lists([[1]] * N, pa.list_(pa.int8())), "Integer embeddings are quantised: de-quantise them"),
        (pa.array([1.0] * N), "Column 'clip' is of type double. Must be a list of floats"),
        (pa.array([["a"]] * N), "Must be a list of floats"),
        (pa.array([[True]] * N), "Must be a list of floats"),
        (pa.array([[[1.0]]] * N), "Must be a list of floats"),
        (lists([[]] * N), "Column 'clip' has no entries in row 0"),
    ],
    ids=["int8", "number", "text", "bool", "nested", "empty"],
)
def test_a_column_that_is_no_list_of_floats_is_refused_when_opened(
    column: pa.Array, words: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "photos.parquet", column)
    assert words in refusal(lambda: opened(path), path)
    assert "It has no column 'dino'" in refusal(lambda: opened(path, embedding="dino"), path)


@pytest.mark.parametrize("row", [2, 7, 20, 29])
@pytest.mark.parametrize("size", [None, pytest.param(WIDTH, marks=NULL_OF_FIXED_SIZE)], ids=["list", "fixed size list"])
def test_a_null_row_is_named_when_opened(row: int, size: int | None, tmp_path: Path) -> None:
    vectors: list[object] = list(EMBEDDINGS)
    vectors[row] = None
    kind = pa.list_(pa.float32()) if size is None else pa.list_(pa.float32(), size)
    path = write(tmp_path / "photos.parquet", lists(vectors, kind))
    assert f"Column 'clip' is null in 1 rows: {row}. Drop" in refusal(lambda: opened(path), path)


@pytest.mark.parametrize("row", [1, 7, 20, 29])
def test_a_ragged_row_is_named_when_opened(row: int, tmp_path: Path) -> None:
    vectors = [list(vector) for vector in EMBEDDINGS]
    vectors[row] = vectors[row][:4]
    path = write(tmp_path / "photos.parquet", lists(vectors))
    assert f"6 entries in row 0 but 4 in row {row}. Must be equal." in refusal(lambda: opened(path), path)


def test_a_row_group_too_large_to_read_at_once_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "photos.parquet", row_group_size=10)
    monkeypatch.setattr(_parquet_rows, "_LARGEST_GROUP", 10 * WIDTH * 4)
    assert np.array_equal(opened(path).embeddings[:], EMBEDDINGS)
    monkeypatch.setattr(_parquet_rows, "_LARGEST_GROUP", 10 * WIDTH * 4 - 1)
    message = refusal(lambda: opened(path), path)
    assert "Row group 0 has 10 rows, which take" in message
    assert "row_group_size=8192" in message


# What is refused when rows are read


def test_what_only_the_rows_show_is_named_with_file_group_and_rows(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    vectors = [list(vector) for vector in EMBEDDINGS]
    vectors[9], vectors[10] = vectors[9][:5], [*vectors[10], 1.0]  # as many entries as there should be
    rows = ParquetRows.of([write(path, lists(vectors))], CLIP)
    assert np.array_equal(rows[14:], EMBEDDINGS[14:])
    message = refusal(lambda: rows[10:11], path)
    assert "photos.parquet, row group 1: Column 'clip' has 6 entries in row 0 but 5 in row 9" in message
    vectors = [list(vector) for vector in EMBEDDINGS]
    vectors[23] = [1.0, None, None, 4.0, 5.0, 6.0]  # type: ignore[list-item]
    rows = ParquetRows.of([write(path, lists(vectors))], CLIP)
    message = refusal(lambda: check_values(rows, dissimilarity="cosine"), path)
    assert "row group 3: Column 'clip' has null entries inside 1 rows: 23. Drop" in message


@pytest.mark.parametrize("change", ["rewritten", "longer", "touched", "gone", "a folder"])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another process"])
def test_a_file_that_changes_after_it_was_opened_is_refused(change: str, elsewhere: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet")
    rows = ParquetRows.of([path], CLIP)
    assert np.array_equal(rows[:3], EMBEDDINGS[:3])
    if change in ("gone", "a folder"):
        path.unlink()
    if change == "a folder":
        path.mkdir()
    if change == "rewritten":
        write(path, lists(-EMBEDDINGS))
    if change == "longer":
        path.write_bytes(path.read_bytes() + b"\0" * 8)
    if change != "gone":
        os.utime(path, ns=(1, 1))
    if elsewhere:
        rows = pickle.loads(pickle.dumps(rows))
    words = "It is gone" if change in ("gone", "a folder") else "It was changed, replaced or copied"
    assert words in refusal(lambda: rows[8:9], path)


def test_a_file_rewritten_within_the_same_instant_is_told_by_its_footer(tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet", compression="none", use_dictionary=False)
    size, time = path.stat().st_size, path.stat().st_mtime_ns
    sent = pickle.dumps(ParquetRows.of([path], CLIP))
    write(path, lists(-EMBEDDINGS), compression="none", use_dictionary=False)
    os.utime(path, ns=(time, time))
    assert path.stat().st_size == size
    assert "It was changed" in refusal(lambda: pickle.loads(sent)[:1], path)


def test_rows_are_read_in_another_process(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet")
    rows = ParquetRows.of([tmp_path / "a.parquet", tmp_path / "b.parquet"], CLIP)
    assert np.array_equal(rows[:], np.concatenate([EMBEDDINGS, EMBEDDINGS]))
    sent = pickle.dumps(rows)
    assert len(sent) < 2000  # the files by name, not their rows
    (tmp_path / "sent").write_bytes(sent)
    code = "import pickle, sys; rows = pickle.load(open(sys.argv[1], 'rb')); print(rows[25:40].tolist())"
    call = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "sent")]
    printed = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(rows[25:40].tolist())


@pytest.fixture
def checked_file(tmp_path: Path) -> Path:
    """Return a file with page checksums, where a byte of the numbers cannot change unseen."""
    return write(tmp_path / "photos.parquet", write_page_checksum=True, compression="none", use_dictionary=False)


def damaged(file: Path, row: int) -> None:
    """Change a byte of the numbers of a row."""
    raw = bytearray(file.read_bytes())
    raw[raw.rindex(EMBEDDINGS[row, :1].tobytes()) + 2] ^= 1  # pages may end within a row; their headers come first
    file.write_bytes(raw)


def test_a_damaged_first_page_of_a_group_is_found_when_the_file_is_opened(checked_file: Path) -> None:
    damaged(checked_file, 15)
    assert "It cannot be read as Parquet" in refusal(lambda: opened(checked_file), checked_file)


def test_a_later_damaged_page_is_found_when_its_group_is_read(tmp_path: Path) -> None:
    pages = {"data_page_size": 1, "write_batch_size": 1, "use_dictionary": False}
    file = write(tmp_path / "photos.parquet", write_page_checksum=True, compression="none", **pages)
    damaged(file, 18)
    rows = opened(file).embeddings
    assert np.array_equal(rows[:14], EMBEDDINGS[:14])
    message = refusal(lambda: rows[14:15], file)
    assert "row group 2: It cannot be read as Parquet" in message
    assert "Truncated or damaged? Write it again." in message
    assert np.array_equal(rows[21:], EMBEDDINGS[21:])


def test_what_an_older_pyarrow_says_of_a_null_row_comes_with_its_cure() -> None:
    with pytest.raises(DataError, match="from version 26 on: upgrade it, or drop the row"), reading("Parquet"):
        raise pa.ArrowInvalid("Expected all lists to be of size=6 but index 1 had size=0")


@METADATA_OF_ANOTHER
def test_lists_of_another_length_than_their_schema_says_are_no_null_rows(tmp_path: Path) -> None:
    even = write(tmp_path / "even.parquet", lists([[1.0, 2.0]], pa.list_(pa.float32(), 2)))
    said = pq.ParquetFile(even).metadata.metadata[b"ARROW:schema"]
    uneven = lists([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0, 3.0]])
    table = pa.table({"x": LONLAT[:3, 0], "clip": uneven, "y": LONLAT[:3, 1]})
    file = tmp_path / "photos.parquet"
    with pq.ParquetWriter(file, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"ARROW:schema": said})
    message = refusal(lambda: read_points(file, embedding="clip", lon="x", lat="y"), file)
    assert message.endswith("had size=3. Write it again with lists of one length.")


def test_a_truncated_file_is_refused_at_any_length(checked_file: Path, tmp_path: Path) -> None:
    raw = checked_file.read_bytes()
    short = tmp_path / "short.parquet"
    for length in {0, 1, 3, 4, 8, 11, 12, *np.linspace(13, len(raw) - 1, 25).astype(int)}:
        short.write_bytes(raw[:length])
        refusal(lambda: opened(short), short)


def test_a_damaged_byte_is_refused_or_changes_nothing(checked_file: Path, tmp_path: Path) -> None:
    raw = checked_file.read_bytes()
    path = tmp_path / "damaged.parquet"
    refused = 0
    for position in np.random.default_rng(4).integers(0, len(raw), 150):
        damaged = bytearray(raw)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        try:
            lonlat, embeddings = opened(path)
            found = embeddings[:]
        except DataError:
            refused += 1
            continue
        assert np.array_equal(lonlat, LONLAT)
        assert np.array_equal(found, EMBEDDINGS)
    assert refused > 40  # the rest hit padding, statistics and descriptions


@pytest.mark.parametrize(("rows", "of_group"), [(31, 7), (29, 7), (29, 6), (31, 8)])
def test_a_footer_that_miscounts_rows_is_refused(rows: int, of_group: int, tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    pq.write_table(pa.table({"clip": lists()}), path, row_group_size=GROUP)
    raw = path.read_bytes()
    # Thrift's compact protocol: a 64-bit field is 0x16, then twice the number; 0x19 opens the list of row groups.
    assert raw.count(bytes([0x16, 2 * N, 0x19])) == 1
    raw = raw.replace(bytes([0x16, 2 * N, 0x19]), bytes([0x16, 2 * rows, 0x19]))
    head, tail = raw[: raw.index(bytes([0x16, 2 * rows, 0x19]))], raw[raw.index(bytes([0x16, 2 * rows, 0x19])) :]
    assert bytes([0x16, 2 * GROUP, 0x26]) in tail
    path.write_bytes(head + tail.replace(bytes([0x16, 2 * GROUP, 0x26]), bytes([0x16, 2 * of_group, 0x26]), 1))
    print(refusal(lambda: ParquetRows.of([path], CLIP), path))


def test_damage_in_the_geo_metadata_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "photos.parquet")
    table = pq.read_table(path)
    for geo in (b"", b"{", b"[]", b"{}", b'{"primary_column": "absent"}', b"\xff", b'{"primary_column": 5}'):
        pq.write_table(table.replace_schema_metadata({b"geo": geo}), path)
        message = refusal(lambda: open_points(path, embedding="clip"), path)
        assert "cannot be read as GeoParquet" in message


# Threads and memory


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of 32 row groups of 1 MB."""
    path = tmp_path_factory.mktemp("rows") / "large.parquet"
    numbers = np.arange(32 * 1024 * 256, dtype=np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(numbers), 256)
    pq.write_table(pa.table({"clip": column}), path, row_group_size=1024, use_dictionary=False, compression="none")
    return path


def test_eight_threads_at_once_get_the_rows_they_asked_for(large_file: Path) -> None:
    rows = ParquetRows.of([large_file], CLIP)

    def works(seed: int) -> bool:
        random = np.random.default_rng(seed)
        for _ in range(25):
            group = random.integers(32)
            index = group * 1024 + random.integers(0, 1024, 50)
            if not np.array_equal(rows[index], index[:, None] * 256.0 + np.arange(256)):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(works, range(8)))
    assert len(rows._decoded) == 2


def test_two_threads_do_not_decode_a_group_twice(large_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ParquetRows.of([large_file], CLIP)
    decoded: list[int] = []
    decode = ParquetRows._decode
    monkeypatch.setattr(ParquetRows, "_decode", lambda self, k: decoded.append(k) or decode(self, k))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda start: rows[start : start + 16], range(0, 2048, 16)))
    assert sorted(decoded) == [0, 1]


def test_summing_over_a_file_takes_the_memory_of_a_few_groups(large_file: Path) -> None:
    rows = ParquetRows.of([large_file], CLIP)
    pool, total, most = pa.default_memory_pool(), 0.0, 0
    before = pool.bytes_allocated()
    tracemalloc.start()
    for _, block in row_blocks(rows):
        total += float(block.sum(dtype=np.float64))
        most = max(most, pool.bytes_allocated() - before)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    n = 32 * 1024 * 256
    assert total == n * (n - 1) / 2
    assert most <= 4 * 2**20  # of 32: three groups and what goes with them
    assert peak <= 4 * 2**20


# Checks of rows


def test_blocks_are_small_and_do_not_reach_over_groups(rows: ParquetRows) -> None:
    assert [start for start, _ in row_blocks(rows, most_bytes=4 * WIDTH * 4)] == [0, 4, 7, 11, 14, 18, 21, 25, 28]
    assert [start for start, _ in row_blocks(EMBEDDINGS, most_bytes=4 * WIDTH * 4)] == list(range(0, N, 4))
    for source in (rows, EMBEDDINGS):
        assert [len(block) for _, block in row_blocks(source, most_bytes=1)] == [1] * N
        assert np.array_equal(np.concatenate([block for _, block in row_blocks(source)]), EMBEDDINGS)
    assert [block.tolist() for _, block in row_blocks(np.arange(5.0), most_bytes=16)] == [[0, 1], [2, 3], [4]]
    assert not list(row_blocks(np.empty((0, 3))))


def test_rows_in_files_are_checked_and_come_back_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    vectors = EMBEDDINGS.copy()
    rows = ParquetRows.of([write(path, lists(vectors))], CLIP)
    assert check_values(rows, dissimilarity="cosine") is rows
    vectors[[6, 7, 25]] = 0
    rows = ParquetRows.of([write(path, lists(vectors))], CLIP)
    assert check_values(rows, dissimilarity="half_squared") is rows
    with pytest.raises(ValueError, match="3 zero vectors, which have no direction: rows 6, 7, 25"):
        check_values(rows, dissimilarity="cosine")
    vectors[[8, 29], 2] = np.nan, -np.inf
    rows = ParquetRows.of([write(path, lists(vectors))], CLIP)
    with pytest.raises(ValueError, match="NaN or infinite entries in 2 rows: 8, 29"):
        check_values(rows, dissimilarity="half_squared")


def test_entries_whose_fourth_powers_overflow_are_named_across_groups(tmp_path: Path) -> None:
    vectors = EMBEDDINGS.astype(np.float64)
    vectors[[6, 7], 1] = 1e76, -1e80
    rows = ParquetRows.of([write(tmp_path / "photos.parquet", lists(vectors, pa.list_(pa.float64())))], CLIP)
    with pytest.raises(ValueError, match=r"entries beyond 1e\+75 in 2 rows: 6, 7\."):
        check_values(rows, dissimilarity="half_squared")
    assert check_values(rows, dissimilarity="cosine") is rows


def test_a_vector_of_subnormal_entries_has_no_direction() -> None:
    vectors = EMBEDDINGS.astype(np.float64)
    vectors[4] *= 1e-300  # tiny, and all its digits are there
    vectors[5] = 0.0
    vectors[5, 2] = -2e-308
    with pytest.raises(ValueError, match=r"1 zero vectors.* rows 5\. Drop .* Entries below 2\.2e-308 are zero"):
        check_values(vectors, dissimilarity="cosine")
    assert check_values(vectors, dissimilarity="half_squared") is vectors
    short = np.full((2, 3), 1e-45, np.float32)  # subnormal in float32 only
    assert check_values(short, dissimilarity="cosine") is short


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f2", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_wide_rows_are_checked_in_sixteen_megabytes(dtype: type | str, order: str, tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.ones((2048, 4096), dtype, order=order))  # type: ignore[call-overload]
    mapped = np.load(tmp_path / "wide.npy", mmap_mode="r")
    tracemalloc.start()
    checked = check_values(mapped, dissimilarity="cosine")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert checked is mapped
    assert peak <= 16e6
