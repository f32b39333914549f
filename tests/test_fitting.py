"""Fits: known parameters come back, outcomes are named, weights do what they say."""

import numpy as np
import pytest
import skgstat
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from variogeo import (
    Exponential,
    Gaussian,
    LagBins,
    Matern,
    Nested,
    Spherical,
    Stable,
    compare_models,
    datasets,
    empirical_variogram,
    fit_variogram,
    variogram_from_pairs,
)

BINS = LagBins.linear(0, 1000, 40)
LAG = np.linspace(0.25, 1000, 4000)
# Many pairs in each bin, all at one lag: the means lie on the curve itself.
ON_CURVE = np.repeat(np.linspace(12.5, 987.5, 40), np.arange(1, 41))


def _noiseless(truth, bins=BINS, lag=LAG):
    return variogram_from_pairs(lag, truth(lag), bins)


@pytest.mark.parametrize(
    "truth",
    [
        Spherical(0.1, 0.4, 400.0),
        Exponential(0.1, 0.4, 400.0),
        Gaussian(0.1, 0.4, 400.0),
        Stable(0.1, 0.4, 400.0, 0.6),
        Stable(0.0, 0.4, 400.0, 1.4),
        Matern(0.1, 0.4, 400.0, 1.5),
        Matern(0.1, 0.4, 400.0, 2.5),
    ],
    ids=repr,
)
@pytest.mark.parametrize("weights", ["equal", "npairs", "npairs_over_lag2", "npairs_over_semivariance2"])
def test_a_curve_without_noise_gives_its_own_parameters_back(truth, weights):
    fit = fit_variogram(_noiseless(truth, lag=ON_CURVE), type(truth), weights=weights)
    assert (fit.outcome, fit.converged) == ("fitted", True)
    assert fit.nbins == 40
    np.testing.assert_allclose(
        [getattr(fit.model, name) for name in truth.parameters()],
        [getattr(truth, name) for name in truth.parameters()],
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_fit_recovers_the_variogram_of_a_known_field(known_field):
    """Sampling error of 256 fields on 1 500 points: 2 % on the sill, 10 % on the range."""
    lonlat, embeddings, truth = known_field
    for dissimilarity in ("half_squared", "cosine"):
        empirical = empirical_variogram(
            lonlat, embeddings, LagBins.linear(0, 10_000, 40), dissimilarity=dissimilarity, metric="great_circle"
        )
        fit = fit_variogram(empirical, Exponential, weights="npairs_over_semivariance2")
        assert fit.converged
        assert fit.model.sill == pytest.approx(truth.sill, rel=0.02)
        assert fit.model.nugget == pytest.approx(truth.nugget, abs=0.02)
        assert fit.model.effective_range == pytest.approx(truth.effective_range, rel=0.1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_optimum_is_not_worse_than_that_of_other_optimisers():
    """Against a Nelder-Mead search and scikit-gstat's model at our parameters."""
    random = np.random.default_rng(2)
    truth = Spherical(0.1, 0.4, 400.0)
    empirical = variogram_from_pairs(LAG, truth(LAG) * random.gamma(4, 0.25, LAG.size), BINS)
    fit = fit_variogram(empirical, Spherical)

    def cost(theta):
        nugget, partial_sill, effective_range = np.abs(theta)
        residual = empirical.semivariance - Spherical(nugget, partial_sill, effective_range + 1e-9)(empirical.lag)
        return float((empirical.npairs * residual**2).sum())

    ours = [fit.model.nugget, fit.model.partial_sill, fit.model.effective_range]
    theirs = minimize(cost, [0.1, 0.4, 400.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    assert cost(ours) <= theirs.fun * (1 + 1e-9)
    by_skgstat = [skgstat.models.spherical(lag, ours[2], ours[1], ours[0]) for lag in empirical.lag]
    np.testing.assert_allclose(fit.model(empirical.lag), by_skgstat, rtol=1e-12)


def _noisy(truth, seed=2):
    random = np.random.default_rng(seed)
    return variogram_from_pairs(LAG, truth(LAG) * random.gamma(4, 0.25, LAG.size), BINS)


def test_the_rmse_and_the_criteria_are_what_they_say():
    empirical = _noisy(Exponential(0.1, 0.4, 400.0))
    fit = fit_variogram(empirical, Exponential)
    residual = empirical.semivariance - fit.model(empirical.lag)
    weight = empirical.npairs / empirical.npairs.mean()
    assert fit.rmse == pytest.approx(np.sqrt(np.mean(residual**2)))
    criterion = 40 * np.log((weight * residual**2).sum() / 40)
    assert fit.nparameters == 3
    assert fit.aic == pytest.approx(criterion + 2 * 3)
    assert fit.bic == pytest.approx(criterion + 3 * np.log(40))


def test_fixed_parameters_stay_and_are_not_counted():
    empirical = _noisy(Exponential(0.1, 0.4, 400.0))
    fit = fit_variogram(empirical, Exponential, fixed={"nugget": 0.05, "partial_sill": 0.45})
    assert (fit.model.nugget, fit.model.partial_sill) == (0.05, 0.45)
    assert fit.nparameters == 1
    everything = fit_variogram(
        empirical, Exponential, fixed={"nugget": 0.1, "partial_sill": 0.4, "effective_range": 400.0}
    )
    assert everything.model == Exponential(0.1, 0.4, 400.0)
    stable = fit_variogram(empirical, Stable, fixed={"shape": 1.0})
    exponential = fit_variogram(empirical, Exponential)
    assert stable.model.effective_range == pytest.approx(exponential.model.effective_range, rel=1e-6)
    assert stable.aic == pytest.approx(exponential.aic, abs=1e-6)


def test_given_weights_select_bins():
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0))
    weights = np.zeros(40)
    weights[::4] = 2.0
    fit = fit_variogram(empirical, Exponential, weights=weights)
    assert (fit.nbins, fit.weights) == (10, "given")
    assert fit.model.effective_range == pytest.approx(400, rel=0.02)


def test_shapes_stay_valid_on_the_sphere_unless_the_lag_is_a_chord():
    from variogeo import EmpiricalVariogram

    truth = Gaussian(0.05, 0.4, 400.0)
    planar = _noiseless(truth)
    on_sphere = EmpiricalVariogram(planar.bins, planar.sums, "cosine", "matheron", "geodesic")
    assert fit_variogram(planar, Stable).model.shape > 1.9
    assert fit_variogram(on_sphere, Stable).model.shape == 1.0
    assert fit_variogram(on_sphere, Stable, fixed={"shape": 1.7}).model.shape == 1.7
    assert fit_variogram(planar, Matern).model.smoothness == 2.5
    assert fit_variogram(on_sphere, Matern).model.smoothness == 0.5
    assert fit_variogram(on_sphere, Matern, fixed={"smoothness": 1.5}).model.smoothness == 1.5


def test_empty_bins_are_left_out():
    bins = LagBins([0, *np.linspace(50, 1000, 20), 5000])
    fit = fit_variogram(_noiseless(Exponential(0.1, 0.4, 400.0), bins), Exponential)
    assert fit.nbins == 20


def test_constant_values_are_no_variation():
    fit = fit_variogram(variogram_from_pairs(LAG, 0 * LAG, BINS), Stable, fixed={"nugget": 0.0})
    assert (fit.outcome, fit.converged, fit.rmse) == ("no variation", False, 0.0)
    assert fit.model.sill == 0
    assert "all values are equal" in fit.message


def test_a_flat_curve_is_a_pure_nugget():
    fit = fit_variogram(variogram_from_pairs(LAG, 0.3 + 0 * LAG, BINS), Exponential)
    assert (fit.outcome, fit.converged) == ("pure nugget", False)
    assert fit.model(500.0) == pytest.approx(0.3)


def test_a_straight_line_has_no_sill_within_the_data():
    fit = fit_variogram(variogram_from_pairs(LAG, LAG / 1000, BINS), Exponential)
    assert (fit.outcome, fit.converged) == ("no sill within the data", False)
    assert fit.model.effective_range > 1000
    assert "extrapolated" in fit.message


def test_a_low_stable_shape_is_said_to_be_two_structures():
    truth = Stable(0.0, 1.0, 900.0, 0.2)
    lag = np.geomspace(0.011, 999, 40)
    empirical = _noiseless(truth, LagBins.logarithmic(0.01, 1000, 40), lag)
    fit = fit_variogram(empirical, Stable)
    assert fit.model.shape < 0.3
    assert "two structures" in fit.message
    assert "fit_variogram(empirical, (Exponential, Exponential))" in fit.message
    # A shape that was given is no sign of anything.
    given = fit_variogram(empirical, Stable, fixed={"shape": 0.2})
    assert (given.outcome, given.message) == ("fitted", "Fitted to 40 bins.")


def test_an_optimiser_that_gives_up_is_named(monkeypatch):
    import scipy.optimize

    real = scipy.optimize.least_squares
    monkeypatch.setattr(
        scipy.optimize, "least_squares", lambda *args, **kwargs: real(*args, **{**kwargs, "max_nfev": 1})
    )
    random = np.random.default_rng(1)
    empirical = variogram_from_pairs(LAG, Spherical(0.1, 0.4, 400)(LAG) * random.gamma(1, 1, LAG.size), BINS)
    fit = fit_variogram(empirical, Stable)
    assert (fit.outcome, fit.converged) == ("not converged", False)
    assert "Use wider bins, more pairs" in fit.message


def test_the_iteration_of_the_weights_ends(monkeypatch):
    """Whether or not the weights have settled."""
    import variogeo._solving

    random = np.random.default_rng(1)
    empirical = variogram_from_pairs(LAG, Spherical(0.1, 0.4, 400)(LAG) * random.gamma(1, 1, LAG.size), BINS)
    settled = fit_variogram(empirical, Spherical, weights="npairs_over_semivariance2")
    monkeypatch.setattr(variogeo._solving, "_REWEIGHTINGS", 1)
    once = fit_variogram(empirical, Spherical, weights="npairs_over_semivariance2")
    assert once.model.effective_range == pytest.approx(settled.model.effective_range, rel=0.05)
    assert once.model != settled.model


def test_comparison_ranks_by_aic_and_prints_a_table():
    comparison = compare_models(_noiseless(Spherical(0.1, 0.4, 400.0)), [Exponential, Gaussian, Spherical, Stable])
    assert isinstance(comparison.best.model, Spherical)
    assert comparison[0] is comparison.best
    assert len(comparison) == 4
    assert [fit.aic for fit in comparison] == sorted(fit.aic for fit in comparison)
    lines = str(comparison).splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("Spherical")
    assert lines[0].split()[-3:] == ["AIC", "BIC", "outcome"]
    frame = comparison.to_frame()
    assert frame["bic"].tolist() == [fit.bic for fit in comparison]
    assert frame["model"].tolist() == [type(fit.model).__name__ for fit in comparison]
    assert frame["rmse"][0] == comparison.best.rmse


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda e: fit_variogram(e, Exponential(0, 1, 1)), TypeError, "the class, not a value of it"),
        (lambda e: fit_variogram(e, "Exponential"), TypeError, "tuple of two for a nested fit: Spherical, Exp"),
        (lambda e: fit_variogram(e, (Exponential,) * 3), TypeError, "Must be a model class, or a tuple of two"),
        (lambda e: fit_variogram(e, (Exponential, "Stable")), TypeError, "Must be a model class"),
        (lambda e: fit_variogram(e, Nested), TypeError, "Must be a model class"),
        (lambda e: fit_variogram(e, [Exponential, Exponential]), TypeError, "Must be a model class"),
        (lambda e: fit_variogram(e, Exponential, fixed={"range": 1}), ValueError, "'range'. Exponential has nugget"),
        (lambda e: fit_variogram(e, Exponential, fixed={"nugget": -1}), ValueError, "nugget '-1.0'"),
        (lambda e: fit_variogram(e, Exponential, weights="cressie"), ValueError, "'equal', 'npairs'"),
        (lambda e: fit_variogram(e, Exponential, weights=np.ones(3)), ValueError, r"shape \(3,\). Must be \(40,\)"),
        (lambda e: fit_variogram(e, Exponential, weights=-np.ones(40)), ValueError, "40 bins with pairs: 0, 1.*>= 0"),
        (
            lambda e: fit_variogram(e, Exponential, weights=np.full(40, np.nan)),
            ValueError,
            "NaN or infinite in 40 bins",
        ),
        (lambda e: fit_variogram(e, Exponential, weights=np.zeros(40)), ValueError, "No bin"),
        (lambda e: compare_models(e, []), ValueError, "at least one"),
        (lambda e: compare_models(e, Exponential), ValueError, "Must be a list"),
        (lambda e: fit_variogram(e.to_frame(), Exponential), TypeError, "type DataFrame. Must be an EmpiricalVar"),
        (
            lambda e: compare_models(e, [Exponential], weights="npairs_over_semivariance2"),
            ValueError,
            "differ from model to model",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(_noiseless(Exponential(0.1, 0.4, 400.0)))


def test_as_many_parameters_as_bins_rank_last():
    empirical = _noiseless(Spherical(0.1, 0.4, 400.0), LagBins([0, 200, 400, 1000]))
    comparison = compare_models(empirical, [Exponential, Spherical])
    assert [fit.aic for fit in comparison] == [np.inf, np.inf]


def test_the_message_says_what_the_sphere_means_for_the_model():
    from variogeo import EmpiricalVariogram

    planar = _noiseless(Gaussian(0.05, 0.4, 400.0), lag=ON_CURVE)
    on_sphere = EmpiricalVariogram(planar.bins, planar.sums, "cosine", "matheron", "geodesic")
    assert "For weighting only, not for simulation" in fit_variogram(on_sphere, Gaussian).message
    for model in (Stable, Matern):
        assert "at its limit on the sphere" in fit_variogram(on_sphere, model).message
    assert fit_variogram(on_sphere, Stable, fixed={"shape": 1.0}).message == "Fitted to 40 bins."
    assert fit_variogram(planar, Gaussian).message == "Fitted to 40 bins."
    assert fit_variogram(on_sphere, Exponential).message == "Fitted to 40 bins."


def test_bounds_are_kept_and_what_lies_at_one_is_named():
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0), lag=ON_CURVE)
    free = fit_variogram(empirical, Exponential, bounds={"effective_range": (10, 500), "nugget": (0.05, np.inf)})
    assert (free.outcome, free.at_bound) == ("fitted", ())
    for bound, side in (((10, 300), "upper"), ((500, 800), "lower")):
        fit = fit_variogram(empirical, Exponential, bounds={"effective_range": bound})
        assert fit.model.effective_range == bound[side == "upper"]
        assert (fit.outcome, fit.converged) == ("parameter at a bound", False)
        assert fit.at_bound == ("effective_range",)
        assert f"At a bound: effective_range {bound[side == 'upper']} km ({side})." in fit.message
    # Neither can bring the sill of 0.5 alone, so both end as high as they may.
    sills = fit_variogram(empirical, Exponential, bounds={"nugget": (0, 0.2), "partial_sill": (0, 0.25)})
    assert (sills.model.nugget, sills.model.partial_sill) == (0.2, 0.25)
    assert (sills.outcome, sills.converged) == ("parameter at a bound", True)
    assert sills.at_bound == ("nugget", "partial_sill")


