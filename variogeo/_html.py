"""Pieces of HTML for notebooks and reports: escaped text, tables, small curves, cards. Nothing runs, nothing loads."""

import html
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

LONGEST = 400
"""Characters of a text that are shown: longer names say nothing more, and would push all else off the screen."""

_WIDTH, _HEIGHT, _EDGE = 240.0, 72.0, 5.0
"""Size of a small curve, and what is left free around it, in pixels."""

_COLOURS = ("#3b8fd0", "#e0702c", "#4aa564", "#a56cc1", "#c9a227", "#7f8791")
"""Of curves: in the middle of the scale of lightness, so that they stand out from white and from black."""

_MOST_CURVES = 24
"""Curves that are told apart at this size."""

_MOST_NAMES = 12
"""Curves that are named: the rest is in a table."""

_CARD = (
    "border:1px solid rgba(128,128,128,.45);border-radius:6px;padding:8px 12px;margin:2px 0;display:inline-block;"
    "max-width:100%;box-sizing:border-box;overflow-x:auto;font:13px/1.45 system-ui,sans-serif;color:inherit"
)
_QUIET = "opacity:.72;font-size:12px"
_TABLE = "border-collapse:collapse;border:0;margin:4px 0;font:inherit;color:inherit"
_CELL = "padding:1px 10px 1px 0;border:0;background:transparent;text-align:"


class Html(str):
    """HTML whose text is escaped already: `card` and Jinja2 take it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return itself: what template engines ask for before they escape."""
        return str(self)


def escaped(text: Any) -> Html:
    """Return any value as one line of text that HTML shows literally, cut at `LONGEST` characters."""
    if isinstance(text, Html):
        return text
    line = "".join(mark if mark.isprintable() else " " for mark in str(text)[: LONGEST + 1])
    return Html(html.escape(line if len(line) <= LONGEST else line[:LONGEST] + "…"))


def number(value: Any) -> str:
    """Return a number with the digits that a reader wants: whole ones in full, others with four."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return f"{value:,d}"
    in_full = 1e4 <= abs(value) < 1e15
    return f"{value:,.0f}" if in_full else f"{value:,.4g}"


def table_html(headers: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Html:
    """Return a table. Numbers have four digits and, below headers, stand to the right."""
    cells = [list(row) for row in rows]
    sides = ["right" if headers and _is_number(value) else "left" for value in (cells[0] if cells else ())]
    sides += ["left"] * (len(headers) - len(sides))
    top = "".join(
        f'<th style="{_CELL}{side};font-weight:600;white-space:nowrap">{escaped(text)}</th>'
        for text, side in zip(headers, sides, strict=True)
    ) if headers else ""  # fmt: skip
    body = "".join(f"<tr>{''.join(map(_cell, row, sides))}</tr>" for row in cells)
    head = f"<thead><tr>{top}</tr></thead>" if top else ""
    return Html(f'<table style="{_TABLE}">{head}<tbody>{body}</tbody></table>')


def folded(summary: Any, inside: Html) -> Html:
    """Return what is shown only when its summary is clicked; browsers do that without a script."""
    return Html(
        f'<details style="{_QUIET}"><summary style="cursor:pointer">{escaped(summary)}</summary>{inside}</details>'
    )


def key_html(names: Iterable[Any]) -> Html:
    """Return the names of curves beside their colours, in the order in which `sparkline` draws them."""
    listed = list(names)
    named = '<span style="white-space:nowrap;margin-right:10px"><span style="color:'
    squares = [
        f'{named}{_COLOURS[k % len(_COLOURS)]}">\u25cf</span> {escaped(name)}</span>'
        for k, name in enumerate(listed[:_MOST_NAMES])
    ]
    more = f"and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return Html(f'<div style="{_QUIET};max-width:290px">{" ".join(squares)}{more}</div>')


def _is_number(value: Any) -> bool:
    """Whether a value is a number, of Python or of numpy."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _cell(value: Any, side: str) -> str:
    """Return a value as a cell."""
    return f'<td style="{_CELL}{side}">{escaped(number(value) if _is_number(value) else value)}</td>'


def card(title: Any, *parts: Any, note: Any = "") -> Html:
    """Return a frame with a title, parts that are HTML or text, and a quiet line below."""
    below = f'<div style="{_QUIET}">{escaped(note)}</div>' if note else ""
    inside = "".join(f"<div>{escaped(part)}</div>" for part in parts if part != "")
    return Html(f'<div style="{_CARD}"><div style="font-weight:600">{escaped(title)}</div>{inside}{below}</div>')


def note_html(text: Any) -> Html:
    """Return text that may have several lines, as it stands: what `print` shows."""
    lines = "\n".join(escaped(line) for line in str(text)[: 20 * LONGEST].splitlines())
    return Html(f'<pre style="margin:4px 0;background:transparent;color:inherit;font-size:12px">{lines}</pre>')


