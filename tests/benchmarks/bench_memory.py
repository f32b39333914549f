"""Peak memory of ours and of peers, and the time that ``import variogeo`` takes, in fresh processes."""

import subprocess
import sys

import pytest

from benchmarks.cases import memory_cases
from benchmarks.memory import peak_beyond
from benchmarks.report import IMPORT, memory_name

_IMPORT = "import time; start = time.perf_counter(); import variogeo; print(time.perf_counter() - start)"


@pytest.mark.parametrize("case", memory_cases(), ids=str)
def test_memory(case, store):
    if store.read(memory_name(case)):
        pytest.skip("measured before; BENCH_FRESH=1 measures again")
    record = peak_beyond(case)
    store.write(memory_name(case), record)
    assert record["embeddings_mb"] > 0


def test_import(store):
    seconds = [float(subprocess.check_output([sys.executable, "-c", _IMPORT], text=True)) for _ in range(6)]
    store.write(IMPORT, {"seconds": seconds[1:]})
