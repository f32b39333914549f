"""Spatial blocks: hold out regions, not photos, and count regions, not photos, in an interval."""

from typing import Any

import numpy as np
import numpy.typing as npt

from variogeo._checks import check_number
from variogeo._lonlat import check_lonlat

DRAWS = 2000
"""Draws of the block bootstrap."""


def spatial_blocks(lonlat: Any, *, degrees: float) -> npt.NDArray[np.intp]:
    """Return the number of the block of every position, on a grid in longitude and latitude.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    degrees : float
        Side of a block.

    Returns
    -------
    (n,) int array
        Numbers without gaps, from 0.

    Examples
    --------
    >>> from variogeo.experiments import spatial_blocks
    >>> spatial_blocks([[8.1, 50.2], [8.9, 50.3], [9.1, 50.2]], degrees=1.0)
    array([0, 0, 1])
    """
    side = check_number(degrees, name="degrees", above=0.0)
    corners = np.floor(check_lonlat(lonlat) / side)
    return np.unique(corners, axis=0, return_inverse=True)[1].reshape(-1)


def held_out(blocks: npt.NDArray[np.intp], *, share: float, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Return whether each position lies in a block that is held out.

    Parameters
    ----------
    blocks : (n,) int array
        From `spatial_blocks`.
    share : float
        Share of the blocks, 0..1, drawn without regard to how many positions they hold.
    seed : int
        Seed of the draw.

    Returns
    -------
    (n,) bool array

    Examples
    --------
    >>> import numpy as np
    >>> held_out(np.array([0, 0, 1, 2, 2, 3]), share=0.5, seed=1)
    array([False, False,  True,  True,  True, False])
    """
    generator = np.random.default_rng(seed)
    count = int(blocks.max()) + 1
    if not 0 < round(share * count) < count:
        msg = f"Invalid share {share} of {count} blocks. Must leave at least one on either side: use smaller blocks."
        raise ValueError(msg)
    drawn = np.zeros(count, dtype=bool)
    drawn[generator.choice(count, round(share * count), replace=False)] = True
    return drawn[blocks]


def some_per_block(rows: npt.NDArray[np.intp], blocks: npt.NDArray[np.intp], *, most: int) -> npt.NDArray[np.intp]:
    """Return the first ``most`` of ``rows`` in each block: photos of one block err together.

    Parameters
    ----------
    rows : (k,) int array
        Rows of ``blocks``, in the order of preference.
    blocks : (n,) int array
    most : int

    Returns
    -------
    (at most k,) int array

    Examples
    --------
    >>> import numpy as np
    >>> some_per_block(np.array([3, 0, 1, 2]), np.array([5, 5, 5, 7]), most=2)
    array([0, 1, 3])
    """
    grouped = rows[np.argsort(blocks[rows], kind="stable")]
    _, starts, counts = np.unique(blocks[grouped], return_index=True, return_counts=True)
    rank = np.arange(len(grouped)) - np.repeat(starts, counts)
    return np.sort(grouped[rank < most])


def effective_blocks(blocks: npt.NDArray[np.intp]) -> float:
    r"""Return how many blocks of equal size would tell as much: ``(sum n_b)^2 / sum n_b^2`` (Kish 1965).

    Parameters
    ----------
    blocks : (n,) int array
        Block of every photo.

    Returns
    -------
    float
        At most the number of blocks; far fewer where a few blocks hold most photos.

    Examples
    --------
    >>> import numpy as np
    >>> effective_blocks(np.array([0, 0, 1, 1])), round(effective_blocks(np.array([0, 0, 0, 1])), 2)
    (2.0, 1.6)
    """
    counts = np.unique(blocks, return_counts=True)[1].astype(np.float64)
    return float(counts.sum() ** 2 / np.square(counts).sum())


def block_interval(
    scores: npt.NDArray[np.float64], blocks: npt.NDArray[np.intp], *, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean score over blocks.

    Parameters
    ----------
    scores : (n,) float array
        One per photo, e.g. the difference between two arms.
    blocks : (n,) int array
        Block of every photo: whole blocks are drawn, because photos of a block err together.
    seed : int
        Seed of the draws.

    Returns
    -------
    low, high : float

    Examples
    --------
    >>> import numpy as np
    >>> block_interval(np.ones(6), np.array([0, 0, 1, 2, 2, 3]))
    (1.0, 1.0)
    """
    low, high = np.quantile(bootstrap_means(scores, blocks, seed=seed), (0.025, 0.975))
    return float(low), float(high)


def bootstrap_means(
    scores: npt.NDArray[np.float64], blocks: npt.NDArray[np.intp], *, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Return the mean score of every draw of the block bootstrap, (DRAWS,)."""
    generator = np.random.default_rng(seed)
    _, number = np.unique(blocks, return_inverse=True)
    totals, counts = np.bincount(number, weights=scores), np.bincount(number)
    drawn = generator.integers(len(counts), size=(DRAWS, len(counts)))
    return totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
