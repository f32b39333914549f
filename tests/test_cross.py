"""The cross-variogram, against a double loop and closed forms."""

import dataclasses

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo._cross import CrossVariogram, cross_variogram
from variogeo._engine import _terms
from variogeo.synthetic import gaussian_field, uniform_lonlat

BINS = LagBins([0, 50, 1000, 4000, 9000])


def _double_loop(lonlat, first, second, edges, metric, *, unit):
    """Return counts and cross-semivariances per bin."""
    first, second = (np.asarray(rows, float).reshape(len(lonlat), -1) for rows in (first, second))
    if unit:
        first, second = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, second))
    products = [[] for _ in edges[1:]]
    for i in range(len(lonlat)):
        for j in range(i + 1, len(lonlat)):
            h = reference.lag(metric, lonlat[i], lonlat[j])
            for k in range(len(edges) - 1):
                if edges[k] < h <= edges[k + 1]:
                    products[k].append((first[i] - first[j]) @ (second[i] - second[j]) / 2)
    means = [np.mean(one) if one else np.nan for one in products]
    return np.array([len(one) for one in products]), np.array(means)


@pytest.fixture(scope="module")
def fields():
    random = np.random.default_rng(8)
    lonlat = uniform_lonlat(120, seed=8)
    lonlat[60:80] = lonlat[:20] + random.normal(0, 0.1, (20, 2))
    lonlat[80:84] = lonlat[0]
    first = random.normal(0.5, 1, (120, 6))
    return lonlat, first, 0.4 * first + random.normal(0, 1, (120, 6))


@pytest.mark.parametrize("metric", ["geodesic", "great_circle", "chord"])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_it_equals_a_double_loop(fields, dissimilarity, metric):
    lonlat, first, second = fields
    cross = cross_variogram(lonlat, first, second, BINS, dissimilarity=dissimilarity, metric=metric)
    counts, expected = _double_loop(lonlat, first, second, BINS.edges, metric, unit=dissimilarity == "cosine")
    np.testing.assert_array_equal(cross.npairs, counts)
    np.testing.assert_allclose(cross.semivariance, expected, atol=1e-12)
    own = empirical_variogram(lonlat, first, BINS, dissimilarity=dissimilarity, metric=metric)
    np.testing.assert_allclose(cross.lag, own.lag, rtol=1e-7)
    np.testing.assert_allclose(cross.first.semivariance, own.semivariance, rtol=1e-12)


@pytest.mark.parametrize("factor", [1e-9, 1.0, 3e8])
def test_scalars_of_any_two_units_equal_a_double_loop(fields, factor):
    lonlat, first, second = fields
    one, other = first[:, 0] + 1e3, factor * second[:, 0]
    cross = cross_variogram(lonlat, one, other, BINS, dissimilarity="half_squared")
    _, expected = _double_loop(lonlat, one, other, BINS.edges, "geodesic", unit=False)
    np.testing.assert_allclose(cross.semivariance, expected, rtol=1e-9, atol=factor * 1e-12)


def test_short_floats_lose_no_more_than_the_engine_does():
    random = np.random.default_rng(9)
    lonlat = uniform_lonlat(1100, seed=9)
    first = random.normal(size=(1100, 64))
    second = first + random.normal(size=(1100, 64))
    long = cross_variogram(lonlat, first, second, BINS).semivariance
    short = cross_variogram(lonlat, first.astype(np.float32), second.astype(np.float32), BINS).semivariance
    np.testing.assert_allclose(short, long, atol=1e-7)


def test_a_field_with_itself_has_its_own_variogram_and_with_its_negative_the_opposite(fields):
    lonlat, first, _ = fields
    own = empirical_variogram(lonlat, first, BINS)
    for sign in (1, -1):
        cross = cross_variogram(lonlat, first, sign * first, BINS)
        np.testing.assert_allclose(cross.semivariance, sign * own.semivariance, atol=1e-13)
        np.testing.assert_allclose(cross.codispersion, sign, atol=1e-12)


