"""Example photos that come with the package."""

import importlib.resources

import numpy as np

from variogeo._points import PointEmbeddings


def geoclip_photos() -> PointEmbeddings:
    """Positions of 2 500 real photos with GeoCLIP's embeddings of these positions.

    The positions are distinct and come from the gallery of the package geoclip 1.3.0, chosen such
    that lags from 1 km to 20 000 km all hold hundreds of pairs. The embeddings are what its
    pretrained *location* encoder returns for them: a smooth field without noise of its own, not
    the features of the photos. The result's arrays are read-only.

    Returns
    -------
    points : PointEmbeddings
        ``lonlat``, (2500, 2) float64, degrees, longitude first; ``embeddings``, (2500, 512)
        float16, not normalised (norms of 0.17 to 0.47).

    Notes
    -----
    Close photos were drawn on purpose, so the points are more clustered than the gallery: the
    number of pairs per lag says nothing about where people take photos. The encoder has a seam at
    the antimeridian, where close positions have dissimilar embeddings.

    MIT licence, copyright 2024 Vicente Vivanco; the licence lies beside the file in
    ``variogeo/data``. ``docs/scripts/make_geoclip_photos.py`` makes the file anew.

    References
    ----------
    V. Vivanco Cepeda, G. K. Nayak, M. Shah. "GeoCLIP: Clip-Inspired Alignment between Locations
    and Images for Effective Worldwide Geo-localization", NeurIPS 2023, arXiv:2309.16020.

    Examples
    --------
    >>> lonlat, embeddings = geoclip_photos()
    >>> lonlat.shape, embeddings.shape
    ((2500, 2), (2500, 512))
    """
    file = importlib.resources.files("variogeo") / "data" / "geoclip_photos.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        lonlat, embeddings = arrays["lonlat"], arrays["embeddings"]
    lonlat.setflags(write=False)
    embeddings.setflags(write=False)
    return PointEmbeddings(lonlat, embeddings)
