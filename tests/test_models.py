"""The models: closed forms, published values, numpy equal to torch."""

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from variogeo import Exponential, Gaussian, Matern, Spherical, Stable

MODELS = [
    Spherical(0.1, 0.4, 300.0),
    Exponential(0.1, 0.4, 300.0),
    Gaussian(0.1, 0.4, 300.0),
    Stable(0.1, 0.4, 300.0, 0.4),
    Stable(0.1, 0.4, 300.0, 1.0),
    Stable(0.1, 0.4, 300.0, 1.7),
    Matern(0.1, 0.4, 300.0, 0.5),
    Matern(0.1, 0.4, 300.0, 1.5),
    Matern(0.1, 0.4, 300.0, 2.5),
]
BOUNDED = (Spherical,)
MODEL_CLASSES = (Spherical, Exponential, Gaussian)
LAG = np.concatenate([[0.0], np.geomspace(1e-6, 2e4, 200)])

each_model = pytest.mark.parametrize("model", MODELS, ids=repr)


@each_model
def test_the_curve_is_zero_at_zero_and_starts_at_the_nugget(model):
    assert model(0.0) == 0.0
    assert model(1e-12) == pytest.approx(0.1, abs=1e-4)
    assert model(1e9) == pytest.approx(model.sill) == pytest.approx(0.5)


@each_model
def test_the_effective_range_holds_95_percent_of_the_partial_sill(model):
    share = 1.0 if isinstance(model, BOUNDED) else 0.95
    assert model(300.0) == pytest.approx(0.1 + share * 0.4, rel=1e-14)


@each_model
def test_the_slope_is_the_derivative(model):
    lag = np.array([1.0, 30.0, 150.0, 299.0, 600.0])
    step = 1e-4 * lag
    difference = (model(lag + step) - model(lag - step)) / (2 * step)
    np.testing.assert_allclose(model.slope(lag), difference, rtol=1e-6, atol=1e-12)


def test_the_slope_at_zero_is_the_right_derivative():
    assert Stable(0, 1, 100.0, 0.5).slope(0.0) == math.inf
    assert Stable(0, 1, 100.0, 1.5).slope(0.0) == 0.0
    assert Stable(0, 1, 100.0, 1.0).slope(0.0) == pytest.approx(Exponential(0, 1, 100.0).slope(0.0))
    assert Spherical(0, 1, 100.0).slope(0.0) == pytest.approx(1.5 / 100)


@each_model
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-15), ("float32", 1e-6)])
def test_numpy_and_torch_give_the_same_curve(model, dtype, tolerance, torch):
    for curve in (model, model.correlogram, model.slope):
        if curve == model.slope and dtype == "float32":
            continue  # unbounded at short lags: no common tolerance
        tensor = curve(torch.tensor(LAG, dtype=getattr(torch, dtype)))
        assert tensor.dtype == getattr(torch, dtype)
        np.testing.assert_allclose(tensor.numpy(), curve(LAG), rtol=tolerance, atol=tolerance)


def test_published_values_of_scikit_gstat_are_met():
    """Rows of scikit-gstat's own tests; its "sill" is the partial sill, its exponential range is 3 a."""
    lag = np.array([5.0, 10, 30, 50, 100])
    log20 = math.log(20)
    np.testing.assert_allclose(Spherical(0, 20, 10)(lag), [13.75, 20, 20, 20, 20], atol=0.005)
    exponential = Exponential(0, 20, 50 / 3 * log20)
    np.testing.assert_allclose(exponential(lag), [5.18, 9.02, 16.69, 19.00, 19.95], atol=0.005)
    gaussian = Gaussian(0, 20, 45 / 2 * math.sqrt(log20))
    np.testing.assert_allclose(gaussian(lag), [0.96, 3.58, 16.62, 19.86, 20.00], atol=0.005)
    stable = Stable(0, 100, 50 * (log20 / 3) ** (1 / 1.5), 1.5)
    np.testing.assert_allclose(stable(lag), [9.05, 23.53, 75.20, 95.02, 99.98], atol=0.005)
    # Its Matern's argument is 4 sqrt(.5) h / r, an exponential at smoothness 1/2.
    matern = Matern(0, 100, 50 / (4 * math.sqrt(0.5)) * log20, 0.5)
    np.testing.assert_allclose(matern(lag), [24.64, 43.20, 81.68, 94.09, 99.65], atol=0.005)


