"""Simulated photo features around a real field of location embeddings, split by spatial blocks."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from variogeo._distances import EARTH_RADIUS, prepare_points
from variogeo._points import PointEmbeddings
from variogeo.experiments._blocks import held_out, spatial_blocks

FEATURE_WIDTH = 256
SCENE_TYPES = 40
UNINFORMATIVE_SHARE = 0.2
"""Share of photos that hardly show where they were taken."""

CONE, PLACE, SCENE, NOISE, OTHER_PLACE = 0.83, 0.32, 0.24, 0.28, 0.20
"""Lengths of the parts of a feature before normalisation."""

DENSITY_KM = 100.0
"""Places within this distance make the density of a place."""

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

        A photo's feature is the normalised sum of a direction common to all photos (the cone
        of CLIP-like features), the place's embedding through a random map, a scene type whose
        probability varies smoothly over the globe and with density, noise with a power-law
        spectrum, and the place embedding of a random photo of the same scene type. The last part
        makes negatives that are similar and far away.

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
        lonlat = _jittered(points.lonlat[position], generator)
        features = _features(points, position, generator)
        order = generator.permutation(len(position))
        train = order[~is_test[position[order]]]
        test = _first_per_block(order[is_test[position[order]]], blocks[position])
        return cls(
            train=PointEmbeddings(lonlat[train], features[train]),
            test=PointEmbeddings(lonlat[test], features[test]),
            gallery=points.lonlat[~is_test],
            test_blocks=blocks[position[test]],
        )


def _first_per_block(rows: npt.NDArray[np.intp], blocks: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the first few of ``rows`` in each block."""
    grouped = rows[np.argsort(blocks[rows], kind="stable")]
    _, starts, counts = np.unique(blocks[grouped], return_index=True, return_counts=True)
    rank = np.arange(len(grouped)) - np.repeat(starts, counts)
    return grouped[rank < TEST_PHOTOS_PER_BLOCK]


def _jittered(lonlat: npt.NDArray[np.float64], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return positions moved by up to ``JITTER_KM`` in any direction."""
    distance = JITTER_KM * np.sqrt(generator.random(len(lonlat))) / KM_PER_DEGREE
    direction = generator.uniform(0, 2 * np.pi, len(lonlat))
    east = distance * np.cos(direction) / np.cos(np.radians(lonlat[:, 1]))
    moved = lonlat + np.column_stack((east, distance * np.sin(direction)))
    moved[:, 0] = (moved[:, 0] + 180) % 360 - 180
    return moved


def _features(
    points: PointEmbeddings, position: npt.NDArray[np.intp], generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return one feature (unit length) per photo at ``position``, a row of ``points``."""
    field = _normalised(points.embeddings.astype(np.float64))
    field = _normalised(field @ generator.normal(size=(field.shape[1], FEATURE_WIDTH)))
    cone = _normalised(generator.normal(size=FEATURE_WIDTH))
    scenes = _normalised(generator.normal(size=(SCENE_TYPES, FEATURE_WIDTH)))
    spectrum = np.arange(1, FEATURE_WIDTH + 1) ** -0.5
    noise = generator.normal(size=(len(position), FEATURE_WIDTH)) * _normalised(spectrum)

    scene = _drawn(_scene_probabilities(points.lonlat, generator)[position], generator)
    other = position[_partners(scene, generator)]
    informative = generator.uniform(0.6, 1.4, size=len(position))
    informative[generator.random(len(position)) < UNINFORMATIVE_SHARE] = 0.1
    misleading = generator.uniform(0, 2, size=len(position))
    features = (
        CONE * cone
        + PLACE * informative[:, None] * field[position]
        + SCENE * scenes[scene]
        + NOISE * noise
        + OTHER_PLACE * misleading[:, None] * field[other]
    )
    return _normalised(features).astype(np.float32)


def _scene_probabilities(lonlat: npt.NDArray[np.float64], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return (n, SCENE_TYPES): smooth functions of the place and of the density of places."""
    sphere = prepare_points(lonlat, "great_circle").unit
    near = sphere @ sphere.T > np.cos(DENSITY_KM / EARTH_RADIUS)
    density = np.log(near.sum(axis=1))
    waves = np.cos(sphere @ generator.normal(scale=4, size=(3, 64)) + generator.uniform(0, 6.3, 64))
    score = waves @ generator.normal(scale=64**-0.5 * 2, size=(64, SCENE_TYPES))
    score += np.outer(density / density.std(), generator.normal(size=SCENE_TYPES))
    probability = np.exp(score - score.max(axis=1, keepdims=True))
    return probability / probability.sum(axis=1, keepdims=True)


def _drawn(probabilities: npt.NDArray[np.float64], generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return one column per row, drawn with the row's probabilities."""
    cumulative = probabilities.cumsum(axis=1)
    cumulative[:, -1] = 1
    return (generator.random((len(cumulative), 1)) < cumulative).argmax(axis=1)


def _partners(scene: npt.NDArray[np.intp], generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return for every photo one of the same scene type, drawn uniformly."""
    partners = np.empty_like(scene)
    for kind in np.unique(scene):
        members = np.flatnonzero(scene == kind)
        partners[members] = generator.permutation(members)
    return partners


def _normalised(vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the vectors at unit length."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
