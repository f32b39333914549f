"""The lag-stratified pair sample against all pairs, its error against many seeds, and its arguments."""

import dataclasses
import itertools
import re
import tracemalloc

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import variogeo
from variogeo import LagBins, _estimators, empirical_variogram
from variogeo._distances import lag_error, lag_of_pairs, prepare_points
from variogeo._engine._sums import bin_positions, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._engine.sampling import _candidates as candidates
from variogeo._engine.sampling import _sample as sampling
from variogeo._engine.sampling._sample import PairSample, sample_pairs
from variogeo._pairs import PairSampling, StratifiedPairs
from variogeo.synthetic import uniform_lonlat

METRICS = ["geodesic", "great_circle", "chord"]
EDGES = [0.5, 20, 300, 2000, 9000, 20_004]
ALL = StratifiedPairs(10_000_000, seed=0)


def difficult_lonlat():
    """250 points, uniform, at metres, nearly antipodal, at the poles, across the antimeridian and repeated."""
    random = np.random.default_rng(11)
    lonlat = uniform_lonlat(250, seed=11)
    lonlat[50:90] = lonlat[:40] + 10.0 ** random.uniform(-6, 0, (40, 1)) * random.normal(size=(40, 2))
    lonlat[90:120] = lonlat[:30] * [1, -1] + [180, 0] + 10.0 ** random.uniform(-6, 0, (30, 1))
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    lonlat[:, 1] = np.clip(lonlat[:, 1], -90, 90)
    lonlat[120:128] = [(180, 10), (-180, 10), (179.999, 10), (0, 90), (77, 90), (5, -90), (12, 48), (12, 48)]
    lonlat[130:145] = lonlat[129]
    return lonlat


class EveryPair:
    """All pairs of some points, the slow way."""

    def __init__(self, lonlat, metric="geodesic"):
        self.points = prepare_points(lonlat, metric)
        self.first, self.second = np.triu_indices(len(lonlat), 1)
        self.lag = lag_of_pairs(self.points, self.first, self.second)

    def of_bin(self, low, high):
        """Return the pairs of a bin as a set."""
        inside = (self.lag > low) & (self.lag <= high)
        return set(zip(self.first[inside].tolist(), self.second[inside].tolist(), strict=True))

    def counts(self, bins):
        """Return the number of pairs per position."""
        return np.bincount(bin_positions(self.lag, bins), minlength=len(bins) + 2)[:-1]


DIFFICULT = {metric: EveryPair(difficult_lonlat(), metric) for metric in METRICS}


def pairs_per_position(sample, bins):
    """Return the sampled pairs of each position as a list of sets."""
    position = bin_positions(sample.lag, bins)
    rows = [(sample.first[position == k], sample.second[position == k]) for k in range(len(bins) + 1)]
    return [set(zip(first.tolist(), second.tolist(), strict=True)) for first, second in rows]


def standard_error(sample, term, bins):
    """Return the standard error of each position, as `EmpiricalVariogram.standard_error` has it."""
    sums = sums_of_pairs(sample.lag, term, bins)
    return _estimators.error_of_sampling(sums, np.nan_to_num(sample.population))


def test_the_value_is_its_constructor_call():
    pairs = StratifiedPairs(2e6, np.int64(3))
    assert pairs == StratifiedPairs(2_000_000, seed=3)
    assert repr(pairs) == "StratifiedPairs(count=2000000, seed=3)"
    assert eval(repr(pairs)) == pairs
    assert len({pairs, StratifiedPairs(2_000_000, 3), StratifiedPairs(2_000_000, 4)}) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1, 0), ValueError, "Invalid count '1'. Must be a whole number of at least 2."),
        ((100.5, 0), ValueError, "Invalid count '100.5'. Must be a whole number of at least 2."),
        ((np.inf, 0), ValueError, "Invalid count 'inf'. Must be finite."),
        (("many", 0), TypeError, "Invalid count 'many'. Must be a number."),
        ((100, -1), ValueError, "Invalid seed '-1'. Must be a whole number of at least 0."),
        ((100, 0.5), ValueError, "Invalid seed '0.5'. Must be a whole number of at least 0."),
        ((100, None), TypeError, "Invalid seed None. Must be a number."),
        ((100, True), TypeError, "Invalid seed True. Must be a number."),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error) as caught:
        StratifiedPairs(*arguments)
    assert str(caught.value) == message


