"""Doors: points with embeddings from arrays, GeoDataFrames, files, files larger than memory, and batches."""

from variogeo.io._arrays import points_from_arrays
from variogeo.io._batches import points_from_batches
from variogeo.io._dequantize import dequantize_alphaearth
from variogeo.io._frames import points_from_geodataframe
from variogeo.io._maps import open_embeddings
from variogeo.io._open import open_points
from variogeo.io._read import read_points

__all__ = [
    "dequantize_alphaearth",
    "open_embeddings",
    "open_points",
    "points_from_arrays",
    "points_from_batches",
    "points_from_geodataframe",
    "read_points",
]
