"""What a run will cost, before anything is allocated."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

from variogeo._cores import usable_cores
from variogeo._engine._job import engine_of

LARGEST_SECONDS = 3600.0
"""A longer run must be asked for."""

_PAIR, _ENTRY = 10e-9, 0.022e-9
"""Seconds of one core for a pair, and for each entry of its product (docs/benchmarks.md)."""

_TREE_PAIRS = 5e8, 1.55
"""Pairs whose cost is that of the dual tree of 100 000 points, and the power of n with which they grow."""

_BLOCKS, _SPARE = 2**28, 2**26
"""Bytes of all blocks in use, and of everything else."""


@dataclass(frozen=True)
class Cost:
    """Time and memory of a run on this machine, to within a factor of about three."""

    seconds: float
    bytes: float

    def __str__(self) -> str:
        units = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (0.0, "seconds"))
        least, unit = next((least, unit) for least, unit in units if self.seconds >= 2 * least)
        return f"about {self.seconds / (least or 1.0):.0f} {unit} and {self.bytes / 2**30:.1f} GB of memory"


def cost_of(n: int, width: int, *, spread: bool, cores: int) -> Cost:
    """Return the cost of all pairs of n points, beyond the points themselves."""
    pairs = n * (n - 1) / 2
    if engine_of(n, width, spread=spread) == "tree":
        formed, power = _TREE_PAIRS
        pairs = min(pairs, formed * (n / 1e5) ** power)
    rows = n * (8 * 4 + 24)
    return Cost(pairs * (_PAIR + width * _ENTRY) / cores, rows + _BLOCKS + _SPARE)


def check_cost(n: int, width: int, *, spread: bool) -> None:
    """Refuse a run of more than an hour, and name the ways out."""
    cores = usable_cores()
    cost = cost_of(n, width, spread=spread, cores=cores)
    if cost.seconds <= LARGEST_SECONDS:
        return
    ways = ["a sample of the pairs, with its standard error: pairs=StratifiedPairs(2_000_000, seed=0)"]
    means = cost_of(n, width, spread=False, cores=cores)
    if means.seconds < cost.seconds:
        ways.insert(0, f"spread=False, {means}, for counts and means of all pairs")
    ways.append("a folder to go on from after a stop, and more machines: resume=folder, executor=client")
    ways.append("pairs='all', to run it here as it is")
    listed = "; ".join(f"({letter}) {way}" for letter, way in zip("abcd", ways, strict=False))
    msg = f"All {n * (n - 1) / 2:.2g} pairs of {n} points would take {cost} on {cores} cores. Pass {listed}."
    raise ValueError(msg)


def check_cost_alone(n: int, width: int, *, slower: float = 1.0, share: Callable[[], float] = lambda: 1.0) -> None:
    """Refuse a run of more than an hour of a function that has no way to sample or to go on later.

    ``slower`` is its time over that of all moments, ``share`` gives the share of pairs that it looks at; it is asked
    only where all pairs would take too long.
    """
    cores = usable_cores()
    cost = cost_of(n, width, spread=True, cores=cores)
    seconds = slower * cost.seconds
    if seconds > LARGEST_SECONDS:
        seconds *= share()
    if seconds <= LARGEST_SECONDS:
        return
    part = ceil(sqrt(seconds / LARGEST_SECONDS))
    msg = (
        f"The pairs of {n} points would take {Cost(seconds, cost.bytes)} on {cores} cores. "
        f"Pass one point in {part}, e.g. lonlat[::{part}] and all columns likewise, or shorter bins."
    )
    raise ValueError(msg)
