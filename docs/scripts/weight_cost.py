"""Measure what log-weights cost: beside the product of a step on the CPU, and within a step of training.

``python docs/scripts/weight_cost.py`` takes 4 096 rows and 8 192 columns, each way in turn with the product of 512-d
features, and writes docs/studies/weight_cost.md; ``--short`` tries it at a small size and prints the page.

``python docs/scripts/weight_cost.py --device cuda`` measures a step like GeoCLIP's (frozen 768-d features, batch of
512, queue of 4 096) with and without weights, and prints it; any synchronisation within a step is an error there.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

# Preset for another machine, they would halve the speed of products.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from variogeo import DecorrelationWeighting, Exponential, ResidualWeighting, Weighting  # noqa: E402
from variogeo._cores import usable_cores  # noqa: E402
from variogeo._distances import EARTH_RADIUS  # noqa: E402
from variogeo.nn import NegativeWeights, weighted_cross_entropy  # noqa: E402

ENTRIES, ROUNDS = 512, 15
FULL, SHORT = (4096, 8192), (256, 1024)
BATCH, QUEUE, FROZEN, STEPS = 512, 4096, 768, {"cuda": 200, "cpu": 2}
# Random features have a mean dissimilarity of 1, which is this curve's sill.
CURVE = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
SCHEMES = {"lag only (decorrelation)": DecorrelationWeighting(CURVE), "features (residual)": ResidualWeighting(CURVE)}
PAGE = Path(__file__).parents[1] / "studies" / "weight_cost.md"


def places(number: int, generator: torch.Generator) -> Tensor:
    """Return float32 longitudes and latitudes."""
    return torch.rand(number, 2, generator=generator) * torch.tensor([360.0, 170.0]) - torch.tensor([180.0, 85.0])


def eager_haversine(scheme: Weighting, a: Tensor, b: Tensor) -> Tensor:
    """Return the log-weights as one would write them: the haversine in float32, operation by operation."""
    (lon_a, lat_a), (lon_b, lat_b) = torch.deg2rad(a)[:, None].unbind(-1), torch.deg2rad(b)[None].unbind(-1)
    square = torch.sin((lat_a - lat_b) / 2) ** 2
    square = square + torch.cos(lat_a) * torch.cos(lat_b) * torch.sin((lon_a - lon_b) / 2) ** 2
    lag = 2 * EARTH_RADIUS * torch.asin(torch.sqrt(square.clamp(0, 1)))
    return scheme(lag, None).fill_diagonal_(0.0)


def ways(rows: int, columns: int) -> dict[str, Callable[[], Tensor]]:
    """Return the product of a step, and every way to log-weights."""
    generator = torch.Generator().manual_seed(0)
    b = places(columns, generator)
    a = b[:rows]
    feats_b = torch.randn(columns, ENTRIES, generator=generator)
    feats_a = feats_b[:rows]
    found: dict[str, Callable[[], Tensor]] = {"product": lambda: feats_a @ feats_b.T}
    for name, scheme in SCHEMES.items():
        feats = (feats_a, feats_b) if scheme.needs_dissimilarity else ()
        weights = NegativeWeights(scheme, order="lonlat", units="deg")
        compiled = torch.compile(weights, fullgraph=True)
        found[f"{name}, compiled"] = lambda compiled=compiled, feats=feats: compiled(a, b, *feats)
        found[f"{name}, eager"] = lambda weights=weights, feats=feats: weights(a, b, *feats)
    lag_only = next(iter(SCHEMES.values()))
    found["lag only by an eager haversine"] = lambda: eager_haversine(lag_only, a, b)
    return found


@torch.no_grad()
def seconds_of(found: dict[str, Callable[[], Tensor]], rounds: int) -> dict[str, np.ndarray]:
    """Return the seconds of each way in each round, all ways in turn; the first round compiles and does not count."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds + 1):
        for name, run in found.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: np.array(seconds[1:]) for name, seconds in times.items()}


