"""AzimuthSector: the directions of one directional variogram."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import settings_html
from variogeo._checks import check_number, check_whole

HALF_TURN = 180.0
"""A pair has no first point: its azimuth is one of half a turn (degrees)."""

_SAME = 1e-9
"""Limits nearer to each other than this (degrees) are one."""


@dataclass(frozen=True)
class AzimuthSector:
    """Directions ``[azimuth - tolerance, azimuth + tolerance)``, and their opposites.

    Parameters
    ----------
    azimuth : float, degrees
        Clockwise from north, in [0, 180): 0 is north-south, 90 east-west.
    tolerance : float, degrees
        Half of the sector's width, above 0 to 90; 90 is every direction.

    Examples
    --------
    >>> from variogeo.direction import AzimuthSector
    >>> AzimuthSector.evenly(4)[1]
    AzimuthSector(azimuth=45.0, tolerance=22.5)
    >>> 170.0 in AzimuthSector(0.0, 22.5), 22.5 in AzimuthSector(0.0, 22.5)
    (True, False)
    """

    azimuth: float
    tolerance: float = 22.5

    def __post_init__(self) -> None:
        azimuth = check_number(self.azimuth, name="azimuth", at_least=0.0, unit="degrees")
        tolerance = check_number(self.tolerance, name="tolerance", above=0.0, unit="degrees")
        if azimuth >= HALF_TURN:
            half = azimuth % HALF_TURN
            msg = f"Invalid azimuth '{azimuth}'. Must be below 180 degrees: pairs have no first point. Use {half:g}."
            raise ValueError(msg)
        if tolerance > HALF_TURN / 2:
            msg = f"Invalid tolerance '{tolerance}'. Must be at most 90 degrees, half of the sector's width."
            raise ValueError(msg)
        object.__setattr__(self, "azimuth", azimuth)
        object.__setattr__(self, "tolerance", tolerance)

    @classmethod
    def evenly(cls, count: int) -> "tuple[AzimuthSector, ...]":
        """Return ``count`` sectors side by side, the first around north: together every direction, once."""
        number = check_whole(count, name="count", at_least=1)
        return tuple(cls(k * HALF_TURN / number, HALF_TURN / number / 2) for k in range(number))

    def __contains__(self, azimuth: float) -> bool:
        return self.tolerance == HALF_TURN / 2 or (azimuth - self.azimuth + self.tolerance) % HALF_TURN < (
            2 * self.tolerance
        )

    _repr_html_ = settings_html


def cell_limits(sectors: Sequence[AzimuthSector]) -> NDArray[np.float64]:
    """Return the azimuths at which any sector begins or ends, in [0, 180): between them are cells of no limit."""
    narrow = [sector for sector in sectors if sector.tolerance < HALF_TURN / 2]
    ends = [sector.azimuth + side * sector.tolerance for sector in narrow for side in (-1, 1)]
    limits = np.unique(np.array(ends or [0.0]) % HALF_TURN)
    limits = limits[np.diff(limits, prepend=-1.0) > _SAME]
    # 0 and a hair less than 180 are one as well.
    return limits[:-1] if len(limits) > 1 and limits[-1] - limits[0] > HALF_TURN - _SAME else limits


def cells_within(sector: AzimuthSector, limits: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return which of the cells that begin at ``limits`` a sector is made of."""
    middle = (limits + (np.append(limits[1:], limits[0] + HALF_TURN) - limits) / 2) % HALF_TURN
    return np.flatnonzero([azimuth in sector for azimuth in middle])
