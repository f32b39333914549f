"""Train a CLIP of transformers with all parts of SW-CLIP: text, soft targets, consistency, fairness.

Runs in seconds on a CPU, without downloads: a tiny CLIP with random weights, the bundled photo positions, and made-up
images that look alike where positions are near. The lines that change are marked: nine, as each part has its own.
"""

import sys

try:
    import torch
    from transformers import CLIPConfig, CLIPModel
except ImportError as reason:
    sys.exit(f"{reason}. This example needs pip install 'variogeo[transformers]' (in a checkout '.[transformers]').")

import numpy as np

import variogeo
from variogeo.nn import NeighborWeights, SoftTargets, neighborhood_consistency, regional_fairness, soft_cross_entropy

STEPS, BATCH, LENGTH = 50, 128, 60


def main() -> None:
    """Train, and print the parts of the loss."""
    torch.manual_seed(0)
    lonlat, features = variogeo.datasets.geoclip_photos()
    images, gps, model = images_of(features), torch.tensor(lonlat), tiny_clip()
    texts = tokens(variogeo.location_text(lonlat, "cells"))  # <- variogeo
    kernel = fitted_kernel(lonlat, features)  # <- variogeo
    targets = SoftTargets(kernel, order="lonlat", units="deg")  # <- variogeo
    neighbors = NeighborWeights(kernel, neighbors=4, cutoff=100.0, order="lonlat", units="deg")  # <- variogeo
    bands = variogeo.regions.latitude_bands(lonlat, [-90, -23.5, 23.5, 90])
    region = torch.tensor(np.unique(bands, return_inverse=True)[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for step in range(STEPS):
        rows = torch.randperm(len(gps))[:BATCH]
        output = model(pixel_values=images[rows], input_ids=texts[rows])
        forth, back = targets.both(gps[rows])  # <- variogeo
        losses = soft_cross_entropy(output.logits_per_image, forth, reduction="none") / 2  # <- variogeo
        losses = losses + soft_cross_entropy(output.logits_per_text, back, reduction="none") / 2  # <- variogeo
        consistency = neighborhood_consistency(output.image_embeds, neighbors(gps[rows]))  # <- variogeo
        fairness = regional_fairness(losses, region[rows], regions=3)  # <- variogeo
        optimizer.zero_grad()
        (losses.mean() + 0.1 * consistency + 0.1 * fairness).backward()
        optimizer.step()
        if step % 10 == 0 or step == STEPS - 1:
            parts = f"loss {losses.mean():.3f}  consistency {consistency:.3f}  fairness {fairness:.4f}"
            print(f"step {step:3d}  {parts}  self-mass {targets.self_mass(forth):.2f}")


def fitted_kernel(lonlat: np.ndarray, features: np.ndarray) -> variogeo.CorrelogramKernel:
    """Return the short structure of the curve of the frozen features as the kernel."""
    empirical = variogeo.empirical_variogram(lonlat, features, variogeo.LagBins.covering(lonlat))
    fit = variogeo.fit_variogram(empirical, (variogeo.Exponential, variogeo.Exponential), weights="equal")
    return variogeo.CorrelogramKernel(fit.model.first)


def images_of(features: np.ndarray) -> torch.Tensor:
    """Return (n, 3, 32, 32) images: each feature on a fixed random screen."""
    unit = torch.nn.functional.normalize(torch.tensor(features, dtype=torch.float32), dim=1)
    return (unit @ torch.randn(unit.shape[1], 3 * 32 * 32)).view(-1, 3, 32, 32)


def tokens(texts: list[str]) -> torch.Tensor:
    """Return (n, LENGTH) token numbers: one for each character, between 1 and 2 for start and end, then zeros."""
    rows = [[1, *(3 + min(ord(c), 127) for c in text[: LENGTH - 2]), 2] for text in texts]
    return torch.tensor([row + [0] * (LENGTH - len(row)) for row in rows])


def tiny_clip() -> CLIPModel:
    """Return a CLIP of two layers each with random weights."""
    size = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    words = {"vocab_size": 131, "max_position_embeddings": LENGTH, "bos_token_id": 1, "eos_token_id": 2}
    text, vision = {**size, **words, "pad_token_id": 0}, {**size, "image_size": 32, "patch_size": 8}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))


if __name__ == "__main__":
    main()
