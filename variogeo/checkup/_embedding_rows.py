"""What is wrong with embeddings: one pass over their rows, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_mapped
from variogeo._rows import RowSource, row_blocks
from variogeo._suspicions import row_prints
from variogeo.checkup._coordinates import numbers
from variogeo.checkup._findings import DROP_THEM, Finding, about_rows, counted

_SMALLEST = float(np.finfo(np.float64).tiny)
"""Entries below count as zero, as they do for every verb."""

_SAME_DIRECTION = 1e-9
"""Cosines this near to 1 are 1: float32 vectors that differ by no more than rounding are nearer still."""

_BLOCK_BYTES = 2**18
"""Rows and their copy in float64 stay in the cache, while files are read in larger blocks."""

_UNIT = 0.01
"""Norms this near to 1 are 1: the rounding of float16 vectors."""


@dataclass(frozen=True, eq=False)
class EmbeddingRows:
    """What one pass over embeddings (n, d) tells.

    Attributes
    ----------
    missing, zero : (n,) bool array
        Which rows have NaN or infinite entries, and which have no direction.
    norms : (n,) float array
        Euclidean norms; NaN where missing.
    prints : (n,) uint64 array
        Equal for rows of equal entries, and else all but surely another: see `row_prints`.
    least_cosine : float
        Between the first usable row and all others; 1 without any.
    constant_columns : int
        Columns with one and the same entry in all rows that are not missing; 0 below two such rows.
    """

    missing: NDArray[np.bool_]
    zero: NDArray[np.bool_]
    norms: NDArray[np.float64]
    prints: NDArray[np.uint64]
    least_cosine: float
    constant_columns: int

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which rows have a direction."""
        return ~self.missing & ~self.zero


def embeddings_in_place(embeddings: Any) -> Any:
    """Return embeddings as an (n, d) array of numbers, what lies in files as it is; refuse what has not this shape."""
    check_mapped(embeddings, "embeddings")
    in_file = isinstance(embeddings, RowSource) or (
        isinstance(embeddings, np.memmap) and embeddings.dtype.kind in "iuf"
    )
    array = embeddings if in_file else numbers(embeddings, "embeddings")
    if array.ndim != 2 or array.shape[1] == 0:
        msg = f"Invalid embeddings of shape {tuple(array.shape)}. Must be (n, d): one row per point. Stack the vectors."
        raise ValueError(msg)
    return array


def read_rows(embeddings: Any) -> EmbeddingRows:
    """Return what one pass over the rows tells."""
    n, width = embeddings.shape
    missing, zero = np.zeros(n, bool), np.zeros(n, bool)
    norms, prints = np.full(n, np.nan), np.zeros(n, np.uint64)
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    first, least = None, 1.0
    for start, block in _small_blocks(embeddings):
        rows = slice(start, start + len(block))
        prints[rows] = row_prints(block)
        with np.errstate(over="ignore"):  # a long double that float64 cannot hold is infinite
            entries = np.asarray(block).astype(np.float64)
        largest = np.abs(entries).max(axis=1)
        missing[rows], zero[rows] = ~np.isfinite(largest), largest < _SMALLEST
        known = entries[~missing[rows]]
        low, high = (
            np.minimum(low, known.min(axis=0, initial=np.inf)),
            np.maximum(high, known.max(axis=0, initial=-np.inf)),
        )
        usable = ~missing[rows] & ~zero[rows]
        # Divided by their largest entry first: the square of 1e200 is no number.
        scaled = entries[usable] / largest[usable, None]
        lengths = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
        norms[rows][zero[rows]] = 0.0
        with np.errstate(over="ignore"):
            norms[rows][usable] = np.minimum(lengths * largest[usable], np.finfo(np.float64).max)
        if len(scaled):
            first = scaled[0] / lengths[0] if first is None else first
            least = min(least, float((scaled @ first / lengths).min()))
    constant = int(np.count_nonzero(low == high)) if np.count_nonzero(~missing) > 1 else 0
    return EmbeddingRows(missing, zero, norms, prints, least, constant)


def _small_blocks(embeddings: Any) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield all rows in order, as their first row number and a small block."""
    for start, read in row_blocks(embeddings):
        for first, block in row_blocks(np.asarray(read), most_bytes=_BLOCK_BYTES):
            yield start + first, block


def embedding_findings(rows: EmbeddingRows, shape: tuple[int, int], dtype: np.dtype[Any]) -> list[Finding]:
    """Return what is found in the entries."""
    found: list[Finding] = []
    if dtype.kind != "f":
        text = (
            f"Embeddings of dtype {dtype}. Integers are quantised, and what they stand for is not known. "
            "Pass dequantize= to variogeo.io, with the formula of their publisher."
        )
        found.append(Finding("error", "integer embeddings", text))
    if (missing := np.flatnonzero(rows.missing)).size:
        text = (
            f"{counted(len(missing), 'row')} with NaN or infinite entries, {about_rows(missing)}. "
            f"Every entry must be a number. {DROP_THEM}"
        )
        found.append(Finding("error", "missing embeddings", text, missing))
    if (zero := np.flatnonzero(rows.zero)).size:
        text = (
            f"{counted(len(zero), 'zero vector')}, {about_rows(zero)}. They have no direction, so no cosine. "
            f'{DROP_THEM} With dissimilarity="half_squared" they are values like others.'
        )
        found.append(Finding("error", "zero vectors", text, zero))
    return found + _variation(rows, shape[1]) + _lengths(rows)


def _variation(rows: EmbeddingRows, width: int) -> list[Finding]:
    """Say that all embeddings, or some of their columns, are the same."""
    if np.count_nonzero(rows.usable) < 2:
        return []
    if rows.least_cosine > 1 - _SAME_DIRECTION:
        text = (
            "All embeddings have one direction, so every dissimilarity is 0. Nothing varies from place to place. "
            "Was one image, or one batch, embedded over and over?"
        )
        return [Finding("warning", "constant embeddings", text)]
    if width == 1:
        text = "Embeddings of one column have cosines of 1 and -1 only. Pass them as scalars: half_squared, (n,)."
        return [Finding("warning", "one column", text)]
    if rows.constant_columns:
        text = f"{rows.constant_columns} of {width} columns are the same in all rows. They say nothing about places."
        return [Finding("note", "constant columns", text)]
    return []


def are_unit(norms: NDArray[np.float64]) -> bool:
    """Whether all norms are 1."""
    return bool((np.abs(norms - 1) <= _UNIT).all())


def _lengths(rows: EmbeddingRows) -> list[Finding]:
    """Say that embeddings are not normalised."""
    norms = rows.norms[rows.usable]
    if are_unit(norms):
        return []
    text = (
        f"Norms lie between {norms.min():.4g} and {norms.max():.4g}, not at 1. The cosine does not look at them; "
        'dissimilarity="half_squared" does. Divide by them if both are to agree.'
    )
    return [Finding("note", "not normalised", text)]
