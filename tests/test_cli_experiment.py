"""``variogeo experiment``: what reaches the experiment, without running it; test_experiment_command.py runs it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from commands import photos_npz, printed, refusal, wrong_usage

pytest.importorskip("torch")

from variogeo import experiments
from variogeo.io import read_points


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Return what the experiment is asked for, in a folder with photos."""
    monkeypatch.chdir(tmp_path)
    photos_npz(tmp_path / "photos.npz")
    calls = []

    def run_experiment(out, **options):
        calls.append({"out": out, **options})
        return SimpleNamespace(to_json=lambda: {"arms": []})

    monkeypatch.setattr(experiments, "run_experiment", run_experiment)
    monkeypatch.setattr(experiments, "report_text", lambda _: "the report")
    return calls


def test_options_reach_the_experiment(asked, capsys):
    options = [
        "--short", "--seeds", "2", "--epochs", "3", "--batch", "64", "--arms", "hard", "plain", "--dropout", "0.1",
        "--blocks", "20", "300", "--device", "cuda", "--processes", "1", "--seed", "7", "--out", "here",
    ]  # fmt: skip
    assert printed(capsys, "experiment", *options) == "the report\n\nWritten to here.\n"
    (call,) = asked
    size = call["size"]
    assert (size.seeds, size.epochs, size.batch_size) == (2, 3, 64)
    assert call["photos"] is None
    assert call["blocks"] == experiments.BlockSizes(20.0, 300.0)
    assert (call["arms"], call["dropout"], call["device"]) == (["hard", "plain"], 0.1, "cuda")
    assert (call["processes"], call["seed"], str(call["out"])) == (1, 7, "here")


@pytest.mark.parametrize(("option", "size"), [([], "FULL"), (["--tiny"], "TINY"), (["--short"], "SHORT")])
def test_the_size_is_that_of_the_option(option, size, asked, capsys):
    assert json.loads(printed(capsys, "experiment", *option, "--json")) == {"arms": []}
    assert asked[0]["size"] == getattr(experiments, size)
    assert asked[0]["blocks"] is None


def test_own_photos_are_read(asked, capsys):
    printed(capsys, "experiment", "photos.npz", "--embedding", "clip")
    photos = read_points("photos.npz", embedding="clip")
    for mine, theirs in zip(asked[0]["photos"], photos, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert asked[0]["source"] == "photos.npz"


def test_photos_of_the_default_name_are_read(asked, capsys):
    photos = np.load("photos.npz")
    np.savez("named.npz", lonlat=photos["lonlat"], embeddings=photos["clip"])
    printed(capsys, "experiment", "named.npz")
    np.testing.assert_array_equal(asked[0]["photos"].embeddings, photos["clip"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--embedding", "clip"], "--embedding is about a file, but no file is given."),
        (["--no-check-land"], "--no-check-land is about a file, but no file is given."),
        (["photos.npz"], "photos.npz: None of its arrays is known as the embeddings. It has"),
        (["absent.npz"], "absent.npz is not a file."),
    ],
)
def test_photos_that_are_half_named_are_refused(words, message, asked, capsys):
    assert message in refusal(capsys, "experiment", *words)
    assert asked == []


def test_groups_are_no_option_of_the_experiment(asked, capsys):
    words = ["experiment", "photos.npz", "--embedding", "clip", "--group", "sequence"]
    assert "unrecognized arguments: --group" in wrong_usage(capsys, *words)
    assert asked == []
