import dataclasses

import numpy as np
import pytest
from reference import lag, term

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo._distances import prepare_points
from variogeo._engine import Terms
from variogeo._engine.tiles import Tiles
from variogeo.inference import PermutationEnvelope, envelope, permutation_test
from variogeo.inference import _place_pairs as place_pairs
from variogeo.inference._place_pairs import PlacePairs
from variogeo.synthetic import gaussian_field, uniform_lonlat

BINS = LagBins([0, 800, 2500, 6000, 20_100])


@pytest.fixture(scope="module")
def several():
    """40 places with one to four photos each, in random order of rows, and their embeddings."""
    random = np.random.default_rng(4)
    places = uniform_lonlat(40, seed=4)
    rows = random.permutation(np.repeat(np.arange(40), random.integers(1, 5, 40)))
    return places[rows], random.normal(1, 1, (len(rows), 6)), rows


def curve_by_hand(places, rows, values, edges, metric, dissimilarity):
    """Semivariance per bin where row r lies at place ``rows[r]``."""
    sums, counts = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    for i in range(len(rows)):
        for j in range(i):
            h = lag(metric, places[rows[i]], places[rows[j]])
            for k in range(len(edges) - 1):
                if rows[i] != rows[j] and edges[k] < h <= edges[k + 1]:
                    sums[k] += term(dissimilarity, values[i], values[j])
                    counts[k] += 1
    return sums / counts


@pytest.mark.parametrize(("metric", "dissimilarity"), [("geodesic", "cosine"), ("chord", "half_squared")])
def test_a_permutation_moves_all_photos_of_a_place_together(several, metric, dissimilarity):
    lonlat, values, rows = several
    points = prepare_points(lonlat, metric)
    pairs = PlacePairs.of(points, Terms.of(values, dissimilarity), BINS)
    permutation = np.random.default_rng(5).permutation(40)
    sums, counts = pairs.sums(np.array([np.arange(40), permutation], np.uint16))
    curves = sums / counts
    # The places of PlacePairs in its own order: the sorted distinct places, in spatial order.
    distinct = np.unique(points.lonlat, axis=0)
    order = Tiles.of(prepare_points(distinct, metric), BINS).blocks.order
    places = distinct[order]
    number = np.array([np.flatnonzero((places == points.lonlat[row]).all(axis=1))[0] for row in range(len(rows))])
    # Place i gets what place p[i] had, so what is at place a goes to the place i with p[i] = a.
    goes_to = np.argsort(permutation)
    for curve, where in zip(curves, (number, goes_to[number]), strict=True):
        by_hand = curve_by_hand(places, where, values, BINS.edges, metric, dissimilarity)
        np.testing.assert_allclose(curve, by_hand, rtol=1e-6)


@pytest.mark.parametrize("metric", ["geodesic", "great_circle", "chord"])
def test_the_observed_curve_is_the_empirical_variogram(several, metric):
    lonlat, values, _ = several
    result = permutation_test(lonlat, values, BINS, metric=metric, permutations=19)
    empirical = empirical_variogram(lonlat, values, BINS, metric=metric)
    np.testing.assert_allclose(result.semivariance, empirical.semivariance, rtol=1e-6)
    np.testing.assert_allclose(result.lag, empirical.lag, rtol=3e-6)


def test_the_observed_curve_of_many_blocks_and_short_bins_is_the_empirical_variogram(known_field):
    # 1 500 places in blocks of 512, with bins that leave whole blocks out.
    lonlat, values, _ = known_field
    bins = LagBins.logarithmic(100, 2000, 12)
    result = permutation_test(lonlat, values.astype(np.float32), bins, permutations=19)
    empirical = empirical_variogram(lonlat, values.astype(np.float32), bins)
    np.testing.assert_allclose(result.semivariance, empirical.semivariance, rtol=1e-6)
    np.testing.assert_allclose(result.lag, empirical.lag, rtol=1e-7)
    assert result.p_value == 0.05  # 1 / (19 + 1): the field has structure
    assert np.isfinite(result.curves).all()


def test_scalars_and_places_with_as_many_photos_each_are_exchanged_too():
    # Two photos at each of 30 places: the number of pairs is the same in every permutation.
    lonlat = np.repeat(uniform_lonlat(30, seed=8), 2, axis=0)
    values = np.random.default_rng(8).normal(100, 3, 60)
    result = permutation_test(lonlat, values, BINS, dissimilarity="half_squared", permutations=99)
    empirical = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared")
    np.testing.assert_allclose(result.semivariance, empirical.semivariance, rtol=1e-6)
    # All pairs are in some bin, so the pairs' mean over all bins is the same in every permutation.
    totals = result.curves @ empirical.npairs
    np.testing.assert_allclose(totals, empirical.npairs @ empirical.semivariance, rtol=1e-6)


def test_the_same_seed_gives_the_same_result_on_any_number_of_threads(several, monkeypatch):
    lonlat, values, _ = several
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("variogeo.inference._permutation.usable_cores", lambda threads=threads: threads)
        results.append(permutation_test(lonlat, values, BINS, permutations=99, seed=5))
    assert (results[0].curves == results[1].curves).all()
    assert (results[0].curves == results[2].curves).all()
    other = permutation_test(lonlat, values, BINS, permutations=99, seed=6)
    assert (results[0].curves != other.curves).any()


def test_a_field_with_structure_is_found_and_white_noise_is_not():
    lonlat = uniform_lonlat(200, seed=1)
    model = Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0)
    found = permutation_test(lonlat, gaussian_field(lonlat, model, dimensions=16, seed=1), BINS, permutations=199)
    noise = permutation_test(lonlat, np.random.default_rng(3).normal(size=(200, 16)), BINS, permutations=199)
    assert found.p_value == 0.005
    assert found.outside[0]
    assert found.semivariance[0] < found.low[0]
    assert noise.p_value > 0.05
    assert not noise.outside.any()


