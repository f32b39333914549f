"""Dissimilarities of rows on a device, by the methods of the tensor that holds them: torch itself is not imported."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from variogeo._checks import LARGEST_SCALAR, Dissimilarity, check_values
from variogeo._namespace import to_numpy

_ENTRIES_AT_ONCE = 2**22
"""Numbers converted at once: 32 MB as float64."""

_NO_VARIATION = 1e-14
"""Rows closer to their mean than this share of their length differ by rounding only."""

_NEARLY_EQUAL = {4: 1e-5, 8: 1e-6}
"""Share of the squared lengths below which a product has lost its digits, by the bytes of its numbers."""


def check_device_values(values: Any, dissimilarity: Dissimilarity) -> None:
    """Refuse what `check_values` refuses, in its words; the rows are looked at where they are."""
    embeddings = values.ndim == 2 and values.shape[1] > 0
    like = np.ones((), to_numpy(values.new_ones(())).dtype)
    check_values(
        np.broadcast_to(like, (1, values.shape[1]) if embeddings else values.shape), dissimilarity=dissimilarity
    )
    largest = values.new_zeros(len(values)).double()
    step = _rows_at_once(values)
    for start in range(0, len(values), step):
        largest[start : start + step] = _as_rows(values[start : start + step]).abs().amax(dim=1)
    # Written so that NaN is refused as well.
    usable = (largest > 0) & ~largest.isinf() if dissimilarity == "cosine" else largest <= LARGEST_SCALAR
    if not usable.all():
        check_values(to_numpy(largest)[:, None], dissimilarity=dissimilarity)


@dataclass(frozen=True, eq=False)
class DeviceTerms:
    """Checked values on a device, with the dissimilarity that their variogram averages.

    As `Terms` on the host: products are formed of rows from which the mean row is taken and which are divided by a
    power of four, ``term = (x.x + y.y) / 2 - x.y`` times ``scale^2``.

    Attributes
    ----------
    values : (n, d) or (n,) tensor
        As given; a block is converted when it is used.
    dissimilarity : str
    centre : (d,) float64 tensor
        Mean row (of the normalised rows for ``cosine``).
    scale : float
        A power of four near the largest length of a centred row.
    total : float
        Sum of the terms of all ordered pairs.
    largest : float
        No term is larger.
    """

    values: Any
    dissimilarity: Dissimilarity
    centre: Any
    scale: float
    total: float
    largest: float

    @classmethod
    def of(cls, values: Any, dissimilarity: Dissimilarity) -> "DeviceTerms":
        """Return the terms of checked values."""
        n, step = len(values), _rows_at_once(values)
        blocks = [slice(start, start + step) for start in range(0, n, step)]
        nowhere = values.new_zeros(values.shape[1] if values.ndim == 2 else 1).double()
        plain = cls(values, dissimilarity, nowhere, 1.0, 0.0, 0.0)
        centre: Any = sum((plain.rows(block).sum(dim=0) for block in blocks), nowhere) / n
        squares, longest, rest = 0.0, 0.0, nowhere
        for block in blocks:
            rows = plain.rows(block) - centre
            lengths = rows.square().sum(dim=1)
            squares += float(lengths.sum())
            longest = max(longest, float(lengths.max()))
            rest = rest + rows.sum(dim=0)
        if longest <= (_NO_VARIATION * float(centre.norm())) ** 2:
            return cls(values, dissimilarity, centre, 1.0, 0.0, 0.0)
        # sum_ij |z_i - z_j|^2 / 2 = n sum_i |z_i|^2 - |sum_i z_i|^2
        total = max(0.0, n * squares - float(rest @ rest))
        scale = 4.0 ** round(float(np.log2(longest)) / 4)
        return cls(values, dissimilarity, centre, scale, total, min(2 * longest, _MOST[dissimilarity]))

    @property
    def typical(self) -> float:
        """A dissimilarity around which the histogram has cells: the mean, without variation 1."""
        return self.total / len(self.values) ** 2 or 1.0

    @property
    def in_float32(self) -> bool:
        """Whether the products are of float32: for embeddings of float32 and less."""
        return len(self.centre) > 1 and self.values.dtype.itemsize <= 4

    def rows(self, index: Any) -> Any:
        """Return rows in float64, uncentred and unscaled: unit vectors for ``cosine``."""
        rows = _as_rows(self.values[index])
        if self.dissimilarity == "half_squared":
            return rows
        # Scaling by the largest entry first: the squares of very large or small vectors stay finite.
        rows = rows / rows.abs().amax(dim=1, keepdim=True)
        return rows / rows.norm(dim=1, keepdim=True)

    def factors(self, index: Any) -> tuple[Any, Any]:
        """Return the centred and scaled rows in the products' precision, and half of their squared lengths."""
        if self.largest == 0:
            factors = self.centre.new_zeros(len(index), len(self.centre))
        else:
            factors = (self.rows(index) - self.centre) / self.scale
        if self.in_float32:
            factors = factors.float()
        # Of the rounded rows, so that product and squares belong to the same vectors.
        return factors, factors.double().square().sum(dim=1) / 2

    def between(self, left: tuple[Any, Any], right: tuple[Any, Any], rows_a: Any, rows_b: Any) -> Any:
        """Return the terms of all pairs of two blocks without their scale, from the factors of their rows."""
        (a, half_a), (b, half_b) = left, right
        if len(self.centre) == 1:
            return (a - b.T).square_().mul_(0.5)
        term = (half_a[:, None] + half_b).sub_(_product(a, b))
        # One bound for all first: it costs less than a bound for each pair, and few pairs lie below it.
        share = 2 * _NEARLY_EQUAL[a.dtype.itemsize]
        first, second = (term < share * (half_a.max() + half_b.max())).nonzero(as_tuple=True)
        lost = term[first, second] < share * (half_a[first] + half_b[second])
        first, second = first[lost], second[lost]
        term[first, second] = self.of_pairs(rows_a[first], rows_b[second]) / self.scale**2
        return term

    def of_pairs(self, first: Any, second: Any) -> Any:
        """Return the exact terms of some pairs, from the differences of their rows."""
        terms = self.centre.new_zeros(len(first))
        step = _rows_at_once(self.values)
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            difference = self.rows(first[part]) - self.rows(second[part])
            terms[part] = difference.square().sum(dim=1) / 2
        return terms


_MOST: dict[Dissimilarity, float] = {"cosine": 2.0, "half_squared": np.inf}
"""The bound that the dissimilarity has for any values."""


def _product(a: Any, b: Any) -> Any:
    """Return the products of all rows."""
    return a @ b.T


def _as_rows(values: Any) -> Any:
    """Return a block of values as float64 rows: the values themselves where they are that."""
    return (values if values.ndim == 2 else values[:, None]).double()


def _rows_at_once(values: Any) -> int:
    """Return how many rows to convert at once."""
    return max(1, _ENTRIES_AT_ONCE // (values.shape[1] if values.ndim == 2 else 1))
