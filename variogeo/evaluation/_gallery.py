"""Evaluation against a gallery of places: recall, and the oracle that bounds it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_same_length, check_whole
from variogeo._distances import prepare_points
from variogeo._lonlat import check_lonlat


def recall_at_k(ranked: Any, true: Any, k: Iterable[int] = (1, 5, 10)) -> dict[int, float]:
    """Return the share of photos whose true place is among the first ``k`` candidates.

    Parameters
    ----------
    ranked : (n, m) int array
        Rows of the gallery for every photo, the best first.
    true : (n,) int array
        The right row of the gallery for every photo, e.g. the one nearest to its true place.
    k : sequence of int
        Each from 1 to m.

    Returns
    -------
    dict
        k to share in 0..1, in the order of ``k``.

    Raises
    ------
    ValueError
        For shapes that do not fit, no photos, and a ``k`` beyond the number of candidates.
    TypeError
        For rows that are not whole numbers.

    Notes
    -----
    It counts rows, not kilometres: the next row of a dense gallery is as wrong as the antipode. Read it beside
    `accuracy_within`.

    Examples
    --------
    >>> from variogeo.evaluation import recall_at_k
    >>> recall_at_k([[4, 7], [2, 4]], [4, 4], k=(1, 2))
    {1: 0.5, 2: 1.0}
    """
    candidates, right = np.asarray(ranked), np.asarray(true)
    for array, name in ((candidates, "ranked"), (right, "true")):
        if array.dtype.kind not in "iu":
            msg = f"Invalid {name} of dtype {array.dtype}. Must be whole numbers: rows of the gallery."
            raise TypeError(msg)
    if candidates.ndim != 2 or right.ndim != 1 or not len(right):
        msg = f"Invalid ranked {candidates.shape} with true {right.shape}. Must be (n, m) and (n,), with n >= 1."
        raise ValueError(msg)
    check_same_length(candidates, right, names=("ranked", "true"), item="photo")
    most = candidates.shape[1]
    found = candidates == right[:, None]
    shares = {}
    for first in k:
        if check_whole(first, name="k", at_least=1) > most:
            msg = f"Invalid k '{first}' with {most} candidates per photo. Must be at most {most}."
            raise ValueError(msg)
        shares[first] = float(found[:, :first].any(axis=1).mean())
    return shares


def nearest_places(lonlat: Any, gallery: Any) -> NDArray[np.float64]:
    """Return the gallery's place nearest to each position: the best that could be predicted.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    gallery : (m, 2) float array, degrees
        Places that may be predicted.

    Returns
    -------
    (n, 2) float64 array, degrees

    Raises
    ------
    ValueError
        For an empty gallery.

    Notes
    -----
    Nearest on the sphere: between two places at nearly the same distance the geodesic could choose the other one.
    The accuracy of these places is the oracle of a fixed gallery: no model can be better.

    Examples
    --------
    >>> from variogeo.evaluation import nearest_places
    >>> nearest_places([[179.9, 0.0]], [[170.0, 0.0], [-179.9, 0.0]])
    array([[-179.9,    0. ]])
    """
    from scipy.spatial import KDTree

    places = check_lonlat(gallery, name="gallery")
    if not len(places):
        msg = "gallery has no rows. Must hold the places that may be predicted."
        raise ValueError(msg)
    sphere = prepare_points(places, "great_circle").unit
    _, nearest = KDTree(sphere).query(prepare_points(check_lonlat(lonlat), "great_circle").unit)
    return places[nearest]
