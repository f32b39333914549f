"""A small two-tower geolocalisation model, with and without weighted negatives. Needs torch."""

import variogeo.nn  # noqa: F401  first, because it says which extra is missing without torch
from variogeo.experiments._accuracy import accuracy_table, geoscore_difference, nearest_places
from variogeo.experiments._blocks import block_interval, held_out, spatial_blocks
from variogeo.experiments._training import predict, train
from variogeo.experiments._two_tower import TwoTower
from variogeo.experiments._world import PhotoWorld

__all__ = [
    "PhotoWorld",
    "TwoTower",
    "accuracy_table",
    "block_interval",
    "geoscore_difference",
    "held_out",
    "nearest_places",
    "predict",
    "spatial_blocks",
    "train",
]
