"""Soft targets against double loops, and the contract of the module."""

import math

import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from variogeo import (
    CorrelogramKernel,
    Exponential,
    ExponentialKernel,
    GaussianKernel,
    NearWeighting,
    Nested,
    PowerKernel,
    SimilarityKernel,
    Spherical,
    StepKernel,
    datasets,
)
from variogeo.nn import PairLogits, SoftTargets, pack, soft_cross_entropy, unpack

MODEL = Exponential(nugget=0.1, partial_sill=0.4, effective_range=1000.0)
KERNELS = [
    ExponentialKernel(75.0),
    ExponentialKernel(0.001),
    GaussianKernel(200.0),
    PowerKernel(10.0, 1.0),
    StepKernel(25.0),
    CorrelogramKernel(Nested(Spherical(0.1, 0.3, 20.0), Exponential(0.0, 0.2, 1200.0))),
    SimilarityKernel(MODEL, 0.01),
    MODEL,
]
DEGREES = {"order": "lonlat", "units": "deg"}


@pytest.fixture(scope="module")
def places():
    """9 places; the last two repeat others, and 0 and 3 are 1.3 km apart."""
    random = np.random.default_rng(4)
    lonlat = np.column_stack([random.uniform(-180, 180, 9), random.uniform(-80, 80, 9)])
    lonlat[3] = lonlat[0] + 0.01
    lonlat[7], lonlat[8] = lonlat[1], lonlat[2]
    return torch.tensor(lonlat)


@pytest.fixture(scope="module")
def photos():
    """512 real photo positions, and the same moved by some 150 m."""
    random = np.random.default_rng(0)
    lonlat = datasets.geoclip_photos().lonlat
    lonlat = lonlat[random.permutation(len(lonlat))[:512]]
    return torch.tensor(lonlat), torch.tensor(lonlat + random.normal(scale=0.0015, size=lonlat.shape))


def _by_hand(kernel, rows, columns, positives, *, mixing=1.0, cutoff=math.inf, top_k=None):
    """Return the labels by loops over rows and columns, with haversine lags in float64."""
    labels = np.zeros((len(rows), len(columns)))
    for i, (a, positive) in enumerate(zip(rows, positives, strict=True)):
        lag = [reference.lag("great_circle", a, b) for b in columns]
        lag = [0.0 if j == positive or h < 1e-6 else h for j, h in enumerate(lag)]
        furthest = math.inf if top_k is None else sorted(lag)[min(top_k, len(lag)) - 1]
        value = [float(kernel(h)) if h <= cutoff and h <= furthest else 0.0 for h in lag]
        for j, k in enumerate(value):
            labels[i, j] = (1 - mixing) * (j == positive) + mixing * k / sum(value)
    return labels


@pytest.mark.parametrize("options", [{}, {"cutoff": 9000.0}, {"top_k": 3}, {"mixing": 0.3, "cutoff": 5.0, "top_k": 2}])
@pytest.mark.parametrize("kernel", [ExponentialKernel(4000.0), PowerKernel(100.0, 2.0), SimilarityKernel(MODEL, 0.2)])
def test_soft_targets_equal_a_double_loop(places, kernel, options):
    targets = SoftTargets(kernel, **DEGREES, **options)(places[:6], places)
    assert (targets.dtype, tuple(targets.shape), targets.requires_grad) == (torch.float32, (6, 9), False)
    expected = _by_hand(kernel, places[:6].numpy(), places.numpy(), range(6), **options)
    np.testing.assert_allclose(targets, expected, rtol=1e-5, atol=1e-7)


def test_positives_may_stand_anywhere_and_their_lag_counts_as_zero(places):
    positives = [8, 0, 1, 2, 3, 4]
    targets = SoftTargets(ExponentialKernel(4000.0), top_k=4, **DEGREES)
    found = targets(places[:6], places, positives=torch.tensor(positives))
    expected = _by_hand(ExponentialKernel(4000.0), places[:6].numpy(), places.numpy(), positives, top_k=4)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert targets.self_mass(found, positives=torch.tensor(positives)).item() == pytest.approx(
        expected[range(6), positives].mean(), rel=1e-5
    )


