"""Defects of GSTools and scikit-gstat that we work around: if a test fails, the defect is gone, and so may be its cure.

Seen with GSTools 1.7.0 and scikit-gstat 1.0.26.
"""

import gstools as gs
import numpy as np
import pytest
import skgstat
from scipy.spatial.distance import pdist

from variogeo import LagBins, Spherical, empirical_variogram, fit_variogram, variogram_from_pairs
from variogeo.interop import from_skgstat
from variogeo.synthetic import uniform_lonlat

LONLAT = uniform_lonlat(60, seed=1)
VALUES = np.random.default_rng(1).normal(size=60)


def test_gstools_overwrites_the_edges_of_its_caller() -> None:
    """Why we never call ``vario_estimate``: with latlon it divides the caller's array by geo_scale, in place.

    A second call with the same array bins at a 6371st of the distances, in silence.
    """
    edges = np.linspace(0, 6000, 5)
    gs.vario_estimate((LONLAT[:, 1], LONLAT[:, 0]), VALUES, edges, latlon=True, geo_scale=gs.KM_SCALE)
    np.testing.assert_allclose(edges, np.linspace(0, 6000, 5) / gs.KM_SCALE)
    ours = LagBins(np.linspace(0, 6000, 5))
    empirical_variogram(LONLAT, VALUES, ours, dissimilarity="half_squared")
    assert ours.edges.tolist() == [0, 1500, 3000, 4500, 6000]


def test_gstools_returns_zero_for_a_bin_without_pairs() -> None:
    """Why we never call ``vario_estimate``: a fit takes the 0 of an empty bin for equal values. Ours is NaN."""
    edges = np.array([0.0, 1e-6, 1.0, 2.0])  # radians: no two points are within 6 m
    _, gamma, counts = gs.vario_estimate(
        (LONLAT[:, 1], LONLAT[:, 0]), VALUES, edges.copy(), latlon=True, return_counts=True
    )
    assert (counts[0], gamma[0]) == (0, 0.0)
    empirical = empirical_variogram(
        LONLAT, VALUES, LagBins(6371.0088 * edges), dissimilarity="half_squared", metric="great_circle"
    )
    assert empirical.npairs.tolist() == counts.tolist()
    assert np.isnan(empirical.semivariance[0])
    np.testing.assert_allclose(empirical.semivariance[1:], gamma[1:], rtol=1e-12)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_scikit_gstat_subtracts_the_nugget_twice_on_its_way_to_gstools() -> None:
    """Why `from_skgstat` reads the raw coefficients: the "sill" is a partial sill, but is taken for nugget + sill."""
    places = np.random.default_rng(3).uniform(0, 100, (200, 2))
    manual = {"fit_method": "manual", "fit_range": 40.0, "fit_sill": 2.0, "fit_nugget": 0.5}
    variogram = skgstat.Variogram(places, places[:, 0], model="spherical", use_nugget=True, **manual)
    assert list(variogram.cof) == [40.0, 2.0, 0.5]
    far = np.array([1e6])
    assert variogram.fitted_model(far)[0] == 2.5
    converted = variogram.to_gstools()
    assert (converted.var, converted.nugget, converted.sill) == (1.5, 0.5, 2.0)
    model = from_skgstat(variogram)
    assert (model.partial_sill, model.nugget, float(model(1e6))) == (2.0, 0.5, 2.5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_scikit_gstat_fits_at_the_upper_edges_of_its_bins() -> None:
    """Why we fit at mean lags: with all pairs at the upper edge of their bin we find their range, too long by 4 %."""
    places, zinc = skgstat.data.meuse("zinc")["sample"]
    values = np.log(zinc.ravel())
    theirs = skgstat.Variogram(places, values, model="spherical", n_lags=15, maxlag=1500)
    lag, (first, second) = pdist(places), np.triu_indices(len(values), 1)
    term = (values[first] - values[second]) ** 2 / 2
    bins = LagBins([0, *theirs.bins])
    lag, term = lag[lag <= bins.edges[-1]], term[lag <= bins.edges[-1]]
    at_edges = bins.high[np.searchsorted(bins.high, lag)]
    options = {"weights": "equal", "fixed": {"nugget": 0.0}}
    moved = fit_variogram(variogram_from_pairs(at_edges, term, bins), Spherical, **options).model
    # Of the two fits of one least-squares problem, theirs stops earlier with an older scipy.
    assert moved.effective_range == pytest.approx(from_skgstat(theirs).effective_range, rel=1e-3)
    ours = fit_variogram(variogram_from_pairs(lag, term, bins), Spherical, **options).model
    assert moved.effective_range > 1.04 * ours.effective_range
