"""The page: Jinja's template, filled with tables, picture, view and the policy that lets nothing out."""

import base64
import hashlib
import importlib.resources
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from variogeo._citation import citation
from variogeo._fit import VariogramFit
from variogeo._nested import Nested
from variogeo._tables import FEW_PAIRS
from variogeo.reporting._measured import Measured
from variogeo.reporting._pair_classes import FALSE_NEGATIVE, HARD_NEGATIVE
from variogeo.reporting._provenance import versions
from variogeo.reporting._shown import STRONGEST
from variogeo.reporting._view import COLOURS, linked_view
from variogeo.reporting._words import in_words

KINDS = (
    ("hard negatives", "far, and more alike than expected"),
    ("likely false negatives", "near, and more alike than expected"),
    ("as expected", "within one spread of the curve"),
    ("more unlike", "at any lag, than expected"),
)
"""Names and meanings of the classes, in their order."""

LONGEST_TEXT = 200
"""Characters that are shown of a title, and of a group's label, which stands in the page once for each group."""

_LISTED = 8


@dataclass(frozen=True)
class Table:
    """A table: names of its columns, those of numbers with "#" in front, and rows of text."""

    names: tuple[str, ...]
    rows: list[tuple[str, ...]]

    @property
    def heads(self) -> list[dict[str, Any]]:
        """Name of each column, and whether it holds numbers."""
        return [{"name": name.removeprefix("#"), "number": name.startswith("#")} for name in self.names]


def page_of(measured: Measured, *, title: str, model_id: str | None, precision_km: float | None) -> bytes:
    """Return the report as the bytes of one HTML file."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    bokeh, script = _bokeh(), _asset("view.js")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        _asset("report.html")
    )
    text = template.render(
        policy=Markup(_policy(bokeh, script)), style=Markup(_asset("report.css")), bokeh=Markup(bokeh),
        script=Markup(script), content=Markup(_content(measured)), picture=_picture(measured), title=_cut(title),
        model_id=model_id, npoints=f"{measured.npoints:,}", all_rows=f"{measured.source.total:,}",
        entries=f"{measured.entries:,}", facts=_facts(measured),
        findings=measured.findings, versions=versions(), hash=measured.hash, citation=citation(),
        settings=_settings(measured, precision_km), **_curve(measured), **_pairs(measured),
    )  # fmt: skip
    return text.encode()


def _asset(name: str) -> str:
    """Return a file of this package as text."""
    return (importlib.resources.files("variogeo.reporting") / name).read_text(encoding="utf-8")


def _bokeh() -> str:
    """Return the script of Bokeh's core, without widgets, tables and formulas."""
    from bokeh.resources import INLINE

    return INLINE.clone(components=["bokeh"]).js_raw[0]


