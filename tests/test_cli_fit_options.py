"""The options of ``variogeo fit``: what each adds equals what the library gives, and what contradicts is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import photos_npz, printed, refusal, wrong_usage

import variogeo
from variogeo import Exponential, LagBins, StratifiedPairs, compare_models, empirical_variogram, fit_variogram
from variogeo.direction import AzimuthSector, directional_variogram, fit_anisotropy
from variogeo.inference import fit_intervals, jackknife, kmeans_patches, permutation_test
from variogeo.sampling_bias import density_weights

BINS = LagBins.logarithmic(500, 10_000, 6)
OUTPUTS = ["model.json", "variogram.json", "variogram.png"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos_npz(tmp_path_factory.mktemp("photos") / "photos.npz")


@pytest.fixture(scope="module")
def arrays(photos: Path) -> dict[str, np.ndarray]:
    with np.load(photos) as stored:
        return dict(stored)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the drawing, half of a command's time, where it is not what is tested."""
    monkeypatch.setattr("variogeo.plotting.to_png", lambda _: b"a picture")


def fit(photos: Path, out: Path, *options: str) -> list[str]:
    bins = ["--low", "500", "--high", "10000", "--bins", "6"]
    return ["fit", str(photos), "--embedding", "clip", "--out", str(out), *bins, "--weights", "npairs", *options]


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (["--dissimilarity", "half_squared"], {"dissimilarity": "half_squared"}),
        (["--estimator", "dowd"], {"estimator": "dowd"}),
        (["--estimator", "cressie_hawkins", "--dimension", "9"], {"estimator": "cressie_hawkins", "dimension": 9.0}),
        (["--sample", "600", "--seed", "3"], {"pairs": StratifiedPairs(600, 3)}),
        (["--all-pairs"], {"pairs": "all"}),
        (["--exclude-group", "--group", "sequence"], {"exclude": "sequence"}),
        (["--density-weights", "100"], {"weights": 100.0}),
        (["--model-id", "clip-b"], {"model_id": "clip-b"}),
    ],
)
def test_the_variogram_is_that_of_the_options(options, arguments, photos, arrays, tmp_path, capsys):
    printed(capsys, *fit(photos, tmp_path / "out", *options))
    given = dict(arguments)
    if "exclude" in given:
        given["exclude"] = arrays["sequence"]
    if "weights" in given:
        given["weights"] = density_weights(arrays["lonlat"], given["weights"])
    expected = empirical_variogram(arrays["lonlat"], arrays["clip"], BINS, **given)
    assert variogeo.load(tmp_path / "out" / "variogram.json") == expected


@pytest.mark.parametrize("of", ["points", "groups"])
def test_patches_give_a_band_and_intervals(of, photos, arrays, tmp_path, capsys, monkeypatch):
    options = ["--patches", "12", "--seed", "1"] if of == "points" else ["--patches", "group", "--group", "sequence"]
    patches = kmeans_patches(arrays["lonlat"], 12, seed=1) if of == "points" else arrays["sequence"]
    printed_json = [*fit(photos, tmp_path / "json", "--models", "Exponential", *options), "--json"]
    with monkeypatch.context() as patch:
        patch.setattr("variogeo.plotting.to_png", lambda _: b"a picture")
        found = json.loads(printed(capsys, *printed_json), parse_constant=pytest.fail)
    text = printed(capsys, *fit(photos, tmp_path / "out", "--models", "Exponential", *options))
    uncertainty = jackknife(empirical_variogram(arrays["lonlat"], arrays["clip"], BINS, patches=patches))
    intervals = fit_intervals(uncertainty, Exponential)
    assert variogeo.load(tmp_path / "out" / "variogram.json") == uncertainty.empirical
    assert str(uncertainty) in text
    assert str(intervals) in text
    for name, row in found["intervals"].items():
        expected = intervals[name]._asdict()
        assert row == {key: number if np.isfinite(number) else None for key, number in expected.items()}
    assert found["intervals_message"] == intervals.message


