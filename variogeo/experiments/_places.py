"""Where the simulated photos were taken: the gallery of the package geoclip, or the bundled photos."""

import contextlib
import csv
import importlib.util
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from variogeo._checks import check_whole
from variogeo._points import PointEmbeddings
from variogeo.datasets import geoclip_photos
from variogeo.experiments._world import moved

RESHOT_SHARE = 0.1
"""Share of the photos that show a place of another photo again."""

RESHOT_KM = 0.5
"""How far they are from it, at most."""

_PLACES_PER_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class PhotoPlaces:
    """Places of photos and GeoCLIP's location embeddings of them.

    Parameters
    ----------
    points : PointEmbeddings
        Places (n, 2), degrees, longitude first, and their location embeddings.
    position : (k,) int array
        Row of ``points`` for every photo.
    lonlat : (k, 2) float64 array, degrees
        Where every photo was taken.
    source : str
        Where they come from, in words.
    """

    points: PointEmbeddings
    position: npt.NDArray[np.intp]
    lonlat: npt.NDArray[np.float64]
    source: str

    @classmethod
    def of_gallery(cls, photos: int, *, seed: int = 0) -> Self:
        """Draw photos from the gallery of the package geoclip, a tenth of them re-shot within 500 m.

        Parameters
        ----------
        photos : int
            At most about 100 000: the gallery has 94 123 places.
        seed : int
            Seed of the draw.

        Raises
        ------
        ValueError
            For more photos than the gallery allows.
        """
        count = check_whole(photos, name="photos", at_least=2)
        reshot = round(RESHOT_SHARE * count)
        gallery = _gallery_lonlat()
        if count - reshot > len(gallery):
            most = int(len(gallery) / (1 - RESHOT_SHARE))
            msg = f"Invalid photos '{photos}'. Must be at most {most}: the gallery has no more places."
            raise ValueError(msg)
        generator = np.random.default_rng(seed)
        first = gallery[generator.permutation(len(gallery))[: count - reshot]]
        again = moved(first[generator.choice(len(first), reshot)], RESHOT_KM, generator)
        lonlat = np.vstack((first, again))
        source = (
            f"{count} photo positions of geoclip's gallery, {reshot} of them re-shot within {RESHOT_KM * 1000:.0f} m"
        )
        return cls(PointEmbeddings(lonlat, _location_embeddings(lonlat)), np.arange(count), lonlat, source)

    @classmethod
    def bundled(cls, photos: int, *, seed: int = 0) -> Self:
        """Draw photos within 500 m of the 2 500 bundled places, for where the package geoclip is absent.

        Parameters
        ----------
        photos : int
        seed : int
            Seed of the draw.
        """
        count = check_whole(photos, name="photos", at_least=2)
        points = geoclip_photos()
        generator = np.random.default_rng(seed)
        position = generator.permutation(np.arange(count) % len(points.lonlat))
        lonlat = moved(points.lonlat[position], RESHOT_KM, generator)
        source = (
            f"{count} photos within {RESHOT_KM * 1000:.0f} m of the {len(points.lonlat)} bundled places, because the "
            "package geoclip is not installed: fewer places, so read less into the figures"
        )
        return cls(points, position, lonlat, source)


def photo_places(photos: int, *, seed: int = 0) -> PhotoPlaces:
    """Return photo positions from geoclip's gallery where that package is installed, or else from the bundled ones.

    Parameters
    ----------
    photos : int
        How many.
    seed : int
        Seed of the draw.

    Examples
    --------
    >>> places = photo_places(50)
    >>> places.lonlat.shape
    (50, 2)
    """
    made = PhotoPlaces.of_gallery if _has_geoclip() else PhotoPlaces.bundled
    return made(photos, seed=seed)


def _gallery_lonlat() -> npt.NDArray[np.float64]:
    """Return the distinct places of the gallery, (n, 2) degrees, longitude first."""
    from geoclip.model import misc

    table = Path(misc.file_dir) / "gps_gallery" / "coordinates_100K.csv"
    with table.open(encoding="utf-8") as lines:
        lonlat = [(float(row["LON"]), float(row["LAT"])) for row in csv.DictReader(lines)]
    return np.unique(np.array(lonlat), axis=0)


def _location_embeddings(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the embeddings (n, 512) of geoclip's pretrained encoder, which takes latitude first."""
    from geoclip import LocationEncoder

    latlon = torch.from_numpy(lonlat[:, ::-1].astype(np.float32))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        encoder = LocationEncoder().eval()
        return torch.cat([encoder(rows) for rows in latlon.split(_PLACES_PER_BLOCK)]).numpy()


def _has_geoclip() -> bool:
    """Whether geoclip can be used; its import is made quiet: it speaks of an image processor that is not needed."""
    if importlib.util.find_spec("geoclip") is None:
        return False
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # geoclip compiles with torch.jit.script, which torch calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import geoclip  # noqa: F401
    return True
