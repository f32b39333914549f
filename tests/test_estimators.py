"""Spread, quantiles and the robust estimate against every pair, their textbooks and closed forms."""

import numpy as np
import pytest
import reference
from engines import chosen, sums_by
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import LagBins, empirical_variogram, variogram_from_pairs
from variogeo.synthetic import uniform_lonlat

BINS = LagBins([0, 300, 2000, 9000, 20_016])


def pairs_by_bin(lonlat, values, dissimilarity, bins=BINS):
    """Return the terms of all pairs of each bin, bin 0 first."""
    lags = reference.lags_of_all_pairs(lonlat, "geodesic")
    terms = reference.terms_of_all_pairs(values, dissimilarity)
    position = np.where(lags > 0, np.searchsorted(bins.edges, lags, side="left"), 0)
    return [terms[position == k] for k in range(len(bins) + 1)]


@pytest.mark.parametrize("float32", [False, True])
@pytest.mark.parametrize("rows", [64, 1024])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_squares_roots_and_histogram_equal_those_of_every_pair(scattered, dissimilarity, rows, float32):
    lonlat, values = scattered[0], scattered[1].astype(np.float32)
    sums = sums_by("blocked", lonlat, values, BINS, dissimilarity=dissimilarity, rows=rows, float32=float32)
    by_bin = pairs_by_bin(lonlat, values, dissimilarity)
    largest = max(terms.max() for terms in by_bin)
    tolerance = 1e-8 if float32 else 1e-12
    means = [[(terms**power).mean() for terms in by_bin] for power in (2, 0.25)]
    np.testing.assert_allclose(sums.term_squared / sums.npairs, means[0], rtol=0, atol=tolerance * largest**2)
    np.testing.assert_allclose(sums.term_root / sums.npairs, means[1], rtol=1e-6 if float32 else 1e-11)
    counts = np.bincount(sums.histogram.bin, sums.histogram.npairs, len(sums.npairs))
    assert counts.tolist() == sums.npairs.tolist()
    found = sums.histogram.quantiles(np.array([0.1, 0.5, 0.9]))
    expected = [np.quantile(terms, [0.1, 0.5, 0.9]) for terms in by_bin]
    np.testing.assert_allclose(found[1:], expected[1:], rtol=0.03)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-20, 1e-3, 1.0, 1e12]), width=st.integers(1, 9))
def test_quantiles_are_within_a_cell_of_those_of_every_pair(seed, scale, width):
    random = np.random.default_rng(seed)
    lonlat, values = uniform_lonlat(150, seed=seed), scale * random.normal(size=(150, width))
    empirical = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared")
    probabilities = np.array([0.05, 0.25, 0.5, 0.95])
    by_bin = pairs_by_bin(lonlat, values, "half_squared")[1:]
    for found, terms in zip(empirical.quantiles(probabilities), by_bin, strict=True):
        if not terms.size:
            assert np.isnan(found).all()
            continue
        below, above = (np.quantile(terms, probabilities, method=how) for how in ("lower", "higher"))
        smallest = 2.0**-25 * terms.max()  # below 26 octaves all is in one cell
        assert (found >= 0.968 * below - smallest).all()
        assert (found <= 1.032 * above + smallest).all()


def test_the_robust_estimate_of_scalars_is_the_textbooks(scattered):
    """Cressie and Hawkins (1980): the fourth power of the mean root of the differences over 2 times 0.457."""
    lonlat, values = scattered[0], scattered[1][:, 0]
    empirical = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared")
    by_bin = pairs_by_bin(lonlat, values, "half_squared")[1:]
    textbook = [np.sqrt(np.sqrt(2 * terms)).mean() ** 4 / 2 / 0.457 for terms in by_bin]
    np.testing.assert_allclose(empirical.cressie_hawkins(1), textbook, rtol=2e-4)
    # Their constant to more digits: 2 Gamma(3/4)^4 / pi^2.
    exact = 2 * 1.2254167024651776**4 / np.pi**2
    np.testing.assert_allclose(np.array(textbook) * 0.457 / exact, empirical.cressie_hawkins(1), rtol=1e-11)


def test_what_needs_each_pair_is_refused_without_spread(scattered):
    lonlat, values = scattered[0][:100], scattered[1][:100]
    for engine in ("blocked", "tree"):
        with chosen(engine):
            means = empirical_variogram(lonlat, values, BINS, spread=False)
        assert np.isnan(means.spread).all()
        assert np.isnan(means.colocated.spread)
        with pytest.raises(ValueError, match=r"made with spread=False or weights, which keep no quantiles\."):
            means.quantiles()
        with pytest.raises(ValueError, match=r"keep no sum of roots\. Make it with neither\."):
            means.cressie_hawkins(1)
        full = empirical_variogram(lonlat, values, BINS)
        for one, other in ((means, full), (full, means)):
            with pytest.raises(ValueError, match=r"with and without spread do not add"):
                one + other
        assert (means + means).npairs.tolist() == (full + full).npairs.tolist()


def test_a_probability_or_a_dimension_out_of_bounds_is_refused():
    empirical = variogram_from_pairs([1.0], [0.5], LagBins([0, 2]))
    for probabilities in ([1.5], [-0.1], [np.nan], 0.5):
        with pytest.raises(ValueError, match="Invalid probabilities"):
            empirical.quantiles(probabilities)
    with pytest.raises(ValueError, match=r"Invalid dimension '0\.5'\. Must be at least 1\."):
        empirical.cressie_hawkins(0.5)


def test_an_empty_bin_has_neither_quantiles_nor_a_robust_estimate():
    empirical = variogram_from_pairs([1.0, 5.0], [0.5, 0.5], LagBins([0, 2, 3, 6]))
    assert np.isnan(empirical.quantiles([0.5])[:, 0]).tolist() == [False, True, False]
    assert np.isnan(empirical.cressie_hawkins(2)).tolist() == [False, True, False]
