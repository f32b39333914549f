"""Where the numbers of a report come from: the hash of its data, versions, how to cite."""

import hashlib
import importlib.metadata
import platform
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._rows import row_blocks

_SHOWN_VERSIONS = ("variogeo", "numpy", "scipy", "numba", "pyproj", "matplotlib", "bokeh")


def data_hash(lonlat: NDArray[np.float64], embeddings: Any) -> str:
    """Return the sha256 of coordinates (float64) and then embeddings (as stored), row by row, little endian."""
    digest = hashlib.sha256()
    for values in (lonlat, embeddings):
        for _, block in row_blocks(values):
            digest.update(np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of what the numbers and the views were made with."""
    return {"Python": platform.python_version(), **{name: importlib.metadata.version(name) for name in _SHOWN_VERSIONS}}
