"""Checks of files that other packages read: every refusal is a DataError that names the file."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from variogeo._checks import DataError

DAMAGED = "Truncated or damaged? Write it again."


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Return a path to a file that exists."""
    file = Path(path)
    if not file.is_file():
        msg = f"{file} is not a file."
        raise FileNotFoundError(msg)
    return file


@contextmanager
def naming(where: str | os.PathLike[str]) -> Iterator[None]:
    """Put the place in front of the message of a refusal, and make it a DataError."""
    try:
        yield
    except (ValueError, TypeError) as error:
        msg = f"{where}: {error}"
        raise DataError(msg) from None


@contextmanager
def reading(kind: str, cure: str = DAMAGED) -> Iterator[None]:
    """Raise a DataError for whatever a reader of another package raises on damaged bytes."""
    try:
        yield
    except Exception as error:
        msg = f"It cannot be read as {kind}: {error}. {cure}"
        raise DataError(msg) from None


def check_magic(file: Path, magic: bytes, kind: str) -> None:
    """Refuse a file that is not what its name says."""
    if not starts_with(file, magic):
        msg = f"It is named like {kind} but does not start like it. Is it another kind of file, or empty?"
        raise DataError(msg)


def starts_with(file: Path, magic: bytes) -> bool:
    """Whether the first bytes of a file are ``magic``."""
    with file.open("rb") as stream:
        return stream.read(len(magic)) == magic


def check_named(name: str, names: Sequence[str], what: str) -> None:
    """Refuse a column or array that is not there."""
    if name not in names:
        msg = f"It has no {what} {name!r}. It has {listed_names(names)}."
        raise DataError(msg)


def check_filled(rows: Any) -> None:
    """Refuse a table without rows."""
    if not len(rows):
        msg = "It has no rows."
        raise DataError(msg)


def listed_names(names: Sequence[str]) -> str:
    """Return the first names as text."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
