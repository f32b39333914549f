"""Small maps of points: as characters, and as inline SVG with the coastline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import EARTH_RADIUS
from variogeo._html import Html
from variogeo._land import coastline, on_land
from variogeo._usable_lags import Extent

_COLUMNS, _MOST_LINES = 72, 20
"""Characters of a line of a text map, and lines of it at most. A character is twice as high as wide."""

_MOST_POINTS = 1500
"""Points that a drawn map shows."""

_FEW_POINTS = 20
"""Up to so many points are drawn larger, or they are lost on the map."""

_NARROWEST = 40.0
"""Degrees of longitude of a map at least: below, no coast of 1:110m can be recognised."""

_WIDEST = 200.0
"""Degrees of a map at most, unless it shows the world."""

_LEAST_LAND = 0.1
"""Share of land of a map at least, unless it shows the world."""

_CLOSE_UP = 0.25
"""Points that take less than this share of the width of a map get a second one from near."""

_COAST_FROM = 3.0
"""Degrees of a map from which it shows the coast: that of 1:110m is off by tens of kilometres."""

_DEGREE = EARTH_RADIUS * np.pi / 180
"""Kilometres of a degree along the equator."""

_PIXELS = 460.0

POINTS = "#e0702c"


@dataclass(frozen=True)
class MapWindow:
    """What part of the Earth a map shows, in degrees: its western and southern edge, its width and height."""

    west: float
    south: float
    width: float
    height: float

    @property
    def is_world(self) -> bool:
        """Whether it shows all of it."""
        return self.width == 360.0

    def across(self, longitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far east of the western edge longitudes lie, in widths."""
        east = np.asarray((longitude - self.west) % 360.0)
        # The eastern edge of a map of the world is its western one.
        return np.where((east == 0) & (longitude > self.west), 360.0, east) / self.width

    def up(self, latitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far north of the southern edge latitudes lie, in heights."""
        return (latitude - self.south) / self.height


WORLD = MapWindow(-180.0, -90.0, 360.0, 180.0)


def window_of(extent: Extent) -> MapWindow:
    """Return the window around points, with a margin; the world where they are spread over most of it."""
    width = max(1.15 * extent.width, _NARROWEST)
    height = max(1.15 * (extent.north - extent.south), _NARROWEST / 2, width / 3)
    width = max(width, height * _COLUMNS / (2 * _MOST_LINES))
    middle = extent.west + extent.width / 2
    # Points on both sides of the antimeridian are in the middle of the world, not at both its ends.
    world = MapWindow(middle - 180.0, -90.0, 360.0, 180.0) if extent.west > extent.east else WORLD
    if width > _WIDEST:
        return world
    west = middle - width / 2
    south = float(np.clip((extent.south + extent.north - height) / 2, -90.0, 90.0 - height))
    window = MapWindow(west, south, width, height)
    # Points in the open sea need a coast to tell where they are.
    return window if on_land(_centres(window, 20)).mean() > _LEAST_LAND else world


def close_up_of(extent: Extent) -> MapWindow | None:
    """Return the window from near, or None where points lie at one place or fill the other window."""
    width, height = 1.15 * extent.width, 1.15 * (extent.north - extent.south)
    width, height = max(width, height), max(height, width / 3)
    if not 0.0 < width < _CLOSE_UP * window_of(extent).width:
        return None
    west, south = extent.west + (extent.width - width) / 2, (extent.south + extent.north - height) / 2
    return MapWindow(west, south, width, height)


def text_map(lonlat: NDArray[np.float64], window: MapWindow) -> str:
    """Return a map as lines of characters: land ``.``, points ``o``, many of them ``O``."""
    count = round(_COLUMNS * window.height / window.width / 2)
    marks = np.where(on_land(_centres(window, count)).reshape(count, _COLUMNS), ".", " ")
    column = np.clip((window.across(lonlat[:, 0]) * _COLUMNS).astype(np.intp), 0, _COLUMNS - 1)
    line = np.clip((window.up(lonlat[:, 1]) * count).astype(np.intp), 0, count - 1)
    here = np.zeros((count, _COLUMNS))
    np.add.at(here, (line, column), 1)
    marks[here > 0] = "o"
    crowd = max(10.0, len(lonlat) / 50)
    marks[here > crowd] = "O"
    legend = f" o points   O more than {round(crowd)} points   . land "
    lines = [f"|{''.join(row)}|" for row in marks[::-1]]
    return "\n".join([f"+{'-' * _COLUMNS}+", *lines, f"+{legend:-^{_COLUMNS}}+"])


def _centres(window: MapWindow, count: int) -> NDArray[np.float64]:
    """Return the middles of the characters of a map, line by line from the south."""
    longitude = window.west + (np.arange(_COLUMNS) + 0.5) * window.width / _COLUMNS
    latitude = window.south + (np.arange(count) + 0.5) * window.height / count
    return np.column_stack([grid.ravel() for grid in np.meshgrid(longitude, latitude)])


def svg_map(lonlat: NDArray[np.float64], window: MapWindow) -> Html:
    """Return a map as inline SVG: the coastline and the points, in plate carree with its middle latitude true."""
    middle = np.radians(np.clip(window.south + window.height / 2, -70.0, 70.0))
    stretch = 1.0 if window.is_world else 1.0 / float(np.cos(middle))
    tall = _PIXELS * min(window.height / window.width * stretch, 1.0)
    wide = tall / (window.height / window.width * stretch)
    coasts = coastline() if window.width >= _COAST_FROM else ()
    coast = "".join(_path(line, window, wide, tall) for line in coasts)
    places = _pixels(lonlat, window, wide, tall).round(1)
    radius = 1.8 if len(places) > _FEW_POINTS else 3.5
    dots = "".join(f'<circle cx="{x:g}" cy="{y:g}" r="{radius}"/>' for x, y in places)
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide:.0f}" height="{tall:.0f}" '
        f'viewBox="0 0 {wide:.1f} {tall:.1f}" style="max-width:100%;height:auto;margin:4px 0;overflow:hidden">'
        f"<title>Map of the points</title>"
        f'<path d="{coast}" fill="none" stroke="currentColor" stroke-opacity=".55" stroke-width=".8"/>'
        f'<g fill="{POINTS}" fill-opacity=".75">{dots}</g>'
        f'<rect x=".5" y=".5" width="{wide - 1:.1f}" height="{tall - 1:.1f}" fill="none" stroke="currentColor" '
        f'stroke-opacity=".35"/>{_scale(window, middle, tall)}</svg>'
    )


def _scale(window: MapWindow, middle: float, tall: float) -> str:
    """Return how wide a map is, as text at its lower edge; a map of the world needs none."""
    if window.is_world:
        return ""
    wide = window.width * _DEGREE * float(np.cos(middle))
    text = f"{wide:,.0f} km wide" if wide >= 10 else f"{wide:.2g} km wide"
    return f'<text x="6" y="{tall - 6:.1f}" font-size="10" fill="currentColor" fill-opacity=".8">{text}</text>'


def thinned(lonlat: NDArray[np.float64], extent: Extent) -> NDArray[np.float64]:
    """Return at most `_MOST_POINTS` points, one for each dot that would be told apart from the nearest view."""
    window = close_up_of(extent) or window_of(extent)
    dots = _pixels(lonlat, window, _PIXELS, _PIXELS).round()
    _, first = np.unique(dots, axis=0, return_index=True)
    chosen = np.unique(np.linspace(0, len(first) - 1, min(len(first), _MOST_POINTS)).astype(np.intp))
    return lonlat[np.sort(first)[chosen]]


def _pixels(lonlat: NDArray[np.float64], window: MapWindow, wide: float, tall: float) -> NDArray[np.float64]:
    """Return points as pixels from the upper left."""
    return np.column_stack((window.across(lonlat[:, 0]) * wide, (1 - window.up(lonlat[:, 1])) * tall))


def _path(line: NDArray[np.float64], window: MapWindow, wide: float, tall: float) -> str:
    """Return the part of a coast that a window shows as a path; each point that is drawn is one pixel from the last."""
    parts = []
    for turn in (-360.0, 0.0, 360.0):
        x = (line[:, 0] + turn - window.west) / window.width
        y = 1 - window.up(line[:, 1])
        near = (x > -0.2) & (x < 1.2) & (y > -0.2) & (y < 1.2)
        if not near.any():
            continue
        low, high = np.flatnonzero(near)[[0, -1]]
        dots = np.column_stack((x * wide, y * tall))[max(0, low - 1) : high + 2].round()
        moved = np.append(True, (np.diff(dots, axis=0) != 0).any(axis=1))
        parts.append("M" + "L".join(f"{a:g} {b:g}" for a, b in dots[moved]))
    return "".join(parts)
