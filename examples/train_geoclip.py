"""Train a small GeoCLIP on your own photos, with plain and with weighted negatives.

Needs a GeoParquet (or npz) file with one position and one frozen image feature per photo, e.g. of
CLIP ViT-L/14. Regions are held out, the curve is fitted on the frozen features of the training
part, and both arms start from the same weights and see the same batches::

    python examples/train_geoclip.py photos.parquet --embedding clip --device cuda

Try several seeds before you believe a difference.
"""

import argparse
from pathlib import Path

try:
    from variogeo.experiments import (
        TwoTower,
        accuracy_table,
        geoscore_difference,
        held_out,
        predict,
        spatial_blocks,
        train,
    )
except ImportError as reason:
    raise SystemExit(str(reason)) from None

import numpy as np

import variogeo
from variogeo.evaluation import nearest_places
from variogeo.io import read_points
from variogeo.nn import NegativeWeights


def main() -> None:
    """Fit the curve, train both arms, print the tables."""
    arguments = _parser().parse_args()
    photos = read_points(arguments.points, embedding=arguments.embedding)
    blocks = spatial_blocks(photos.lonlat, degrees=arguments.block)
    is_test = held_out(blocks, share=0.2, seed=arguments.seed)
    training, test = (variogeo.PointEmbeddings(*(column[part] for column in photos)) for part in (~is_test, is_test))

    scheme = fit_scheme(training, arguments.curve_photos, arguments.seed)
    start = TwoTower.small(training.embeddings.shape[1], seed=arguments.seed).to(arguments.device)
    gallery = np.unique(training.lonlat, axis=0)
    predictions = {}
    for arm, weighting in (("plain", None), ("weighted", NegativeWeights(scheme, order="lonlat", units="deg"))):
        model = train(start, training, weighting=weighting, epochs=arguments.epochs, seed=arguments.seed)
        predictions[arm] = predict(model, test.embeddings, gallery)
    oracle = nearest_places(test.lonlat, gallery)
    print(accuracy_table({**predictions, "oracle": oracle}, test.lonlat))
    plain, weighted = predictions["plain"], predictions["weighted"]
    gain, low, high = geoscore_difference(weighted, plain, test.lonlat, blocks[is_test])
    print(f"Weighted minus plain: {gain:+.0f} GeoScore, 95 % interval over blocks {low:+.0f} to {high:+.0f}.")
    print("That is one seed: try several with --seed before you believe a difference.")


def fit_scheme(photos: variogeo.PointEmbeddings, most: int, seed: int) -> variogeo.ResidualWeighting:
    """Return the weighting from the curve of at most ``most`` photos' frozen features."""
    rows = np.random.default_rng(seed).permutation(len(photos.lonlat))[:most]
    bins = variogeo.LagBins.covering(photos.lonlat[rows])
    empirical = variogeo.empirical_variogram(photos.lonlat[rows], photos.embeddings[rows], bins)
    fit = variogeo.fit_variogram(empirical, variogeo.Exponential, weights="equal")
    print(f"{empirical}\n{fit.model}\n{fit.message}\n")
    return variogeo.ResidualWeighting(fit.model, spread=float(np.nanmean(empirical.spread)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", type=Path, help="GeoParquet, or npz with an array lonlat")
    parser.add_argument("--embedding", required=True, help="column (or npz array) of frozen features")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--block", type=float, default=1.0, help="side of a block, degrees")
    parser.add_argument("--curve-photos", type=int, default=5000, help="photos that the curve is fitted on")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
