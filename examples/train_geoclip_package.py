"""Train the GeoCLIP of the package geoclip with its own ``train()``, with weighted negatives.

The photos are simulated: places that come with variogeo, and frozen features made from them. For your own, take CLIP's
image features of your photos, and ``GeoCLIP()`` with the real backbone. The lines that change are marked::

    python examples/train_geoclip_package.py
"""

import sys
import tempfile

try:
    import torch
    from geoclip import GeoCLIP, train
    from torch.utils.data import DataLoader, TensorDataset
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel
except (ImportError, RuntimeError) as reason:  # RuntimeError: a torchvision of another torch
    sys.exit(
        f"{reason}. This example needs pip install 'variogeo[geoclip]' (in a checkout '.[geoclip]'); for a torch "
        "without CUDA add --extra-index-url https://download.pytorch.org/whl/cpu, which has its torchvision."
    )

import numpy as np

import variogeo
from variogeo.nn import NegativeWeights
from variogeo.trainers.geoclip import FeatureEncoder, WeightedGeoCLIP, evaluate_gallery


def main(epochs: int = 1, batch_size: int = 64, seed: int = 0) -> None:
    """Fit the curve, train, print the evaluation over the gallery of the training places."""
    torch.manual_seed(seed)
    lonlat, features = simulated_photos(seed)
    is_test = np.arange(len(lonlat)) % 5 == 0
    gps = torch.tensor(lonlat[:, ::-1].astype(np.float32))
    training = TensorDataset(torch.tensor(features[~is_test]), gps[~is_test])
    test = TensorDataset(torch.tensor(features[is_test]), gps[is_test])
    model = geoclip_for_features(queue_size=batch_size)
    scheme = fit_scheme(lonlat[~is_test], features[~is_test])
    weights = NegativeWeights(scheme, order="latlon", units="deg", feature_width=features.shape[1])  # <- variogeo
    weighted = WeightedGeoCLIP(model, weights, batch_noise=150, queue_noise=1000)  # <- variogeo
    loader = DataLoader(training, batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.Adam(weighted.parameters(), lr=3e-4, weight_decay=1e-6)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.87)
    for epoch in range(epochs):
        train(loader, weighted, optimizer, epoch, batch_size, "cpu", scheduler)  # the queue is full after one batch
    print(evaluate_gallery(model, DataLoader(test, 256), gallery=gps[~is_test]))


def fit_scheme(lonlat: np.ndarray, features: np.ndarray) -> variogeo.Weighting:
    """Return hard negatives beyond the range of the curve of the frozen features."""
    empirical = variogeo.empirical_variogram(lonlat, features, variogeo.LagBins.covering(lonlat))
    fit = variogeo.fit_variogram(empirical, variogeo.Exponential, weights="equal")
    print(fit.model)
    return variogeo.ResidualWeighting.hard_negatives(fit.model, spread=variogeo.LagSpread.of(empirical))


def simulated_photos(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places (longitude, latitude), and a frozen feature of each: its place seen through noise."""
    lonlat, embeddings = variogeo.datasets.geoclip_photos()
    random = np.random.default_rng(seed)
    features = embeddings.astype(np.float32) @ random.normal(size=(512, 768)).astype(np.float32)
    return lonlat, features + 0.5 * features.std() * random.normal(size=features.shape).astype(np.float32) + 0.1


def geoclip_for_features(queue_size: int) -> GeoCLIP:
    """Return a GeoCLIP with the package's weights that takes frozen features; its backbone stays a small stand-in."""
    tower = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = CLIPConfig(text_config=tower, vision_config=tower, projection_dim=768)
    with tempfile.TemporaryDirectory() as folder:
        CLIPModel(config).save_pretrained(folder)
        CLIPImageProcessor().save_pretrained(folder)
        model = GeoCLIP(queue_size=queue_size, clip_path=folder)
    model.image_encoder = FeatureEncoder(model.image_encoder.mlp)
    return model


if __name__ == "__main__":
    main()
