"""
The cloud behind the curve
==========================

A variogram is a mean. The cloud of the pairs says how far single pairs are from it: at most lags the curve rises by
less than they scatter. One pair says little about its distance.
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import Exponential, LagBins
from variogeo.plotting import plot_cloud

lonlat, embeddings = variogeo.datasets.geoclip_photos()
bins = LagBins.logarithmic(1, 20_000, 20)
empirical = variogeo.empirical_variogram(lonlat, embeddings, bins)
fit = variogeo.fit_variogram(empirical, (Exponential, Exponential), weights="equal")

# %%
# As many pairs from each bin are drawn, so that short lags are seen as well as long ones.
fig, ax = plt.subplots(figsize=(8, 4.8), layout="constrained")
plot_cloud(lonlat, embeddings, bins, ax, model=fit)
plt.show()

# %%
# Quantiles of all pairs of a bin are part of the variogram, and need no cloud.
for row in (0, 9, 19):
    low, middle, high = empirical.quantiles([0.1, 0.5, 0.9])[row]
    print(f"at {empirical.lag[row]:8,.0f} km: 10 % below {low:.2f}, half below {middle:.2f}, 90 % below {high:.2f}")