def test_a_count_too_small_for_the_bins_is_refused():
    points = DIFFICULT["geodesic"].points
    with pytest.raises(ValueError, match=r"Invalid count '9'\. Must be at least two pairs for each bin: 10\."):
        sample_pairs(points, LagBins(EDGES), StratifiedPairs(9, 0))
    assert len(sample_pairs(points, LagBins(EDGES), StratifiedPairs(10, 0)).lag) == 12


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_a_count_above_all_pairs_gives_the_double_loop(scattered, metric, dissimilarity):
    lonlat, values = scattered[0][:90], scattered[1][:90]
    counts, lag, semivariance, _, zero = reference.variogram(lonlat, values, EDGES, metric, dissimilarity)
    bins = LagBins(EDGES)
    sample = sample_pairs(prepare_points(lonlat, metric), bins, ALL)
    term = Terms.of(values, dissimilarity).of_pairs(sample.first, sample.second)
    position = bin_positions(sample.lag, bins)
    assert sample.complete.all()
    assert sample.population.tolist() == np.bincount(position).tolist() == [zero, *counts]
    np.testing.assert_allclose(np.bincount(position, sample.lag)[1:], np.nan_to_num(lag * counts), rtol=1e-7)
    np.testing.assert_allclose(np.bincount(position, term)[1:], np.nan_to_num(semivariance * counts), atol=1e-10)
    error = standard_error(sample, term, bins)
    assert np.where(sample.population > 0, error == 0, np.isnan(error)).all()


@pytest.mark.parametrize("metric", METRICS)
@given(
    edges=st.lists(st.floats(0, 20_040), min_size=2, max_size=6, unique=True).map(sorted),
    most_nodes=st.sampled_from([2**20, 30]),
)
@settings(max_examples=25, deadline=None)
def test_all_pairs_of_any_bins_are_found(metric, edges, most_nodes):
    every, bins = DIFFICULT[metric], LagBins(edges)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "MOST_NODE_PAIRS", most_nodes)
        sample = sample_pairs(every.points, bins, ALL)
    expected = [every.of_bin(-1, 0), *(every.of_bin(low, high) for low, high in itertools.pairwise(edges))]
    assert pairs_per_position(sample, bins) == expected
    assert sample.population.tolist() == every.counts(bins).tolist()
    exact = lag_of_pairs(every.points, sample.first, sample.second)
    assert (np.abs(sample.lag - exact) <= lag_error(exact, metric)).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("lag", [0.001, 0.3, 1234.5, 9_999.0, 15_000.0, 18_999.5, 19_500.0])
def test_a_bin_around_one_pair_holds_that_pair(metric, lag):
    every = DIFFICULT[metric]
    nearest = int(np.argmin(np.abs(every.lag - (lag if metric != "chord" else lag * 0.6))))
    exact = float(every.lag[nearest])
    bins = LagBins([np.nextafter(exact, 0), exact])
    sample = sample_pairs(every.points, bins, ALL)
    assert (int(every.first[nearest]), int(every.second[nearest])) in pairs_per_position(sample, bins)[1]


@pytest.mark.parametrize("count", [25, 600])
def test_every_pair_of_a_bin_is_equally_likely(count):
    # Few pairs are drawn at random, many are chosen from all candidates.
    every, bins = EveryPair(difficult_lonlat()[40:90]), LagBins([0.0, 1000.0, 4000.0, 8000.0, 13_000.0, 20_004.0])
    quota, seeds, counts = count // 5, 300, every.counts(bins)
    seen = np.zeros((50, 50), int)
    for seed in range(seeds):
        sample = sample_pairs(every.points, bins, StratifiedPairs(count, seed))
        np.add.at(seen, (sample.first, sample.second), 1)
        assert np.bincount(bin_positions(sample.lag, bins)).tolist() == np.minimum(counts, quota).tolist()
    position = bin_positions(every.lag, bins)
    for k in range(2, 6):
        times, share = seen[every.first, every.second][position == k], quota / counts[k]
        # A multivariate hypergeometric count per seed: its quadratic form is chi squared with N - 1 degrees.
        statistic = ((times - seeds * share) ** 2).sum() / (seeds * share * (1 - share)) * (1 - 1 / counts[k])
        assert 1e-3 < stats.chi2.sf(statistic, counts[k] - 1) < 1 - 1e-3


