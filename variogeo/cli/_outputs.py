"""Files that a command writes: all of them or none, and none that exists unless that is asked for."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from variogeo._checks import DataError
from variogeo._storage import write_bytes

Write = Callable[[Path], None]
"""Writes one output to the path that it is given."""


def check_folder(folder: Path, names: Iterable[str], *, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuse an output folder that is none, or that holds outputs or inputs of these names, before the work begins."""
    if os.path.lexists(folder) and not folder.is_dir():
        msg = f"{folder} is not a folder. Choose another --out."
        raise DataError(msg)
    present = [name for name in names if os.path.lexists(folder / name)]
    if present and not overwrite:
        msg = f"{folder} already holds {', '.join(present)}. Pass --overwrite or another --out."
        raise FileExistsError(msg)
    for name in present:
        _check_ordinary(folder / name)
        _check_not_read(folder / name, "--out", inputs)
    _check_takes_files(folder, "--out")


def check_file(path: Path, option: str, suffix: str, *, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuse an output file that exists, could not be written or is an input, before the work begins."""
    if path.suffix.lower() != suffix:
        msg = f"{option} {path} does not end in {suffix}, which is what is written. Choose such a name."
        raise DataError(msg)
    if not path.parent.is_dir():
        msg = f"{path.parent} is not a folder. Make it first, or choose another {option}."
        raise FileNotFoundError(msg)
    if os.path.lexists(path):
        _check_ordinary(path)
        if not overwrite:
            msg = f"{path} exists. Pass --overwrite or another {option}."
            raise FileExistsError(msg)
        _check_not_read(path, option, inputs)
    _check_takes_files(path.parent, option)


def write_outputs(outputs: Mapping[Path, Write], *, without: Iterable[Path] = ()) -> None:
    """Write all outputs beside their folders first, so that a full disk leaves none; ``without`` are removed then."""
    with ExitStack() as stack:
        staged: dict[Path, Path] = {}
        for path, write in outputs.items():
            staging = Path(stack.enter_context(TemporaryDirectory(prefix=f".{path.name}.", dir=_made(path.parent))))
            staged[path] = staging / path.name
            write(staged[path])
        for path, made in staged.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            made.replace(path)
    for path in without:
        path.unlink(missing_ok=True)


def of_bytes(raw: bytes) -> Write:
    """Return what writes these bytes."""
    return lambda path: write_bytes(path, raw, overwrite=False)


def _made(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists: it will be made there."""
    folder = folder.absolute()
    return next(one for one in (folder, *folder.parents) if os.path.lexists(one))


def _check_takes_files(folder: Path, option: str) -> None:
    """Refuse a folder in which nothing can be made: what took hours would be lost at the end."""
    try:
        TemporaryDirectory(prefix=".variogeo.", dir=_made(folder)).cleanup()
    except OSError as error:
        msg = f"{folder} takes no files: {error.strerror}. Choose another {option}."
        raise DataError(msg) from None


def _check_not_read(path: Path, option: str, inputs: Sequence[Path]) -> None:
    """Refuse an input in the place of an output: a second call would read what the first one wrote."""
    if any(source.exists() and source.samefile(path) for source in inputs):
        msg = f"{option} {path} is a file that is read. Choose another {option}: inputs are never replaced."
        raise DataError(msg)


def _check_ordinary(path: Path) -> None:
    """Refuse a link, a folder or a device in the place of an output, whatever may be overwritten."""
    if not stat.S_ISREG(path.lstat().st_mode):
        msg = f"{path} is no ordinary file, so it is not replaced. Choose another name."
        raise DataError(msg)
