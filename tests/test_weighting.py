"""Schemes: formulas by hand, numpy equal to torch, the thesis' rule and its failure."""

import dataclasses
import math

import numpy as np
import pytest

from variogeo import DecorrelationWeighting, Exponential, Gaussian, ResidualWeighting, Stable, ThesisMultiplier

MODEL = Exponential(nugget=0.1, partial_sill=0.4, effective_range=1000.0)
THESIS = Stable(nugget=0.1, partial_sill=0.3, effective_range=2000.0, shape=0.9)
SCHEMES = [
    DecorrelationWeighting(MODEL),
    ResidualWeighting(MODEL, 2.0, spread=0.1),
    ResidualWeighting(MODEL, 2.0, beyond=math.inf),
    ResidualWeighting(MODEL, 2.0, within=0.0),
    ResidualWeighting(MODEL, beyond=2000.0, within=25.0),
    ThesisMultiplier(THESIS),
]
LAG, DISSIMILARITY = np.meshgrid(np.concatenate([[0.0], np.geomspace(1e-3, 2e4, 40)]), np.linspace(0, 1, 11))


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 2e-5)])
def test_numpy_and_torch_give_the_same_weights(scheme, dtype, tolerance, torch):
    precision = getattr(torch, dtype)
    tensor = scheme(torch.tensor(LAG, dtype=precision), torch.tensor(DISSIMILARITY, dtype=precision))
    assert tensor.dtype == precision
    np.testing.assert_allclose(tensor.numpy(), scheme(LAG, DISSIMILARITY), rtol=tolerance, atol=tolerance)


def test_decorrelation_is_the_share_of_the_sill_that_is_reached():
    scheme = DecorrelationWeighting(MODEL)
    assert scheme(500.0) == pytest.approx(math.log((0.1 + 0.4 * (1 - 20**-0.5)) / 0.5))
    assert scheme(0.0) == -math.inf
    assert scheme(2e4) == pytest.approx(0.0, abs=1e-12)
    assert scheme(500.0, 0.9) == scheme(500.0)
    assert not scheme.needs_dissimilarity


def test_the_residual_raises_similar_and_far_and_lowers_similar_and_near():
    scheme = ResidualWeighting(MODEL, 3.0, spread=0.05)
    assert scheme.needs_dissimilarity
    far, near = MODEL(5000.0), MODEL(500.0)
    assert scheme(5000.0, 0.2) == pytest.approx(3 * (far - 0.2) / 0.05)
    assert scheme(500.0, 0.2) == pytest.approx(-3 * (near - 0.2) / 0.05)
    assert scheme(5000.0, far + 0.1) == 0.0
    assert scheme(500.0, near + 0.1) == 0.0


def test_the_thresholds_default_to_the_effective_range_which_is_near():
    scheme = ResidualWeighting(MODEL)
    assert (scheme.beyond, scheme.within) == (1000.0, 1000.0)
    assert scheme(1000.0, 0.0) < 0 < scheme(np.nextafter(1000.0, 2000.0), 0.0)


def test_between_the_thresholds_nothing_changes():
    scheme = ResidualWeighting(MODEL, beyond=2000.0, within=25.0)
    assert scheme([25.0, 26.0, 2000.0, 2001.0], [0.0] * 4).tolist() == [
        pytest.approx(-MODEL(25.0)), 0.0, 0.0, pytest.approx(MODEL(2001.0)),
    ]  # fmt: skip


def test_infinity_and_zero_switch_a_side_off():
    assert (ResidualWeighting(MODEL, beyond=math.inf)(LAG, DISSIMILARITY) <= 0).all()
    assert (ResidualWeighting(MODEL, within=0.0)(LAG, DISSIMILARITY) >= 0).all()


def test_a_place_without_an_image_keeps_weight_one():
    assert ResidualWeighting(MODEL)([10.0, 5000.0], [np.nan, np.nan]).tolist() == [0.0, 0.0]


def test_the_thesis_multiplier_raises_near_pairs_that_are_more_dissimilar_than_expected():
    scheme = ThesisMultiplier(THESIS)
    assert scheme(100.0, 0.9) == pytest.approx(math.exp(0.9 - THESIS(100.0)))
    assert scheme(100.0, 0.0) == 1.0
    assert scheme(scheme.rho + 1, 0.9) == 1.0


