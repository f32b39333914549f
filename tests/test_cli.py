"""The command line: outputs equal to the API's, exit codes, and one line for what went wrong."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from commands import refusal
from filelock import FileLock

import variogeo
from variogeo import (
    LagBins,
    Stable,
    _estimation,
    cli,
    compare_models,
    datasets,
    empirical_variogram,
    fit_variogram,
)
from variogeo._models import MODELS
from variogeo._usable_lags import suggested_bins
from variogeo.io import read_points

COMMANDS = ["check", "fit", "report", "merge", "weights", "demo", "experiment"]
OUTPUTS = ["model.json", "variogram.json", "variogram.png"]


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """Return a GeoParquet file with 150 of the bundled photos, in Web Mercator."""
    lonlat, embeddings = datasets.geoclip_photos()
    chosen = np.flatnonzero(np.abs(lonlat[:, 1]) < 80)[:150]
    points = gpd.GeoSeries(gpd.points_from_xy(*lonlat[chosen].T), crs="EPSG:4326").to_crs("EPSG:3857")
    path = tmp_path / "photos.parquet"
    gpd.GeoDataFrame({"clip": list(embeddings[chosen, :32].astype(np.float32))}, geometry=points).to_parquet(path)
    return path


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    lonlat, embeddings = datasets.geoclip_photos()
    path = tmp_path / "photos.npz"
    np.savez(path, lonlat=lonlat[:150], clip=embeddings[:150, :32])
    return path


@pytest.fixture
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the drawing, half of a command's time, where it is not what is tested."""
    monkeypatch.setattr("variogeo.plotting.to_png", lambda _: b"a picture")


def fit(points: Path, *options: str) -> list[str]:
    return ["fit", str(points), "--embedding", "clip", "--out", str(points.parent / "out"), *options]