def page(rows: int, columns: int) -> str:
    """Return the study as text."""
    times = seconds_of(ways(rows, columns), ROUNDS)
    product, haversine = times["product"], times["lag only by an eager haversine"]
    lines = []
    for name, seconds in times.items():
        share, gain = np.sort(seconds / product), np.sort(haversine / seconds)
        lines.append(
            f"| {name} | {np.median(seconds):.3g} s | {np.median(share):.2f} x ({share[0]:.2f} - {share[-1]:.2f}) | "
            f"{np.median(gain):.1f} x ({gain[0]:.1f} - {gain[-1]:.1f}) |"
        )
    table = "\n".join(lines)
    return f"""# What log-weights cost

Written by `docs/scripts/weight_cost.py`: log-weights of {rows} rows and {columns} columns, float32 coordinates. Beside
them the product of {ENTRIES}-d float32 features, which the step makes for its logits anyway, and the haversine in
float32 as one would write it. All in turn, {ROUNDS} rounds; medians of the seconds and of the ratios, with the smallest
and the largest. {torch.get_num_threads()} threads of {usable_cores()} cores, {processor()}, torch {torch.__version__}.

A scheme that reads features makes a product of its own, of the frozen features: it can cost no less than one.

| | time | against the product | faster than the eager haversine |
|---|--:|--:|--:|
{table}
"""


def processor() -> str:
    """Return the name of the processor and its widest vectors."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"


class Step(nn.Module):
    """GeoCLIP's trained parts: the image MLP, the location encoder of three frequencies, the temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(FROZEN, FROZEN), nn.ReLU(), nn.Linear(FROZEN, ENTRIES))
        self.encoders = nn.ModuleList(
            nn.Sequential(
                *(nn.Sequential(nn.Linear(512 if k == 0 else 1024, 1024), nn.ReLU()) for k in range(3)),
                nn.Linear(1024, ENTRIES),
            )
            for _ in range(3)
        )
        self.register_buffer("frequencies", torch.stack([4.0**k * torch.randn(2, 256) for k in range(3)]))
        self.log_scale = nn.Parameter(torch.tensor(2.66))

    def forward(self, feats: Tensor, latlon: Tensor) -> Tensor:
        """Return the logits of a batch against all places."""
        waves = 2 * torch.pi * (latlon / 180.0) @ self.frequencies
        waves = torch.cat([waves.cos(), waves.sin()], dim=-1)
        location = torch.stack([encoder(wave) for encoder, wave in zip(self.encoders, waves, strict=True)]).sum(dim=0)
        image, location = (nn.functional.normalize(side, dim=1) for side in (self.image(feats), location))
        return self.log_scale.exp() * image @ location.T


def training_step(device: str, scheme: Weighting | None) -> Callable[[], None]:
    """Return a step of training with compiled weights, or with none."""
    generator = torch.Generator().manual_seed(0)
    latlon = places(BATCH + QUEUE, generator).flip(1).to(device)
    feats = torch.randn(BATCH + QUEUE, FROZEN, generator=generator).to(device)
    target, model = torch.arange(BATCH, device=device), Step().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-5)
    weights = None
    if scheme is not None:
        weights = torch.compile(NegativeWeights(scheme, order="latlon", units="deg"), fullgraph=True)

    def run() -> None:
        logits = model(feats[:BATCH], latlon)
        if weights is None:
            loss = nn.functional.cross_entropy(logits, target)
        else:
            loss = weighted_cross_entropy(logits, weights(latlon[:BATCH], latlon, feats[:BATCH], feats), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return run


def seconds_of_steps(run: Callable[[], None], device: str) -> float:
    """Return the seconds of a step; on a GPU whatever waits for it within a step is an error."""
    on_gpu = device == "cuda"
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
    start = time.perf_counter()
    for _ in range(STEPS[device]):
        run()
    if on_gpu:
        torch.cuda.set_sync_debug_mode("default")
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / STEPS[device]


def steps(device: str, rounds: int) -> str:
    """Return what weights add to a step of training, as text."""
    named = torch.cuda.get_device_name() if device == "cuda" else processor()
    lines = [f"step of {BATCH} images against {BATCH} + {QUEUE} places on {named}, torch {torch.__version__}"]
    plain = training_step(device, None)
    for name, scheme in SCHEMES.items():
        weighted = training_step(device, scheme)
        for run in (plain, weighted) * 3:  # compiles
            run()
        pairs = np.array([[seconds_of_steps(run, device) for run in (plain, weighted)] for _ in range(rounds)])
        added = 100 * (pairs[:, 1] / pairs[:, 0] - 1)
        lines.append(
            f"{name}: {1e3 * np.median(pairs[:, 0]):.3g} ms without, {1e3 * np.median(pairs[:, 1]):.3g} ms with "
            f"weights: {np.median(added):+.1f} % ({added.min():+.1f} to {added.max():+.1f})"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a small size, printed instead of written")
    parser.add_argument("--device", choices=list(STEPS), help="measure a step of training there")
    given = parser.parse_args()
    if given.device:
        print(steps(given.device, 3 if given.short else ROUNDS))
    elif given.short:
        print(page(*SHORT))
    else:
        PAGE.write_text(page(*FULL))


if __name__ == "__main__":
    main()
