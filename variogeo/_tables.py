"""An empirical variogram as a table: of pandas, as text, and for notebooks."""

from typing import TYPE_CHECKING, Any

from variogeo._html import card, folded, sparkline, table_html

if TYPE_CHECKING:
    import pandas as pd

FEW_PAIRS = 30
"""Below this number of pairs a bin is too uncertain to read (Journel & Huijbregts 1978, p. 194)."""


def frame_of(empirical: Any) -> "pd.DataFrame":
    """Return one row per bin."""
    import pandas as pd

    return pd.DataFrame({"low": empirical.bins.low, "high": empirical.bins.high, **_columns(empirical)})


def text_of(empirical: Any) -> str:
    """Return what it is in one line, then one line per bin and what holds for all."""
    bins, npairs = empirical.bins, empirical.npairs
    lines = [_headline(empirical), "       low      high      npairs       lag  semivariance    spread"]
    columns = zip(bins.low, bins.high, *_columns(empirical).values(), strict=True)
    for low, high, number, lag, semivariance, spread in columns:
        few = " *" if number < FEW_PAIRS else ""
        lines.append(f"{low:10.4g}{high:10.4g}{number:12d}{lag:10.4g}{semivariance:14.5g}{spread:10.4g}{few}")
    if (npairs < FEW_PAIRS).any():
        lines.append(f"* fewer than {FEW_PAIRS} pairs")
    zero = empirical.colocated
    lines.append(f"at zero lag: {zero.npairs} pairs, semivariance {zero.semivariance:.5g}")
    lines.append(f"a-priori sill: {empirical.sill_apriori:.5g}")
    return "\n".join(lines)


def html_of(empirical: Any) -> str:
    """Return a card with its curve, what holds for all bins, and its bins when they are asked for."""
    zero, bins = empirical.colocated, empirical.bins
    curve = sparkline(empirical.lag, empirical.semivariance, label="semivariance over lag")
    rows = [("a-priori sill", empirical.sill_apriori), ("pairs at zero lag", int(zero.npairs))]
    rows += [("semivariance at zero lag", zero.semivariance)] if zero.npairs else []
    columns = {"low (km)": bins.low, "high": bins.high, **_columns(empirical)}
    table = table_html(list(columns), zip(*columns.values(), strict=True))
    few = int((empirical.npairs < FEW_PAIRS).sum())
    note = f"{few} bins with fewer than {FEW_PAIRS} pairs. " if few else ""
    note += _headline(empirical).partition(": ")[2].removesuffix(">")
    return card("EmpiricalVariogram", curve, table_html((), rows), folded(f"{len(bins)} bins", table), note=note)


def _columns(empirical: Any) -> dict[str, Any]:
    """Return the measured columns by name."""
    return {name: getattr(empirical, name) for name in ("npairs", "lag", "semivariance", "spread")}


def _headline(empirical: Any) -> str:
    """Return what an empirical variogram is, in one line."""
    edges, patches = empirical.edges, empirical.patches
    notes = [
        f"{len(empirical.bins)} bins {edges[0]:g}..{edges[-1]:g} km", f"{empirical.npairs.sum()} pairs",
        empirical.dissimilarity, empirical.estimator, empirical.metric,
    ]  # fmt: skip
    if empirical.sampling is not None:
        notes.insert(2, "sampled")
    if empirical.sums.has_weights:
        notes.append("weighted")
    if patches is not None:
        notes.append(f"{patches.count} patches")
    return f"<EmpiricalVariogram: {', '.join(notes)}>"