def sparkline(
    x: Any,
    y: Any,
    *,
    band: tuple[Any, Any] | None = None,
    marks: Literal["dots", "line", "dashes", "points"] = "dots",
    zero: bool = True,
    unit: str = "km",
    label: Any = "",
) -> Html:
    """Return small curves as inline SVG, with the ends of both axes; empty where there is nothing to draw.

    ``x`` (n,) is drawn in its logarithm where it is in km, positive and spans more than a decade. ``y`` is (n,) or
    (k, n), and what is not finite is left out. ``band`` holds limits, each (n,). With ``zero`` 0 is on the axis.
    """
    along = np.asarray(x, dtype=np.float64)
    curves = np.atleast_2d(np.asarray(y, dtype=np.float64))[:_MOST_CURVES]
    drawn = np.vstack([curves, *(np.asarray(limit, dtype=np.float64) for limit in band or ())])
    used = np.isfinite(along)
    if not np.isfinite(drawn[:, used]).any():
        return Html("")
    along, drawn = along[used], drawn[:, used]
    left, right, across = _across(along, is_lag=unit == "km")
    drawn[~np.isfinite(drawn)] = np.nan
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    # A level curve lies in the middle, and has one number.
    share = (drawn - low) / (high - low) if high > low else 0.0 * drawn + 0.5
    up = (_HEIGHT - _EDGE) - share * (_HEIGHT - 2 * _EDGE)
    shapes = [_area(across, up[-1], up[-2])] if band is not None else []
    for k in range(len(curves)):
        shapes.append(_curve(across, up[k], _COLOURS[k % len(_COLOURS)], marks))
    return _svg(
        shapes,
        (number(left), f"{number(right)} {unit}".strip()),
        (number(low) if high > low else "", number(high)),
        label,
    )


def _across(along: NDArray[np.float64], *, is_lag: bool) -> tuple[float, float, NDArray[np.float64]]:
    """Return the ends of the horizontal axis and the places of its values, in pixels."""
    left, right = float(along.min()), float(along.max())
    is_wide = is_lag and left > 0 and right > 10 * left
    scaled = np.log(along) if is_wide else along
    span = float(np.ptp(scaled))
    share = (scaled - scaled.min()) / span if span else np.full(len(scaled), 0.5)
    return left, right, _EDGE + share * (_WIDTH - 2 * _EDGE)


def _curve(across: NDArray[np.float64], up: NDArray[np.float64], colour: str, marks: str) -> str:
    """Return one curve: a line that breaks where nothing is known, with or without dots."""
    known = np.isfinite(up)
    starts = known & ~np.roll(known, 1)
    starts[0] = known[0]
    path = " ".join(
        f"{'M' if start else 'L'}{x:.1f} {y:.1f}"
        for x, y, start in zip(across[known], up[known], starts[known], strict=True)
    )
    dashes = ' stroke-dasharray="4 3"' if marks == "dashes" else ""
    width = 1.0 if marks == "dots" else 1.8
    line = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'
    if marks in ("line", "dashes"):
        return line
    radius = 2.3 if marks == "dots" else 1.3
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in zip(across[known], up[known], strict=True)
    )
    return f'{line if marks == "dots" else ""}<g fill="{colour}">{dots}</g>'


def _area(across: NDArray[np.float64], upper: NDArray[np.float64], lower: NDArray[np.float64]) -> str:
    """Return a band between two limits."""
    known = np.isfinite(upper) & np.isfinite(lower)
    there = [f"{x:.1f} {y:.1f}" for x, y in zip(across[known], upper[known], strict=True)]
    back = [f"{x:.1f} {y:.1f}" for x, y in zip(across[known], lower[known], strict=True)][::-1]
    return f'<path d="M{" L".join([*there, *back])}Z" fill="{_COLOURS[0]}" fill-opacity=".25"/>' if there else ""


def _svg(shapes: list[str], ends: tuple[str, str], limits: tuple[str, str], label: Any) -> Html:
    """Return shapes with the ends of their axes as text."""
    left, top = 46.0, 4.0
    text = 'font-size="9.5" fill="currentColor" fill-opacity=".8"'
    bottom, right = _HEIGHT - _EDGE + 2, _WIDTH
    title = f"<title>{escaped(label)}</title>" if label else ""
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{left + right:g}" height="{_HEIGHT + 18:g}" '
        f'viewBox="0 0 {left + right:g} {_HEIGHT + 18:g}" style="display:block;margin:4px 0;max-width:100%">{title}'
        f'<g transform="translate({left:g} {top:g})"><path d="M0 0V{bottom:g}H{right:g}" fill="none" '
        f'stroke="currentColor" stroke-opacity=".35"/>{"".join(shapes)}'
        f'<text x="-4" y="{_EDGE + 4:g}" text-anchor="end" {text}>{escaped(limits[1])}</text>'
        f'<text x="-4" y="{_HEIGHT - _EDGE + 1:g}" text-anchor="end" {text}>{escaped(limits[0])}</text>'
        f'<text x="{_EDGE:g}" y="{bottom + 11:g}" {text}>{escaped(ends[0])}</text>'
        f'<text x="{right - _EDGE:g}" y="{bottom + 11:g}" text-anchor="end" {text}>{escaped(ends[1])}</text></g></svg>'
    )
