"""Kill a run with a folder at random moments, over and over, and compare what comes out in the end byte for byte.

``python docs/scripts/random_kills.py 100`` starts one call in a process of its own until it is done, each time with
SIGKILL after a random time, then begins anew in an empty folder, until there have been 100 kills. It prints what the
kills hit, and ends with 1 where a finished run differs in any byte from one that nobody disturbed.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from variogeo import LagBins, empirical_variogram
from variogeo._engine import _job
from variogeo.synthetic import uniform_lonlat

POINTS, ENTRIES, BLOCKS = 1600, 16, 16
TASKS = BLOCKS * (BLOCKS + 1) // 2
RESULT = "empirical.json"
MOMENTS = ("before its first task was kept", "during a write", "between two writes", "after the last task was kept")


def run(folder: Path) -> None:
    """Make the variogram in many small tasks, so that there is much to write, and save it beside the run folder."""
    _job.LEAST_ROWS, _job._LEAST_BLOCKS = 1, BLOCKS
    lonlat = uniform_lonlat(POINTS, seed=1)
    values = np.random.default_rng(2).normal(1.0, 1.0, (POINTS, ENTRIES)).astype(np.float32)
    bins = LagBins.logarithmic(10, 20_000, 20)
    empirical_variogram(lonlat[: 2 * BLOCKS], values[: 2 * BLOCKS], bins)  # loads what is compiled
    print("begins", flush=True)
    found = empirical_variogram(lonlat, values, bins, resume=folder / "run")
    found.save(folder / RESULT, overwrite=True)


def start(folder: Path) -> subprocess.Popen[str]:
    """Return a process that is about to call `empirical_variogram`."""
    command = [sys.executable, __file__, "--run", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def is_killed(process: subprocess.Popen[str], delay: float) -> bool:
    """Whether the process was killed after some seconds: otherwise it was done before."""
    try:
        code = process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        code = process.wait()
    if code not in (0, -signal.SIGKILL):
        sys.exit(f"The run failed with {code} instead of going on.")
    return code != 0


def kept(folder: Path) -> int:
    """Return how many tasks are kept."""
    return len(list(folder.rglob("pairs-*.npz")))


def moment(folder: Path, kept_before: int) -> str:
    """Return what a kill has hit, by the files that it left and the tasks that were kept when the process began."""
    before, during, between, after = MOMENTS
    if list(folder.rglob(".*")):
        return during
    return after if kept(folder) == TASKS else before if kept(folder) == kept_before else between


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a finished run by their names, with their bytes."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def killed_until_done(chance: random.Random, seconds: float, most: int, hit: Counter[str]) -> dict[str, bytes]:
    """Return the files of a run that is killed until all tasks are kept, or there have been enough kills."""
    with tempfile.TemporaryDirectory() as name:
        folder, kept_before = Path(name), 0
        # Where all is kept already there is nothing left to hit: one kill is enough.
        while is_killed(
            start(folder), chance.uniform(0, seconds) if hit.total() < most and kept_before < TASKS else 600
        ):
            hit[moment(folder, kept_before)] += 1
            kept_before = kept(folder)
        return content(folder)


def main(kills: int) -> None:
    """Print what the kills hit, and how many runs ended with the same bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, began = start(folder), time.perf_counter()
        assert not is_killed(process, 600)
        seconds, expected = time.perf_counter() - began, content(folder)
    assert len(expected) == TASKS + 3  # run.json, run.lock and the result
    chance, hit, equal = random.Random(0), Counter[str](), []
    while hit.total() < kills:
        equal.append(killed_until_done(chance, 0.6 * seconds, kills, hit) == expected)
        print(f"{hit.total()} of {kills} kills, {sum(equal)} of {len(equal)} runs equal", file=sys.stderr, flush=True)
    print(f"{hit.total()} kills of runs with {TASKS} tasks, {seconds:.1f} s when undisturbed, hit")
    for name in MOMENTS:
        print(f"{hit[name]:5d}  {name}")
    print(f"{sum(equal)} of {len(equal)} finished runs have all bytes of the undisturbed one.")
    sys.exit(not all(equal))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 100)
