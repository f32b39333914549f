"""What commands say and where: results on stdout, all else in one line on stderr, in the words of the options."""

import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import printed, refusal

import variogeo
from variogeo import Exponential, Gaussian, LagBins, Stable, cli, fit_variogram, variogram_from_pairs
from variogeo.cli._lines import PHRASES, naming_options, say

PACKAGE = Path(variogeo.__file__).parent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Exponential(0.1, 0.4, 300.0).save("model.json")
    return tmp_path


@contextmanager
def stdout_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a pipe without a reader in the place of stdout; that it closes without an error is part of the test."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        yield


def while_the_demo_runs(monkeypatch: pytest.MonkeyPatch, happens) -> None:
    """Let something happen in the place of the demonstration."""
    monkeypatch.setattr("variogeo.demo.run", lambda *_, **__: happens())


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_gone_away_is_no_failure_of_the_work(options, folder, capsys, monkeypatch):
    with stdout_that_nobody_reads(monkeypatch):
        assert cli.main(["weights", "model.json", "--out", "weighting.json", *options]) == 0
    assert capsys.readouterr() == ("", "")
    assert (folder / "weighting.json").exists()


def test_a_long_command_ends_when_nobody_reads_it(capsys, monkeypatch):
    while_the_demo_runs(monkeypatch, lambda: print("1. Semivariogram", flush=True))
    with stdout_that_nobody_reads(monkeypatch):
        assert cli.main(["demo"]) == 1
    assert capsys.readouterr() == ("", "variogeo: nobody reads the output any more, so the rest was not done.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is full")
def test_a_result_that_cannot_be_written_is_an_error(capsys, monkeypatch):
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        assert cli.main(["weights", "model.json", "--out", "weighting.json"]) == 1
    assert "No space left on device" in capsys.readouterr().err


def test_a_warning_is_one_line_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr("variogeo.plotting.to_png", lambda _: b"a picture")
    random = np.random.default_rng(0)
    np.savez("radians.npz", lonlat=random.uniform(0.1, 1.5, (40, 2)), embedding=random.normal(size=(40, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        cli.main(["fit", "radians.npz", "--out", "results", "--json"])
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("variogeo: warning: ")
    assert line.endswith("Radians? Pass --units rad, or --units deg to say that they are degrees.")
    assert json.loads(captured.out)["points"] == 40


def test_a_log_record_is_one_line_on_stderr(capsys, monkeypatch):
    logger = logging.getLogger("variogeo")
    while_the_demo_runs(monkeypatch, lambda: logger.warning("two\nlines of %s", "text"))
    assert cli.main(["demo"]) == 0
    assert capsys.readouterr().err == "variogeo: warning: two lines of text\n"
    assert logger.handlers == []


def test_too_little_memory_ends_with_one_line(capsys, monkeypatch):
    def too_large() -> None:
        raise MemoryError

    while_the_demo_runs(monkeypatch, too_large)
    assert refusal(capsys, "demo") == "variogeo: not enough memory."


@pytest.mark.parametrize("phrase", [phrase for phrase, _ in PHRASES])
def test_each_phrase_that_is_translated_is_one_of_the_library(phrase):
    files = [file for file in PACKAGE.rglob("*.py") if "cli" not in file.relative_to(PACKAGE).parts]
    assert any(phrase in file.read_text() for file in files)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('Must be points; pass point="representative".', "Must be points; pass --point representative."),
        ("Name those that count: lon=, lat=.", "Name those that count: --lon, --lat."),
        ("the same call with resume='a b/run' goes on", "the same call with --resume 'a b/run' goes on"),
        ("Pass pairs=variogeo.StratifiedPairs(2_000_000, seed=0).", "Pass --sample 2000000."),
        ("Fit both: fit_variogram(empirical, (Exponential, Stable)).", "Fit both: --models Exponential+Stable."),
        ("Use the single fit: fit_variogram(empirical, Matern).", "Use the single fit: --models Matern."),
        ("spread=False, about 3 minutes", "--no-spread, about 3 minutes"),
        ("data/lon=5/part.parquet is not a file.", "data/lon=5/part.parquet is not a file."),
        ("two\nlines", "two lines"),
    ],
)
def test_messages_of_the_library_name_options(text, line, capsys):
    say(text)
    assert capsys.readouterr().err == f"variogeo: {line}\n"


BINS = LagBins.logarithmic(0.01, 1000, 14)
LAG = np.sqrt(BINS.low * BINS.high)


@pytest.mark.parametrize(
    ("semivariance", "model", "fixed", "cure"),
    [
        (LAG / 1000, Exponential, {}, "Use longer bins (--high), or hold the partial sill with --fix partial_sill=NUM"),
        (2 - LAG / 1000, Exponential, {}, "Use shorter first bins (--low), or accept"),
        (2 - LAG / 1000, Exponential, {"partial_sill": 0.0}, "With the parameters given by --fix the best curve"),
        (Gaussian(0.1, 0.4, 90.0)(LAG), Stable, {}, "Hold the parameter with --fix, or use a model"),
        (Gaussian(0.1, 0.4, 90.0)(LAG), Stable, {}, "on the sphere; --metric chord or --fix lifts it."),
        (Stable(0.0, 1.0, 900.0, 0.2)(LAG), Stable, {}, "Fit both: --models Exponential+Exponential."),
        (Exponential(0.1, 0.4, 300.0)(LAG), (Exponential, Exponential), {}, "--models Exponential."),
        (LAG[:2], Exponential, {}, "Use more or wider bins, or hold parameters with --fix."),
    ],
)
def test_what_to_do_about_a_fit_is_said_in_options(semivariance, model, fixed, cure):
    empirical = replace(variogram_from_pairs(LAG[: len(semivariance)], semivariance, BINS), metric="geodesic")
    said = naming_options(fit_variogram(empirical, model, weights="equal", fixed=fixed).message)
    assert cure in said
    assert not re.search(r"bounds|fixed|fit_variogram|empirical", said)


def test_a_run_of_more_than_an_hour_is_refused_with_the_options_that_help(capsys, monkeypatch):
    monkeypatch.setattr("variogeo._engine._cost.LARGEST_SECONDS", 1e-9)
    random = np.random.default_rng(0)
    np.savez("photos.npz", lonlat=random.uniform(0, 10, (30, 2)), embedding=random.normal(size=(30, 4)))
    line = refusal(capsys, "fit", "photos.npz", "--no-check-land", "--out", "out")
    for words in ("--sample 2000000", "a stop: --resume DIR", "--all-pairs, to run it here"):
        assert words in line
    assert "=" not in line


def test_a_result_is_said_on_stdout_only(capsys):
    assert printed(capsys, "weights", "model.json", "--out", "weighting.json").startswith("residual: alike and far")
