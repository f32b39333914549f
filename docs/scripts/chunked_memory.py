"""Measure memory and time of the chunked loss beside the readable one: docs/studies/chunked_loss.md.

``python docs/scripts/chunked_memory.py`` takes 8 192 rows and 65 536 columns with 512 entries, whose log-weights
are made row by row; each measurement of memory is a process of its own. ``--short`` tries it at a small size and
prints the page instead of writing it.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Preset for another machine, they would halve the speed of products.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import numpy as np  # noqa: E402
import torch  # noqa: E402

from variogeo import DecorrelationWeighting, Exponential  # noqa: E402
from variogeo._cores import usable_cores  # noqa: E402
from variogeo.nn import NegativeWeights, PairLogits, weighted_cross_entropy  # noqa: E402

ENTRIES, ROUNDS = 512, 9
FULL, BOTH_FIT = (8192, 65_536), (2048, 8192)
SHORT_FULL, SHORT_BOTH_FIT = (512, 4096), (256, 2048)
CHUNKS = (64, 128, 256)
CURVE = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
PAGE = Path(__file__).parents[1] / "studies" / "chunked_loss.md"


def step(rows: int, columns: int) -> tuple[Callable[[int | None], None], int]:
    """Return a training step of the loss as a function of the chunk, and the bytes of its inputs."""
    generator = torch.Generator().manual_seed(0)
    a, b = (
        torch.nn.functional.normalize(torch.randn(n, ENTRIES, generator=generator)).requires_grad_()
        for n in (rows, columns)
    )
    scale = torch.tensor(14.3, requires_grad=True)
    lonlat = torch.rand(columns, 2, generator=generator, dtype=torch.float64) * 100 - 50
    weights = NegativeWeights(DecorrelationWeighting(CURVE), order="lonlat", units="deg")
    target = torch.arange(rows)

    def run(chunk: int | None) -> None:
        for value in (a, b, scale):
            value.grad = None
        by_rows = weights.by_rows(lonlat[:rows], lonlat)
        weighted_cross_entropy(PairLogits(a, b, scale), by_rows, target, chunk=chunk).backward()

    return run, sum(value.numel() * value.element_size() for value in (a, b, lonlat, target))


def resident() -> int:
    """Return the bytes in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure_memory(rows: int, columns: int, chunk: int | None) -> None:
    """Print the bytes of the inputs, those in memory before the step, and the most during it."""
    small, _ = step(64, 128)
    small(chunk)
    run, inputs = step(rows, columns)
    before = resident()
    run(chunk)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"inputs": inputs, "before": before, "most": most}))


def memory(rows: int, columns: int, chunk: int | None) -> dict[str, int]:
    """Return what `measure_memory` prints in a fresh process."""
    code = [sys.executable, __file__, "--memory", str(rows), str(columns), str(chunk or 0)]
    return json.loads(subprocess.run(code, check=True, capture_output=True, text=True).stdout)


def seconds(run: Callable[[int | None], None], chunk: int | None) -> float:
    """Return how long a step takes."""
    start = time.perf_counter()
    run(chunk)
    return time.perf_counter() - start


def memory_lines(full: tuple[int, int], both_fit: tuple[int, int]) -> list[str]:
    """Return the rows of the table of memory."""
    lines = []
    for size, chunk in [(both_fit, None), *((both_fit, c) for c in CHUNKS), *((full, c) for c in CHUNKS)]:
        found = memory(*size, chunk)
        matrix, above = 4 * size[0] * size[1], found["most"] - found["before"]
        lines.append(
            f"| {size[0]} x {size[1]} | {chunk or 'all'} | {matrix / 1e6:.0f} MB | {found['inputs'] / 1e6:.0f} MB | "
            f"{above / 1e6:.0f} MB |"
        )
    return lines


def time_lines(rows: int, columns: int) -> list[str]:
    """Return the rows of the table of time: each chunk in turn with all rows at once."""
    run, _ = step(rows, columns)
    run(None)
    lines = []
    for chunk in CHUNKS:
        run(chunk)
        pairs = np.array([(seconds(run, chunk), seconds(run, None)) for _ in range(ROUNDS)])
        ratio = pairs[:, 0] / pairs[:, 1]
        lines.append(
            f"| {chunk} | {np.median(pairs[:, 0]):.3g} s | {np.median(pairs[:, 1]):.3g} s | "
            f"{np.median(ratio):.2f} x ({ratio.min():.2f} - {ratio.max():.2f}) |"
        )
    return lines


def page(full: tuple[int, int], both_fit: tuple[int, int]) -> str:
    """Return the study as text."""
    memory_table, time_table = "\n".join(memory_lines(full, both_fit)), "\n".join(time_lines(*both_fit))
    return f"""# What the chunked loss saves, and what it costs

Written by `docs/scripts/chunked_memory.py`: one step (forward and backward) of `weighted_cross_entropy` on
`PairLogits` with {ENTRIES} float32 entries, the log-weights of a lag-only scheme made by `by_rows`, gradients of both
features and of the scale. {usable_cores()} cores, {platform.system()} {platform.machine()}, torch {torch.__version__}.

## Memory

The most that the process holds during the step, above what it holds before it (inputs included there). The gradients of
the features are part of it: as large as the features.

| rows x columns | rows at once | one matrix of them | inputs | step |
|---|--:|--:|--:|--:|
{memory_table}

## Time

{both_fit[0]} x {both_fit[1]}, each chunk in turn with all rows at once; medians of {ROUNDS} rounds, and of the ratios
with the smallest and the largest.

| rows at once | chunked | all rows | chunked / all |
|---|--:|--:|--:|
{time_table}
"""


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        measure_memory(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) or None)
    elif sys.argv[1:] == ["--short"]:
        print(page(SHORT_FULL, SHORT_BOTH_FIT))
    else:
        PAGE.write_text(page(FULL, BOTH_FIT))
