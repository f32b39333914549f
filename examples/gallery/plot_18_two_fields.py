"""
Two fields that change together
===============================

Do the embeddings of two models, or of photos and of their places, change together, and at which lags? The
**codispersion** is the correlation of their differences. Two fields that share a long structure, and have a short one
each for itself, show what it tells.
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import Exponential, LagBins
from variogeo.synthetic import gaussian_field, uniform_lonlat

lonlat = uniform_lonlat(1000, seed=1)
short, long = Exponential(0.0, 0.2, 300.0), Exponential(0.0, 0.2, 3000.0)
shared, first, second = (
    gaussian_field(lonlat, model, dimensions=16, seed=seed)[:, 1:] for seed, model in enumerate((long, short, short))
)

# %%
# At short lags the fields change by themselves, at long lags mostly together.
bins = LagBins.logarithmic(200, 10_000, 12)
cross = variogeo.cross_variogram(lonlat, shared + first, shared + second, bins, dissimilarity="half_squared")
fig, ax = plt.subplots(figsize=(7, 4.3), layout="constrained")
ax.plot(cross.lag, long(cross.lag) / (long(cross.lag) + short(cross.lag)), color="black", label="truth")
ax.plot(cross.lag, cross.codispersion, "o", color="#1b6ca8", label="codispersion")
ax.set(xscale="log", xlabel="lag (km)", ylabel="correlation of the differences", ylim=(0, 1))
ax.set_xticks([200, 500, 1000, 2000, 5000, 10_000])
ax.xaxis.set_major_formatter("{x:,.0f}")
ax.legend(frameon=False, loc="upper left")
print(cross)
plt.show()
