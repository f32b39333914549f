"""Train a two-tower model on the loss of an arm, and predict places with it."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from variogeo._checks import check_number, check_whole
from variogeo._points import PointEmbeddings
from variogeo._progress import progress_bar
from variogeo.experiments._objectives import Batch, InfoNCE, Objective, SchemeWeights, WeightedInfoNCE
from variogeo.experiments._two_tower import TwoTower
from variogeo.nn import NegativeWeights

WEIGHT_DECAY = 0.01
ROWS_PER_BLOCK = 512
"""Rows embedded at once in prediction: it bounds the memory, and changes nothing else."""

Watch = Callable[[int, torch.Tensor, Batch], None]
"""Told of every step: its number, logits and batch."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained, whatever its loss.

    Parameters
    ----------
    epochs, batch_size : int
        Passes over the photos and photos per step; the last, incomplete batch is left out.
    queue : int
        Photos of the last steps that are further negatives, once there are so many.
    learning_rate : float
        Of AdamW at the start; it falls to zero along half a cosine.

    Examples
    --------
    >>> TrainingSettings(epochs=2).batch_size
    512
    """

    epochs: int = 3
    batch_size: int = 512
    queue: int = 0
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_whole(self.epochs, name="epochs", at_least=1)
        check_whole(self.queue, name="queue", at_least=0)
        check_number(self.learning_rate, name="learning_rate", above=0.0)
        if self.batch_size < 2:
            msg = (
                f"Invalid batch of {self.batch_size}. Must hold at least two photos: one is the negative of the other."
            )
            raise ValueError(msg)


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
    objective = InfoNCE() if weighting is None else WeightedInfoNCE(SchemeWeights(weighting))
    settings = TrainingSettings(epochs, min(batch_size, len(photos.lonlat)), 0, learning_rate)
    progress = progress_bar(steps_of(settings, len(photos.lonlat)), doing="training", unit="batch")
    with progress:
        return optimised(model, photos, objective, settings, seed=seed, watch=lambda *_: progress.update())


def steps_of(settings: TrainingSettings, photos: int) -> int:
    """Return the number of steps of a training."""
    return settings.epochs * (photos // settings.batch_size)


def optimised(
    model: TwoTower,
    photos: PointEmbeddings,
    objective: Objective,
    settings: TrainingSettings,
    *,
    seed: int,
    watch: Watch,
) -> TwoTower:
    """Return a copy of ``model`` trained on an objective.

    Parameters
    ----------
    model : TwoTower
        The start, left as it is.
    photos : PointEmbeddings
        Positions (n, 2), degrees, longitude first, and frozen features (n, d).
    objective : Objective
    settings : TrainingSettings
    seed : int
        Seed of batches and dropout.
    watch : callable
        Told of every step.

    Raises
    ------
    ValueError
        When the photos do not fill a batch.
    """
    if len(photos.lonlat) < settings.batch_size:
        msg = f"{len(photos.lonlat)} photos do not fill a batch of {settings.batch_size}. Use a smaller batch_size."
        raise ValueError(msg)
    model = copy.deepcopy(model).train()
    device = model.log_scale.device
    features, lonlat = features_on(device, photos.embeddings), lonlat_on(device, photos.lonlat)
    per_epoch = len(features) // settings.batch_size
    optimiser = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, weight_decay=WEIGHT_DECAY, fused=device.type in ("cpu", "cuda")
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * per_epoch)
    order = torch.Generator().manual_seed(seed)
    queue = torch.empty(0, dtype=torch.int64, device=device)
    step = 0
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for _ in range(settings.epochs):
            rows = torch.randperm(len(features), generator=order)[: per_epoch * settings.batch_size]
            for batch_rows in rows.to(device).view(per_epoch, settings.batch_size):
                candidates = (
                    torch.cat((batch_rows, queue[: settings.queue])) if len(queue) >= settings.queue else batch_rows
                )
                batch = batch_of(model, features, lonlat, batch_rows, candidates)
                logits = logits_of(model, batch)
                loss = objective.loss(logits, batch)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                if settings.queue:
                    queue = torch.cat((batch_rows, queue))[: settings.queue]
                watch(step, logits.detach(), batch)
                step += 1
    return model.eval()


def batch_of(
    model: TwoTower, features: torch.Tensor, lonlat: torch.Tensor, rows: torch.Tensor, candidates: torch.Tensor
) -> Batch:
    """Return the photos of a step and their candidates."""
    is_same = len(candidates) == len(rows)
    place, feature = lonlat[rows], features[rows]
    return Batch(
        lonlat=place,
        features=feature,
        candidate_lonlat=place if is_same else lonlat[candidates],
        candidate_features=feature if is_same else features[candidates],
        temperature=1 / model.scale.detach(),
    )


def logits_of(model: TwoTower, batch: Batch) -> torch.Tensor:
    """Return the (B, M) logits of a batch."""
    return model.scale * model.embed_images(batch.features) @ model.embed_locations(batch.candidate_lonlat).T


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
    lonlat = lonlat_on(device, gallery)
    places = torch.cat([model.embed_locations(rows) for rows in lonlat.split(ROWS_PER_BLOCK)])
    nearest = [(rows @ places.T).argmax(dim=1) for rows in _image_embeddings(model, features)]
    return np.asarray(gallery, dtype=np.float64)[torch.cat(nearest).cpu().numpy()]


@torch.no_grad()
def image_embeddings(model: TwoTower, features: Any) -> npt.NDArray[np.float32]:
    """Return the trained embeddings of images, (n, embedding width), from their frozen features (n, d)."""
    return torch.cat(_image_embeddings(model, features)).cpu().numpy()


def _image_embeddings(model: TwoTower, features: Any) -> list[torch.Tensor]:
    """Return the image embeddings in blocks of rows."""
    rows = features_on(model.log_scale.device, features).split(ROWS_PER_BLOCK)
    return [model.embed_images(block) for block in rows]


def features_on(device: torch.device, features: Any) -> torch.Tensor:
    """Return features in float32."""
    return torch.tensor(np.asarray(features, dtype=np.float32), device=device)


def lonlat_on(device: torch.device, lonlat: Any) -> torch.Tensor:
    """Return positions in float64, or in float32 (1 m) on Apple's devices, which have no other."""
    exact = np.float32 if device.type == "mps" else np.float64
    return torch.tensor(np.asarray(lonlat, dtype=exact), device=device)
