"""The notebooks run from top to bottom, are stored with their outputs, and agree with the scripts beside them."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

named = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def outputs_of(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def assert_quiet_with_a_picture(notebook):
    outputs = outputs_of(notebook)
    assert [output["text"] for output in outputs if output.get("name") == "stderr"] == []
    assert [output["ename"] for output in outputs if output["output_type"] == "error"] == []
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.filterwarnings("default")  # of the kernel's own libraries; the notebook's warnings are looked for below
@named
def test_the_notebook_runs_without_a_warning_and_shows_a_picture(path, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel chooses its own
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert_quiet_with_a_picture(notebook)


@named
def test_the_notebook_is_stored_with_its_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    assert_quiet_with_a_picture(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@named
def test_the_script_beside_the_notebook_holds_the_same_cells(path):
    notebook, script = nbformat.read(path, as_version=4), jupytext.read(path.with_suffix(".py"))
    assert [(cell.cell_type, cell.source) for cell in script.cells] == [
        (cell.cell_type, cell.source) for cell in notebook.cells
    ]


def test_every_script_has_a_notebook():
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == [path.stem for path in NOTEBOOKS]
    assert len(NOTEBOOKS) == 4


def test_there_is_a_first_notebook_of_ten_lines_from_points_to_plot():
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    first = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert len([line for line in first.splitlines() if line]) <= 10
    assert "plot_variogram" in first
