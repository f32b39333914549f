"""``variogeo weights``: the weighting equals that of the library, and what is printed runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import printed, refusal, wrong_usage

import variogeo
import variogeo.cli
from variogeo import (
    DecorrelationWeighting,
    EmpiricalVariogram,
    Exponential,
    FarWeighting,
    LagBins,
    LagSpread,
    MaskWeighting,
    NearWeighting,
    ResidualWeighting,
    datasets,
    empirical_variogram,
)

CURVE = Exponential(nugget=0.1, partial_sill=0.4, effective_range=300.0)


@pytest.fixture(scope="module")
def empirical() -> EmpiricalVariogram:
    lonlat, embeddings = datasets.geoclip_photos()
    return empirical_variogram(lonlat[:200], embeddings[:200], LagBins.logarithmic(100, 10_000, 4))


@pytest.fixture(autouse=True)
def folder(empirical: EmpiricalVariogram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    CURVE.save("model.json")
    empirical.save("variogram.json")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ResidualWeighting(CURVE)),
        (
            [
                "--strength",
                "2",
                "--beyond",
                "500",
                "--within",
                "integral_scale",
                "--spread",
                "0.1",
                "--mask-above",
                "3",
            ],
            ResidualWeighting(CURVE, 2.0, beyond=500.0, within="integral_scale", spread=0.1, mask_above=3.0),
        ),
        (["--scheme", "hard-negatives", "--strength", "2"], ResidualWeighting.hard_negatives(CURVE, 2.0)),
        (["--scheme", "false-negatives", "--within", "50"], ResidualWeighting.false_negatives(CURVE, within=50.0)),
        (["--scheme", "decorrelation"], DecorrelationWeighting(CURVE)),
        (["--scheme", "near"], NearWeighting(1.0, 300.0)),
        (["--scheme", "near", "--strength", "3", "--scale", "20"], NearWeighting(3.0, 20.0)),
        (["--scheme", "far"], FarWeighting(1.0)),
        (["--scheme", "mask"], MaskWeighting(300.0)),
        (["--scheme", "mask", "--within", "25", "--beyond", "1"], MaskWeighting(25.0, beyond=1.0)),
    ],
)
def test_the_weighting_is_that_of_the_options(options, expected, folder, capsys):
    text = printed(capsys, "weights", "model.json", *options, "--out", "weighting.json")
    assert variogeo.load("weighting.json") == expected
    assert "Written to weighting.json" in text
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "variogram.json", "weighting.json"]


def test_the_spread_per_lag_comes_from_the_variogram(empirical, capsys):
    text = printed(capsys, "weights", "model.json", "--variogram", "variogram.json", "--out", "weighting.json")
    scheme = ResidualWeighting(CURVE, spread=LagSpread.of(empirical))
    assert variogeo.load("weighting.json") == scheme
    row = next(line for line in text.splitlines() if line.split()[:1] == ["1000"])
    expected = [np.exp(scheme(1000.0, CURVE(1000.0) - k * scheme.spread(1000.0))) for k in (2, 1, 0)]
    assert [float(cell) for cell in row.split()[1:]] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "dissimilarities"),
    [
        ([], [0.0, CURVE(1000.0) / 2, CURVE(1000.0)]),
        (["--spread", "0.05"], [CURVE(1000.0) - 0.1, CURVE(1000.0) - 0.05, CURVE(1000.0)]),
        (["--spread", "0.4"], [0.0, CURVE(1000.0) - 0.4, CURVE(1000.0)]),
    ],
)
def test_the_json_holds_the_weights_that_are_printed(options, dissimilarities, capsys):
    text = printed(capsys, "weights", "model.json", "--out", "weighting.json", "--json", *options)
    assert text.count("\n") == 1
    found = json.loads(text, parse_constant=pytest.fail)
    scheme = variogeo.load("weighting.json")
    lag, *columns = found["weights"].values()
    assert lag == [1.0, 10.0, 100.0, 300.0, 303.0, 1000.0, 10_000.0]
    at = lag.index(1000.0)
    assert [column[at] for column in columns] == pytest.approx([np.exp(scheme(1000.0, c)) for c in dissimilarities])
    assert found["scheme"] == "residual"
    assert found["weighting"] == repr(scheme)
    assert found["outputs"] == ["weighting.json"]


def test_the_picture_is_written(folder, capsys):
    text = printed(capsys, "weights", "model.json", "--out", "weighting.json", "--plot", "weights.png")
    assert "Written to weighting.json, weights.png" in text
    assert (folder / "weights.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("scheme", ["residual", "decorrelation"])
def test_the_lines_for_the_training_step_run_and_weigh(scheme, capsys):
    torch = pytest.importorskip("torch")
    text = printed(capsys, "weights", "model.json", "--scheme", scheme, "--out", "weighting.json")
    lines = text.partition("In the training step:\n\n")[2].partition("\n\nWritten to")[0]
    assert len([line for line in lines.splitlines() if line]) <= 6
    draw = torch.Generator().manual_seed(0)
    lonlat = datasets.geoclip_photos().lonlat[:6]
    places = torch.tensor(lonlat[:, ::-1].copy())
    features = 0.4 + torch.eye(6)  # 1 - cos = 0.36 between any two, which the curve lets expect
    given = {
        "places": places, "places_all": places, "features": features, "features_all": features,
        "target": torch.arange(6), "logits": torch.rand(6, 6, generator=draw),
    }  # fmt: skip
    exec(compile(lines, "printed", "exec"), given)
    assert given["log_weights"].shape == (6, 6)
    assert torch.isfinite(given["loss"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--scheme", "mask", "--scale", "2"],
            "--scale: the scheme mask does not take it. It takes --within, --beyond.",
        ),
        (["--scheme", "decorrelation", "--strength", "2"], "It takes none of these options."),
        (["--scheme", "far", "--variogram", "variogram.json"], "--variogram: the scheme far does not take it."),
        (["--spread", "1", "--variogram", "v.json"], "not allowed with argument"),
        (["--scheme", "magic"], "invalid choice: 'magic'"),
    ],
)
def test_an_option_of_another_scheme_is_wrong_usage(options, words, folder, capsys):
    assert words in wrong_usage(capsys, "weights", "model.json", "--out", "weighting.json", *options)
    assert not (folder / "weighting.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["variogram.json"], "variogram.json holds a value of class EmpiricalVariogram. Must be a model"),
        (["absent.json"], "absent.json is not a file."),
        (
            ["model.json", "--variogram", "model.json"],
            "model.json holds a value of class Exponential. Must be a variogram",
        ),
        (["model.json", "--strength", "-1"], "Invalid strength '-1.0'. Must be at least 0."),
        (["model.json", "--within", "slope"], "Invalid within 'slope'. Must be a number (km), or one of"),
        (["model.json", "--beyond", "100", "--within", "200"], "Must not overlap"),
        (["model.json", "--scheme", "mask", "--within", "slope"], "Invalid lag 'slope'"),
        (["model.json", "--plot", "weights.pdf"], "--plot weights.pdf does not end in .png"),
    ],
)
def test_what_cannot_be_used_ends_with_one_line_and_no_output(arguments, words, folder, capsys):
    assert words in refusal(capsys, "weights", *arguments, "--out", "weighting.json")
    assert not (folder / "weighting.json").exists()


def test_a_weighting_that_exists_stays(folder, capsys):
    (folder / "weighting.json").write_text("precious")
    assert "weighting.json exists. Pass --overwrite" in refusal(
        capsys, "weights", "model.json", "--out", "weighting.json"
    )
    assert (folder / "weighting.json").read_text() == "precious"
    printed(capsys, "weights", "model.json", "--out", "weighting.json", "--overwrite")
    assert variogeo.load("weighting.json") == ResidualWeighting(CURVE)


FLAT = Exponential(nugget=1.0, partial_sill=0.0, effective_range=300.0)
ENDLESS = Exponential(nugget=0.2, partial_sill=0.8, effective_range=30_000.0)


@pytest.mark.parametrize(
    ("curve", "options", "words"),
    [
        (FLAT, [], "does not rise with the lag: its effective range means nothing"),
        (Exponential(0.0, 0.0, 300.0), [], "does not rise with the lag"),
        (variogeo.Nested(FLAT, Exponential(0.0, 0.0, 900.0)), [], "does not rise with the lag"),
        (ENDLESS, [], "The effective range, 3e+04 km, is longer than any lag: by it all pairs are near and none"),
        (ENDLESS, ["--scheme", "near"], "longer than any lag"),
        (ENDLESS, ["--scheme", "mask", "--within", "effective_range"], "longer than any lag"),
        (FLAT, ["--scheme", "mask", "--within", "400", "--beyond", "effective_range"], "does not rise with the lag"),
        (
            replace(CURVE, effective_range=9_990.0),
            ["--variogram", "variogram.json"],
            "is longer than any lag of the variogram: it is extrapolated",
        ),
    ],
)
def test_a_curve_without_a_range_is_warned_of_with_a_cure(curve, options, words, capsys):
    curve.save("odd.json")
    assert variogeo.cli.main(["weights", "odd.json", "--out", "w.json", *options]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("variogeo: warning: The ")
    assert words in line
    assert "See the outcome that fit printed, and fit again with" in line


@pytest.mark.parametrize(
    "options",
    [
        ["--scheme", "far"],
        ["--scheme", "near", "--scale", "20"],
        ["--scheme", "mask", "--within", "25", "--beyond", "1"],
    ],
)
@pytest.mark.parametrize("curve", [FLAT, ENDLESS])
def test_weights_by_lags_of_the_user_ask_no_curve_and_warn_of_none(curve, options, capsys):
    curve.save("odd.json")
    printed(capsys, "weights", "odd.json", "--out", "w.json", *options)


def test_with_a_range_beyond_all_lags_no_pair_is_far_as_the_warning_says():
    lag = np.linspace(1.0, 20_004.0, 9)
    np.testing.assert_array_equal(ResidualWeighting.hard_negatives(ENDLESS)(lag, np.zeros(9)), 0.0)


@pytest.mark.parametrize("read", ["model.json", "variogram.json"])
def test_what_is_read_is_never_replaced(read: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(read).read_bytes()
    line = refusal(
        capsys, "weights", "model.json", "--variogram", "variogram.json", "--out", f"./{read}", "--overwrite"
    )
    assert f"--out {read} is a file that is read. Choose another --out" in line
    assert Path(read).read_bytes() == before
