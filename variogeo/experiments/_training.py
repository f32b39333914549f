"""Train a two-tower model, plainly or with weighted negatives, and predict places with it."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from variogeo._points import PointEmbeddings
from variogeo._progress import progress_bar
from variogeo.experiments._two_tower import TwoTower
from variogeo.nn import NegativeWeights, weighted_cross_entropy

WEIGHT_DECAY = 0.01
ROWS_PER_BLOCK = 512
"""Rows embedded at once in prediction: it bounds the memory, and changes nothing else."""


def train(
    model: TwoTower,
    photos: PointEmbeddings,
    *,
    weighting: NegativeWeights | None = None,
    epochs: int = 3,
    batch_size: int = 512,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> TwoTower:
    """Return a trained copy of ``model``, on the same device.

    The loss is InfoNCE from image to location. Two arms that start from one model with one seed
    see the same initial weights, batches and dropout: only the weighting differs.

    Parameters
    ----------
    model : TwoTower
        The start, left as it is. Its device is the device of the training.
    photos : PointEmbeddings
        Positions (n, 2), degrees, longitude first, and frozen features (n, d).
    weighting : NegativeWeights, optional
        Weights of the negatives, from positions in degrees, longitude first, and the frozen
        features. By default all negatives count alike.
    epochs, batch_size : int
        Passes over the photos and photos per step; the last, incomplete batch is left out.
    learning_rate : float
        Of AdamW at the start; it falls to zero along half a cosine.
    seed : int
        Seed of batches and dropout.

    Returns
    -------
    model : TwoTower
        In evaluation mode.

    Notes
    -----
    With ``coincident="mask"``, the default of `NegativeWeights`, another photo of the very same
    place is no negative. The plain loss has no such rule: with coincident photos the arms differ
    in that as well.
    """
    model = copy.deepcopy(model).train()
    device = model.log_scale.device
    features, lonlat = _features_on(device, photos.embeddings), _lonlat_on(device, photos.lonlat)
    batch_size = _checked_batch_size(batch_size, len(features))
    per_epoch = len(features) // batch_size
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * per_epoch)
    order = torch.Generator().manual_seed(seed)
    progress = progress_bar(epochs * per_epoch, doing="training", unit="batch")
    with progress, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for _ in range(epochs):
            rows = torch.randperm(len(features), generator=order)[: per_epoch * batch_size]
            for batch in rows.to(device).view(per_epoch, batch_size):
                loss = _loss(model, features[batch], lonlat[batch], weighting)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                progress.update()
    return model.eval()


@torch.no_grad()
def predict(model: TwoTower, features: Any, gallery: Any) -> npt.NDArray[np.float64]:
    """Return the gallery's place whose embedding is nearest to that of each image.

    Parameters
    ----------
    model : TwoTower
        In evaluation mode, as `train` returns it.
    features : (n, d) float array
        Frozen image features.
    gallery : (m, 2) float array, degrees
        Places that may be predicted, longitude first.

    Returns
    -------
    lonlat : (n, 2) float64 array, degrees
        Rows of ``gallery``.
    """
    device = model.log_scale.device
    lonlat = _lonlat_on(device, gallery)
    places = torch.cat([model.embed_locations(rows) for rows in lonlat.split(ROWS_PER_BLOCK)])
    nearest = [
        (model.embed_images(rows) @ places.T).argmax(dim=1)
        for rows in _features_on(device, features).split(ROWS_PER_BLOCK)
    ]
    return np.asarray(gallery, dtype=np.float64)[torch.cat(nearest).cpu().numpy()]


def _loss(
    model: TwoTower,
    features: torch.Tensor,
    lonlat: torch.Tensor,
    weighting: NegativeWeights | None,
) -> torch.Tensor:
    """Return the loss of a batch whose positives are the diagonal of the logits."""
    logits = model(features, lonlat)
    target = torch.arange(len(logits), device=logits.device)
    if weighting is None:
        return functional.cross_entropy(logits, target)
    log_weights = weighting.log_weights(lonlat, lonlat, features, features)
    return weighted_cross_entropy(logits, log_weights, target)


def _checked_batch_size(batch_size: int, photos: int) -> int:
    """Return the batch size, at most the number of photos."""
    if min(batch_size, photos) < 2:
        msg = (
            f"Invalid batch of {min(batch_size, photos)}. "
            "Must hold at least two photos: one is the negative of the other."
        )
        raise ValueError(msg)
    return min(batch_size, photos)


def _features_on(device: torch.device, features: Any) -> torch.Tensor:
    """Return features in float32."""
    return torch.tensor(np.asarray(features, dtype=np.float32), device=device)


def _lonlat_on(device: torch.device, lonlat: Any) -> torch.Tensor:
    """Return positions in float64, or in float32 (1 m) on Apple's devices, which have no other."""
    exact = np.float32 if device.type == "mps" else np.float64
    return torch.tensor(np.asarray(lonlat, dtype=exact), device=device)
