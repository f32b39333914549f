"""
A first variogram
=================

Three lines from points to a plotted, fitted curve. The bundled points are real photo positions; their embeddings are
those that GeoCLIP's location encoder gives for them.
"""

import matplotlib.pyplot as plt

import variogeo

# %%
# ``lonlat`` is (n, 2), degrees, longitude first; ``embeddings`` is (n, d). The bins are lags in kilometres.
lonlat, embeddings = variogeo.datasets.geoclip_photos()
empirical = variogeo.empirical_variogram(lonlat, embeddings, variogeo.LagBins.logarithmic(1, 20_000, 20))
variogeo.plotting.plot_variogram(empirical, variogeo.fit_variogram(empirical, variogeo.Stable, weights="equal"))
plt.show()

# %%
# Each point is the mean dissimilarity of all pairs of a bin, at their mean lag. The bars count the pairs. The dotted
# line is the a-priori sill: the mean over all pairs, whatever their lag. Photos a kilometre apart are much more alike.
print(empirical)