@pytest.fixture(scope="module")
def repeated(photos):
    """Exact semivariances of the photos, and the estimates of 200 seeds with their standard errors."""
    lonlat, embeddings = photos
    every, bins = EveryPair(lonlat), LagBins.logarithmic(20, 20_004, 6)
    position = bin_positions(every.lag, bins)
    terms = Terms.of(embeddings, "cosine")
    term = terms.of_pairs(every.first, every.second)
    inside = position <= len(bins)
    exact = np.bincount(position[inside], term[inside])[1:] / np.bincount(position[inside])[1:]
    estimates, errors, populations = [], [], []
    for seed in range(200):
        sample = sample_pairs(every.points, bins, StratifiedPairs(6 * 40, seed))
        sampled = bin_positions(sample.lag, bins)
        term = terms.of_pairs(sample.first, sample.second)
        estimates.append(np.bincount(sampled, term)[1:] / np.bincount(sampled)[1:])
        errors.append(standard_error(sample, term, bins)[1:])
        populations.append(sample.population[1:])
    return exact, np.array(estimates), np.array(errors), np.array(populations), every.counts(bins)[1:]


def test_the_estimates_are_unbiased(repeated):
    exact, estimates, _, _, _ = repeated
    z = (estimates.mean(axis=0) - exact) / (estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates)))
    assert np.abs(z).max() < 3.5
    assert np.sqrt((z**2).mean()) < 1.7


def test_the_standard_error_is_calibrated(repeated):
    exact, estimates, errors, _, counts = repeated
    z = (estimates - exact) / errors
    assert counts.min() > 60
    assert ((z.std(axis=0) > 0.8) & (z.std(axis=0) < 1.25)).all()


def test_the_number_of_pairs_is_estimated_where_it_is_not_counted(repeated):
    _, _, _, populations, counts = repeated
    bias = populations.mean(axis=0) / counts - 1
    noise = populations.std(axis=0) / counts
    assert (np.abs(bias) <= 4 * noise / np.sqrt(len(populations)) + 0.02).all()
    assert noise.max() < 0.3


def test_the_choice_follows_the_seed():
    points, bins = DIFFICULT["geodesic"].points, LagBins(EDGES)
    samples = [sample_pairs(points, bins, StratifiedPairs(500, seed)) for seed in (4, 4, 5)]
    assert samples[0].first.tolist() == samples[1].first.tolist()
    assert samples[0].second.tolist() == samples[1].second.tolist()
    assert samples[0].lag.tolist() == samples[1].lag.tolist()
    assert pairs_per_position(samples[0], bins)[3] != pairs_per_position(samples[2], bins)[3]


def test_no_pair_comes_twice_and_the_bins_share_the_count_evenly():
    points, bins = prepare_points(uniform_lonlat(3000, seed=2), "geodesic"), LagBins.linear(0, 15_000, 10)
    sample = sample_pairs(points, bins, StratifiedPairs(20_000, 1))
    assert [len(pairs) for pairs in pairs_per_position(sample, bins)] == [0, *[2000] * 10]
    assert len(sample.lag) == 20_000
    assert (sample.first < sample.second).all()
    assert not any(getattr(sample, name).flags.writeable for name in PairSample.__dataclass_fields__)


def test_rare_pairs_at_a_metre_and_at_the_antipode_are_all_found():
    lonlat = uniform_lonlat(20_000, seed=5)
    lonlat[19_980:19_990] = lonlat[:10] + np.array([0.0, 1e-5])  # 1.1 m
    lonlat[19_990:] = lonlat[:10] * [1, -1] + [180, 0]  # 20 003.93 km along a meridian
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    bins = LagBins([0.0005, 0.002, 5000.0, 20_003.92, 20_004.0])
    sample = sample_pairs(prepare_points(lonlat, "geodesic"), bins, StratifiedPairs(400, 0))
    metre, antipode = pairs_per_position(sample, bins)[1], pairs_per_position(sample, bins)[4]
    assert metre == {(k, 19_980 + k) for k in range(10)}
    assert antipode >= {(k, 19_990 + k) for k in range(10)}
    assert sample.complete.tolist() == [True, True, False, False, True]
    assert sample.population[2] == pytest.approx(20_000**2 / 2 * np.sin(2500 / 6371) ** 2, rel=0.3)