@pytest.mark.parametrize("options", [{}, {"top_k": 5}, {"cutoff": 100.0}, {"mixing": 0.4}], ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_rows_of_both_directions_sum_to_one_for_real_photos(photos, kernel, options):
    lonlat, moved = photos
    targets = SoftTargets(kernel, **DEGREES, **options)
    for direction in targets.both(lonlat, moved):
        assert (direction >= 0).all()
        assert (direction.double().sum(dim=1) - 1).abs().max() < 1e-6
        assert (direction.diagonal() > 0).all()


def test_both_directions_are_the_two_calls_and_not_a_transpose(photos):
    lonlat, moved = photos[0][:60], photos[1][:60]
    targets = SoftTargets(ExponentialKernel(300.0), top_k=7, **DEGREES)
    forth, back = targets.both(lonlat, moved)
    torch.testing.assert_close(forth, targets(lonlat, moved), rtol=0, atol=0)
    torch.testing.assert_close(back, targets(moved, lonlat), rtol=1e-6, atol=1e-9)
    assert (forth.T.sum(dim=1) - 1).abs().max() > 0.1
    same, same_back = targets.both(lonlat)
    assert torch.equal(same, targets(lonlat, lonlat))
    assert torch.equal(same, same_back)


def test_the_far_underflow_and_the_positive_keeps_the_row():
    lonlat = torch.tensor([[0.0, 0.0], [90.0, 0.0], [180.0, 0.0], [-90.0, 5.0]])
    for kernel in (ExponentialKernel(0.01), GaussianKernel(1e-6), StepKernel(1.0), SimilarityKernel(MODEL, 1e-6)):
        assert torch.equal(SoftTargets(kernel, **DEGREES)(lonlat, lonlat), torch.eye(4))


def test_samples_at_one_place_share_its_label():
    lonlat = torch.tensor([[180.0, 10.0], [-180.0, 10.0], [0.0, 0.0]], dtype=torch.float64)
    expected = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    # With a nugget the kernel jumps at lag 0: a rounding of the antimeridian must not count as a distance.
    for kernel in (ExponentialKernel(1.0), SimilarityKernel(MODEL, 0.001)):
        assert torch.equal(SoftTargets(kernel, **DEGREES)(lonlat, lonlat), expected)


def test_ties_with_the_last_of_top_k_are_all_kept_in_any_order_of_columns():
    lonlat = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    targets = SoftTargets(StepKernel(1e4), top_k=2, **DEGREES)
    expected = torch.tensor([[0.25, 0.25, 0.25, 0.25, 0.0]])
    assert torch.equal(targets(lonlat[:1], lonlat), expected)
    order = torch.tensor([4, 2, 0, 1, 3])
    assert torch.equal(targets(lonlat[:1], lonlat[order], positives=torch.tensor([2])), expected[:, order])
    assert torch.equal(SoftTargets(StepKernel(1e4), top_k=1, **DEGREES)(lonlat[:1], lonlat), torch.eye(5)[:1])
    everything = SoftTargets(StepKernel(1e4), top_k=99, **DEGREES)(lonlat[:1], lonlat)
    torch.testing.assert_close(everything, torch.full((1, 5), 0.2))


@settings(deadline=None, max_examples=40)
@given(
    lonlat=st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=12),
    scale=st.floats(1e-3, 2e4),
    mixing=st.floats(0, 1),
    cutoff=st.none() | st.floats(0, 2e4),
    top_k=st.none() | st.integers(1, 15),
)
def test_rows_sum_to_one_whatever_is_left_out(lonlat, scale, mixing, cutoff, top_k):
    targets = SoftTargets(ExponentialKernel(scale), mixing=mixing, cutoff=cutoff, top_k=top_k, **DEGREES)
    places = torch.tensor(lonlat, dtype=torch.float64)
    labels = targets(places, places)
    assert (labels.double().sum(dim=1) - 1).abs().max() < 1e-6
    assert (labels.diagonal() >= labels.max(dim=1).values - 1e-7).all()


