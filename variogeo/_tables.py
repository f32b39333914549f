"""An empirical variogram as a table: of pandas, and as text."""

from typing import TYPE_CHECKING, Any

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
