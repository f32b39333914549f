"""A training step of Lightning on two ranks of gloo, for test_lightning.py.

Run as a script with a file, it writes the parameters after the step.
"""

import os
import sys
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from variogeo import Exponential, ResidualWeighting
from variogeo.nn import NegativeWeights
from variogeo.trainers.lightning import ContrastiveLoss

CURVE = Exponential(nugget=0.3, partial_sill=0.9, effective_range=400.0)
SCHEME = ResidualWeighting(CURVE, strength=1.5)
QUIET: dict[str, Any] = {
    "accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
    "enable_model_summary": False,
}  # fmt: skip


class Module(LightningModule):
    """Two linear towers whose negatives are those of all ranks."""

    def __init__(self, scheme: Any = SCHEME, units: Any = "e7") -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["scheme"])
        random = torch.Generator().manual_seed(0)
        self.image, self.location = torch.nn.Linear(6, 4, bias=False), torch.nn.Linear(6, 4, bias=False)
        for tower in (self.image, self.location):
            torch.nn.init.normal_(tower.weight, generator=random)
        self.loss = ContrastiveLoss(NegativeWeights(scheme, order="lonlat", units=units))

    def training_step(self, batch: Any) -> torch.Tensor:
        """Return the loss of a batch of image features, location features, coordinates and frozen features."""
        images, locations, coords, frozen = batch
        sides = [functional.normalize(t(x), dim=-1) for t, x in ((self.image, images), (self.location, locations))]
        columns = sides
        if self.trainer.world_size > 1:
            columns = [self.all_gather(side, sync_grads=True).flatten(0, 1) for side in sides]
        per_image, per_location = 5 * sides[0] @ columns[1].T, 5 * sides[1] @ columns[0].T
        return self.loss(per_image, per_location, coords, frozen)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain gradient descent."""
        return torch.optim.SGD(self.parameters(), lr=0.5)

    def weights(self) -> np.ndarray:
        """Return all parameters as one array."""
        return torch.cat([parameter.detach().float().flatten() for parameter in self.parameters()]).numpy()


def samples(n: int = 8) -> TensorDataset:
    """Return n samples; two of them stand at one place."""
    random = torch.Generator().manual_seed(1)
    images, locations, frozen = (torch.randn(n, width, generator=random) for width in (6, 6, 3))
    lonlat = torch.tensor([8.0, 50.0]) + torch.rand(n, 2, generator=random) * torch.tensor([8.0, 4.0])
    coords = (lonlat.double() * 1e7).round().int()
    coords[1] = coords[n - 2]
    return TensorDataset(images, locations, coords, frozen)


def main() -> None:
    """Train on two processes and write the parameters."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    module = Module()
    trainer = Trainer(**QUIET, max_steps=1, devices=2, strategy="ddp_fork")
    trainer.fit(module, DataLoader(samples(), batch_size=4))
    np.save(sys.argv[1], module.weights())


if __name__ == "__main__":
    main()
