"""Where land is: the coastline of maps, and the land mask that shows swapped columns."""

import functools
import importlib.resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SWAP_ROWS = 10
"""Fewer points say nothing: some of them may be ships or piers."""

SWAP_ON_LAND, SWAP_GAIN, SWAP_GAINED_ROWS = 0.95, 0.1, 3
"""Swapped columns are suspected where this share of the points lies on land once they are swapped, and this share and
this many more than as they are (``docs/scripts/make_land.py --swaps``)."""


class LandShares(NamedTuple):
    """Shares of points on land: as they are, and with longitude and latitude swapped."""

    rows: int
    given: float
    swapped: float

    @property
    def suspicious(self) -> bool:
        """Whether the columns seem to be swapped."""
        gain = self.swapped - self.given
        # Shares are whole numbers over the count: half a point more or less is rounding.
        return self.swapped >= SWAP_ON_LAND and gain * self.rows > max(SWAP_GAIN * self.rows, SWAP_GAINED_ROWS) - 0.5


def land_shares(lonlat: NDArray[Any]) -> LandShares | None:
    """Return the shares on land, or None where a swap is out of the question: few points, or no latitude if swapped."""
    finite = lonlat[np.isfinite(lonlat).all(axis=1)]
    if len(finite) < SWAP_ROWS or np.abs(finite).max() > 90:
        return None
    given, swapped = on_land(finite), on_land(finite[:, ::-1])
    return LandShares(len(finite), float(given.mean()), float(swapped.mean()))


def on_land(lonlat: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which points (n, 2), degrees, lie in a cell of one degree that holds land; False where not finite."""
    land = np.zeros(len(lonlat), dtype=bool)
    finite = np.flatnonzero(np.isfinite(lonlat).all(axis=1))
    longitude, latitude = np.asarray(lonlat)[finite].T
    columns = np.floor(longitude + 180).astype(np.int64) % 360
    rows = np.clip(np.floor(latitude + 90), 0, 179).astype(np.int64)
    land[finite] = _land_mask()[rows, columns]
    return land


@functools.cache
def coastline() -> tuple[NDArray[np.float64], ...]:
    """Return the coasts of Natural Earth's map of 1:110m, (m, 2) degrees each, cut at the antimeridian; read-only."""
    with _stored("coastline.npz") as arrays:
        degrees = arrays["hundredths"] / 100.0
        starts = arrays["starts"]
    degrees.setflags(write=False)
    return tuple(np.split(degrees, starts[1:-1]))


@functools.cache
def _land_mask() -> NDArray[np.bool_]:
    """Return which cells hold land, (180, 360): rows from the south pole, columns from the antimeridian."""
    with _stored("land_mask.npz") as arrays:
        return np.unpackbits(arrays["bits"], axis=1).astype(bool)


def _stored(name: str) -> Any:
    """Return an open archive of the package's own data."""
    return np.load(str(importlib.resources.files("variogeo") / "data" / name), allow_pickle=False)