def test_published_values_with_one_nugget_per_lag_are_met():
    """Rows of scikit-gstat's tests whose nuggets are 1 to 5 at the five lags."""
    lag, log20 = [5.0, 10, 30, 50, 100], math.log(20)
    published = {
        lambda nugget: Spherical(nugget, 30, 15): [15.44, 27.56, 33, 34, 35],
        lambda nugget: Exponential(nugget, 30, 60 / 3 * log20): [7.64, 13.80, 26.31, 31.54, 34.80],
        lambda nugget: Gaussian(nugget, 30, 60 / 2 * math.sqrt(log20)): [1.82, 5.15, 21.96, 32.13, 35.00],
        lambda nugget: Stable(nugget, 10, 20 * (log20 / 3) ** 2, 0.5): [8.77, 10.80, 12.75, 13.91, 14.99],
    }
    for make, expected in published.items():
        curve = [make(nugget)(h) for nugget, h in zip(range(1, 6), lag, strict=True)]
        np.testing.assert_allclose(curve, expected, atol=0.005)


@each_model
def test_the_integral_scale_is_the_integral_of_the_correlogram(model):
    """Piece by piece, up to where a correlogram of shape 0.4 has fallen to 1e-17."""
    pieces = pairwise([0.0, *np.geomspace(1e-3, 3e6, 30)])
    integral = sum(quad(model.correlogram, low, high)[0] for low, high in pieces)
    assert model.integral_scale == pytest.approx(integral, rel=1e-7)


def test_integral_scales_are_the_known_multiples_of_the_scale():
    log20 = math.log(20)
    assert Spherical(0, 1, 8.0).integral_scale == 3.0
    assert Exponential(0, 1, log20).integral_scale == pytest.approx(1.0)
    assert Gaussian(0, 1, math.sqrt(log20)).integral_scale == pytest.approx(math.sqrt(math.pi) / 2)
    assert Stable(0, 1, log20**2, 0.5).integral_scale == pytest.approx(2.0)  # Gamma(3)
    assert Matern(0, 1, 5.918649346310188, 2.5).integral_scale == pytest.approx(8 / 3)
    assert Stable(0, 1, 1.0, 0.001).integral_scale == math.inf


@each_model
def test_the_slope_range_is_the_first_flat_point_of_its_grid(model):
    grid = np.arange(0, math.pi, 0.01) * 6371.0088
    flat = [lag for lag in grid if model.slope(lag) * 6371.0088 < 0.01]
    assert model.slope_range == flat[0]
    # A curve that starts flat is flat at once: the rule is fragile.
    starts_flat = isinstance(model, Gaussian) or getattr(model, "shape", 1) > 1 or getattr(model, "smoothness", 1) > 1
    assert (model.slope_range == 0) == starts_flat


def test_a_curve_that_never_flattens_has_no_slope_range():
    with pytest.raises(
        ValueError, match=r"Exponential\(.*\) has no slope range: .* 0\.01 per radian .*Use effective_range"
    ):
        _ = Exponential(0.0, 1.0, 60_000.0).slope_range


@each_model
def test_the_parameters_are_the_fields_by_name(model):
    assert type(model)(**model.parameter_values) == model


def test_practical_ranges_are_the_known_multiples_of_the_scale():
    scale = {
        Exponential(0, 1, 2.9957): math.exp(-1),
        Gaussian(0, 1, 1.7308): math.exp(-1),
        Stable(0, 1, 8.974, 0.5): math.exp(-1),
        Matern(0, 1, 4.744, 1.5): 2 * math.exp(-1),
        Matern(0, 1, 5.919, 2.5): (2 + 1 / 3) * math.exp(-1),
    }
    for model, correlogram in scale.items():
        assert model.correlogram(1.0) == pytest.approx(correlogram, abs=1e-4)


@each_model
def test_validity_on_the_sphere_has_a_reason(model):
    smooth = getattr(model, "shape", 0) > 1 or getattr(model, "smoothness", 0) > 0.5
    assert model.valid_on_sphere == (not isinstance(model, Gaussian) and not smooth)
    assert ("not positive definite" in model.validity) == (not model.valid_on_sphere)


