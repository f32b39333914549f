"""Compiled products of leaves beside numpy's."""

import numpy as np
import pytest

from variogeo._distances import prepare_points
from variogeo._engine import Terms
from variogeo._engine.cpu._products import _sixteen, _twice_eight, leaf_products, quartet_terms
from variogeo._engine.cpu._sides import side_of
from variogeo.synthetic import uniform_lonlat


@pytest.fixture(scope="module", params=[2, 5, 16, 100, 512])
def points(request):
    """Return 40 points with embeddings of some width."""
    values = np.random.default_rng(0).normal(size=(40, request.param))
    rows = np.arange(40)
    return side_of(prepare_points(uniform_lonlat(40), "geodesic"), Terms.of(values, "cosine"), rows, summed=True).points


def test_products_are_those_of_numpy(points):
    out = np.full((8, 24), np.nan)
    column = np.concatenate([np.arange(8, 16), np.arange(32, 40), np.arange(0, 5)])
    none = np.empty(0, np.int64)
    assert leaf_products(points, 16, points, column, 21, False, none.astype(np.int32), out, none) == 0
    np.testing.assert_allclose(out[:, :21], points.factors[16:24] @ points.factors[column].T, rtol=0, atol=1e-14)


@pytest.mark.parametrize("product", [_sixteen, _twice_eight])
def test_products_are_the_same_for_any_number_of_registers(points, product):
    out = np.full((8, 8), np.nan)
    product(points.factors, 5, points.factors, 20, out, 3, 2)
    expected = points.factors[5:9] @ points.factors[20:24].T
    np.testing.assert_allclose(out[3:7, 2:6], expected, rtol=0, atol=1e-14)
    assert np.isnan(out).sum() == 64 - 16


def test_four_points_with_four_others_are_one_sum_where_all_lags_are_in_one_interval(points):
    """A leaf of 8 with a whole one and one of 5: of six quartets one is torn by a lag and one is not full."""
    column, count = np.concatenate([np.arange(8, 16), np.arange(24, 29)]), 13
    interval = np.ones((8, count), np.int32)
    interval[2, 1] = 2
    out, whole = np.full((8, 16), np.nan), np.empty(9, np.int64)
    wholes = leaf_products(points, 16, points, column, count, True, interval.reshape(-1), out, whole)
    assert [divmod(place, count) for place in whole[:wholes].tolist()] == [(0, 4), (4, 0), (4, 4), (0, 8), (4, 8)]
    exact = points.factors[16:24] @ points.factors[column].T
    for rows, columns in ((slice(0, 4), slice(0, 4)), (slice(0, 8), slice(12, 13))):
        np.testing.assert_allclose(out[rows, columns], exact[rows, columns], rtol=0, atol=1e-14)
    term = np.full((8, count), np.nan)
    quartet_terms(points, 16, points, column, count, whole, wholes, term.reshape(-1))
    expected = points.half_squares[16:24, None] + points.half_squares[column] - exact
    for i, at in ((0, 4), (4, 0), (4, 4), (0, 8), (4, 8)):
        block = slice(i, i + 4), slice(at, at + 4)
        assert term[block].sum() == pytest.approx(expected[block].sum(), rel=1e-13)
        assert np.count_nonzero(term[block]) == 1
    assert np.isnan(term[0, :4]).all()
