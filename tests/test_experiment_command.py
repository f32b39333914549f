"""The whole experiment: report, JSON, plot and command."""

import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_experiment import (  # noqa: E402
    SMALL,
    WIDE,
    few_patches,
    simulated_photos,
)

from variogeo import cli  # noqa: E402
from variogeo.experiments import (  # noqa: E402
    ARMS,
    _experiment,
    _places,
    _pool,
    run_experiment,
)
from variogeo.experiments._report import report_text  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _few_patches():
    with few_patches():
        yield


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Return a tiny experiment with a family of two arms, controls, a queue and an arm that changes nothing."""
    out = tmp_path_factory.mktemp("experiment")
    arms = ["hard", "hard-1", "shuffled", "similarity", "uniform", "soft-75km", "hard-queue", "dropout-0", "thesis"]
    return out, run_experiment(out, photos=simulated_photos(), arms=arms, size=SMALL, blocks=WIDE, processes=1)


def test_the_report_names_everything_that_a_reader_must_know(result):
    out, found = result
    text = (out / "report.txt").read_text()
    for words in (
        "effectively", "FEWER THAN 100", "95 % over patches", "oracle: the nearest place", "p (Holm)", "mean weight",
        "self-mass", "pairs of a batch", "Validation: GeoScore minus baseline", "best of its family",
        "against plain-queue", "What this shows", "own photos", " steps, 2 seeds", "Scheme minus its control",
        "hard negatives, beta 2 minus its control similarity", "! uniform weights", "weights: changes no weight",
        "before Holm's adjustment", "One stable model",
    ):  # fmt: skip
        assert words in text, words
    assert "simulated around real places" not in text
    assert text == report_text(found) + "\n"
    assert max(map(len, text.splitlines())) <= 160


def test_the_best_of_a_family_on_validation_and_the_scheme_with_controls_are_tested(result):
    _, found = result
    family = [arm for arm in found.compared if arm.family == "hard"]
    best = max(family, key=lambda arm: found.difference(arm, "validation").estimate)
    tested = {arm.name for arm in found.tested if arm.family == "hard"}
    assert tested == {"hard", best.name}
    entries = {entry["name"]: entry for entry in found.to_json()["arms"]}
    assert {arm.name for arm in family if "test" in entries[arm.name]} == tested
    without = dataclasses.replace(found, arms=tuple(arm for arm in found.arms if not arm.control_of))
    assert [arm.name for arm in without.tested if arm.family == "hard"] == [best.name]
    assert "Scheme minus its control" not in report_text(without)


def test_an_arm_that_changes_no_weight_is_left_out_of_the_tests(result):
    _, found = result
    assert [arm.name for arm in found.unchanging] == ["uniform"]
    assert "uniform" not in {arm.name for arm in found.tested}
    entry = next(e for e in found.to_json()["arms"] if e["name"] == "uniform")
    assert entry["changes_nothing"]
    assert "test" not in entry
    changing = {**found.runs["uniform"][0].figures, "changed_share": 0.1}
    some = dataclasses.replace(found.runs["uniform"][1], figures=changing)
    runs = {**found.runs, "uniform": (found.runs["uniform"][0], some)}
    assert dataclasses.replace(found, runs=runs).unchanging == ()


def test_a_scheme_is_compared_with_its_controls_seed_by_seed(result):
    _, found = result
    scheme, control = ARMS["hard"], ARMS["similarity"]
    assert [arm.name for arm in found.controls(scheme)] == ["shuffled", "similarity"]
    against = found.difference(scheme, "test", against=control)
    to_plain = [found.difference(arm, "test").estimate for arm in (scheme, control)]
    assert against.estimate == pytest.approx(to_plain[0] - to_plain[1])
    entry = next(e for e in found.to_json()["arms"] if e["name"] == "hard")
    assert entry["minus_control"]["similarity"]["GeoScore"]["p_value"] == against.p_value


def test_the_json_is_json_and_holds_the_differences(result):
    out, found = result
    written = json.loads((out / "result.json").read_text())
    assert written == json.loads(json.dumps(found.to_json()))
    entry = next(e for e in written["arms"] if e["name"] == "soft-75km")
    expected = found.difference(ARMS["soft-75km"], "test")
    assert entry["test"]["GeoScore"]["estimate"] == expected.estimate
    assert 0 < entry["figures"]["self_mass"] < 1
    assert entry["variogram_misfit"]["baseline"] > 0
    assert entry["step_ratio"] > 0


def test_a_training_of_few_steps_says_first_that_nothing_can_be_read_into_it(result):
    out, found = result
    assert (out / "report.txt").read_text().startswith("ONLY ")
    assert "STEPS: everything runs; read nothing into the figures." in report_text(found).splitlines()[0]
    runs = {
        name: tuple(dataclasses.replace(run, figures={**run.figures, "steps": 100.0}) for run in runs)
        for name, runs in found.runs.items()
    }
    assert report_text(dataclasses.replace(found, runs=runs)).startswith("Photos: ")


def _same(out, **changed):
    options = {"arms": ["hard", "soft-75km"], "size": SMALL, "blocks": WIDE, "processes": 1}
    return run_experiment(out, photos=simulated_photos(), **{**options, **changed})


@pytest.fixture
def never(monkeypatch):
    """Let nothing be measured or trained."""
    monkeypatch.setattr(_experiment.Curves, "measure", lambda *_, **__: pytest.fail("the folder comes first"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 1}, r"photos and split \w{12}, now \w{12}; seed 0, now 1; arms"),
        ({"size": dataclasses.replace(SMALL, curve_photos=400)}, r"curve_photos \d+, now 400"),
        ({"dropout": 0.1}, r"dropout 0\.3, now 0\.1; .*Use another folder \(out, on the command line --out\)"),
        ({"size": dataclasses.replace(SMALL, epochs=2)}, r"epochs 1, now 2"),
        ({}, r"arms .*shuffled.*, now left out"),
        ({"size": dataclasses.replace(SMALL, seeds=1), "arms": ["all"]}, r"replaced: seeds 1, now left out"),
    ],
)
@pytest.mark.usefixtures("never")
def test_a_folder_with_the_result_of_another_experiment_is_refused_at_once(changed, words, result):
    out, _ = result
    before = {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}
    with pytest.raises(ValueError, match=words):
        _same(out, **changed)
    assert {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()} == before


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[]", b"{", b'{"settings": [], "arms": [], "seeds": []}', b'{"settings": {}, "arms": [], "seeds": 3}'],
)
@pytest.mark.usefixtures("never")
def test_a_result_that_does_not_say_what_it_was_made_with_is_not_replaced(content, tmp_path):
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(ValueError, match="it does not say what it was made with"):
        _same(tmp_path)
    assert (tmp_path / "result.json").read_bytes() == content


def test_the_same_call_goes_on_with_more_arms(tmp_path, monkeypatch):
    small = dataclasses.replace(SMALL, seeds=1)
    _same(tmp_path, arms=["soft-75km"], size=small)
    done = []
    run_arm = _pool.run_arm
    monkeypatch.setattr(_pool, "run_arm", lambda task, name, seed: done.append(name) or run_arm(task, name, seed))
    found = _same(tmp_path, arms=["soft-75km", "uniform"], size=small)
    assert done == ["uniform"]
    assert [arm.name for arm in found.arms] == ["plain", "soft-75km", "uniform"]


def test_a_batch_larger_than_half_the_photos_is_made_smaller_with_a_warning():
    size = dataclasses.replace(SMALL, batch_size=100_000)
    with pytest.warns(
        UserWarning, match=r"batch_size 100000 \(on the command line --batch\) is more than half of the"
    ) as said:
        assert _experiment._batch_size(size, 901) == 450
    assert "901 training photos: 450 are used" in str(said[0].message)


def test_the_plot_is_written(result):
    out, _ = result
    assert (out / "differences.png").read_bytes()[1:4] == b"PNG"


def test_the_baselines_misfit_to_itself_is_zero(result):
    _, found = result
    assert found.misfits(ARMS["plain"])["baseline"] == 0.0


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "avx2": True}, "float32"),
    ],
)
def test_a_processor_works_in_bfloat16_where_it_is_made_for_it(capabilities, precision, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert _experiment.fast_precision("cpu") == precision


@pytest.mark.parametrize(("has", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_graphics_card_works_in_bfloat16_where_it_has_it(has, precision, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has)
    assert _experiment.fast_precision("cuda:0") == precision


@pytest.mark.parametrize("device", ["cuda:99", "warp"])
def test_a_device_that_is_not_there_is_refused_at_once_with_the_cure(device, tmp_path, monkeypatch):
    monkeypatch.setattr(_experiment, "chosen_arms", lambda _: pytest.fail("the device comes first"))
    with pytest.raises(ValueError, match=rf"Invalid device '{device}'.*--device cpu"):
        run_experiment(tmp_path / "out", device=device)
    assert not (tmp_path / "out").exists()


def test_the_command_runs_on_own_photos(tmp_path, capsys):
    places = _places.PhotoPlaces.bundled(1200)
    features = _experiment.photo_features(places.points, places.position, np.random.default_rng(0), width=16)
    file = tmp_path / "photos.npz"
    np.savez(file, lonlat=places.lonlat, clip=features)
    code = cli.main([
        "experiment", str(file), "--embedding", "clip", "--tiny", "--arms", "hard", "--seeds", "1", "--batch", "64",
        "--blocks", "20", "300", "--processes", "1", "--out", str(tmp_path / "out"), "--json",
    ])  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed["source"] == str(file)
    assert printed["seeds"] == [0]
    assert [arm["name"] for arm in printed["arms"]] == ["plain", "hard"]
    assert printed["arms"][1]["p_holm"] is None
    assert printed["arms"][1]["test"]["GeoScore"]["interval"] is None


def test_the_command_runs_on_simulated_photos(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(_places.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr("variogeo.experiments.TINY", dataclasses.replace(SMALL, seeds=1))
    code = cli.main([
        "experiment", "--tiny", "--arms", "plain", "--blocks", "20", "300", "--processes", "1",
        "--out", str(tmp_path / "out"),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert code == 0
    assert "simulated around real places: this says nothing about photographs" in printed
    assert f"Written to {tmp_path / 'out'}." in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--embedding", "clip"], "no file is given"),
        (["photos.parquet"], "photos.parquet is not a file."),
        (["photos.parquet", "--embedding", "clip", "--lon", "x", "--lat", "y"], "photos.parquet"),
        (["--arms", "magic"], "Invalid arm 'magic'"),
        (["--dropout", "2"], "Invalid dropout '2.0'. Must be at least 0 and below 1"),
    ],
)
def test_wrong_calls_end_with_one_line(arguments, words, capsys, tmp_path):
    assert cli.main(["experiment", *arguments, "--out", str(tmp_path)]) == 1
    assert words in capsys.readouterr().err
