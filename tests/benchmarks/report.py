"""The report: docs/benchmarks.md and its picture, from the measurements kept: ``python -m benchmarks.report``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import settings
from benchmarks.cases import MILLION, SIZES, Case, memory_cases, time_cases
from benchmarks.figure import draw
from benchmarks.machine import describe
from benchmarks.measure import Store
from benchmarks.photos import positions

IMPORT = "import"
PEER_TEXT = {
    "floor": "product of all pairs (sgemm floor)",
    "thesis": "public thesis way",
    "skgstat": "scikit-gstat, vector differences given (chord)",
    "gstools": "gstools_core, 512 fields",
    "torch": "torch eager, tiles",
    "treecorr": "TreeCorr exact, ONE column",
    "pyproj": "pyproj, all pairs (counts only)",
    "sphere": "ours, great circle",
    "dask": "ours, Dask with 2 workers",
    "variogeo": "ours",
}
ENGINE = {True: "all moments", False: "`spread=False`"}
_MISSING = "not measured"

_HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. Exact variograms of unit vectors, d = 512 float32, over all pairs.
`u5000/K`: K equal bins to 5 000 km; `log/30`: 30 from 1 to 20 000 km. *All moments* is the default, pair by pair;
`spread=False` gives counts, mean lags and mean semivariances, by the dual tree where that pays.

A peer and ours run in turn in one process on the same photos: a ratio is one of the same run. Given are the median
and, in brackets, the smallest and largest of the rounds. The floor is the time that numpy needs for the products
alone, n<sup>2</sup>/2 pairs of 2 d operations at the rate of 4096 x 512 x 4096 float32 blocks on all cores, measured
before each round. OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are unset. All results but the floor's are compared: see the
last columns of *Peers*. The peers find counts and means, as ours does with `spread=False`; TreeCorr finds them for one
column. A million photos are measured with BENCH_LARGE=1 only.
"""


@dataclass(frozen=True)
class Line:
    """A line of the reach table.

    Attributes
    ----------
    work : str
    values : callable
        Gives the rounds from the store; empty when it is not measured.
    need, aim : float
        What must be reached, and what is aimed at.
    unit : str
    more : bool
        Whether more is better.
    """

    work: str
    values: Callable[[Store], list[float]]
    need: float
    aim: float
    unit: str
    more: bool = False

    def row(self, store: Store) -> str:
        """Return the line of the table."""
        sign = ">=" if self.more else "<="
        wanted = [f"{sign} {limit:g} {self.unit}" if np.isfinite(limit) else "" for limit in (self.need, self.aim)]
        rounds = self.values(store)
        return f"| {self.work} | {wanted[0]} | {wanted[1]} | {_several(rounds, self.unit)} | {self._verdict(rounds)} |"

    def _verdict(self, rounds: list[float]) -> str:
        if not rounds:
            return ""
        for limit, verdict in ((self.aim, "aim"), (self.need, "yes")):
            reached = np.median(rounds) >= limit if self.more else np.median(rounds) <= limit
            if np.isfinite(limit) and reached:
                return verdict
        return "**no**"


