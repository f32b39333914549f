"""What notebooks show of a value: a card with its figures and a small curve. One function for each kind of value."""

import dataclasses
from typing import Any

import numpy as np

from variogeo._html import Html, card, folded, key_html, note_html, number, sparkline, table_html

_FARTHEST = 20_000.0
"""Lag (km) at which the curve of a scheme ends."""

_MOST_ROWS = 30
"""Rows of a table that are shown."""


def settings_html(value: Any) -> Html:
    """Return a card of the fields of a value, those of its own that are not given left out."""
    names = value._fields if hasattr(value, "_fields") else [field.name for field in dataclasses.fields(value)]
    given = [(name, getattr(value, name)) for name in names]
    return card(_name(value), table_html((), [(name, _short(one)) for name, one in given if one is not None]))


def text_html(value: Any) -> Html:
    """Return a card of what `print` shows."""
    return card(_name(value), note_html(str(value)))


def points_html(points: Any) -> Html:
    """Return a card of points with embeddings: how many, where, and what is known about them."""
    lonlat, embeddings = points.lonlat, points.embeddings
    some = (
        lonlat[np.unique(np.linspace(0, len(lonlat) - 1, min(len(lonlat), 300)).astype(np.intp))]
        if len(lonlat)
        else lonlat
    )
    low, high = (lonlat.min(axis=0), lonlat.max(axis=0)) if len(lonlat) else (np.full(2, np.nan),) * 2
    rows = [
        ("points", len(lonlat)),
        ("embeddings", f"{tuple(embeddings.shape)} {embeddings.dtype}"),
        ("longitude, latitude", f"{low[0]:.6g}..{high[0]:.6g}, {low[1]:.6g}..{high[1]:.6g}"),
        ("groups", None if points.groups is None else "a label for each point"),
        ("model_id", points.model_id),
        ("crs", points.crs),
        ("rows dropped", len(points.dropped) or None),
    ]
    places = sparkline(*some.T, marks="points", zero=False, unit="°", label="places: latitude over longitude")
    return card(_name(points), places, table_html((), [row for row in rows if row[1] is not None]))


def bins_html(bins: Any) -> Html:
    """Return a card of lag bins."""
    edges = ", ".join(number(float(edge)) for edge in bins.edges[:_MOST_ROWS])
    return card(f"{len(bins)} lag bins (low, high]", note=f"edges (km): {edges}{', ...' * (len(bins) >= _MOST_ROWS)}")


def model_html(model: Any) -> Html:
    """Return a card of a variogram model."""
    return card(_name(model), _curves([model]), _parameters(model), note=model.validity)


def fit_html(fit: Any) -> Html:
    """Return a card of a fit: dashed where it did not converge."""
    figures = [("rmse", fit.rmse), ("AIC", fit.aic), ("bins", fit.nbins), ("weights", fit.weights)]
    title = f"{_name(fit)}: {_name(fit.model)}, {fit.outcome}"
    return card(
        title, _curves([fit.model], dashed=not fit.converged), _parameters(fit.model, *figures), note=fit.message
    )


def fits_html(fits: Any) -> Html:
    """Return a card of several fits to one variogram, the best first."""
    models = [fit.model for fit in fits]
    names = [_name(model) for model in models]
    rows = [
        (name, fit.model.nugget, fit.model.sill, fit.model.effective_range, fit.rmse, fit.aic, fit.outcome)
        for name, fit in zip(names, fits, strict=True)
    ]
    headers = ("model", "nugget", "sill", "effective range (km)", "rmse", "AIC", "outcome")
    return card(_name(fits), _curves(models), key_html(names), table_html(headers, rows))


def cross_html(cross: Any) -> Html:
    """Return a card of a cross-variogram."""
    curve = sparkline(cross.lag, cross.semivariance, label="cross-semivariance over lag")
    headers = ("lag (km)", "pairs", "cross-semivariance", "codispersion")
    rows = zip(cross.lag, cross.npairs, cross.semivariance, cross.codispersion, strict=True)
    return card(_name(cross), curve, folded(f"{len(cross.bins)} bins", table_html(headers, rows)), note=_about(cross))


def directional_html(directional: Any) -> Html:
    """Return a card of the curves of azimuth sectors."""
    whole = directional.omnidirectional
    curves = [one.semivariance for _, one in directional]
    names = [f"{sector.azimuth:.4g}° ± {sector.tolerance:.3g}°" for sector, _ in directional]
    return card(
        f"{_name(directional)}: {len(directional)} sectors",
        sparkline(whole.lag, np.stack(curves), label="semivariance over lag, by azimuth"),
        key_html(names), note=_about(whole),
    )  # fmt: skip


