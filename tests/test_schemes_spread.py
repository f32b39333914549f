"""LagSpread: interpolation, where it comes from, and what it does to a residual."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import (
    Exponential,
    LagBins,
    LagSpread,
    ResidualWeighting,
    empirical_variogram,
    fit_variogram,
    variogram_from_pairs,
)
from variogeo._distances import exact_geodesic
from variogeo.synthetic import gaussian_field, uniform_lonlat

LAG, NUMBERS = (0.5, 3.0, 40.0, 41.0, 900.0, 15_000.0), (0.02, 0.08, 0.03, 0.2, 0.06, 0.055)
SPREAD = LagSpread(LAG, NUMBERS)


@settings(deadline=None, max_examples=100)
@given(st.floats(1e-6, 20_040.0))
def test_it_interpolates_in_the_logarithm_of_the_lag_and_is_constant_outside(lag):
    expected = np.interp(math.log(lag), np.log(LAG), NUMBERS)
    assert SPREAD(lag) == pytest.approx(expected, rel=1e-12)
    assert float(SPREAD(torch.tensor(lag, dtype=torch.float64))) == pytest.approx(expected, rel=1e-12)
    assert float(SPREAD(torch.tensor(lag, dtype=torch.float32))) == pytest.approx(expected, abs=1e-5)


def test_it_is_the_given_spread_at_the_given_lags_and_at_zero_that_of_the_first():
    np.testing.assert_allclose(SPREAD(LAG), NUMBERS, rtol=1e-13)
    assert SPREAD(0.0) == 0.02
    assert math.isnan(SPREAD(math.nan))
    assert math.isnan(LagSpread((1.0,), (0.3,))(math.nan))
    assert LagSpread([1], [0.3])([0.0, 1.0, 5e3]).tolist() == [0.3] * 3
    assert SPREAD(np.float32(5.0)).dtype == np.float32
    assert SPREAD(torch.tensor([1, 2])).dtype == torch.float64


def test_a_lag_that_is_negative_is_refused():
    with pytest.raises(ValueError, match=r"lag '-2\.0'\. Must not be negative"):
        SPREAD([-2.0, 1.0])


def test_arrays_lists_and_tuples_make_the_same_value():
    made = LagSpread(np.array(LAG), list(NUMBERS))
    assert made == SPREAD
    assert hash(made) == hash(SPREAD)
    assert all(type(number) is float for number in (*made.lag, *made.spread))
    assert eval(repr(made)) == made


@pytest.fixture(scope="module")
def field():
    """Return photos of a field, their variogram with six bins of many pairs, one of few, and an empty one."""
    lonlat = uniform_lonlat(300, seed=1)
    values = gaussian_field(lonlat, Exponential(0.1, 0.3, 3000.0), dimensions=16, seed=1)
    bins = LagBins([0, 1e-6, 60, 1500, 3000, 5000, 8000, 12_000, 20_100])
    return lonlat, values, empirical_variogram(lonlat, values, bins)


def test_that_of_a_variogram_is_the_spread_of_its_bins_at_their_mean_lags(field):
    empirical = field[2]
    many = empirical.npairs >= 30
    assert many.tolist() == [False, False] + [True] * 6
    spread = LagSpread.of(empirical)
    assert spread.lag == tuple(empirical.lag[many])
    assert spread.spread == tuple(empirical.spread[many])


def test_with_the_spread_per_lag_residuals_are_standardised(field):
    """Of a bin within which the curve rises little, (gamma - c) / sigma has the standard deviation 1."""
    lonlat, values, empirical = field
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    first, second = np.triu_indices(len(lonlat), 1)
    dissimilarity = 1 - (unit[first] * unit[second]).sum(axis=1)
    lag = exact_geodesic(lonlat[first], lonlat[second])
    spread = LagSpread.of(empirical)
    flat = LagSpread((1.0,), (float(np.nanmean(empirical.spread)),))
    curve, deviations = fit_variogram(empirical, Exponential).model, {}
    for name, sigma in (("per lag", spread), ("one number", flat)):
        standard = (curve(lag) - dissimilarity) / sigma(lag)
        bins = np.digitize(lag, empirical.edges) - 1
        deviations[name] = np.array([standard[bins == k].std() for k in range(3, 8)])
    np.testing.assert_allclose(deviations["per lag"], 1.0, atol=0.005)
    assert np.ptp(deviations["one number"]) > 5 * np.ptp(deviations["per lag"])


@pytest.mark.parametrize("constant", np.random.default_rng(0).uniform(0.01, 1.0, 20))
def test_bins_without_spread_are_left_out(constant):
    """Also where rounding leaves something of the difference of squares, which would be a unit of 1e-8."""
    lag = np.repeat([5.0, 50.0, 500.0], 40)
    dissimilarity = np.concatenate([np.full(40, constant), np.tile([0.1, 0.3], 40)])
    empirical = variogram_from_pairs(lag, dissimilarity, LagBins([0, 10, 100, 1000]))
    np.testing.assert_allclose(LagSpread.of(empirical).lag, [50.0, 500.0])
    np.testing.assert_allclose(LagSpread.of(empirical).spread, 0.1)


def test_a_variogram_that_kept_no_spread_is_refused_with_the_cure(field):
    lonlat, values, _ = field
    bare = empirical_variogram(lonlat, values, LagBins([0, 5000, 20_100]), spread=False)
    with pytest.raises(
        ValueError, match=r"made with spread=False or weights.*Make it with neither, or pass one number"
    ):
        LagSpread.of(bare)


def test_a_variogram_without_a_usable_bin_is_refused_with_the_number_of_pairs():
    few = variogram_from_pairs(np.full(29, 5.0), np.linspace(0, 1, 29), LagBins([0, 10]))
    with pytest.raises(
        ValueError, match=r"No bin has 30 pairs or more and a spread above zero .most pairs in a bin: 29"
    ):
        LagSpread.of(few)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: LagSpread((), ()), ValueError, "lag without numbers"),
        (lambda: LagSpread((1.0, 2.0), (0.1,)), ValueError, "spread has 1 numbers but lag has 2"),
        (lambda: LagSpread((1.0, 1.0), (0.1, 0.1)), ValueError, r"lag\[1\] '1' after '1'. Must increase strictly"),
        (lambda: LagSpread((1e9, np.nextafter(1e9, 2e9)), (0.1, 0.1)), ValueError, "Must increase strictly"),
        (lambda: LagSpread((0.0, 1.0), (0.1, 0.1)), ValueError, r"lag\[0\] '0.0'. Must be greater than 0 .km."),
        (lambda: LagSpread((1.0, 2.0), (0.1, 0.0)), ValueError, r"spread\[1\] '0.0'. Must be greater than 0"),
        (lambda: LagSpread((1.0, 2.0), (0.1, math.nan)), ValueError, r"spread\[1\] 'nan'. Must be finite"),
        (lambda: LagSpread("12", (0.1, 0.2)), TypeError, "lag '12'. Must be a sequence of numbers"),
        (lambda: LagSpread((1.0,), 0.1), TypeError, "spread 0.1. Must be a sequence of numbers"),
        (lambda: LagSpread.of(0.1), TypeError, "empirical of type float. Must be an EmpiricalVariogram"),
    ],
)
def test_what_makes_no_spread_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_residual_in_units_of_the_spread_is_that_in_units_of_one_divided_by_it():
    curve = Exponential(0.1, 0.4, 1000.0)
    lag, c = np.geomspace(1.0, 2e4, 30), 0.05
    one, standard = ResidualWeighting(curve), ResidualWeighting(curve, spread=SPREAD)
    np.testing.assert_allclose(standard(lag, c), one(lag, c) / SPREAD(lag), rtol=1e-13)
