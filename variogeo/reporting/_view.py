"""The linked view, cloud and map, as a Bokeh document in JSON."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import VariogramFit
from variogeo._land import coastline
from variogeo._longitudes import turned, western_edge
from variogeo.reporting._pair_classes import AS_EXPECTED, FALSE_NEGATIVE, HARD_NEGATIVE, MORE_UNLIKE, PairClasses
from variogeo.reporting._shown import ShownPairs

if TYPE_CHECKING:
    from bokeh.models import ColumnDataSource, Tool
    from bokeh.plotting import figure

COLOURS = {HARD_NEGATIVE: "#c2410c", FALSE_NEGATIVE: "#1b6ca8", AS_EXPECTED: "#8a93a0", MORE_UNLIKE: "#c3a86b"}
"""Of the classes: told apart by people who do not see red or green, too."""

_INK, _GRID, _SEA, _COAST = "#1f2937", "#e5e7eb", "#f8fafc", "#9aa5b1"

_MAP_RATIO = 1.3
"""Width over height of the frame of the map."""

_SMALLEST_MAP = 0.02
"""Degrees of latitude that a map shows at least."""


class LinkedView(NamedTuple):
    """The document as JSON, the ids of its two roots, and the longitude at which the map is cut open."""

    document: dict[str, Any]
    cloud: str
    map: str
    west: float


def linked_view(
    empirical: EmpiricalVariogram,
    fit: VariogramFit,
    classes: PairClasses,
    pairs: ShownPairs,
    places: NDArray[np.float64],
    rows: NDArray[np.intp],
) -> LinkedView:
    """Return cloud and map over one table of pairs, so that what is selected in one is selected in both.

    ``places`` (n, 2) are the points as shown; ``rows`` (n,) their numbers in the data of the user.
    """
    from bokeh.document import Document
    from bokeh.models import ColumnDataSource

    west = western_edge(places[:, 0])
    places = np.column_stack([turned(places[:, 0], west), places[:, 1]])
    ends = places[pairs.first], places[pairs.second]
    table = ColumnDataSource(
        {
            "lag": _short(pairs.lag),
            "dissimilarity": _short(pairs.dissimilarity),
            "excess": _short(pairs.excess),
            "first": rows[pairs.first].astype(np.int32),
            "second": rows[pairs.second].astype(np.int32),
            "kind": pairs.kind,
            "colour": [COLOURS[kind] for kind in pairs.kind.tolist()],
            **{f"{side}_{axis}": _short(end[:, k]) for side, end in zip("ab", ends, strict=True)
               for k, axis in enumerate(("longitude", "latitude"))},
        },
        name="pairs",
    )  # fmt: skip
    drawings = _cloud(empirical, fit, classes, table), _map(places, west, rows, table)
    document = Document(title="variogeo")
    for drawing in drawings:
        document.add_root(drawing)
    content, ids = _renumbered(document.to_json(deferred=False))
    return LinkedView(content, ids[drawings[0].id], ids[drawings[1].id], west)


def _cloud(
    empirical: EmpiricalVariogram, fit: VariogramFit, classes: PairClasses, table: "ColumnDataSource"
) -> "figure":
    """Return lag against dissimilarity, with the curve, the bins and where far begins."""
    from bokeh.models import BoxSelectTool, HoverTool, LassoSelectTool, NumeralTickFormatter, Range1d, Span

    filled = empirical.npairs > 0
    lags = np.concatenate([np.asarray(table.data["lag"], dtype=np.float64), empirical.lag[filled]])
    terms = np.concatenate([np.asarray(table.data["dissimilarity"]), empirical.semivariance[filled]])
    low, high, most = float(lags.min()) / 1.3, float(lags.max()) * 1.3, float(terms.max()) or 1.0
    box = BoxSelectTool()
    drawing = _figure(
        [box, LassoSelectTool()], x_axis_type="log", name="cloud", x_axis_label="lag (km)",
        y_axis_label="dissimilarity (1 - cos)", x_range=Range1d(start=low, end=high),
        y_range=Range1d(start=-0.04 * most, end=1.05 * most),
    )  # fmt: skip
    drawing.toolbar.active_drag = box
    drawing.xaxis.formatter = NumeralTickFormatter(format="0,0.[0000]")
    dots = drawing.scatter(
        "lag", "dissimilarity", source=table, size=5, color="colour", line_color=None, alpha=0.55,
        nonselection_alpha=0.07, nonselection_color="colour", selection_alpha=0.9,
    )  # fmt: skip
    drawing.add_tools(
        HoverTool(
            renderers=[dots],
            tooltips=[
                ("rows", "@first, @second"), ("lag", "@lag{0,0.0} km"), ("dissimilarity", "@dissimilarity{0.000}"),
                ("excess", "@excess{+0.000}"),
            ],
        )
    )  # fmt: skip
    for tool in drawing.tools:
        if isinstance(tool, BoxSelectTool | LassoSelectTool):
            tool.renderers = [dots]
    along = np.geomspace(low, high, 200)
    style = "solid" if fit.converged else "dashed"
    drawing.line(along, fit.model(along), color="white", line_width=5, alpha=0.8)
    drawing.line(along, fit.model(along), color=_INK, line_width=2, line_dash=style)
    drawing.scatter(
        empirical.lag[filled], empirical.semivariance[filled], size=8, color=_INK, line_color="white", line_width=1.5
    )
    drawing.add_layout(
        Span(location=classes.threshold, dimension="height", line_color=_INK, line_dash="dotted", line_alpha=0.7)
    )
    return drawing


def _map(places: NDArray[np.float64], west: float, rows: NDArray[np.intp], table: "ColumnDataSource") -> "figure":
    """Return coast, points, and what is drawn of selected pairs: their points, and lines that the page fills in."""
    from bokeh.models import BoxSelectTool, ColumnDataSource, HoverTool, LassoSelectTool, Range1d

    x_range, y_range = _extent(places, west)
    box = BoxSelectTool()
    drawing = _figure(
        [box, LassoSelectTool()], name="map", x_axis_label="longitude (degrees)", y_axis_label="latitude (degrees)",
        x_range=Range1d(start=x_range[0], end=x_range[1]), y_range=Range1d(start=y_range[0], end=y_range[1]),
        background_fill_color=_SEA,
    )  # fmt: skip
    drawing.toolbar.active_drag = box
    coast = [line.round(2) for line in _coast(west)]
    drawing.multi_line([line[:, 0].tolist() for line in coast], [line[:, 1].tolist() for line in coast], color=_COAST)
    columns = {"longitude": _short(places[:, 0]), "latitude": _short(places[:, 1]), "row": rows.astype(np.int32)}
    dots = drawing.scatter(
        "longitude", "latitude", source=ColumnDataSource(columns, name="points"), size=3.5, color="#64748b",
        line_color=None, alpha=0.55,
    )  # fmt: skip
    drawing.add_tools(HoverTool(renderers=[dots], tooltips=[("row", "@row")]))
    lines = ColumnDataSource({"longitude": [], "latitude": [], "colour": []}, name="lines")
    drawing.multi_line("longitude", "latitude", source=lines, color="colour", line_width=1.3, line_alpha=0.6)
    ends = [
        drawing.scatter(
            f"{side}_longitude", f"{side}_latitude", source=table, size=7, color="colour", alpha=0.0, line_alpha=0.0,
            selection_alpha=0.95, selection_line_color="white", selection_line_alpha=1.0, nonselection_alpha=0.0,
        )
        for side in "ab"
    ]  # fmt: skip
    for tool in drawing.tools:
        if isinstance(tool, BoxSelectTool | LassoSelectTool):
            tool.renderers = [*ends]
    return drawing


def _figure(selection: "list[Tool]", **given: Any) -> "figure":
    """Return an empty plain figure that fills the width it is given."""
    from bokeh.models import Tool
    from bokeh.plotting import figure

    tools: list[str | Tool] = [*selection, "tap", "pan", "wheel_zoom", "box_zoom", "reset"]
    drawing = figure(
        tools=tools, toolbar_location="above", sizing_mode="stretch_both", min_width=280, output_backend="canvas",
        outline_line_color=_GRID, **given,
    )  # fmt: skip
    drawing.toolbar.logo = None
    drawing.grid.grid_line_color = _GRID
    drawing.axis.axis_label_text_font_style = "normal"
    drawing.axis.axis_label_text_color = drawing.axis.major_label_text_color = _INK
    drawing.axis.axis_line_color = drawing.axis.major_tick_line_color = _COAST
    drawing.axis.minor_tick_line_color = None
    return drawing


def _coast(west: float) -> list[NDArray[np.float64]]:
    """Return the coasts of a map that is cut open at a longitude."""
    kept = [line for line in coastline() if line[:, 0].max() > west]
    return kept + [np.add(line, (360.0, 0.0)) for line in coastline() if line[:, 0].min() < west]


def _extent(places: NDArray[np.float64], west: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return limits of longitude and latitude in which all places lie and a km is as long both ways, if it fits.

    The map is cut open at ``west``.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    middle = (low + high) / 2
    shrink = max(float(np.cos(np.radians(middle[1]))), 0.1)
    tall = max(1.08 * float(high[1] - low[1]), _SMALLEST_MAP)
    wide = max(1.08 * float(high[0] - low[0]) * shrink, tall * _MAP_RATIO)
    tall = min(max(tall, wide / _MAP_RATIO), 186.0)
    wide = min(wide / shrink, 372.0)
    left = float(np.clip(middle[0] - wide / 2, west - 6.0, west + 366.0 - wide))
    south = float(np.clip(middle[1] - tall / 2, -93.0, 93.0 - tall))
    return (left, left + wide), (south, south + tall)


def _short(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return numbers as they are sent to the page: a metre on the ground, and seven digits of all else."""
    return values.astype(np.float32)


def _renumbered(document: Any) -> tuple[Any, dict[str, str]]:
    """Return the document with ids in the order in which they stand: Bokeh's go on from one document to the next."""
    ids: dict[str, str] = {}

    def of(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: ids.setdefault(inner, f"m{len(ids)}") if key == "id" and isinstance(inner, str) else of(inner)
                for key, inner in value.items()
            }
        return [of(inner) for inner in value] if isinstance(value, list) else value

    return of(document), ids
