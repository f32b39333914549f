"""Every script of the gallery runs, draws, warns of nothing and leaves nothing behind."""

import ast
import re
import runpy
import tempfile
import time
import tokenize
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "gallery"
SCRIPTS = sorted(FOLDER.glob("*.py"))
NEEDED = {"torch": "torch", "gstools": "gstools", "skgstat": "skgstat", "variogeo.report": "bokeh"}
"""What a script may say, and the package of an extra that it then needs."""

SHOWN = ("print", "plt.show")
"""Calls that may end a cell: whatever else ends it is shown under it, and axes say nothing there."""


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def cells(source: str) -> list[str]:
    return re.split(r"^# %%.*$", source, flags=re.MULTILINE)


def ending(cell: str) -> ast.stmt | None:
    """Return the last statement of a cell."""
    statements = ast.parse(cell).body
    return statements[-1] if statements else None


def lines_of_code(path: Path) -> int:
    """Return the number of lines that hold code, without the docstring on top."""
    with path.open("rb") as stream:
        tokens = list(tokenize.tokenize(stream.readline))
    nothing = (tokenize.ENCODING, tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    code = [token for token in tokens if token.type not in (*nothing, tokenize.ENDMARKER)][1:]
    return len({row for token in code for row in range(token.start[0], token.end[0] + 1)})


@pytest.fixture
def shows(monkeypatch):
    """Return a list that grows by the number of figures each time that a script shows them."""
    counts: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: counts.append(len(plt.get_fignums())))
    yield counts
    plt.close("all")


@named(SCRIPTS)
def test_the_script_draws_within_a_minute_and_leaves_nothing_behind(path, shows, tmp_path, monkeypatch, capsys):
    for words, package in NEEDED.items():
        if re.search(rf"\b{re.escape(words)}\b", path.read_text(encoding="utf-8")):
            pytest.importorskip(package, reason=f"{package} is not installed")
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    began = time.process_time()
    runpy.run_path(str(path), run_name="__main__")
    assert time.process_time() - began < 60
    assert shows
    assert shows[-1] >= 1
    for number in plt.get_fignums():
        figure = plt.figure(number)
        figure.canvas.draw()
        assert all(ax.has_data() for ax in figure.axes)
    assert list(here.iterdir()) == []
    # torch makes a folder for what it compiles, the first time that an optimiser is made.
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor")] == []
    assert capsys.readouterr().err == ""


def test_there_are_more_than_twenty_scripts_in_the_order_of_their_numbers():
    assert len(SCRIPTS) > 20
    assert [int(path.stem.split("_")[1]) for path in SCRIPTS] == list(range(1, len(SCRIPTS) + 1))
    assert all(path.stem.startswith("plot_") for path in SCRIPTS)


@named(SCRIPTS)
def test_the_script_is_short_begins_with_a_title_and_uses_public_names_only(path):
    source = path.read_text(encoding="utf-8")
    title, underline, gap, text = (ast.get_docstring(ast.parse(source)) or "").split("\n", 3)
    assert underline == "=" * len(title)
    assert gap == ""
    assert text
    assert len(cells(source)) >= 2
    assert lines_of_code(path) < 60
    assert not re.search(r"variogeo(\.\w+)*\._|from variogeo\S* import .*\b_\w", source)


@named(SCRIPTS)
def test_no_cell_ends_in_an_expression_that_would_be_shown_as_its_repr(path):
    for cell in cells(path.read_text(encoding="utf-8")):
        last = ending(cell)
        if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Constant):
            shown = ast.unparse(last.value)
            assert shown.startswith(tuple(f"{call}(" for call in (*SHOWN, "variogeo.check"))), shown
