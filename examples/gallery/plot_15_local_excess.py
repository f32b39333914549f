"""
Where one curve does not hold
=============================

One curve for all the Earth describes no part of it exactly. ``local_excess`` asks each photo whether those around it
are more unlike it than the curve expects (red) or more alike (blue).
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import Exponential, LagBins
from variogeo.local import local_excess

lonlat, embeddings = variogeo.datasets.geoclip_photos()
empirical = variogeo.empirical_variogram(lonlat, embeddings, LagBins.logarithmic(1, 20_000, 20))
curve = variogeo.fit_variogram(empirical, (Exponential, Exponential), weights="equal").model

# %%
# Pairs up to 200 km. A photo without a neighbour so near has no excess, and is not drawn.
excess = local_excess(lonlat, embeddings, curve, bins=LagBins([0, 200]))
fig, ax = plt.subplots(figsize=(10, 4.8), layout="constrained")
variogeo.plotting.plot_excess(excess, ax=ax)
ax.set(xlim=(-180, 180), ylim=(-60, 80))
plt.show()

# %%
# Dense Europe and North America made the curve. Remote places are more alike than it expects.
print(excess.drop(columns="geometry").describe().round(3))