def anisotropy_html(anisotropy: Any) -> Html:
    """Return a card of a curve whose range depends on the azimuth: along and across."""
    longest = anisotropy.model.effective_range
    lag = np.geomspace(anisotropy.ratio * longest / 30, 3 * longest, 60)
    along = [anisotropy(lag, anisotropy.azimuth + turn) for turn in (0.0, 90.0)]
    rows = [
        ("azimuth of the longest range (°)", anisotropy.azimuth), ("longest range (km)", longest),
        ("shortest over longest", anisotropy.ratio),
        ("rmse", anisotropy.rmse), ("rmse without direction", anisotropy.rmse_isotropic),
    ]  # fmt: skip
    marks = "line" if anisotropy.converged else "dashes"
    curve = sparkline(lag, np.stack(along), marks=marks, label="semivariance over lag, along and across")
    return card(_name(anisotropy), curve, key_html(("along", "across")), table_html((), rows), note=anisotropy.message)


def groups_html(grouped: Any) -> Html:
    """Return a card of the curves of groups."""
    lag = grouped.pooled.lag
    curves = np.stack([one.semivariance for one in grouped.variograms])
    rows = [(label, int(one.npairs.sum()), one.sill_apriori) for label, one in grouped]
    table = table_html(("group", "pairs", "a-priori sill"), rows[:_MOST_ROWS])
    skipped = f"skipped: {'; '.join(f'{label}: {why}' for label, why in grouped.skipped)}" if grouped.skipped else ""
    curve = sparkline(lag, curves, label="semivariance over lag, by group")
    title = f"{_name(grouped)}: {len(grouped)} groups"
    return card(title, curve, key_html(grouped.labels), folded("groups", table), note=skipped)


def uncertainty_html(uncertainty: Any) -> Html:
    """Return a card of a curve with its band."""
    empirical = uncertainty.empirical
    curve = sparkline(empirical.lag, empirical.semivariance, band=_limits(uncertainty.band()), label="95 % band")
    rows = [
        ("replicates", f"{len(uncertainty.replicates)} of the {uncertainty.method}"), ("patches", uncertainty.npatches),
        ("bins with ten and more effective patches", f"{int(uncertainty.reliable.sum())} of {len(empirical.bins)}"),
    ]  # fmt: skip
    return card(_name(uncertainty), curve, table_html((), rows), note=_about(empirical))


def intervals_html(intervals: Any) -> Html:
    """Return a card of a fitted model with the intervals of its parameters."""
    rows = [(name, *intervals[name]) for name in intervals.names]
    table = table_html(("parameter", "estimate", "standard error", "lower", "upper"), rows)
    fit = intervals.fit
    curve = _curves([fit.model], dashed=not fit.converged)
    return card(f"{_name(intervals)}: {intervals.level:.0%}, {intervals.method}", curve, table, note=intervals.message)


def permutation_html(test: Any) -> Html:
    """Return a card of a curve in the envelope of permuted places."""
    curve = sparkline(test.lag, test.semivariance, band=(test.low, test.high), zero=False, label="global envelope")
    rows = [("p-value", test.p_value), ("permutations", test.permutations),
            ("bins outside", f"{int(test.outside.sum())} of {len(test.bins)}")]  # fmt: skip
    return card(_name(test), curve, table_html((), rows), note=f"{test.level:.0%} global envelope, seed {test.seed}")


def envelope_html(envelope: Any) -> Html:
    """Return a card of an envelope."""
    number_of = np.arange(1, len(envelope.central) + 1)
    curve = sparkline(number_of, envelope.central, band=(envelope.low, envelope.high), zero=False, unit="(bin)")
    return card(_name(envelope), curve, table_html((), [("p-value", envelope.p_value), ("level", envelope.level)]))


def group_tests_html(comparison: Any) -> Html:
    """Return a card of tests between the curves of groups."""
    curves = sparkline(comparison.edges[1:], comparison.difference, label="difference of semivariances over lag")
    names = [f"{first} less {second}" for first, second in comparison.pairs]
    rows = list(zip(names, comparison.p_value, comparison.p_holm, strict=True))[:_MOST_ROWS]
    return card(_name(comparison), curves, key_html(names), table_html(("groups", "p-value", "p (Holm)"), rows))


def weight_effect_html(comparison: Any) -> Html:
    """Return a card of a curve with and without weights of points."""
    plain, weighted = comparison.unweighted, comparison.weighted
    curves = sparkline(plain.lag, np.stack([plain.semivariance, weighted.semivariance]), label="semivariance over lag")
    return card(_name(comparison), curves, key_html(("unweighted", "weighted")), note=_about(plain))


def scheme_html(scheme: Any) -> Html:
    """Return a card of a scheme: its log-weight over the lag, for several dissimilarities where it reads them."""
    lag = _lags_around([km for _, km in scheme.landmarks])
    lag = np.geomspace(min(lag[0], _FARTHEST / 30), min(lag[-1], _FARTHEST), len(lag))  # no lag is longer on Earth
    curve = getattr(scheme, "curve", None) or getattr(scheme, "model", None)
    sill = 1.0 if curve is None or curve.sill == 0 else curve.sill
    levels = [0.0, 0.5 * sill, sill] if getattr(scheme, "needs_dissimilarity", True) else [None]
    shown = np.stack(
        [np.broadcast_to(scheme(lag) if c is None else scheme(lag, np.full_like(lag, c)), lag.shape) for c in levels]
    )
    key = "" if levels == [None] else key_html([f"dissimilarity {number(c)}" for c in levels if c is not None])
    parts = [_name(part) for part in getattr(scheme, "parts", (scheme,))]
    what = "log-weight of a negative" if hasattr(scheme, "needs_dissimilarity") else "multiplier of a logit"
    turns = [(name, f"{number(float(km))} km") for name, km in scheme.landmarks]
    note = f"{what}; where the line breaks, negatives are taken out"
    return card(
        " + ".join(parts), sparkline(lag, shown, marks="line", label=what), key, table_html((), turns), note=note
    )


