"""The peers: the same variogram by other libraries and by hand, each as its users would write it.

A peer takes photos and a case and returns an `Outcome`. All get ready-made unit embeddings, and the ones
that work in radians their radians; what is timed is their call.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import BINS, Case
from benchmarks.photos import Photos
from variogeo import LagBins, empirical_variogram
from variogeo._distances import EARTH_RADIUS

FLOOR_BLOCK = 4096
_FLOOR_SECONDS = 0.3
_PYPROJ_PAIRS = 2_000_000
_ALMOST_ZERO = 1e-12
_TORCH_TILE = (1024, 8192)


@dataclass(frozen=True)
class Outcome:
    """What a peer found.

    Attributes
    ----------
    npairs, semivariance : (bins,) array or None
        None for a peer that does not return it.
    share : float
        Share of the whole work that was done: its seconds are divided by it.
    zero_lag_included : bool
        Whether pairs at zero lag are in the first bin.
    """

    npairs: NDArray[np.int64] | None = None
    semivariance: NDArray[np.float64] | None = None
    share: float = 1.0
    zero_lag_included: bool = False


def floor(photos: Photos, case: Case) -> Outcome:  # noqa: ARG001
    """Multiply float32 blocks for a while: the product of all pairs alone, at the best rate that numpy shows.

    The best and not the median, because a floor that other work on the machine has lifted would flatter us.
    """
    width = photos.embeddings.shape[1]
    left = np.ones((FLOOR_BLOCK, width), np.float32)
    right, out = np.ones((width, FLOOR_BLOCK), np.float32), np.empty((FLOOR_BLOCK, FLOOR_BLOCK), np.float32)
    fastest, start = np.inf, time.perf_counter()
    while time.perf_counter() - start < _FLOOR_SECONDS:
        before = time.perf_counter()
        np.matmul(left, right, out=out)
        fastest = min(fastest, time.perf_counter() - before)
    blocks = (time.perf_counter() - start) / fastest
    return Outcome(share=blocks * FLOOR_BLOCK**2 / (len(photos) ** 2 / 2))


def thesis(photos: Photos, case: Case) -> Outcome:
    """Make the full cosine and haversine matrices, then one boolean mask per bin."""
    cosine = 1.0 - photos.embeddings @ photos.embeddings.T
    longitude, latitude = np.radians(photos.lonlat).T
    half = np.sin((latitude[:, None] - latitude) / 2) ** 2
    half += np.cos(latitude)[:, None] * np.cos(latitude) * np.sin((longitude[:, None] - longitude) / 2) ** 2
    lag = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    del half
    bins = BINS[case.bins]
    npairs, semivariance = np.zeros(len(bins), np.int64), np.full(len(bins), np.nan)
    for k, (low, high) in enumerate(zip(bins.low, bins.high, strict=True)):
        inside = cosine[(lag > low) & (lag <= high)]
        npairs[k] = len(inside) // 2
        if len(inside):
            semivariance[k] = inside.mean(dtype=np.float64)
    return Outcome(npairs, semivariance)


def skgstat(photos: Photos, case: Case) -> Outcome:
    """Give scikit-gstat the lengths of the vector differences: its own multivariate mode stacks d x pairs."""
    from scipy.spatial.distance import pdist
    from skgstat import Variogram

    xyz = EARTH_RADIUS * _unit_sphere(photos.lonlat)
    bins = BINS[case.bins]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        variogram = Variogram(xyz, photos.embeddings[:, 0], bin_func=bins.high, fit_method=None)
        variogram._diff = pdist(photos.embeddings)
        return Outcome(variogram.bin_count, variogram.experimental, zero_lag_included=True)


def gstools(photos: Photos, case: Case) -> Outcome:
    """Give GSTools the columns as fields; with gstools_core where it is installed, as by default."""
    import gstools

    width = photos.embeddings.shape[1]
    edges = BINS[case.bins].edges / EARTH_RADIUS  # its own copy: the edges given are written to
    _, mean, count = gstools.vario_estimate(
        (photos.lonlat[:, 1], photos.lonlat[:, 0]), list(photos.embeddings.T), edges, latlon=True, return_counts=True
    )
    npairs = np.asarray(count) // width
    return Outcome(npairs, np.where(npairs > 0, width * np.asarray(mean), np.nan), zero_lag_included=True)


def torch(photos: Photos, case: Case) -> Outcome:
    """Loop over tiles in eager torch on the CPU: squared chords in float64, bucketize, weighted bincount."""
    import torch

    unit, vectors = torch.from_numpy(_unit_sphere(photos.lonlat)), torch.from_numpy(photos.embeddings)
    edges = torch.from_numpy(4 * np.sin(np.minimum(BINS[case.bins].edges / EARTH_RADIUS, np.pi) / 2) ** 2)
    size, n = len(edges) + 1, len(photos)
    npairs, total = torch.zeros(size, dtype=torch.int64), torch.zeros(size, dtype=torch.float64)
    rows, columns = _TORCH_TILE
    for i in range(0, n, rows):
        for j in range(i, n, columns):
            near = (unit[i : i + rows, None, 0] - unit[None, j : j + columns, 0]).square_()
            for axis in (1, 2):
                near += (unit[i : i + rows, None, axis] - unit[None, j : j + columns, axis]).square_()
            position = torch.bucketize(near, edges)
            if j == i:
                position[torch.tril(torch.ones(position.shape, dtype=torch.bool))] = 0
            term = 1 - vectors[i : i + rows] @ vectors[j : j + columns].T
            npairs += torch.bincount(position.flatten(), minlength=size)
            total += torch.bincount(position.flatten(), term.flatten().double(), minlength=size)
    mean = total / torch.where(npairs > 0, npairs, 1)
    found = torch.where(npairs > 0, mean, torch.nan)[1:-1].numpy()
    return Outcome(npairs[1:-1].numpy(), found)


def treecorr(photos: Photos, case: Case) -> Outcome:
    """Let TreeCorr correlate ONE column exactly (bin_slop 0) by arc length."""
    return Outcome(np.round(correlate_column(photos, BINS[case.bins], 0).npairs).astype(np.int64))


def correlate_column(photos: Photos, bins: LagBins, column: int):
    """Return TreeCorr's KKCorrelation of one column: its ``xi`` is the mean product per bin."""
    import treecorr

    longitude, latitude = photos.lonlat.T
    catalog = treecorr.Catalog(
        ra=longitude, dec=latitude, ra_units="deg", dec_units="deg", k=photos.embeddings[:, column].astype(float)
    )
    low, high = bins.edges[[0, -1]] / EARTH_RADIUS
    # From six micrometres instead of zero: of the pairs at zero lag it counts some and leaves out others.
    found = treecorr.KKCorrelation(
        min_sep=max(low, _ALMOST_ZERO), max_sep=high, nbins=len(bins), bin_type="Linear", bin_slop=0, metric="Arc"
    )
    found.process(catalog)
    return found