def test_a_bound_may_lie_beyond_the_limits_of_the_data():
    """The default limits of the range are a tenth of the shortest lag, 1.25 km, and ten times the longest."""
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0), lag=ON_CURVE)
    for bounds in ((0, 0.5), (20_000, np.inf)):
        fit = fit_variogram(empirical, Exponential, bounds={"effective_range": bounds})
        assert bounds[0] <= fit.model.effective_range <= bounds[1]
        assert fit.outcome in ("parameter at a bound", "no sill within the data", "pure nugget")


def test_bounds_of_the_shape_lift_its_limit_on_the_sphere():
    from variogeo import EmpiricalVariogram

    planar = _noiseless(Gaussian(0.05, 0.4, 400.0), lag=ON_CURVE)
    on_sphere = EmpiricalVariogram(planar.bins, planar.sums, "cosine", "matheron", "geodesic")
    limited = fit_variogram(on_sphere, Stable)
    assert limited.at_bound == ("nugget", "shape")
    assert (limited.outcome, limited.converged) == ("parameter at a bound", True)
    assert "shape 1 (upper)" in limited.message
    lifted = fit_variogram(on_sphere, Stable, bounds={"shape": (0.5, 2)})
    assert lifted.model.shape > 1.9
    assert "For weighting only" in lifted.message


