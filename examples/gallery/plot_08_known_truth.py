"""
Simulate a field and get its curve back
=======================================

Before you trust a method on data, try it where you know the answer. ``gaussian_field`` makes embeddings with a
variogram of your choice.
"""

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins, empirical_variogram, fit_variogram
from variogeo.plotting import plot_variogram
from variogeo.synthetic import gaussian_field, uniform_lonlat

truth = Exponential(nugget=0.1, partial_sill=0.3, effective_range=3000.0)
lonlat = uniform_lonlat(1500, seed=3)

# %%
# Every column is a field of its own. With few of them the curve of one field strays from the truth; with many, their
# mean comes near it.
lags = np.linspace(50, 11_000, 200)
fig, axes = plt.subplots(1, 2, figsize=(13, 4.4), layout="constrained", sharey=True)
for ax, dimensions in zip(axes, (2, 256), strict=True):
    values = gaussian_field(lonlat, truth, dimensions=dimensions, seed=3)
    empirical = empirical_variogram(lonlat, values, LagBins.linear(0, 10_000, 20), dissimilarity="half_squared")
    fit = fit_variogram(empirical, Exponential)
    plot_variogram(empirical, fit, ax=ax)
    ax.plot(lags, truth(lags), color="black", linewidth=1.2, label="truth")
    ax.legend(frameon=False, fontsize="small", loc="center right", title=f"{dimensions} dimensions")
    print(f"{dimensions:3d} dimensions: {fit.model}")
print(f"         truth: {truth}")
plt.show()
