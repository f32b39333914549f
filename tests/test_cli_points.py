"""The options that say where the points are: each reaches the door that it belongs to."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import refusal, wrong_usage

from variogeo import PointEmbeddings, io
from variogeo.cli._points import add_points_options, read_points, same_points

RANDOM = np.random.default_rng(0)
LONLAT = RANDOM.uniform((5, 45), (15, 55), (30, 2))
VECTORS = RANDOM.normal(size=(30, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_points_options(parser)
    return parser.parse_args(words)


def table(**columns: object) -> pd.DataFrame:
    places = {"lon": LONLAT[:, 0], "lat": LONLAT[:, 1], "embedding": list(VECTORS)}
    return pd.DataFrame({**places, **columns})


def assert_equal(found: PointEmbeddings, expected: PointEmbeddings) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine[:], theirs[:])
    for name in ("model_id", "crs", "dropped"):
        assert getattr(found, name) == getattr(expected, name)
    if expected.groups is not None:
        np.testing.assert_array_equal(found.groups, expected.groups)


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ([], {}),
        (["--embedding", "other"], {"embedding": "other"}),
        (["--embedding", "A00..A03"], {"embedding": ["A00", "A01", "A02", "A03"]}),
        (["--embedding", "band8..band10"], {"embedding": ["band8", "band9", "band10"]}),
        (["--lon", "x", "--lat", "y"], {"lon": "x", "lat": "y"}),
        (["--lon", "u", "--lat", "v", "--units", "rad"], {"lon": "u", "lat": "v", "units": "rad"}),
        (["--group", "sequence"], {"group": "sequence"}),
        (["--model-id", "clip"], {"model_id": "clip"}),
        (["--no-check-land"], {"check_land": False}),
        (["--embedding", "int8", "--dequantize", "alphaearth"],
         {"embedding": "int8", "dequantize": io.dequantize_alphaearth}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["at once", "streamed", "folder"])
def test_an_option_is_an_argument_of_the_door(words, arguments, way, folder):
    columns = {f"A{k:02d}": VECTORS[:, k] for k in range(4)} | {f"band{k + 8}": VECTORS[:, k] for k in range(3)}
    integers = RANDOM.integers(-127, 127, (30, 4), dtype=np.int8)
    sequence = [f"s{row // 5}" for row in range(30)]
    frame = table(
        x=LONLAT[:, 0] + 1,
        y=LONLAT[:, 1] + 1,
        u=LONLAT[:, 0] / 60,
        v=LONLAT[:, 1] / 60,
        other=list(2 * VECTORS),
        int8=list(integers),
        sequence=sequence,
        **columns,
    )
    (folder / "photos").mkdir()
    frame.to_parquet("photos/all.parquet")
    name = "photos" if way == "folder" else "photos/all.parquet"
    found = read_points(parsed(name, *words, *(["--stream"] if way == "streamed" else [])))
    door = io.read_points if way == "at once" else io.open_points
    assert_equal(found, door(name, **arguments))
    assert isinstance(found.embeddings, np.ndarray) == (way == "at once")


def test_npy_goes_with_its_table():
    np.save("clip.npy", VECTORS)
    table().drop(columns="embedding").to_csv("places.csv", index=False)
    found = read_points(parsed("clip.npy", "--table", "places.csv"))
    assert_equal(found, io.read_points("clip.npy", table="places.csv"))
    np.testing.assert_array_equal(found.embeddings, VECTORS)


def test_dropped_rows_are_told(capsys):
    lonlat = LONLAT.copy()
    lonlat[[3, 7]] = np.nan
    np.savez("photos.npz", lonlat=lonlat, embedding=VECTORS)
    found = read_points(parsed("photos.npz", "--missing", "drop"))
    assert len(found) == 28
    assert capsys.readouterr().err == (
        "variogeo: warning: 2 rows (3, 7) were left out by --missing drop; "
        "errors that follow number rows without them.\n"
    )
    assert "--missing drop" in refusal(capsys, "fit", "photos.npz", "--out", "out")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lat", "y"], "--lon and --lat go together. Name both columns."),
        (
            ["--table", "places.csv", "--stream"],
            "--table goes with an npy file, which is neither a folder nor streamed.",
        ),
        (["--embedding", "A3..A0"], "invalid columns: 'A3..A0' (the first before the last, as in A00..A63)"),
        (["--embedding", "A00..A9"], "invalid columns: 'A00..A9'"),
        (["--units", "metres"], "invalid choice: 'metres'"),
        (["--dequantize", "linear"], "invalid choice: 'linear'"),
    ],
)
def test_wrong_usage_ends_with_2(words, message, capsys):
    assert message in wrong_usage(capsys, "fit", "photos.npz", "--out", "out", *words)


def test_the_same_points_are_named_to_another_command():
    words = [
        "photos.npz", "--embedding", "A00..A63", "--lon", "x", "--lat", "y", "--units", "rad", "--model-id", "a b",
        "--missing", "drop", "--no-check-land", "--stream",
    ]  # fmt: skip
    assert same_points(parsed(*words)) == words
    assert same_points(parsed("photos.npz")) == ["photos.npz"]
