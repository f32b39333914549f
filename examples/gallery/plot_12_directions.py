"""
In which direction?
===================

Climate goes with latitude, so photos may stay alike for longer from west to east than from south to north. A field that
is stretched along a known azimuth shows how that is found.
"""

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins
from variogeo.direction import AzimuthSector, directional_variogram, fit_anisotropy, fit_sectors
from variogeo.plotting import plot_rose, plot_sectors
from variogeo.synthetic import gaussian_field

# %%
# Places around (0, 0) in km; the field reaches 600 km along an azimuth of 60 degrees, and 0.4 of that across.
km = np.random.default_rng(2).uniform(-800, 800, (1200, 2))
turn = np.radians(60)
along, across = km @ [np.sin(turn), np.cos(turn)], km @ [np.cos(turn), -np.sin(turn)]
squeezed = np.column_stack([across / 0.4, along]) / 111.2
values = gaussian_field(squeezed, Exponential(0.05, 0.35, 600.0), dimensions=32, seed=2)

# %%
# An azimuth is in degrees clockwise from north. Each sector has its own curve and fit; the ellipse is one fit to all.
directional = directional_variogram(
    km / 111.2, values, LagBins.linear(0, 1000, 12), AzimuthSector.evenly(6), dissimilarity="half_squared"
)
anisotropy = fit_anisotropy(directional, Exponential)
print(anisotropy.message)
fig = plt.figure(figsize=(12, 4.8), layout="constrained")
plot_sectors(directional, anisotropy, ax=fig.add_subplot(1, 2, 1))
rose = fig.add_subplot(1, 2, 2, projection="polar")
plot_rose(directional, fit_sectors(directional, Exponential), anisotropy, ax=rose)
plt.show()
