"""Patches of the sphere that points are cut into: `kmeans_patches`, `cell_patches`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_number, check_whole
from variogeo._distances import EARTH_RADIUS, prepare_points
from variogeo._lonlat import check_lonlat
from variogeo.inference._fibonacci import nearest_of_lattice

_STILL = 1e-4
"""Share of the sum of squares by which a step of k-means must lower it: what is left to gain is about 1 %."""
_FINEST_SPACING = 0.01
"""Spacing (km) down to which the middles of cells are right to 0.1 mm in float64."""


def kmeans_patches(lonlat: Any, count: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the number of the patch of each point: compact groups of nearby points, smaller where points are denser.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    count : int
        Number of patches wanted, at least 2; there may be fewer when a group loses its last point.
    seed : int
        Of the first centres, not negative.

    Returns
    -------
    (n,) int array
        From 0 up, without gaps. Points at one place are in one patch.

    Raises
    ------
    ValueError
        For fewer distinct places than patches, and a count or seed that is no such whole number.

    Notes
    -----
    k-means on unit vectors, whose centres start far from each other (k-means++), until a step lowers the sum of squares
    by less than 0.01 %: a street is cut like a continent. 20 to 50 patches are usual: with fewer the error bars are
    wide, with many the patches are so small that neighbours are alike.

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
    places = check_lonlat(lonlat)
    wanted = check_whole(count, name="count", at_least=2)
    start = check_whole(seed, name="seed", at_least=0)
    unit = prepare_points(places, "great_circle").unit
    centres = _first_centres(unit, wanted, np.random.default_rng(start))
    if len(centres) < wanted:
        msg = f"Invalid count {wanted} for {len(centres)} distinct places. Must be at most their number."
        raise ValueError(msg)
    return np.unique(_settled(unit, centres), return_inverse=True)[1].astype(np.int64)


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
        Width of a cell, at least 0.01: each has an area of ``spacing**2``, away from the poles to a few per cent.

    Returns
    -------
    (n,) int array
        From 0 up, without gaps: only cells that hold points are numbered. The cell of a place does not depend on the
        other points, its number does.

    Raises
    ------
    ValueError
        For a spacing below 0.01 km: down to there the middles of the cells are right to 0.1 mm.

    Notes
    -----
    A point is in the cell whose middle is nearest. It is found without the other cells, so cells of a street cost no
    more than cells of a country.

    References
    ----------
    .. [1] Gonzalez, A. (2010). Measurement of areas on a sphere using Fibonacci and latitude-longitude lattices.
       Mathematical Geosciences 42, 49-64.
    .. [2] Keinert, B., Innmann, M., Saenger, M. & Stamminger, M. (2015). Spherical Fibonacci mapping. ACM Transactions
       on Graphics 34, 193: the two steps of the lattice at each latitude.

    Examples
    --------
    >>> from variogeo.inference import cell_patches
    >>> cell_patches([[8.0, 50.0], [8.1, 50.0], [2.3, 48.9], [2.4, 48.8]], 200.0)
    array([0, 0, 1, 1])
    """
    places = check_lonlat(lonlat)
    width = check_number(spacing, name="spacing", above=0.0, unit="km")
    if width < _FINEST_SPACING:
        msg = (
            f"Invalid spacing '{width:g}'. Must be at least {_FINEST_SPACING} (km): for places by themselves use "
            "variogeo.sampling_bias.location_labels."
        )
        raise ValueError(msg)
    count = max(round(4 * np.pi * EARTH_RADIUS**2 / width**2), 1)
    cell = nearest_of_lattice(prepare_points(places, "great_circle").unit, count)
    return np.unique(cell, return_inverse=True)[1].astype(np.int64)


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


def _settled(unit: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the nearest centre of each point, after centres have moved to the middle of their points (Lloyd)."""
    from scipy.cluster.vq import vq

    last = np.inf
    while True:
        patch, away = vq(unit, centres)
        squares = float(np.square(away).sum())
        if last - squares <= _STILL * squares:
            return patch
        last = squares
        size = np.bincount(patch, minlength=len(centres))
        # A centre that loses its points is dropped.
        held = size > 0
        sums = np.column_stack([np.bincount(patch, column, len(centres)) for column in unit.T])
        centres = sums[held] / size[held, None]
