"""Ours and a peer in turn on the same photos, and what is kept of it."""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import settings
from benchmarks.cases import BINS, Case
from benchmarks.peers import PEERS, Outcome
from benchmarks.photos import Photos
from variogeo import EmpiricalVariogram, empirical_variogram

_WARM = 20_000
"""Most photos of the untimed call before a case: enough that it takes the way of larger calls."""
_WARM_OTHERS = 200

_warmed: set[tuple[object, ...]] = set()


class Contest:
    """A case under way: `peer` before each round of `ours`.

    Parameters
    ----------
    case : Case
    photos : Photos
    """

    def __init__(self, case: Case, photos: Photos) -> None:
        self.case, self.photos = case, photos
        self.outcome = Outcome()
        self.peer_seconds: list[float] = []

    def ours(self) -> EmpiricalVariogram:
        """Return our variogram."""
        return ours(self.photos, self.case)

    def peer(self) -> None:
        """Run and time the peer, as often as the case says; seconds are those of the whole work."""
        if len(self.peer_seconds) >= self.case.peer_rounds:
            return
        start = time.perf_counter()
        self.outcome = PEERS[self.case.peer](self.photos, self.case)
        self.peer_seconds.append((time.perf_counter() - start) / self.outcome.share)

    def warm(self) -> None:
        """Compile, import and start threads, once for each way that a call can take."""
        case = self.case
        count = min(case.n, _WARM)
        peer_count = count if case.peer in ("sphere", "dask") else _WARM_OTHERS
        way = (case.bins, case.metric, case.spread)
        for key, first, call in (("ours", count, ours), (case.peer, peer_count, PEERS[case.peer])):
            if (key, first, *way) not in _warmed:
                call(self.photos.first(first), case)
                _warmed.add((key, first, *way))

    def record(self, found: EmpiricalVariogram, seconds: Sequence[float]) -> dict[str, Any]:
        """Return what is kept: all rounds, and how far the two results differ."""
        return {
            "ours_s": list(seconds),
            "peer_s": self.peer_seconds,
            "peer_share": self.outcome.share,
            **differences(found, self.outcome),
        }


@contextlib.contextmanager
def contest(case: Case, photos: Photos) -> Iterator[Contest]:
    """Give a contest, with two Dask workers where the peer needs them."""
    with _two_workers() if case.peer == "dask" else contextlib.nullcontext():
        started = Contest(case, photos)
        started.warm()
        yield started


def ours(photos: Photos, case: Case) -> EmpiricalVariogram:
    """Return our variogram of the photos."""
    return empirical_variogram(
        photos.lonlat, photos.embeddings, BINS[case.bins], metric=case.metric, spread=case.spread
    )


def differences(found: EmpiricalVariogram, outcome: Outcome) -> dict[str, Any]:
    """Return how many pairs are in another bin, and the largest difference in semivariance."""
    npairs, total = found.npairs.copy(), np.nan_to_num(found.semivariance) * found.npairs
    if outcome.zero_lag_included and found.edges[0] == 0:
        npairs[0] += found.colocated.npairs
        total[0] += np.nan_to_num(found.colocated.semivariance) * found.colocated.npairs
    apart = None if outcome.npairs is None else int(np.abs(npairs - outcome.npairs).sum())
    if outcome.semivariance is None:
        return {"pairs_apart": apart, "difference": None}
    filled = npairs > 0
    gap = np.abs(total[filled] / npairs[filled] - outcome.semivariance[filled])
    return {"pairs_apart": apart, "difference": float(gap.max())}


class Store:
    """Measurements by case, one JSON file each, written when the case ends.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a measurement, or None."""
        file = self._file(name)
        return json.loads(file.read_text()) if file.exists() else None

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Keep a measurement, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._file(name).with_suffix(".part")
        part.write_text(json.dumps({**record, "sources": sources()}, indent=1))
        part.replace(self._file(name))

    def discard(self) -> None:
        """Forget all measurements."""
        for file in self.folder.glob("*.json"):
            file.unlink()

    def outdated(self) -> list[str]:
        """Return the names of measurements of other sources than those of now."""
        return sorted(file.stem for file in self.folder.glob("*.json") if self.read(file.stem)["sources"] != sources())

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def sources() -> str:
    """Return a digest of the package's sources."""
    digest = hashlib.sha256()
    for file in sorted((settings.REPO / "variogeo").rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _two_workers() -> Iterator[None]:
    """Start two worker processes of one thread each, as the default Dask client."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        yield
