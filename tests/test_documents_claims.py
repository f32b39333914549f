"""What the documents show and claim: the cheat sheet, the first page, the formulas and the citation."""

import re
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import variogeo

REPO = Path(__file__).parents[1]
DOCS = REPO / "docs"


def _cells(line):
    """Return the cells of a line of a table, and the code that begins each."""
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    return [re.match(r"`([^`]+)`", cell) for cell in cells]


CHEAT_SHEET = (DOCS / "cheat_sheet.md").read_text()
SECTIONS = re.split(r"^## ", CHEAT_SHEET, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def start():
    """Return the names that the cheat sheet starts from."""
    names = {}
    exec(re.search(r"```python\n(.*?)```", SECTIONS[0], flags=re.DOTALL)[1], names)
    return names


@pytest.mark.parametrize("section", SECTIONS[1:-1], ids=lambda text: text.splitlines()[0])
def test_the_lines_of_the_cheat_sheet_run(section, start):
    """Here and in the other package, unless that is R; what other packages warn of is theirs."""
    names = dict(start)
    with warnings.catch_warnings():
        if not section.startswith("gstat"):
            pytest.importorskip("skgstat")
            pytest.importorskip("gstools")
            warnings.simplefilter("ignore")
            exec(re.search(r"```python\n(.*?)```", section, flags=re.DOTALL)[1], names)
        lines = [_cells(line) for line in section.splitlines() if line.startswith("| `")]
        assert len(lines) >= 15
        for theirs, ours in lines:
            if not section.startswith("gstat"):
                exec(theirs[1], names)
            exec(ours[1], names)
    plt.close("all")


def test_the_citation_says_what_the_citation_file_says():
    facts = dict(
        re.findall(r'^(title|version|license): "?([^"\n]+)"?$', (REPO / "CITATION.cff").read_text(), re.MULTILINE)
    )
    (author,) = re.findall(r'- name: "([^"]+)"', (REPO / "CITATION.cff").read_text())
    fields = dict(re.findall(r"^  (\w+) += \{\{?([^}]+)\}", variogeo.citation(), re.MULTILINE))
    (year,) = re.findall(r"^Copyright \(c\) (\d{4}),", (REPO / "LICENSE").read_text(), re.MULTILINE)
    assert fields == {"author": author, "year": year, **facts}
    assert variogeo.citation().startswith("@software{variogeo,")


def test_the_lines_of_the_first_page_run_and_are_as_few_as_it_says():
    three, six = re.findall(r"```python\n(.*?)```", (DOCS / "index.md").read_text(), flags=re.DOTALL)
    count = [len([line for line in block.splitlines() if line and not line.startswith("#")]) for block in (three, six)]
    assert count == [3, 6]
    photos = variogeo.datasets.geoclip_photos()
    few = variogeo.PointEmbeddings(photos.lonlat[:300], photos.embeddings[:300])
    assert "variogeo.datasets.geoclip_photos()" in three
    names = {"variogeo": variogeo, "few": few, "logits": torch.zeros(8, 8), "target": torch.arange(8)}
    names |= {"gps": torch.tensor(photos.lonlat[:8]), "features": torch.tensor(photos.embeddings[:8])}
    exec(three.replace("variogeo.datasets.geoclip_photos()", "few"), names)
    exec(six, names)
    assert plt.gcf().axes[0].lines
    assert torch.isfinite(names["loss"])
    plt.close("all")


def test_degrees_in_half_precision_are_as_far_off_as_the_page_on_theory_says():
    assert torch.finfo(torch.bfloat16).eps * 128 / 2 == 0.5  # degrees from 128 to 180 share their leading bit
    assert np.finfo(np.float16).eps * 128 / 2 == 1 / 16
    assert 0.8 < np.finfo(np.float32).eps * 128 / 2 * 111_320 < 1.0  # metres


def test_the_table_of_models_on_the_page_on_theory_has_the_scales_of_the_code():
    from variogeo._models import LOG20, MATERN_SCALES

    text = (DOCS / "theory.md").read_text()
    for smoothness, scale in MATERN_SCALES.items():
        assert f"r / {scale:.4f}" in text
        model = variogeo.Matern(nugget=0.0, partial_sill=1.0, effective_range=scale, smoothness=smoothness)
        terms = {0.5: 1.0, 1.5: 1.0 + 2.0, 2.5: 1.0 + 2.0 + 4 / 3}[smoothness]  # of the table, at x = 2
        assert model(2.0) == pytest.approx(1 - terms * np.exp(-2.0), rel=1e-9)
    stable = variogeo.Stable(nugget=0.0, partial_sill=1.0, effective_range=LOG20**2, shape=0.5)
    assert stable(4.0) == pytest.approx(1 - np.exp(-2.0))
    exponential = variogeo.Exponential(nugget=0.0, partial_sill=1.0, effective_range=LOG20)
    gaussian = variogeo.Gaussian(nugget=0.0, partial_sill=1.0, effective_range=LOG20**0.5)
    spherical = variogeo.Spherical(nugget=0.0, partial_sill=1.0, effective_range=2.0)
    assert exponential(2.0) == pytest.approx(1 - np.exp(-2.0))
    assert gaussian(2.0) == pytest.approx(1 - np.exp(-4.0))
    assert spherical(1.0) == pytest.approx(1.5 * 0.5 - 0.5 * 0.125)


@pytest.mark.parametrize("file", sorted((REPO / "examples").glob("train_*.py")), ids=lambda file: file.stem)
def test_an_example_has_fewer_than_80_lines_and_marks_those_that_change(file):
    lines = file.read_text().splitlines()
    assert len(lines) < 80
    marked = sum(line.endswith("  # <- variogeo") for line in lines)
    more = {"train_swclip": 9, "train_transformers": 4}  # each says why
    assert marked in ({more[file.stem]} if file.stem in more else {2, 3})
    assert re.search(r"lines\s+that\s+change\s+are\s+marked|[Tt]hose that change are marked", file.read_text())


def test_every_example_has_its_row_on_the_page_on_training_or_on_spatially_weighted_clip():
    pages = (DOCS / "training.md").read_text() + (DOCS / "swclip.md").read_text()
    for file in (REPO / "examples").glob("train_*.py"):
        assert f"examples/{file.name}" in pages
