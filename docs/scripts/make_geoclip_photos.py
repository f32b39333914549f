"""Make ``variogeo/data/geoclip_photos.npz`` from the PyPI package geoclip 1.3.0 (MIT).

The wheel holds a gallery of 100 000 photo positions and the pretrained location encoder, so no
download follows the installation. In a fresh environment of its own, which has a CPU build of
torch (a plain ``pip install geoclip`` would pull a CUDA torchvision, which this script does
not need)::

    pip install --no-deps geoclip==1.3.0
    pip install transformers "huggingface-hub>=1.31,<2" pandas geopy tqdm safetensors pillow
    pip install numpy scipy
    python docs/scripts/make_geoclip_photos.py variogeo/data/geoclip_photos.npz

The rule that chooses the photos, with one seed: repeated positions are dropped; 1 000 anchors are
drawn uniformly; then, for each of the rings 0.1-1, 1-10 and 10-100 km, 500 anchors that have a
photo not chosen yet inside the ring get one such photo, drawn uniformly. Uniform draws alone would
leave the lags below a few kilometres almost empty. Rows are shuffled at the end, so that any slice
of the file is a sample of all of it.
"""

import argparse
import csv
import importlib.resources
import pathlib

import numpy as np
import numpy.typing as npt
import torch
from geoclip import LocationEncoder
from scipy.spatial import KDTree

EARTH_RADIUS_KM = 6371.0088
ANCHORS = 1_000
RINGS_KM = ((0.1, 1.0), (1.0, 10.0), (10.0, 100.0))
PHOTOS_PER_RING = 500
SEED = 20_240_925


def gallery_lonlat() -> npt.NDArray[np.float64]:
    """Return the distinct positions of the gallery, (n, 2) degrees, longitude first."""
    table = importlib.resources.files("geoclip") / "model/gps_gallery/coordinates_100K.csv"
    with table.open(encoding="utf-8") as lines:
        lonlat = [(float(row["LON"]), float(row["LAT"])) for row in csv.DictReader(lines)]
    return np.unique(np.array(lonlat), axis=0)


def chosen_rows(lonlat: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.intp]:
    """Return the rows chosen by the rule in the module's docstring, in shuffled order."""
    generator = np.random.default_rng(seed)
    tree = KDTree(EARTH_RADIUS_KM * _unit_sphere(lonlat))
    anchors = generator.choice(len(lonlat), ANCHORS, replace=False)
    chosen = set(anchors.tolist())
    for low, high in RINGS_KM:
        wanted = len(chosen) + PHOTOS_PER_RING
        for anchor in generator.permutation(anchors):
            within = tree.query_ball_point(tree.data[anchor], high)
            too_near = tree.query_ball_point(tree.data[anchor], low)
            candidates = sorted(set(within) - set(too_near) - chosen)
            if candidates:
                chosen.add(int(generator.choice(candidates)))
            if len(chosen) == wanted:
                break
    return generator.permutation(sorted(chosen))


def location_embeddings(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.float16]:
    """Return the embeddings (n, 512) of the pretrained encoder, which takes latitude first."""
    encoder = LocationEncoder().eval()
    latlon = torch.from_numpy(lonlat[:, ::-1].astype(np.float32))
    with torch.no_grad():
        return encoder(latlon).numpy().astype(np.float16)


def main() -> None:
    """Write the file and print its size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    lonlat = gallery_lonlat()
    lonlat = lonlat[chosen_rows(lonlat, SEED)]
    # Uncompressed: the same bytes with every version of zlib, and float16 noise hardly shrinks.
    np.savez(out, lonlat=lonlat, embeddings=location_embeddings(lonlat))
    print(f"{out}: {len(lonlat)} photos, {out.stat().st_size / 1e6:.2f} MB")


def _unit_sphere(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the points (n, 3) of the unit sphere."""
    longitude, latitude = np.radians(lonlat).T
    return np.column_stack(
        (
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        )
    )


if __name__ == "__main__":
    main()
