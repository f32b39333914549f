"""``variogeo check`` and ``variogeo report``: what the library gives, on files."""

import argparse
import json
import os
import re
import shlex
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import photos_npz, printed, refusal

import variogeo
from variogeo import Exponential, LagBins, Spherical, cli
from variogeo.checkup import Checkup
from variogeo.cli._bins import add_bins_options, bins_of
from variogeo.cli._lines import naming_options
from variogeo.io import read_points

PYTHON = re.compile(r"\b[a-z_]+=|variogeo\.|lonlat|GeoDataFrame|\w\(")
"""What a cure of Python has: an argument, a module, a variable, a class, a call."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photos_npz(tmp_path / "photos.npz")
    return tmp_path


CHECK = ["check", "photos.npz", "--embedding", "clip", "--group", "sequence"]


def test_the_checkup_is_that_of_the_library_in_the_words_of_options(capsys):
    lines = printed(capsys, *CHECK).splitlines()
    points = read_points("photos.npz", embedding="clip", group="sequence")
    expected = str(variogeo.check(points.lonlat, points.embeddings, groups=points.groups)).splitlines()
    assert lines[: lines.index("")] == expected[: expected.index("")]
    text = " ".join(" ".join(lines).split())
    assert "--dissimilarity half_squared does" in text
    assert not PYTHON.search(text)
    assert lines[-2:] == [
        "Next:", "  variogeo fit photos.npz --embedding clip --group sequence --exclude-group --out results"
    ]  # fmt: skip


def test_check_fit_and_report_have_the_same_bins_and_pairs(capsys, monkeypatch):
    monkeypatch.setattr("variogeo.plotting.to_png", lambda _: b"a picture")
    command = printed(capsys, *CHECK).splitlines()[-1]
    printed(capsys, *shlex.split(command)[1:])
    fitted = variogeo.load("results/variogram.json")
    points = read_points("photos.npz", embedding="clip", group="sequence")
    suggested = variogeo.check(points.lonlat, points.embeddings).lags.bins
    expected = variogeo.empirical_variogram(points.lonlat, points.embeddings, suggested, exclude=points.groups)
    assert fitted == expected
    printed(capsys, *REPORT, "--group", "sequence", "--out", "report.html")
    assert f"{expected.npairs.sum():,}</dd>" in Path("report.html").read_text()
    low, high = (f"{edge:,.5g}" for edge in suggested.edges[[0, -1]])
    assert f"{len(suggested)}, {low} to {high} km" in Path("report.html").read_text()


def test_what_is_not_said_about_the_bins_is_that_of_the_usable_lags():
    lonlat = read_points("photos.npz", embedding="clip").lonlat
    usable = variogeo.check(lonlat, np.eye(len(lonlat))).lags.bins
    first, last = usable.edges[0], usable.edges[-1]

    def bins(*words: str) -> LagBins:
        parser = argparse.ArgumentParser()
        add_bins_options(parser)
        return bins_of(parser.parse_args(words), lonlat)

    assert bins() == usable
    assert bins("--bins", "7") == LagBins.logarithmic(first, last, 7)
    # Six for each factor of ten, 3 at least and 30 at most.
    assert bins("--low", "10", "--high", "1000") == LagBins.logarithmic(10, 1000, 12)
    assert bins("--low", "100", "--high", "110") == LagBins.logarithmic(100, 110, 3)
    assert bins("--high", "1000") == LagBins.logarithmic(first, 1000, round(6 * np.log10(1000 / first)))
    assert bins("--spacing", "linear") == LagBins.linear(first, last, len(usable))
    assert bins("--spacing", "linear", "--low", "0") == LagBins.linear(0, last, len(usable))
    with pytest.raises(ValueError, match=r"--low 50000 is not below the longest usable lag, 9800 km\. Pass --high as"):
        bins("--low", "50000")
    with pytest.raises(
        ValueError, match=rf"--high 1e-05 is not above the shortest usable lag, {first:g} km\. Pass --low"
    ):
        bins("--high", "0.00001")


def test_a_run_of_more_than_an_hour_goes_on_with_a_way_out(capsys, monkeypatch):
    monkeypatch.setattr("variogeo.checkup._ways.LARGEST_SECONDS", 0.0)
    text = " ".join(printed(capsys, "check", "photos.npz", "--embedding", "clip").split())
    assert "Pass --sample 2000000, or --resume DIR." in text
    assert text.endswith("variogeo fit photos.npz --embedding clip --sample 2000000 --out results")
    # A sample is drawn without looking at groups.
    assert printed(capsys, *CHECK).endswith("--group sequence --exclude-group --resume run --out results\n")


VECTORS = np.random.default_rng(1).normal(size=(40, 4))
NEAR = np.random.default_rng(0).uniform(8, 9, (40, 2))
E7 = np.random.default_rng(0).integers(4e8, 5e8, (40, 2))
SWAPPED = np.random.default_rng(0).uniform((-60, -20), (-48, -6), (40, 2))[:, ::-1]
BAD = {
    "missing": (np.where(np.arange(40)[:, None] == 1, np.nan, NEAR), VECTORS, None, "Drop them: --missing drop."),
    "e7": (E7, VECTORS, None, "Pass --units e7."),
    "metres": (E7 / 1e3, VECTORS, None, "Pass a GeoParquet file with its CRS."),
    "latitude": (NEAR + 90, VECTORS, None, "Then swap the columns (--lon, --lat)."),
    "radians": (NEAR - 8, VECTORS, None, "Then pass --units rad."),
    "swapped": (SWAPPED, VECTORS, None, "swap the columns (--lon, --lat), else --no-check-land."),
    "null island": (np.zeros((40, 2)), VECTORS, None, "Drop them if so."),
    "sequences": (NEAR, VECTORS, ["a"] * 39 + [None], "Take 10 and more, e.g. --patches 25."),
    "zero": (NEAR, VECTORS * (np.arange(40)[:, None] != 1), None, "so no cosine. Drop them: --missing drop."),
    "NaN": (NEAR, np.where(np.arange(40)[:, None] == 1, np.nan, VECTORS), None, "Drop them: --missing drop."),
    "integers": (NEAR, np.round(VECTORS).astype(np.int8), None, "Pass --dequantize"),
    "one column": (NEAR, VECTORS[:, :1], None, "Was a wider one meant? Choose it with --embedding."),
    "identical": (NEAR[[0, *range(39)]], VECTORS[[0, *range(39)]], None, "Copies count their pairs several times."),
    "constant": (NEAR, np.ones((40, 4)), None, "embedded over and over?"),
    "norms": (NEAR, VECTORS, None, "--dissimilarity half_squared does."),
}


@pytest.mark.parametrize("bad", BAD)
def test_no_cure_of_a_checkup_on_the_command_line_is_one_of_python(bad):
    lonlat, embeddings, groups, cure = BAD[bad]
    checkup = variogeo.check(lonlat, embeddings, groups=groups)
    shown = " ".join(naming_options(finding.text) for finding in checkup.findings)
    assert not PYTHON.search(shown)
    assert cure in shown


def test_what_check_says_to_do_next_works_on_the_bins_that_it_names(capsys):
    lonlat, embedding = np.vstack([NEAR, [[150.0, -30.0]]]), np.vstack([VECTORS, np.zeros((1, 4))])
    np.savez("zero.npz", lonlat=lonlat, embedding=embedding)
    assert cli.main(["check", "zero.npz", "--no-check-land", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (command,) = found["next"]
    assert command == "variogeo fit zero.npz --no-check-land --missing drop --out results"
    assert cli.main([*shlex.split(command)[1:], "--models", "Spherical"]) == 0
    capsys.readouterr()
    assert variogeo.load("results/variogram.json").bins == variogeo.check(NEAR, VECTORS).lags.bins


def test_missing_rows_go_on_with_the_option_that_drops_them(capsys):
    random = np.random.default_rng(0)
    embedding = random.normal(size=(20, 3))
    embedding[4, 1] = np.nan
    np.savez("gap.npz", lonlat=random.uniform(8, 9, (20, 2)), embedding=embedding)
    assert cli.main(["check", "gap.npz"]) == 1
    text = capsys.readouterr().out
    assert "Drop them: --missing drop." in " ".join(text.split())
    assert text.endswith("Next:\n  variogeo fit gap.npz --missing drop --out results\n")


def in_options(checkup: Checkup) -> Checkup:
    """Return a checkup of the photos as the command shows it."""
    findings = [replace(finding, text=naming_options(finding.text)) for finding in checkup.findings]
    command = "variogeo fit photos.npz --embedding clip --group sequence --exclude-group --out results"
    return replace(checkup, findings=tuple(findings), next_lines=(command,))


def test_the_json_is_that_of_the_library_in_one_line_and_in_the_words_of_options(capsys):
    text = printed(capsys, *CHECK, "--json")
    points = read_points("photos.npz", embedding="clip", group="sequence")
    expected = in_options(variogeo.check(points.lonlat, points.embeddings, groups=points.groups)).to_json()
    assert text.count("\n") == 1
    assert json.loads(text, parse_constant=pytest.fail) == json.loads(json.dumps(expected))


def test_the_page_is_that_of_the_library_in_the_words_of_options(folder, capsys):
    assert printed(capsys, *CHECK, "--html", "checkup.html").endswith("Written to checkup.html.\n")
    points = read_points("photos.npz", embedding="clip", group="sequence")
    expected = in_options(variogeo.check(*points, groups=points.groups)).to_html("Checkup of photos.npz")
    assert (folder / "checkup.html").read_text() == expected
    assert "checkup.html exists. Pass --overwrite" in refusal(capsys, *CHECK, "--html", "checkup.html")
    printed(capsys, *CHECK, "--html", "checkup.html", "--overwrite", "--json")


def test_errors_end_with_1_and_are_shown(capsys):
    np.savez("one.npz", lonlat=np.full((5, 2), 7.0), embedding=np.eye(5))
    assert cli.main(["check", "one.npz"]) == 1
    captured = capsys.readouterr()
    assert "error: one place" in captured.out
    assert "Next:" not in captured.out
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
    assert text.partition("\n\nnote: ")[0] == str(variogeo.check(*points)).partition("\n\nnote: ")[0]
    assert text.endswith("Next:\n  variogeo fit parts --embedding clip --out results\n")


def test_a_file_that_cannot_be_read_is_one_error(capsys):
    Path("broken.npz").write_bytes(b"PK")
    assert "broken.npz" in refusal(capsys, "check", "broken.npz")
    assert cli.main(["check", "broken.npz", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    (finding,) = found["findings"]
    assert (finding["level"], finding["name"]) == ("error", "not readable")
    assert finding["text"].startswith("broken.npz: ")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"sequence": np.full(40, 2.0**53)}, "floats of 2^53 and more in 40 rows"),
        ({"sequence": np.zeros((40, 2))}, "Must be (n,)"),
        ({"lonlat": NEAR[:10], "sequence": np.arange(10)}, "40"),
    ],
)
def test_what_is_no_table_of_points_is_one_error_that_names_the_file(arrays, words, capsys):
    np.savez("odd.npz", **{"lonlat": NEAR, "embedding": VECTORS, **arrays})
    assert cli.main(["check", "odd.npz", "--group", "sequence", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["text"].startswith("odd.npz: ")
    assert words in finding["text"]


def test_rows_that_are_dropped_are_notes_with_the_numbers_of_the_file(capsys):
    lonlat, embedding = NEAR.copy(), VECTORS.copy()
    lonlat[2], embedding[5], embedding[7] = np.nan, 0.0, np.inf
    np.savez("gap.npz", lonlat=lonlat, embedding=embedding)
    found = json.loads(printed(capsys, "check", "gap.npz", "--missing", "drop", "--json"))
    assert found["ok"] is True
    assert found["next"] == ["variogeo fit gap.npz --missing drop --out results"]
    dropped = {one["name"]: one["rows"] for one in found["findings"] if "They are left out." in one["text"]}
    assert dropped == {"missing coordinates": [2], "zero vectors": [5], "missing embeddings": [7]}
    assert "rows         40, of which 37 can be used" in printed(capsys, "check", "gap.npz", "--missing", "drop")


def test_a_stream_that_drops_rows_says_which_by_the_numbers_of_the_file(capsys):
    embedding = VECTORS.copy()
    embedding[3], embedding[20], embedding[21] = np.nan, VECTORS[19], VECTORS[19]
    lonlat = NEAR.copy()
    lonlat[20:22] = NEAR[19]
    table = pa.table({"lon": lonlat[:, 0], "lat": lonlat[:, 1], "embedding": list(embedding)})
    pq.write_table(table, "gap.parquet")
    words = ["--missing", "drop", "--no-check-land", "--json"]
    whole = json.loads(printed(capsys, "check", "gap.parquet", *words))
    assert cli.main(["check", "gap.parquet", "--stream", *words]) == 0
    captured = capsys.readouterr()
    assert "1 rows (3) were left out by --missing drop" in captured.err
    streamed = json.loads(captured.out)
    assert (whole["rows"], whole["usable_rows"]) == (streamed["rows"], streamed["usable_rows"]) == (40, 39)
    rows = [{one["name"]: one["rows"] for one in found["findings"]} for found in (whole, streamed)]
    assert rows[0].pop("missing embeddings") == rows[1].pop("rows left out") == [3]
    assert rows[0] == rows[1]
    assert rows[0]["identical rows"] == [20, 21]
    # The doors count rows alike.
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert cli.main(["report", "gap.parquet", *words[:3], "--out", "r.html"]) == 0
    captured = capsys.readouterr()
    assert "repeat the place and the vector of an earlier row: 20, 21." in captured.err
    assert "Its row numbers are those of the table with what was left out." in captured.out


def test_who_says_degrees_is_not_asked_whether_they_are_radians(capsys):
    small = NEAR - 8
    np.savez("small.npz", lonlat=small, embedding=VECTORS)
    pq.write_table(pa.table({"lon": small[:, 0], "lat": small[:, 1], "embedding": list(VECTORS)}), "small.parquet")
    words = ["--no-check-land", "--units", "deg"]
    assert "warning: radians" in printed(capsys, "check", "small.npz", "--no-check-land")
    assert "radians" not in printed(capsys, "check", "small.npz", *words)
    assert "radians" not in printed(capsys, "check", "small.parquet", "--stream", *words)
    printed(capsys, "report", "small.npz", *words, "--out", "r.html")
    page = Path("r.html").read_text()
    assert "Note: not normalised" in page
    assert "Warning: radians" not in page


def test_a_file_that_begins_with_a_dash_stays_one_in_the_next_command(capsys):
    np.savez("-dash.npz", lonlat=NEAR, embedding=VECTORS)
    command = printed(capsys, "check", "./-dash.npz").splitlines()[-1]
    assert command == "  variogeo fit ./-dash.npz --out results"
    printed(capsys, *shlex.split(command)[1:], "--models", "Spherical")


def test_the_page_of_a_report_names_options_and_that_of_the_library_arguments(capsys):
    labels = np.array(["a"] * 39 + ["b"])
    np.savez("odd.npz", lonlat=NEAR, embedding=VECTORS, sequence=labels)
    printed(
        capsys, "report", "odd.npz", "--group", "sequence", "--no-check-land", "--out", "r.html", "--models", "Stable"
    )
    variogeo.report(NEAR, VECTORS, "p.html", groups=labels, check_land=False, models=[variogeo.Stable])
    for name, words, others in (
        ("r.html", "--patches 25", "variogeo.inference.kmeans_patches"),
        ("p.html", "variogeo.inference.kmeans_patches", "--patches 25"),
    ):
        page = Path(name).read_text()
        assert words in page
        assert others not in page
    assert "That is an option of variogeo fit." in Path("r.html").read_text()


def test_pages_of_a_file_whose_name_is_no_utf8_have_a_title(folder, capsys):
    name = os.fsdecode(b"s\xfcr.npz")
    np.savez(name, lonlat=NEAR, embedding=VECTORS)
    printed(capsys, "check", name, "--html", "c.html", "--json")
    assert "<title>Checkup of s\N{REPLACEMENT CHARACTER}r.npz</title>" in (folder / "c.html").read_text()
    printed(capsys, "report", name, "--out", "r.html", "--json")
    assert "s\N{REPLACEMENT CHARACTER}r.npz" in (folder / "r.html").read_text()


def test_a_folder_that_is_named_like_an_argument_keeps_its_name(capsys):
    line = refusal(capsys, "check", "group=3/photos.parquet")
    assert line.startswith("variogeo: group=3/photos.parquet is not a file")


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
               "--precision-km", "2", "--model-id", "clip", "--weights", "npairs", "--no-check-land",
               "--models", "Spherical", "Exponential+Exponential"]  # fmt: skip
    text = printed(capsys, *REPORT, *options, "--out", "report.html")
    (asked,) = reported
    points = read_points("photos.npz", embedding="clip", group="sequence")
    np.testing.assert_array_equal(asked.pop("lonlat"), points.lonlat)
    np.testing.assert_array_equal(asked.pop("embeddings"), points.embeddings)
    np.testing.assert_array_equal(asked.pop("groups"), points.groups)
    assert asked == {
        "title": "Photos", "bins": LagBins.logarithmic(10, 500, 5), "model_id": "clip", "precision_km": 2.0,
        "overwrite": False, "weights": "npairs", "models": [Spherical, (Exponential, Exponential)], "check_land": False,
        "dropped": (), "units": None,
    }  # fmt: skip
    assert text == "150 points. Written to report.html, 0.0 MB.\n"
    printed(capsys, *REPORT, "--out", "report.html", "--overwrite")
    assert reported[1]["title"] == "photos.npz"
    assert reported[1]["bins"] is None
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
