"""Time of ours and of a peer, in turn. pytest-benchmark times ours; its setup runs and times the peer."""

import pytest

from benchmarks.cases import time_cases
from benchmarks.measure import contest
from benchmarks.photos import photos


@pytest.mark.parametrize("case", time_cases(), ids=str)
def test_time(case, benchmark, store):
    if store.read(str(case)):
        pytest.skip("measured before; BENCH_FRESH=1 measures again")
    with contest(case, photos(case.n)) as run:
        found = benchmark.pedantic(run.ours, setup=run.peer, rounds=case.rounds)
        record = run.record(found, benchmark.stats.stats.data)
    store.write(str(case), record)
    assert not record["pairs_apart"]
    assert (record["difference"] or 0.0) < 1e-5
