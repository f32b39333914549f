"""
What uneven sampling does
=========================

Photos are taken where people go. If those places differ from the rest, the plain curve is the curve of those places.
Here a third of the photos stand in one town, in which the field varies half as much as in the country.
"""

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo.sampling_bias import compare_weights, density_weights
from variogeo.synthetic import gaussian_field

random = np.random.default_rng(4)
country, town = random.uniform(0, 6, (1000, 2)), random.uniform(2.5, 3.5, (500, 2))
lonlat = np.concatenate([country, town])
in_town = np.all(abs(lonlat - 3) < 0.5, axis=1)
field = gaussian_field(lonlat, Exponential(0.1, 0.3, 200.0), dimensions=64, seed=4)
values = field * np.where(in_town, 0.5, 1.0)[:, None]

# %%
# Weights by inverse density give each part of the area its say. What they should come near is an even sample: the
# photos of the country, to which the town belongs with its share of the area.
bins = LagBins.linear(0, 300, 15)
found = compare_weights(lonlat, values, bins, density_weights(lonlat, 25.0), dissimilarity="half_squared")
even = empirical_variogram(country, values[:1000], bins, dissimilarity="half_squared")

fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained", width_ratios=[1, 1.3])
left.scatter(*lonlat.T, s=4, c=np.where(in_town, "#c2410c", "#1b6ca8"))
left.set(xlabel="longitude (degrees)", ylabel="latitude (degrees)", aspect="equal")
for one, style, name in (
    (found.unweighted, "o-", "every photo alike"),
    (found.weighted, "s-", "inverse density within 25 km"),
    (even, "k:", "an even sample"),
):
    right.plot(one.lag, one.semivariance, style, markerfacecolor="none", label=name)
right.set(xlabel="lag (km)", ylabel="semivariance (half squared difference)", ylim=(0, None))
right.legend(frameon=False)
plt.show()

# %%
# The change that weighting makes says how much the sampling matters, bin by bin.
print(found)
