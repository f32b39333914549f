"""
What a trend leaves
===================

A curve that rises all the way has no range: there is a trend across the area. A regression takes out what covariates
explain, and the curve of the rest says what they do not.
"""

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins, empirical_variogram, fit_variogram
from variogeo.plotting import plot_variogram
from variogeo.sampling_bias import residuals
from variogeo.synthetic import gaussian_field

lonlat = np.random.default_rng(5).uniform(0, 5, (1000, 2))
local = gaussian_field(lonlat, Exponential(0.05, 0.2, 60.0), dimensions=32, seed=5)
values = local.copy()
values[:, 1] += 0.4 * lonlat[:, 0]

# %%
# Left the values as they are; right what is left when longitude and latitude are regressed out.
fig, axes = plt.subplots(1, 2, figsize=(13, 4.4), layout="constrained")
cases = {"as they are": values, "without the trend": residuals(values, lonlat)}
for ax, (name, case) in zip(axes, cases.items(), strict=True):
    empirical = empirical_variogram(lonlat, case, LagBins.linear(0, 400, 16), dissimilarity="half_squared")
    fit = fit_variogram(empirical, Exponential)
    plot_variogram(empirical, fit, ax=ax)
    ax.set(xscale="linear", ylim=(0, 1.2 * empirical.semivariance.max()))
    ax.set_title(name, loc="right", fontsize="medium")
    print(f"{name}: {fit.outcome}\n    {fit.message}")
plt.show()
