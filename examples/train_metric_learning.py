"""Train towers for photos and places with pytorch-metric-learning and weighted negatives.

Runs in seconds on the bundled photos: GeoCLIP's location embeddings with noise stand for frozen image features. The
lines that change are marked::

    pip install 'variogeo[metric-learning]'
    python examples/train_metric_learning.py
"""

import math

try:
    from variogeo.trainers.metric_learning import GeoWeightedDistance
except ImportError as reason:
    raise SystemExit(str(reason)) from None

import numpy as np
import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.losses import SelfSupervisedLoss, SupConLoss
from torch import nn

import variogeo
from variogeo.datasets import geoclip_photos
from variogeo.evaluation import median_error
from variogeo.nn import NegativeWeights

TEMPERATURE, EPOCHS, BATCH = 0.07, 10, 250


def main() -> None:
    """Fit the curve, train, and look up places for the photos that were held out."""
    lonlat, features = toy_photos()
    held_out = np.arange(len(lonlat)) % 5 == 0
    known, frozen = lonlat[~held_out], features[~held_out]
    places, photos = torch.tensor(known), torch.tensor(frozen)
    empirical = variogeo.empirical_variogram(known, frozen, variogeo.LagBins.covering(known))
    curve = variogeo.fit_variogram(empirical, variogeo.Exponential).model
    scheme = variogeo.ResidualWeighting.hard_negatives(curve, 1.0, spread=variogeo.LagSpread.of(empirical))
    weights = NegativeWeights(scheme, order="lonlat", units="deg", feature_width=empirical.width)  # <- variogeo
    torch.manual_seed(0)
    photo_tower = nn.Sequential(nn.Linear(features.shape[1], 128), nn.GELU(), nn.Linear(128, 64))
    place_tower = nn.Sequential(nn.Linear(48, 128), nn.GELU(), nn.Linear(128, 64))
    optimizer = torch.optim.AdamW([*photo_tower.parameters(), *place_tower.parameters()], lr=2e-3)
    distance = GeoWeightedDistance(CosineSimilarity(), weights, TEMPERATURE)  # <- variogeo
    criterion = SelfSupervisedLoss(SupConLoss(TEMPERATURE, distance=distance), symmetric=False)
    for epoch in range(EPOCHS):
        for rows in torch.randperm(len(places)).split(BATCH):
            sides = photo_tower(photos[rows]), place_tower(waves(places[rows]))
            carried = {"coords": places[rows], "labels": torch.arange(len(rows)), "features": photos[rows]}
            loss = criterion(*(distance.ride_along(side, **carried) for side in sides))  # <- variogeo
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss of the last batch {loss.item():.3f}")
    with torch.no_grad():
        similarity = CosineSimilarity()(photo_tower(torch.tensor(features[held_out])), place_tower(waves(places)))
    nearest = known[similarity.argmax(dim=1).numpy()]
    print(f"median error of {held_out.sum()} held-out photos: {median_error(nearest, lonlat[held_out]):.0f} km")


def toy_photos() -> tuple[np.ndarray, np.ndarray]:
    """Return places and what stands for the frozen features of their photos."""
    lonlat, embeddings = geoclip_photos()
    unit = embeddings / np.linalg.norm(embeddings.astype(np.float32), axis=1, keepdims=True)
    return lonlat, (unit + np.random.default_rng(0).normal(0.0, 0.02, unit.shape)).astype(np.float32)


def waves(lonlat: torch.Tensor) -> torch.Tensor:
    """Return sines and cosines of unit vectors of the places, for the place tower."""
    longitude, latitude = torch.deg2rad(lonlat).T
    equator = torch.stack([longitude.cos(), longitude.sin()])
    unit = torch.cat([latitude.cos() * equator, latitude.sin()[None]]).T
    angles = (unit[:, :, None] * math.pi * 2.0 ** torch.arange(8)).flatten(1)
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


if __name__ == "__main__":
    main()
