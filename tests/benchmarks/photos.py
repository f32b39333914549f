"""Photos to measure with: real positions, and embeddings with a smooth spatial part."""

import csv
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks import settings
from variogeo.synthetic import uniform_lonlat

WIDTH = 512
GALLERY = 100_000
SEED = 20_260_101
_WHEEL = "geoclip==1.3.0"
_TABLE = "geoclip/model/gps_gallery/coordinates_100K.csv"
_WAVES = 32
_ROWS = 4096
_JITTER = 0.02
"""Standard deviation, in degrees, of the noise on positions that are drawn again: about 2 km."""


@dataclass(frozen=True)
class Photos:
    """Positions and unit embeddings.

    Attributes
    ----------
    lonlat : (n, 2) float array, degrees
    embeddings : (n, d) float32 array
        Unit vectors.
    """

    lonlat: NDArray[np.float64]
    embeddings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lonlat)

    def first(self, count: int) -> "Photos":
        """Return the first photos."""
        return Photos(self.lonlat[:count], self.embeddings[:count])


def photos(count: int) -> Photos:
    """Return ``count`` photos: the first of the shuffled gallery, beyond its size drawn again with jitter."""
    return _photos(max(count, GALLERY)).first(count)


def few_photos(count: int) -> Photos:
    """Return photos without making all: the same positions, for a fresh process that measures memory."""
    lonlat = positions(max(count, GALLERY))[0][:count]
    return Photos(lonlat, embeddings(lonlat, WIDTH))


@lru_cache(maxsize=1)
def _photos(count: int) -> Photos:
    lonlat = positions(count)[0]
    return Photos(lonlat, embeddings(lonlat, WIDTH))


@lru_cache(maxsize=2)
def positions(count: int) -> tuple[NDArray[np.float64], str]:
    """Return shuffled positions and where they come from."""
    random = np.random.default_rng(SEED)
    gallery = _gallery()
    if gallery is None:
        return uniform_lonlat(count, seed=SEED), "uniform on the sphere, because the gallery was not fetched"
    source = "real photo positions, the gallery of the package geoclip 1.3.0, shuffled"
    if count <= len(gallery):
        return random.permutation(gallery)[:count], source
    drawn = gallery[random.integers(0, len(gallery), count)] + random.normal(0.0, _JITTER, (count, 2))
    drawn[:, 0] = (drawn[:, 0] + 180.0) % 360.0 - 180.0
    drawn[:, 1] = np.clip(drawn[:, 1], -90.0, 90.0)
    return drawn, f"{source}; beyond its {GALLERY:,} drawn again with {_JITTER} degrees of noise"


def embeddings(lonlat: NDArray[np.float64], width: int) -> NDArray[np.float32]:
    """Return (n, width) unit vectors: a common direction, smooth waves over the sphere, and white noise.

    Every row depends on its position and its number only, so the first rows are the same for any n.
    """
    random = np.random.default_rng(SEED)
    frequency = random.normal(0.0, 3.0, (3, _WAVES))
    phase = random.uniform(0.0, 2 * np.pi, _WAVES)
    mixing = (random.standard_normal((_WAVES, width)) / np.sqrt(_WAVES)).astype(np.float32)
    common = random.standard_normal(width).astype(np.float32)
    out = np.empty((len(lonlat), width), np.float32)
    for start in range(0, len(lonlat), _ROWS):
        longitude, latitude = np.radians(lonlat[start : start + _ROWS]).T
        unit = np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
        waves = np.cos(unit.T @ frequency + phase).astype(np.float32)
        block = np.random.default_rng([SEED, start]).standard_normal((len(waves), width), np.float32)
        block += common + 2 * (waves @ mixing)
        out[start : start + _ROWS] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return out


def _gallery() -> NDArray[np.float64] | None:
    """Return the (100 000, 2) positions of the gallery, fetched once into the cache, or None."""
    if settings.OFFLINE:
        return None
    wheels = sorted(settings.CACHE.glob("geoclip-1.3.0-*.whl"))
    if not wheels:
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*fetch, "--dest", str(settings.CACHE), _WHEEL], check=False, stderr=subprocess.DEVNULL)
        wheels = sorted(settings.CACHE.glob("geoclip-1.3.0-*.whl"))
    if not wheels:
        return None
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(_TABLE) as table:
        rows = csv.DictReader(io.TextIOWrapper(table, encoding="utf-8"))
        return np.array([(float(row["LON"]), float(row["LAT"])) for row in rows])
