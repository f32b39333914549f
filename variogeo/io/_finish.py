"""The last step of every door: rows without a place or a vector, warnings, and the value itself."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import SMALLEST, check_same_length, listed_rows, row_magnitudes
from variogeo._label_codes import label_array
from variogeo._lonlat import check_lonlat
from variogeo._missing import DROP_CURE, Missing, refuse_absent
from variogeo._points import PointEmbeddings
from variogeo._rows import some_rows
from variogeo.io._duplicates import warn_of_duplicates
from variogeo.io._units import Units, warn_of_looks

_LOG = logging.getLogger("variogeo")

_NO_GEOMETRY = "geometry is missing or empty"


@dataclass(frozen=True)
class RawPoints:
    """Points as a door found them.

    Attributes
    ----------
    lonlat : (n, 2) float64 array, degrees
        NaN where there is no place.
    embeddings : (n, d) float array, memory map or row source
        NaN where there is no vector.
    groups : (n,) array, optional
    crs : str, optional
    units : {"deg", "rad", "e7"}, optional
        What the coordinates were said to be in.
    title : str
        What to call the embeddings in a message.
    """

    lonlat: NDArray[np.float64]
    embeddings: Any
    groups: Any = None
    crs: str | None = None
    units: Units | None = None
    title: str = "embeddings"


def finished(
    raw: RawPoints, *, missing: Missing, model_id: str | None, check_land: bool, lazy: bool = False
) -> PointEmbeddings:
    """Return the value, after its rows have been looked at: all of them, or where ``lazy`` the places only.

    Called by the public functions themselves, so that warnings name the line of the user.
    """
    lonlat, embeddings = raw.lonlat, raw.embeddings
    check_same_length(lonlat, embeddings, names=("lonlat", raw.title), item="photo")
    if not len(lonlat):
        msg = "lonlat has no rows. There must be points."
        raise ValueError(msg)
    unplaced = np.asarray(~np.isfinite(lonlat).all(axis=1))
    if missing == "refuse":
        refuse_absent(unplaced, "lonlat has missing, NaN or infinite coordinates" if raw.crs is None else _NO_GEOMETRY)
    lost = unplaced | (np.zeros(len(lonlat), bool) if lazy else _without_vector(embeddings, missing, raw.title))
    # Checked in place of all rows, so that a refusal counts them as the user does.
    places = check_lonlat(np.where(lost[:, None], 0.0, lonlat))
    groups = None if raw.groups is None else label_array(raw.groups, len(lonlat), name="groups")
    kept, dropped = np.flatnonzero(~lost), np.flatnonzero(lost)
    if dropped.size:
        if not kept.size:
            msg = f"All {len(lost)} rows lack a place or a vector. There must be points."
            raise ValueError(msg)
        _LOG.info("dropped %d of %d rows: %s", dropped.size, len(lost), listed_rows(dropped))
        places, embeddings = places[kept], some_rows(embeddings, kept)
        groups = None if groups is None else groups[kept]
    warn_of_looks(places, raw.units, raw.crs, check_land=check_land, stacklevel=3)
    if not lazy:
        warn_of_duplicates(places, embeddings, kept, stacklevel=3)
    return PointEmbeddings(
        places, embeddings, groups=groups, model_id=model_id, crs=raw.crs, dropped=tuple(dropped.tolist())
    )


def _without_vector(embeddings: Any, missing: Missing, title: str) -> NDArray[np.bool_]:
    """Return which rows have no vector: NaN, infinite or zero entries throughout; they are refused or to be dropped."""
    largest = row_magnitudes(embeddings)
    broken, zero = ~np.isfinite(largest), largest < SMALLEST
    if missing == "refuse":
        refuse_absent(broken, f"{title} has NaN or infinite entries")
        if zero.any():
            rows = np.flatnonzero(zero)
            msg = (
                f"{title} has {rows.size} zero vectors, which have no direction: rows {listed_rows(rows)}. {DROP_CURE} "
                f'For dissimilarity="half_squared", pass arrays to the function itself. Entries below {SMALLEST:.1e} '
                "count as zero."
            )
            raise ValueError(msg)
    return broken | zero
