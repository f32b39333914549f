"""The torch side against float64 arithmetic by hand, and the contract of the module."""

import math
import runpy
import sys

import numpy as np
import pytest
import reference
import torch
from pyproj import Geod

import variogeo
from variogeo import (
    DataError,
    DecorrelationWeighting,
    Exponential,
    ResidualWeighting,
    Spherical,
    Stable,
    ThesisMultiplier,
    Weighting,
)
from variogeo.nn import NegativeWeights, SoftTargets, soft_cross_entropy, weighted_cross_entropy

MODEL = Exponential(nugget=0.1, partial_sill=0.4, effective_range=1000.0)
RESIDUAL = ResidualWeighting(MODEL, 2.0)
DECORRELATION = DecorrelationWeighting(MODEL)


@pytest.fixture(scope="module")
def batch():
    """6 rows, 9 columns: the batch and a queue; the last two columns repeat places."""
    random = np.random.default_rng(4)
    places = np.column_stack([random.uniform(-180, 180, 9), random.uniform(-80, 80, 9)])
    places[3] = places[0] + 0.01
    places[7], places[8] = places[1], places[2]
    features = random.normal(size=(9, 16)) + 1
    return torch.tensor(places), torch.tensor(features)


def _by_hand(scheme, places, features):
    """Log-weights from double loops: haversine lags and cosines."""
    lag = np.array([[reference.lag("great_circle", a, b) for b in places] for a in places[:6]])
    c = np.array([[reference.term("cosine", a, b) for b in features] for a in features[:6]])
    expected = scheme(lag, c)
    expected[lag < 1e-6] = -np.inf
    expected[np.arange(6), np.arange(6)] = 0.0
    return expected


@pytest.mark.parametrize("scheme", [RESIDUAL, DECORRELATION], ids=["residual", "decorrelation"])
def test_log_weights_equal_a_double_loop(batch, scheme):
    places, features = batch
    log_weights = NegativeWeights(scheme).log_weights(places[:6], places, features[:6], features)
    assert (log_weights.dtype, tuple(log_weights.shape)) == (torch.float32, (6, 9))
    assert not log_weights.requires_grad
    np.testing.assert_allclose(log_weights, _by_hand(scheme, places.numpy(), features.numpy()), rtol=1e-5, atol=1e-6)


def test_positives_are_exactly_zero_by_index_and_not_by_distance(batch):
    places, features = batch
    positives = torch.tensor([8, 0, 1, 2, 3, 4])
    log_weights = NegativeWeights(RESIDUAL).log_weights(places[:6], places, features[:6], features, positives=positives)
    assert (log_weights[torch.arange(6), positives] == 0.0).all()
    assert log_weights[0, 0] == -math.inf  # the same place, but not the positive
    assert NegativeWeights(DECORRELATION).log_weights(places, places).diagonal().eq(0).all()


def test_another_sample_at_the_same_place_is_masked_or_weighted(batch):
    places, features = batch
    masked = NegativeWeights(RESIDUAL).log_weights(places[:6], places, features[:6], features)
    weighted = NegativeWeights(RESIDUAL, coincident="weight").log_weights(places[:6], places, features[:6], features)
    assert (masked[1, 7], masked[2, 8]) == (-math.inf, -math.inf)
    assert torch.isfinite(weighted).all()
    other = torch.isfinite(masked)
    assert torch.equal(masked[other], weighted[other])


@pytest.mark.parametrize("metres", [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 2e7])
def test_lags_are_right_from_a_metre_to_the_antipode(metres):
    """float64 input to a part in 1e6 against the sphere; the module's own rounding stays below it."""
    arc = metres / 6_371_008.8
    places = torch.tensor([[30.0, -arc / 2 * 180 / math.pi], [30.0, arc / 2 * 180 / math.pi]], dtype=torch.float64)
    slope = DecorrelationWeighting(Spherical(0.0, 1.0, 40_000.0))
    log_weights = NegativeWeights(slope).log_weights(places, places)
    expected = slope(metres / 1000)
    assert log_weights[0, 1].item() == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("metres", [10, 1e3, 1e5, 1e7])
def test_float32_coordinates_cost_no_more_than_their_own_rounding(metres):
    """A float32 degree near 30 is rounded by up to 0.11 m: the lag of a pair moves by at most 0.22 m."""
    arc = metres / 6_371_008.8
    places = torch.tensor([[30.0, 0.0], [30.0, arc * 180 / math.pi]], dtype=torch.float64)
    lag = {
        dtype: NegativeWeights(RESIDUAL).coordinates.pairwise_lag(places.to(dtype), places.to(dtype))[0, 1].item()
        for dtype in (torch.float32, torch.float64)
    }
    assert lag[torch.float32] == pytest.approx(lag[torch.float64], abs=0.22e-3, rel=1e-7)


