"""Rows that stand twice: the same place with the same vector."""

import hashlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import listed_rows
from variogeo._rows import row_blocks

_SHARE = 0.01
"""Fewer repeated rows than this hardly move a curve; `variogeo.check` lists them."""


def warn_of_duplicates(lonlat: NDArray[np.float64], embeddings: Any, *, stacklevel: int) -> None:
    """Warn where a share of the rows repeats an earlier row: each such pair counts as alike at zero lag."""
    repeated = repeated_rows(lonlat, embeddings)
    if repeated.size and repeated.size >= _SHARE * len(lonlat):
        msg = (
            f"{repeated.size / len(lonlat):.2%} of the rows ({repeated.size} of {len(lonlat)}) repeat the place and "
            f"the vector of an earlier row: {listed_rows(repeated)}. Their own pairs are at zero lag, apart from all "
            "bins, but every other pair counts more than once. Drop them, unless they are photos of their own."
        )
        warnings.warn(msg, UserWarning, stacklevel=stacklevel + 1)


def repeated_rows(lonlat: NDArray[np.float64], embeddings: Any) -> NDArray[np.intp]:
    """Return the rows whose place and vector are those of an earlier row; vectors of shared places are looked at."""
    _, place, count = np.unique(lonlat, axis=0, return_inverse=True, return_counts=True)
    shared = count[place.ravel()] > 1
    if not shared.any():
        return np.empty(0, np.intp)
    seen: set[tuple[int, bytes]] = set()
    repeated: list[int] = []
    for start, block in row_blocks(embeddings):
        for row in start + np.flatnonzero(shared[start : start + len(block)]):
            # + 0.0 makes one zero of the two. A digest of 16 bytes stands for a vector of thousands.
            entries = np.ascontiguousarray(block[row - start]) + block.dtype.type(0)
            key = (int(place.ravel()[row]), hashlib.blake2b(entries.tobytes(), digest_size=16).digest())
            if key in seen:
                repeated.append(int(row))
            seen.add(key)
    return np.array(repeated, np.intp)
