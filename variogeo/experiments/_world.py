"""Simulated photo features around a real field of location embeddings, split by spatial blocks."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from variogeo._cards import settings_html
from variogeo._points import PointEmbeddings
from variogeo.experiments._blocks import held_out, some_per_block, spatial_blocks
from variogeo.experiments._features import photo_features

FEATURE_WIDTH = 256
JITTER_KM = 0.3
KM_PER_DEGREE = 111.2
BLOCK_DEGREES = 0.5
TEST_SHARE = 0.2
"""Share of the blocks that is held out."""

TEST_PHOTOS_PER_BLOCK = 10
"""At most so many, because photos of one block err together."""


@dataclass(frozen=True, eq=False)
class PhotoWorld:
    """Simulated photos of real places, in a training and a test part.

    The places of the test photos lie in blocks of half a degree without a training place: new regions.

    Parameters
    ----------
    train, test : PointEmbeddings
        Position (degrees) and frozen feature (unit length, float32) of every photo.
    gallery : (m, 2) float64 array, degrees
        The training positions without jitter: the places that may be predicted.
    test_blocks : (n,) int array
        Number of the block of every test photo.

    Notes
    -----
    It is a simulation: what a scheme gains here says nothing about photographs.
    """

    train: PointEmbeddings
    test: PointEmbeddings
    gallery: npt.NDArray[np.float64]
    test_blocks: npt.NDArray[np.intp]

    @classmethod
    def simulate(cls, points: PointEmbeddings, *, photos_per_position: int = 12, seed: int = 0) -> Self:
        """Simulate photos of the given places.

        `photo_features` says how a photo's feature is made.

        Parameters
        ----------
        points : PointEmbeddings
            Places (degrees, longitude first) and their location embeddings (n, d).
        photos_per_position : int
            Photos of each place, at most 300 m from it.
        seed : int
            Seed of everything random.

        Returns
        -------
        world : PhotoWorld
        """
        generator = np.random.default_rng(seed)
        blocks = spatial_blocks(points.lonlat, degrees=BLOCK_DEGREES)
        is_test = held_out(blocks, share=TEST_SHARE, seed=seed)
        position = np.repeat(np.arange(len(points.lonlat)), photos_per_position)
        lonlat = moved(points.lonlat[position], JITTER_KM, generator)
        features = photo_features(points, position, generator, width=FEATURE_WIDTH)
        order = generator.permutation(len(position))
        train = order[~is_test[position[order]]]
        test = some_per_block(order[is_test[position[order]]], blocks[position], most=TEST_PHOTOS_PER_BLOCK)
        return cls(
            train=PointEmbeddings(lonlat[train], features[train]),
            test=PointEmbeddings(lonlat[test], features[test]),
            gallery=points.lonlat[~is_test],
            test_blocks=blocks[position[test]],
        )

    _repr_html_ = settings_html


def moved(lonlat: npt.NDArray[np.float64], most_km: float, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return positions moved by up to ``most_km`` in any direction, uniformly over the disc."""
    distance = most_km * np.sqrt(generator.random(len(lonlat))) / KM_PER_DEGREE
    direction = generator.uniform(0, 2 * np.pi, len(lonlat))
    east = distance * np.cos(direction) / np.cos(np.radians(lonlat[:, 1]))
    places = lonlat + np.column_stack((east, distance * np.sin(direction)))
    places[:, 0] = (places[:, 0] + 180) % 360 - 180
    return places
