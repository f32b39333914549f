"""
Add up parts
============

A variogram keeps sums, so parts add with ``+``: files, workers, countries. Pairs across two parts are in neither, and
so not in their sum. That is what you want of countries, and not of a file that was cut at random.
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import LagBins

lonlat, embeddings = variogeo.datasets.geoclip_photos()
bins = LagBins.logarithmic(1, 20_000, 20)

# %%
# The photos of the Americas, and those of the rest of the Earth.
west = lonlat[:, 0] < -30
parts = [variogeo.empirical_variogram(lonlat[rows], embeddings[rows], bins) for rows in (west, ~west)]
merged = parts[0] + parts[1]
whole = variogeo.empirical_variogram(lonlat, embeddings, bins)

# %%
# Up to some thousand kilometres they agree. Beyond, the pairs across the Atlantic are missing.
fig, (above, below) = plt.subplots(2, 1, figsize=(7, 6), layout="constrained", sharex=True, height_ratios=[2, 1])
for one, style, name in ((whole, "o", "all photos"), (merged, "x", "sum of two parts")):
    above.plot(one.lag, one.semivariance, style, markerfacecolor="none", label=name)
above.set(ylabel="semivariance (1 - cos)", ylim=(0, None))
above.legend(frameon=False, loc="lower right")
below.plot(whole.lag, merged.npairs / whole.npairs, "o-", color="#6b7280", markersize=4)
below.set(xscale="log", xlabel="lag (km)", ylabel="share of all pairs", ylim=(0, 1.05))
below.xaxis.set_major_formatter("{x:,.0f}")
print(f"{merged.npairs.sum():,} of {whole.npairs.sum():,} pairs")
plt.show()