def test_fields_that_share_a_part_have_its_variogram_as_their_cross_variogram():
    # a = s + e and b = s + f with independent s, e, f: E (a - a').(b - b') / 2 is the variogram of s.
    lonlat = uniform_lonlat(600, seed=11)
    model = Exponential(nugget=0.0, partial_sill=0.5, effective_range=4000.0)
    shared, own, other = (gaussian_field(lonlat, model, dimensions=200, seed=seed)[:, 1:] for seed in (1, 2, 3))
    cross = cross_variogram(
        lonlat, shared + own, shared + other, LagBins.linear(200, 8000, 6), dissimilarity="half_squared"
    )
    np.testing.assert_allclose(cross.semivariance, model(cross.lag), rtol=0.06)
    np.testing.assert_allclose(cross.codispersion, 0.5, atol=0.04)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from(["cosine", "half_squared"]))
def test_it_is_symmetric_and_the_codispersion_is_a_correlation(seed, width, dissimilarity):
    random = np.random.default_rng(seed)
    lonlat = uniform_lonlat(12, seed=seed)
    first, second = random.normal(size=(2, 12, width + 1))
    bins = LagBins([0, 5000, 20_100])
    there = cross_variogram(lonlat, first, second, bins, dissimilarity=dissimilarity)
    back = cross_variogram(lonlat, second, first, bins, dissimilarity=dissimilarity)
    np.testing.assert_allclose(there.semivariance, back.semivariance, atol=1e-12)
    filled = there.npairs > 0
    assert (np.abs(there.codispersion[filled]) <= 1).all()
    assert np.isnan(there.codispersion[~filled]).all()


def test_where_a_field_does_not_vary_there_is_no_codispersion():
    lonlat = [[0, 0], [0, 1], [0, 3]]
    cross = cross_variogram(lonlat, [1.0, 1.0, 1.0], [0.0, 1.0, 2.0], BINS, dissimilarity="half_squared")
    assert cross.semivariance == pytest.approx([np.nan, 0, np.nan, np.nan], nan_ok=True)
    assert np.isnan(cross.codispersion).all()


def test_many_blocks_give_what_one_gives(fields, monkeypatch):
    whole = cross_variogram(*fields, BINS)
    monkeypatch.setattr(_terms, "_ENTRIES_OF_FILE", 50)
    np.testing.assert_array_equal(cross_variogram(*fields, BINS).semivariance, whole.semivariance)


def test_the_table_and_the_text_have_one_row_per_bin(fields):
    cross = cross_variogram(*fields, BINS)
    table = cross.to_frame()
    assert list(table.columns) == ["low", "high", "npairs", "lag", "semivariance", "first", "second", "codispersion"]
    np.testing.assert_array_equal(table["semivariance"], cross.semivariance)
    assert repr(cross) == f"<CrossVariogram: 4 bins 0..9000 km, {cross.npairs.sum()} pairs, cosine, geodesic>"
    assert len(str(cross).splitlines()) == 2 + len(BINS)


def test_fields_of_other_widths_or_lengths_are_refused(fields):
    lonlat, first, second = fields
    with pytest.raises(ValueError, match=r"shape \(120, 6\) but second \(120, 5\). Must be equal: bring both into one"):
        cross_variogram(lonlat, first, second[:, :5], BINS)
    with pytest.raises(ValueError, match="second has 119 rows but first has 120"):
        cross_variogram(lonlat, first, second[1:], BINS)
    with pytest.raises(ValueError, match="second has 1 zero vectors"):
        cross_variogram(lonlat, first, np.where(np.arange(120)[:, None] == 4, 0, second), BINS)


def test_a_value_of_parts_that_do_not_belong_together_is_refused(fields):
    lonlat, first, second = fields
    cross = cross_variogram(lonlat, first, second, BINS)
    other = empirical_variogram(lonlat, first, LagBins([0, 2000]))
    with pytest.raises(ValueError, match="Invalid second of other bins, metric or pairs than first"):
        dataclasses.replace(cross, second=other)
    fewer = empirical_variogram(lonlat[:50], first[:50], BINS)
    with pytest.raises(ValueError, match="Invalid sum of other bins"):
        dataclasses.replace(cross, sum=fewer)
    with pytest.raises(TypeError, match="Invalid first of type int"):
        CrossVariogram(1, cross.second, cross.sum)
    with pytest.raises(ValueError, match=r"Invalid factor '0\.0'"):
        dataclasses.replace(cross, factor=0)
