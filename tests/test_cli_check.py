"""``variogeo check`` and ``variogeo report``: what the library gives, on files."""

import json
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import photos_npz, printed, refusal

import variogeo
from variogeo import LagBins, cli
from variogeo.io import read_points


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photos_npz(tmp_path / "photos.npz")
    return tmp_path


CHECK = ["check", "photos.npz", "--embedding", "clip", "--group", "sequence"]


def test_the_checkup_is_that_of_the_library_and_goes_on_with_a_command_that_runs(capsys, monkeypatch):
    text = printed(capsys, *CHECK)
    points = read_points("photos.npz", embedding="clip", group="sequence")
    checkup = variogeo.check(points.lonlat, points.embeddings, groups=points.groups)
    assert text.startswith(f"{checkup}\n\nOn the command line:\n  variogeo fit photos.npz --embedding clip --low ")
    monkeypatch.setattr("variogeo.plotting.to_png", lambda _: b"a picture")
    printed(capsys, *shlex.split(text.splitlines()[-1])[1:])
    edges = variogeo.load("results/variogram.json").edges
    assert len(edges) == len(checkup.lags.bins.edges)
    np.testing.assert_allclose(edges[[0, -1]], checkup.lags.bins.edges[[0, -1]], rtol=1e-9)


def test_the_json_is_that_of_the_library_in_one_line(capsys):
    text = printed(capsys, *CHECK, "--json")
    points = read_points("photos.npz", embedding="clip", group="sequence")
    expected = variogeo.check(points.lonlat, points.embeddings, groups=points.groups).to_json()
    assert text.count("\n") == 1
    assert json.loads(text, parse_constant=pytest.fail) == json.loads(json.dumps(expected))


def test_the_page_is_that_of_the_library(folder, capsys):
    assert printed(capsys, *CHECK, "--html", "checkup.html").endswith("Written to checkup.html.\n")
    points = read_points("photos.npz", embedding="clip", group="sequence")
    assert (folder / "checkup.html").read_text() == variogeo.check(*points, groups=points.groups).to_html()
    assert "checkup.html exists. Pass --overwrite" in refusal(capsys, *CHECK, "--html", "checkup.html")
    printed(capsys, *CHECK, "--html", "checkup.html", "--overwrite", "--json")


def test_errors_end_with_1_and_are_shown(capsys):
    np.savez("one.npz", lonlat=np.full((5, 2), 7.0), embedding=np.eye(5))
    assert cli.main(["check", "one.npz"]) == 1
    captured = capsys.readouterr()
    assert "error: one place" in captured.out
    assert "On the command line" not in captured.out
    assert captured.err == ""
    assert cli.main(["check", "one.npz", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_rows_that_a_door_would_refuse_are_findings_with_their_numbers(capsys):
    lonlat = np.array([[8.0, 50.0], [np.nan, 51.0], [9.0, 52.0], [10.0, 53.0]])
    embedding = np.eye(4)
    embedding[2], embedding[3, 0] = 0.0, np.nan
    np.savez("gap.npz", lonlat=lonlat, embedding=embedding)
    assert cli.main(["check", "gap.npz", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    rows = {finding["name"]: finding["rows"] for finding in found if finding["level"] == "error"}
    assert rows == {"missing coordinates": [1], "zero vectors": [2], "missing embeddings": [3]}


def test_a_folder_of_parts_is_looked_at_part_by_part(capsys):
    points = read_points("photos.npz", embedding="clip")
    table = pa.table({"lon": points.lonlat[:, 0], "lat": points.lonlat[:, 1], "clip": list(points.embeddings)})
    Path("parts").mkdir()
    pq.write_table(table, "parts/a.parquet")
    text = printed(capsys, "check", "parts", "--embedding", "clip")
    assert text.partition("\n\nOn the command line")[0] == str(variogeo.check(*points))


def test_a_file_that_cannot_be_read_is_one_error(capsys):
    Path("broken.npz").write_bytes(b"PK")
    assert "broken.npz" in refusal(capsys, "check", "broken.npz")
    assert cli.main(["check", "broken.npz", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    (finding,) = found["findings"]
    assert (finding["level"], finding["name"]) == ("error", "not readable")
    assert finding["text"].startswith("broken.npz: ")


def test_swapped_columns_are_a_finding_and_no_second_warning(capsys):
    lonlat = np.random.default_rng(0).uniform((-60, -20), (-48, -6), (40, 2))  # Brazil
    np.savez("swapped.npz", lonlat=lonlat[:, ::-1], embedding=np.random.default_rng(1).normal(size=(40, 4)))
    assert "warning: swapped columns" in printed(capsys, "check", "swapped.npz")
    assert "swapped" not in printed(capsys, "check", "swapped.npz", "--no-check-land").partition("Next:")[0]


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Return what the library is asked to report, without the two seconds that a real page takes."""
    asked = []

    def report(lonlat, embeddings, path, **options):
        asked.append({"lonlat": lonlat, "embeddings": embeddings, **options})
        path.write_text("a page")
        return path

    monkeypatch.setattr(variogeo, "report", report)
    return asked


REPORT = ["report", "photos.npz", "--embedding", "clip"]


def test_a_report_is_asked_for_with_the_options(reported, folder, capsys):
    options = ["--group", "sequence", "--title", "Photos", "--bins", "5", "--low", "10", "--high", "500",
               "--precision-km", "2", "--model-id", "clip"]  # fmt: skip
    text = printed(capsys, *REPORT, *options, "--out", "report.html")
    (asked,) = reported
    points = read_points("photos.npz", embedding="clip", group="sequence")
    np.testing.assert_array_equal(asked.pop("lonlat"), points.lonlat)
    np.testing.assert_array_equal(asked.pop("embeddings"), points.embeddings)
    np.testing.assert_array_equal(asked.pop("groups"), points.groups)
    assert asked == {
        "title": "Photos", "bins": LagBins.logarithmic(10, 500, 5), "model_id": "clip", "precision_km": 2.0,
        "overwrite": False,
    }  # fmt: skip
    assert text == "150 points. Written to report.html, 0.0 MB.\n"
    printed(capsys, *REPORT, "--out", "report.html", "--overwrite")
    assert reported[1]["title"] == "photos.npz"
    assert reported[1]["overwrite"] is True
    assert (folder / "report.html").exists()


def test_the_json_of_a_report_says_what_was_written(reported, capsys):
    found = json.loads(printed(capsys, *REPORT, "--out", "report.html", "--json"))
    assert found == {"points": len(reported[0]["lonlat"]), "outputs": ["report.html"], "bytes": len("a page")}


def test_a_report_that_exists_is_refused_before_the_work(reported, folder, capsys):
    (folder / "report.html").write_text("precious")
    assert "report.html exists. Pass --overwrite" in refusal(capsys, *REPORT, "--out", "report.html")
    assert (folder / "report.html").read_text() == "precious"
    assert reported == []


def test_a_real_report_is_written(folder, capsys):
    pytest.importorskip("bokeh")
    text = printed(capsys, *REPORT, "--bins", "6", "--out", "report.html", "--title", "<b>Photos</b>")
    page = (folder / "report.html").read_text()
    assert "&lt;b&gt;Photos&lt;/b&gt;" in page
    assert "<b>Photos</b>" not in page
    assert text.startswith("150 points. Written to report.html")
