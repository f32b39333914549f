"""The door for everything else: `points_from_batches`."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from variogeo._checks import check_choice, check_same_length
from variogeo._label_codes import joined_labels
from variogeo._missing import Dequantize, Missing
from variogeo._points import PointEmbeddings
from variogeo.io._arrays import raw_arrays
from variogeo.io._finish import RawPoints, finished
from variogeo.io._units import Units


def points_from_batches(
    batches: Iterable[Any],
    *,
    units: Units | None = None,
    missing: Missing = "refuse",
    dequantize: Dequantize | None = None,
    model_id: str | None = None,
    check_land: bool = True,
) -> PointEmbeddings:
    """Return points with embeddings from batches, such as those of a data loader or a streamed data set.

    Parameters
    ----------
    batches : iterable of (lonlat, embeddings) or of PointEmbeddings
        Each (m, 2) and (m, d), as `points_from_arrays` takes them, and copied: the arrays may be filled again. All must
        have the same width and dtype, and `PointEmbeddings` also the same CRS and model; their groups stay.
    units, missing, dequantize, model_id, check_land
        As in `points_from_arrays`. ``dropped`` counts rows over all batches.

    Returns
    -------
    PointEmbeddings
        In memory; for more than fits, write Parquet and use `open_points`.

    Raises
    ------
    ValueError
        For what `points_from_arrays` refuses, and for batches that differ, naming the two.
    TypeError
        For batches of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> batches = ((np.full((2, 2), k), np.eye(2)) for k in (5.0, 6.0))
    >>> points_from_batches(batches)
    <PointEmbeddings: 4 points, embeddings (4, 2) float64>
    """
    check_choice(missing, Missing, name="missing")
    if not isinstance(batches, Iterable):
        msg = f"Invalid batches of type {type(batches).__name__}. Must be an iterable of (lonlat, embeddings)."
        raise TypeError(msg)
    parts: list[RawPoints] = []
    known = model_id
    for number, batch in enumerate(batches):
        raw, made_by = _raw_of(batch, number, units, dequantize)
        parts.append(raw)
        _check_alike(parts[0], raw, number)
        if known is not None and made_by is not None and made_by != known:
            msg = f"Batch {number} is of model_id {made_by!r}, those before of {known!r}. Parts must be of one model."
            raise ValueError(msg)
        known = made_by if known is None else known
    if not parts:
        msg = "batches has no batches. There must be points."
        raise ValueError(msg)
    grouped = parts[0].groups is not None
    raw = RawPoints(
        np.concatenate([part.lonlat for part in parts]),
        np.concatenate([part.embeddings for part in parts]),
        joined_labels([part.groups for part in parts]) if grouped else None,
        parts[0].crs,
        units,
    )
    return finished(raw, missing=missing, model_id=known, check_land=check_land)


def _raw_of(
    batch: Any, number: int, units: Units | None, dequantize: Dequantize | None
) -> tuple[RawPoints, str | None]:
    """Return copies of the arrays of a batch, which the next one may overwrite, and the model that it names."""
    if isinstance(batch, PointEmbeddings):
        return RawPoints(batch.lonlat, np.array(batch.embeddings[:]), batch.groups, batch.crs), batch.model_id
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        msg = f"Invalid batch {number} of type {type(batch).__name__}. Must be (lonlat, embeddings) or PointEmbeddings."
        raise TypeError(msg)
    try:
        raw = raw_arrays(*batch, units=units, dequantize=dequantize)
        check_same_length(raw.lonlat, raw.embeddings, names=("lonlat", "embeddings"), item="photo")
        return replace(raw, embeddings=np.array(raw.embeddings[:])), None
    except (ValueError, TypeError) as error:
        msg = f"batch {number}: {error}"
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(msg) from None


def _check_alike(first: RawPoints, other: RawPoints, number: int) -> None:
    """Refuse two batches of different width, dtype or CRS, or only one of which has groups."""
    for what, mine, theirs in (
        ("embeddings of width", first.embeddings.shape[1], other.embeddings.shape[1]),
        ("embeddings of dtype", first.embeddings.dtype, other.embeddings.dtype),
        ("coordinates of CRS", first.crs, other.crs),
        ("groups:", first.groups is not None, other.groups is not None),
    ):
        if mine != theirs:
            msg = f"Batch 0 has {what} {mine}, but batch {number} has {theirs}. Parts of one table must be alike."
            raise ValueError(msg)