def test_mixing_moves_from_one_hot_to_the_kernel(places):
    soft, half, hard = (SoftTargets(MODEL, mixing=mixing, **DEGREES)(places[:6], places) for mixing in (1.0, 0.5, 0.0))
    assert torch.equal(hard, torch.eye(6, 9))
    torch.testing.assert_close(half, (soft + hard) / 2)


def test_a_model_stands_for_its_correlogram_and_a_function_for_itself(places):
    expected = SoftTargets(ExponentialKernel(500.0), **DEGREES)(places, places)
    model = SoftTargets(Exponential(0.1, 0.4, 500.0 * math.log(20)), **DEGREES)(places, places)
    function = SoftTargets(lambda lag: torch.exp(-lag / 500.0), **DEGREES)(places, places)
    torch.testing.assert_close(model, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(function, expected)


def test_order_and_units_are_only_spellings(places):
    places = (places * 1e5).round() / 1e5
    expected = SoftTargets(MODEL, **DEGREES)(places, places)
    _, xyz = unpack(pack(torch.zeros(9, 2), places, **DEGREES))
    spellings = {
        ("latlon", "deg"): places.flip(1),
        ("lonlat", "rad"): torch.deg2rad(places),
        ("latlon", "e7"): (places.flip(1) * 1e7).round().to(torch.int32),
        (None, "xyz"): xyz,
    }
    for (order, units), coords in spellings.items():
        # Unit vectors of float32 are rounded by half a metre.
        torch.testing.assert_close(
            SoftTargets(MODEL, order=order, units=units)(coords, coords), expected, atol=5e-4, rtol=0
        )


def test_rows_by_slices_are_the_rows_and_feed_the_chunked_loss(photos):
    lonlat, moved = photos[0][:100], photos[1]
    targets = SoftTargets(MODEL, top_k=20, **DEGREES)
    positives = torch.randperm(512, generator=torch.Generator().manual_seed(0))[:100]
    whole, by_rows = targets(lonlat, moved, positives=positives), targets.by_rows(lonlat, moved, positives=positives)
    for rows in (slice(0, 30), slice(30, 100), slice(99, 100)):
        torch.testing.assert_close(by_rows(rows), whole[rows], rtol=1e-6, atol=1e-9)
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(100, 8, generator=generator), torch.randn(512, 8, generator=generator)
    chunked = soft_cross_entropy(PairLogits(a, b, 2.0), by_rows, chunk=32)
    torch.testing.assert_close(chunked, soft_cross_entropy(2.0 * a @ b.T, whole))


def test_nothing_is_read_back_from_a_device(places):
    """A fake tensor has no values: whatever looked at one would raise."""
    module = SoftTargets(MODEL, cutoff=100.0, top_k=3, mixing=0.5, **DEGREES)
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(places)
        assert module(fake[:6], fake).shape == (6, 9)
        assert [direction.shape for direction in module.both(fake)] == [(9, 9), (9, 9)]
        assert module.by_rows(fake, fake)(slice(2, 5)).shape == (3, 9)
        assert module.self_mass(module(fake, fake)).shape == ()
        with pytest.raises(DataDependentOutputException):
            fake.sum().item()


def test_self_mass_is_the_mean_label_of_the_positives():
    labels = torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])
    assert SoftTargets.self_mass(labels).item() == 0.625
    assert SoftTargets.self_mass(labels, positives=torch.tensor([1, 0])).item() == 0.375


def test_half_precision_of_the_module_and_autocast_change_nothing(places):
    expected = SoftTargets(MODEL, **DEGREES)(places, places)
    for module in (SoftTargets(MODEL, **DEGREES).half(), SoftTargets(MODEL, **DEGREES).to(torch.bfloat16)):
        for dtype in (torch.bfloat16, torch.float16):
            with torch.autocast("cpu", dtype=dtype):
                assert torch.equal(module(places, places), expected)
                assert torch.equal(module.both(places)[1], expected)
                assert torch.equal(module.by_rows(places, places)(slice(2, 5)), expected[2:5])


def test_the_module_compiles_to_one_graph(places):
    module = SoftTargets(ExponentialKernel(4000.0), cutoff=9000.0, top_k=3, mixing=0.5, **DEGREES)
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="eager")
    torch.testing.assert_close(compiled(places[:6], places), module(places[:6], places))
    torch._dynamo.reset()


