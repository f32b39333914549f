"""What is measured: every case is one call of ours beside one peer, on the same photos."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks import settings
from variogeo import LagBins
from variogeo._distances import EARTH_RADIUS

BINS = {
    "u5000/15": LagBins.linear(0, 5000, 15),
    "u5000/50": LagBins.linear(0, 5000, 50),
    "log/30": LagBins.logarithmic(1, 20_000, 30),
    "rad/3142": LagBins(EARTH_RADIUS * 0.001 * np.arange(3143)),
}
SIZES = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
LARGEST_SHORT = 5000
MILLION = 1_000_000


@dataclass(frozen=True)
class Case:
    """One call of ours and its peer.

    Attributes
    ----------
    peer : str
        Name in `benchmarks.peers.PEERS`; for a memory case ``variogeo`` means ours.
    n : int
        Number of photos.
    bins : str
        Name in `BINS`.
    metric, spread
        Passed to `empirical_variogram`.
    rounds : int
        How often ours is timed.
    peer_rounds : int
        How often the peer is timed, each time before a round of ours.
    """

    peer: str
    n: int
    bins: str = "u5000/50"
    metric: str = "great_circle"
    spread: bool = True
    rounds: int = 5
    peer_rounds: int = 5

    def __str__(self) -> str:
        engine = "blocked" if self.spread else "tree"
        return f"{self.peer}-{self.n}-{self.bins.replace('/', 'x')}-{self.metric}-{engine}"


_SMALL = 20_000
"""Photos up to which both metrics are timed with all bins."""


def time_cases() -> list[Case]:
    """Return the cases that are timed."""
    cases = _against_peers()
    cases += [
        _against_floor(n, bins, metric, spread)
        for n in SIZES
        for bins, metric, spread in _ways()
        if metric == "geodesic" or n <= _SMALL
    ]
    if settings.LARGE:
        cases.append(Case("floor", MILLION, "u5000/15", "geodesic", False, 1, 1))
    return _kept(cases)


def memory_cases() -> list[Case]:
    """Return the cases whose peak memory is measured, each in a process of its own."""
    ours = [Case("variogeo", n, "u5000/15", "geodesic", spread) for n in SIZES[2:] for spread in (True, False)]
    peers = [Case(peer, 5000) for peer in ("thesis", "torch", "gstools", "treecorr")]
    cases = [*ours, *peers, Case("skgstat", 5000, metric="chord")]
    if settings.LARGE:
        cases.append(Case("variogeo", MILLION, "u5000/15", "geodesic", False))
    return _kept(cases)


def _ways() -> list[tuple[str, str, bool]]:
    """Return all bins, metrics and engines."""
    return [
        (bins, metric, spread)
        for bins in ("u5000/15", "u5000/50", "log/30")
        for metric in ("geodesic", "great_circle")
        for spread in (True, False)
    ]


def _against_floor(n: int, bins: str, metric: str, spread: bool) -> Case:
    rounds = 5 if n <= 5000 else 3 if n <= 20_000 else 1
    return Case("floor", n, bins, metric, spread, rounds, rounds)


def _against_peers() -> list[Case]:
    """Return the cases against other libraries, with fewer rounds where a peer is slow."""
    cases = []
    for peer, metric, sizes in (
        ("thesis", "great_circle", SIZES[:4]),
        ("skgstat", "chord", SIZES[:4]),
        ("gstools", "great_circle", SIZES[:3]),
        ("torch", "great_circle", SIZES[:5]),
    ):
        for n in sizes:
            slow = n >= 5000 and peer != "torch"
            cases.append(Case(peer, n, "u5000/50", metric, peer_rounds=1 if slow else 3))
    cases.append(Case("thesis", 2000, "rad/3142", peer_rounds=1))
    # They find counts and means only: ours with no more than that as well.
    like = {("thesis", 10_000), ("thesis", 2000), ("gstools", 5000), ("skgstat", 10_000)}
    cases += [replace(case, spread=False) for case in cases if (case.peer, case.n) in like]
    for n in SIZES[:5]:
        cases.append(Case("treecorr", n, "u5000/50", "great_circle", spread=False, peer_rounds=3))
    for n in SIZES[:5]:
        cases.append(Case("pyproj", n, "u5000/50", "geodesic", peer_rounds=1 if settings.LARGE else 3))
    cases += [Case("sphere", 50_000, "u5000/15", "geodesic", spread, 3, 3) for spread in (True, False)]
    cases.append(Case("dask", 50_000, "u5000/15", "geodesic", rounds=3, peer_rounds=3))
    return cases


def _kept(cases: list[Case]) -> list[Case]:
    """Return the cases of a short or a full run."""
    return [case for case in cases if not settings.SHORT or case.n <= LARGEST_SHORT]
