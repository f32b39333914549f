"""
A messy table
=============

Tables come with missing geometries and missing vectors, in a CRS of their own, with a column that says which photos
were taken together. The doors of ``variogeo.io`` turn them into points, and say what they left out.
"""

import tempfile
from pathlib import Path

import geopandas as gpd
import matplotlib.pyplot as plt

import variogeo
from variogeo.io import read_points

# %%
# Such a table, as GeoParquet in the projection of Europe's statistics.
photos = variogeo.datasets.geoclip_photos()
near = (abs(photos.lonlat - [8, 50]) < [17, 12]).all(axis=1)
lonlat, vectors = photos.lonlat[near], list(photos.embeddings[near].astype("float32"))
vectors[4] = vectors[11] = None
walks = [f"walk {row // 5}" for row in range(len(lonlat))]
table = gpd.GeoDataFrame({"clip": vectors, "walk": walks}, geometry=gpd.points_from_xy(*lonlat.T), crs="EPSG:4326")
table.loc[7, "geometry"] = None

# %%
# Missing rows are refused, with their numbers, unless they are asked to be left out. Rows never shift.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "photos.parquet")
    table.to_crs("EPSG:3035").to_parquet(path)
    try:
        read_points(path, embedding="clip")
    except ValueError as error:
        print(str(error).removeprefix(folder))
    points = read_points(path, embedding="clip", group="walk", missing="drop", model_id="geoclip-1.3")
print(f"{len(points)} points from {points.crs}, without the rows {points.dropped}")

# %%
# Points go where ``lonlat`` and ``embeddings`` go, with a star. Pairs of one walk are left out: they say how alike the
# frames of a walk are, and not how alike places are.
bins = variogeo.LagBins.logarithmic(10, 2500, 12)
empirical = variogeo.empirical_variogram(*points, bins, exclude=points.groups)
ax = variogeo.plotting.plot_variogram(empirical)
plt.show()