def test_great_circle_lags_are_within_the_stated_distance_of_the_geodesic():
    random = np.random.default_rng(0)
    places = np.column_stack([random.uniform(-180, 180, 200), np.degrees(np.arcsin(random.uniform(-1, 1, 200)))])
    lag = NegativeWeights(RESIDUAL).coordinates.pairwise_lag(torch.tensor(places), torch.tensor(places)).numpy()
    first, second = np.triu_indices(200, 1)
    exact = np.array(Geod(ellps="WGS84").inv(*places[first].T, *places[second].T)[2]) / 1000
    assert np.abs(lag[first, second] / exact - 1).max() < 0.0056


def test_the_geometry_runs_where_float64_exists():
    from variogeo.nn._coordinates import _float64_device

    assert _float64_device(torch.device("mps")) == torch.device("cpu")
    assert _float64_device(torch.device("cuda:1")) == torch.device("cuda:1")


def test_lags_made_on_the_host_come_back_in_float32(monkeypatch, batch):
    """The path of a device without float64, played by a second name of the host."""
    from variogeo.nn import _coordinates

    places, _ = batch
    monkeypatch.setattr(_coordinates, "_float64_device", lambda _: torch.device("cpu", 0))
    lag = NegativeWeights(RESIDUAL).coordinates.pairwise_lag(places, places)
    assert (lag.dtype, lag.device) == (torch.float32, places.device)


def test_order_and_units_are_only_spellings(batch):
    places, features = batch
    places = (places * 1e5).round() / 1e5
    expected = NegativeWeights(RESIDUAL).log_weights(places, places, features, features)
    spellings = {
        ("latlon", "deg"): places.flip(1),
        ("lonlat", "rad"): torch.deg2rad(places),
        ("lonlat", "e7"): (places * 1e7).round().to(torch.int32),
        ("latlon", "e7"): (places.flip(1) * 1e7).round().to(torch.int64),
    }
    for (order, units), coords in spellings.items():
        module = NegativeWeights(RESIDUAL, order=order, units=units)
        torch.testing.assert_close(module.log_weights(coords, coords, features, features), expected)


def test_places_without_an_image_keep_weight_one(batch):
    places, features = batch
    features = features.clone()
    features[4], features[6] = math.nan, 0.0
    log_weights = NegativeWeights(RESIDUAL).log_weights(places[:3], places, features[:3], features)
    assert (log_weights[:, [4, 6]] == 0).all()
    assert not log_weights.isnan().any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_of_the_module_and_autocast_change_nothing(batch, dtype):
    places, features = batch
    features = features.to(dtype)
    expected = NegativeWeights(RESIDUAL).log_weights(places, places, features, features)
    for module in (NegativeWeights(RESIDUAL).half(), NegativeWeights(RESIDUAL).to(torch.bfloat16)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(module.log_weights(places, places, features, features), expected)


@pytest.mark.parametrize("scheme", [RESIDUAL, DECORRELATION, ResidualWeighting(Stable(0.1, 0.4, 900.0, 0.6))])
def test_the_module_compiles_to_one_graph_and_exports_with_dynamic_shapes(batch, scheme):
    places, features = batch
    module = NegativeWeights(scheme)
    arguments = (places[:6], places, features[:6], features)
    expected = module(*arguments)
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*arguments), expected)
    rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
    dynamic = ({0: rows}, {0: columns}, {0: rows}, {0: columns})
    exported = torch.export.export(module, arguments, dynamic_shapes=dynamic, strict=False).module()
    shorter = (places[:4], places[:5], features[:4], features[:5])
    torch.testing.assert_close(exported(*shorter), module(*shorter))
    torch._dynamo.reset()


def test_the_state_dict_brings_the_curve_back():
    saved = NegativeWeights(RESIDUAL).state_dict()
    module = NegativeWeights(DecorrelationWeighting(Spherical(0.0, 1.0, 5.0)))
    module.load_state_dict(saved)
    assert module.scheme == RESIDUAL
    with pytest.raises(ValueError, match=r"saved with.*'order': 'lonlat'.*this module has.*'order': 'latlon'"):
        NegativeWeights(RESIDUAL, order="latlon").load_state_dict(saved)
    saved["_extra_state"] = saved["_extra_state"].replace("0.4", "0.5")
    with pytest.raises(DataError, match="does not match its checksum"):
        module.load_state_dict(saved)


def test_the_module_prints_its_settings():
    text = repr(NegativeWeights(DECORRELATION, order="latlon"))
    assert repr(DECORRELATION) in text
    assert "order='latlon', units='deg', coincident='mask'" in text


