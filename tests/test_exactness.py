"""Counts on WGS84 against pyproj on millions of pairs; float32 products against TreeCorr."""

import csv

import numpy as np
import pytest
import treecorr
from engines import ENGINES, sums_by
from pyproj import Geod

from variogeo import LagBins, datasets
from variogeo.synthetic import uniform_lonlat


def streetscapes(folder):
    """Return the positions of the street-level photos."""
    with (folder / "streetscapes_points_2319.csv").open() as stream:
        return np.array([(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(stream)])


@pytest.fixture(scope="module", params=["bundled", "street level"])
def every_pair(request):
    """Points of all kinds, mixed with photos, and the geodesic of each pair."""
    random = np.random.default_rng(12)
    if request.param == "bundled":
        photos, count = datasets.geoclip_photos().lonlat, 3200
    else:
        photos, count = streetscapes(request.getfixturevalue("shared_data")), 1500
    photos = photos[random.permutation(len(photos))[: count // 2]]
    spare = uniform_lonlat(count // 10, seed=12)
    polar = np.column_stack([random.uniform(-180, 180, count // 20), 90 - 10 ** random.uniform(-7, 0.5, count // 20)])
    antimeridian = np.column_stack(
        [180 - 10 ** random.uniform(-7, 0.5, count // 20), random.normal(0, 40, count // 20)]
    )
    east = np.where(random.uniform(size=count // 20) < 0.5, antimeridian[:, 0], -antimeridian[:, 0])
    some = photos[: count // 10]
    parts = [
        photos,
        spare,
        polar * [1, 1],
        polar * [1, -1],
        np.column_stack([east, antimeridian[:, 1]]),
        some + 10 ** random.uniform(-6, -4, (len(some), 1)) * random.normal(size=some.shape),
        spare * [1, -1] + [180, 0] + 10 ** random.uniform(-6, -0.5, (len(spare), 1)) * random.normal(size=spare.shape),
    ]
    lonlat = np.concatenate(parts)
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    lonlat[:, 1] = np.clip(lonlat[:, 1], -90, 90)
    first, second = np.triu_indices(len(lonlat), 1)
    return lonlat, Geod(ellps="WGS84").inv(*lonlat[first].T, *lonlat[second].T)[2] / 1000


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "bins", [LagBins.logarithmic(0.0001, 20_004, 200), LagBins.linear(0, 20_004, 50), LagBins.linear(0, 5000, 50)]
)
def test_counts_equal_pyproj_on_all_pairs(every_pair, engine, bins):
    lonlat, lags = every_pair
    inside = lags[(lags > bins.edges[0]) & (lags > 0)]
    expected = np.bincount(np.searchsorted(bins.edges, inside, side="left"), minlength=len(bins) + 2)[1:-1]
    values = np.random.default_rng(0).normal(size=(len(lonlat), 3))
    sums = sums_by(engine, lonlat, values, bins, rows=1024)
    assert sums.npairs[1:].tolist() == expected.tolist()
    total = np.bincount(np.searchsorted(bins.edges, inside, side="left"), inside, minlength=len(bins) + 2)[1:-1]
    np.testing.assert_allclose(sums.lag[1:], total, rtol=1e-7)


def test_float32_products_equal_treecorr_on_every_column():
    """1 - u.v is one minus the sum over the columns of the products that TreeCorr averages by arc length."""
    n, width = 1200, 64
    random = np.random.default_rng(0)
    lonlat, values = uniform_lonlat(n, seed=3), random.normal(0.3, 1, (n, width)).astype(np.float32)
    unit = values / np.linalg.norm(values.astype(float), axis=1, keepdims=True)
    # Its bins are [low, high): not a pair of random points lies on an edge.
    theirs = treecorr.KKCorrelation(
        min_sep=0.01, max_sep=3.0, nbins=8, metric="Arc", bin_slop=0, angle_slop=0, num_threads=1
    )
    products = np.zeros(8)
    for column in unit.T:
        theirs.process(treecorr.Catalog(ra=lonlat[:, 0], dec=lonlat[:, 1], k=column, ra_units="deg", dec_units="deg"))
        products += theirs.xi
    bins = LagBins(6371.0088 * np.append(theirs.left_edges, theirs.right_edges[-1]))
    for engine in ENGINES:
        sums = sums_by(engine, lonlat, values, bins, "great_circle", rows=300)
        assert sums.npairs[1:].tolist() == theirs.npairs.tolist()
        np.testing.assert_allclose(sums.term[1:] / sums.npairs[1:], 1 - products, rtol=0, atol=1e-8)
