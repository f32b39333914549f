"""Kernels of the lag against closed forms, on numpy and torch."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import (
    CorrelogramKernel,
    Exponential,
    ExponentialKernel,
    GaussianKernel,
    Nested,
    PowerKernel,
    SimilarityKernel,
    Spherical,
    Stable,
    StepKernel,
)

CURVE = Exponential(nugget=0.1, partial_sill=0.2, effective_range=100.0)
LAG = [0.0, 0.001, 1.0, 30.0, 75.0, 100.0, 20_015.0]

BY_HAND = [
    (ExponentialKernel(75.0), lambda h: math.exp(-h / 75)),
    (GaussianKernel(30.0), lambda h: math.exp(-((h / 30) ** 2) / 2)),
    (PowerKernel(10.0, 1.5), lambda h: 1 / (1 + h / 10) ** 1.5),
    (StepKernel(75.0), lambda h: 1.0 if h <= 75 else 0.0),
    (CorrelogramKernel(CURVE), lambda h: 20 ** (-h / 100)),
    (SimilarityKernel(CURVE, 0.05), lambda h: math.exp(-((0.1 + 0.2 * (1 - 20 ** (-h / 100))) if h else 0.0) / 0.05)),
]
KERNELS = [kernel for kernel, _ in BY_HAND]
NAMES = [type(kernel).__name__ for kernel in KERNELS]


@pytest.mark.parametrize(("kernel", "by_hand"), BY_HAND, ids=NAMES)
def test_each_kernel_is_its_formula(kernel, by_hand):
    expected = [by_hand(h) for h in LAG]
    np.testing.assert_allclose(kernel(LAG), expected, rtol=1e-13, atol=1e-16)
    for dtype, rtol in ((torch.float64, 1e-13), (torch.float32, 1e-5)):
        value = kernel(torch.tensor(LAG, dtype=dtype))
        assert value.dtype == dtype
        # 1 + expm1(-x) of the correlogram is right to the rounding of 1.
        np.testing.assert_allclose(value, expected, rtol=rtol, atol=torch.finfo(dtype).eps)


@pytest.mark.parametrize("kernel", KERNELS, ids=NAMES)
@settings(deadline=None)
@given(lag=st.lists(st.floats(0, 20_016), min_size=2, max_size=8))
def test_a_kernel_falls_with_the_lag_and_stays_within_0_and_1(kernel, lag):
    value = kernel(np.sort(lag))
    assert ((value >= 0) & (value <= 1)).all()
    assert (np.diff(value) <= 1e-15).all()


@settings(deadline=None)
@given(scale=st.floats(1e-6, 1e6), power=st.floats(1e-3, 50), lag=st.floats(0, 20_016, width=32))
def test_extreme_scales_underflow_to_zero_and_never_to_nan(scale, power, lag):
    for kernel in (ExponentialKernel(scale), GaussianKernel(scale), PowerKernel(scale, power), StepKernel(scale)):
        for dtype in (torch.float32, torch.float64):
            value = kernel(torch.tensor([lag], dtype=dtype))
            assert 0 <= value.item() <= 1
        assert 0 <= kernel(lag) <= 1


@pytest.mark.parametrize("kernel", KERNELS, ids=NAMES)
def test_an_infinite_lag_counts_nothing_or_what_the_sill_leaves(kernel):
    expected = math.exp(-0.3 / 0.05) if isinstance(kernel, SimilarityKernel) else 0.0
    assert kernel(math.inf) == pytest.approx(expected)
    assert kernel(torch.tensor(math.inf)).item() == pytest.approx(expected)


def test_the_label_smoothing_of_pigeon_is_the_exponential_kernel_after_normalisation():
    lag = np.random.default_rng(0).uniform(3, 800, (5, 40))
    pigeon = np.exp(-(lag - lag.min(axis=1, keepdims=True)) / 75)
    ours = ExponentialKernel(75.0)(lag)
    np.testing.assert_allclose(
        ours / ours.sum(axis=1, keepdims=True), pigeon / pigeon.sum(axis=1, keepdims=True), rtol=1e-13
    )


def test_rows_of_the_similarity_kernel_are_the_softmax_of_x_clr():
    lag = torch.rand(4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 300
    value = SimilarityKernel(CURVE, 0.07)(lag)
    softmax = torch.softmax(-CURVE(lag) / 0.07, dim=1)
    torch.testing.assert_close(value / value.sum(dim=1, keepdim=True), softmax, rtol=1e-13, atol=0)


def test_the_correlogram_of_a_nested_curve_is_the_mean_of_its_parts():
    short, long = Spherical(0.1, 0.3, 10.0), Stable(0.0, 0.1, 900.0, 0.7)
    lag = np.array([0.0, 2.0, 50.0, 3000.0])
    expected = 0.75 * short.correlogram(lag) + 0.25 * long.correlogram(lag)
    np.testing.assert_allclose(CorrelogramKernel(Nested(short, long))(lag), expected, rtol=1e-13, atol=1e-15)


def test_kernels_are_values():
    assert ExponentialKernel(75) == ExponentialKernel(75.0)
    assert repr(PowerKernel(10, 2)) == "PowerKernel(scale=10.0, power=2.0)"
    assert len({StepKernel(1.0), StepKernel(1.0), GaussianKernel(1.0)}) == 2
    with pytest.raises(AttributeError):
        StepKernel(1.0).scale = 2.0  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ExponentialKernel(0.0), ValueError, r"scale '0.0'. Must be greater than 0 \(km\)"),
        (lambda: GaussianKernel("75"), TypeError, "scale '75'. Must be a number"),
        (lambda: StepKernel(math.nan), ValueError, "scale 'nan'"),
        (lambda: PowerKernel(1.0, -1.0), ValueError, "power '-1.0'. Must be greater than 0"),
        (lambda: PowerKernel(math.inf, 1.0), ValueError, "scale 'inf'"),
        (lambda: CorrelogramKernel(75.0), TypeError, "model of type float"),
        (lambda: CorrelogramKernel(Exponential), TypeError, "model Exponential: a class"),
        (lambda: CorrelogramKernel(Exponential(0.1, 0.0, 10.0)), ValueError, "a pure nugget has no correlogram"),
        (lambda: SimilarityKernel(CURVE, 0.0), ValueError, "temperature '0.0'"),
        (lambda: SimilarityKernel(Exponential(0.0, 0.0, 10.0), 1.0), ValueError, "sill of zero"),
        (lambda: ExponentialKernel(1.0)([-1.0, 2.0]), ValueError, "lag '-1.0'. Must not be negative"),
    ],
)
def test_what_is_no_kernel_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
