"""Memory maps of embeddings: what is mapped, and which files are refused before any work."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from variogeo import DataError, LagBins, empirical_variogram
from variogeo._checks import check_values
from variogeo.io import open_embeddings

N, WIDTH = 30, 6
EMBEDDINGS = np.random.default_rng(3).normal(size=(N, WIDTH))


def write(path: Path, dtype: object = np.float32) -> Path:
    path.write_bytes(EMBEDDINGS.astype(dtype).tobytes())  # type: ignore[call-overload]
    return path


def save(path: Path, array: np.ndarray, version: tuple[int, int] | None = None) -> Path:
    with path.open("wb") as stream:
        np.lib.format.write_array(stream, array, version)
    return path


def refusal(path: Path, **options: object) -> str:
    """Return the message with which a file is refused; it starts with the file's name."""
    with pytest.raises(DataError) as caught:
        open_embeddings(path, **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["float16", np.float32, "<f8", ">f4"])
@pytest.mark.parametrize("suffix", [".bin", ".dat", ".f32", "", ".NPY"])
def test_the_map_holds_the_numbers_of_the_file_and_cannot_be_written(
    dtype: type | str, suffix: str, tmp_path: Path
) -> None:
    path, expected = tmp_path / f"clip{suffix}", EMBEDDINGS.astype(dtype)
    if suffix == ".NPY":
        mapped = open_embeddings(save(path, expected))
    else:
        mapped = open_embeddings(write(path, dtype), shape=(N, WIDTH), dtype=dtype)
    assert isinstance(mapped, np.memmap)
    assert mapped.dtype == expected.dtype
    assert np.array_equal(mapped, expected)
    assert check_values(mapped, dissimilarity="cosine") is mapped
    with pytest.raises(ValueError, match="read-only"):
        mapped[0, 0] = 1.0
    del mapped


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_npy_file_is_known_by_its_bytes_and_agrees_with_what_is_expected(
    version: tuple[int, int], tmp_path: Path
) -> None:
    path = save(tmp_path / "clip.dat", EMBEDDINGS, version)
    assert np.array_equal(open_embeddings(path, shape=(N, WIDTH), dtype=np.float64), EMBEDDINGS)
    assert "Its header says shape (30, 6), not (31, 6). Leave shape out" in refusal(path, shape=(31, WIDTH))
    assert "Its header says dtype float64, not float32. Leave dtype out" in refusal(path, dtype="float32")


@pytest.mark.parametrize("suffix", [".f32", ".npy"])
@pytest.mark.parametrize("missing", [1, 4, 24, 700, 719])
def test_a_truncated_file_names_both_sizes_and_what_would_fit(missing: int, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    npy = suffix == ".npy"
    header = 128 * npy
    raw = (save(path, EMBEDDINGS.astype(np.float32)) if npy else write(path)).read_bytes()
    path.write_bytes(raw[:-missing])
    message = refusal(path) if npy else refusal(path, shape=(N, WIDTH), dtype="float32")
    rows, rest = divmod(720 - missing, 24)
    assert f"It has {720 + header - missing} bytes, but shape (30, 6) of float32 takes {720 + header}" in message
    assert ("with its header of 128" in message) == npy
    assert f"Rows of 6 float32 would be n = {rows}{f' and {rest} bytes more' if rest else ''}." in message


def test_a_file_with_more_than_its_numbers_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "clip.npy", EMBEDDINGS)
    path.write_bytes(path.read_bytes() * 2)  # numpy would read the first array and say nothing
    assert "would be n = 62 and 32 bytes more" in refusal(path)
    path = write(tmp_path / "clip.f32")
    assert "shape (29, 6) of float32 takes 696. Rows of 6 float32 would be n = 30. Tr" in refusal(
        path, shape=(29, WIDTH), dtype="f4"
    )


@pytest.mark.parametrize("stored", ["float16", "float32", "float64"])
@pytest.mark.parametrize("declared", ["float16", "float32", "float64"])
def test_a_wrong_dtype_names_the_right_one(stored: str, declared: str, tmp_path: Path) -> None:
    path = write(tmp_path / "clip.bin", stored)
    if stored == declared:
        assert open_embeddings(path, shape=(N, WIDTH), dtype=declared).shape == (N, WIDTH)
    else:
        assert f"The shape is right for {stored}." in refusal(path, shape=(N, WIDTH), dtype=declared)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.bin"
    path.write_bytes(b"")
    assert "It has 0 bytes" in refusal(path, shape=(N, WIDTH), dtype="float32")
    assert "does not start like it" in refusal(path.rename(tmp_path / "clip.npy"))
    with pytest.raises(FileNotFoundError, match=r"clip\.bin is not a file"):
        open_embeddings(path)


