"""
Which bins?
===========

The bins decide what can be seen. Photos are clustered in towns, so their curve rises within the first kilometres, and
even bins over thousands of kilometres miss that.
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import LagBins

lonlat, embeddings = variogeo.datasets.geoclip_photos()

# %%
# Three choices: as wide as each other, as wide in the logarithm, and the proposal for these points, which ends at half
# of their extent.
choices = {
    "linear(0, 5000, 15)": LagBins.linear(0, 5000, 15),
    "logarithmic(1, 5000, 15)": LagBins.logarithmic(1, 5000, 15),
    "covering(lonlat)": LagBins.covering(lonlat),
}
fig, axes = plt.subplots(1, 3, figsize=(15, 4.4), layout="constrained", sharey=True)
for ax, (name, bins) in zip(axes, choices.items(), strict=True):
    empirical = variogeo.empirical_variogram(lonlat, embeddings, bins)
    variogeo.plotting.plot_variogram(empirical, ax=ax)
    ax.text(0.97, 0.3, name, transform=ax.transAxes, horizontalalignment="right")
    first = empirical.lag[0]
    print(f"{name:25s} {len(bins)} bins, the first with {empirical.npairs[0]} pairs at a mean lag of {first:.3g} km")

# %%
# The first of the even bins takes pairs of one street and pairs of two countries together, so that nearly all of the
# rise is hidden in one point. Bins that are even in the logarithm show it, as long as each holds dozens of pairs.
plt.show()
