"""Train sentence-transformers on words of photos and of places, with weighted negatives.

Runs in seconds on the bundled photos: the largest entries of GeoCLIP's location embeddings, with noise, stand for tags
of a photo, and a geohash is the text of its place. The lines that change are marked::

    pip install 'variogeo[sentence-transformers]'
    python examples/train_sentence_transformers.py

With `datasets` installed, SentenceTransformerTrainer does the loop: give it the loss, and a dataset with the columns
anchor, positive and label, the last with the coordinates and frozen features of each row.
"""

try:
    from variogeo.trainers.sentence_transformers import WeightedCachedMultipleNegativesRankingLoss
except ImportError as reason:
    raise SystemExit(str(reason)) from None

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import BoW, Dense

import variogeo
from variogeo.datasets import geoclip_photos
from variogeo.evaluation import median_error
from variogeo.nn import NegativeWeights

EPOCHS, BATCH = 10, 250


def main() -> None:
    """Fit the curve, train, and look up places for the photos that were held out."""
    lonlat, features = toy_photos()
    tags = [" ".join(f"tag{k}" for k in row) for row in np.argsort(-np.abs(features), axis=1)[:, :16]]
    texts = variogeo.location_text(lonlat, "{cell:.1} {cell:.2} {cell:.3} {cell:.4}")
    held_out = np.arange(len(lonlat)) % 5 == 0
    rows_of_training = np.flatnonzero(~held_out)

    known, frozen = lonlat[~held_out], features[~held_out]
    empirical = variogeo.empirical_variogram(known, frozen, variogeo.LagBins.covering(known))
    curve = variogeo.fit_variogram(empirical, variogeo.Exponential).model
    scheme = variogeo.ResidualWeighting.hard_negatives(curve, 1.0, spread=variogeo.LagSpread.of(empirical))
    weights = NegativeWeights(scheme, order="lonlat", units="deg", feature_width=empirical.width)  # <- variogeo

    torch.manual_seed(0)
    words = sorted({word for text in (*tags, *texts) for word in text.split()})
    model = SentenceTransformer(modules=[BoW(words), Dense(len(words), 64, activation_function=None)], device="cpu")
    loss_of = WeightedCachedMultipleNegativesRankingLoss(model, weights, mini_batch_size=50)  # <- variogeo
    labels = torch.tensor(np.hstack([lonlat, features]))  # <- variogeo
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(EPOCHS):
        losses = []
        for part in torch.randperm(len(rows_of_training)).split(BATCH):
            rows = rows_of_training[part.numpy()]
            columns = [model.preprocess([column[row] for row in rows]) for column in (tags, texts)]
            loss = loss_of(columns, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}")

    queries = model.encode([tags[row] for row in np.flatnonzero(held_out)])
    gallery = model.encode([texts[row] for row in rows_of_training])
    nearest = lonlat[~held_out][model.similarity(queries, gallery).argmax(dim=1).numpy()]
    print(f"median error of {held_out.sum()} held-out photos: {median_error(nearest, lonlat[held_out]):.0f} km")


def toy_photos() -> tuple[np.ndarray, np.ndarray]:
    """Return places and what stands for the frozen features of their photos."""
    lonlat, embeddings = geoclip_photos()
    unit = embeddings / np.linalg.norm(embeddings.astype(np.float32), axis=1, keepdims=True)
    return lonlat, (unit + np.random.default_rng(0).normal(0.0, 0.02, unit.shape)).astype(np.float32)


if __name__ == "__main__":
    main()
