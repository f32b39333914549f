"""Checks of files that other packages read: every refusal is a DataError that names the file."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from variogeo._checks import DataError, checked_path

DAMAGED = "Truncated or damaged? Write it again."

_UNEVEN = "Expected all lists to be of size"
"""What pyarrow says of lists of another length in a column of lists of a fixed size, before 26 of a null there too."""

_NO_FILES: tuple[tuple[Callable[[Path], bool], str], ...] = (
    (lambda path: path.parts[:1] == ("~",), "Write ~ out in full."),
    (lambda path: path.parts[:1] != () and path.parts[0].endswith(":"), "Must be a path, not an address."),
    (Path.is_dir, "It is a folder, where a file is wanted; variogeo.io.open_points takes folders of Parquet."),
)
"""What a path may be instead of that of a file, and what to do then."""

EXPORT_POINTS = (
    'lonlat, embeddings = ...  # as you load it today; numpy.savez("photos.npz", lonlat=lonlat, embeddings=embeddings)'
)
EXPORT_MODEL = 'model = ...  # as you load it today; model.save("model.json")'

_LARGEST_DECLARED = 2**36
"""Bytes that a file may say it holds: beyond, the file belongs into parts or a memory map."""
_LARGEST_RATIO, _SMALLEST_BOMB = 100, 2**26
"""Embeddings hardly compress. A file that would grow so many times, and beyond so many bytes, is not read."""

_CODE_SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib")  # variogeo never unpickles
_CODE_MAGIC = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Return a path to a file that exists."""
    file = checked_path(path)
    if not file.is_file():
        cause = next((cause for does, cause in _NO_FILES if does(file)), "Must be the path of one that exists.")
        msg = f"{file} is not a file. {cause}"
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
        if _UNEVEN in str(error):
            cure = "Write it again with lists of one length."
            if str(error).endswith("had size=0"):
                cure += " Is that row null? pyarrow reads it from version 26 on: upgrade it, or drop the row."
        msg = f"It cannot be read as {kind}: {str(error).rstrip('.')}. {cure}"
        raise DataError(msg) from None


def check_magic(file: Path, magic: bytes, kind: str) -> None:
    """Refuse a file that is not what its name says."""
    if not starts_with(file, magic):
        msg = f"It is named like {kind} but does not start like it. Is it another kind of file, or empty?"
        raise DataError(msg)


def starts_with(file: Path, magic: bytes | tuple[bytes, ...]) -> bool:
    """Whether the first bytes of a file are ``magic``, or one of several."""
    with file.open("rb") as stream:
        return stream.read(16).startswith(magic)


def check_no_code(file: Path, *, export: str, raw: bool = False) -> None:
    """Refuse a file that would run code when it is opened, by its name and, unless it may be raw, its first bytes."""
    if file.suffix.lower() in _CODE_SUFFIXES or (not raw and starts_with(file, _CODE_MAGIC)):
        msg = (
            f"{file} is a file of Python objects, which can run any code when it is opened: variogeo never unpickles. "
            f"Where you trust it, export it in two lines: {export}"
        )
        raise DataError(msg)


def check_declared(declared: int, file: Path) -> None:
    """Refuse a file that says it holds more than it should, before anything is read."""
    size = file.stat().st_size
    if declared > _LARGEST_DECLARED:
        msg = (
            f"It says that it holds {declared / 2**30:.4g} GB, where {_LARGEST_DECLARED // 2**30} may be read at once. "
            "Write Parquet or npy for open_points and open_embeddings."
        )
        raise DataError(msg)
    if declared > max(_SMALLEST_BOMB, _LARGEST_RATIO * size):
        msg = (
            f"It has {size} bytes and says that it holds {declared}: more than {_LARGEST_RATIO} times as many. Made to "
            "fill the memory? Write embeddings without compression."
        )
        raise DataError(msg)


def check_named(name: str, names: Sequence[str], what: str) -> None:
    """Refuse a column or array that is not there, or twice."""
    if name not in names:
        msg = f"It has no {what} {name!r}. It has {listed_names(names)}."
        raise DataError(msg)
    if names.count(name) > 1:
        msg = f"It has more than one {what} {name!r}. Rename one."
        raise DataError(msg)


def check_filled(rows: Any) -> None:
    """Refuse a table without rows."""
    if not len(rows):
        msg = "It has no rows. Must have at least one."
        raise DataError(msg)


def listed_names(names: Sequence[str]) -> str:
    """Return the first names as text."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
