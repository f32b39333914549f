"""From points and embeddings, good or bad, to a checkup: `check`."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_choice, check_same_length
from variogeo._distances import distinct_places
from variogeo._lonlat import check_lonlat
from variogeo._suspicions import repeated_rows
from variogeo._usable_lags import ENOUGH_PAIRS, Extent, UsableLags, extent_of, usable_lags
from variogeo.checkup._checkup import Checkup, Norms
from variogeo.checkup._coordinates import coordinate_findings, coordinates
from variogeo.checkup._embedding_rows import (
    EmbeddingRows,
    are_unit,
    embedding_findings,
    embeddings_in_place,
    read_rows,
)
from variogeo.checkup._findings import Finding, about_rows, counted
from variogeo.checkup._groups import group_sizes
from variogeo.checkup._maps import thinned
from variogeo.checkup._ways import cost_findings, next_lines, ways_of

_MOSTLY_SHARED = 0.5
"""Share of rows that have their place in common with others, from which most of them say the same."""


def check(
    lonlat: Any, embeddings: Any, *, groups: Any = None, units: Literal["deg"] | None = None, check_land: bool = True
) -> Checkup:
    """Return what a look at points and their embeddings finds, before any variogram is made of them.

    Bad data are what it is for: they are findings, with their rows, and no exceptions.

    Parameters
    ----------
    lonlat : (n, 2) array, degrees
        Longitude then latitude, WGS84.
    embeddings : (n, d) array, memory map or row source
        One row per point, in the same order. Read once, block by block.
    groups : (n,) array of labels, optional
        Such as the sequence of each photo.
    units : {None, "deg"}
        ``"deg"`` says that the coordinates are degrees, also where they look like radians. The doors of `variogeo.io`
        convert other units.
    check_land : bool
        Whether to compare with a land mask, which shows swapped columns. False for points at sea.

    Returns
    -------
    Checkup
        ``print`` it, show it in a notebook, ask ``ok`` and ``findings``, or hand on ``to_html()`` or ``to_json()``.

    Raises
    ------
    ValueError
        For what has not the shapes (n, 2), (n, d) and (n,), with one n.
    TypeError
        For what does not hold real numbers.

    Notes
    -----
    Errors are "no rows", "missing coordinates", "not degrees", "latitude beyond 90", "longitude beyond 360", "integer
    embeddings", "missing embeddings", "zero vectors" and "one place". Warnings are "null island", "radians", "degrees
    as metres", "swapped columns", "identical rows", "constant embeddings", "one column", "missing labels", "few points"
    and "many pairs". Notes are "same place" (a warning from half of the rows on), "not normalised", "constant columns",
    "few groups" and "overlapping chips".

    The land mask has cells of one degree. Swapped columns are suspected where at least 95 % of ten points or more lie
    on land once they are swapped, and 10 % and three points more than as they are. In ``docs/scripts/make_land.py``
    that tells 71 of the 144 countries whose longitudes would pass as latitudes, and raises no false alarm: a suspicion
    is worth a look, but no suspicion is no proof.

    Extent and places are those of all rows that have a place, lags those of the rows that have an embedding too: what
    ``missing="drop"`` leaves. Equal embeddings are told by a number of 64 bits
    made of their entries. Costs are right to a factor of about three.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> lonlat, embeddings = random.uniform(-60, 60, (40, 2)), random.normal(size=(40, 8))
    >>> embeddings[[3, 5]] = 0.0
    >>> checkup = check(lonlat, embeddings, check_land=False)
    >>> checkup.ok, checkup.findings[0].name, checkup.findings[0].rows
    (False, 'zero vectors', array([3, 5]))
    """
    if units is not None:
        check_choice(units, Literal["deg"], name="units")
    degrees = coordinates(lonlat)
    entries = embeddings_in_place(embeddings)
    check_same_length(degrees, entries, names=("lonlat", "embeddings"), item="point")
    n, width = entries.shape
    findings, placed = coordinate_findings(degrees, known=units is not None, check_land=check_land)
    rows = read_rows(entries)
    findings += embedding_findings(rows, (n, width), entries.dtype)
    sizes, of_groups = (None, []) if groups is None else group_sizes(groups, n)
    seen = _Places.of(degrees, placed, rows)
    usable = int(np.count_nonzero(placed & rows.usable))
    ways = ways_of(usable, width) if seen.lags is not None and usable > 1 else ()
    findings += of_groups + _place_findings(seen, n) + cost_findings(ways)
    return Checkup(
        rows=n,
        usable_rows=usable,
        width=width,
        dtype=str(entries.dtype),
        extent=seen.extent,
        places=seen.count,
        same_place_rows=len(seen.shared),
        identical_rows=len(seen.repeated),
        norms=_norms(rows),
        groups=sizes,
        lags=seen.lags,
        ways=ways,
        next_lines=next_lines(seen.lags, ways, findings),
        mapped=seen.mapped,
        findings=tuple(findings),
    )


@dataclass(frozen=True, eq=False)
class _Places:
    """The rows that have a place, and what their places are like."""

    rows: NDArray[np.intp]
    count: int
    measured: int
    shared: NDArray[np.intp]
    repeated: NDArray[np.intp]
    extent: Extent | None
    lags: UsableLags | None
    mapped: NDArray[np.float64]

    @classmethod
    def of(cls, degrees: NDArray[Any], placed: NDArray[np.bool_], embeddings: EmbeddingRows) -> "_Places":
        """Return what the places are like; the lags are those of the rows that have an embedding too."""
        rows = np.flatnonzero(placed)
        if not rows.size:
            return cls(rows, 0, 0, rows, rows, None, None, np.empty((0, 2)))
        lonlat = check_lonlat(degrees[rows])
        places, of_row = distinct_places(lonlat)
        usable = embeddings.usable[rows]
        kept, of_kept = rows[usable], of_row[usable]
        shared = kept[np.bincount(of_kept, minlength=1)[of_kept] > 1]
        repeated = kept[repeated_rows(of_kept, embeddings.prints[kept])]
        measured = places[np.unique(of_kept)]
        extent = extent_of(places)
        mapped = thinned(places, extent)
        return cls(rows, len(places), len(measured), shared, repeated, extent, usable_lags(measured), mapped)


def _place_findings(seen: _Places, n: int) -> list[Finding]:
    """Say what is found about places: none, one, few, shared ones, repeated rows, a grid."""
    found: list[Finding] = []
    if n == 0:
        found.append(Finding("error", "no rows", "There are no rows. A variogram needs pairs of points. Pass some."))
    elif seen.count == 1:
        text = (
            f"{counted(len(seen.rows), 'row')} at one place: no lag to bin. Points at two places and more are needed."
        )
        found.append(Finding("error", "one place", text))
    elif seen.measured and seen.lags is None:
        text = (
            f"{counted(seen.measured, 'place')} with an embedding: fewer than {ENOUGH_PAIRS} pairs. A bin with fewer "
            "says little. Pass more points."
        )
        found.append(Finding("warning", "few points", text))
    if seen.shared.size:
        level = "warning" if len(seen.shared) > _MOSTLY_SHARED * n else "note"
        text = (
            f"{len(seen.shared) / n:.1%} of the rows share their place with another, e.g. {about_rows(seen.shared)}. "
            "Pairs at zero lag enter no bin; they are counted apart (colocated)."
        )
        found.append(Finding(level, "same place", text, seen.shared))
    if seen.repeated.size:
        text = (
            f"{len(seen.repeated) / n:.1%} of the rows repeat the place and the embedding of another, "
            f"{about_rows(seen.repeated)}. Copies count their pairs several times. Drop them."
        )
        found.append(Finding("warning", "identical rows", text, seen.repeated))
    if seen.lags is not None and seen.lags.spacing is not None:
        text = (
            f"The points lie on a grid of about {seen.lags.spacing:.3g} km. If they are the middles of image chips "
            "that are wider, neighbours share pixels. Begin the bins at the width of a chip."
        )
        found.append(Finding("note", "overlapping chips", text))
    return found


def _norms(rows: EmbeddingRows) -> Norms | None:
    """Return the norms of embeddings that have a direction."""
    norms = rows.norms[rows.usable]
    if not norms.size:
        return None
    # A quarter, because the middle of two is their sum halved, and the largest numbers have no sum.
    return Norms(float(norms.min()), 4 * float(np.median(norms / 4)), float(norms.max()), are_unit(norms))