def test_the_module_exports_with_dynamic_shapes(places):
    module = SoftTargets(ExponentialKernel(4000.0), cutoff=9000.0, top_k=3, mixing=0.5, **DEGREES)
    dynamic = ({0: torch.export.Dim("rows")}, {0: torch.export.Dim("columns")})
    exported = torch.export.export(module, (places[:6], places), dynamic_shapes=dynamic, strict=False).module()
    for rows, columns in ((4, 5), (1, 2)):
        arguments = places[:rows], places[:columns]
        torch.testing.assert_close(exported(*arguments), module(*arguments))


def test_the_module_prints_its_settings_and_has_no_state():
    module = SoftTargets(MODEL, cutoff=100, **DEGREES)
    assert repr(module) == (
        f"SoftTargets({MODEL!r}, order='lonlat', units='deg', mixing=1.0, cutoff=100.0, top_k=None)"
    )
    assert module.state_dict() == {}


PLACES = torch.zeros(3, 2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: SoftTargets(MODEL, units="deg"), TypeError, "order is not given"),
        (lambda: SoftTargets(MODEL, order="lonlat"), TypeError, "units is not given"),
        (lambda: SoftTargets(Exponential, **DEGREES), TypeError, "not their classes"),
        (lambda: SoftTargets(ExponentialKernel, **DEGREES), TypeError, "not their classes"),
        (lambda: SoftTargets("exp", **DEGREES), TypeError, "kernel 'exp'"),
        (lambda: SoftTargets(lambda lag: lag.sum(), **DEGREES), TypeError, r"it returns \(\)"),
        (lambda: SoftTargets(lambda lag: lag.tolist(), **DEGREES), TypeError, "it returns list"),
        (lambda: SoftTargets(lambda lag: 1 - lag / 75, **DEGREES), ValueError, "at 0 m, 1 m.*not negative"),
        (lambda: SoftTargets(lambda lag: 1 / lag, **DEGREES), ValueError, "it is inf"),
        (lambda: SoftTargets(lambda lag: lag / (1 + lag), **DEGREES), ValueError, "above 0 at lag 0"),
        (lambda: SoftTargets(MODEL, mixing=1.5, **DEGREES), ValueError, "mixing '1.5'. Must be at most 1"),
        (lambda: SoftTargets(MODEL, mixing=-0.1, **DEGREES), ValueError, "mixing '-0.1'. Must be at least 0"),
        (lambda: SoftTargets(MODEL, cutoff=-1, **DEGREES), ValueError, r"cutoff '-1.0'. Must be at least 0 \(km\)"),
        (lambda: SoftTargets(MODEL, top_k=0, **DEGREES), ValueError, "top_k '0'. Must be a whole number"),
        (lambda: SoftTargets(MODEL, **DEGREES).both(PLACES, torch.zeros(5, 2)), ValueError, "no second direction"),
        (lambda: SoftTargets(MODEL, **DEGREES).both(PLACES, PLACES[:2]), ValueError, "no second direction"),
        (lambda: SoftTargets(MODEL, **DEGREES)(PLACES, PLACES[:2]), ValueError, "the diagonal does not fit"),
        (lambda: SoftTargets(MODEL, **DEGREES)(PLACES.half(), PLACES), TypeError, "half precision moves a place"),
        (lambda: SoftTargets(MODEL, **DEGREES).both([[0.0, 0.0]]), TypeError, "Must be a tensor"),
        (
            lambda: SoftTargets(MODEL, **DEGREES)(torch.tensor([[0.0, math.nan]]), PLACES),
            ValueError,
            "coords_a has coordinates that are NaN",
        ),
        (
            lambda: SoftTargets(MODEL, **DEGREES)(PLACES, torch.tensor([[0.0, 100.0]] * 3)),
            ValueError,
            "coords_b has latitudes beyond 90",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_weighting_is_no_kernel():
    with pytest.raises(TypeError, match="a weighting, which gives log-weights"):
        SoftTargets(NearWeighting(5.0, 100.0), order="lonlat", units="deg")
