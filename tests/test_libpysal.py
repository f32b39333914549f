"""Spatial weights of libpysal from a fitted model, against a double loop, and in esda."""

import sys

import esda
import libpysal
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import Exponential, LagBins, Spherical, _libpysal, empirical_variogram, fit_variogram
from variogeo._libpysal import to_libpysal
from variogeo.synthetic import gaussian_field, uniform_lonlat

MODEL = Exponential(nugget=0.1, partial_sill=0.4, effective_range=1500.0)


def _double_loop(lonlat, model, threshold, kernel):
    weights = [{} for _ in lonlat]
    for i, a in enumerate(lonlat):
        for j, b in enumerate(lonlat):
            h = reference.lag("great_circle", reference.place(a), reference.place(b))
            weight = model.correlogram(h) if kernel == "correlogram" else 1.0
            if i != j and h <= threshold and weight > 0:
                weights[i][j] = weight
    return weights


@pytest.mark.parametrize("kernel", ["correlogram", "binary"])
@pytest.mark.parametrize("threshold", [None, 300.0, 25_000.0])
@pytest.mark.parametrize("model", [MODEL, Spherical(nugget=0.0, partial_sill=1.0, effective_range=2000.0)])
def test_neighbours_and_weights_equal_a_double_loop(model, threshold, kernel):
    lonlat = uniform_lonlat(70, seed=3)
    lonlat[:6] = [(180, 10), (-180, 10), (179.9, 10), (0, 90), (77, 90), (5, 89)]
    weights = to_libpysal(lonlat, model, threshold=threshold, kernel=kernel)
    expected = _double_loop(lonlat, model, threshold or model.effective_range, kernel)
    assert weights.id_order == list(range(70))
    for row, neighbours in enumerate(expected):
        assert weights.neighbors[row] == sorted(neighbours)
        assert weights.weights[row] == pytest.approx([neighbours[j] for j in sorted(neighbours)], rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(0, 1000), st.floats(1.0, 20_000.0))
def test_weights_are_symmetric_and_no_point_is_its_own_neighbour(count, seed, threshold):
    weights = to_libpysal(uniform_lonlat(count, seed=seed), MODEL, threshold=threshold)
    dense = weights.sparse.toarray()
    assert dense.shape == (count, count)
    np.testing.assert_array_equal(dense, dense.T)
    np.testing.assert_array_equal(np.diag(dense), 0)


def test_islands_have_no_neighbours_and_cause_no_warning():
    weights = to_libpysal([[0, 0], [0, 1], [0, 89], [2, 2]], MODEL, threshold=150.0)
    assert weights.islands == [2, 3]
    weights.transform = "r"
    values = np.array([1.0, 2.0, 4.0, 1.0])
    assert np.isfinite(esda.Moran(values, weights, permutations=0).I)
    assert np.isfinite(esda.Geary(values, weights, permutations=0).C)
    graph = libpysal.graph.Graph.from_W(weights)
    assert graph.isolates.tolist() == [2, 3]


def test_moran_with_weights_of_the_fitted_range_finds_structure_and_none_in_noise():
    lonlat = uniform_lonlat(400, seed=5)
    field = gaussian_field(
        lonlat, Exponential(nugget=0.05, partial_sill=0.95, effective_range=4000.0), dimensions=1, seed=5
    )[:, 1]
    bins = LagBins.linear(0, 8000, 10)
    fit = fit_variogram(empirical_variogram(lonlat, field, bins, dissimilarity="half_squared"), Exponential)
    weights = to_libpysal(lonlat, fit.model)
    moran = esda.Moran(field, weights, permutations=0)
    # By hand: I = sum w z z' / sum z^2 with rows of weight one; the transformation is Moran's own default.
    z = field - field.mean()
    dense = weights.sparse.toarray()
    rows = dense / dense.sum(axis=1, keepdims=True)
    assert pytest.approx(z @ rows @ z / (z @ z), rel=1e-9) == moran.I
    assert moran.p_norm < 1e-6
    noise = np.random.default_rng(6).normal(size=400)
    assert esda.Moran(noise, weights, permutations=0).p_norm > 0.01


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0, 0]], "exponential"), TypeError, "Invalid model of type str"),
        (([[0, 100]], MODEL), ValueError, "lonlat has latitudes up to 100"),
        ((np.zeros((0, 2)), MODEL), ValueError, "lonlat has 0 rows"),
        (([[0, 0]], Exponential(nugget=1.0, partial_sill=0.0, effective_range=1.0)), ValueError, "partial_sill '0.0'"),
    ],
)
def test_what_gives_no_weights_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        to_libpysal(*arguments)


def test_other_options_are_refused():
    with pytest.raises(ValueError, match=r"Invalid threshold '0\.0'\. Must be greater than 0 \(km"):
        to_libpysal([[0, 0]], MODEL, threshold=0)
    with pytest.raises(ValueError, match=r"Invalid kernel 'gaussian'\. Must be one of 'correlogram', 'binary'"):
        to_libpysal([[0, 0]], MODEL, kernel="gaussian")


def test_too_many_neighbours_are_refused_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(_libpysal, "_MOST_LINKS", 10.0)
    with pytest.raises(ValueError, match=r"neighbours within 1500 km are more than 1e\+01\. Pass a shorter threshold"):
        to_libpysal(uniform_lonlat(100, seed=1), MODEL)


def test_without_libpysal_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "libpysal.weights", None)
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[pysal\]'"):
        to_libpysal([[0, 0]], MODEL)
