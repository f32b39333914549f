"""Arrays of npz files, after a look at what they say they hold; nothing is unpickled."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError
from variogeo._files import EXPORT_POINTS, check_declared, check_magic, check_named, reading

_CURE = "Truncated or damaged? variogeo never unpickles; save plain float arrays."
_MOST_MEMBERS = 10_000


def names_in(file: Path) -> list[str]:
    """Return the names of the arrays of an npz file."""
    check_magic(file, b"PK", "npz")
    with reading("npz", _CURE), zipfile.ZipFile(file) as archive:
        members = [member.filename for member in archive.infolist()[: _MOST_MEMBERS + 1]]
    if any(name.endswith(("data.pkl", "/version")) for name in members):
        msg = f"It is a file of torch: variogeo never unpickles. Where you trust it, export it: {EXPORT_POINTS}"
        raise DataError(msg)
    if len(members) > _MOST_MEMBERS or len(set(members)) < len(members):
        msg = f"It has {len(members)} members, or two of one name. An npz file has one for each array."
        raise DataError(msg)
    return [name.removesuffix(".npy") for name in members]


def read_arrays(file: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return some arrays of an npz file."""
    known = names_in(file)
    for name in names:
        check_named(name, known, "array")
    with reading("npz", _CURE), zipfile.ZipFile(file) as archive:
        declared = {name: archive.getinfo(f"{name}.npy").file_size for name in names}
        held = {name: _bytes_of(archive, f"{name}.npy") for name in names}
    check_declared(sum(declared.values()), file)
    for name in names:
        if held[name] > declared[name]:
            msg = f"Array {name!r} says that it takes {held[name]} bytes, but has {declared[name]}. {_CURE}"
            raise DataError(msg)
    # numpy leaves a file that it opened itself open when the archive is damaged.
    with reading("npz", _CURE), file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in names}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            msg = f"Member {name!r} is no array. {_CURE}"
            raise DataError(msg)
    return arrays


def _bytes_of(archive: zipfile.ZipFile, member: str) -> int:
    """Return how many bytes the numbers of a member take by its header; 0 for what is no array."""
    with archive.open(member) as stream:
        if stream.read(6) != b"\x93NUMPY":
            return 0
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    return 0 if dtype.hasobject else int(np.prod(shape, dtype=object)) * dtype.itemsize