def _policy(*scripts: str) -> str:
    """Return a content security policy under which these scripts run, no others, and nothing is loaded."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; connect-src 'none'; "
        "object-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _content(measured: Measured) -> str:
    """Return what the script of the page reads, as JSON in which no HTML can begin or end."""
    view = linked_view(
        measured.empirical, measured.comparison.best, measured.classes, measured.pairs, measured.places, measured.rows
    )
    content = {
        "document": view.document,
        "cloud": view.cloud,
        "map": view.map,
        "west": view.west,
        "kinds": [name for name, _ in KINDS],
    }
    if measured.groups is not None:
        codes = measured.groups.codes
        content["labels"] = [_cut(name) for name in measured.groups.names]
        content["first_label"] = codes[measured.pairs.first].tolist()
        content["second_label"] = codes[measured.pairs.second].tolist()
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _picture(measured: Measured) -> str:
    """Return the plot of the curve as a PNG in base64."""
    from variogeo.plotting import plot_variogram, to_png

    fit = measured.comparison.best
    return base64.b64encode(to_png(lambda ax: plot_variogram(measured.empirical, fit, ax=ax))).decode()


def _facts(measured: Measured) -> list[tuple[str, str]]:
    """Return the numbers that a reader wants first."""
    fit, model = measured.comparison.best, measured.comparison.best.model
    share = model.nugget / model.sill if model.sill > 0 else np.nan
    return [
        ("points", f"{measured.npoints:,}"),
        ("pairs in the bins", f"{measured.empirical.npairs.sum():,}"),
        ("best model", _name(fit) + ("" if fit.converged else f" ({fit.outcome})")),
        ("effective range", f"{_lag(model.effective_range)} km" if fit.converged else "not found"),
        ("sill", f"{model.sill:.3f}"),
        ("nugget / sill", f"{share:.2f}" if np.isfinite(share) else "-"),
    ]


def _lag(km: float) -> str:
    """Return a lag with four digits, and all of those before the point."""
    return f"{km:,.0f}" if km >= 1000 else f"{km:.4g}"


def _name(fit: VariogramFit) -> str:
    """Return the name of a fitted model, or those of both of its structures."""
    model = fit.model
    parts = (model.first, model.second) if isinstance(model, Nested) else (model,)
    return " + ".join(type(part).__name__ for part in parts)


def _curve(measured: Measured) -> dict[str, Any]:
    """Return the tables of models and of lags."""
    empirical, best = measured.empirical, measured.comparison.best
    fits = [
        (
            _name(fit), f"{fit.model.nugget:.3f}", f"{fit.model.partial_sill:.3f}",
            _lag(fit.model.effective_range), f"{fit.rmse:.4f}", f"{fit.aic:.1f}", fit.outcome,
        )
        for fit in measured.comparison
    ]  # fmt: skip
    lags = [
        (_lag(low), _lag(high), f"{npairs:,}", _lag(lag), f"{value:.4f}", f"{spread:.4f}")
        for low, high, npairs, lag, value, spread in zip(
            empirical.bins.low, empirical.bins.high, empirical.npairs, empirical.lag, empirical.semivariance,
            empirical.spread, strict=True,
        )
    ]  # fmt: skip
    zero = empirical.colocated
    at_zero = f" with a mean dissimilarity of {zero.semivariance:.4f}" if zero.npairs else ""
    return {
        "fit_message": in_words(best.message),
        "fit_table": Table(("model", "#nugget", "#partial sill", "#range (km)", "#rmse", "#AIC", "outcome"), fits),
        "lag_table": Table(
            ("#from (km)", "#to (km)", "#pairs", "#mean lag (km)", "#semivariance", "#spread"), lags
        ),
        "lag_note": f"At zero lag: {zero.npairs:,} pairs{at_zero}. A-priori sill: {empirical.sill_apriori:.4f}. "
        f"Bins with fewer than {FEW_PAIRS} pairs are too few to read.",
    }  # fmt: skip


def _pairs(measured: Measured) -> dict[str, Any]:
    """Return the classes of pairs with their counts, and the strongest of two."""
    pairs, fit = measured.pairs, measured.comparison.best
    drawn = np.bincount(pairs.kind, minlength=len(KINDS))
    kinds = [
        {
            "name": name,
            "meaning": meaning,
            "colour": COLOURS[k],
            "count": f"{measured.counts[k]:,}",
            "drawn": f"{drawn[k]:,}",
        }
        for k, (name, meaning) in enumerate(KINDS)
    ]
    reason = "the effective range" if fit.converged else "half of the last bin, because no fitted range is to be had"
    return {
        "kinds": kinds,
        "grouped": measured.groups is not None,
        "threshold": f"{_lag(measured.classes.threshold)} km",
        "threshold_reason": reason,
        "nshown": f"{len(pairs.kind):,}",
        "strongest": f"{STRONGEST:,}",
        "nsampled": f"{pairs.nsampled:,}",
        "strongest_tables": [
            (f"Strongest {KINDS[k][0]}", _strongest(measured, k)) for k in (HARD_NEGATIVE, FALSE_NEGATIVE)
        ],
    }


def _strongest(measured: Measured, kind: int) -> Table:
    """Return the strongest pairs of a class as a table."""
    pairs, groups = measured.pairs, measured.groups
    names = ("#row a", "#row b", "#lag (km)", "#dissimilarity", "#expected", "#excess")
    rows = []
    for at in pairs.strongest(kind, _LISTED):
        ends = pairs.first[at], pairs.second[at]
        numbers = (
            _lag(float(pairs.lag[at])),
            *(f"{of[at]:.3f}" for of in (pairs.dissimilarity, pairs.expected, pairs.excess)),
        )
        labels = () if groups is None else tuple(_label(groups.names, int(groups.codes[end])) for end in ends)
        rows.append((*(f"{measured.rows[end]}" for end in ends), *numbers, *labels))
    return Table(names if groups is None else (*names, "group a", "group b"), rows)


def _label(names: tuple[str, ...], code: int) -> str:
    """Return the label of a point, empty for none."""
    return "" if code < 0 else _cut(names[code])


def _cut(text: str) -> str:
    """Return a text, cut where it is very long."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _settings(measured: Measured, precision_km: float | None) -> list[tuple[str, str]]:
    """Return how all was measured."""
    empirical, bins, pairs = measured.empirical, measured.empirical.bins, measured.pairs
    looked_at = f"{len(measured.rows):,} of {measured.source.total:,}"
    rounded = "as given" if precision_km is None else f"rounded to {precision_km:g} km; lags of single pairs as well"
    excluded = "none" if measured.groups is None else f"within one of {len(measured.groups.names):,} groups"
    return [
        ("points looked at", ", ".join(filter(None, (looked_at, measured.source.left_out)))),
        ("embeddings", f"{measured.entries:,} entries, {measured.dtype}"),
        ("dissimilarity", f"{empirical.dissimilarity} (1 - cos)"),
        ("lag", "geodesic on WGS84"),
        ("estimator", empirical.estimator),
        ("bins", f"{len(bins)}, {_lag(bins.edges[0])} to {_lag(bins.edges[-1])} km"),
        ("pairs left out", excluded),
        ("models compared", ", ".join(sorted(_name(fit) for fit in measured.comparison))),
        ("weights of the bins", measured.comparison.best.weights),
        ("pairs drawn", f"{len(pairs.kind):,}, of which {pairs.nsampled:,} were chosen at random (seed 0)"),
        ("places shown", rounded),
    ]
