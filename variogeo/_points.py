"""Points with one embedding each: what the loaders return and the verbs take."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class PointEmbeddings(NamedTuple):
    """Points with one embedding each.

    A tuple, so that ``lonlat, embeddings = geoclip_photos()`` works.

    Parameters
    ----------
    lonlat : (n, 2) float64 array, degrees
        Longitude then latitude, WGS84.
    embeddings : (n, d) float array, memory map or row source
        One row per point, in the same order. A row source, which `variogeo.io.open_points` returns, stays in its
        files: it has ``shape`` and ``dtype``, and its slices ``embeddings[start:stop]`` are arrays.
        `empirical_variogram` reads both in blocks; ``embeddings[:]`` reads all.

    Examples
    --------
    >>> import numpy as np
    >>> points = PointEmbeddings(np.zeros((3, 2)), np.ones((3, 8)))
    >>> points.embeddings.shape
    (3, 8)
    """

    lonlat: npt.NDArray[np.float64]
    embeddings: npt.NDArray[np.floating[Any]]
