"""
A sample of pairs
=================

The number of pairs grows with the square of the photos. A sample that takes as many from each bin knows its own error.
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import LagBins, StratifiedPairs

lonlat, embeddings = variogeo.datasets.geoclip_photos()
bins = LagBins.logarithmic(1, 20_000, 20)
every = variogeo.empirical_variogram(lonlat, embeddings, bins)

# %%
# The error is that of choosing pairs, and so 0 where a bin has no more pairs than its share. It says nothing about
# other photos: for that see the jackknife.
fig, ax = plt.subplots(figsize=(7, 4.3), layout="constrained")
ax.axhline(0, color="black", linewidth=1, label=f"all {every.npairs.sum():,} pairs")
for count, shift in ((2_000, 0.93), (50_000, 1.07)):
    sample = variogeo.empirical_variogram(lonlat, embeddings, bins, pairs=StratifiedPairs(count, seed=1))
    difference, error = sample.semivariance - every.semivariance, 1.96 * sample.standard_error
    label = f"{sample.npairs.sum():,} pairs, 95 %"
    ax.errorbar(every.lag * shift, difference, error, fmt="o", markersize=4, capsize=2, label=label)
    drawn = sample.standard_error > 0
    within = (abs(difference) <= error)[drawn].sum()
    print(f"{count:6,d} pairs: {drawn.sum()} bins are sampled, the truth is within the error in {within} of them")
ax.set(xscale="log", xlabel="lag (km)", ylabel="difference from all pairs")
ax.xaxis.set_major_formatter("{x:,.0f}")
ax.legend(frameon=False)
plt.show()
