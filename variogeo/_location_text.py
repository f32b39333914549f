"""location_text: positions as text, for the text tower of a CLIP."""

import re
import string
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import one_spelling
from variogeo._geohash import geohash
from variogeo._lonlat import check_lonlat
from variogeo._nearest_place import NearestPlaces, nearest_places

Template = Literal["degrees", "hemispheres", "cells", "place"]
"""The templates that have a name."""

_FORMATS: dict[str, str] = {
    "degrees": "a photo taken at latitude {latitude:z.4f}, longitude {longitude:z.4f}",
    "hemispheres": "a photo taken at {degrees_ns:.2f} degrees {ns}, {degrees_ew:.2f} degrees {ew}",
    "cells": "a photo taken in cell {cell:.1} {cell:.2} {cell:.3} {cell:.4} {cell:.5} {cell:.6} {cell:.7}",
    "place": "a photo taken {near}",
}
"""The formats that they stand for."""

_NUMBERS = ("latitude", "longitude", "degrees_ns", "degrees_ew", "distance")
_WORDS = ("ns", "ew", "cell", "place", "direction", "near")
_OF_PLACES = ("place", "distance", "direction", "near")

_NUMBER_FORMAT = re.compile(r"[+ ]?z?0?\d{0,2}\.\d{1,2}f")
_WORD_FORMAT = re.compile(r"(\.\d{1,2})?")

_Piece = tuple[str, str | None, str]
"""Text, the field after it, and its format."""


def location_text(lonlat: Any, template: Template | str = "degrees", *, places: Any = None) -> list[str]:
    """Return each position as a text, for a text tower to read.

    ================  ==================================================================
    template          text for (11.6213, 48.1642)
    ================  ==================================================================
    ``degrees``       a photo taken at latitude 48.1642, longitude 11.6213
    ``hemispheres``   a photo taken at 48.16 degrees north, 11.62 degrees east
    ``cells``         a photo taken in cell u u2 u28 u286 u2860 u28602 u28602n
    ``place``         a photo taken 4.5 km north-east of Munich
    your own          ``"{latitude:.1f} {ns}, cell {cell:.4}"``: the fields below
    ================  ==================================================================

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    template : str
        A name of the table, or a text with fields in braces. Numbers, with a format such as ``:.2f``: ``latitude``,
        ``longitude`` (signed), ``degrees_ns``, ``degrees_ew`` (without sign), ``distance`` (km to the nearest place).
        Words, which ``:.5`` cuts to five characters: ``ns`` (north or south), ``ew`` (east or west), ``cell``
        (geohash of 12 characters), ``place`` (name of the nearest), ``direction`` (compass direction from it, of
        eight), ``near`` ("4.5 km north-east of Munich", within 50 m "at Munich").
    places : GeoDataFrame or (names, lonlat), optional
        The table for the fields of the nearest place. A GeoDataFrame needs a CRS and a column ``name``; of polygons a
        point inside counts.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        For coordinates that are NaN or out of range (the message names the rows), a template of another name, other
        fields or formats, and places that are missing, not needed, empty or nameless.
    TypeError
        For places of another kind.

    Notes
    -----
    **How fine a text is.** A degree of latitude is 111.2 km, so digits after the point are 11 km, 1.1 km, 111 m, 11 m
    (four: ``degrees``) and 1.1 m; of longitude the same times the cosine of the latitude. Characters of a cell are
    5 000, 1 250, 156, 39, 4.9, 1.2 km and 153 m wide at the equator (seven: ``cells``). A text tower cannot tell apart
    what has the same text, and digits beyond the accuracy of the positions are noise that it may learn by heart.

    **Seams.** Near places have unlike texts on either side of the antimeridian, the equator and the zero meridian
    (``hemispheres``), and of any edge of a coarse cell: 0 degrees of longitude parts London into ``g`` and ``u``.
    A name and a distance have no such seam, but jump where the nearest place changes. One place has one text: 180 is
    written as -180, and a pole with longitude 0.

    The nearest place and its distance are along the great circle, within 0.56 % of the geodesic; also across the
    antimeridian and the poles. Of several places at one position the first counts.

    A template is never evaluated: fields are looked up by their whole name, and attributes, indices, conversions and
    nested formats are refused. Make the texts of a data set once, before the training.

    References
    ----------
    .. [1] Spatially-Weighted CLIP, arXiv 2604.04357: positions as prompts. Its wording was not used.
    .. [2] Niemeyer, geohash.org, 2008: the cells.

    Examples
    --------
    >>> from variogeo import location_text
    >>> location_text([[11.575, 48.137]], "cells")
    ['a photo taken in cell u u2 u28 u281 u281z u281z7 u281z7h']
    >>> places = (["Munich", "Vienna"], [[11.5755, 48.1374], [16.3725, 48.2083]])
    >>> location_text([[11.9, 48.3], [16.3725, 48.2083]], "place", places=places)
    ['a photo taken 30.1 km north-east of Munich', 'a photo taken at Vienna']
    >>> location_text([[11.575, -48.137]], "street view, {degrees_ns:.1f} {ns}, cell {cell:.4}")
    ['street view, 48.1 south, cell hr2n']
    """
    pieces = _pieces(template)
    fields = {field for _, field, _ in pieces if field is not None}
    reads_places = not fields.isdisjoint(_OF_PLACES)
    if reads_places and places is None:
        msg = (
            f"Template {template!r} needs places: a GeoDataFrame with a column 'name', or a tuple (names, lonlat). "
            "Pass them as places=."
        )
        raise ValueError(msg)
    if not reads_places and places is not None:
        msg = f"Template {template!r} does not read places. Leave places out, or use a field such as {{near}}."
        raise ValueError(msg)
    points = one_spelling(check_lonlat(lonlat))
    nearest = nearest_places(points, places) if reads_places else NearestPlaces([], [], [])
    columns = {field: _COLUMNS[field](points, nearest) for field in fields}
    return ["".join(_written(pieces, columns, row)) for row in range(len(points))]