def test_the_range_of_the_thesis_is_the_first_flat_point_of_its_grid():
    radians = np.arange(0, math.pi, 0.01)
    step = 1e-7
    slope = (THESIS((radians + step) * 6371.0088) - THESIS(np.abs(radians - step) * 6371.0088)) / (2 * step)
    flat = [t for t, s in zip(radians, slope, strict=True) if t > 0 and s < 1e-2]
    assert ThesisMultiplier(THESIS).rho == pytest.approx(flat[0] * 6371.0088)


def test_the_rule_of_the_thesis_fails_for_flat_starts_and_for_curves_that_never_flatten():
    assert ThesisMultiplier(Gaussian(0.1, 0.3, 2000.0)).rho == 0.0
    with pytest.raises(ValueError, match=r"slope stays above 0\.01 per radian"):
        ThesisMultiplier(Exponential(0.0, 1.0, 60_000.0))


def test_a_threshold_that_is_not_given_makes_way_for_the_other():
    short = ResidualWeighting(MODEL, beyond="integral_scale")
    assert short.within == short.beyond == MODEL.integral_scale < MODEL.effective_range
    wide = ResidualWeighting(MODEL, within=2 * MODEL.effective_range)
    assert wide.beyond == wide.within == 2 * MODEL.effective_range
    assert ResidualWeighting(MODEL, beyond=2 * MODEL.effective_range).within == MODEL.effective_range


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: DecorrelationWeighting(Exponential), TypeError, "Must be a variogram model"),
        (lambda: DecorrelationWeighting(Exponential(0, 0, 1)), ValueError, "sill of zero"),
        (lambda: ResidualWeighting(MODEL, -1.0), ValueError, "strength '-1.0'"),
        (lambda: ResidualWeighting(MODEL, spread=0.0), ValueError, "spread '0.0'"),
        (lambda: ResidualWeighting(MODEL, within=-1.0), ValueError, "within '-1.0'.*at least 0"),
        (lambda: ResidualWeighting(MODEL, beyond=math.nan), ValueError, "beyond 'nan'"),
        (lambda: ResidualWeighting(MODEL, beyond=10.0, within=20.0), ValueError, "Must not overlap"),
        (lambda: ResidualWeighting(MODEL)(5.0), TypeError, "needs the dissimilarity"),
        (lambda: ThesisMultiplier(THESIS)(5.0), TypeError, "needs the dissimilarity"),
    ],
)
def test_what_makes_no_weight_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_thresholds_may_be_the_name_of_a_range_and_become_km():
    scheme = ResidualWeighting(THESIS, beyond="slope_range", within="integral_scale")
    assert (scheme.beyond, scheme.within) == (THESIS.slope_range, THESIS.integral_scale)
    named = ResidualWeighting(THESIS, beyond="effective_range", within="effective_range")
    assert named == ResidualWeighting(THESIS)
    assert dataclasses.replace(scheme, strength=2.0).beyond == THESIS.slope_range


@pytest.mark.parametrize("name", ["beyond", "within"])
@pytest.mark.parametrize("given", ["5000", "", "sill"])
def test_other_names_of_thresholds_are_refused_with_the_known_ones(name, given):
    words = f"Invalid {name} '{given}'. Must be a number .km., or one of 'effective_range', 'slope_range', 'integral_s"
    with pytest.raises(ValueError, match=words):
        ResidualWeighting(MODEL, **{name: given})


def test_a_threshold_that_the_curve_does_not_have_is_refused():
    with pytest.raises(ValueError, match="has no slope range"):
        ResidualWeighting(Exponential(0.0, 1.0, 60_000.0), beyond="slope_range")


@pytest.mark.parametrize(("name", "given"), [("beyond", b"5000"), ("within", True), ("beyond", [1.0])])
def test_thresholds_must_be_numbers(name, given):
    with pytest.raises(TypeError, match=f"{name} .*Must be a number"):
        ResidualWeighting(MODEL, **{name: given})
