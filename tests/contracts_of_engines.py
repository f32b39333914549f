"""What every engine and every estimator promises: two lists of checks, each run on all engines or estimators.

An engine is a function from places and values to `LagSums`, an executor a way to run one, an estimator a name. Worker
processes and Dask are held to the same bits in test_executors: they take seconds to start.
"""

import numpy as np
import pytest
import reference
import torch
from engines import chosen

import variogeo
from variogeo import LagBins, StratifiedPairs, variogram_from_pairs
from variogeo._distances import prepare_points
from variogeo._engine import LagSums, Marks, Terms, _device_plan, accumulate, accumulate_sample
from variogeo._engine._sums import no_histogram
from variogeo._engine._torch import accumulate_on_device
from variogeo._engine.running._executors import Threads
from variogeo._engine.tiles import Tiles
from variogeo.synthetic import uniform_lonlat

BINS = LagBins([0.5, 20.0, 300.0, 2000.0, 9000.0, 20_100.0])
COARSE = LagBins([0.5, 300.0, 20_100.0])
METRICS = ("geodesic", "great_circle", "chord")
RANDOM = np.random.default_rng(7)


def _hard_places():
    """Return 64 places: anywhere, near each other, twice, at the poles, on the antimeridian, nearly opposite."""
    lonlat = uniform_lonlat(64, seed=7)
    lonlat[16:26] = lonlat[:10] + RANDOM.normal(0, 0.05, (10, 2))
    lonlat[26:30] = lonlat[:4]
    lonlat[30:40] = lonlat[:10] * [1, -1] + [180, 0] + RANDOM.normal(0, 0.2, (10, 2))
    lonlat[40:46] = [(0, 90), (77, 90), (5, -90), (180, 10), (-180, 10), (179.9999, 10)]
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    return np.column_stack([lonlat[:, 0], np.clip(lonlat[:, 1], -90, 90)])


LONLAT = _hard_places()
VALUES = RANDOM.normal(0.5, 1.0, (64, 5))

# --- engines ---------------------------------------------------------------------------------------------------------


class Backwards:
    """An executor of the user's own: one task after the other, the last one first."""

    def start(self, job):
        """Remember the job."""
        self._job = job

    def results(self, tasks):
        """Yield the sums of the tasks."""
        return ((task, self._job.sums(task)) for task in reversed(tasks))

    def stop(self):
        """Forget the job."""
        self._job = None


def _summed(engine, executor=None, *, float32=False):
    """Return an engine of the host: in blocks of 16 rows, on an executor."""

    def sums(lonlat, values, *, dissimilarity="cosine", metric="geodesic", bins=BINS):
        points, terms = prepare_points(lonlat, metric), Terms.of(values, dissimilarity)
        with chosen(engine, rows=16, float32=float32):
            return accumulate(points, terms, bins, spread=engine == "blocked", executor=executor)

    return sums