def test_sectors_give_a_table_curves_and_a_rose(photos, arrays, tmp_path, capsys):
    nested = ["--models", "Exponential+Exponential"]
    text = printed(capsys, *fit(photos, tmp_path / "out", "--sectors", "4", *nested))
    expected = directional_variogram(arrays["lonlat"], arrays["clip"], BINS, AzimuthSector.evenly(4))
    anisotropy = fit_anisotropy(expected, Exponential)
    assert str(expected) in text
    assert anisotropy.message in text
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted([*OUTPUTS, "sectors.csv", "sectors.png", "rose.png"])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "sectors.csv"), expected.to_frame())
    for name in ("sectors.png", "rose.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_pictures")
def test_sectors_leave_out_the_pairs_of_a_group(photos, arrays, tmp_path, capsys):
    options = ["--sectors", "2", "--exclude-group", "--group", "sequence", "--json"]
    found = json.loads(printed(capsys, *fit(photos, tmp_path / "out", *options)))
    sectors = AzimuthSector.evenly(2)
    expected = directional_variogram(arrays["lonlat"], arrays["clip"], BINS, sectors, exclude=arrays["sequence"])
    table = pd.read_csv(tmp_path / "out" / "sectors.csv")
    assert table["npairs"].tolist() == expected.to_frame()["npairs"].tolist()
    assert "anisotropy" not in found  # two sectors do not tell an ellipse


@pytest.mark.usefixtures("no_pictures")
def test_the_json_tells_the_ellipse_and_the_test(photos, arrays, tmp_path, capsys):
    options = ["--sectors", "3", "--permutations", "19", "--models", "Exponential", "--json"]
    found = json.loads(printed(capsys, *fit(photos, tmp_path / "out", *options)), parse_constant=pytest.fail)
    directional = directional_variogram(arrays["lonlat"], arrays["clip"], BINS, AzimuthSector.evenly(3))
    expected = fit_anisotropy(directional, Exponential)
    assert found["anisotropy"]["azimuth"] == expected.azimuth
    assert found["anisotropy"]["ratio"] == expected.ratio
    assert found["anisotropy"]["converged"] is expected.converged
    test = permutation_test(arrays["lonlat"], arrays["clip"], BINS, permutations=19)
    assert found["p_value"] == test.p_value


def test_permutations_give_a_test_and_its_envelope(photos, arrays, tmp_path, capsys):
    text = printed(capsys, *fit(photos, tmp_path / "out", "--permutations", "19", "--seed", "2"))
    assert str(permutation_test(arrays["lonlat"], arrays["clip"], BINS, permutations=19, seed=2)) in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*OUTPUTS, "envelope.png"])
    assert (tmp_path / "out" / "envelope.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_pictures")
def test_overwriting_leaves_nothing_of_the_call_before(photos, tmp_path, capsys):
    out = tmp_path / "out"
    printed(capsys, *fit(photos, out, "--permutations", "19"))
    (out / "notes.txt").write_text("mine")
    assert "already holds" in refusal(capsys, *fit(photos, out))
    printed(capsys, *fit(photos, out, "--overwrite"))
    assert sorted(path.name for path in out.iterdir()) == sorted([*OUTPUTS, "notes.txt"])


@pytest.mark.usefixtures("no_pictures")
def test_what_is_only_an_extra_of_another_call_is_not_overwritten_in_silence(photos, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "rose.png").write_text("precious")
    assert "already holds rose.png" in refusal(capsys, *fit(photos, tmp_path / "out"))
    assert (tmp_path / "out" / "rose.png").read_text() == "precious"


