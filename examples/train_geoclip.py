"""Train a small GeoCLIP on your own photos in a loop of plain torch, with plain and with weighted negatives.

Needs a GeoParquet (or npz) file with one position and one frozen image feature per photo, e.g. of CLIP ViT-L/14.
Regions are held out, and the curve is fitted on the frozen features of the rest. The lines that change are marked::

    python examples/train_geoclip.py photos.parquet --embedding clip --device cuda
"""

import argparse

try:
    from variogeo.experiments import TwoTower, accuracy_table, geoscore_difference, held_out, predict, spatial_blocks
except ImportError as reason:
    raise SystemExit(str(reason)) from None

import numpy as np
import torch

import variogeo
from variogeo.evaluation import nearest_places
from variogeo.io import read_points
from variogeo.nn import NegativeWeights, weighted_cross_entropy


def main() -> None:
    """Fit the curve, train both arms, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", help="GeoParquet, or npz with an array lonlat")
    parser.add_argument("--embedding", required=True, help="column (or npz array) of frozen features")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--block", type=float, default=1.0, help="side of a block, degrees")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(f"--device {given.device}: torch finds none here. Use --device cpu, or a torch made for CUDA.")
    photos = read_points(given.points, embedding=given.embedding)
    blocks = spatial_blocks(photos.lonlat, degrees=given.block)
    is_test = held_out(blocks, share=0.2, seed=given.seed)
    training, test = (variogeo.PointEmbeddings(*(column[part] for column in photos)) for part in (~is_test, is_test))

    gallery, predictions = np.unique(training.lonlat, axis=0), {}
    for arm, scheme in {"plain": variogeo.UniformWeighting(), "weighted": fit_scheme(training, given.seed)}.items():
        predictions[arm] = predict(train(training, scheme, given), test.embeddings, gallery)
    print(accuracy_table({**predictions, "oracle": nearest_places(test.lonlat, gallery)}, test.lonlat))
    gain, low, high = geoscore_difference(predictions["weighted"], predictions["plain"], test.lonlat, blocks[is_test])
    print(f"Weighted minus plain: {gain:+.0f} GeoScore, 95 % over blocks {low:+.0f} to {high:+.0f}. Try more --seed.")


def train(photos: variogeo.PointEmbeddings, scheme: variogeo.Weighting, given: argparse.Namespace) -> TwoTower:
    """Return a model trained with a scheme: each starts from the same weights and sees the same batches."""
    torch.manual_seed(given.seed)
    lonlat, features = torch.tensor(photos.lonlat).float(), torch.tensor(photos.embeddings).float()
    model = TwoTower.small(features.shape[1], seed=given.seed).to(given.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    weights = NegativeWeights(scheme, order="lonlat", units="deg", feature_width=features.shape[1])  # <- variogeo
    for _ in range(given.epochs):
        for rows in torch.randperm(len(lonlat))[: max(512, len(lonlat) // 512 * 512)].split(512):
            places, images = lonlat[rows].to(given.device), features[rows].to(given.device)
            target = torch.arange(len(rows), device=given.device)
            log_weights = weights(places, places, images, images)  # <- variogeo
            loss = weighted_cross_entropy(model(images, places), log_weights, target)  # <- variogeo
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def fit_scheme(photos: variogeo.PointEmbeddings, seed: int) -> variogeo.Weighting:
    """Return the weighting from the curve of the frozen features of at most 5 000 photos."""
    lonlat, features = (column[np.random.default_rng(seed).permutation(len(column))[:5000]] for column in photos)
    empirical = variogeo.empirical_variogram(lonlat, features, variogeo.LagBins.covering(lonlat))
    fit = variogeo.fit_variogram(empirical, variogeo.Exponential, weights="equal")
    print(f"{empirical}\n{fit.model}\n{fit.message}\n")
    return variogeo.ResidualWeighting(fit.model, spread=variogeo.LagSpread.of(empirical))


if __name__ == "__main__":
    main()
