"""
From scikit-gstat
=================

You have a fitted ``skgstat.Variogram`` and want its curve here, for weights or for a plot. ``from_skgstat`` gives the
model with the same curve, with the names of the parameters that variogeo uses.
"""

import matplotlib.pyplot as plt
import numpy as np
import skgstat

from variogeo import Exponential, LagBins, fit_variogram, variogram_from_pairs
from variogeo.interop import from_skgstat
from variogeo.plotting import plot_variogram
from variogeo.synthetic import gaussian_field

# %%
# scikit-gstat measures lags in the unit of the coordinates: kilometres here, on a plane.
km = np.random.default_rng(3).uniform(0, 600, (400, 2))
field = gaussian_field(km / 111.2, Exponential(0.1, 0.9, 200.0), dimensions=1, seed=3)[:, 1]
theirs = skgstat.Variogram(km, field, model="exponential", n_lags=15, maxlag=400, use_nugget=True)
model = from_skgstat(theirs)
print(f"theirs: range {theirs.parameters[0]:.0f}, sill {theirs.parameters[1]:.3f}, nugget {theirs.parameters[2]:.3f}")
print(f"  here: {model}")

# %%
# The same lags and the same bins, fitted here. scikit-gstat lets its points stand at the upper edges of the bins, and
# its curve goes through them there: its range is longer by about half a bin. Here they stand at the mean lag.
first, second = np.triu_indices(len(km), 1)
lag = np.hypot(*(km[first] - km[second]).T)
ours = variogram_from_pairs(lag, 0.5 * (field[first] - field[second]) ** 2, LagBins([0, *theirs.bins]))
fit = fit_variogram(ours, Exponential)
ax = plot_variogram(ours, fit)
ax.plot(ours.lag, model(ours.lag), "--", color="black", label="from scikit-gstat")
ax.plot(theirs.bins, theirs.experimental, "x", color="black", label="its points, at the upper edges")
ax.set(xscale="linear", xlabel="lag (km)")
ax.legend(frameon=False, fontsize="small", loc="lower right", bbox_to_anchor=(1, 0.25))
plt.show()