def test_a_curve_without_a_nugget_is_fitted_and_says_where_its_nugget_lies():
    """A spherical curve starts slower than an exponential one, whose nugget would have to be negative."""
    fit = fit_variogram(_noiseless(Spherical(0.0, 0.4, 400.0), lag=ON_CURVE), Exponential)
    assert (fit.outcome, fit.converged) == ("fitted", True)
    assert (fit.model.nugget, fit.at_bound) == (0.0, ("nugget",))
    assert fit.message == "Fitted to 40 bins."


def test_nobody_is_told_to_widen_a_nugget_of_zero():
    """Bounds below 0 are refused: a nugget of 0 is where it ends, be it beside an odd shape or beside a bound."""
    empirical = empirical_variogram(*datasets.geoclip_photos())
    fit = fit_variogram(empirical, Stable)
    assert (fit.model.nugget, fit.outcome, fit.at_bound) == (0.0, "parameter at a bound", ("nugget",))
    assert fit.message.startswith("At a bound: nugget 0, which cannot be negative. A shape of 0.27")
    bounded = fit_variogram(empirical, Stable, bounds={"effective_range": (1, 100)})
    assert bounded.at_bound == ("nugget", "effective_range")
    assert bounded.message.startswith("At a bound: effective_range 100 km (upper). A better value may lie beyond it.")
    with pytest.raises(ValueError, match="lower bound of nugget"):
        fit_variogram(empirical, Stable, bounds={"nugget": (-0.5, 1)})


