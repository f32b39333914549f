"""
A GeoDataFrame in, kriging by GSTools out
=========================================

Points come from geopandas, the curve from variogeo, and kriging from GSTools: each package does what it is best at. A
made-up quantity at photo positions in Europe shows how good the map is.
"""

import geopandas as gpd
import gstools
import matplotlib.pyplot as plt
import numpy as np

import variogeo
from variogeo import Exponential, LagBins, empirical_variogram, fit_variogram
from variogeo.interop import lonlat_from_geodataframe, to_gstools
from variogeo.plotting import plot_variogram
from variogeo.synthetic import gaussian_field

# %%
# A table in any CRS, here in metres; its points come out as degrees.
photos = variogeo.datasets.geoclip_photos().lonlat
places = photos[np.all((photos > [-11, 36]) & (photos < [25, 62]), axis=1)][::3]
truth = Exponential(nugget=0.1, partial_sill=1.0, effective_range=500.0)
quantity = gaussian_field(places, truth, dimensions=1, metric="chord", seed=8)[:, 1]
table = gpd.GeoDataFrame({"quantity": quantity}, geometry=gpd.points_from_xy(*places.T), crs=4326).to_crs("EPSG:3035")
lonlat, values = lonlat_from_geodataframe(table), table["quantity"].to_numpy()
print(f"{len(table)} rows, {table.crs.name}")

# %%
# GSTools takes lags through the Earth, so the curve is fitted to those. A single field at uneven places tells its curve
# only roughly.
bins = LagBins.linear(0, 1000, 15)
empirical = empirical_variogram(lonlat, values, bins, dissimilarity="half_squared", metric="chord")
fit = fit_variogram(empirical, Exponential)
print(f"{fit.model}, truth {truth}")

# %%
# From here on it is GSTools, latitude first: from two thirds of the places to the others, and to a grid.
given, asked = np.arange(len(values)) % 3 > 0, np.arange(len(values)) % 3 == 0
krige = gstools.krige.Ordinary(to_gstools(fit.model), (lonlat[given, 1], lonlat[given, 0]), values[given])
error = krige((lonlat[asked, 1], lonlat[asked, 0]))[0] - values[asked]
print(f"root mean square error {np.sqrt(np.mean(error**2)):.2f}, standard deviation {values[asked].std():.2f}")

longitude, latitude = np.meshgrid(np.linspace(-11, 25, 49), np.linspace(36, 62, 40))
estimate, _ = krige((latitude.ravel(), longitude.ravel()))
fig, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8), layout="constrained", width_ratios=[1.2, 1])
plot_variogram(empirical, fit, ax=left)
mesh = right.pcolormesh(longitude, latitude, estimate.reshape(longitude.shape))
right.scatter(*lonlat[given].T, s=12, c=values[given], norm=mesh.norm, edgecolor="white", linewidth=0.4)
right.set(xlabel="longitude (degrees)", ylabel="latitude (degrees)", aspect=1.5)
fig.colorbar(mesh, label="quantity, measured (dots) and kriged")
plt.show()
