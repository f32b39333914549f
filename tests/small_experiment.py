"""A small experiment on simulated photos of the bundled places, for the tests of the experiment."""

import dataclasses
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
import torch

from variogeo import PointEmbeddings
from variogeo.experiments import TINY, BlockSizes, _curves, _experiment, _places, _runs
from variogeo.experiments._objectives import Batch
from variogeo.experiments._splits import SplitPhotos
from variogeo.experiments._training import TrainingSettings

SMALL = dataclasses.replace(TINY, photos=1500, feature_width=32, width=16, batch_size=64, curve_photos=600, seeds=2)
WIDE = BlockSizes(known=20.0, new=300.0)


@contextmanager
def few_patches():
    """Take fewer patches for the intervals of the ranges: each asks for a nested fit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_curves, "_PATCHES", 5)
        patch.setattr(_curves, "_FEWEST_PHOTOS", 300)
        yield


@cache
def simulated_photos():
    """Return 1 500 simulated photos of the bundled places."""
    places = _places.PhotoPlaces.bundled(1500)
    features = _experiment.photo_features(places.points, places.position, np.random.default_rng(0), width=32)
    return PointEmbeddings(places.lonlat, features)


@cache
def simulated_split():
    """Return them split by wide blocks."""
    return SplitPhotos.split(simulated_photos(), source="made up", is_simulated=True, blocks=WIDE, gallery=400)


@cache
def simulated_curves():
    """Return the curves of their training part, of three regions too."""
    with few_patches():
        return _curves.Curves.measure(simulated_split().train, _experiment._WORLD_BINS, photos=600, regions=3)


def small_task(folder):
    """Return a task whose runs take a second."""
    return _runs.Task(
        split=simulated_split(),
        curves=simulated_curves(),
        model=_runs.ModelSettings(width=16),
        training=TrainingSettings(epochs=1, batch_size=64),
        coherence=_experiment._WORLD_BINS,
        device="cpu",
        folder=folder,
    )


def some_batch():
    """Return 24 training photos."""
    train = simulated_split().train
    rows = np.random.default_rng(3).permutation(len(train.lonlat))[:24]
    lonlat, features = torch.tensor(train.lonlat[rows]), torch.tensor(train.embeddings[rows])
    return Batch(lonlat, features, lonlat, features, torch.tensor(0.1))