@pytest.mark.parametrize(
    ("bounds", "error", "words"),
    [
        ({"range": (1, 2)}, ValueError, "bounds for 'range'. Exponential has nugget, partial_sill, effective_range"),
        ({"nugget": (-1, 2)}, ValueError, "lower bound of nugget '-1.0'. Must be at least 0"),
        ({"nugget": (2, 1)}, ValueError, "upper bound of nugget '1.0'. Must be greater than 2"),
        ({"nugget": (2, 2)}, ValueError, "Must be greater than 2"),
        ({"nugget": (0, np.nan)}, ValueError, "upper bound of nugget 'nan'"),
        ({"nugget": ("0", 1)}, TypeError, "lower bound of nugget '0'. Must be a number"),
        ({"nugget": 1.0}, TypeError, "bounds 1.0 for 'nugget'. Must be two numbers"),
        ({"nugget": "01"}, TypeError, "Must be two numbers"),
        ({"nugget": (0, 1, 2)}, TypeError, "Must be two numbers, the lower first"),
        ({"partial_sill": (0, 1)}, ValueError, "bounds for 'partial_sill', which is fixed"),
    ],
    ids=str,
)
def test_bounds_that_make_no_limits_are_refused(bounds, error, words):
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0))
    with pytest.raises(error, match=words):
        fit_variogram(empirical, Exponential, bounds=bounds, fixed={"partial_sill": 0.4})