def _denominator_by_hand(logits, log_weights, target):
    """Return the loss with its weighted denominator spelled out in float64."""
    weights = log_weights.double().exp()
    total = torch.zeros((), dtype=torch.float64)
    for row, positive in enumerate(target.tolist()):
        numerator = logits[row, positive].exp()
        denominator = numerator
        for column in range(logits.shape[1]):
            if column != positive:
                denominator = denominator + weights[row, column] * logits[row, column].exp()
        total = total - (numerator / denominator).log()
    return total / len(target)


def test_the_loss_and_its_gradient_equal_a_denominator_weighted_by_hand(batch):
    places, features = batch
    log_weights = NegativeWeights(RESIDUAL).log_weights(places[:6], places, features[:6], features)
    assert torch.isinf(log_weights).any()
    target = torch.arange(6)
    logits = torch.randn(6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 3
    ours, hand = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss, expected = weighted_cross_entropy(ours, log_weights, target), _denominator_by_hand(hand, log_weights, target)
    assert loss.dtype == torch.float64
    assert loss.item() == pytest.approx(expected.item(), rel=1e-14)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, hand.grad, rtol=0, atol=1e-15)
    assert (ours.grad[torch.isinf(log_weights)] == 0).all()


def test_the_entry_at_the_target_is_no_weight(batch):
    """The positives stand behind a queue, and the weights were made for the diagonal."""
    places, _ = batch
    target = torch.tensor([3, 4, 5, 6, 7, 8])
    places = torch.cat([places[6:], places[:6]])
    logits = torch.randn(6, 9, generator=torch.Generator().manual_seed(5))
    module = NegativeWeights(DECORRELATION)
    forgotten = module.log_weights(places[3:], places)
    assert (forgotten[torch.arange(6), target] == -math.inf).all()
    assert torch.isfinite(weighted_cross_entropy(logits, forgotten, target))
    made_for_them = module.log_weights(places[3:], places, positives=target)
    assert weighted_cross_entropy(logits, made_for_them, target) == weighted_cross_entropy(
        logits, made_for_them.scatter(1, target[:, None], 5.0), target
    )


def test_without_weights_the_loss_is_plain_infonce_and_half_precision_is_raised():
    logits = torch.randn(5, 8, generator=torch.Generator().manual_seed(2))
    target = torch.arange(5)
    plain = torch.nn.functional.cross_entropy(logits, target)
    assert torch.equal(weighted_cross_entropy(logits, torch.zeros(5, 8), target), plain)
    assert weighted_cross_entropy(logits.bfloat16(), torch.zeros(5, 8), target).dtype == torch.float32


def test_soft_targets_are_the_rows_of_the_kernel(batch):
    places, _ = batch
    lag = np.array([[reference.lag("great_circle", a, b) for b in places.numpy()] for a in places.numpy()[:6]])
    kernel = np.exp(-lag / 500.0)
    expected = kernel / kernel.sum(axis=1, keepdims=True)
    targets = SoftTargets(lambda lag: torch.exp(-lag / 500.0))(places[:6], places)
    np.testing.assert_allclose(targets, expected, rtol=1e-5, atol=1e-7)
    curve = SoftTargets(Exponential(0.1, 0.4, 500.0 * math.log(20)))(places[:6], places)
    torch.testing.assert_close(curve, targets)


def test_mixing_moves_from_one_hot_to_the_kernel(batch):
    places, _ = batch
    soft, half, hard = (SoftTargets(MODEL, mixing=mixing)(places[:6], places) for mixing in (1.0, 0.5, 0.0))
    assert torch.equal(hard, torch.eye(6, 9))
    torch.testing.assert_close(half, (soft + hard) / 2)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(6))
    other_way = SoftTargets(MODEL)(places, places[:6], positives=torch.tensor([0, 1, 2, 3, 4, 5, 0, 1, 2]))
    torch.testing.assert_close(other_way.sum(dim=1), torch.ones(9))


def test_soft_targets_print_their_settings():
    assert repr(SoftTargets(MODEL, order="latlon")) == (
        f"SoftTargets({MODEL!r}, mixing=1.0, order='latlon', units='deg')"
    )


def test_soft_cross_entropy_is_the_definition_and_plain_for_one_hot():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 6, dtype=torch.float64, generator=generator)
    targets = torch.rand(4, 6, dtype=torch.float64, generator=generator)
    targets = targets / targets.sum(dim=1, keepdim=True)
    by_hand = -(targets * (logits - logits.exp().sum(dim=1, keepdim=True).log())).sum() / 4
    torch.testing.assert_close(soft_cross_entropy(logits, targets), by_hand)
    one_hot = torch.eye(4, 6, dtype=torch.float64)
    torch.testing.assert_close(
        soft_cross_entropy(logits, one_hot), torch.nn.functional.cross_entropy(logits, torch.arange(4))
    )


