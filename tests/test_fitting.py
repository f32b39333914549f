"""Fits: known parameters come back, outcomes are named, weights do what they say."""

import numpy as np
import pytest
import skgstat
from scipy.optimize import minimize

from variogeo import (
    Exponential,
    Gaussian,
    LagBins,
    Matern,
    Spherical,
    Stable,
    compare_models,
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
    assert fit.outcome == "fitted"
    assert fit.converged
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


def test_the_rmse_and_the_aic_are_what_they_say():
    random = np.random.default_rng(2)
    empirical = variogram_from_pairs(LAG, Exponential(0.1, 0.4, 400.0)(LAG) * random.gamma(4, 0.25, LAG.size), BINS)
    fit = fit_variogram(empirical, Exponential)
    residual = empirical.semivariance - fit.model(empirical.lag)
    weight = empirical.npairs / empirical.npairs.mean()
    assert fit.rmse == pytest.approx(np.sqrt(np.mean(residual**2)))
    assert fit.aic == pytest.approx(40 * np.log((weight * residual**2).sum() / 40) + 2 * 3)


def test_fixed_parameters_stay_and_are_not_counted():
    empirical = _noiseless(Exponential(0.1, 0.4, 400.0))
    fit = fit_variogram(empirical, Exponential, fixed={"nugget": 0.05, "partial_sill": 0.45})
    assert (fit.model.nugget, fit.model.partial_sill) == (0.05, 0.45)
    everything = fit_variogram(
        empirical, Exponential, fixed={"nugget": 0.1, "partial_sill": 0.4, "effective_range": 400.0}
    )
    assert everything.model == Exponential(0.1, 0.4, 400.0)
    stable = fit_variogram(empirical, Stable, fixed={"shape": 1.0})
    assert stable.model.effective_range == pytest.approx(400, rel=0.01)
    np.testing.assert_allclose(stable.aic, fit_variogram(empirical, Exponential).aic, atol=0.1)


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
    fit = fit_variogram(_noiseless(truth, LagBins.logarithmic(0.01, 1000, 40), lag), Stable)
    assert fit.model.shape < 0.3
    assert "two structures" in fit.message


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
    import variogeo._fitting

    random = np.random.default_rng(1)
    empirical = variogram_from_pairs(LAG, Spherical(0.1, 0.4, 400)(LAG) * random.gamma(1, 1, LAG.size), BINS)
    settled = fit_variogram(empirical, Spherical, weights="npairs_over_semivariance2")
    monkeypatch.setattr(variogeo._fitting, "_REWEIGHTINGS", 1)
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
    frame = comparison.to_frame()
    assert frame["model"].tolist() == [type(fit.model).__name__ for fit in comparison]
    assert frame["rmse"][0] == comparison.best.rmse


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda e: fit_variogram(e, Exponential(0, 1, 1)), TypeError, "the class, not a value of it"),
        (lambda e: fit_variogram(e, "Exponential"), TypeError, "Must be a model class: Spherical, Exp"),
        (lambda e: fit_variogram(e, Exponential, fixed={"range": 1}), ValueError, "'range'. Exponential has nugget"),
        (lambda e: fit_variogram(e, Exponential, fixed={"nugget": -1}), ValueError, "nugget '-1.0'"),
        (lambda e: fit_variogram(e, Exponential, weights="cressie"), ValueError, "'equal', 'npairs'"),
        (lambda e: fit_variogram(e, Exponential, weights=np.ones(3)), ValueError, r"shape \(3,\). Must be \(40,\)"),
        (lambda e: fit_variogram(e, Exponential, weights=-np.ones(40)), ValueError, "finite number >= 0"),
        (lambda e: fit_variogram(e, Exponential, weights=np.eye(40)[0]), ValueError, "Only 1 bins.*3 free"),
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
