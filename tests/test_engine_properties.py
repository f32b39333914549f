"""Both engines on random points, bins, values and orders: every pair once, in its bin."""

import numpy as np
import pytest
import reference
from engines import ENGINES, assert_sums, sums_by
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import LagBins
from variogeo._distances import lag_error, lag_of_pairs, prepare_points
from variogeo._engine import Terms
from variogeo.synthetic import uniform_lonlat

METRICS = ["geodesic", "great_circle", "chord"]
SEEDS = st.integers(0, 2**32 - 1)
LAG = st.one_of(st.floats(0, 20_020), st.floats(-9, 4.3).map(lambda power: 10.0**power), st.floats(19_000, 20_004))


@st.composite
def places(draw):
    """20 to 90 points: anywhere, at the same place, near each other or near the antipode of each other."""
    count, seed = draw(st.integers(20, 90)), draw(SEEDS)
    random = np.random.default_rng(seed)
    lonlat = uniform_lonlat(count, seed=seed)
    kind, of = random.integers(0, 5, count), random.integers(0, max(1, count // 4), count)
    away = 10 ** random.uniform(-9, 0, (count, 1)) * random.normal(size=(count, 2))
    lonlat = np.where((kind == 1)[:, None], lonlat[of], lonlat)
    lonlat = np.where((kind == 2)[:, None], lonlat[of] + away, lonlat)
    lonlat = np.where((kind == 3)[:, None], lonlat[of] * [1, -1] + [180, 0] + away, lonlat)
    lonlat[kind == 4, 1] = draw(st.sampled_from([90.0, -90.0, 0.0, 89.9999999, 12.0]))
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    lonlat[:, 1] = np.clip(lonlat[:, 1], -90, 90)
    return lonlat


@st.composite
def lag_bins(draw):
    """Bins of all widths: some edges anywhere, and perhaps many narrow bins from one of them on."""
    edges = set(draw(st.lists(LAG, min_size=2, max_size=8, unique=True)))
    if draw(st.booleans()):
        start, width = draw(LAG), draw(st.sampled_from([1e-6, 1e-3, 0.5, 30.0]))
        edges |= set((start + width * np.arange(draw(st.integers(1, 200)))).tolist())
    return LagBins(sorted(edges))


def all_lags(lonlat, metric):
    """Return the lag of each pair: on the ellipsoid by pyproj, otherwise as exactly as unit vectors have it."""
    if metric == "geodesic":
        return reference.lags_of_all_pairs(lonlat, metric)
    return lag_of_pairs(prepare_points(lonlat, metric), *np.triu_indices(len(lonlat), 1))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25, deadline=None)
@given(
    lonlat=places(),
    bins=lag_bins(),
    seed=SEEDS,
    width=st.integers(1, 9),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    dissimilarity=st.sampled_from(["cosine", "half_squared"]),
    rows=st.sampled_from([8, 24, 1024]),
)
def test_every_pair_is_in_its_bin_with_its_term(metric, lonlat, bins, seed, width, dtype, dissimilarity, rows):
    values = np.random.default_rng(seed).normal(0.3, 1, (len(lonlat), width)).astype(dtype)
    largest = Terms.of(values, dissimilarity).largest
    terms = reference.terms_of_all_pairs(values, dissimilarity)
    counts, lag, term = reference.counts_and_means(all_lags(lonlat, metric), terms, bins.edges)
    bound = lag_error(lag, metric) / np.maximum(lag, 1e-300)
    for engine in ENGINES:
        sums = sums_by(engine, lonlat, values, bins, metric, dissimilarity, rows=rows)
        assert_sums(sums, (counts, lag, term), lag_error=bound, term_error=1e-10 * max(1, largest))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25, deadline=None)
@given(lonlat=places(), bins=lag_bins(), seed=SEEDS, dtype=st.sampled_from([np.float16, np.float32]))
def test_float32_products_move_no_pair_and_hardly_a_term(metric, lonlat, bins, seed, dtype):
    values = np.random.default_rng(seed).normal(0.3, 1, (len(lonlat), 64)).astype(dtype)
    terms = reference.terms_of_all_pairs(values, "cosine")
    counts, lag, term = reference.counts_and_means(all_lags(lonlat, metric), terms, bins.edges)
    bound = lag_error(lag, metric) / np.maximum(lag, 1e-300)
    for engine in ENGINES:
        sums = sums_by(engine, lonlat, values, bins, metric, rows=24, float32=True)
        # Of 2, the largest there is.
        assert_sums(sums, (counts, lag, term), lag_error=bound, term_error=2e-8)
