"""``variogeo merge``: the sum of saved variograms equals that of the library, and nothing counts twice."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import printed, refusal, wrong_usage

import variogeo
from variogeo import EmpiricalVariogram, Exponential, LagBins, Stable, compare_models, datasets, empirical_variogram

BINS = LagBins.logarithmic(10, 10_000, 8)


@pytest.fixture(scope="module")
def parts() -> list[EmpiricalVariogram]:
    lonlat, embeddings = datasets.geoclip_photos()
    return [empirical_variogram(lonlat[k:300:3], embeddings[k:300:3, :16], BINS) for k in range(3)]


@pytest.fixture
def files(parts: list[EmpiricalVariogram], tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.json" for name in "abc"]
    for part, path in zip(parts, paths, strict=True):
        part.save(path)
    return paths


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_sum_is_that_of_the_values(parts, files, tmp_path, capsys):
    text = printed(capsys, "merge", *files, "--out", tmp_path / "all.json")
    expected = parts[0] + parts[1] + parts[2]
    assert variogeo.load(tmp_path / "all.json") == expected
    before, across, after = text.partition("Pairs across files are in none of them, nor in this sum.")
    assert before == f"{expected}\n\n"
    assert across
    assert after.endswith(f"\nWritten to {tmp_path / 'all.json'}\n")
    assert names(tmp_path) == ["a.json", "all.json", "b.json", "c.json"]


def test_the_sum_is_fitted_where_models_are_named(parts, files, tmp_path, capsys):
    options = ["--models", "Stable", "Exponential+Exponential", "--weights", "equal", "--model", tmp_path / "m.json"]
    text = printed(capsys, "merge", *files[:2], "--out", tmp_path / "all.json", *options)
    comparison = compare_models(parts[0] + parts[1], [Stable, (Exponential, Exponential)], weights="equal")
    assert variogeo.load(tmp_path / "m.json") == comparison.best.model
    assert str(comparison) in text
    assert f"{comparison.best.message}\nWeights of the bins: equal\n" in text


def test_the_picture_is_written_with_and_without_a_model(files, tmp_path, capsys):
    for options in ([], ["--models", "Stable"]):
        plot = tmp_path / f"{len(options)}.png"
        printed(capsys, "merge", *files, "--out", tmp_path / f"{len(options)}.json", "--plot", plot, *options)
        assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_json_is_one_line(parts, files, tmp_path, capsys):
    out = tmp_path / "all.json"
    text = printed(capsys, "merge", *files, "--out", out, "--models", "Stable", "--json")
    summary = json.loads(text, parse_constant=pytest.fail)
    assert text.count("\n") == 1
    assert summary["variograms"] == 3
    assert summary["npairs"] == sum(int(part.npairs.sum()) for part in parts)
    assert summary["outputs"] == [str(out)]
    fit = compare_models(parts[0] + parts[1] + parts[2], [Stable], weights="equal").best
    assert (summary["model"], summary["rmse"]) == ("Stable", fit.rmse)
    assert {name: summary[name] for name in Stable.parameters()} == fit.model.parameter_values
    without = json.loads(printed(capsys, "merge", *files, "--out", tmp_path / "b2.json", "--json"))
    assert set(without) == {"variograms", "npairs", "outputs"}


def test_a_variogram_that_stands_twice_is_refused(files, tmp_path, capsys):
    copy = tmp_path / "copy.json"
    copy.write_bytes(files[0].read_bytes())
    for other in (files[0], copy):
        line = refusal(capsys, "merge", files[0], files[1], other, "--out", tmp_path / "all.json")
        assert f"{other} holds the same variogram as {files[0]}: its pairs would count twice." in line
    assert not (tmp_path / "all.json").exists()


def test_variograms_that_do_not_add_are_refused_with_the_file(files, tmp_path, capsys):
    lonlat, embeddings = datasets.geoclip_photos()
    odd = tmp_path / "odd.json"
    empirical_variogram(lonlat[:50], embeddings[:50], LagBins([0, 10_000])).save(odd)
    line = refusal(capsys, "merge", files[0], odd, "--out", tmp_path / "all.json")
    assert f"{odd}: Variograms with different bins do not add" in line
    assert not (tmp_path / "all.json").exists()


def test_variograms_of_two_models_do_not_merge(parts, tmp_path, capsys):
    files = [tmp_path / f"{name}.json" for name in ("clip", "dino")]
    for part, path in zip(parts, files, strict=False):
        replace(part, model_id=path.stem).save(path)
    assert "different model_id do not add: 'clip' and 'dino'" in refusal(
        capsys, "merge", *files, "--out", tmp_path / "all.json"
    )


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_model_is_no_variogram(name, files, tmp_path, capsys):
    model = tmp_path / "model.json"
    Exponential(0.1, 0.2, 300.0).save(model)
    given = [model, files[0]] if name == "first" else [files[0], model]
    assert f"{model} holds a value of class Exponential. Must be a variogram" in refusal(
        capsys, "merge", *given, "--out", tmp_path / "all.json"
    )


def test_a_changed_file_is_refused(files, tmp_path, capsys):
    files[1].write_bytes(files[1].read_bytes().replace(b"1", b"2", 1))
    assert "does not match its checksum" in refusal(capsys, "merge", *files, "--out", tmp_path / "all.json")


def test_an_absent_file_is_named(files, tmp_path, capsys):
    absent = tmp_path / "absent.json"
    assert f"{absent} is not a file." in refusal(capsys, "merge", files[0], absent, "--out", tmp_path / "all.json")


def test_outputs_that_exist_stay_unless_they_may_be_replaced(parts, files, tmp_path, capsys):
    out = tmp_path / "all.json"
    out.write_text("precious")
    line = refusal(capsys, "merge", *files, "--out", out)
    assert line == f"variogeo: {out} exists. Pass --overwrite or another --out."
    assert out.read_text() == "precious"
    printed(capsys, "merge", *files, "--out", out, "--overwrite")
    assert variogeo.load(out) == parts[0] + parts[1] + parts[2]


@pytest.mark.parametrize("option", ["--out", "--model"])
@pytest.mark.parametrize("name", ["b.json", "../{folder}/b.json", "hard.json"])
def test_an_input_is_not_replaced_since_a_second_call_would_count_its_pairs_twice(
    name, option, files, tmp_path, capsys
):
    (tmp_path / "hard.json").hardlink_to(files[1])
    read = tmp_path / name.format(folder=tmp_path.name)
    options = ["--out", tmp_path / "all.json", "--model", tmp_path / "m.json", "--models", "Stable", "--overwrite"]
    options[options.index(option) + 1] = read
    before = files[1].read_bytes()
    line = refusal(capsys, "merge", *files, *options)
    assert (
        line == f"variogeo: {option} {read} is a file that is read. Choose another {option}: inputs are never replaced."
    )
    assert files[1].read_bytes() == before
    assert not (tmp_path / "all.json").exists()


def test_random_parts_lack_pairs_and_keep_the_curve_but_neighbouring_regions_lack_the_long_lags(tmp_path, capsys):
    """What the command says of the pairs across files: of a line of points in halves, and of every other point."""
    lonlat = np.column_stack([np.linspace(0, 10, 200), np.zeros(200)])
    values = np.sin(lonlat[:, 0])
    bins = LagBins([0, 250, 500, 750, 1000])
    whole = empirical_variogram(lonlat, values, bins, dissimilarity="half_squared")

    def merged(*parts: slice) -> EmpiricalVariogram:
        paths = [tmp_path / f"{part.start}-{part.step}.json" for part in parts]
        for part, path in zip(parts, paths, strict=True):
            empirical_variogram(lonlat[part], values[part], bins, dissimilarity="half_squared").save(path)
        printed(capsys, "merge", *paths, "--out", tmp_path / "sum.json", "--overwrite")
        return variogeo.load(tmp_path / "sum.json")

    shares = merged(slice(0, None, 2), slice(1, None, 2))
    np.testing.assert_allclose(shares.npairs / whole.npairs, 0.5, atol=0.02)
    np.testing.assert_allclose(shares.semivariance, whole.semivariance, rtol=0.05)
    halves = merged(slice(0, 100, 1), slice(100, 200, 1))
    assert halves.npairs[0] / whole.npairs[0] > 0.85
    assert halves.npairs[-1] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "all.txt"], "--out all.txt does not end in .json, which is what is written."),
        (["--out", "absent/all.json"], "absent is not a folder. Make it first, or choose another --out."),
        (["--out", "all.json", "--plot", "all.pdf"], "--plot all.pdf does not end in .png"),
        (["--out", "folder.json", "--overwrite"], "folder.json is no ordinary file, so it is not replaced."),
        (["--out", "link.json", "--overwrite"], "link.json is no ordinary file, so it is not replaced."),
    ],
)
def test_outputs_that_cannot_be_written_are_refused_before_the_work(
    options, words, files, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "link.json").symlink_to(files[0])
    before = names(tmp_path)
    assert words in refusal(capsys, "merge", *files, *options)
    assert names(tmp_path) == before


def test_a_full_disk_leaves_no_output(files, tmp_path, capsys, monkeypatch):
    written = []

    def full(_: int) -> None:
        written.append(1)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    options = ["--out", tmp_path / "all.json", "--plot", tmp_path / "all.png"]
    assert "No space left on device" in refusal(capsys, "merge", *files, *options)
    assert names(tmp_path) == ["a.json", "b.json", "c.json"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "m.json"], "--model is where the best model goes, but none is fitted. Add --models."),
        (["--fix", "foo=0"], "--fix holds parameters of a fit, but none is asked for. Add --models."),
        (["--model", "all.json", "--models", "Stable"], "--out and --model are one file. Choose two."),
        (["--model", "in/../all.json", "--models", "Stable"], "--out and --model are one file. Choose two."),
        (["--models", "Stable+Cubic"], "invalid choice: 'Stable+Cubic'"),
        (["--models", "Stable+Stable+Stable"], "invalid choice: 'Stable+Stable+Stable'"),
        (["--models", "Stable", "d.json"], "files go before --models"),
        (
            ["--models", "Stable", "Matern", "--fix", "shape=1"],
            "--fix shape: Matern cannot hold it. Compare only models that have it: --models Stable.",
        ),
    ],
)
def test_wrong_usage_ends_with_2(options, words, files, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    assert words in wrong_usage(capsys, "merge", *files, "--out", "all.json", *options)


def test_one_file_is_nothing_to_merge(files, tmp_path, capsys):
    assert "required: B.json" in wrong_usage(capsys, "merge", files[0], "--out", tmp_path / "all.json")
