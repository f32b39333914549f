"""Simulated frozen features of photos around a real field of location embeddings."""

from typing import Any

import numpy as np
import numpy.typing as npt

from variogeo._distances import EARTH_RADIUS, prepare_points
from variogeo._points import PointEmbeddings

SCENE_TYPES = 40
UNINFORMATIVE_SHARE = 0.2
"""Share of photos that hardly show where they were taken."""

CONE, PLACE, SCENE, NOISE, OTHER_PLACE = 0.83, 0.32, 0.24, 0.28, 0.20
"""Lengths of the parts of a feature before normalisation."""

DENSITY_KM = 100.0
"""Places within this distance make the density of a place."""


def photo_features(
    points: PointEmbeddings, position: npt.NDArray[np.intp], generator: np.random.Generator, *, width: int
) -> npt.NDArray[np.float32]:
    r"""Return one simulated frozen feature (unit length) per photo.

    .. math:: f = \operatorname{normalise}(0.83\, m + 0.32\, u P E(x) + 0.24\, T + 0.28\, \epsilon + 0.20\, v P E(x'))

    ``m`` is a direction common to all photos (the cone of CLIP-like features), ``E`` the location embedding, ``P`` a
    random map, ``u`` how much a photo shows of its place (a fifth show hardly anything), ``T`` one of 40 scene types
    whose probability is smooth in place and density, ``epsilon`` noise with a power-law spectrum, and ``x'`` the place
    of another photo of the same scene type. The last part makes negatives that are similar and far away.

    Parameters
    ----------
    points : PointEmbeddings
        Places (degrees, longitude first) and their location embeddings (n, d).
    position : (k,) int array
        Row of ``points`` for every photo.
    generator : numpy.random.Generator
    width : int
        Width of the features.

    Returns
    -------
    (k, width) float32 array
    """
    field = normalised(points.embeddings.astype(np.float64))
    field = normalised(field @ generator.normal(size=(field.shape[1], width)))
    cone = normalised(generator.normal(size=width))
    scenes = normalised(generator.normal(size=(SCENE_TYPES, width)))
    spectrum = np.arange(1, width + 1) ** -0.5
    noise = generator.normal(size=(len(position), width)) * normalised(spectrum)

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
    return normalised(features).astype(np.float32)


def _scene_probabilities(lonlat: npt.NDArray[np.float64], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return (n, SCENE_TYPES): smooth functions of the place and of the density of places."""
    from scipy.spatial import KDTree

    sphere = prepare_points(lonlat, "great_circle").unit
    chord = 2 * np.sin(DENSITY_KM / EARTH_RADIUS / 2)
    density = np.log(KDTree(sphere).query_ball_point(sphere, chord, return_length=True))
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


def normalised(vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the vectors at unit length."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
