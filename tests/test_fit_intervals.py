"""Intervals of fitted parameters: closed forms, coverage, and fits that fail."""

import dataclasses

import numpy as np
import pytest
from patched import of_separate_patches, standard_bins
from scipy import stats

from variogeo import Exponential, LagBins, Spherical, empirical_variogram, fit_variogram
from variogeo.inference import CurveUncertainty, bootstrap, fit_intervals, jackknife, kmeans_patches
from variogeo.synthetic import gaussian_field, uniform_lonlat

BINS = standard_bins(8)
MIDDLE = (BINS.low + BINS.high) / 2
TRUTH = Exponential(nugget=0.1, partial_sill=0.4, effective_range=300.0)
SCALES = np.random.default_rng(1).uniform(0.7, 1.3, 15)


def scaled_patches(scales=SCALES, model=TRUTH):
    """Patches without pairs between them, whose curves are the model times a factor each."""
    return of_separate_patches(np.outer(scales, model(MIDDLE)), BINS)


def test_the_error_of_a_sill_is_that_of_the_mean_of_the_patches_and_a_common_range_has_none():
    intervals = fit_intervals(jackknife(scaled_patches()), Exponential)
    mean, error = SCALES.mean(), SCALES.std(ddof=1) / np.sqrt(15)
    for name in ("nugget", "partial_sill", "sill"):
        truth = getattr(TRUTH, name)
        found = intervals[name]
        assert found.estimate == pytest.approx(mean * truth, rel=1e-4)
        assert found.standard_error == pytest.approx(error * truth, rel=1e-3)
        # The jackknife error of a logarithm is the relative error, up to terms of its square.
        factor = np.exp(stats.t.ppf(0.975, 14) * error / mean)
        assert found.lower == pytest.approx(mean * truth / factor, rel=5e-3)
        assert found.upper == pytest.approx(mean * truth * factor, rel=5e-3)
    reach = intervals["effective_range"]
    assert reach.estimate == pytest.approx(300, rel=1e-4)
    assert reach.standard_error < 0.1
    assert intervals.failed == 0
    assert "15 replicates of the jackknife, of which 0 failed" in intervals.message


def test_the_intervals_of_a_bootstrap_are_quantiles_of_its_fits():
    intervals = fit_intervals(bootstrap(scaled_patches(), count=60), Exponential, level=0.8)
    assert intervals.replicates.shape == (60, 4)
    assert intervals.names == ("nugget", "partial_sill", "effective_range", "sill")
    np.testing.assert_allclose(intervals.interval, np.quantile(intervals.replicates, [0.1, 0.9], axis=0).T)
    np.testing.assert_allclose(intervals.standard_error, intervals.replicates.std(axis=0, ddof=1))


def test_the_estimate_is_the_fit_to_all_patches_with_the_same_options():
    empirical = scaled_patches()
    options = {"weights": "equal", "fixed": {"nugget": 0.05}, "bounds": {"effective_range": (10.0, 150.0)}}
    intervals = fit_intervals(jackknife(empirical), Spherical, **options)
    assert intervals.fit == fit_variogram(empirical, Spherical, **options)
    np.testing.assert_allclose(intervals["nugget"], (0.05, 0.0, 0.05, 0.05), atol=1e-15)
    assert (intervals.replicates[:, 2] <= 150).all()
    np.testing.assert_allclose(intervals.estimate[:3], list(intervals.fit.model.parameter_values.values()))


def test_weights_and_a_covariance_go_into_every_fit():
    uncertainty = jackknife(scaled_patches())
    # Only the first four bins count: what the others hold changes nothing.
    weights = np.repeat([1.0, 0.0], 4)
    changed = np.where(weights > 0, uncertainty.replicates, 9.0)
    replaced = dataclasses.replace(uncertainty, replicates=changed)
    by_weights = fit_intervals(uncertainty, Exponential, weights=weights)
    np.testing.assert_allclose(fit_intervals(replaced, Exponential, weights=weights).interval, by_weights.interval)
    by_covariance = fit_intervals(uncertainty, Exponential, covariance=np.diag(np.full(8, 2.0)))
    equal = fit_intervals(uncertainty, Exponential, weights="equal")
    np.testing.assert_allclose(by_covariance.interval, equal.interval, rtol=1e-3, atol=1e-4)