def test_a_place_of_many_photos_fills_bin_0_only():
    lonlat = np.repeat([[12.0, 48.0], [13.0, 48.0]], [1500, 2], axis=0)
    bins = LagBins([0, 1, 100])
    sample = sample_pairs(prepare_points(lonlat, "geodesic"), bins, StratifiedPairs(200, 0))
    assert sample.population[[0, 1]].tolist() == [1500 * 1499 / 2 + 1, 0]
    assert sample.population[2] == pytest.approx(3000, rel=0.2)
    assert [len(pairs) for pairs in pairs_per_position(sample, bins)] == [100, 0, 100]
    assert (sample.lag[:100] == 0).all()


def test_one_place_in_two_spellings_is_at_lag_zero():
    lonlat = np.array([[180.0, 10], [-180, 10], [0, 90], [77, 90], [5, -90]])
    sample = sample_pairs(prepare_points(lonlat, "geodesic"), LagBins([0, 20_004]), ALL)
    assert pairs_per_position(sample, LagBins([0, 20_004]))[0] == {(0, 1), (2, 3)}
    assert sample.population.tolist() == [2, 8]


def test_the_layout_of_the_coordinates_changes_nothing():
    lonlat, bins = difficult_lonlat(), LagBins(EDGES)
    ordered = [sample_pairs(prepare_points(np.array(lonlat, order=o), "geodesic"), bins, ALL) for o in "CF"]
    assert ordered[0].first.tolist() == ordered[1].first.tolist()
    assert ordered[0].population.tolist() == ordered[1].population.tolist()


def test_a_bin_that_stays_incomplete_says_so(monkeypatch):
    monkeypatch.setattr(sampling, "MOST_LOOKED_AT", 2000)
    monkeypatch.setattr(candidates, "MOST_NODE_PAIRS", 100)
    every = EveryPair(uniform_lonlat(400, seed=8))
    bins = LagBins([3000.0, 3080.0, 3080.0001])
    found, populations = [], []
    for seed in range(60):
        sample = sample_pairs(every.points, bins, StratifiedPairs(200, seed))
        pairs = pairs_per_position(sample, bins)
        assert pairs[1] <= every.of_bin(3000, 3080)
        found.append(len(pairs[1]))
        populations.append(sample.population[1])
        assert not sample.complete[1:].any()
        assert np.isnan(sample.population[2])
        errors = standard_error(sample, np.arange(len(sample.lag), dtype=float), bins)
        assert np.isfinite(errors[1]) == (len(pairs[1]) > 1)
        assert np.isnan(errors[2])
    assert np.mean(found) < 80 < 100 < len(every.of_bin(3000, 3080)) < 200
    known = np.nan_to_num(populations)
    assert known.mean() == pytest.approx(len(every.of_bin(3000, 3080)), abs=4 * known.std() / np.sqrt(60))


def test_the_standard_error_of_four_pairs_is_what_the_formula_says():
    lag, term = [0.5, 1.5, 1.5, 1.5, 1.5, 2.5, 0.0, 0.0], [9.0, 1.0, 2.0, 3.0, 4.0, 7.0, 1.0, 2.0]
    sums = sums_of_pairs(np.array(lag), np.array(term), LagBins([0, 1, 2, 3, 4]))
    error = _estimators.error_of_sampling(sums, np.array([2.0, 1.0, 10.0, 50.0, 0.0]))
    # The variance of 1, 2, 3, 4 is 5/3; 4 of 10 pairs are known: sqrt(5/3 / 4 * 6/10) = 1/2.
    np.testing.assert_allclose(error, [0, 0, 0.5, np.nan, np.nan])


@pytest.fixture
def sampled(photos):
    """Return a variogram of at most 100 pairs per bin, and one of all pairs."""
    bins = LagBins.logarithmic(20, 20_004, 6)
    pairs = StratifiedPairs(600, seed=1)
    return empirical_variogram(*photos, bins, pairs=pairs), empirical_variogram(*photos, bins)


def test_a_sampled_variogram_is_all_pairs_when_its_count_is_large(photos):
    bins = LagBins.logarithmic(20, 20_004, 6)
    for options in ({}, {"dissimilarity": "half_squared", "metric": "chord"}):
        sampled = empirical_variogram(*photos, bins, pairs=ALL, **options)
        whole = empirical_variogram(*photos, bins, **options)
        assert sampled.npairs.tolist() == whole.npairs.tolist()
        assert sampled.colocated.npairs == whole.colocated.npairs
        np.testing.assert_allclose(sampled.semivariance, whole.semivariance, rtol=1e-12)
        np.testing.assert_allclose(sampled.spread, whole.spread, rtol=1e-9)
        np.testing.assert_allclose(sampled.lag, whole.lag, rtol=1e-7)
        np.testing.assert_allclose(sampled.quantiles(), whole.quantiles(), rtol=1e-12)
        assert sampled.sill_apriori == whole.sill_apriori
        assert (sampled.standard_error == 0).all()
        assert sampled.sampling.population[1:].tolist() == whole.npairs.tolist()


