"""Arms of the experiment: what each minimises, and what its controls keep."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_experiment import (  # noqa: E402
    simulated_curves,
    some_batch,
)

from variogeo import Exponential, ResidualWeighting, UniformWeighting  # noqa: E402
from variogeo.evaluation import geolocation_error  # noqa: E402
from variogeo.experiments import (  # noqa: E402
    ARMS,
    GROUPS,
    SHORT,
    _curves,
    _experiment,
    chosen_arms,
)
from variogeo.experiments._arms import hard, similarity, weighted  # noqa: E402
from variogeo.experiments._objectives import (  # noqa: E402
    HardContrastive,
    InfoNCE,
    SchemeWeights,
    ShuffledInRow,
)
from variogeo.experiments._statistics import OUTCOMES  # noqa: E402
from variogeo.inference import fit_intervals  # noqa: E402
from variogeo.nn import NegativeWeights  # noqa: E402


@pytest.fixture(scope="module")
def curves():
    return simulated_curves()


@pytest.fixture
def batch():
    return some_batch()


def logits(batch, seed=0):
    shape = len(batch.lonlat), len(batch.candidate_lonlat)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) / batch.temperature / 5


def test_arms_come_with_their_baselines_in_a_fixed_order():
    names = [arm.name for arm in chosen_arms(["hard-queue", "hcl", "hard"])]
    assert names == ["plain", "hard", "hcl", "plain-queue", "hard-queue"]
    assert {arm.name for arm in chosen_arms(["all"])} == set(ARMS) == set(GROUPS["all"])


def test_a_control_brings_the_scheme_whose_reason_it_takes_away():
    assert [arm.name for arm in chosen_arms(["cut-25km"])] == ["plain", "hard", "cut-25km"]
    assert {arm.name for arm in ARMS.values() if arm.control_of} == {"shuffled", "similarity", "cut-25km"}
    assert all(ARMS[arm.control_of].role == "scheme" for arm in ARMS.values() if arm.control_of)


def test_known_losers_must_lose_in_an_outcome_that_exists():
    losers = {arm.name: arm.loses_in for arm in ARMS.values() if arm.role == "known loser"}
    assert losers == {"soft-75km": "25 km, known", "hcl": "GeoScore"}
    assert set(losers.values()) <= {outcome.name for outcome in OUTCOMES}


def test_the_short_group_is_the_one_that_fits_ten_minutes():
    assert GROUPS["short"] == ("plain", "hard", "shuffled", "similarity", "soft-75km")
    assert (SHORT.epochs, SHORT.seeds) == (4, 3)


def test_an_unknown_arm_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Invalid arm 'magic'\. Must be of short, tuning, all, plain"):
        chosen_arms(["magic"])


@pytest.mark.parametrize("name", sorted(ARMS))
def test_every_arm_has_a_finite_loss_with_a_gradient(name, curves, batch):
    objective = ARMS[name].objective(curves)
    given = logits(batch).requires_grad_()
    loss = objective.loss(given, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(given.grad).all()
    assert given.grad.abs().sum() > 0
    assert all(np.isfinite(value) for value in objective.figures(given.detach(), batch).values())


def test_uniform_weights_are_the_plain_loss(batch):
    given = logits(batch)
    torch.testing.assert_close(weighted(UniformWeighting()).loss(given, batch), InfoNCE().loss(given, batch))


def test_hard_negatives_are_the_residual_beyond_the_range_by_a_double_loop(curves, batch):
    log_weights = weighted(hard(curves)).log_weights(batch)
    lonlat, features = batch.lonlat.numpy(), batch.features.numpy().astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    beyond = curves.model.effective_range
    for i in range(len(lonlat)):
        for j in range(len(lonlat)):
            lag = float(geolocation_error(lonlat[[i]], lonlat[[j]])[0])
            residual = max(0.0, float(curves.model(lag)) - (1 - features[i] @ features[j])) / curves.mean_spread
            if abs(lag - beyond) > 0.01 * beyond:  # great circle and geodesic differ by half a per cent
                expected = 2.0 * residual if i != j and lag > beyond else 0.0
                assert float(log_weights[i, j]) == pytest.approx(expected, abs=1e-3)


def test_similarity_without_geography_weighs_all_lags_alike(curves):
    scheme = similarity(curves)
    dissimilarity = np.array([0.05, 0.1, 0.2])
    near, far = scheme(np.full(3, 0.5), dissimilarity), scheme(np.full(3, 15_000.0), dissimilarity)
    np.testing.assert_array_equal(near, far)
    np.testing.assert_allclose(far, 2 * np.maximum(0, curves.model.sill - dissimilarity) / curves.mean_spread)


def test_shuffled_weights_are_the_same_in_every_row_but_dealt_to_others(curves, batch):
    rule = weighted(hard(curves)).log_weights
    given, shuffled = rule(batch), ShuffledInRow(rule)(batch)
    torch.testing.assert_close(shuffled.sort(dim=1).values, given.sort(dim=1).values)
    assert not torch.equal(shuffled, given)
    assert (shuffled.diagonal() == 0).all()


def test_one_region_has_the_weights_of_the_common_curve(curves, batch):
    alone = dataclasses.replace(curves, regional=_curves.RegionalCurves(curves.regional.centres[:1], (curves.model,)))
    torch.testing.assert_close(
        ARMS["hard-regional"].objective(alone).log_weights(batch), weighted(hard(curves)).log_weights(batch)
    )


def test_a_photo_is_weighed_with_the_curve_of_its_own_region(curves, batch):
    other = Exponential(nugget=0.2, partial_sill=0.06, effective_range=300.0)
    # The third centre is the first again: no photo is nearest to it.
    centres = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    two = dataclasses.replace(curves, regional=_curves.RegionalCurves(centres, (curves.model, other, other)))
    log_weights = ARMS["hard-regional"].objective(two).log_weights(batch)
    scheme = ResidualWeighting(other, 2.0, beyond=300.0, within=0.0, spread=curves.mean_spread)
    expected = [weighted(hard(curves)).log_weights(batch), weighted(scheme).log_weights(batch)]
    longitude, latitude = np.radians(batch.lonlat.numpy()).T
    is_second = np.cos(longitude) * np.cos(latitude) < 0
    assert 0 < is_second.sum() < len(is_second)
    for row, second in enumerate(is_second):
        torch.testing.assert_close(log_weights[row], expected[int(second)][row])


def test_the_mean_weight_of_hcl_is_what_its_denominator_has_more(batch):
    given = logits(batch).double()
    objective = HardContrastive(0.5)
    expected = []
    for i in range(len(given)):
        negatives = np.array([float(given[i, j]) for j in range(len(given)) if j != i])
        weights = np.exp(0.5 * negatives) / np.exp(0.5 * negatives).mean()
        expected.append((weights * np.exp(negatives)).sum() / np.exp(negatives).sum())
    assert objective.figures(given, batch)["mean_weight"] == pytest.approx(np.mean(expected))


def test_an_arm_that_the_curve_does_not_allow_is_left_out_with_the_reason(curves):
    flat = dataclasses.replace(curves.stable, model=Exponential(nugget=0.1, partial_sill=50.0, effective_range=1e6))
    other = dataclasses.replace(curves, stable=flat, regional=None)
    refused = _experiment._not_makeable(chosen_arms(["thesis", "hard", "hard-regional"]), other)
    assert list(refused) == ["hard-regional", "thesis"]
    assert "Measure them with regions= above 0" in refused["hard-regional"]


def test_the_weights_of_an_arm_do_not_mask_photos_at_the_same_place():
    # The plain loss does not either: only the scheme may differ.
    arm = ARMS["uniform"].objective(None)
    assert isinstance(arm.log_weights, SchemeWeights)
    assert isinstance(arm.log_weights.weights, NegativeWeights)
    assert arm.log_weights.weights.coincident == "weight"


def test_the_curve_is_described_with_its_intervals_and_the_stable_model(curves):
    text = str(curves)
    intervals = curves.range_intervals
    whole = intervals["effective_range"]
    assert f"effective range {curves.model.effective_range:.0f} km (95 % over patches: {whole.lower:.0f} to" in text
    assert f"shape {curves.stable.model.shape:.2f}" in text
    assert text.endswith(curves.stable.message)
    silent = str(dataclasses.replace(curves, range_intervals={}))
    assert silent.count("km (no interval: the fits failed)") == 3
    assert set(intervals) <= {"effective_range", "first.effective_range", "second.effective_range"}


def test_ranges_of_failed_fits_have_no_interval(curves, monkeypatch):
    def failed(uncertainty, _, **options):
        found = fit_intervals(uncertainty, Exponential, **options)  # a single range: two take ten times as long
        return dataclasses.replace(found, interval=np.full_like(found.interval, np.nan))

    monkeypatch.setattr(_curves, "fit_intervals", failed)
    assert _curves._range_intervals(curves.empirical) == {}