PLACES = torch.zeros(3, 2)
FEATURES = torch.ones(3, 4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: NegativeWeights(ThesisMultiplier(Stable(0.1, 0.3, 2000.0, 0.9))),
            TypeError,
            "is none: call it on lag",
        ),
        (lambda: NegativeWeights(RESIDUAL, order="xy"), ValueError, "order 'xy'.*'lonlat', 'latlon'"),
        (lambda: NegativeWeights(RESIDUAL, units="km"), ValueError, "units 'km'.*'deg', 'rad', 'e7'"),
        (lambda: NegativeWeights(RESIDUAL, coincident="x"), ValueError, "coincident 'x'"),
        (lambda: NegativeWeights(RESIDUAL)(PLACES, PLACES), TypeError, "needs feats_a and feats_b"),
        (lambda: NegativeWeights(RESIDUAL)(PLACES, PLACES, FEATURES[:2], FEATURES), ValueError, "feats_a of shape"),
        (lambda: NegativeWeights(DECORRELATION)(PLACES.T, PLACES), ValueError, r"coords_a of shape \(2, 3\)"),
        (lambda: NegativeWeights(DECORRELATION)(PLACES.bfloat16(), PLACES), TypeError, 'int32 with units="e7"'),
        (lambda: NegativeWeights(DECORRELATION, units="e7")(PLACES, PLACES), TypeError, "torch.int32 or torch.int64"),
        (lambda: NegativeWeights(DECORRELATION)(PLACES, PLACES[:2]), ValueError, "the diagonal does not fit"),
        (
            lambda: NegativeWeights(DECORRELATION)(PLACES, PLACES, positives=torch.tensor([0.0, 1, 2])),
            ValueError,
            r"Must be \(3,\) int64",
        ),
        (lambda: SoftTargets(Exponential), TypeError, "not its class"),
        (lambda: SoftTargets("exp"), TypeError, "kernel 'exp'"),
        (lambda: NegativeWeights(RESIDUAL)(PLACES.numpy(), PLACES), TypeError, "Must be a tensor: torch.as_tensor"),
        (
            lambda: NegativeWeights(RESIDUAL)(PLACES, PLACES, FEATURES, FEATURES[:, :2]),
            ValueError,
            "4 columns but feats_b has 2",
        ),
        (
            lambda: weighted_cross_entropy(torch.zeros(3, 3), torch.zeros(3, 3), torch.zeros(3, 3)),
            ValueError,
            "For soft labels use soft_cross_entropy",
        ),
        (lambda: SoftTargets(MODEL, mixing=1.5), ValueError, "mixing '1.5'. Must be at most 1"),
        (
            lambda: weighted_cross_entropy(torch.zeros(3, 3), torch.zeros(3, 4), torch.arange(3)),
            ValueError,
            r"log_weights of shape \(3, 4\) for logits \(3, 3\)",
        ),
        (lambda: soft_cross_entropy(torch.zeros(3, 3), torch.zeros(3)), ValueError, r"targets of shape \(3,\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_without_torch_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[torch\]'"):
        runpy.run_path(variogeo.nn.__file__)


def test_broken_coordinates_give_nan_and_no_weight(batch):
    places, features = batch
    broken = places.clone()
    broken[1, 0] = math.nan
    for scheme in (RESIDUAL, DECORRELATION):
        log_weights = NegativeWeights(scheme).log_weights(broken[:6], broken, features[:6], features)
        off = ~torch.eye(6, 9, dtype=torch.bool)
        assert log_weights[1][off[1]].isnan().all()
        assert log_weights[:, 1][off[:, 1]].isnan().all()


@pytest.mark.parametrize(("scale", "dtype"), [(1e-25, torch.float32), (1e25, torch.float32), (1e200, torch.float64)])
def test_the_length_of_the_features_does_not_matter(batch, scale, dtype):
    places, features = batch
    expected = NegativeWeights(RESIDUAL).log_weights(places, places, features, features)
    scaled = features.to(dtype) * scale
    torch.testing.assert_close(NegativeWeights(RESIDUAL).log_weights(places, places, scaled, scaled), expected)


def test_a_scheme_of_the_users_own_works_and_stays_out_of_the_state(batch):
    class Nothing(Weighting):
        needs_dissimilarity = False

        def __call__(self, lag, dissimilarity=None):
            del dissimilarity
            return 0.0 * lag

    places, _ = batch
    module = NegativeWeights(Nothing())
    assert (module.log_weights(places[:6], places[:6]) == 0).all()
    module.load_state_dict(module.state_dict())
    assert isinstance(module.scheme, Nothing)
