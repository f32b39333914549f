"""A checkup as HTML: a card for notebooks, and a page of its own. Nothing runs, nothing loads."""

import numpy as np
from numpy.typing import NDArray

from variogeo._html import Html, card, escaped, table_html
from variogeo._usable_lags import Extent
from variogeo.checkup._findings import Finding
from variogeo.checkup._maps import POINTS, close_up_of, svg_map, window_of
from variogeo.checkup._ways import Way

_COLOURS = {"error": "#d0342c", "warning": "#c77700", "note": "#3b8fd0"}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>:root{{color-scheme:light dark}}body{{margin:16px;max-width:1000px}}</style></head><body>
{card}
</body></html>
"""


def page_of(card: str, title: str) -> str:
    """Return a page that needs nothing else, around a card."""
    return _PAGE.format(card=card, title=escaped(title))


def card_of(
    title: str,
    facts: tuple[tuple[str, str], ...],
    extent: Extent | None,
    mapped: NDArray[np.float64],
    findings: tuple[Finding, ...],
    ways: tuple[Way, ...],
    next_lines: tuple[str, ...],
) -> Html:
    """Return a card: facts, maps, findings, costs, the next lines."""
    parts = [table_html((), facts), _maps(extent, mapped), _findings(findings)]
    if ways:
        parts.append(table_html(("way", "cost", "argument"), [(way.name, way.cost, way.arguments) for way in ways]))
    if next_lines:
        lines = "<br>".join(map(escaped, next_lines))
        parts += [Html("<b>Next</b>"), Html(f'<pre style="margin:4px 0;font-size:12px">{lines}</pre>')]
    return card(title, *parts)


def _maps(extent: Extent | None, mapped: NDArray[np.float64]) -> Html:
    """Return the map of the surroundings, and one from near where the points take a small part of it."""
    if extent is None:
        return Html("")
    maps = [svg_map(mapped, window) for window in (window_of(extent), close_up_of(extent)) if window is not None]
    return Html(
        f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start;gap:8px">{"".join(maps)}</div>'
        f'<div style="font-size:11px;margin:0 0 4px"><b style="color:{POINTS}">●</b> points '
        '&nbsp; <b style="opacity:.55">—</b> coast</div>'
    )


def _findings(findings: tuple[Finding, ...]) -> Html:
    """Return the findings as a table."""
    rows = [(_badge(finding.level), _unbroken(finding.name), finding.text) for finding in findings]
    return table_html((), rows) if rows else escaped("Nothing to complain about.")


def _badge(level: str) -> Html:
    """Return a level in its colour."""
    return Html(f'<b style="color:{_COLOURS[level]}">{level}</b>')


def _unbroken(name: str) -> Html:
    """Return a name that stays on one line."""
    return Html(f'<span style="white-space:nowrap">{escaped(name)}</span>')
