"""Terms: the dissimilarity of pairs, exactly from differences and as products of centred rows."""

import numpy as np
import pytest
import reference

from variogeo._engine import _terms
from variogeo._engine._terms import Terms


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_terms_are_exact_for_every_type(dtype, dissimilarity):
    random = np.random.default_rng(3)
    values = random.normal(2.0, 1.0, (60, 7)).astype(dtype)
    values[30:] = values[:30]
    first, second = np.triu_indices(60, 1)
    expected = [reference.term(dissimilarity, values[i], values[j]) for i, j in zip(first, second, strict=True)]
    term = Terms.of(values, dissimilarity).of_pairs(first, second)
    np.testing.assert_allclose(term, expected, rtol=1e-11, atol=1e-15)
    assert (term[second == first + 30] == 0).all()


def test_terms_of_scalars_are_half_the_squared_difference():
    term = Terms.of(np.array([1e6, 1e6 + 1, 5]), "half_squared").of_pairs(np.array([0, 1]), np.array([1, 0]))
    assert term.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1e150])
def test_very_long_and_very_short_vectors_have_a_direction(scale):
    values = np.array([[3.0, 4.0], [4.0, 3.0], [6.0, 8.0]]) * scale
    term = Terms.of(values, "cosine").of_pairs(np.array([0, 0]), np.array([1, 2]))
    np.testing.assert_allclose(term, [0.04, 0], atol=1e-16)


class ReadInOrder:
    """Rows that are read in increasing order, or not at all."""

    def __init__(self, values):
        self.values, self.shape, self.ndim, self.most = values, values.shape, 2, 0

    def __getitem__(self, rows):
        assert (np.diff(rows) > 0).all()
        self.most = max(self.most, len(rows))
        return self.values[rows]


def test_terms_read_rows_in_order_and_in_blocks(monkeypatch, tmp_path):
    random = np.random.default_rng(0)
    written = np.memmap(tmp_path / "values", dtype=np.float16, mode="w+", shape=(500, 16))
    written[:] = random.normal(size=(500, 16))
    values = ReadInOrder(written)
    terms = Terms(values, "cosine", np.zeros(16), 1.0, 0.0, 0.0)
    first, second = random.integers(0, 500, (2, 3000))
    whole = terms.of_pairs(first, second)
    assert values.most == 500
    values.most = 0
    monkeypatch.setattr(_terms, "_ENTRIES_AT_ONCE", 64 * 16)
    assert terms.of_pairs(first, second).tolist() == whole.tolist()
    assert values.most <= 128


@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e6])
def test_products_of_factors_are_the_terms(dissimilarity, scale):
    values = np.random.default_rng(0).normal(3.0, 1.0, (40, 6)) * scale
    terms = Terms.of(values, dissimilarity)
    factors, half_squares = terms.factors(np.arange(40), multiple=16)
    assert factors.shape == (48, 6)
    assert not factors[40:].any()
    products = half_squares[:, None] + half_squares - factors[:40] @ factors[:40].T
    first, second = np.triu_indices(40, 1)
    found, exact = terms.scale**2 * products[first, second], terms.of_pairs(first, second)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-14 * terms.largest)
    assert exact.max() <= terms.largest
    assert terms.total == pytest.approx(2 * exact.sum(), rel=1e-12)
    # A power of four, whose root the fourth roots are multiplied by and whose octaves are even.
    assert np.log2(terms.scale) % 2 == 0


@pytest.mark.parametrize(
    ("dtype", "width", "rows", "precision"),
    [
        (np.float16, 64, 1024, np.float32),
        (np.float32, 64, 1024, np.float32),
        (np.float64, 64, 1024, np.float64),
        (np.float32, 63, 1024, np.float64),
        (np.float32, 64, 1023, np.float64),
        (np.int16, 64, 1024, np.float64),
    ],
)
def test_many_wide_rows_of_short_floats_are_multiplied_as_float32(dtype, width, rows, precision):
    values = np.ones((rows, width), dtype)
    values[0, 0] = 2
    assert Terms.of(values, "half_squared").precision is precision
    assert Terms.of(values, "half_squared").factors(np.arange(3))[0].dtype == precision


def test_equal_rows_have_factors_of_zero():
    terms = Terms.of(np.tile([3.0, 4.0, 5.0], (9, 1)) * 1e4, "cosine")
    assert (terms.total, terms.largest, terms.scale) == (0.0, 0.0, 1.0)
    factors, half_squares = terms.factors(np.arange(9))
    assert not factors.any()
    assert not half_squares.any()


def test_no_sum_over_a_row_hangs_on_where_in_memory_its_copy_lies():
    from variogeo._engine.cpu._rows import measure_rows, read_rows

    random, found = np.random.default_rng(0), {}
    for width in (4, 5, 7, 12, 31, 64):
        for draw in range(20):
            values, centre = random.normal(size=(1, width)), random.normal(size=width)
            for gap in (0, 4, 16, 64, 512):
                memory = np.zeros(3 * width + 2 * gap)
                block, row, rest = (memory[k * (width + gap) :][:width].reshape(-1, width) for k in range(3))
                block[:] = values
                read_rows(block, True, row)
                measured = measure_rows(block, False, centre, rest[0])
                found.setdefault((width, draw), set()).add((row.tobytes(), measured, rest.tobytes()))
    assert all(len(bits) == 1 for bits in found.values())


def test_exact_terms_are_gathered_in_parts(scattered, monkeypatch):
    terms = Terms.of(scattered[1], "cosine")
    first, second = np.triu_indices(50, 1)
    whole = terms.of_pairs(first, second)
    factors = terms.factors(np.arange(99))
    monkeypatch.setattr(_terms, "_ENTRIES_AT_ONCE", 10)
    assert np.array_equal(terms.of_pairs(first, second), whole)
    for part, all_at_once in zip(terms.factors(np.arange(99)), factors, strict=True):
        assert np.array_equal(part, all_at_once)
