"""Geohash cells of points."""

import numpy as np
from numpy.typing import NDArray

LONGEST = 12
"""Characters of the finest cell: 60 bits, 4 by 2 cm."""

_ALPHABET = np.array(list("0123456789bcdefghjkmnpqrstuvwxyz"))
_BITS = 5 * LONGEST // 2
"""Bits of each of the two coordinates."""


def geohash(lonlat: NDArray[np.float64]) -> list[str]:
    """Return the cell of each point in 12 characters; its first characters are the coarser cells around it.

    The characters hold, five at a time, the halvings of longitude and latitude in turn, longitude first.
    """
    bits = np.empty((len(lonlat), 2 * _BITS), dtype=np.uint8)
    for first, (column, width) in enumerate(((0, 360.0), (1, 180.0))):
        share = (lonlat[:, column] + width / 2) / width
        # The last degree belongs to the last cell.
        cell = np.minimum((share * 2.0**_BITS).astype(np.int64), 2**_BITS - 1)
        bits[:, first::2] = (cell[:, None] >> np.arange(_BITS - 1, -1, -1)) & 1
    digits = bits.reshape(-1, LONGEST, 5) @ (1 << np.arange(4, -1, -1))
    return ["".join(row) for row in _ALPHABET[digits].tolist()]
