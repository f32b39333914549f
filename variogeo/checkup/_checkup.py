"""Checkup: what a look at points and their embeddings has found, as text, HTML and JSON."""

import dataclasses
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import settings_html
from variogeo._read_only import ReadOnlyArrays
from variogeo._usable_lags import Extent, UsableLags
from variogeo.checkup._findings import Finding
from variogeo.checkup._groups import GroupSizes
from variogeo.checkup._maps import text_map, window_of
from variogeo.checkup._page import card_of, page_of
from variogeo.checkup._ways import Way

_LINE = 100
"""Characters of a line of text at most."""

_SCHEMA = 1
"""Version of the keys of JSON."""


@dataclass(frozen=True)
class Norms:
    """Euclidean norms of the embeddings that have a direction.

    Parameters
    ----------
    smallest, median, largest : float
    normalised : bool
        Whether all lie within 0.01 of 1.
    """

    smallest: float
    median: float
    largest: float
    normalised: bool

    _repr_html_ = settings_html


@dataclass(frozen=True, eq=False, repr=False)
class Checkup(ReadOnlyArrays):
    r"""What `variogeo.check` has found: facts, findings, and the next lines to write.

    ``print`` shows it as text, a notebook as HTML; ``to_html`` is a page of its own, ``to_json`` is for programs.

    Parameters
    ----------
    rows : int
        Number of rows, usable or not.
    usable_rows : int
        Rows that have a place and a direction.
    width : int
        Entries of an embedding.
    dtype : str
        Type of these entries.
    extent : Extent or None
        Box and reach; None where no row has a place.
    places : int
        Number of different places.
    same_place_rows : int
        Rows that share their place with another row.
    identical_rows : int
        Rows that repeat both the place and the embedding of an earlier row.
    norms : Norms or None
        Of the embeddings; None where none has a direction.
    groups : GroupSizes or None
        Of the labels, where they were given.
    lags : UsableLags or None
        The shortest and the longest lag worth a bin; None where different places form fewer than 30 pairs.
    ways : tuple of Way
        Time and memory of each way to make a variogram of the usable rows; empty without usable lags.
    next_lines : tuple of str
        Code to write next; empty where an error has to be dealt with first.
    mapped : (m, 2) float array, degrees
        Some of the points, for maps.
    findings : tuple of Finding
        Errors first, then warnings, then notes.

    Examples
    --------
    >>> from variogeo import check, datasets
    >>> checkup = check(*datasets.geoclip_photos())
    >>> checkup.ok, checkup.rows, checkup.places
    (True, 2500, 2500)
    >>> print(*checkup.findings, sep="\n")
    note: not normalised: Norms lie between 0.1669 and 0.4737, not at 1. ...
    >>> print(*checkup.next_lines, sep="\n")
    bins = variogeo.LagBins.logarithmic(0.15, 9900, 29)
    empirical = variogeo.empirical_variogram(lonlat, embeddings, bins)
    """

    rows: int
    usable_rows: int
    width: int
    dtype: str
    extent: Extent | None
    places: int
    same_place_rows: int
    identical_rows: int
    norms: Norms | None
    groups: GroupSizes | None
    lags: UsableLags | None
    ways: tuple[Way, ...]
    next_lines: tuple[str, ...]
    mapped: NDArray[np.float64]
    findings: tuple[Finding, ...]

    def __post_init__(self) -> None:
        mapped = np.array(self.mapped, dtype=np.float64)
        mapped.setflags(write=False)
        object.__setattr__(self, "mapped", mapped)
        order = ("error", "warning", "note")
        object.__setattr__(self, "findings", tuple(sorted(self.findings, key=lambda f: order.index(f.level))))

    @property
    def ok(self) -> bool:
        """Whether a variogram can be made of the rows as they are: there is no error among the findings."""
        return all(finding.level != "error" for finding in self.findings)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Names and values of what was counted and measured, as text."""
        return tuple(_facts(self))

    def __repr__(self) -> str:
        counts = [sum(f.level == level for f in self.findings) for level in ("error", "warning", "note")]
        return f"<Checkup: {self.rows} rows, {counts[0]} errors, {counts[1]} warnings, {counts[2]} notes>"

    def __str__(self) -> str:
        parts = ["\n".join(f"{name:<12} {value}" for name, value in self.facts)]
        if self.extent is not None:
            parts.append(text_map(self.mapped, window_of(self.extent)))
        wrapped = [textwrap.fill(str(finding), _LINE, subsequent_indent="  ") for finding in self.findings]
        parts.append("\n".join(wrapped) or "Nothing to complain about.")
        if self.ways:
            parts.append("\n".join(["What each way costs:", *(f"  {way}" for way in self.ways)]))
        if self.next_lines:
            parts.append("\n".join(["Next:", *(f"  {line}" for line in self.next_lines)]))
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        return self._card("Checkup")

    def to_html(self, title: str = "Checkup") -> str:
        """Return a page with this title that needs nothing else: no script, no file, no request."""
        return page_of(self._card(title), title)

    def _card(self, title: str) -> str:
        """Return all of it under a title."""
        return card_of(title, self.facts, self.extent, self.mapped, self.findings, self.ways, self.next_lines)

    def to_json(self) -> dict[str, Any]:
        """Return all of it for `json.dumps`, but for the points of the map.

        The keys stay: ``format``, ``schema``, ``ok``, ``rows``, ``usable_rows``, ``width``, ``dtype``, ``extent``
        (``west``, ``east``, ``south``, ``north``, ``largest_lag``), ``places``, ``same_place_rows``,
        ``identical_rows``, ``norms`` (``smallest``, ``median``, ``largest``, ``normalised``), ``groups`` (``count``,
        ``largest``, ``share``), ``lags`` (``shortest``, ``longest``, ``spacing``, ``edges``), ``ways`` (each ``name``,
        ``arguments``, ``seconds``, ``bytes``), ``next`` (lines) and ``findings`` (each ``level``, ``name``, ``text``,
        ``count``, ``rows``). What is not known is None.
        """
        lags = self.lags and {**dataclasses.asdict(self.lags), "edges": self.lags.bins.edges.tolist()}
        return {
            "format": "variogeo.checkup",
            "schema": _SCHEMA,
            "ok": self.ok,
            "rows": self.rows,
            "usable_rows": self.usable_rows,
            "width": self.width,
            "dtype": self.dtype,
            "extent": self.extent and dataclasses.asdict(self.extent),
            "places": self.places,
            "same_place_rows": self.same_place_rows,
            "identical_rows": self.identical_rows,
            "norms": self.norms and dataclasses.asdict(self.norms),
            "groups": self.groups and dataclasses.asdict(self.groups),
            "lags": lags,
            "ways": [dataclasses.asdict(way) for way in self.ways],
            "next": list(self.next_lines),
            "findings": [finding.to_json() for finding in self.findings],
        }


def _facts(checkup: Checkup) -> Iterator[tuple[str, str]]:
    """Yield names and values."""
    yield "rows", f"{checkup.rows:,d}, of which {checkup.usable_rows:,d} can be used"
    yield "embeddings", f"{checkup.width} x {checkup.dtype}{_norms_text(checkup)}"
    yield "places", _places_text(checkup)
    if checkup.extent is not None:
        e = checkup.extent
        box = f"{_degrees(e.west, 'E', 'W')} to {_degrees(e.east, 'E', 'W')}"
        box += f", {_degrees(e.south, 'N', 'S')} to {_degrees(e.north, 'N', 'S')}"
        yield "extent", f"{box}; {_km(e.largest_lag)} across"
    if checkup.groups is not None:
        sizes = checkup.groups
        yield "groups", f"{sizes.count:,d}; the largest is {_shown(sizes.largest)}, with {sizes.share:.0%} of the rows"
    if checkup.lags is not None:
        low, high = checkup.lags.limits
        yield "usable lags", f"{low:,g} to {_km(high)}, in {checkup.lags.count} bins of equal ratio"


def _norms_text(checkup: Checkup) -> str:
    """Return what is known about norms, as the end of a line."""
    if checkup.norms is None:
        return ""
    if checkup.norms.normalised:
        return ", normalised"
    return f", norms {checkup.norms.smallest:.3g} to {checkup.norms.largest:.3g} (median {checkup.norms.median:.3g})"


def _places_text(checkup: Checkup) -> str:
    """Return how many places there are, and how many rows share one."""
    text = f"{checkup.places:,d}"
    if checkup.same_place_rows:
        text += f"; {checkup.same_place_rows / checkup.rows:.1%} of the rows share theirs with another"
    return text


def _km(lag: float) -> str:
    """Return a lag with as many digits as a reader wants."""
    return f"{lag:,.0f} km" if lag >= 100 else f"{lag:.3g} km"


def _degrees(value: float, positive: str, negative: str) -> str:
    """Return degrees with the letter of their side."""
    return f"{abs(value):.5g} {positive if value >= 0 else negative}"


def _shown(label: str) -> str:
    """Return a label as part of one line."""
    line = "".join(mark if mark.isprintable() else " " for mark in label)
    return repr(line if len(line) <= 60 else line[:60] + "...")