def pyproj(photos: Photos, case: Case) -> Outcome:
    """Take the exact geodesic of evenly chosen rows with all later points, and count per bin; one thread."""
    from pyproj import Geod

    from benchmarks import settings

    geod, edges, n = Geod(ellps="WGS84"), BINS[case.bins].edges, len(photos)
    step = 1 if settings.LARGE else max(1, n * (n - 1) // 2 // _PYPROJ_PAIRS)
    npairs, done = np.zeros(len(edges) + 1, np.int64), 0
    for i in range(step // 2, n - 1, step):
        later = photos.lonlat[i + 1 :]
        longitude, latitude = np.broadcast_to(photos.lonlat[i], later.shape).T
        lag = geod.inv(longitude, latitude, later[:, 0], later[:, 1])[2] / 1000
        npairs += np.bincount(np.searchsorted(edges, lag), minlength=len(npairs))
        done += len(later)
    share = done / (n * (n - 1) / 2)
    return Outcome(npairs[1:-1] if step == 1 else None, share=share)


def sphere(photos: Photos, case: Case) -> Outcome:
    """Call ours with the great circle, to compare the geodesic with."""
    found = empirical_variogram(
        photos.lonlat, photos.embeddings, BINS[case.bins], metric="great_circle", spread=case.spread
    )
    assert found.npairs.any()
    return Outcome()


def dask(photos: Photos, case: Case) -> Outcome:
    """Call ours on the Dask client of the moment: the same work by two processes of one thread each."""
    from distributed import default_client

    found = empirical_variogram(
        photos.lonlat,
        photos.embeddings,
        BINS[case.bins],
        metric=case.metric,
        spread=case.spread,
        executor=default_client(),
    )
    return Outcome(found.npairs, found.semivariance)


PEERS: dict[str, Callable[[Photos, Case], Outcome]] = {
    peer.__name__: peer for peer in (floor, thesis, skgstat, gstools, torch, treecorr, pyproj, sphere, dask)
}


def _unit_sphere(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    longitude, latitude = np.radians(lonlat).T
    across = np.cos(latitude)
    return np.column_stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)])
