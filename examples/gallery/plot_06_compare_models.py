"""
Which model?
============

``compare_models`` fits several and ranks them by AIC. Look at the curves as well: AIC takes the bins for independent,
which they are not, so that it ranks and does not test.
"""

import matplotlib.pyplot as plt
import numpy as np

import variogeo
from variogeo import Exponential, Spherical, Stable

lonlat, embeddings = variogeo.datasets.geoclip_photos()
empirical = variogeo.empirical_variogram(lonlat, embeddings, variogeo.LagBins.logarithmic(1, 20_000, 20))

# %%
# ``weights="equal"`` lets each bin count alike. The default follows the numbers of pairs, nearly all of which are long.
# A tuple is a sum of two models.
models = [Exponential, Spherical, Stable, (Exponential, Exponential)]
comparison = variogeo.compare_models(empirical, models, weights="equal")
print(comparison)

# %%
# The best is a fit like any other, and says in words what came of it.
print(comparison.best.message)
ax = variogeo.plotting.plot_variogram(empirical, comparison.best)
lags = np.geomspace(1, 20_000, 200)
for fit, style in zip(comparison.fits[1:], ("--", "-.", ":"), strict=True):
    ax.plot(lags, fit.model(lags), color="#6b7280", linestyle=style, linewidth=1.2, label=type(fit.model).__name__)
ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
plt.show()
