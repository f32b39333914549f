"""Nested models: sums with one nugget, their ranges, and their fits, which are never worse than single ones."""

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.integrate import quad
from scipy.optimize import brentq

import variogeo
from variogeo import (
    DecorrelationWeighting,
    Exponential,
    Gaussian,
    LagBins,
    Matern,
    Nested,
    ResidualWeighting,
    Spherical,
    Stable,
    compare_models,
    empirical_variogram,
    fit_variogram,
    variogram_from_pairs,
)
from variogeo.synthetic import gaussian_field, uniform_lonlat

SHORT, LONG = Exponential(0.05, 0.4, 10.0), Exponential(0.0, 0.5, 1500.0)
SUMS = [
    Nested(SHORT, LONG),
    Nested(Spherical(0.1, 0.2, 30.0), Stable(0.0, 0.3, 2000.0, 0.6)),
    Nested(Spherical(0.0, 0.2, 900.0), Spherical(0.0, 0.3, 40.0)),
    Nested(Matern(0.1, 0.2, 30.0, 1.5), Gaussian(0.0, 0.3, 700.0)),
    Nested(Exponential(0.1, 0.0, 30.0), Exponential(0.0, 0.3, 700.0)),
    Nested(Stable(0.1, 0.0, 30.0, 0.5), Exponential(0.0, 0.0, 700.0)),
]
LAG = np.concatenate([[0.0], np.geomspace(1e-6, 2e4, 200)])
BINS = LagBins.logarithmic(1, 2000, 40)
# Several pairs per bin, all at one lag: the means lie on the curve itself.
ON_CURVE = np.repeat(np.sqrt(BINS.low * BINS.high), 3)

each_sum = pytest.mark.parametrize("model", SUMS, ids=repr)


@each_sum
def test_the_curve_is_the_sum_of_the_curves_of_its_parts(model):
    np.testing.assert_allclose(model(LAG), model.first(LAG) + model.second(LAG), rtol=1e-14)
    np.testing.assert_allclose(
        model.slope(LAG[1:]), model.first.slope(LAG[1:]) + model.second.slope(LAG[1:]), rtol=1e-13
    )
    assert model(0.0) == 0.0
    assert model.nugget == model.first.nugget
    assert model.sill == pytest.approx(model.first.sill + model.second.sill)


@each_sum
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-15), ("float32", 1e-6)])
def test_numpy_and_torch_give_the_same_sum(model, dtype, tolerance, torch):
    for curve in (model, model.correlogram):
        tensor = curve(torch.tensor(LAG, dtype=getattr(torch, dtype)))
        assert tensor.dtype == getattr(torch, dtype)
        np.testing.assert_allclose(tensor.numpy(), curve(LAG), rtol=tolerance, atol=tolerance)
    slope = model.slope(torch.tensor(LAG[1:], dtype=torch.float64))
    np.testing.assert_allclose(slope.numpy() if model.partial_sill else slope, model.slope(LAG[1:]), rtol=1e-13)


@each_sum
def test_the_effective_range_holds_95_percent_of_the_whole_partial_sill_to_the_last_bit(model):
    reached = model.effective_range
    parts = [part for part in (model.first, model.second) if part.partial_sill > 0] or [model.first, model.second]
    if all(isinstance(part, Spherical) for part in parts):
        assert reached == max(part.effective_range for part in parts)
        return
    assert model.correlogram(reached) == pytest.approx(0.05, abs=1e-14)
    shares = [part.partial_sill / model.partial_sill for part in parts] if model.partial_sill else [0.5, 0.5]
    rest = [(share, part.correlogram) for share, part in zip(shares, parts, strict=True)]
    root = brentq(lambda lag: sum(share * rho(lag) for share, rho in rest) - 0.05, 1e-9, 1e5, xtol=1e-12, rtol=1e-15)
    assert reached == pytest.approx(root, rel=1e-12)


def test_a_part_without_a_partial_sill_changes_no_range():
    for lone in (Exponential(0.0, 0.3, 700.0), Spherical(0.0, 0.3, 700.0)):
        beside = Nested(Stable(0.1, 0.0, 30_000.0, 0.5), lone)
        assert beside.effective_range == pytest.approx(700.0, rel=1e-15)
        assert beside.integral_scale == pytest.approx(lone.integral_scale)
        assert beside.slope_range == lone.slope_range
        assert beside.slope(0.0) == pytest.approx(lone.slope(0.0))


