"""
Curves by region, on a map
==========================

One curve for all the Earth hides that parts of it differ. Polygons give each photo its region, each region gets its
curve from the pairs within it, and a map shows a parameter of the fits.
"""

import itertools

import geopandas as gpd
import matplotlib.pyplot as plt
from shapely import box

import variogeo
from variogeo import Exponential, LagBins, fit_variogram
from variogeo.plotting import plot_groups, plot_regions
from variogeo.regions import grouped_variogram, labels_in_polygons

lonlat, embeddings = variogeo.datasets.geoclip_photos()

# %%
# Three parts of the Earth, cut into belts of latitude. Any polygons with a CRS will do, such as countries of a file.
parts, belts = {"America": (-170, -30), "Europe, Africa": (-30, 60), "Asia, Pacific": (60, 180)}, (-60, -23.5, 23.5, 75)
rows = [
    (f"{part} {low:g}..{high:g}", box(west, low, east, high))
    for part, (west, east) in parts.items()
    for low, high in itertools.pairwise(belts)
]
names, shapes = zip(*rows, strict=True)
polygons = gpd.GeoDataFrame({"name": names}, geometry=list(shapes), crs="EPSG:4326")
labels = labels_in_polygons(lonlat, polygons, "name")

# %%
# Regions with too few photos for a curve are grey on the map.
bins = LagBins.logarithmic(5, 3000, 10)
counts = {name: int((labels == name).sum()) for name in polygons["name"]}
print(counts)
many = [name if counts.get(name, 0) >= 100 else "" for name in labels]
grouped = grouped_variogram(lonlat, embeddings, bins, many)
fits = {name: fit_variogram(one, Exponential, weights="equal") for name, one in grouped}
fig, (above, below) = plt.subplots(2, 1, figsize=(9, 9.5), layout="constrained")
plot_groups(grouped, ax=above)
plot_regions(fits, polygons, "name", ax=below, parameter="sill")
below.plot(*lonlat.T, ".", color="black", markersize=2)
plt.show()

# %%
# Regions differ in their curves by chance as well: ``variogeo.inference.compare_groups`` tests that.
