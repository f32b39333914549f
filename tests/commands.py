"""What tests of the command line share: a table of photos, and how a command must end."""

from pathlib import Path

import numpy as np
import pytest

from variogeo import cli, datasets


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the one line on stderr of a command that must end with exit code 1."""
    assert cli.main([str(word) for word in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("variogeo: ")
    return line


def wrong_usage(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the last line on stderr of a command that must end with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in arguments])
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return what a command prints that must end with exit code 0, and say nothing else."""
    assert cli.main([str(word) for word in arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def photos_npz(path: Path, count: int = 150) -> Path:
    """Write bundled photos with groups of ten neighbours in the file, and return the path."""
    lonlat, embeddings = datasets.geoclip_photos()
    groups = np.array([f"sequence {row // 10}" for row in range(count)])
    np.savez(path, lonlat=lonlat[:count], clip=embeddings[:count, :32], sequence=groups)
    return path