def test_the_integral_scale_is_the_integral_of_the_correlogram():
    for model in SUMS[:5]:
        pieces = pairwise([0.0, *np.geomspace(1e-3, 1e6, 40)])
        integral = sum(quad(model.correlogram, low, high)[0] for low, high in pieces)
        assert model.integral_scale == pytest.approx(integral, rel=1e-6)


@each_sum
def test_a_sum_is_valid_on_the_sphere_where_both_parts_are(model):
    assert model.valid_on_sphere == (model.first.valid_on_sphere and model.second.valid_on_sphere)
    assert ("not positive definite" in model.validity) == (not model.valid_on_sphere)
    if not model.valid_on_sphere:
        assert model.validity.startswith("its part Matern is not")


@each_sum
def test_sums_are_frozen_values_that_save_load_and_print(model, tmp_path):
    classes = {cls.__name__: cls for cls in (Nested, Exponential, Spherical, Stable, Matern, Gaussian)}
    assert eval(repr(model), classes) == model
    assert hash(model) == hash(dataclasses.replace(model))
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.first = SHORT
    model.save(tmp_path / "model.json")
    assert variogeo.load(tmp_path / "model.json") == model


def test_print_shows_both_parts():
    assert str(SUMS[0]) == (
        "Nested(Exponential(nugget=0.05, partial_sill=0.4, effective_range=10 km), "
        "Exponential(nugget=0, partial_sill=0.5, effective_range=1500 km))"
    )


def test_the_parameters_have_the_names_that_fits_use():
    assert SUMS[1].parameter_values == {
        "nugget": 0.1,
        "first.partial_sill": 0.2,
        "first.effective_range": 30.0,
        "second.partial_sill": 0.3,
        "second.effective_range": 2000.0,
        "second.shape": 0.6,
    }


def test_a_sum_serves_weightings_and_the_torch_module(tmp_path, torch):
    from variogeo.nn import NegativeWeights

    lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]], dtype=torch.float64)
    for scheme in (
        DecorrelationWeighting(SUMS[0]),
        ResidualWeighting(SUMS[0], 2.0, beyond="integral_scale", within=10),
    ):
        scheme.save(tmp_path / f"{type(scheme).__name__}.json")
        assert variogeo.load(tmp_path / f"{type(scheme).__name__}.json") == scheme
        weights = NegativeWeights(scheme, order="lonlat", units="deg")
        feats = torch.eye(3) + 0.5
        log_weights = weights.log_weights(lonlat, lonlat, feats, feats)
        assert torch.isfinite(log_weights).all()
        other = NegativeWeights(DecorrelationWeighting(SHORT), order="lonlat", units="deg")
        other.load_state_dict(weights.state_dict())
        assert other.scheme == scheme


def test_a_sum_is_drawn_with_its_name():
    empirical = variogram_from_pairs(ON_CURVE, SUMS[0](ON_CURVE), BINS)
    ax = variogeo.plotting.plot_variogram(empirical, SUMS[0], ax=Figure().subplots())
    assert "Nested" in [line.get_label() for line in ax.get_lines()]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: Nested(Exponential, Exponential),
            TypeError,
            r"first Exponential: a class.*fit_variogram\(empirical, \(",
        ),
        (lambda: Nested(SHORT, Spherical), TypeError, "second Spherical: a class"),
        (lambda: Nested(SHORT, 3.0), TypeError, "second of type float. Must be a single model"),
        (lambda: Nested(SUMS[0], LONG), TypeError, "first of type Nested. Must be a single model"),
        (lambda: Nested(SHORT, SUMS[0]), TypeError, "second of type Nested"),
        (
            lambda: Nested(SHORT, SHORT),
            ValueError,
            "second with a nugget of '0.05'. Must be 0.*Give first the nugget 0.1 and second none",
        ),
    ],
)
def test_what_makes_no_sum_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@settings(max_examples=40, deadline=None)
@given(
    sills=st.tuples(st.floats(0, 10), st.floats(0, 10), st.floats(0, 10)),
    ranges=st.tuples(st.floats(1e-2, 1e5), st.floats(1e-2, 1e5)),
    shape=st.floats(0.1, 2.0),
)
def test_every_sum_rises_from_its_nugget_to_its_sill(sills, ranges, shape):
    model = Nested(Stable(sills[0], sills[1], ranges[0], shape), Spherical(0.0, sills[2], ranges[1]))
    curve = model(np.geomspace(1e-3, 2e4, 50))
    assert (np.diff(curve) >= -1e-12 * model.sill).all()
    assert curve.min() >= model.nugget * (1 - 1e-12)
    assert curve.max() <= model.sill * (1 + 1e-12)
    shortest, longest = min(ranges), max(ranges)
    assert model.effective_range <= longest * (1 + 1e-12)
    if sills[1] > 0 and sills[2] > 0:
        # Where both parts have 95 % the sum has it too, and not before one of them has.
        assert model.effective_range >= 0.8 * shortest


