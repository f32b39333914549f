"""What a reader should know before the numbers: what `variogeo.check` finds, the fit, what was left out."""

from dataclasses import replace

from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import VariogramFit
from variogeo._tables import FEW_PAIRS
from variogeo.checkup import Checkup, Finding
from variogeo.checkup._source_rows import SourceRows
from variogeo.reporting._words import in_words

_OF_OTHER_RUNS = "many pairs"
"""A finding about the time that all pairs would take, which a report does not take."""


def where_to_fit(fit: VariogramFit) -> str:
    """Return where the arguments are to be had that a message names and a report has not."""
    if not any(name in fit.message for name in ("fixed=", "bounds=")):
        return ""
    return " A report takes no such arguments: variogeo.fit_variogram does, with the variogram of these bins."


def findings_of(
    checkup: Checkup, empirical: EmpiricalVariogram, fit: VariogramFit, *, looked_at: int, source: SourceRows
) -> tuple[Finding, ...]:
    """Return what is known of the data, then of the curve."""
    found = [source.numbered(finding) for finding in checkup.findings if finding.name != _OF_OTHER_RUNS]
    found += source.finding()
    if looked_at < checkup.rows:
        text = f"{looked_at:,} of {checkup.rows:,} points were looked at, chosen at random (seed 0)."
        found.append(Finding("note", "some points", text))
    if not fit.converged:
        found.append(Finding("warning", f"fit: {fit.outcome}", f"{fit.message}{where_to_fit(fit)}"))
    few = int(((empirical.npairs > 0) & (empirical.npairs < FEW_PAIRS)).sum())
    if few:
        text = f"{few} of {len(empirical.bins)} lag bins hold fewer than {FEW_PAIRS} pairs: too few to read."
        found.append(Finding("warning", "few pairs", text))
    order = ("error", "warning", "note")
    said = [replace(finding, text=in_words(finding.text)) for finding in found]
    return tuple(sorted(said, key=lambda finding: order.index(finding.level)))
