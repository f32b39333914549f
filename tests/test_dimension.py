"""The effective dimension, against closed forms and the eigenvalues of the covariance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo._dimension import effective_dimension
from variogeo._engine import _terms


def _design(lengths):
    """Rows whose covariance is the diagonal of ``lengths^2``, up to a factor."""
    axes = np.diag(lengths).astype(float)
    return np.vstack([axes, -axes])


@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
@pytest.mark.parametrize("dimension", [2, 5, 40])
def test_directions_that_vary_alike_are_counted(dimension, dissimilarity):
    # The covariance is a multiple of the identity: (D s)^2 / (D s^2) = D.
    assert effective_dimension(_design(np.ones(dimension)), dissimilarity=dissimilarity) == pytest.approx(dimension)


def test_unequal_directions_count_by_the_squares_of_their_variances():
    lengths = np.array([3.0, 2.0, 1.0, 0.1])
    expected = (lengths**2).sum() ** 2 / (lengths**4).sum()
    assert effective_dimension(_design(lengths), dissimilarity="half_squared") == pytest.approx(expected, rel=1e-12)
    # The cosine sees directions only.
    assert effective_dimension(_design(lengths)) == pytest.approx(4, rel=1e-12)


def test_scalars_have_one_dimension():
    assert effective_dimension([1.0, 2.0, 7.0], dissimilarity="half_squared") == pytest.approx(1, rel=1e-12)
    assert effective_dimension([1, 2, 7], dissimilarity="half_squared") == pytest.approx(1, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.integers(1, 30), st.integers(0, 10**6), st.sampled_from(["cosine", "half_squared"]))
def test_it_is_that_of_the_eigenvalues_and_within_its_bounds(n, d, seed, dissimilarity):
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, d)) * random.uniform(0.1, 3, d) + random.normal(size=d)
    if dissimilarity == "cosine" and d == 1:
        values = np.column_stack([values, np.ones(n)])
    rows = values / np.linalg.norm(values, axis=1, keepdims=True) if dissimilarity == "cosine" else values
    eigenvalues = np.linalg.eigvalsh(np.atleast_2d(np.cov(rows.T)))
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    found = effective_dimension(values, dissimilarity=dissimilarity)
    assert found == pytest.approx(expected, rel=1e-8)
    assert 1 - 1e-9 <= found <= min(values.shape[1], n - 1) + 1e-9


def test_neither_a_large_mean_nor_a_unit_changes_it():
    values = np.random.default_rng(5).normal(size=(300, 6))
    plain = effective_dimension(values, dissimilarity="half_squared")
    for scale, mean in ((1.0, 1e6), (1e70, 0.0), (1e-120, 0.0)):
        moved = effective_dimension(values * scale + mean, dissimilarity="half_squared")
        assert moved == pytest.approx(plain, rel=1e-8)


def test_many_blocks_give_what_one_gives(monkeypatch, photos):
    _, embeddings = photos
    whole = effective_dimension(embeddings), effective_dimension(embeddings[:, :20])
    monkeypatch.setattr(_terms, "_ENTRIES_OF_FILE", 1000)
    assert (effective_dimension(embeddings), effective_dimension(embeddings[:, :20])) == pytest.approx(whole, rel=1e-12)


def test_memory_maps_stay_on_disk(tmp_path):
    values = np.random.default_rng(6).normal(size=(100, 8)).astype(np.float32)
    mapped = np.memmap(tmp_path / "values", np.float32, "w+", shape=values.shape)
    mapped[:] = values
    assert effective_dimension(mapped) == effective_dimension(values)


@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_values_without_variation_are_refused(dissimilarity):
    with pytest.raises(ValueError, match="values has no variation"):
        effective_dimension(np.full((5, 3), 0.1), dissimilarity=dissimilarity)


def test_a_single_row_and_an_unknown_dissimilarity_are_refused():
    with pytest.raises(ValueError, match="values has 1 rows: no variation to measure"):
        effective_dimension(np.ones((1, 3)))
    with pytest.raises(ValueError, match="Invalid dissimilarity 'euclid'"):
        effective_dimension(np.ones((3, 3)), dissimilarity="euclid")