def test_a_nested_fit_has_intervals_for_both_structures():
    random = np.random.default_rng(2)
    curves = np.outer(
        random.uniform(0.9, 1.1, 6), Spherical(0.1, 0.2, 150.0)(MIDDLE) + Spherical(0, 0.3, 700.0)(MIDDLE)
    )
    intervals = fit_intervals(jackknife(of_separate_patches(curves, BINS)), (Spherical, Spherical))
    assert intervals.names == (
        "nugget", "first.partial_sill", "first.effective_range", "second.partial_sill", "second.effective_range",
        "sill", "effective_range",
    )  # fmt: skip
    assert intervals["second.effective_range"].estimate == pytest.approx(700, rel=0.01)
    assert intervals["sill"].lower < 0.6 < intervals["sill"].upper


def test_a_nugget_that_is_zero_in_some_replicates_has_limits_cut_off_at_zero():
    curves = np.array([Exponential(nugget, 0.4, 300.0)(MIDDLE) for nugget in [0.0] * 8 + [0.02]])
    intervals = fit_intervals(jackknife(of_separate_patches(curves, BINS)), Exponential)
    assert (intervals.replicates[:, 0] < 1e-6).any()
    nugget = intervals["nugget"]
    # The mean of nine is 0.02 / 9, and so is its error.
    assert nugget.estimate == pytest.approx(0.02 / 9, rel=0.01)
    assert nugget.standard_error == pytest.approx(0.02 / 9, rel=0.05)
    assert nugget.lower == 0
    assert nugget.upper == pytest.approx(nugget.estimate + stats.t.ppf(0.975, 8) * nugget.standard_error)


def test_a_pure_nugget_has_no_intervals_and_says_so():
    intervals = fit_intervals(jackknife(scaled_patches(model=lambda lag: 0.5 - lag * 1e-4)), Exponential)
    assert np.isnan(intervals.interval).all()
    assert np.isnan(intervals.standard_error).all()
    assert intervals.message.startswith("No intervals: pure nugget.")
    assert intervals["sill"].estimate > 0


def test_two_patches_give_neither_limits_nor_errors():
    lonlat = uniform_lonlat(300, seed=5)
    values = gaussian_field(lonlat, TRUTH, seed=5)
    patches = lonlat[:, 0] > 0
    bins = LagBins.linear(0, 1000, 6)
    empirical = empirical_variogram(lonlat, values, bins, dissimilarity="half_squared", patches=patches)
    intervals = fit_intervals(jackknife(empirical), Exponential, fixed={"nugget": 0.1})
    for name in ("partial_sill", "effective_range", "sill"):
        assert np.isnan([intervals[name].standard_error, intervals[name].lower, intervals[name].upper]).all()
    assert intervals["nugget"].standard_error == 0


@pytest.mark.parametrize(("flat", "fails"), [(1, False), (3, True)])
def test_replicates_without_a_curve_are_counted_and_too_many_leave_no_interval(flat, fails):
    uncertainty = jackknife(scaled_patches(np.ones(15)))
    replicates = uncertainty.replicates.copy()
    replicates[:flat] = 0.3
    intervals = fit_intervals(dataclasses.replace(uncertainty, replicates=replicates), Exponential)
    assert intervals.failed == flat
    assert np.isnan(intervals.replicates[:flat]).all()
    assert np.isnan(intervals.interval).all() == fails
    assert ("No intervals: the fit failed in 3 of 15 replicates of the jackknife" in intervals.message) == fails


