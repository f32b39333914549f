"""
How sure is a curve?
====================

Pairs share photos, and neighbours share their surroundings: errors from the number of pairs are too small by factors.
The jackknife leaves out one part of the Earth at a time.
"""

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo.inference import fit_intervals, jackknife, kmeans_patches
from variogeo.plotting import plot_variogram
from variogeo.synthetic import gaussian_field, uniform_lonlat

truth = Exponential(nugget=0.1, partial_sill=0.3, effective_range=3000.0)
lonlat = uniform_lonlat(1000, seed=1)
values = gaussian_field(lonlat, truth, dimensions=16, seed=1)

# %%
# Patches should be about as wide as the effective range, or wider, and there should be dozens of them.
empirical = empirical_variogram(
    lonlat, values, LagBins.linear(0, 10_000, 20), dissimilarity="half_squared", patches=kmeans_patches(lonlat, 40)
)
uncertainty = jackknife(empirical)
ax = plot_variogram(empirical, uncertainty=uncertainty)
ax.plot(empirical.lag, truth(empirical.lag), color="black", linewidth=1.2, label="truth")
ax.legend(frameon=False, fontsize="small", loc="center right")
plt.show()

# %%
# The band holds the truth in nearly all bins; the error that takes pairs for independent is smaller by factors.
lower, upper = uncertainty.band().T
inside = (lower < truth(empirical.lag)) & (truth(empirical.lag) < upper)
naive = empirical.spread / empirical.npairs**0.5
print(f"The truth is within the band in {inside.sum()} of {len(empirical.bins)} bins.")
print(f"Jackknife over naive error, median: {np.median(uncertainty.standard_error / naive):.1f}")
print(fit_intervals(uncertainty, Exponential))
