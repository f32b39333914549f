"""The photos that come with the package."""

import importlib.resources

import numpy as np
import pytest

from variogeo.datasets import geoclip_photos


def test_photos_have_one_embedding_per_position_in_the_documented_types() -> None:
    lonlat, embeddings = geoclip_photos()
    assert (lonlat.shape, lonlat.dtype) == ((2500, 2), np.float64)
    assert (embeddings.shape, embeddings.dtype) == ((2500, 512), np.float16)
    assert np.isfinite(embeddings).all()


def test_longitude_is_the_first_column() -> None:
    longitude, latitude = geoclip_photos().lonlat.T
    assert 170 < np.abs(longitude).max() <= 180
    assert np.abs(latitude).max() < 90


def test_no_position_is_repeated() -> None:
    lonlat, _ = geoclip_photos()
    assert len(np.unique(lonlat, axis=0)) == len(lonlat)


def test_every_lag_from_one_to_twenty_thousand_kilometres_has_hundreds_of_pairs() -> None:
    longitude, latitude = np.radians(geoclip_photos().lonlat).T
    sphere = np.stack(
        (
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        )
    )
    # Differences per axis: the dot product loses the short lags to rounding.
    squared_chord = sum(np.subtract.outer(axis, axis) ** 2 for axis in sphere)
    lag = 2 * 6371.0088 * np.arcsin(np.sqrt(squared_chord[np.triu_indices(2500, 1)]).clip(0, 2) / 2)
    npairs, _ = np.histogram(lag, np.geomspace(1, 20_000, 21))
    assert npairs.min() > 500


def test_close_photos_have_similar_embeddings() -> None:
    # One photo and its nearest: GeoCLIP's mean cosine distance below 1 km is 0.023.
    lonlat, embeddings = geoclip_photos()
    offset = lonlat - lonlat[0]
    offset[:, 0] *= np.cos(np.radians(lonlat[0, 1]))
    nearest = np.argsort(np.linalg.norm(offset, axis=1))[[0, 1, -1]]
    unit = embeddings[nearest].astype(float)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[2]


def test_arrays_are_read_only() -> None:
    lonlat, embeddings = geoclip_photos()
    with pytest.raises(ValueError, match="read-only"):
        lonlat[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        embeddings[0] = 0


def test_the_licence_lies_beside_the_file() -> None:
    licence = importlib.resources.files("variogeo") / "data" / "GEOCLIP_LICENSE.txt"
    assert "Copyright (c) 2024 Vicente Vivanco" in licence.read_text(encoding="utf-8")
