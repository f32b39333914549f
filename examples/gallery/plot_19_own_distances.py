"""
Distances of your own
=====================

A lag need not be a distance on Earth. Minutes between the frames of a walk, hours of travel or metres of height will
do: ``variogram_from_pairs`` takes the lag and the dissimilarity of each pair.
"""

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins, fit_variogram, variogram_from_pairs
from variogeo.plotting import plot_variogram

# %%
# Frames of a walk, one a minute. Each is 0.9 of the one before, and new for the rest: half the squared difference is
# exponential in time, and 95 % of its rise is done after three times as many minutes as ``-1 / log(0.9)``.
random = np.random.default_rng(6)
frames = np.zeros((600, 64))
for minute in range(1, len(frames)):
    frames[minute] = 0.9 * frames[minute - 1] + random.normal(0, (1 - 0.9**2) ** 0.5 / 8, 64)
frames = frames[100:]  # the start is not yet as varied as the rest

first, second = np.triu_indices(len(frames), 1)
minutes = (second - first).astype(float)
dissimilarity = 0.5 * np.sum((frames[first] - frames[second]) ** 2, axis=1)
empirical = variogram_from_pairs(minutes, dissimilarity, LagBins.linear(0, 80, 20))
fit = fit_variogram(empirical, Exponential)
print(f"effective range {fit.model.effective_range:.1f} minutes, truth {-3 / np.log(0.9):.1f}")

# %%
# The unit is yours, so the axis says so.
ax = plot_variogram(empirical, fit)
ax.set(xscale="linear", xlabel="minutes between two frames")
plt.show()