@pytest.mark.usefixtures("no_pictures")
def test_a_nested_model_is_fitted_and_saved(photos, arrays, tmp_path, capsys):
    found = json.loads(
        printed(capsys, *fit(photos, tmp_path / "out", "--models", "Exponential+Exponential", "Stable", "--json"))
    )
    empirical = empirical_variogram(arrays["lonlat"], arrays["clip"], BINS)
    best = compare_models(empirical, [(Exponential, Exponential), variogeo.Stable]).best
    assert variogeo.load(tmp_path / "out" / "model.json") == best.model
    assert {name: found[name] for name in best.model.parameter_values} == best.model.parameter_values


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    "options",
    [
        "--models Exponential Spherical --fix nugget=0.2 effective_range=4000",
        "--fix nugget=0.2 --models Exponential --fix effective_range=4000 --models Spherical",
    ],
    ids=["together", "apart"],
)
def test_parameters_can_be_held(options, photos, arrays, tmp_path, capsys):
    options = options.split()
    text = printed(capsys, *fit(photos, tmp_path / "out", *options))
    empirical = empirical_variogram(arrays["lonlat"], arrays["clip"], BINS)
    fixed = {"nugget": 0.2, "effective_range": 4000.0}
    fits = [fit_variogram(empirical, model, fixed=fixed) for model in (Exponential, variogeo.Spherical)]
    best = min(fits, key=lambda one: one.aic)
    assert variogeo.load(tmp_path / "out" / "model.json") == best.model
    assert best.message in text


@pytest.mark.usefixtures("no_pictures")
def test_a_sill_that_is_not_known_is_null(photos, tmp_path, capsys):
    options = ["--dissimilarity", "madogram", "--json"]
    found = json.loads(printed(capsys, *fit(photos, tmp_path / "out", *options)), parse_constant=pytest.fail)
    assert found["sill_apriori"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--group", "sequence"], "--group names labels, and --exclude-group or --patches group use them"),
        (["--exclude-group"], "Pass both or neither"),
        (["--patches", "group"], "Pass both or neither"),
        (["--patches", "some"], "invalid value: 'some' (a whole number, or group)"),
        (["--patches", "9", "--estimator", "dowd"], "--patches with --estimator dowd: only means add over patches"),
        (["--sectors", "4", "--sample", "600"], "--sectors with --sample: it is made of all pairs"),
        (["--sectors", "4", "--density-weights", "9"], "--sectors with --density-weights"),
        (["--permutations", "19", "--estimator", "dowd"], "--permutations with --estimator dowd"),
        (["--permutations", "19", "--dissimilarity", "madogram"], "--permutations with --dissimilarity madogram"),
        (["--permutations", "19", "--exclude-group", "--group", "sequence"], "--permutations with --exclude-group"),
        (["--sample", "9", "--resume", "run"], "not allowed with argument"),
        (["--fix", "nugget"], "invalid value: 'nugget' (a parameter and a number, as in nugget=0)"),
        (["--fix", "nugget=0", "--fix", "nugget=1"], "--fix nugget nugget names a parameter twice. Name it once."),
        (["--fix", "nugget=0", "nugget=1"], "--fix nugget nugget names a parameter twice. Name it once."),
        (
            ["--fix", "nugget=0", "photos.npz"],
            "'photos.npz' (a parameter and a number, as in nugget=0; files go before",
        ),
        (["--fix", "range=3"], "--fix range: no model has this parameter. Must be one of nugget, partial_sill, effect"),
        (
            ["--fix", "shape=1"],
            "Spherical, Exponential, Gaussian, Matern cannot hold it. Compare only models that have it",
        ),
        (["--models", "Stable+Stable", "Stable", "--fix", "shape=1"], "Stable+Stable cannot hold it."),
        (["--lon", "x"], "--lon and --lat go together. Name both columns."),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(options, words, photos, tmp_path, capsys):
    assert words in wrong_usage(capsys, *fit(photos, tmp_path / "out", *options))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--patches", "1"], "Invalid count '1'. Must be a whole number of at least 2"),
        (["--sectors", "0"], "Invalid count '0'"),
        (["--permutations", "3"], "Invalid permutations '3'"),
        (["--sample", "1"], "Invalid count '1'"),
        (["--density-weights", "-2"], "Invalid radius '-2.0'"),
        (["--dimension", "0.5", "--estimator", "dowd"], "Invalid dimension '0.5'"),
        (["--exclude-group", "--group", "street"], "street"),
        (["--fix", "nugget=-1"], "Invalid nugget '-1.0'"),
    ],
)
def test_options_that_cannot_be_used_end_with_one_line_and_no_output_folder(options, words, photos, tmp_path, capsys):
    assert words in refusal(capsys, *fit(photos, tmp_path / "out", *options))
    assert not (tmp_path / "out").exists()
