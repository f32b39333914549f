"""Patches of the sphere that points are cut into: `kmeans_patches`, `cell_patches`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_lonlat, check_number
from variogeo._distances import EARTH_RADIUS, prepare_points

_LARGEST_LATTICE = 5_000_000
"""Cells that may be laid over the latitudes of the points: a tree of them takes some seconds and 0.5 GB."""
_MARGIN = 3.0
"""Spacings beyond the outermost latitudes: no point is farther than two from the middle of its cell."""


def kmeans_patches(lonlat: Any, count: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the number of the patch of each point: compact groups of nearby points, smaller where points are denser.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    count : int
        Number of patches wanted, at least 2; there may be fewer when a group loses its last point.
    seed : int
        Of the first centres.

    Returns
    -------
    (n,) int array
        From 0 up, without gaps. Points at one place are in one patch.

    Raises
    ------
    ValueError
        For fewer distinct places than patches.

    Notes
    -----
    k-means on unit vectors, whose centres start far from each other (k-means++). 20 to 50 patches are usual: with fewer
    the error bars are wide, with many the patches are so small that neighbours are alike.

    References
    ----------
    .. [1] Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA, 1027-1035.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo.inference import kmeans_patches
    >>> lonlat = [[8.0, 50.0], [8.1, 50.0], [2.3, 48.9], [2.4, 48.8]]
    >>> patch = kmeans_patches(lonlat, 2)
    >>> bool(patch[0] == patch[1] != patch[2] == patch[3])
    True
    """
    from scipy.cluster.vq import kmeans, vq

    places = check_lonlat(lonlat)
    wanted = _checked_count(count)
    unit = prepare_points(places, "great_circle").unit
    centres = _first_centres(unit, wanted, np.random.default_rng(seed))
    if len(centres) < wanted:
        msg = f"Invalid count {wanted} for {len(centres)} distinct places. Must be at most their number."
        raise ValueError(msg)
    # kmeans drops a centre that loses its points.
    patch, _ = vq(unit, kmeans(unit, centres)[0])
    return np.unique(patch, return_inverse=True)[1].astype(np.int64)


def cell_patches(lonlat: Any, spacing: float) -> NDArray[np.int64]:
    r"""Return the number of the cell of each point, in a grid of cells of equal area over the sphere.

    Cell ``k`` of ``N`` is around the point of a Fibonacci lattice

    .. math:: \sin\phi_k = 1 - \frac{2k + 1}{N}, \qquad \lambda_k = 2 \pi k (\sqrt5 - 1) / 2,
       \qquad N = 4 \pi R^2 / \text{spacing}^2

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    spacing : float, km
        Width of a cell: each has an area of ``spacing**2``, away from the poles to a few per cent.

    Returns
    -------
    (n,) int array
        From 0 up, without gaps: only cells that hold points are numbered. The cell of a place does not depend on the
        other points, its number does.

    Raises
    ------
    ValueError
        For a spacing so small that more than five million cells lie over the latitudes of the points.

    References
    ----------
    .. [1] Gonzalez, A. (2010). Measurement of areas on a sphere using Fibonacci and latitude-longitude lattices.
       Mathematical Geosciences 42, 49-64.

    Examples
    --------
    >>> from variogeo.inference import cell_patches
    >>> cell_patches([[8.0, 50.0], [8.1, 50.0], [2.3, 48.9], [2.4, 48.8]], 200.0)
    array([0, 0, 1, 1])
    """
    from scipy.spatial import KDTree

    places = check_lonlat(lonlat)
    width = check_number(spacing, name="spacing", above=0.0, unit="km")
    if not len(places):
        return np.zeros(0, dtype=np.int64)
    unit = prepare_points(places, "great_circle").unit
    cells = _lattice(width, unit[:, 2])
    cell = KDTree(cells).query(unit)[1]
    return np.unique(cell, return_inverse=True)[1].astype(np.int64)


def _lattice(width: float, heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit vectors of the Fibonacci lattice over the latitudes of some heights (sines of latitude)."""
    count = max(round(4 * np.pi * EARTH_RADIUS**2 / width**2), 1)
    margin = _MARGIN * width / EARTH_RADIUS
    latitude = np.arcsin(np.clip([heights.max(), heights.min()], -1.0, 1.0))
    edges = np.clip(latitude + np.array([margin, -margin]), -np.pi / 2, np.pi / 2)
    first, last = (int(count * (1 - height) / 2) for height in np.sin(edges))
    first, last = max(first - 1, 0), min(last + 1, count)
    if last - first > _LARGEST_LATTICE:
        msg = (
            f"Invalid spacing '{width:g}' (km): {last - first} cells lie over the latitudes of the points. "
            f"Must give at most {_LARGEST_LATTICE}: use a larger spacing, one region at a time, or kmeans_patches."
        )
        raise ValueError(msg)
    number = np.arange(first, last, dtype=np.float64)
    height = 1 - (2 * number + 1) / count
    turn = 2 * np.pi * np.mod(number * (np.sqrt(5.0) - 1) / 2, 1.0)
    across = np.sqrt(np.clip(1 - height**2, 0, None))
    return np.column_stack([across * np.cos(turn), across * np.sin(turn), height])


def _first_centres(unit: NDArray[np.float64], count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return points far from each other, drawn with probability as the squared distance to those before."""
    if not len(unit):
        return unit
    chosen = [int(random.integers(len(unit)))]
    square = np.square(unit - unit[chosen[0]]).sum(axis=1)
    while len(chosen) < count and square.any():
        chosen.append(int(random.choice(len(unit), p=square / square.sum())))
        square = np.minimum(square, np.square(unit - unit[chosen[-1]]).sum(axis=1))
    return unit[chosen]


def _checked_count(count: Any) -> int:
    """Return the number of patches as a whole number of at least 2, or refuse it."""
    number = check_number(count, name="count", at_least=2.0)
    if int(number) != number:
        msg = f"Invalid count '{count}'. Must be a whole number of at least 2."
        raise ValueError(msg)
    return int(number)
