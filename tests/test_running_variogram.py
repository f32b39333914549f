"""The running variogram against the exact one of the same pairs, and what may not disturb it."""

import json
import math

import numpy as np
import pytest
import torch

from variogeo import DataError, LagBins, LagSpread, datasets, empirical_variogram
from variogeo.nn import RunningVariogram

BINS = LagBins.logarithmic(5, 15_000, 8)
WIDTH = 512


@pytest.fixture(scope="module")
def batches():
    """Four batches of 150 photos: longitude and latitude, features."""
    lonlat, embeddings = datasets.geoclip_photos()
    rows = np.random.default_rng(0).permutation(len(lonlat))[:600].reshape(4, 150)
    return [(torch.tensor(lonlat[part]), torch.tensor(embeddings[part], dtype=torch.float32)) for part in rows]


def _running(decay=1.0):
    return RunningVariogram(BINS, order="lonlat", units="deg", decay=decay)


def _exact(batch):
    return empirical_variogram(batch[0].numpy(), batch[1].numpy(), BINS, metric="great_circle")


def test_without_decay_it_equals_the_sum_of_the_exact_variograms_of_the_batches(batches):
    running = _running()
    for batch in batches:
        running.update(*batch)
    exact, found = sum(_exact(batch) for batch in batches), running.empirical()
    assert found.npairs.tolist() == exact.npairs.tolist()
    assert found.sums.total_npairs == exact.sums.total_npairs == 4 * 150**2
    np.testing.assert_allclose(found.lag, exact.lag, rtol=1e-6)
    np.testing.assert_allclose(found.semivariance, exact.semivariance, rtol=1e-6)
    assert found.sill_apriori == pytest.approx(exact.sill_apriori, rel=1e-6)
    assert running.batches == 4


def test_with_decay_a_batch_counts_by_its_age(batches):
    running = _running(decay=0.5)
    for batch in batches:
        running.update(*batch)
    exact = [_exact(batch) for batch in batches]
    ages = 0.5 ** np.arange(3, -1, -1)
    term = sum(age * one.sums.term for age, one in zip(ages, exact, strict=True))[1:]
    weight = sum(age * one.npairs for age, one in zip(ages, exact, strict=True))
    found = running.empirical()
    np.testing.assert_allclose(found.semivariance, term / weight, rtol=1e-6)
    np.testing.assert_allclose(found.sums.weight[1:], weight, rtol=1e-12)
    assert found.npairs.tolist() == sum(one.npairs for one in exact).tolist()
    total = sum(age * one.sums.total_term for age, one in zip(ages, exact, strict=True))
    assert found.sill_apriori == pytest.approx(total / (ages.sum() * 150**2), rel=1e-6)


def test_its_spread_per_lag_is_that_of_the_exact_variogram(batches):
    running = _running()
    for batch in batches:
        running.update(*batch)
    found, exact = running.lag_spread(), LagSpread.of(sum(_exact(batch) for batch in batches))
    np.testing.assert_allclose(found.lag, exact.lag, rtol=1e-6)
    np.testing.assert_allclose(found.spread, exact.spread, rtol=1e-5)


def test_a_curve_that_changes_during_training_is_followed(batches):
    """Features that lose half of what tells places apart: the sill falls, and what is remembered falls with it."""
    running, lasting = _running(decay=0.5), _running()
    coords, feats = batches[0]
    before = _exact(batches[0]).semivariance
    common = torch.nn.functional.normalize(feats, dim=1).mean(dim=0)
    for share in (0.0, 0.0, 1.0, 1.0, 1.0, 1.0):
        changed = torch.nn.functional.normalize(feats, dim=1) + share * 3 * common
        running.update(coords, changed)
        lasting.update(coords, changed)
    now = _exact((coords, changed)).semivariance
    assert (now < before).all()
    # Of the last six batches the first two weigh 3/63; without decay they weigh a third.
    np.testing.assert_allclose(running.empirical().semivariance, now + (before - now) * 3 / 63, rtol=1e-5)
    np.testing.assert_allclose(lasting.empirical().semivariance, now + (before - now) / 3, rtol=1e-5)


