"""
Robust estimators
=================

A mean follows a few broken photos. Estimators of Cressie-Hawkins and of Dowd follow them less. Here one photo in twenty
of a field with a known curve is replaced by noise.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo.synthetic import gaussian_field, uniform_lonlat

truth = Exponential(nugget=0.1, partial_sill=0.3, effective_range=3000.0)
lonlat = uniform_lonlat(1000, seed=1)
values = gaussian_field(lonlat, truth, dimensions=16, seed=1)
random = np.random.default_rng(1)
broken = random.choice(len(values), len(values) // 20, replace=False)
values[broken] = random.standard_normal((len(broken), values.shape[1])) / values.shape[1] ** 0.5

# %%
# All three come from one run: its sums hold what each of them needs. The constants of the robust ones depend on the
# number of directions in which the values vary, which the run finds by itself.
dowd = empirical_variogram(
    lonlat, values, LagBins.linear(0, 10_000, 20), dissimilarity="half_squared", estimator="dowd"
)
fig, ax = plt.subplots(figsize=(7, 4.3), layout="constrained")
ax.plot(dowd.lag, truth(dowd.lag), color="black", label="truth, without broken photos")
for marker, estimator in zip("os^", ("matheron", "cressie_hawkins", "dowd"), strict=True):
    dimension = None if estimator == "matheron" else dowd.dimension
    one = replace(dowd, estimator=estimator, dimension=dimension)
    ax.plot(one.lag, one.semivariance, marker, markerfacecolor="none", label=estimator)
    print(f"{estimator:16s} mean distance from the truth {np.mean(one.semivariance - truth(one.lag)):+.3f}")
ax.set(xlabel="lag (km)", ylabel="semivariance", ylim=(0, None))
ax.legend(frameon=False)
plt.show()

# %%
# Where the estimators part ways in your data, look for broken photos before you look for geography.