def test_a_sampled_variogram_has_its_pairs_and_its_error(photos, sampled):
    sample, whole = sampled
    assert sample.npairs.tolist() == [100] * 6
    assert sample.sampling.pairs == StratifiedPairs(600, seed=1)
    assert (np.abs(sample.semivariance - whole.semivariance) < 4 * sample.standard_error).all()
    population = sample.sampling.population[1:]
    # By hand: the standard deviation of a sample divides by m - 1.
    by_hand = sample.spread * np.sqrt(100 / 99) / 10 * np.sqrt(1 - 100 / population)
    np.testing.assert_allclose(sample.standard_error, by_hand, rtol=1e-12)
    assert (whole.standard_error == 0).all()
    assert sample == empirical_variogram(*photos, sample.bins, pairs=StratifiedPairs(600, seed=1))
    assert sample != empirical_variogram(*photos, sample.bins, pairs=StratifiedPairs(600, seed=2))


def test_an_empty_bin_has_no_standard_error():
    empirical = empirical_variogram([[0, 0], [1, 0]], np.eye(2), LagBins([0, 50, 200]))
    np.testing.assert_array_equal(empirical.standard_error, [np.nan, 0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spread": False}, "Invalid spread=False with sampled pairs"),
        ({"executor": object()}, "Invalid executor or resume with sampled pairs"),
        ({"resume": "folder"}, "Invalid executor or resume with sampled pairs"),
        ({"pairs": "some"}, "Invalid pairs 'some'. Must be StratifiedPairs(count, seed), or 'all'."),
        ({"pairs": 1000}, "Invalid pairs 1000. Must be"),
    ],
)
def test_what_a_sample_cannot_do_is_refused(photos, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        empirical_variogram(*photos, LagBins([0, 20_004]), **{"pairs": ALL, **options})


def test_sampled_variograms_do_not_add(sampled):
    sample, whole = sampled
    for one, other in ((sample, sample), (sample, whole), (whole, sample)):
        with pytest.raises(ValueError, match=r"of sampled pairs do not add: a pair could count twice\."):
            one + other


def test_a_sampled_variogram_is_equal_after_loading(sampled, tmp_path):
    sample, whole = sampled
    sample.save(tmp_path / "sample.json")
    loaded = variogeo.load(tmp_path / "sample.json")
    assert loaded == sample != whole
    assert loaded.sampling == sample.sampling
    np.testing.assert_array_equal(loaded.standard_error, sample.standard_error)


@pytest.mark.parametrize("population", [[1.0, -1.0], [1.0, np.nan], [np.inf, 1.0], [[1.0, 2.0]]])
def test_a_population_that_counts_nothing_is_refused(population):
    with pytest.raises(ValueError, match=r"Invalid population\. Must be one finite number per bin, not negative\."):
        PairSampling(ALL, population)


def test_a_population_belongs_to_the_bins(sampled):
    sample, _ = sampled
    with pytest.raises(ValueError, match="sampling has 2 positions but bins needs 7"):
        dataclasses.replace(sample, sampling=PairSampling(ALL, [1.0, 2.0]))


def test_the_choice_of_pairs_is_a_value(sampled):
    sampling = sampled[0].sampling
    assert sampling == PairSampling(sampling.pairs, sampling.population.tolist())
    assert sampling != PairSampling(ALL, sampling.population)
    assert sampling != PairSampling(sampling.pairs, sampling.population + 1)
    assert sampling != sampling.pairs
    with pytest.raises(ValueError, match="read-only"):
        sampling.population[0] = 1


def test_memory_grows_with_the_points_and_the_sample_and_not_with_the_pairs():
    points, bins = prepare_points(uniform_lonlat(30_000, seed=1), "geodesic"), LagBins.logarithmic(1, 20_004, 6)
    sample_pairs(points[:100], bins, StratifiedPairs(1000, 0))
    tracemalloc.start()
    sample = sample_pairs(points, bins, StratifiedPairs(30_000, 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sample.lag) > 20_000
    assert peak < 40e6  # one byte for each of the 450 million pairs would be 450 MB