def _on_device(lonlat, values, *, dissimilarity="cosine", metric="geodesic", bins=BINS):
    """Return the sums of the engine for tensors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_device_plan, "MOST_ROWS", 16)
        patch.setattr(_device_plan, "LEAST_ROWS", 8)
        tensor = torch.as_tensor(values)
        return accumulate_on_device(prepare_points(lonlat, metric), tensor, dissimilarity, bins, spread=True)


def _in_tiles(lonlat, values, *, dissimilarity="cosine", metric="geodesic", bins=BINS):
    """Return the sums of all tiles."""
    points, terms = prepare_points(lonlat, metric), Terms.of(values, dissimilarity)
    totals = np.zeros((3, len(bins) + 2))
    for tile in Tiles.of(points, bins, terms, rows=16).map(lambda tile: tile):
        at = tile.position.ravel()
        totals += [np.bincount(at, of, len(bins) + 2) for of in (None, tile.lag.ravel(), tile.term.ravel())]
    none = np.zeros(0)
    return LagSums(*totals[:, :-1], none, none, no_histogram(bins), len(points) ** 2, terms.total)


def _sampled(lonlat, values, *, dissimilarity="cosine", metric="geodesic", bins=BINS):
    """Return the sums of a sample that is large enough to be all pairs."""
    points, terms = prepare_points(lonlat, metric), Terms.of(values, dissimilarity)
    return accumulate_sample(points, terms, bins, StratifiedPairs(100_000, seed=0), Marks())[0]


ENGINES = {
    "blocked": _summed("blocked"),
    "blocked, float32 products": _summed("blocked", float32=True),
    "tree": _summed("tree"),
    "tree, float32 products": _summed("tree", float32=True),
    "device": _on_device,
    "tiles": _in_tiles,
    "sample of all": _sampled,
}
EXECUTORS = {"one thread": Threads(1), "three threads": Threads(3), "backwards": Backwards()}


def an_executor_changes_no_bit(executor):
    for engine in ("blocked", "tree"):
        for dissimilarity in ("cosine", "half_squared"):
            found = _summed(engine, executor)(LONLAT, VALUES, dissimilarity=dissimilarity)
            assert found == _summed(engine)(LONLAT, VALUES, dissimilarity=dissimilarity)


def _assert_alike(one, other, *, times=1.0, term=1e-12):
    """Assert that sums are those of other pairs, or ``times`` as many, and terms within an error of their mean."""
    assert one.npairs.tolist() == (times * other.npairs).tolist()
    pairs = np.maximum(one.npairs, 1)
    # A pair seen from its other end, or in another part of a tree, has a lag that differs within the engine's error.
    np.testing.assert_allclose(one.lag, times * other.lag, rtol=3e-5)
    np.testing.assert_allclose(one.term / pairs, times * other.term / pairs, rtol=term, atol=term)


def it_is_a_double_loop(engine):
    for metric in METRICS:
        for dissimilarity in ("cosine", "half_squared"):
            terms = reference.terms_of_all_pairs(VALUES, dissimilarity)
            counts, lag, term = reference.counts_and_means(
                reference.lags_of_all_pairs(LONLAT, metric), terms, BINS.edges
            )
            sums = engine(LONLAT, VALUES, dissimilarity=dissimilarity, metric=metric)
            assert sums.npairs.tolist() == counts.tolist()
            pairs = np.maximum(counts, 1)
            np.testing.assert_allclose(sums.lag / pairs, lag, rtol=3e-5)
            np.testing.assert_allclose(sums.term / pairs, term, rtol=1e-11)
            # All ordered pairs: each unordered one twice, and each point with itself at no dissimilarity.
            assert sums.total_npairs == len(LONLAT) ** 2
            assert sums.total_term == pytest.approx(2 * terms.sum(), rel=1e-10)


def each_pair_counts_once(engine):
    whole = engine(LONLAT, VALUES, bins=LagBins([0, 20_100]))
    assert whole.npairs.sum() == 64 * 63 // 2
    assert whole.npairs[0] == (reference.lags_of_all_pairs(LONLAT, "geodesic") == 0).sum() == 6


def the_order_of_rows_changes_no_count(engine):
    order = np.random.default_rng(1).permutation(len(LONLAT))
    _assert_alike(engine(LONLAT[order], VALUES[order]), engine(LONLAT, VALUES))


def the_same_call_gives_the_same_bits(engine):
    one, other = engine(LONLAT, VALUES), engine(LONLAT, VALUES)
    assert one == other


def inputs_stay_as_they_were(engine):
    lonlat, values = LONLAT.copy(), VALUES.copy()
    engine(lonlat, values, dissimilarity="half_squared")
    assert (lonlat.tobytes(), values.tobytes()) == (LONLAT.tobytes(), VALUES.tobytes())


def narrow_bins_add_up_to_wide_ones(engine):
    fine, coarse = engine(LONLAT, VALUES), engine(LONLAT, VALUES, bins=COARSE)
    for name, error in (("npairs", 0), ("lag", 3e-5), ("term", 1e-11)):
        zero, *bins = getattr(fine, name)
        expected = [zero, sum(bins[:2]), sum(bins[2:])]
        np.testing.assert_allclose(getattr(coarse, name), expected, rtol=error, atol=error)


def parts_out_of_reach_add_up_to_the_whole(engine):
    far = np.random.default_rng(2).normal(0, 1, (48, 2)) + np.repeat([[0.0, 0.0], [90.0, 40.0]], 24, axis=0)
    values, bins = VALUES[:48], LagBins([0, 50, 1000])
    parts = [engine(far[part], values[part], bins=bins) for part in (slice(24), slice(24, 48))]
    _assert_alike(engine(far, values, bins=bins), parts[0] + parts[1])


def rows_given_twice_are_four_times_the_pairs(engine):
    twice = engine(np.repeat(LONLAT, 2, axis=0), np.repeat(VALUES, 2, axis=0))
    once = engine(LONLAT, VALUES)
    assert twice.npairs.tolist() == [4 * once.npairs[0] + len(LONLAT), *4 * once.npairs[1:]]
    np.testing.assert_allclose(twice.term, 4 * once.term, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(twice.lag, 4 * once.lag, rtol=3e-5)


def the_cosine_sees_no_length_and_the_square_no_origin(engine):
    lengths = np.geomspace(1e-3, 1e3, len(VALUES))[:, None]
    _assert_alike(engine(LONLAT, VALUES * lengths), engine(LONLAT, VALUES))
    squared = engine(LONLAT, VALUES, dissimilarity="half_squared")
    _assert_alike(engine(LONLAT, VALUES + 1000, dissimilarity="half_squared"), squared, term=1e-9)
    scaled = engine(LONLAT, 4 * VALUES, dissimilarity="half_squared")
    np.testing.assert_allclose(scaled.term, 16 * squared.term, rtol=1e-14)


def a_turn_of_the_space_changes_nothing(engine):
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
    for dissimilarity in ("cosine", "half_squared"):
        turned = engine(LONLAT, VALUES @ turn, dissimilarity=dissimilarity)
        _assert_alike(turned, engine(LONLAT, VALUES, dissimilarity=dissimilarity), term=1e-11)


def equal_vectors_have_no_dissimilarity_at_all(engine):
    for dtype, dissimilarity in ((np.float64, "cosine"), (np.float32, "half_squared"), (np.float16, "cosine")):
        sums = engine(LONLAT, np.tile(VALUES[0].astype(dtype), (len(LONLAT), 1)), dissimilarity=dissimilarity)
        assert sums.npairs[1:].any()
        assert not sums.term.any()


def short_floats_are_the_numbers_they_stand_for(engine):
    for dtype, dissimilarity, error in ((np.float32, "half_squared", 1e-6), (np.float16, "cosine", 2e-8)):
        sums = engine(LONLAT, VALUES.astype(dtype), dissimilarity=dissimilarity)
        whole = engine(LONLAT, VALUES.astype(dtype).astype(float), dissimilarity=dissimilarity)
        _assert_alike(sums, whole, term=error)


def scalars_are_vectors_of_one_entry(engine):
    sums = engine(LONLAT, VALUES[:, 0], dissimilarity="half_squared")
    _assert_alike(sums, engine(LONLAT, VALUES[:, :1], dissimilarity="half_squared"))


def two_points_are_one_pair_and_empty_bins_hold_nothing(engine):
    sums = engine(np.array([[0.0, 0.0], [0.0, 10.0]]), np.eye(2))
    assert sums.npairs.tolist() == [0, 0, 0, 1, 0, 0]  # ten degrees of latitude: 1 106 km
    assert sums.term[3] == pytest.approx(1.0, rel=1e-15)
    assert sums.lag[3] == pytest.approx(1105.854833, abs=1e-5)
    assert not sums.term[sums.npairs == 0].any()
    assert not sums.lag[sums.npairs == 0].any()


OF_ENGINES = (
    it_is_a_double_loop,
    each_pair_counts_once,
    the_order_of_rows_changes_no_count,
    the_same_call_gives_the_same_bits,
    inputs_stay_as_they_were,
    narrow_bins_add_up_to_wide_ones,
    parts_out_of_reach_add_up_to_the_whole,
    rows_given_twice_are_four_times_the_pairs,
    the_cosine_sees_no_length_and_the_square_no_origin,
    a_turn_of_the_space_changes_nothing,
    equal_vectors_have_no_dissimilarity_at_all,
    short_floats_are_the_numbers_they_stand_for,
    scalars_are_vectors_of_one_entry,
    two_points_are_one_pair_and_empty_bins_hold_nothing,
)

# --- estimators ------------------------------------------------------------------------------------------------------

ESTIMATORS = ("matheron", "cressie_hawkins", "dowd")
PAIR_BINS = LagBins([0.0, 1.0, 2.0, 5.0])
LAGS = RANDOM.uniform(0.01, 2.0, 600)
TERMS = RANDOM.gamma(1.5, 0.4, 600)
CELL = 1.04
"""Width of a cell of the histogram, by which a median is known."""


def estimate(estimator, lag, term, dimension=3.0):
    """Return the variogram of pairs by an estimator."""
    return variogram_from_pairs(lag, term, PAIR_BINS, estimator=estimator, dimension=dimension)


def the_order_of_pairs_changes_nothing(estimator):
    order = np.random.default_rng(4).permutation(len(LAGS))
    one, other = estimate(estimator, LAGS[order], TERMS[order]), estimate(estimator, LAGS, TERMS)
    np.testing.assert_allclose(one.semivariance, other.semivariance, rtol=1e-13)


def parts_add_up_to_the_whole_wherever_they_are_cut(estimator):
    whole = estimate(estimator, LAGS, TERMS)
    for cut in (1, 40, 599):
        added = estimate(estimator, LAGS[:cut], TERMS[:cut]) + estimate(estimator, LAGS[cut:], TERMS[cut:])
        assert added.estimator == estimator
        assert added.npairs.tolist() == whole.npairs.tolist()
        np.testing.assert_allclose(added.semivariance, whole.semivariance, rtol=1e-13)
        np.testing.assert_allclose(added.lag, whole.lag, rtol=1e-13)


def pairs_given_twice_are_the_same_estimate(estimator):
    once = estimate(estimator, LAGS, TERMS)
    assert (once + once).npairs.tolist() == (2 * once.npairs).tolist()
    # The median of twice as many lies in the same cell, at another share of it.
    np.testing.assert_allclose((once + once).semivariance, once.semivariance, rtol=CELL - 1)


def the_unit_of_the_values_is_that_of_the_estimate(estimator):
    for factor in (2.0**-60, 4.0, 2.0**40):
        scaled, plain = estimate(estimator, LAGS, factor * TERMS), estimate(estimator, LAGS, TERMS)
        np.testing.assert_allclose(scaled.semivariance, factor * plain.semivariance, rtol=1e-13)


def no_dissimilarity_is_no_semivariance(estimator):
    assert estimate(estimator, LAGS, 0 * TERMS).semivariance[:2].tolist() == [0.0, 0.0]


def pairs_that_are_all_alike_are_their_semivariance_where_directions_are_many(estimator):
    found = estimate(estimator, LAGS, np.full_like(LAGS, 0.4), dimension=1e6).semivariance[:2]
    np.testing.assert_allclose(found, 0.4, rtol=CELL - 1 if estimator == "dowd" else 1e-6)


def normal_values_have_the_semivariance_they_were_drawn_with(estimator):
    """Half the squared length of normal differences in D directions is a gamma variable of mean D s^2."""
    for dimension in (1, 2, 7, 512):
        terms = np.random.default_rng(dimension).gamma(dimension / 2, 2.0, 100_000)
        found = estimate(estimator, np.ones(len(terms)), terms, dimension).semivariance[0]
        assert found == pytest.approx(dimension, rel=0.02)


def more_dissimilarity_is_never_less_semivariance(estimator):
    plain = estimate(estimator, LAGS, TERMS).semivariance[:2]
    for more in (
        TERMS + 0.3,
        np.maximum(TERMS, np.median(TERMS)),
        TERMS * np.random.default_rng(5).uniform(1, 3, len(TERMS)),
    ):
        assert (estimate(estimator, LAGS, more).semivariance[:2] >= plain).all()


def counts_and_lags_are_those_of_the_mean(estimator):
    found, mean = estimate(estimator, LAGS, TERMS), estimate("matheron", LAGS, TERMS)
    assert found.npairs.tolist() == mean.npairs.tolist()
    np.testing.assert_array_equal(found.lag, mean.lag)
    assert found.sums == mean.sums


def an_empty_bin_has_no_estimate(estimator):
    found = estimate(estimator, LAGS, TERMS)
    assert found.npairs[2] == 0
    assert np.isnan(found.semivariance).tolist() == [False, False, True]


def a_saved_one_is_loaded_as_it_was(estimator, folder):
    found = estimate(estimator, LAGS, TERMS)
    found.save(folder / "variogram.json")
    loaded = variogeo.load(folder / "variogram.json")
    assert loaded == found
    assert loaded.semivariance.tobytes() == found.semivariance.tobytes()


OF_ESTIMATORS = (
    the_order_of_pairs_changes_nothing,
    parts_add_up_to_the_whole_wherever_they_are_cut,
    pairs_given_twice_are_the_same_estimate,
    the_unit_of_the_values_is_that_of_the_estimate,
    no_dissimilarity_is_no_semivariance,
    pairs_that_are_all_alike_are_their_semivariance_where_directions_are_many,
    normal_values_have_the_semivariance_they_were_drawn_with,
    more_dissimilarity_is_never_less_semivariance,
    counts_and_lags_are_those_of_the_mean,
    an_empty_bin_has_no_estimate,
    a_saved_one_is_loaded_as_it_was,
)
