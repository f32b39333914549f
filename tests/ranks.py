"""One rank of a distributed step: ``python ranks.py RANK RANKS FOLDER``. `step` is what one process does with all rows.

Features are gathered with gradient, coordinates by `all_gather_rows`; rows of the logits are local, columns global.
"""

import json
import sys
from pathlib import Path

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel

from variogeo import DecorrelationWeighting, Exponential, LagBins
from variogeo.nn import (
    NegativeWeights,
    PairLogits,
    RunningVariogram,
    all_gather_rows,
    weighted_cross_entropy,
    weighted_sigmoid,
)

WEIGHTS = NegativeWeights(DecorrelationWeighting(Exponential(0.1, 0.4, 1000.0)), order="lonlat", units="deg")
LOSSES = {"cross_entropy": weighted_cross_entropy, "sigmoid": weighted_sigmoid}
ROWS = 4
"""Rows of a rank."""


class Towers(nn.Module):
    """Two linear towers and a scale that is learned."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.images = nn.Parameter(torch.randn(6, 3, dtype=torch.float64, generator=generator))
        self.places = nn.Parameter(torch.randn(5, 3, dtype=torch.float64, generator=generator))
        self.log_scale = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))

    def forward(self, images, places):
        """Return unit features of both towers, and the scale."""
        unit = nn.functional.normalize
        return unit(images @ self.images), unit(places @ self.places), self.log_scale.exp()


def samples(ranks):
    """Return the inputs of both towers and the coordinates of all rows."""
    generator = torch.Generator().manual_seed(1)
    count = ranks * ROWS
    images, places = (torch.randn(count, n, dtype=torch.float64, generator=generator) for n in (6, 5))
    return images, places, torch.rand(count, 2, generator=generator) * 20


def running_variogram():
    """Return an empty one for these coordinates."""
    return RunningVariogram(LagBins([0, 1000, 4000]), order="lonlat", units="deg", decay=0.5)


def gathered(features):
    """Return the rows of all ranks with gradient."""
    return torch.cat(all_gather(features)) if distributed.is_initialized() else features


def step(towers, images, places, coordinates, rank, *, loss, chunk):
    """Return the loss of the local rows, both ways, after its backward pass."""
    towers.zero_grad()
    a, b, scale = towers(images, places)
    every = all_gather_rows(coordinates)
    target = rank * len(coordinates) + torch.arange(len(coordinates))
    weights = WEIGHTS.log_weights(coordinates, every, positives=target)
    one_way = LOSSES[loss](PairLogits(a, gathered(b), scale), weights, target, chunk=chunk)
    other_way = LOSSES[loss](PairLogits(b, gathered(a), scale), weights, target, chunk=chunk)
    total = (one_way + other_way) / 2
    total.backward()
    return total.detach()


def outcome(towers, value):
    """Return loss and gradients as plain numbers."""
    return {"loss": value.item()} | {name: value.grad.tolist() for name, value in towers.named_parameters()}


def results(rank, ranks):
    """Return what comes out on this rank."""
    towers = DistributedDataParallel(Towers())
    mine = slice(rank * ROWS, (rank + 1) * ROWS)
    local = [value[mine] for value in samples(ranks)]
    found = {}
    for loss in LOSSES:
        for chunk in (None, 3):
            value = step(towers, *local, rank, loss=loss, chunk=chunk)
            distributed.all_reduce(value)
            found[f"{loss} {chunk}"] = outcome(towers.module, value / ranks)
    running = running_variogram()
    running.update(local[2], local[0])
    found["running"] = running.empirical().sums.lag.tolist()
    found["order"] = all_gather_rows(torch.arange(2) + 10 * rank).tolist()
    found["gradient"] = all_gather_rows(torch.ones(2, requires_grad=True)).requires_grad
    for name, odd in (("rows", torch.zeros(3 - rank, 2)), ("bytes", torch.zeros(3, 2 + rank))):
        try:
            all_gather_rows(odd)
        except ValueError as error:
            found[name] = str(error)
    return found


def main(rank, ranks, folder):
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=ranks)
    # In a function of its own, so that nothing of the model outlives the group: its end would wait for the other rank.
    Path(folder, f"rank{rank}.json").write_text(json.dumps(results(rank, ranks)))
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