@pytest.mark.parametrize("options", [{}, {"weights": np.repeat([1.0, 0.0], 4)}, {"covariance": np.eye(8)}])
def test_a_replicate_without_bins_that_count_fails(options):
    uncertainty = jackknife(scaled_patches(np.ones(15)))
    replicates = uncertainty.replicates.copy()
    replicates[2] = np.nan
    if "weights" in options:
        # The bins that are left have no weight.
        replicates[2, 4:] = 0.5
    intervals = fit_intervals(dataclasses.replace(uncertainty, replicates=replicates), Exponential, **options)
    assert intervals.failed == 1


def test_intervals_of_the_range_cover_the_truth_of_fields():
    """8 fields of 16 columns: of 95 % intervals at most two may miss, with a chance of 6 in 1 000 of more."""
    lonlat = uniform_lonlat(250, seed=5)
    model = Exponential(nugget=0.1, partial_sill=0.4, effective_range=4000.0)
    bins = LagBins.linear(0, 8000, 10)
    patch = kmeans_patches(lonlat, 20, seed=1)
    fields = gaussian_field(lonlat, model, dimensions=128, seed=6)[:, 1:].reshape(250, 8, 16) * np.sqrt(8)
    covered = []
    for k in range(8):
        empirical = empirical_variogram(
            lonlat, fields[:, k], bins, dissimilarity="half_squared", metric="great_circle", patches=patch
        )
        _, _, lower, upper = fit_intervals(jackknife(empirical), Exponential)["effective_range"]
        covered.append(lower <= 4000 <= upper)
    assert sum(covered) >= 6


def test_the_table_and_the_text_name_every_parameter():
    intervals = fit_intervals(jackknife(scaled_patches()), Exponential)
    frame = intervals.to_frame()
    assert frame.index.tolist() == list(intervals.names)
    assert tuple(frame.loc["sill"]) == intervals["sill"]
    text = str(intervals)
    assert text.startswith("<FitIntervals: Exponential(")
    assert all(name in text for name in intervals.names)
    assert text.endswith(intervals.message)
    with pytest.raises(ValueError, match="read-only"):
        intervals.interval[0] = 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_intervals(scaled_patches(), Exponential), TypeError, "Invalid uncertainty of type EmpiricalVario"),
        (lambda: fit_intervals(jackknife(scaled_patches()), Exponential, level=2), ValueError, "Invalid level '2.0'"),
        (lambda: fit_intervals(jackknife(scaled_patches()), "exp"), TypeError, "Invalid model 'exp'"),
        (
            lambda: fit_intervals(jackknife(scaled_patches()), Exponential)["reach"],
            KeyError,
            "Invalid parameter 'reach'. Must be one of nugget",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_variogram_of_which_all_replicates_are_empty_has_no_intervals():
    empirical = scaled_patches()
    nothing = np.full((4, 8), np.nan)
    intervals = fit_intervals(CurveUncertainty(empirical, nothing, nothing, "jackknife", "dropped"), Exponential)
    assert intervals.failed == 4
    assert "No intervals" in intervals.message


def test_an_odd_outcome_and_a_parameter_on_its_bound_are_no_certainty():
    lag_bins = standard_bins(8)
    truth = Exponential(0.0, 1.0, 3000.0)
    middle = (lag_bins.low + lag_bins.high) / 2
    curves = truth(middle) * np.random.default_rng(0).uniform(0.9, 1.1, (12, 1))
    intervals = fit_intervals(jackknife(of_separate_patches(curves, lag_bins)), Exponential)
    assert intervals.fit.outcome == "no sill within the data"
    assert "No sill within the data. The semivariance still rises" in intervals.message
    assert intervals.fit.at_bound == ("nugget",)
    assert np.isnan(intervals["nugget"][1:]).all()
    held = fit_intervals(jackknife(of_separate_patches(curves, lag_bins)), Exponential, fixed={"nugget": 0.0})
    assert held["nugget"] == (0, 0, 0, 0)
