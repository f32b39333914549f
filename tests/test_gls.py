"""Generalised least squares: closed forms, a double loop, and covariances that cannot be inverted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from variogeo import Exponential, LagBins, Spherical, compare_models, fit_variogram, variogram_from_pairs

COUNT = 20
BINS = LagBins.linear(0, 1000, COUNT)
RANGE = 400.0


def noisy(seed=0, bins=BINS):
    random = np.random.default_rng(seed)
    lag = random.uniform(0, 1000, 2000)
    return variogram_from_pairs(lag, Exponential(0.1, 0.4, RANGE)(lag) * random.gamma(4, 0.25, lag.size), bins)


def correlated(seed=0, count=COUNT):
    """Return a covariance of bins with unequal variances, neighbours alike."""
    random = np.random.default_rng(seed)
    spread = random.uniform(0.005, 0.05, count)
    return np.outer(spread, spread) * 0.8 ** np.abs(np.subtract.outer(np.arange(count), np.arange(count)))


def chi_square(empirical, covariance, model):
    """Return the chi-square of a model as a double loop over bins."""
    inverse, residual = np.linalg.inv(covariance), empirical.semivariance - model(empirical.lag)
    return sum(residual[i] * inverse[i, j] * residual[j] for i in range(COUNT) for j in range(COUNT))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_with_a_fixed_range_the_fit_is_the_closed_form_of_aitken(seed):
    """The curve is linear in nugget and partial sill: theta = (X' S^-1 X)^-1 X' S^-1 y."""
    empirical, covariance = noisy(seed), correlated(seed)
    rise = Exponential(0.0, 1.0, RANGE)(empirical.lag)
    design, inverse = np.column_stack([np.ones(COUNT), rise]), np.linalg.inv(covariance)
    nugget, partial_sill = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ empirical.semivariance)
    fit = fit_variogram(empirical, Exponential, covariance=covariance, fixed={"effective_range": RANGE})
    if nugget >= 0 and partial_sill >= 0:
        np.testing.assert_allclose([fit.model.nugget, fit.model.partial_sill], [nugget, partial_sill], rtol=1e-6)
    assert (fit.weights, fit.nbins, fit.nparameters) == ("covariance", COUNT, 2)


def test_the_criteria_are_the_chi_square_and_its_penalties():
    empirical, covariance = noisy(), correlated()
    fit = fit_variogram(empirical, Exponential, covariance=covariance)
    chi2 = chi_square(empirical, covariance, fit.model)
    assert fit.aic == pytest.approx(chi2 + 2 * 3)
    assert fit.bic == pytest.approx(chi2 + 3 * np.log(COUNT))


@pytest.mark.parametrize("classes", [Spherical, Exponential], ids=lambda cls: cls.__name__)
def test_no_search_by_another_optimiser_finds_a_smaller_chi_square(classes):
    empirical, covariance = noisy(), correlated()
    fit = fit_variogram(empirical, classes, covariance=covariance)
    inverse = np.linalg.inv(covariance)

    def cost(theta):
        residual = empirical.semivariance - classes(*(np.abs(theta) + 1e-12))(empirical.lag)
        return float(residual @ inverse @ residual)

    theirs = minimize(cost, [0.1, 0.4, RANGE], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    assert chi_square(empirical, covariance, fit.model) <= theirs.fun * (1 + 1e-9)


def test_a_diagonal_covariance_is_weights_of_one_over_the_variance():
    empirical, variance = noisy(), np.linspace(0.01, 0.05, COUNT) ** 2
    by_covariance = fit_variogram(empirical, Spherical, covariance=np.diag(variance))
    by_weights = fit_variogram(empirical, Spherical, weights=1 / variance)
    np.testing.assert_allclose(by_covariance.model(empirical.lag), by_weights.model(empirical.lag), rtol=1e-7)


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_the_size_of_the_covariance_changes_nothing_but_the_chi_square(factor):
    empirical, covariance = noisy(), correlated()
    fit = fit_variogram(empirical, Spherical, covariance=covariance)
    scaled = fit_variogram(empirical, Spherical, covariance=factor * covariance)
    np.testing.assert_allclose(scaled.model(empirical.lag), fit.model(empirical.lag), rtol=1e-7)


def test_an_error_that_all_bins_share_changes_the_fit_of_no_model_with_a_nugget():
    """It lies in the span of the curves, where generalised and ordinary least squares agree (Kruskal 1968)."""
    empirical, own = noisy(), 1e-4 * np.eye(COUNT)
    fit = fit_variogram(empirical, Exponential, covariance=own + 0.01)
    apart = fit_variogram(empirical, Exponential, covariance=own)
    np.testing.assert_allclose(fit.model(empirical.lag), apart.model(empirical.lag), rtol=1e-5)


def test_bins_without_pairs_or_without_a_variance_are_left_out():
    bins = LagBins([*BINS.edges, 5000])
    empirical, covariance = noisy(bins=bins), np.full((COUNT + 1, COUNT + 1), np.nan)
    covariance[:COUNT, :COUNT] = correlated()
    fit = fit_variogram(empirical, Exponential, covariance=covariance)
    assert fit.model == fit_variogram(noisy(), Exponential, covariance=correlated()).model
    covariance[3, :] = covariance[:, 3] = np.nan
    assert fit_variogram(empirical, Exponential, covariance=covariance).nbins == COUNT - 1


def test_a_flat_model_is_at_the_generalised_mean():
    """The best constant: 1' S^-1 y / 1' S^-1 1."""
    empirical = noisy(bins=LagBins.linear(0, 1000, 2))
    covariance = np.array([[1.0, 0.6], [0.6, 4.0]])
    fit = fit_variogram(empirical, Exponential, covariance=covariance)
    inverse = np.linalg.inv(covariance)
    assert fit.outcome == "too few bins"
    assert fit.model.nugget == pytest.approx((inverse @ empirical.semivariance).sum() / inverse.sum())


def test_models_are_compared_with_one_covariance():
    comparison = compare_models(
        noisy(), [Spherical, Exponential, (Exponential, Exponential)], covariance=correlated()
    )  # fmt: skip
    assert [fit.weights for fit in comparison] == ["covariance"] * 3
    assert [fit.aic for fit in comparison] == sorted(fit.aic for fit in comparison)


def of_few_patches():
    """Return the covariance of as many replicates as bins, which has one dimension too few."""
    return np.cov(np.random.default_rng(0).normal(size=(COUNT, COUNT)), rowvar=False)


def with_entry(i, j, value):
    covariance = correlated()
    covariance[i, j] = value
    return covariance


@pytest.mark.parametrize(
    ("covariance", "error", "words"),
    [
        (of_few_patches(), ValueError, "20 bins is singular.*more patches than bins.*weights=1 / standard_error"),
        (-correlated(), ValueError, "variance is not above zero, in 20 bins: 0, 1, 2, 3, 4 .and 15 more."),
        (with_entry(2, 2, 0.0), ValueError, "not above zero, in 1 bins: 2"),
        (with_entry(2, 2, np.inf), ValueError, "not finite.*in 1 bins: 2"),
        (with_entry(2, 5, np.nan), ValueError, "not finite.*in 1 bins: 2"),
        (with_entry(2, 5, 0.5), ValueError, "not symmetric. Must equal its transpose"),
        (2 * np.ones((COUNT, COUNT)) - np.eye(COUNT), ValueError, "singular"),
        (np.eye(3), ValueError, r"covariance of shape \(3, 3\). Must be \(20, 20\)"),
        (np.ones(COUNT), ValueError, r"covariance of shape \(20,\)"),
        (np.full((COUNT, COUNT), np.nan), ValueError, "No bin with pairs has a variance"),
        ("jackknife", TypeError, "covariance of dtype"),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value)[:30],
)
def test_a_covariance_that_weighs_nothing_is_refused(covariance, error, words):
    with pytest.raises(error, match=words):
        fit_variogram(noisy(), Exponential, covariance=covariance)


@pytest.mark.parametrize("weights", ["equal", np.ones(COUNT)], ids=["equal", "given"])
def test_weights_beside_a_covariance_are_refused(weights):
    with pytest.raises(ValueError, match="beside a covariance, which weighs the bins itself"):
        fit_variogram(noisy(), Exponential, covariance=correlated(), weights=weights)
