"""The progress bar: seen on a terminal and in a notebook, silent elsewhere."""

import sys

import tqdm.auto

from variogeo._progress import progress_bar


def test_it_is_silent_without_a_terminal(capsys):
    with progress_bar(3, doing="pairs", unit="tile") as bar:
        bar.update()
        assert bar.disable
    assert capsys.readouterr().err == ""


def test_it_shows_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress_bar(3, doing="pairs", unit="tile") as bar:
        assert not bar.disable


def test_it_shows_as_a_widget_in_a_notebook(monkeypatch):
    class tqdm_notebook(tqdm.auto.tqdm):
        """Stands for tqdm's own class of this name."""

    monkeypatch.setattr(tqdm.auto, "tqdm", tqdm_notebook)
    with progress_bar(3, doing="pairs", unit="tile") as bar:
        assert not bar.disable