def reach() -> list[Line]:
    """Return the lines of the reach table."""
    large, none = 100_000, np.nan
    tree = Case("floor", large, "u5000/15", "geodesic", spread=False)
    million = replace(tree, n=MILLION)
    wgs = Case("sphere", 50_000, "u5000/15", "geodesic")
    return [
        *(
            Line(f"all moments, n = 100k, u5000/{k}, against the floor", _slower(replace(tree, bins=f"u5000/{k}",
                 spread=True)), 2.0, 1.3, "x")
            for k in (15, 50)
        ),
        Line("dual tree, n = 100k, u5000/15, against the floor", _slower(tree), 0.6, 0.25, "x"),
        Line("1M photos, counts and means, u5000/15: time", _seconds(million), 240, 60, "s"),
        Line("1M photos: peak memory beyond the embeddings", _memory(million), 2950, none, "MB"),
        Line("WGS84 against great circle, n = 50k, all moments", _slower(wgs), 1.5, 1.1, "x"),
        Line("WGS84 against great circle, n = 50k, `spread=False`", _slower(replace(wgs, spread=False)), 1.5, 1.1, "x"),
        Line("WGS84 against pyproj on all pairs, n = 20k", _faster(Case("pyproj", 20_000, metric="geodesic")),
             80, 300, "x", more=True),
        *_beside("thesis way, 50 bins, n = 10k", Case("thesis", 10_000), 80),
        *_beside("thesis way, its 3142 bins, n = 2k", Case("thesis", 2000, "rad/3142"), 500),
        *_beside("gstools_core, 512 fields, n = 5k", Case("gstools", 5000), 250),
        *_beside("scikit-gstat, n = 10k", Case("skgstat", 10_000, metric="chord"), 80),
        Line("TreeCorr exact, one column, n = 20k, against all 512", _faster(Case("treecorr", 20_000, spread=False)),
             1, 3, "x", more=True),
        Line("peak memory beyond the photos, 100k, all moments", _memory(replace(tree, spread=True)), 256, none, "MB"),
        Line("Dask with 2 workers against threads, n = 50k", _peer_slower(Case("dask", 50_000, "u5000/15", "geodesic")),
             1.3, none, "x"),
        Line("`import variogeo`", lambda store: (store.read(IMPORT) or {}).get("seconds", []), 0.2, none, "s"),
    ]  # fmt: skip


def _beside(work: str, case: Case, need: float) -> list[Line]:
    """Return the lines of a peer that finds counts and means: beside ours with no more, and with all moments."""
    return [
        Line(f"{work}{text}", _faster(replace(case, spread=spread)), need, np.nan, "x", more=True)
        for text, spread in ((", same results (`spread=False`)", False), (", against all moments", True))
    ]


def memory_name(case: Case) -> str:
    """Return the name under which a case's memory is kept."""
    return f"memory-{case}"


def render(store: Store, source: str) -> str:
    """Return the whole document."""
    return "\n".join(
        [
            _HEAD,
            f"Photos: {source}.\n",
            *(f"- {line}" for line in describe()),
            "\n## Reach\n",
            "| work | required | aim | measured | reached |",
            "|---|---|---|---|---|",
            *(line.row(store) for line in reach()),
            "\n## Time\n",
            "![Time over the number of photos](images/benchmarks.png)\n",
            "Seconds, the median of the rounds.\n",
            *_time_table(store),
            "\n## Peers\n",
            "*Apart*: pairs in another bin than ours. *Difference*: the largest in semivariance; peers that multiply",
            "in float32 carry its rounding. A share is a measured part of the work, its time divided by the share.\n",
            *_peer_table(store),
            "\n## Memory\n",
            "Peak of the call beyond the photos, in a fresh process after a small call (VmHWM, Linux).\n",
            *_memory_table(store),
            "",
        ]
    )


def main() -> None:
    """Write the report: into docs, or for a short run beside its measurements."""
    store = Store(settings.RESULTS)
    folder = settings.RESULTS if settings.SHORT else settings.REPO / "docs"
    write(store, folder, positions(MILLION if settings.LARGE else SIZES[-1])[1])
    if store.outdated():
        print(f"{len(store.outdated())} measurements are of other sources than now: BENCH_FRESH=1 discards all.")


