"""What each way to make a variogram of these points would cost, and the next line to write."""

from dataclasses import dataclass

from variogeo._cards import settings_html
from variogeo._cores import usable_cores
from variogeo._engine._cost import LARGEST_SECONDS, Cost, cost_of
from variogeo._usable_lags import UsableLags
from variogeo.checkup._findings import Finding

DROPPED = {"missing coordinates", "missing embeddings", "zero vectors"}
"""Errors that ``missing="drop"`` cures."""

_SAMPLED = 2_000_000
"""Pairs of the sample that is offered."""

_POINT, _PAIR, _ENTRY = 15e-6, 1e-6, 4e-9
"""Seconds of a sample for each point, each pair and each entry of a pair: from 4.5 s for 20 000 points x 64 to 10.7 s
for 100 000 x 512 with the sample above, on two cores that were shared."""


@dataclass(frozen=True)
class Way:
    """One way to make an empirical variogram of the points, with its cost on this machine.

    Parameters
    ----------
    name : str
        What it looks at.
    arguments : str
        What is added to the call of `variogeo.empirical_variogram`; empty for the plain call.
    seconds : float
        Time, to within a factor of about three.
    bytes : float
        Memory beyond that of the points themselves.
    """

    name: str
    arguments: str
    seconds: float
    bytes: float

    def __str__(self) -> str:
        return f"{self.name}: {self.cost}"

    @property
    def cost(self) -> str:
        """Time and memory as text."""
        if self.seconds < 1:
            return f"less than a second and {self.bytes / 2**30:.1f} GB of memory"
        return str(Cost(self.seconds, self.bytes))

    _repr_html_ = settings_html


def ways_of(n: int, width: int) -> tuple[Way, ...]:
    """Return the ways for n points with embeddings of this width."""
    cores = usable_cores()
    every, means = (cost_of(n, width, spread=spread, cores=cores) for spread in (True, False))
    sampled = min(_SAMPLED, n * (n - 1) // 2)
    seconds = n * _POINT + sampled * (_PAIR + width * _ENTRY)
    sample = f"pairs=variogeo.StratifiedPairs({_SAMPLED:_}, seed=0)"
    return (
        Way("all pairs", "", every.seconds, every.bytes),
        Way("all pairs, counts and means only", "spread=False", means.seconds, means.bytes),
        Way("a sample of the pairs", sample, seconds, means.bytes + 64.0 * sampled),
    )


def cost_findings(ways: tuple[Way, ...]) -> list[Finding]:
    """Say that all pairs would take too long."""
    if not ways or ways[0].seconds <= LARGEST_SECONDS:
        return []
    way = affordable(ways)
    text = (
        f"All pairs would take {ways[0].cost}. A run of more than an hour is refused unless "
        f"it is asked for. Pass {way.arguments}, or an executor and a folder to resume from."
    )
    return [Finding("warning", "many pairs", text)]


def next_lines(lags: UsableLags | None, ways: tuple[Way, ...], findings: list[Finding]) -> tuple[str, ...]:
    """Return the lines of code to write next; none where a finding has to be dealt with first that no option cures."""
    errors = {finding.name for finding in findings if finding.level == "error"}
    if lags is None or not ways or errors - DROPPED:
        return ()
    low, high = lags.limits
    way = affordable(ways)
    more = f", {way.arguments}" if way.arguments else ""
    lines = [f"bins = variogeo.LagBins.logarithmic({low:g}, {high:g}, {lags.count})"]
    if errors:
        dropped = 'points = variogeo.io.points_from_arrays(lonlat, embeddings, missing="drop")'
        return (dropped, *lines, f"empirical = variogeo.empirical_variogram(*points, bins{more})")
    return (*lines, f"empirical = variogeo.empirical_variogram(lonlat, embeddings, bins{more})")


def affordable(ways: tuple[Way, ...]) -> Way:
    """Return the first way of less than an hour, or the last."""
    return next((way for way in ways if way.seconds <= LARGEST_SECONDS), ways[-1])