@each_model
def test_models_valid_on_the_sphere_have_no_negative_eigenvalue_there(model):
    """The claim itself, on 400 points; the others break it when their range is long enough."""
    from variogeo._distances import pairwise_lag, prepare_points
    from variogeo.synthetic import uniform_lonlat

    points = prepare_points(uniform_lonlat(400, seed=1), "great_circle")
    wide = dataclasses.replace(model, effective_range=40_000.0)
    smallest = np.linalg.eigvalsh(wide.correlogram(pairwise_lag(points, points)))[0]
    assert (smallest > -1e-11) == model.valid_on_sphere


def test_print_shows_four_digits_and_the_unit():
    assert str(Stable(0.1 / 3, 0.4, 300.0, 0.5)) == (
        "Stable(nugget=0.03333, partial_sill=0.4, effective_range=300 km, shape=0.5)"
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exponential(-0.1, 1, 1), "nugget '-0.1'. Must be at least 0"),
        (lambda: Exponential(0, -1, 1), "partial_sill '-1.0'. Must be at least 0"),
        (lambda: Exponential(0, 1, -3.0), r"effective_range '-3.0'. Must be greater than 0 \(km\)"),
        (lambda: Exponential(0, 1, math.nan), "effective_range 'nan'. Must be finite"),
        (lambda: Stable(0, 1, 1, 0), "shape '0.0'. Must be greater than 0"),
        (lambda: Stable(0, 1, 1, 2.1), "shape '2.1'. Must be at most 2"),
        (lambda: Matern(0, 1, 1, 1.0), "smoothness '1.0'. Must be one of 0.5, 1.5, 2.5"),
    ],
)
def test_parameters_that_make_no_variogram_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_parameter_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match=r"nugget 'a'\. Must be a number"):
        Exponential("a", 1, 1)


@settings(max_examples=50, deadline=None)
@given(
    nugget=st.floats(0, 10),
    partial_sill=st.floats(0, 10),
    effective_range=st.floats(1e-3, 1e5),
    lag=st.floats(0, 2e4),
)
def test_every_curve_lies_between_zero_and_its_sill(nugget, partial_sill, effective_range, lag):
    shaped = [Stable(nugget, partial_sill, effective_range, shape) for shape in (0.4, 1.7)]
    shaped += [Matern(nugget, partial_sill, effective_range, smoothness) for smoothness in (0.5, 1.5, 2.5)]
    for curve in (*(model(nugget, partial_sill, effective_range) for model in MODEL_CLASSES), *shaped):
        assert 0 <= curve(lag) <= curve.sill * (1 + 1e-15)


@pytest.mark.parametrize("smoothness", [1.5, 2.5])
def test_smooth_curves_are_exact_at_short_lags(smoothness, torch):
    """Against the leading terms of the power series, x^2 (1/2 - x/3) and x^2 (1/6 - x^2/24), down to a millimetre."""
    model = Matern(0.0, 1.0, 1000.0, smoothness)
    lag = np.geomspace(1e-6, 0.1, 50)
    x = lag * (4.743864518390578 if smoothness == 1.5 else 5.918649346310188) / 1000
    leading = x * x * (1 / 2 - x / 3) if smoothness == 1.5 else x * x * (1 / 6 - x * x / 24)
    np.testing.assert_allclose(model(lag), leading, rtol=1e-6)
    single = model(torch.tensor(lag, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(single, leading, rtol=1e-5)


@pytest.mark.parametrize("smoothness", [1.5, 2.5])
def test_the_series_meets_the_closed_form_where_it_hands_over(smoothness):
    model = Matern(0.0, 1.0, 1000.0, smoothness)
    x = np.linspace(0.05, 0.15, 101)
    lag = x * 1000 / (4.743864518390578 if smoothness == 1.5 else 5.918649346310188)
    polynomial = x if smoothness == 1.5 else x + x * x / 3
    np.testing.assert_allclose(model(lag), 1 - (1 + polynomial) * np.exp(-x), rtol=1e-12)


@pytest.mark.parametrize("model", [m for m in MODELS if getattr(m, "shape", 1) >= 0.4], ids=repr)
def test_float32_keeps_five_digits_from_a_metre_to_the_antipode(model, torch):
    bare = dataclasses.replace(model, nugget=0.0)
    lag = np.geomspace(1e-3, 2e4, 100)
    single = bare(torch.tensor(lag, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(single, bare(lag), rtol=2e-5)


@each_model
def test_the_curve_has_reached_its_sill_at_infinity(model):
    assert model(math.inf) == model.sill
