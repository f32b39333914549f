"""Peak memory of one call beyond its photos, in a fresh process: ``python -m benchmarks.memory '{...}'``."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks import settings
from benchmarks.cases import Case

_WARM = 300
_CLEAR_PEAK = "5"


def peak_beyond(case: Case) -> dict[str, float]:
    """Return the peak in MB beyond the photos, and the size of the embeddings, measured in a fresh process."""
    environment = {name: text for name, text in os.environ.items() if name not in settings.SLOW_BLAS}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", json.dumps(asdict(case))]
    answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout.splitlines()[-1])


def _measure(case: Case) -> dict[str, float]:
    from benchmarks.measure import ours
    from benchmarks.peers import PEERS
    from benchmarks.photos import few_photos

    call = ours if case.peer == "variogeo" else PEERS[case.peer]
    photos = few_photos(case.n)
    call(photos.first(_WARM), case)  # imports, compiled code and threads are not what is measured
    Path("/proc/self/clear_refs").write_text(_CLEAR_PEAK)
    before = _status("VmRSS")
    call(photos, case)
    return {"peak_mb": (_status("VmHWM") - before) / 1e6, "embeddings_mb": photos.embeddings.nbytes / 1e6}


def _status(field: str) -> int:
    """Return a field of the process's status in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{field}:")).split()[1])


if __name__ == "__main__":
    print(json.dumps(_measure(Case(**json.loads(sys.argv[1])))))