@pytest.mark.parametrize("options", [{}, {"shape": (N, WIDTH)}, {"dtype": "float32"}])
def test_raw_binary_needs_shape_and_dtype(options: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is raw binary, which does not say what it holds") as caught:
        open_embeddings(write(tmp_path / "clip.bin"), **options)  # type: ignore[arg-type]
    assert not isinstance(caught.value, DataError)  # the arguments are wrong, the file is not


@pytest.mark.parametrize("shape", [(N,), (N, WIDTH, 1), (0, WIDTH), (-1, WIDTH), (N, 6.0), N, "ab", ()])
def test_a_shape_that_is_none_is_refused(shape: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Invalid shape .*\. Must be \(n, d\)"):
        open_embeddings(write(tmp_path / "clip.bin"), shape=shape, dtype="float32")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("int8", "Integer embeddings are quantised: de-quantise them"),
        ("complex64", "Must be floats: float16, float32 or float64"),
        (object, "Must be floats: float16, float32 or float64"),
        ("banana", "Invalid dtype 'banana'. Must be float16, float32 or float64"),
    ],
)
def test_a_dtype_of_no_floats_is_refused(dtype: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError) as caught:
        open_embeddings(write(tmp_path / "clip.bin"), shape=(N, WIDTH), dtype=dtype)  # type: ignore[call-overload]
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (EMBEDDINGS.astype(np.int8), "Invalid array of dtype int8. Integer embeddings are quantised"),
        (EMBEDDINGS.astype(complex), "Invalid array of dtype complex128. Must be floats"),
        (EMBEDDINGS.astype(str), "Must be floats"),
        (np.zeros(3, [("lon", "f8"), ("lat", "f8")]), "Must be floats"),
        (EMBEDDINGS[:, 0], "Invalid array of shape (30,). Must be (n, d) embeddings, with rows."),
        (EMBEDDINGS[None], "Invalid array of shape (1, 30, 6)"),
        (EMBEDDINGS[:0], "Invalid array of shape (0, 6)"),
        (EMBEDDINGS[:, :0], "Invalid array of shape (30, 0)"),
        (np.asfortranarray(EMBEDDINGS), "np.save(path, np.ascontiguousarray(array))"),
    ],
    ids=["int8", "complex", "text", "records", "1-D", "3-D", "no rows", "no columns", "Fortran"],
)
def test_an_npy_file_of_something_else_is_refused(array: np.ndarray, words: str, tmp_path: Path) -> None:
    assert words in refusal(save(tmp_path / "clip.npy", array))


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_objects_in_an_npy_file_are_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "clip.npy"
    bomb = np.empty((1, 1), dtype=object)
    bomb[0, 0] = Bomb(mark)
    np.save(path, bomb)
    np.load(path, allow_pickle=True)
    assert mark.exists()  # the bomb is live
    mark.unlink()
    assert "It holds Python objects. variogeo never unpickles" in refusal(path)
    path.write_bytes(pickle.dumps(Bomb(mark)))
    assert "does not start like it" in refusal(path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["photos.parquet", "photos.npz", "photos.geoparquet"])
def test_a_table_is_sent_to_its_reader(name: str, tmp_path: Path) -> None:
    assert "Use read_points or open_points" in refusal(write(tmp_path / name), shape=(N, WIDTH), dtype="float32")


def test_a_damaged_npy_header_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "clip.npy", EMBEDDINGS)
    raw = path.read_bytes()
    refused = 0
    for bit in range(0, 8 * 128, 3):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            mapped = open_embeddings(path, shape=(N, WIDTH), dtype="<f8")
        except DataError:
            refused += 1
            continue
        assert np.array_equal(mapped, EMBEDDINGS)
        del mapped
    assert refused > 150  # the rest is padding
    for length in range(0, 128, 3):
        path.write_bytes(raw[:length])
        refusal(path)


@pytest.mark.parametrize("view", [lambda whole: whole, lambda whole: np.asarray(whole)[10:, ::2]])
def test_a_file_cut_short_after_it_was_opened_is_an_error_and_not_the_end_of_the_process(tmp_path, view):
    path = tmp_path / "clip.npy"
    np.save(path, np.random.default_rng(0).normal(size=(3000, 64)))
    values = view(open_embeddings(path))
    lonlat = np.random.default_rng(0).uniform(-60, 60, (len(values), 2))
    assert empirical_variogram(lonlat, values, LagBins([0, 20_004])).npairs.any()
    os.truncate(path, 100_000)
    with pytest.raises(DataError, match=r"clip\.npy has 100000 bytes, but had at least 1536128 when values was opened"):
        empirical_variogram(lonlat, values, LagBins([0, 20_004]))
