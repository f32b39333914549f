"""The benchmarks' harness at a small size: every peer's numbers equal ours, and the report is written."""

import numpy as np
import pytest
from benchmarks import settings
from benchmarks.cases import BINS, Case, memory_cases, time_cases
from benchmarks.machine import describe
from benchmarks.measure import Contest, Store, contest, ours
from benchmarks.memory import peak_beyond
from benchmarks.peers import PEERS, correlate_column
from benchmarks.photos import Photos, embeddings
from benchmarks.report import memory_name, reach, render, write

from variogeo.synthetic import uniform_lonlat

COUNT, WIDTH = 300, 16
METRICS = {"skgstat": "chord", "pyproj": "geodesic", "dask": "geodesic"}


@pytest.fixture(scope="module")
def few():
    """Photos with near neighbours and five pairs at zero lag."""
    lonlat = uniform_lonlat(COUNT, seed=11)
    lonlat[100:200] = lonlat[:100] + np.random.default_rng(11).normal(0, 0.3, (100, 2)) * [1, 0.5]
    lonlat[:, 1] = np.clip(lonlat[:, 1], -90, 90)
    lonlat[-5:] = lonlat[:5]
    return Photos(lonlat, embeddings(lonlat, WIDTH))


@pytest.mark.parametrize(
    ("peer", "bins"),
    [
        *((peer, "u5000/50") for peer in sorted(set(PEERS) - {"floor", "sphere", "dask"})),
        *((peer, "log/30") for peer in ("pyproj", "thesis", "torch")),
        ("thesis", "rad/3142"),
    ],
)
def test_a_peer_equals_ours(few, peer, bins):
    if peer == "torch":
        pytest.importorskip("torch")
    run = Contest(Case(peer, COUNT, bins, METRICS.get(peer, "great_circle")), few)
    run.peer()
    record = run.record(run.ours(), [1.0])
    assert record["pairs_apart"] == 0
    assert run.outcome.npairs.sum() > COUNT
    assert record["peer_share"] == 1
    # float32 unit vectors and products carry a rounding of 1e-7.
    assert (record["difference"] or 0.0) < 1e-6


def test_treecorr_over_all_columns_equals_ours(few):
    case = Case("treecorr", COUNT, "u5000/15", spread=False)
    products = sum(correlate_column(few, BINS[case.bins], column).xi for column in range(WIDTH))
    np.testing.assert_allclose(ours(few, case).semivariance, 1 - products, rtol=0, atol=1e-6)


def test_dask_equals_ours(few):
    with contest(Case("dask", COUNT, "u5000/15", "geodesic"), few) as run:
        run.peer()
        record = run.record(run.ours(), [1.0])
    assert record["pairs_apart"] == 0
    assert record["difference"] < 1e-12


def test_a_peer_is_timed_as_often_as_its_case_says(few):
    run = Contest(Case("floor", COUNT, peer_rounds=2), few)
    for _ in range(4):
        run.peer()
    assert len(run.peer_seconds) == 2
    assert min(run.peer_seconds) > 0


def test_memory_is_measured_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    record = peak_beyond(Case("variogeo", 200, "u5000/15", "geodesic"))
    assert record["embeddings_mb"] == pytest.approx(200 * 512 * 4 / 1e6)
    assert record["peak_mb"] > 0


def test_the_report_has_a_row_for_every_line_and_says_what_is_missing(few, tmp_path):
    store = Store(tmp_path / "results")
    assert render(store, "nowhere").count("not measured") == len(reach())
    for case in time_cases():
        store.write(str(case), {**Contest(case, few).record(ours(few, _small(case)), [0.2, 0.4]), "peer_s": [1.0]})
    for case in memory_cases():
        store.write(memory_name(case), {"peak_mb": 300.0, "embeddings_mb": 200.0})
    write(store, tmp_path, "nowhere")
    text = (tmp_path / "benchmarks.md").read_text()
    assert "| 0.3 x (0.2 - 0.4) | aim |" in text
    assert "| 300 MB | **no** |" in text
    assert describe()[0] in text
    assert (tmp_path / "images" / "benchmarks.png").read_bytes()[1:4] == b"PNG"
    assert store.outdated() == []
    store.discard()
    assert store.read(str(time_cases()[0])) is None


def _small(case):
    """Return the case with the bins that are quickest."""
    return Case(case.peer, COUNT, "u5000/15", "great_circle")


def test_a_case_has_a_name_of_its_own():
    cases = time_cases()
    assert len({str(case) for case in cases}) == len(cases)
    assert not settings.SHORT