def write(store: Store, folder: Path, source: str) -> None:
    """Write benchmarks.md and images/benchmarks.png into a folder."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text(render(store, source))
    (folder / "images" / "benchmarks.png").write_bytes(draw(store))
    print(f"wrote {folder / 'benchmarks.md'}")


def _time_table(store: Store) -> Iterator[str]:
    """Yield the rows: our engines, then the floor and the peers, in seconds."""
    cases = [case for case in time_cases() if case.bins != "rad/3142"]
    sizes = sorted({case.n for case in cases})
    yield "| | bins | lag | " + " | ".join(f"{n:,}" for n in sizes) + " |"
    yield "|---|---|---|" + "--:|" * len(sizes)
    ours = {(case.spread, case.bins, case.metric): case for case in cases if case.peer == "floor"}
    for (spread, bins, metric), case in sorted(ours.items(), key=lambda item: not item[0][0]):
        cells = [_median(store.read(str(replace(case, n=n))), "ours_s") for n in sizes]
        yield f"| ours, {ENGINE[spread]} | {bins} | {metric} | " + " | ".join(cells) + " |"
    for peer in dict.fromkeys(case.peer for case in cases if case.peer not in ("sphere", "dask")):
        case = next(case for case in cases if case.peer == peer)
        cells = [_median(store.read(str(replace(case, n=n))), "peer_s") for n in sizes]
        shown = ("", "") if peer == "floor" else (case.bins, case.metric)
        yield f"| {PEER_TEXT[peer]} | {shown[0]} | {shown[1]} | " + " | ".join(cells) + " |"


def _peer_table(store: Store) -> Iterator[str]:
    """Yield the rows: each peer and size with its ratio and how far the results differ."""
    yield "| peer | n | bins | peer, s | ours, s | peer / ours | share | apart | difference |"
    yield "|---|--:|---|--:|--:|--:|--:|--:|--:|"
    for case in time_cases():
        record = store.read(str(case)) if case.peer != "floor" else None
        if record is None:
            continue
        name = PEER_TEXT[case.peer] + ("" if case.spread else f" (ours: {ENGINE[False]})")
        share = "all" if record["peer_share"] == 1 else f"{record['peer_share']:.1%}"
        apart = "" if record["pairs_apart"] is None else f"{record['pairs_apart']}"
        gap = "" if record["difference"] is None else f"{record['difference']:.0e}"
        seconds = f"{_median(record, 'peer_s')} | {_median(record, 'ours_s')}"
        ratio = _several([1 / one for one in _ratios(record)], "x")
        yield f"| {name} | {case.n:,} | {case.bins} | {seconds} | {ratio} | {share} | {apart} | {gap} |"


def _memory_table(store: Store) -> Iterator[str]:
    yield "| | n | embeddings, MB | peak beyond, MB |"
    yield "|---|--:|--:|--:|"
    for case in memory_cases():
        record = store.read(memory_name(case))
        if record is None:
            continue
        engine = f", {ENGINE[case.spread]}" if case.peer == "variogeo" else ""
        name = PEER_TEXT[case.peer] + engine
        yield f"| {name} | {case.n:,} | {record['embeddings_mb']:.0f} | {record['peak_mb']:,.0f} |"


def _ratios(record: dict[str, Any] | None) -> list[float]:
    """Return ours over the peer by round; a peer timed less often counts with its last time."""
    if record is None:
        return []
    peer = record["peer_s"]
    return [seconds / peer[min(i, len(peer) - 1)] for i, seconds in enumerate(record["ours_s"])]


def _slower(case: Case) -> Callable[[Store], list[float]]:
    return lambda store: _ratios(store.read(str(case)))


def _peer_slower(case: Case) -> Callable[[Store], list[float]]:
    return lambda store: [1 / ratio for ratio in _ratios(store.read(str(case)))]


_faster = _peer_slower


def _seconds(case: Case) -> Callable[[Store], list[float]]:
    return lambda store: (store.read(str(case)) or {}).get("ours_s", [])


def _memory(case: Case) -> Callable[[Store], list[float]]:
    name = memory_name(replace(case, peer="variogeo"))
    return lambda store: [record["peak_mb"]] if (record := store.read(name)) else []


def _several(values: list[float], unit: str) -> str:
    """Return the median and, of several rounds, the smallest and largest."""
    if not values:
        return _MISSING
    text = f"{_number(np.median(values))} {unit}"
    return text if len(values) == 1 else f"{text} ({_number(min(values))} - {_number(max(values))})"


def _median(record: dict[str, Any] | None, column: str) -> str:
    return _number(np.median(record[column])) if record else ""


def _number(value: Any) -> str:
    """Return three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{float(f'{value:.3g}'):g}" if value >= 1e-3 else f"{value:.1e}"


if __name__ == "__main__":
    main()
