"""Draw every kind of picture from the bundled photos into a folder, to look at them all: `draw_pictures.py FOLDER`."""

import itertools
import sys
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from shapely import box

import variogeo
from variogeo import Exponential, LagBins, MaskWeighting, ResidualWeighting, datasets, plotting
from variogeo.direction import AzimuthSector, directional_variogram, fit_anisotropy, fit_sectors
from variogeo.inference import jackknife, kmeans_patches, permutation_test
from variogeo.local import hot_pairs, local_excess
from variogeo.regions import grouped_variogram, latitude_bands

BINS = LagBins.logarithmic(5, 15_000, 14)
LATITUDES = [-60, -30, 0, 30, 60]


@cache
def photos() -> tuple[np.ndarray, np.ndarray]:
    """Return 1 500 of the bundled photos."""
    lonlat, embeddings = datasets.geoclip_photos()
    return lonlat[:1500], embeddings[:1500]


@cache
def empirical() -> variogeo.EmpiricalVariogram:
    """Return their variogram with patches."""
    return variogeo.empirical_variogram(*photos(), BINS, patches=kmeans_patches(photos()[0], 25))


@cache
def fit() -> variogeo.VariogramFit:
    """Return its fit."""
    return variogeo.fit_variogram(empirical(), Exponential, weights="equal")


@cache
def directional() -> Any:
    """Return the variograms of four sectors."""
    return directional_variogram(*photos(), LagBins.logarithmic(100, 8000, 8), AzimuthSector.evenly(4))


def draw_variogram(ax: Axes) -> None:
    """Draw the variogram, its fit and its band."""
    plotting.plot_variogram(empirical(), fit(), ax, uncertainty=jackknife(empirical()))


def draw_cloud(ax: Axes) -> None:
    """Draw single pairs."""
    plotting.plot_cloud(*photos(), BINS, ax, model=fit())


def draw_sectors(ax: Axes) -> None:
    """Draw directions."""
    plotting.plot_sectors(directional(), fit_anisotropy(directional(), Exponential), ax)


def draw_rose(ax: Axes) -> None:
    """Draw ranges by azimuth."""
    anisotropy = fit_anisotropy(directional(), Exponential)
    plotting.plot_rose(directional(), fit_sectors(directional(), Exponential), anisotropy, ax)


@cache
def grouped() -> Any:
    """Return the variograms of belts of latitude."""
    lonlat, embeddings = datasets.geoclip_photos()
    return grouped_variogram(lonlat, embeddings, LagBins.logarithmic(20, 4000, 8), latitude_bands(lonlat, LATITUDES))


def draw_groups(ax: Axes) -> None:
    """Draw curves of belts."""
    plotting.plot_groups(grouped(), ax)


def draw_regions(ax: Axes) -> None:
    """Draw the range of each belt on a map."""
    fits = {label: variogeo.fit_variogram(one, Exponential, weights="equal") for label, one in grouped()}
    bands = list(itertools.pairwise(LATITUDES))
    names = [f"{low}..{high}" for low, high in bands]
    shapes = [box(-180, low, 180, high) for low, high in bands]
    polygons = gpd.GeoDataFrame({"band": names}, geometry=shapes, crs="EPSG:4326").assign(
        geometry=lambda g: g.segmentize(90)
    )
    plotting.plot_regions(fits, polygons, "band", ax)


def draw_excess(ax: Axes) -> None:
    """Draw where photos differ from their surroundings, and hard negatives."""
    model = fit().model
    plotting.plot_excess(local_excess(*photos(), model, bins=LagBins([0, 500])), ax)
    plotting.plot_pairs(hot_pairs(*photos(), model, kind="hard_negative", count=25), ax)


def draw_envelope(ax: Axes) -> None:
    """Draw a permutation test."""
    lonlat, embeddings = photos()
    plotting.plot_envelope(permutation_test(lonlat[:400], embeddings[:400], BINS, permutations=199), ax)


def draw_weights(ax: Axes) -> None:
    """Draw a scheme over lag and dissimilarity."""
    plotting.plot_weights(ResidualWeighting.hard_negatives(fit().model, 2.0) + MaskWeighting(within=25.0), ax)


def draw_training(ax: Axes) -> None:
    """Draw losses that fall, of three seeds each."""
    random, step = np.random.default_rng(0), np.arange(400)
    curves = {
        name: 2 + 4 * np.exp(-step / scale) + random.normal(0, 0.15, (3, 400)).cumsum(axis=1) / 25
        for name, scale in (("plain", 80), ("weighted", 60))
    }
    plotting.plot_training(curves, ax)


def draw_comparison(ax: Axes) -> None:
    """Draw a space before and after its rows were mixed with the positions."""
    lonlat, embeddings = photos()
    angle = np.radians(lonlat)
    place = np.column_stack([np.cos(angle[:, 0]) * np.cos(angle[:, 1]), np.sin(angle[:, 0]), np.sin(angle[:, 1])])
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    after = variogeo.empirical_variogram(
        lonlat, np.hstack([unit, 0.5 * place]), BINS, patches=kmeans_patches(lonlat, 25)
    )
    both = {"before": empirical(), "after": after}
    plotting.plot_comparison(both, ax, uncertainties={name: jackknife(one) for name, one in both.items()})


def pictures() -> Iterator[tuple[str, Callable[[Axes], None]]]:
    """Yield the name of each picture and what draws it."""
    for name, draw in globals().items():
        if name.startswith("draw_") and callable(draw):
            yield name.removeprefix("draw_"), draw


def main(folder: str) -> None:
    """Draw them all, each smaller than 60 kB."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, draw in pictures():
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        draw(figure.subplots(subplot_kw={"projection": "polar"} if name == "rose" else None))
        buffer = BytesIO()
        figure.savefig(buffer, dpi=90)
        Image.open(buffer).convert("RGB").quantize(200).save(Path(folder) / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
