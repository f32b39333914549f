"""
Hard negatives and likely false negatives on a map
==================================================

Against a curve there are three kinds of pairs. A **hard negative** is far and alike; a **likely false negative** is
near and more alike than its lag lets expect; others are as expected. ``hot_pairs`` finds the strongest of a kind.
"""

import matplotlib.pyplot as plt
import numpy as np

import variogeo
from variogeo import Exponential
from variogeo.inference import cell_patches
from variogeo.local import PairKind, count_pair_kinds, hot_pairs

lonlat, embeddings = variogeo.datasets.geoclip_photos()
empirical = variogeo.empirical_variogram(lonlat, embeddings, variogeo.LagBins.logarithmic(1, 20_000, 20))
curve = variogeo.fit_variogram(empirical, (Exponential, Exponential), weights="equal").model

# %%
# How many there are, when a pair as expected lies within the usual spread around the curve.
print(count_pair_kinds(lonlat, embeddings, curve, tolerance=np.nanmedian(empirical.spread)))

# %%
# The strongest 80 beyond 3 000 km, of one photo in each cell of 50 km: else all of them would join the same few towns.
# The result is a GeoDataFrame, one line for each pair: ``hard.explore()`` shows it in the browser,
# ``hard.to_file("hard.gpkg")`` takes it to QGIS.
rows = np.unique(cell_patches(lonlat, 50.0), return_index=True)[1]
kind = PairKind("hard_negative", beyond=3000.0)
hard = hot_pairs(lonlat[rows], embeddings[rows], curve, kind=kind, count=80)
print(hard[["lag", "dissimilarity", "expected"]].head().round(2))
fig, ax = plt.subplots(figsize=(10, 5), layout="constrained")
ax.scatter(*lonlat.T, s=3, color="#9aa3ad", zorder=1)
variogeo.plotting.plot_pairs(hard, ax=ax)
ax.set(xlim=(-180, 180), ylim=(-60, 80))
plt.show()