def test_photos_of_one_place_and_lags_outside_the_bins_are_in_no_bin():
    coords = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 1e-3], [0.0, 1.0], [180.0, 0.0]], dtype=torch.float64)
    running = RunningVariogram(LagBins([1, 200, 1000]), order="lonlat", units="deg")
    running.update(coords, torch.eye(5))
    found = running.empirical()
    assert found.colocated.npairs == 1
    assert found.npairs.tolist() == [3, 0]  # 111 km three times; 111 m and half a turn are outside
    assert math.isnan(found.semivariance[1])
    assert found.sums.total_npairs == 25


def test_a_place_without_an_image_is_left_out(batches):
    coords, feats = batches[0]
    holed = feats.clone()
    holed[3], holed[70] = math.nan, 0.0
    running = _running()
    running.update(coords, holed)
    kept = [k for k in range(150) if k not in (3, 70)]
    exact, found = _exact((coords[kept], feats[kept])), running.empirical()
    assert found.npairs.tolist() == exact.npairs.tolist()
    np.testing.assert_allclose(found.semivariance, exact.semivariance, rtol=1e-6)
    assert found.sill_apriori == pytest.approx(exact.sill_apriori, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_of_the_module_and_autocast_change_nothing(batches, dtype):
    expected, running = _running(), _running().to(dtype)
    expected.update(*batches[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        running.update(*batches[0])
    running.to(dtype)
    assert running.empirical() == expected.empirical()


def test_coordinates_may_be_whole_numbers_of_1e_7_degrees(batches):
    coords, feats = batches[0]
    running = RunningVariogram(BINS, order="latlon", units="e7")
    running.update((coords.flip(1) * 1e7).round().to(torch.int32), feats)
    assert running.empirical().npairs.tolist() == _exact(batches[0]).npairs.tolist()


def test_no_gradient_flows_and_inputs_stay_as_they_are(batches):
    coords, feats = batches[0]
    kept, trained = coords.clone(), feats.clone().requires_grad_()
    running = _running()
    running.update(coords, trained)
    assert torch.equal(coords, kept)
    assert not running._sums.requires_grad


def test_the_state_dict_brings_the_sums_back(batches):
    running = _running(decay=0.9)
    running.update(*batches[0])
    again = _running(decay=0.9)
    again.load_state_dict(running.state_dict())
    for module in (running, again):
        module.update(*batches[1])
    assert again.empirical() == running.empirical()
    assert again.batches == 2


def test_features_of_another_width_are_refused_also_after_a_state_was_loaded(batches):
    running, again = _running(), _running()
    running.update(*batches[0])
    again.load_state_dict(running.state_dict())
    before = running.empirical()
    for module in (running, again):
        with pytest.raises(ValueError, match=r"feats of 32 columns: the batches before had 512.*make another"):
            module.update(batches[1][0], batches[1][1][:, :32])
        assert module.empirical() == before
    assert before.width == 512


def test_a_state_of_other_settings_or_another_size_is_refused():
    running = _running(decay=0.9)
    state = running.state_dict()
    for other in ({"order": "latlon", "units": "deg"}, {"order": "lonlat", "units": "rad"}):
        with pytest.raises(ValueError, match=r"'order': 'lonlat', 'units': 'deg'.*Make it the same way"):
            RunningVariogram(BINS, decay=0.9, **other).load_state_dict(state)
    with pytest.raises(ValueError, match=r"was saved with running_variogram.*Make it the same way"):
        _running(decay=0.8).load_state_dict(state)
    from variogeo._storage import dump_document

    content = {name: value for name, value in json.loads(state["_extra_state"]).items() if name not in _ENVELOPE}
    content["sums"] = content["sums"][:2]
    with pytest.raises(DataError, match="other sums than its bins need"):
        running.load_state_dict({"_extra_state": dump_document("running_variogram", content)})


_ENVELOPE = ("format", "schema", "sha256")


def test_the_module_prints_its_settings():
    assert repr(_running(0.5)).endswith("order='lonlat', units='deg', decay=0.5)")


COORDS, FEATS = torch.zeros(3, 2), torch.ones(3, 4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: RunningVariogram(BINS, units="deg"), TypeError, "order is not given"),
        (lambda: RunningVariogram([1, 2], order="lonlat", units="deg"), TypeError, "Must be LagBins"),
        (lambda: _running(0.0), ValueError, "Invalid decay '0.0'"),
        (lambda: _running(1.5), ValueError, "decay '1.5'. Must be at most 1"),
        (lambda: _running().empirical(), ValueError, r"has no pairs yet. Call update"),
        (lambda: _running().update(COORDS[:1], FEATS[:1]), ValueError, "at least two samples"),
        (lambda: _running().update(COORDS, FEATS[:2]), ValueError, "with 3 rows in coords"),
        (lambda: _running().update(COORDS.bfloat16(), FEATS), TypeError, "half precision moves a place"),
        (lambda: _running().update(COORDS + math.nan, FEATS), ValueError, "coords has coordinates that are NaN"),
    ],
)
def test_what_cannot_be_right_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_spread_needs_pairs_that_differ(batches):
    running = _running()
    running.update(batches[0][0], torch.ones(150, 4))
    with pytest.raises(ValueError, match="No bin has 30 pairs that differ"):
        running.lag_spread()


@pytest.mark.parametrize("seed", range(6))
def test_rounding_is_no_spread(seed):
    """Pairs that all differ by the same: what float64 leaves of a difference of squares must not become a unit."""
    angle = np.random.default_rng(seed).uniform(0.01, 1.5)
    feats = torch.tensor([[1.0, 0.0]] * 10 + [[math.cos(angle), math.sin(angle)]] * 10, dtype=torch.float64)
    coords = torch.tensor([[0.0, 0.0]] * 10 + [[1.0, 0.0]] * 10, dtype=torch.float64)  # 111 km apart
    running = RunningVariogram(LagBins([1, 200]), order="lonlat", units="deg", decay=0.97)
    for _ in range(5):
        running.update(coords, feats)
    assert running.empirical().npairs.tolist() == [500]
    with pytest.raises(ValueError, match="No bin has 30 pairs that differ"):
        running.lag_spread()


def test_a_bin_that_is_long_forgotten_is_empty():
    far = torch.tensor([[0.0, 0.0], [0.0, 60.0]], dtype=torch.float64)
    near = torch.tensor([[0.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    running = RunningVariogram(LagBins([1, 200, 15_000]), order="lonlat", units="deg", decay=1e-3)
    running.update(far, torch.eye(2))
    for _ in range(110):  # a weight of 1e-330 is 0
        running.update(near, torch.eye(2))
    found = running.empirical()
    assert found.npairs.tolist() == [110, 0]
    assert math.isnan(found.semivariance[1])


def test_a_batch_larger_than_a_block_of_rows_counts_each_pair_once(batches):
    coords, feats = (torch.cat([batch[k] for batch in batches]) for k in (0, 1))
    running = _running()
    running.update(coords, feats)
    exact = _exact((coords, feats))
    assert running.empirical().npairs.tolist() == exact.npairs.tolist()
    np.testing.assert_allclose(running.empirical().semivariance, exact.semivariance, rtol=1e-6)


def test_the_sums_of_all_ranks_are_added(batches, monkeypatch):
    """With a second rank that has seen the same; two processes: tests/test_distributed.py."""
    running = _running()
    running.update(*batches[0])
    alone = running.empirical()
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda sums, op=None: sums.mul_(1 if op else 2))
    assert running.empirical().npairs.tolist() == (2 * alone.npairs).tolist()


@pytest.mark.parametrize(
    ("width", "words"), [(0, None), (WIDTH, None), (100, "columns. A curve is of one feature space")]
)
def test_ranks_have_features_of_one_width_or_none_yet(width, words, batches, monkeypatch):
    """With another rank of this width: 0 before its first batch. Two processes: tests/test_distributed.py."""
    running, other = _running(), _running()
    running.update(*batches[0])
    other._width = width
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    found = []
    for mine, theirs in ((running, other), (other, running)):

        def all_reduce(merged, op=None, mine=mine, theirs=theirs):
            if op is None:
                return merged.copy_(running._sums.new_tensor([*running._sums.ravel(), *running._totals]))
            widths = [[one._width, -one._width or -(2**31)] for one in (mine, theirs)]
            return merged.copy_(torch.tensor(widths).amax(dim=0))

        monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
        try:
            found.append(mine.empirical().width)
        except ValueError as error:
            found.append(str(error))
    assert found[0] == found[1]
    assert found[0] == WIDTH if words is None else words in found[0]


def test_a_state_that_is_none_is_refused():
    with pytest.raises(DataError, match=r"Invalid state of RunningVariogram: None\. Must be what get_extra_state"):
        _running().set_extra_state(None)
