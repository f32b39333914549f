"""Without an extra all else works, and what needs it says in one error how to get it.

Two processes show it: one has no extra at all, the other has torch, but none of the packages that train with it.
"""

import json
import subprocess
import sys

import pytest
import without_extras

TRAINERS = (
    "geoclip", "open_clip", "transformers", "accelerate", "sentence_transformers", "pytorch_metric_learning",
    "lightning", "pytorch_lightning",
)  # fmt: skip
OTHERS = ("gstools", "skgstat", "distributed", "dask", "libpysal", "esda", "bokeh", "jinja2")


def _left(folder, *packages):
    """Return what a process without these packages found, which must not have warned."""
    command = [sys.executable, "-W", "error", without_extras.__file__, str(folder), *packages]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return _left(tmp_path_factory.mktemp("bare"), "torch", *TRAINERS, *OTHERS)


@pytest.fixture(scope="module")
def with_torch(tmp_path_factory):
    pytest.importorskip("torch")
    return _left(tmp_path_factory.mktemp("with-torch"), *TRAINERS)


@pytest.mark.parametrize("process", ["bare", "with_torch"])
def test_points_become_a_curve_a_plot_and_a_file_without_the_extras(process, request):
    found = request.getfixturevalue(process)
    # The longest bin ends at 8 000 km: some of the 300 * 299 / 2 pairs are beyond it.
    assert 0 < found["main line"] < 44_850
    assert found["loaded"] == []


@pytest.mark.parametrize(
    ("use", "extra"),
    [
        ("nn", "torch"),
        ("experiments", "torch"),
        ("variogeo experiment", "torch"),
        *[(module, "torch") for module in without_extras.MODULES if module.startswith("trainers.")],
        ("interop.to_gstools", "gstat"),
        ("interop.to_libpysal", "pysal"),
        ("empirical_variogram, executor", "distributed"),
        ("report", "report"),
    ],
)
def test_what_needs_an_extra_names_it(use, extra, bare):
    kind, text = bare[use]
    assert kind == "ImportError"
    assert f"pip install 'variogeo[{extra}]'" in text
    assert text.count("pip install") == 1
    assert "\n" not in text


@pytest.mark.parametrize(
    "extra", ["open-clip", "transformers", "sentence-transformers", "metric-learning", "lightning"]
)
def test_a_trainer_without_its_package_names_its_extra(extra, with_torch):
    kind, text = with_torch[f"trainers.{extra.replace('-', '_')}"]
    assert kind == "ImportError"
    assert f"pip install 'variogeo[{extra}]'" in text
    assert text.count("pip install") == 1


@pytest.mark.parametrize("example", [file.stem for file in without_extras.EXAMPLES])
def test_an_example_without_torch_ends_with_one_line_that_installs_what_it_needs(example, bare):
    kind, text = bare[example]
    assert kind == "ImportError"
    assert text.count("pip install 'variogeo[") == 1
    assert "\n" not in text


@pytest.mark.parametrize(
    ("example", "extra"),
    [
        ("geoclip_package", "geoclip"),
        ("open_clip", "open-clip"),
        ("transformers", "transformers"),
        ("sentence_transformers", "sentence-transformers"),
        ("metric_learning", "metric-learning"),
        ("lightning", "lightning"),
        ("swclip", "transformers"),
    ],
)
def test_an_example_without_its_trainer_ends_with_one_line_that_installs_it(example, extra, with_torch):
    kind, text = with_torch[f"train_{example}"]
    assert kind == "ImportError"
    assert f"pip install 'variogeo[{extra}]'" in text
    assert text.count("pip install") == 1
    assert "\n" not in text


@pytest.mark.parametrize("module", ["nn", "experiments", "trainers.geoclip"])
def test_what_needs_torch_alone_can_be_imported_with_torch_alone(module, with_torch):
    """The adapter of GeoCLIP wraps a model that you bring, so it imports nothing of geoclip."""
    assert with_torch[module] is None
