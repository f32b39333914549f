"""Rows that stand twice: the same place with the same vector."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import listed_rows
from variogeo._distances import distinct_places
from variogeo._rows import row_blocks
from variogeo._suspicions import repeated_rows, row_prints

_SHARE = 0.01
"""Fewer repeated rows than this hardly move a curve; `variogeo.check` lists them."""


def warn_of_duplicates(
    lonlat: NDArray[np.float64], embeddings: Any, rows: NDArray[np.intp], *, stacklevel: int
) -> None:
    """Warn where a share of the points repeats an earlier one: each such pair counts as alike at zero lag.

    ``rows`` are their numbers in the table, of which some may have been dropped.
    """
    repeated = rows_that_repeat(lonlat, embeddings)
    if repeated.size and repeated.size >= _SHARE * len(lonlat):
        msg = (
            f"{repeated.size / len(lonlat):.2%} of the rows ({repeated.size} of {len(lonlat)}) repeat the place and "
            f"the vector of an earlier row: {listed_rows(rows[repeated])}. Their own pairs are at zero lag, apart from "
            "all bins, but every other pair counts more than once. Drop them, unless they are photos of their own."
        )
        warnings.warn(msg, UserWarning, stacklevel=stacklevel + 1)


def rows_that_repeat(lonlat: NDArray[np.float64], embeddings: Any) -> NDArray[np.intp]:
    """Return the rows whose place and vector are those of an earlier row; vectors of shared places are looked at."""
    _, place = distinct_places(lonlat)
    shared = np.bincount(place)[place] > 1
    if not shared.any():
        return np.empty(0, np.intp)
    prints = np.zeros(len(lonlat), np.uint64)
    for start, block in row_blocks(embeddings):
        rows = np.flatnonzero(shared[start : start + len(block)])
        if rows.size:
            prints[start + rows] = row_prints(np.asarray(block[rows]))
    rows = np.flatnonzero(shared)
    return rows[repeated_rows(place[rows], prints[rows])]