@pytest.mark.parametrize("source", ["parquet", "npz"])
def test_fit_writes_what_the_api_gives(
    source: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    path = request.getfixturevalue(source)
    assert cli.main(fit(path)) == 0
    out = path.parent / "out"
    assert sorted(file.name for file in out.iterdir()) == OUTPUTS

    points = read_points(path, embedding="clip")
    empirical = empirical_variogram(points.lonlat, points.embeddings, suggested_bins(points.lonlat))
    comparison = compare_models(empirical, list(MODELS.values()), weights="equal")
    assert variogeo.load(out / "variogram.json") == empirical
    assert variogeo.load(out / "model.json") == comparison.best.model
    assert (out / "variogram.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert str(empirical) in printed
    assert str(comparison) in printed
    assert comparison.best.message in printed
    assert "Weights of the bins: equal\n" in printed


@pytest.mark.usefixtures("no_picture")
def test_options_reach_the_api(npz: Path) -> None:
    options = ["--metric", "chord", "--low", "10", "--high", "9000", "--bins", "7", "--spacing", "linear"]
    assert cli.main(fit(npz, *options, "--models", "Gaussian", "Matern", "--weights", "equal")) == 0
    points = read_points(npz, embedding="clip")
    empirical = empirical_variogram(points.lonlat, points.embeddings, LagBins.linear(10, 9000, 7), metric="chord")
    comparison = compare_models(empirical, [variogeo.Gaussian, variogeo.Matern], weights="equal")
    assert variogeo.load(npz.parent / "out" / "variogram.json") == empirical
    assert variogeo.load(npz.parent / "out" / "model.json") == comparison.best.model


def test_without_spread_the_counts_and_means_are_drawn(npz: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(fit(npz, "--no-spread")) == 0
    points = read_points(npz, embedding="clip")
    empirical = empirical_variogram(points.lonlat, points.embeddings, suggested_bins(points.lonlat), spread=False)
    assert variogeo.load(npz.parent / "out" / "variogram.json") == empirical
    assert str(empirical) in capsys.readouterr().out


@pytest.mark.usefixtures("no_picture")
def test_an_interrupted_run_says_how_to_go_on_and_does(
    npz: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = npz.parent / "run"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("variogeo._engine._job.Job.sums", interrupted)
        assert cli.main(fit(npz, "--resume", str(folder))) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("variogeo: interrupted. 0 of 1 tasks are safe in ")
    assert line.endswith(f"the same call with --resume {folder} goes on from there.")
    assert not (npz.parent / "out").exists()

    assert cli.main(fit(npz, "--resume", str(folder))) == 0
    assert (folder / "pairs-0-0.npz").exists()
    points = read_points(npz, embedding="clip")
    empirical = empirical_variogram(points.lonlat, points.embeddings, suggested_bins(points.lonlat))
    assert variogeo.load(npz.parent / "out" / "variogram.json") == empirical


def test_a_run_folder_in_use_ends_with_one_line(npz: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = npz.parent / "run"
    folder.mkdir()
    with FileLock(folder / "run.lock"):
        assert "run is in use by another run" in refusal(capsys, *fit(npz, "--resume", str(folder)))


@pytest.mark.usefixtures("no_picture")
def test_one_limit_of_the_bins_can_be_left_to_the_points(npz: Path) -> None:
    assert cli.main(fit(npz, "--low", "50", "--bins", "5")) == 0
    edges = variogeo.load(npz.parent / "out" / "variogram.json").edges
    assert edges[0] == 50.0
    assert edges[-1] == suggested_bins(read_points(npz, embedding="clip").lonlat).edges[-1]


@pytest.mark.usefixtures("no_picture")
def test_the_json_of_a_fit_is_one_line_that_says_what_the_files_hold(
    npz: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(fit(npz, "--json", "--models", "Stable", "--weights", "npairs")) == 0
    (line,) = capsys.readouterr().out.splitlines()
    summary = json.loads(line, parse_constant=pytest.fail)
    out = npz.parent / "out"
    model, empirical = variogeo.load(out / "model.json"), variogeo.load(out / "variogram.json")
    assert summary["model"] == "Stable"
    fields = ("nugget", "partial_sill", "effective_range", "shape")
    assert Stable(**{name: summary[name] for name in fields}) == model
    assert summary["npairs"] == empirical.npairs.sum()
    assert summary["sill_apriori"] == empirical.sill_apriori
    residual = (empirical.semivariance - model(empirical.lag))[empirical.npairs > 0]
    assert summary["rmse"] == pytest.approx(np.sqrt(np.mean(residual**2)))
    assert sorted(summary["outputs"]) == [str(out / name) for name in OUTPUTS]
    assert summary["weights"] == "npairs"
    expected = fit_variogram(empirical, Stable)
    assert (summary["outcome"], summary["converged"]) == (expected.outcome, expected.converged)


@pytest.mark.usefixtures("no_picture")
def test_polygons_need_the_choice_of_a_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lonlat, embeddings = datasets.geoclip_photos()
    path = tmp_path / "photos.parquet"
    chips = gpd.points_from_xy(*lonlat[:40].T).buffer(0.01)
    gpd.GeoDataFrame({"clip": list(embeddings[:40, :8])}, geometry=chips, crs="EPSG:4326").to_parquet(path)
    assert refusal(capsys, *fit(path)).endswith("Must be points; pass --point representative.")
    assert not (tmp_path / "out").exists()
    assert cli.main(fit(path, "--point", "representative", "--bins", "6")) == 0


@pytest.mark.parametrize("existing", OUTPUTS)
def test_outputs_that_exist_are_refused_before_the_work_and_stay(
    existing: str, npz: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = npz.parent / "out"
    out.mkdir()
    (out / existing).write_text("precious")
    monkeypatch.setattr("variogeo.cli._estimate.empirical_variogram", pytest.fail)
    assert f"already holds {existing}. Pass --overwrite or another --out." in refusal(capsys, *fit(npz))
    assert [file.name for file in out.iterdir()] == [existing]
    assert (out / existing).read_text() == "precious"


@pytest.mark.usefixtures("no_picture")
def test_overwrite_replaces_outputs_and_keeps_other_files(npz: Path) -> None:
    out = npz.parent / "out"
    out.mkdir()
    for name in [*OUTPUTS, "notes.txt"]:
        (out / name).write_text("old")
    assert cli.main(fit(npz, "--overwrite")) == 0
    assert (out / "notes.txt").read_text() == "old"
    assert variogeo.load(out / "variogram.json").npairs.sum() > 0
    assert len(list(out.iterdir())) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--embedding", "dino"], "It has no array 'dino'. It has lonlat, clip."),
        (["--low", "0"], "logarithmic bins cannot start at zero"),
        (["--low", "-1"], "Invalid low '-1.0'. Must be greater than zero"),
        (["--low", "nan"], "Invalid low 'nan'"),
        (["--low", "100", "--high", "10"], "Invalid high '10.0'"),
        (["--bins", "0"], "Invalid count '0'. Must be a whole number of at least 1"),
        (["--low", "30000", "--high", "40000"], "Every bin from 30000 to 40000 km is empty"),
        (["--bins", "2"], "Only 2 bins hold pairs, but Spherical has 3 free parameters"),
        (["--point", "representative"], "An npz file holds points already"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used_ends_with_one_line_and_no_output_folder(
    options: list[str], words: str, npz: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refusal(capsys, *fit(npz, *options))
    assert not (npz.parent / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.npz", None, "absent.npz is not a file"),
        (
            "photos.csv",
            b"lon,lat",
            "or .npy with --table. Read other tables with geopandas or pandas, and write them with to_parquet.",
        ),
        ("photos.parquet", b"PAR1 and no more", "cannot be read as Parquet"),
        ("photos.npz", b"", "named like npz but does not start like it"),
        ("two\nlines.npz", b"PK", "two lines.npz"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_one_line(
    name: str, content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert words in refusal(capsys, *fit(path))
    assert not (tmp_path / "out").exists()


def test_a_single_place_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "photos.npz"
    np.savez(path, lonlat=np.full((5, 2), 7.0), clip=np.eye(5))
    assert "at one place" in refusal(capsys, *fit(path))


def test_an_output_folder_that_is_a_file_is_refused(npz: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (npz.parent / "out").write_text("precious")
    assert "out is not a folder. Choose another --out." in refusal(capsys, *fit(npz))
    assert (npz.parent / "out").read_text() == "precious"


@pytest.mark.usefixtures("no_picture")
def test_a_full_disk_ends_with_one_line_and_no_partial_file(
    npz: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "No space left on device" in refusal(capsys, *fit(npz))
    assert [path.name for path in npz.parent.iterdir()] == [npz.name]


@pytest.mark.parametrize("place", ["file.txt/out", "shut/out"])
def test_a_folder_that_takes_no_files_is_refused_before_the_work(
    place: str, npz: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (npz.parent / "file.txt").write_text("precious")

    def shut(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    if place.startswith("shut"):
        monkeypatch.setattr("variogeo.cli._outputs.TemporaryDirectory", shut)
    monkeypatch.setattr("variogeo.cli._estimate.empirical_variogram", pytest.fail)
    out = npz.parent / place
    reason = "Permission denied" if place.startswith("shut") else "Not a directory"
    assert (
        refusal(capsys, *fit(npz), "--out", out) == f"variogeo: {out} takes no files: {reason}. Choose another --out."
    )
    assert (npz.parent / "file.txt").read_text() == "precious"


def test_an_input_in_the_output_folder_is_neither_replaced_nor_removed(
    npz: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = npz.parent / "out"
    out.mkdir()
    lonlat, embeddings = datasets.geoclip_photos()
    np.save(npz.parent / "clip.npy", embeddings[:20])
    rows = "".join(f"{lon},{lat}\n" for lon, lat in lonlat[:20])
    (out / "sectors.csv").write_text(f"lon,lat\n{rows}")
    words = ["fit", npz.parent / "clip.npy", "--table", out / "sectors.csv", "--out", out, "--overwrite"]
    assert f"--out {out / 'sectors.csv'} is a file that is read." in refusal(capsys, *words)
    assert (out / "sectors.csv").read_text().endswith(rows)


@pytest.mark.parametrize(("command", "option"), [("report", "--out"), ("check", "--html")])
def test_the_points_are_not_replaced_by_their_page(
    command: str, option: str, npz: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = npz.parent / "page.html"
    page.hardlink_to(npz)
    line = refusal(capsys, command, npz, "--embedding", "clip", option, page, "--overwrite")
    assert f"{option} {page} is a file that is read." in line
    assert page.samefile(npz)


def test_a_missing_package_ends_with_its_pip_line(
    npz: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> None:
        msg = "pyproj is not installed: pip install pyproj"
        raise ImportError(msg)

    monkeypatch.setattr("variogeo.cli._estimate.empirical_variogram", absent)
    assert refusal(capsys, *fit(npz)) == "variogeo: pyproj is not installed: pip install pyproj"


def test_an_interrupt_ends_with_130_and_no_output_folder(
    npz: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_estimation, "accumulate", interrupted)
    assert cli.main(fit(npz)) == 130
    assert capsys.readouterr().err == "variogeo: interrupted.\n"
    assert not (npz.parent / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["train"], "invalid choice: 'train'"),
        (["fit"], "the following arguments are required: FILE, --out"),
        (["fit", "a.npz", "--embedding", "clip"], "required: --out"),
        (["fit", "a.npz", "--embedding", "clip", "--out", "o", "--bins", "many"], "invalid int value: 'many'"),
        (["fit", "a.npz", "--embedding", "clip", "--out", "o", "--metric", "vincenty"], "invalid choice: 'vincenty'"),
        (["fit", "a.npz", "--embedding", "clip", "--out", "o", "--models", "Cubic"], "invalid choice: 'Cubic'"),
        (["fit", "--out", "o", "--models", "Stable", "a.npz"], "files go before --models"),
        (["fit", "a.npz", "--embedding", "clip", "--out", "o", "--weights", "npairs_over_semivariance2"], "choice"),
        (["fit", "a.npz", "--embedding", "clip", "--out", "o", "--colour"], "unrecognized arguments: --colour"),
        (
            ["fit", "a.npz", "clip", "--out", "o"],
            "usage: variogeo fit FILE --out DIR [options]\nvariogeo fit: error: unre",
        ),
        (["experiment", "--arms", "hard", "a.npz"], "invalid choice: 'a.npz' (a file, no arm; files go before --arms)"),
        (["fit", "a.npz", "--embedding", "clip", "--out", "o", "--metr", "chord"], "unrecognized arguments: --metr"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_usage_of_a_command_names_all_that_it_requires(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        cli.main([command, "--no-such-option"] if command in ("demo", "experiment") else [command])
    usage, error = capsys.readouterr().err.splitlines()
    required = error.partition("required: ")[2].split(", ")
    assert required != [""] or command in ("demo", "experiment")
    assert all(name in usage for name in required)


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_ends_with_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: variogeo")


@pytest.mark.parametrize("module", ["variogeo", "variogeo.cli"])
def test_the_module_runs_as_a_program(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"variogeo {variogeo.__version__}\n"


def test_the_program_passes_its_exit_code_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "variogeo", *fit(tmp_path / "absent.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"variogeo: {tmp_path / 'absent.npz'} is not a file. Must be the path of one that exists.\n"


def test_the_demo_is_run_as_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    monkeypatch.setattr("variogeo.demo.run", lambda out, *, short: asked.append((out, short)))
    assert cli.main(["demo", "--out", str(tmp_path), "--short"]) == 0
    assert cli.main(["demo"]) == 0
    assert asked == [(tmp_path, True), (Path("demo-output"), False)]