def test_shapes_have_limits_of_their_own():
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0))
    with pytest.raises(ValueError, match=r"upper bound of shape '2.5'. Must be at most 2"):
        fit_variogram(empirical, Stable, bounds={"shape": (0.1, 2.5)})
    with pytest.raises(ValueError, match=r"bounds for 'smoothness'. It is one of 0.5, 1.5, 2.5: hold it with fixed="):
        fit_variogram(empirical, Matern, bounds={"smoothness": (0.5, 2.5)})


@pytest.mark.parametrize(
    ("model", "needed"), [(Exponential, 3), (Stable, 4), (Matern, 4), ((Exponential, Exponential), 5)], ids=str
)
def test_too_few_bins_are_an_outcome_with_a_flat_model(model, needed):
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0))
    weights = np.zeros(40)
    weights[: needed - 1] = np.arange(1, needed)
    fit = fit_variogram(empirical, model, weights=weights)
    assert (fit.outcome, fit.converged, fit.aic) == ("too few bins", False, np.inf)
    assert (fit.nbins, fit.nparameters) == (needed - 1, needed)
    assert f"Only {needed - 1} bins hold pairs, but" in fit.message
    mean = np.average(empirical.semivariance, weights=weights)
    assert fit.model(500.0) == pytest.approx(mean)
    assert fit.model.partial_sill == 0
    enough = fit_variogram(empirical, model, weights=np.where(np.arange(40) < needed, 1.0, 0.0))
    assert enough.outcome != "too few bins"