def test_likeness_within_places_alone_is_no_autocorrelation():
    # Photos of a place are alike, places are independent. Single photos exchanged would always reject.
    random = np.random.default_rng(2)
    p = []
    for seed in range(20):
        lonlat = np.repeat(uniform_lonlat(30, seed=seed), 4, axis=0)
        values = np.repeat(random.normal(size=(30, 4)), 4, axis=0) + 0.1 * random.normal(size=(120, 4))
        p.append(permutation_test(lonlat, values, BINS, permutations=99).p_value)
    # At 5 %, more than 5 of 20 have a chance of 3e-4.
    assert np.sum(np.array(p) <= 0.05) <= 5


def test_constant_values_are_not_significant():
    result = permutation_test(uniform_lonlat(30, seed=0), np.ones((30, 3)), BINS, permutations=19)
    assert result.semivariance.tolist() == [0, 0, 0, 0]
    assert result.p_value == 1


def test_the_result_is_the_envelope_of_its_curves(several):
    lonlat, values, _ = several
    bins = LagBins([0, 1e-6, 800, 20_100])  # the first bin is empty
    result = permutation_test(lonlat, values, bins, permutations=39, seed=2)
    assert isinstance(result, PermutationEnvelope)
    assert (result.permutations, result.level, result.seed) == (39, 0.95, 2)
    expected = envelope(result.semivariance, result.curves)
    for name in ("low", "high", "central", "p_per_bin", "p_holm"):
        np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))
    assert result.p_value == expected.p_value
    assert np.isnan([result.lag[0], result.low[0], result.semivariance[0]]).all()
    assert not result.outside[0]
    wider = dataclasses.replace(result, level=0.5)
    assert (wider.high[1:] <= result.high[1:]).all()
    assert wider.p_value == result.p_value
    assert not result.curves.flags.writeable


def test_it_prints_and_becomes_a_table(known_field):
    lonlat, values, _ = known_field
    result = permutation_test(lonlat[:200], values[:200], BINS, permutations=39)
    text = str(result)
    assert repr(result) == "<PermutationEnvelope: p = 0.025, 39 permutations, 4 bins 0..20100 km, seed 0>"
    assert text.startswith(repr(result))
    assert text.count(" *\n") == result.outside.sum() > 0
    assert "* outside the global envelope of level 0.95" in text
    assert "*" not in str(dataclasses.replace(result, semivariance=result.central))
    frame = result.to_frame()
    assert frame.columns.tolist() == [
        "low", "high", "lag", "semivariance", "envelope_low", "envelope_high", "central", "p_per_bin", "p_holm",
    ]  # fmt: skip
    assert frame.high.tolist() == [800, 2500, 6000, 20_100]
    assert frame.envelope_low.tolist() == result.low.tolist()


@pytest.mark.parametrize(("permutations", "told"), [(39, "below 0.2,"), (158, "below 0.0503,"), (159, None)])
def test_where_holm_cannot_reject_the_text_says_so(known_field, permutations, told):
    """The least p-value of 4 bins is 4 * 2 / (permutations + 1), beside a curve that leaves the envelope."""
    lonlat, values, _ = known_field
    result = permutation_test(lonlat[:200], values[:200], BINS, permutations=permutations)
    text = str(result)
    assert result.outside.any()
    assert np.nanmin(result.p_holm) >= 8 / (permutations + 1)
    assert (np.nanmin(result.p_holm) <= 0.05) == (told is None)
    assert ("p Holm:" in text) == (told is not None)
    assert told is None or (told in text and "at least 159 permutations" in text)


def test_inputs_stay_as_they_are(several):
    lonlat, values, _ = several
    before = lonlat.copy(), values.copy()
    permutation_test(lonlat, values, BINS, permutations=19)
    assert (lonlat == before[0]).all()
    assert (values == before[1]).all()


def test_too_many_places_are_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(place_pairs, "MOST_BYTES", 7 * 20**2)
    lonlat = np.repeat(uniform_lonlat(21, seed=0), 3, axis=0)
    with pytest.raises(ValueError, match=r"21 places.*random subset of at most 20 places"):
        permutation_test(lonlat, np.ones((63, 2)), BINS)
    permutation_test(lonlat[3:], np.ones((60, 2)), BINS, permutations=19)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"permutations": 18}, ValueError, "at least 19"),
        ({"permutations": 20.5}, ValueError, "whole number"),
        ({"seed": -1}, ValueError, "Invalid seed"),
        ({"metric": "plane"}, ValueError, "Invalid metric"),
        ({"dissimilarity": "l1"}, ValueError, "Invalid dissimilarity"),
        ({"values": np.ones((49, 3))}, ValueError, "One row per photo"),
        ({"values": np.full((50, 3), np.nan)}, ValueError, "values has NaN"),
        ({"lonlat": np.full((50, 2), np.nan)}, ValueError, "lonlat has NaN"),
        ({"bins": LagBins([1e-6, 2e-6])}, ValueError, "Every bin from"),
        ({"bins": [0, 1]}, TypeError, "Must be LagBins"),
    ],
)
def test_what_cannot_be_tested_is_refused(options, error, message):
    given = {"lonlat": uniform_lonlat(50, seed=0), "values": np.ones((50, 3)), "bins": BINS} | options
    with pytest.raises(error, match=message):
        permutation_test(**given)


def test_curves_that_do_not_fit_the_bins_are_refused():
    with pytest.raises(ValueError, match="curves has shape"):
        PermutationEnvelope(BINS, np.zeros(4), np.zeros(4), np.zeros((19, 3)), 0)
