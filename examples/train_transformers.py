"""Train a small CLIP of transformers on photos and texts of their places, with weighted negatives.

Runs in seconds on the bundled photos: GeoCLIP's location embeddings with noise, 2 x 16 x 16 numbers, stand for images
and for their frozen features. The model is made from a config. The lines that change are marked: four, as the Trainer
takes the labels, the name of their column and the loss one by one::

    pip install 'variogeo[transformers]'
    python examples/train_transformers.py --output runs/clip
"""

import argparse

try:
    from variogeo.trainers.transformers import weighted_loss
except ImportError as reason:
    raise SystemExit(str(reason)) from None

import numpy as np
import torch
from torch.utils.data import Subset
from transformers import CLIPConfig, CLIPModel, Trainer, TrainingArguments

import variogeo
from variogeo.datasets import geoclip_photos
from variogeo.evaluation import median_error
from variogeo.nn import NegativeWeights

TOWER = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4}
TEXT = {**TOWER, "vocab_size": 130, "max_position_embeddings": 20, "bos_token_id": 128, "eos_token_id": 129}
VISION = {**TOWER, "image_size": 16, "patch_size": 8, "num_channels": 2}


def main() -> None:
    """Fit the curve, train, and look up places for the photos that were held out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="runs/clip", help="folder of the Trainer (default: %(default)s)")
    output = parser.parse_args().output
    lonlat, features = toy_photos()
    held_out = np.arange(len(lonlat)) % 5 == 0
    known, frozen = lonlat[~held_out], features[~held_out]
    empirical = variogeo.empirical_variogram(known, frozen, variogeo.LagBins.covering(known))
    curve = variogeo.fit_variogram(empirical, variogeo.Exponential).model
    scheme = variogeo.ResidualWeighting.hard_negatives(curve, 1.0, spread=variogeo.LagSpread.of(empirical))
    weights = NegativeWeights(scheme, order="lonlat", units="deg", feature_width=empirical.width)  # <- variogeo
    texts = variogeo.location_text(lonlat, "{latitude:+06.2f} {longitude:+07.2f}")
    tokens = torch.tensor([[128, *text.encode(), 129] for text in texts])
    images = torch.tensor(features).reshape(-1, 2, 16, 16) * 22
    labels = torch.tensor(np.hstack([lonlat, features]))  # <- variogeo
    pairs = [
        {"input_ids": token, "pixel_values": image, "labels": label}
        for token, image, label in zip(tokens, images, labels, strict=True)
    ]
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=32))
    arguments = TrainingArguments(
        output, max_steps=100, per_device_train_batch_size=128, learning_rate=3e-3, logging_steps=20,
        save_strategy="no", report_to=[], use_cpu=True, dataloader_pin_memory=False,
        label_names=["labels"],  # <- variogeo
    )  # fmt: skip
    trainer = Trainer(
        model, arguments, train_dataset=Subset(pairs, np.flatnonzero(~held_out).tolist()),
        compute_loss_func=weighted_loss(weights),  # <- variogeo
    )  # fmt: skip
    trainer.train()
    with torch.no_grad():
        logits = model.eval()(input_ids=tokens[~held_out], pixel_values=images[held_out]).logits_per_image
    nearest = known[logits.argmax(dim=1).numpy()]
    print(f"median error of {held_out.sum()} held-out photos: {median_error(nearest, lonlat[held_out]):.0f} km")


def toy_photos() -> tuple[np.ndarray, np.ndarray]:
    """Return places and what stands for the frozen features of their photos."""
    lonlat, embeddings = geoclip_photos()
    unit = embeddings / np.linalg.norm(embeddings.astype(np.float32), axis=1, keepdims=True)
    return lonlat, (unit + np.random.default_rng(0).normal(0.0, 0.02, unit.shape)).astype(np.float32)


if __name__ == "__main__":
    main()