def test_what_is_fixed_stays_in_a_flat_model():
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0))
    weights = np.eye(40)[0]
    fit = fit_variogram(empirical, Exponential, weights=weights, fixed={"effective_range": 50.0})
    assert (fit.outcome, fit.model.effective_range) == ("too few bins", 50.0)
    fixed = {"second.effective_range": 5.0, "first.partial_sill": 0.1}
    nested = fit_variogram(empirical, (Exponential, Exponential), weights=weights, fixed=fixed)
    assert (nested.model.first.effective_range, nested.model.second.effective_range) == (5.0, 5.0)
    assert nested.model.first.partial_sill == 0.1
    fixed = {"first.effective_range": 5000.0}
    nested = fit_variogram(empirical, (Exponential, Exponential), weights=weights, fixed=fixed)
    assert (nested.model.first.effective_range, nested.model.second.effective_range) == (5000.0, 5000.0)


def test_weights_of_bins_without_pairs_are_not_read():
    bins = LagBins([0, *np.linspace(50, 1000, 20), 5000])
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0), bins)
    weights = np.append(np.ones(20), np.nan)
    with_nan = fit_variogram(empirical, Exponential, weights=weights)
    assert with_nan.model == fit_variogram(empirical, Exponential, weights="equal").model


@settings(max_examples=15, deadline=None)
@given(scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e9]), seed=st.integers(0, 1000))
def test_a_fit_does_not_depend_on_the_units(scale, seed):
    """Lags in metres or semivariances in other units give the same curve in these units."""
    random = np.random.default_rng(seed)
    lag = random.uniform(0, 1000, 400)
    term = Spherical(0.1, 0.4, 400.0)(lag) * random.gamma(4, 0.25, lag.size)
    bins, scaled_bins = LagBins.linear(0, 1000, 15), LagBins.linear(0, 1000 * 1024, 15)
    fit = fit_variogram(variogram_from_pairs(lag, term, bins), Spherical)
    scaled = fit_variogram(variogram_from_pairs(lag * 1024, term * scale, scaled_bins), Spherical)
    np.testing.assert_allclose(scaled.model(lag * 1024), scale * fit.model(lag), rtol=1e-5)


def test_what_the_call_forces_is_not_blamed_on_the_data():
    truth = Exponential(nugget=0.1, partial_sill=0.4, effective_range=300.0)
    lag = np.linspace(1, 1000, 2000)
    empirical = variogram_from_pairs(lag, truth(lag), BINS)
    for forced in ({"fixed": {"nugget": 5.0}}, {"bounds": {"nugget": (0.6, 0.9)}}):
        fit = fit_variogram(empirical, Exponential, **forced)
        assert fit.outcome == "pure nugget"
        assert fit.message.startswith("With the parameters given by fixed= or bounds=")
    for forced in ({"bounds": (1, 20)}, {"fixed": 0.1}):
        with pytest.raises(TypeError, match="Must be a dict"):
            fit_variogram(empirical, Exponential, **forced)


def test_a_fit_is_printed_with_four_digits_and_what_became_of_it():
    fit = fit_variogram(_noiseless(Exponential(0.1, 0.4, 400.0), lag=ON_CURVE), Exponential, weights="equal")
    model, numbers, message = str(fit).splitlines()
    assert model == "Exponential(nugget=0.1, partial_sill=0.4, effective_range=400 km)" == str(fit.model)
    assert numbers == f"fitted: 40 bins, weights equal, rmse {fit.rmse:.4g}, AIC {fit.aic:.4g}"
    assert message == fit.message
    assert repr(fit).startswith("VariogramFit(model=Exponential(nugget=")
