"""Numbers that others print: gstat's table and fit of zinc at the Meuse, estimators of scikit-gstat and GSTools."""

import math

import numpy as np
import pytest
import skgstat
from scipy.spatial.distance import pdist

from variogeo import LagBins, Spherical, fit_variogram, variogram_from_pairs

# R: variogram(log(zinc) ~ 1, meuse), with the default cutoff and width.
PAIRS = [57, 299, 419, 457, 547, 533, 574, 564, 589, 543, 500, 477, 452, 457, 415]
DISTANCE = [
    79.29244, 163.97367, 267.36483, 372.73542, 478.47670, 585.34058, 693.14526, 796.18365, 903.14650, 1011.29177,
    1117.86235, 1221.32810, 1329.16407, 1437.25620, 1543.20248,
]  # fmt: skip
SEMIVARIANCE = [
    0.1234479, 0.2162185, 0.3027859, 0.4121448, 0.4634128, 0.5646933, 0.5689683, 0.6186769, 0.6471479, 0.6915705,
    0.7033984, 0.6038770, 0.6517158, 0.5665318, 0.5748227,
]  # fmt: skip


@pytest.fixture(scope="module")
def empirical():
    """Return the variogram in metres of all pairs up to a third of the diagonal, in 15 equal classes."""
    places, zinc = skgstat.data.meuse("zinc")["sample"]
    assert places.shape == (155, 2)
    values = np.log(zinc.ravel())
    first, second = np.triu_indices(len(values), 1)
    term = (values[first] - values[second]) ** 2 / 2
    diagonal = float(np.hypot(*np.ptp(places, axis=0)))
    return variogram_from_pairs(pdist(places), term, LagBins.linear(0, diagonal / 3, 15))


def test_the_variogram_is_gstats_table(empirical):
    assert empirical.edges[-1] == pytest.approx(1596.6226)
    assert empirical.npairs.tolist() == PAIRS
    np.testing.assert_allclose(empirical.lag, DISTANCE, rtol=0, atol=1e-5)
    np.testing.assert_allclose(empirical.semivariance, SEMIVARIANCE, rtol=0, atol=1e-7)


def test_the_spherical_fit_is_gstats(empirical):
    """fit.variogram(v, vgm(1, "Sph", 900, 1)) with weights N / h^2: nugget, partial sill and range as printed."""
    fit = fit_variogram(empirical, Spherical, weights="npairs_over_lag2")
    assert (fit.outcome, fit.nbins) == ("fitted", 15)
    assert fit.model.effective_range == pytest.approx(897.0209, abs=0.05)
    assert fit.model.nugget == pytest.approx(0.05066243, abs=1e-5)
    assert fit.model.partial_sill == pytest.approx(0.59060780, abs=1e-5)


def test_gstats_parameters_have_no_smaller_sum_of_squares_than_ours(empirical):
    """Where the last digits differ, ours are nearer to the optimum."""
    weight = empirical.npairs / empirical.lag**2

    def cost(model):
        return float((weight * (empirical.semivariance - model(empirical.lag)) ** 2).sum())

    ours = fit_variogram(empirical, Spherical, weights="npairs_over_lag2").model
    assert cost(ours) <= cost(Spherical(0.05066243, 0.59060780, 897.0209))


def one_bin(differences, **options):
    """Return the semivariance of pairs with these differences, all in one bin."""
    bins = LagBins([0, 2])
    return variogram_from_pairs(np.ones(len(differences)), differences**2 / 2, bins, **options).semivariance[0]


def legacy(seed):
    """Return the random numbers of ``np.random.seed(seed)``, which the published tests draw from."""
    return np.random.RandomState(seed)


def test_estimates_are_those_of_scikit_gstats_tests():
    """Its rows: estimators of arrays of absolute differences."""
    assert one_bin(legacy(42).normal(0, 1, 10_000)) == pytest.approx(0.50342, abs=1e-6)
    # Its Cressie and Hawkins divide by 0.457 + 0.494 / N + 0.045 / N^2, ours by the limit 2 Gamma(3/4)^4 / pi^2.
    limit = 2 * math.gamma(0.75) ** 4 / math.pi**2
    robust = one_bin(legacy(42).gamma(10, 4, 10_000), estimator="cressie_hawkins", dimension=1)
    assert robust * limit / (0.457 + 0.494e-4 + 0.045e-8) == pytest.approx(1686.7519, abs=1e-3)
    # Dowd's median comes from counts in cells of 2 to 3 %.
    assert one_bin(legacy(1306).weibull(14, 1000), estimator="dowd", dimension=1) == pytest.approx(1.0437, rel=0.03)
    assert one_bin(legacy(1312).gamma(10, 4, 100), estimator="dowd", dimension=1) == pytest.approx(1585.48, rel=0.03)


def test_ten_points_on_a_line_have_the_variogram_of_the_literature():
    """A row of GSTools' tests; its bins are [1, 2) and [2, 3)."""
    values = np.array([41.2, 40.2, 39.7, 39.2, 40.1, 38.3, 39.1, 40.0, 41.1, 40.3])
    first, second = np.triu_indices(10, 1)
    term = (values[first] - values[second]) ** 2 / 2
    empirical = variogram_from_pairs((second - first).astype(float), term, LagBins([0, 1, 2]))
    np.testing.assert_allclose(empirical.semivariance, [0.4917, 0.7625], atol=5e-5)