def kernel_html(kernel: Any) -> Html:
    """Return a card of a kernel over the lag."""
    lag = np.geomspace(1e-3, _FARTHEST, 400)
    decay = np.asarray(kernel(lag), dtype=np.float64)
    # From well before it begins to fall to well after it has fallen.
    start, end = np.searchsorted(-decay, (-0.995, -0.005))
    shown = (lag >= lag[max(start - 1, 0)] / 5) & (lag <= lag[min(end, 399)] * 5)
    fields = [(field.name, _short(getattr(kernel, field.name))) for field in dataclasses.fields(kernel)]
    curve = sparkline(lag[shown], decay[shown], marks="line", label="kernel over lag")
    return card(_name(kernel), curve, table_html((), fields))


def spread_html(spread: Any) -> Html:
    """Return a card of the spread of the dissimilarity over the lag."""
    return card(_name(spread), sparkline(spread.lag, spread.spread, label="spread over lag"))


def gallery_html(evaluation: Any) -> Html:
    """Return a card of places predicted within a gallery."""
    km = np.geomspace(1.0, 10_000.0, 80)
    errors = [np.sort(found) for found in (evaluation.error, evaluation.oracle_error)]
    shares = [100 * np.searchsorted(found, km, side="right") / max(len(found), 1) for found in errors]
    curve = sparkline(km, np.stack(shares), marks="line", label="share of photos (%) within a distance")
    rows = [(name, *figures) for name, figures in evaluation.figures().items()]
    table = table_html(("", "model", "oracle"), rows)
    return card(
        _name(evaluation), curve, key_html(("model", "oracle")), table, note="share of photos (%) within a distance"
    )


def experiment_html(result: Any) -> Html:
    """Return a card of an experiment: what each tested arm adds to its baseline."""
    arms = result.tested
    found = [result.difference(arm, "test") for arm in arms]
    p_values = result.adjusted_p_values(arms)
    order = np.arange(1, len(arms) + 1)
    limits = np.array([one.interval for one in found]).reshape(-1, 2)
    curve = sparkline(order, [one.estimate for one in found], band=_limits(limits), marks="points", unit="(arm)")
    rows = [
        (k, arm.title, arm.role, one.estimate, *one.interval, p_values[arm.name])
        for k, arm, one in zip(order, arms, found, strict=True)
    ]
    headers = ("", "arm", "role", "GeoScore less baseline", "lower", "upper", "p (Holm)")
    note = (
        f"{len(result.seeds)} seeds; 95 % for other seeds and other places; best baseline: {result.best_baseline.title}"
    )
    return card(_name(result), curve, table_html(headers, rows), note=note)


def _name(value: Any) -> str:
    """Return the name of a value's class; of a nested model those of its parts."""
    parts = [getattr(value, part) for part in ("first", "second") if hasattr(value, part) and hasattr(value, "nugget")]
    return " + ".join(type(part).__name__ for part in parts or [value])


def _short(value: Any) -> Any:
    """Return a field as a number or as a short text."""
    if isinstance(value, int | float):
        return value
    shape = getattr(value, "shape", None)
    return str(value) if shape is None else f"{tuple(shape)} {value.dtype}"


def _parameters(model: Any, *more: tuple[str, Any]) -> Html:
    """Return the parameters of a model, its sill, and more figures."""
    values = {**model.parameter_values, "sill": model.sill}
    rows = [(f"{name} (km)" if name.endswith("range") else name, one) for name, one in values.items()]
    return table_html((), [*rows, *more])


def _about(value: Any) -> str:
    """Return what a value says of itself in one line, without its brackets."""
    return repr(value).strip("<>")


def _curves(models: Any, *, dashed: bool = False) -> Html:
    """Return the curves of models from well before to beyond their effective ranges."""
    lag = _lags_around([model.effective_range for model in models])
    marks = "dashes" if dashed else "line"
    return sparkline(lag, np.stack([model(lag) for model in models]), marks=marks, label="semivariance over lag")


def _lags_around(turns: list[float]) -> Any:
    """Return lags (km) from well before the first turn to beyond the last."""
    inside = [lag for lag in turns if 0 < lag < np.inf]
    low, high = (min(inside) / 30, 5 * max(inside)) if inside else (1.0, _FARTHEST)
    return np.geomspace(low, high, 80)


def _limits(limits: Any) -> tuple[Any, Any]:
    """Return the lower and the upper limits of (n, 2)."""
    return limits[:, 0], limits[:, 1]