def _written(pieces: list[_Piece], columns: dict[str, list[Any]], row: int) -> list[str]:
    """Return the pieces of one text."""
    return [text if field is None else text + format(columns[field][row], spec) for text, field, spec in pieces]


def _near(_: NDArray[np.float64], nearest: NearestPlaces) -> list[str]:
    """Return where a point is beside its nearest place, in words."""
    rows = zip(nearest.name, nearest.lag, nearest.direction, strict=True)
    return [
        f"at {name}" if format(lag, ".1f") == "0.0" else f"{lag:.1f} km {direction} of {name}"
        for name, lag, direction in rows
    ]


_COLUMNS: dict[str, Callable[[NDArray[np.float64], NearestPlaces], list[Any]]] = {
    "latitude": lambda points, _: points[:, 1].tolist(),
    "longitude": lambda points, _: points[:, 0].tolist(),
    "degrees_ns": lambda points, _: np.abs(points[:, 1]).tolist(),
    "degrees_ew": lambda points, _: np.abs(points[:, 0]).tolist(),
    "ns": lambda points, _: np.where(points[:, 1] < 0, "south", "north").tolist(),
    "ew": lambda points, _: np.where(points[:, 0] < 0, "west", "east").tolist(),
    "cell": lambda points, _: geohash(points),
    "place": lambda _, nearest: nearest.name,
    "distance": lambda _, nearest: nearest.lag,
    "direction": lambda _, nearest: nearest.direction,
    "near": _near,
}
"""What each field holds, one entry a point."""


def _pieces(template: Any) -> list[_Piece]:
    """Return a template in pieces: fixed text, and fields that are known with formats that are harmless."""
    if not isinstance(template, str):
        msg = f"Invalid template of type {type(template).__name__}. Must be a str."
        raise TypeError(msg)
    listed = ", ".join(repr(name) for name in get_args(Template))
    if template not in _FORMATS and "{" not in template:
        msg = f"Invalid template {template!r}. Must be one of {listed}, or a text with fields such as {{latitude:.2f}}."
        raise ValueError(msg)
    try:
        parsed = list(string.Formatter().parse(_FORMATS.get(template, template)))
    except ValueError as error:
        msg = f"Invalid template {template!r}: {error}. Write a brace that is no field twice: {{{{ or }}}}."
        raise ValueError(msg) from None
    pieces = []
    for text, field, spec, conversion in parsed:
        if field is not None:
            _check_field(template, field, spec or "", conversion)
        pieces.append((text, field, spec or ""))
    return pieces


def _check_field(template: str, field: str, spec: str, conversion: str | None) -> None:
    """Refuse a field that is not of the list, and a format that is more than a number of digits."""
    if field not in _NUMBERS + _WORDS or conversion:
        shown = field if not conversion else f"{field}!{conversion}"
        msg = (
            f"Invalid field {{{shown}}} in template {template!r}. Must be one of {', '.join(_NUMBERS + _WORDS)}, "
            "without attributes, indices or conversions."
        )
        raise ValueError(msg)
    if field in _NUMBERS and not _NUMBER_FORMAT.fullmatch(spec):
        msg = f"Invalid format {spec!r} of {{{field}}}. Must say its digits, e.g. {{{field}:.2f}}."
        raise ValueError(msg)
    if field in _WORDS and not _WORD_FORMAT.fullmatch(spec):
        msg = f"Invalid format {spec!r} of {{{field}}}. Must be nothing or a number of characters, e.g. {{{field}:.5}}."
        raise ValueError(msg)