@pytest.mark.parametrize(
    ("truth", "classes"),
    [
        (Nested(SHORT, LONG), (Exponential, Exponential)),
        (Nested(Exponential(0.05, 0.4, 10.0), Spherical(0.0, 0.5, 900.0)), (Exponential, Spherical)),
        (Nested(Spherical(0.05, 0.4, 10.0), Stable(0.0, 0.5, 900.0, 0.7)), (Spherical, Stable)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("weights", ["equal", "npairs_over_semivariance2"])
def test_a_sum_without_noise_gives_its_own_parameters_back(truth, classes, weights):
    fit = fit_variogram(variogram_from_pairs(ON_CURVE, truth(ON_CURVE), BINS), classes, weights=weights)
    assert (fit.outcome, fit.converged) == ("fitted", True)
    assert fit.nparameters == len(truth.parameter_values)
    for name, value in truth.parameter_values.items():
        assert fit.model.parameter_values[name] == pytest.approx(value, rel=1e-3)


def noisy(seed):
    random = np.random.default_rng(seed)
    lag = np.exp(random.uniform(0, math.log(2000), 4000))
    return variogram_from_pairs(lag, SUMS[0](lag) * random.gamma(4, 0.25, lag.size), BINS)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.tuples(*[st.sampled_from([Exponential, Spherical, Stable])] * 2))
def test_a_nested_fit_is_never_worse_than_a_single_one_and_its_ranges_are_ordered(seed, classes):
    random = np.random.default_rng(seed)
    lag = np.exp(random.uniform(0, math.log(2000), 300))
    empirical = variogram_from_pairs(lag, random.gamma(1, 1, lag.size) * lag ** random.uniform(0, 0.5), BINS)

    def cost(model):
        used = empirical.npairs > 0
        return float((empirical.npairs[used] * (empirical.semivariance - model(empirical.lag))[used] ** 2).sum())

    nested = fit_variogram(empirical, classes)
    for single in classes:
        assert cost(nested.model) <= cost(fit_variogram(empirical, single).model) * (1 + 1e-12)
    values = nested.model.parameter_values
    assert values["first.effective_range"] <= values["second.effective_range"] * (1 + 1e-12)


def test_a_nested_fit_takes_fixed_parameters_and_bounds_of_its_parts():
    empirical = noisy(1)
    fixed = {"nugget": 0.0, "first.effective_range": 12.0, "second.partial_sill": 0.5}
    fit = fit_variogram(empirical, (Exponential, Exponential), fixed=fixed)
    assert {name: fit.model.parameter_values[name] for name in fixed} == fixed
    assert fit.nparameters == 2
    bounded = fit_variogram(empirical, (Exponential, Exponential), bounds={"second.effective_range": (100, 800)})
    assert bounded.model.second.effective_range == 800.0
    assert bounded.at_bound == ("second.effective_range",)
    assert (bounded.outcome, bounded.converged) == ("parameter at a bound", False)
    assert "second.effective_range 800 km (upper)" in bounded.message
    everything = fit_variogram(empirical, (Exponential, Exponential), fixed=SUMS[0].parameter_values)
    assert everything.model == SUMS[0]
    assert everything.nparameters == 0


def test_limits_of_one_range_make_way_for_those_of_the_other():
    """A second range of 0.5 km is below the default limits of the first, and a first of 90 000 above."""
    empirical = noisy(1)
    below = fit_variogram(empirical, (Exponential, Exponential), fixed={"second.effective_range": 0.05})
    assert below.model.first.effective_range <= 0.05
    above = fit_variogram(empirical, (Exponential, Exponential), fixed={"first.effective_range": 90_000.0})
    assert above.model.second.effective_range >= 90_000
    # With a range beyond all lags there is nothing to find; as what that counts hangs on the last bits of scipy.
    assert above.outcome in ("no sill within the data", "pure nugget")


@pytest.mark.parametrize(
    "options",
    [
        {"fixed": {"first.effective_range": 100.0, "second.effective_range": 50.0}},
        {"fixed": {"first.effective_range": 100.0}, "bounds": {"second.effective_range": (10, 100)}},
        {"bounds": {"first.effective_range": (100, 200), "second.effective_range": (10, 50)}},
        {"bounds": {"first.effective_range": (100, 200)}, "fixed": {"second.effective_range": 100.0}},
    ],
    ids=str,
)
def test_a_first_structure_that_must_be_the_longer_is_refused(options):
    with pytest.raises(ValueError, match="The first structure must be the shorter one: swap them"):
        fit_variogram(noisy(1), (Exponential, Exponential), **options)


def test_parts_that_collapse_into_one_are_said_to():
    single = Exponential(0.1, 0.4, 300.0)
    fit = fit_variogram(variogram_from_pairs(ON_CURVE, single(ON_CURVE), BINS), (Exponential, Exponential))
    assert (fit.outcome, fit.converged) == ("parameter at a bound", False)
    assert "collapsed into one" in fit.message
    assert "fit_variogram(empirical, Exponential)" in fit.message
    # The shorter of the two is to be spherical, but the curve has its sharp bend at the longer range.
    other_way = Nested(Exponential(0.0, 0.1, 400.0), Spherical(0.0, 0.6, 100.0))
    empirical = variogram_from_pairs(ON_CURVE, other_way(ON_CURVE), BINS)
    tied = fit_variogram(empirical, (Exponential, Spherical), fixed={"first.partial_sill": 0.1})
    assert tied.at_bound == ("nugget", "first.effective_range")
    assert (tied.outcome, tied.converged) == ("parameter at a bound", False)
    assert "Both structures have a range of" in tied.message


def test_the_degenerate_stable_fit_of_two_structures_proposes_the_nested_one():
    for two, outcome in (
        (Nested(Exponential(0.0, 0.4, 5.0), Exponential(0.0, 0.3, 600.0)), "no sill within the data"),
        (Nested(Exponential(0.0, 0.6, 3.0), Exponential(0.0, 0.1, 1500.0)), "parameter at a bound"),
    ):
        empirical = variogram_from_pairs(ON_CURVE, two(ON_CURVE), BINS)
        single = fit_variogram(empirical, Stable, weights="equal", bounds={"shape": (0, 1)})
        assert single.model.shape < 0.3
        assert single.model.nugget == 0
        assert single.at_bound == ("nugget",)
        assert single.outcome == outcome
        assert "fit_variogram(empirical, (Exponential, Exponential))" in single.message
    comparison = compare_models(empirical, [Exponential, Stable, (Exponential, Exponential)], weights="equal")
    assert isinstance(comparison.best.model, Nested)
    assert str(comparison).splitlines()[1].startswith("Exponential + Exponential  ")
    frame = comparison.to_frame()
    assert frame["model"][0] == "Exponential + Exponential"
    assert frame["second.effective_range"][0] == comparison.best.model.second.effective_range
    assert frame["second.effective_range"][1:].isna().all()


def test_smoothnesses_of_both_parts_are_chosen():
    truth = Nested(Matern(0.0, 0.4, 10.0, 2.5), Exponential(0.0, 0.5, 700.0))
    fit = fit_variogram(variogram_from_pairs(ON_CURVE, truth(ON_CURVE), BINS), (Matern, Exponential), weights="equal")
    assert fit.model.first.smoothness == 2.5
    assert fit.nparameters == 6


def test_the_sum_of_two_fields_has_the_sum_of_their_variograms():
    """Two independent fields side by side: half squared distances add. 256 fields err by 3 % on the curve."""
    lonlat = uniform_lonlat(400, seed=4) * [0.05, 0.05]
    parts = Exponential(0.0, 0.3, 60.0), Exponential(0.0, 0.4, 900.0)
    # The field's last column is a constant cone, which adds nothing to a difference.
    values = np.hstack([gaussian_field(lonlat, part, dimensions=256, seed=k) for k, part in enumerate(parts)])
    empirical = empirical_variogram(lonlat, values, LagBins.logarithmic(20, 900, 12), dissimilarity="half_squared")
    truth = Nested(*parts)
    np.testing.assert_allclose(empirical.semivariance, truth(empirical.lag), rtol=0.05)
    assert fit_variogram(empirical, (Exponential, Exponential), weights="equal").model(100.0) == pytest.approx(
        truth(100.0), rel=0.05
    )
