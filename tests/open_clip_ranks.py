"""Losses of open_clip on two and three ranks of gloo, for test_open_clip.py: one process imports, then forks the ranks.

Run as a script with a folder, it writes what each rank got: ``<world>-<rank>.npz``.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from torchvision_stub import import_open_clip

ROWS, WIDTH = 4, 6
CLIP_CASES = [(local, grad) for local in (False, True) for grad in (False, True)]
SIGLIP_CASES = ["bidir", "shift", "reduce", "gather"]


def batch(world: int) -> dict[str, torch.Tensor]:
    """Return the batch of all ranks; the last sample has no image, two samples stand at one place."""
    random = torch.Generator().manual_seed(world)
    n = ROWS * world
    features = torch.nn.functional.normalize(torch.randn(2, n, WIDTH, generator=random), dim=-1)
    near = torch.tensor([8.0, 50.0]) + torch.rand(n, 2, generator=random) * torch.tensor([8.0, 4.0])
    coords = (near.double() * 1e7).round().long()
    coords[1] = coords[n - 2]
    frozen = torch.randn(n, 3, generator=random)
    frozen[n - 1] = torch.nan
    return {"image_features": features[0], "text_features": features[1], "coords": coords, "frozen_features": frozen}


def weights() -> Any:
    """Return weights that read lag and features."""
    from variogeo import Exponential, ResidualWeighting
    from variogeo.nn import NegativeWeights

    curve = Exponential(nugget=0.3, partial_sill=0.9, effective_range=400.0)
    return NegativeWeights(ResidualWeighting(curve, strength=1.5), order="lonlat", units="e7")


def tiny_clip() -> Any:
    """Return the smallest CLIP, always with the same parameters."""
    import open_clip

    torch.manual_seed(0)
    vision = open_clip.CLIPVisionCfg(layers=1, width=16, head_width=8, patch_size=4, image_size=8)
    text = open_clip.CLIPTextCfg(context_length=5, vocab_size=20, width=16, heads=2, layers=1)
    return open_clip.CLIP(WIDTH, vision, text, output_dict=True)


def images_and_texts(world: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs of `tiny_clip` for all ranks, with the coordinates and frozen features of `batch`."""
    from variogeo.trainers.open_clip import attach_coordinates

    random = torch.Generator().manual_seed(world)
    n = ROWS * world
    images, tokens = torch.randn(n, 3, 8, 8, generator=random), torch.randint(0, 20, (n, 5), generator=random)
    given = batch(world)
    return images, attach_coordinates(tokens, given["coords"], given["frozen_features"])


def loss_and_gradients(loss: torch.nn.Module, given: dict[str, torch.Tensor], **scalars: float) -> dict[str, Any]:
    """Return a loss and its gradients as arrays."""
    leaves = {name: given[name].clone().requires_grad_() for name in ("image_features", "text_features")}
    leaves |= {name: torch.tensor(value, requires_grad=True) for name, value in scalars.items()}
    value = loss(**{**given, **leaves})
    value.backward()
    return {"loss": value.item(), **{name: leaf.grad.numpy() for name, leaf in leaves.items()}}


def model_gradients(model: torch.nn.Module, loss: torch.nn.Module, images: Any, texts: Any) -> dict[str, Any]:
    """Return a loss and its gradient in all parameters of a model."""
    value = loss(**model(images, texts))
    value.backward()
    gradients = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    return {"loss": value.item(), "gradient": torch.cat(gradients).numpy()}


def run(folder: Path, rank: int, world: int) -> None:
    """Write what one rank gets in every case."""
    from variogeo.trainers.open_clip import CoordinateModel, WeightedClipLoss, WeightedSigLipLoss

    distributed.init_process_group("gloo", init_method=f"file://{folder}/store-{world}", rank=rank, world_size=world)
    rows = slice(rank * ROWS, (rank + 1) * ROWS)
    given = {name: values[rows] for name, values in batch(world).items()}
    place: Any = {"rank": rank, "world_size": world}
    found = {}
    for local, grad in CLIP_CASES:
        loss = WeightedClipLoss(weights(), local_loss=local, gather_with_grad=grad, **place)
        found[f"clip-{local}-{grad}"] = loss_and_gradients(loss, given, logit_scale=5.0)
    for dist_impl in SIGLIP_CASES:
        loss = WeightedSigLipLoss(weights(), dist_impl=dist_impl, **place)
        found[f"siglip-{dist_impl}"] = loss_and_gradients(loss, given, logit_scale=5.0, logit_bias=-2.0)
    images, texts = (inputs[rows] for inputs in images_and_texts(world))
    loss = WeightedClipLoss(weights(), local_loss=True, gather_with_grad=True, **place)
    found["model"] = model_gradients(DistributedDataParallel(CoordinateModel(tiny_clip())), loss, images, texts)
    arrays = {f"{case}/{name}": value for case, values in found.items() for name, value in values.items()}
    np.savez(folder / f"{world}-{rank}.npz", **arrays)
    distributed.destroy_process_group()


def main() -> None:
    """Fork the ranks, and leave with an error where one of them does."""
    import_open_clip()
    # Once for all ranks: what they would import each for itself, DDP's own import of the compiler included.
    for name in ("variogeo.trainers.open_clip", "torch._dynamo"):
        importlib.import_module(name)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    for world in (2, 3):
        children = []
        for rank in range(world):
            child = os.fork()
            if not child:
                try:
                    run(Path(sys.argv[1]), rank, world)
                    os._exit(0)
                finally:
                    sys.excepthook(*sys.exc_info())  # pyright: ignore[reportArgumentType]
                    os._exit(1)
            children.append(child)
        statuses = [os.waitpid(child, 0)[1] for child in children]
        if any(statuses):
            sys.exit(1)


if __name__ == "__main__":
    main()
