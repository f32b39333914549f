"""
Embeddings that stay in their file
==================================

Embeddings larger than memory are read in blocks, where they lie. A half precision file is a quarter of the size of one
in double precision, and the sums are still formed in single and double precision.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo.io import open_embeddings
from variogeo.synthetic import gaussian_field, uniform_lonlat

lonlat = uniform_lonlat(1500, seed=3)
embeddings = gaussian_field(lonlat, Exponential(0.1, 0.3, 3000.0), dimensions=256, seed=3)
bins = LagBins.linear(0, 10_000, 20)
arrays = empirical_variogram(lonlat, embeddings, bins)

# %%
# One npy file for each precision. ``open_embeddings`` checks its size and maps it: nothing is read before it is needed.
fig, ax = plt.subplots(figsize=(7, 4.3), layout="constrained")
with tempfile.TemporaryDirectory() as folder:
    for dtype, style in ((np.float64, "o-"), (np.float32, "s-"), (np.float16, "^-")):
        path = Path(folder, f"{dtype.__name__}.npy")
        np.save(path, embeddings.astype(dtype))
        mapped = open_embeddings(path)
        found = empirical_variogram(lonlat, mapped, bins)
        difference = abs(found.semivariance / arrays.semivariance - 1)
        label = f"{dtype.__name__}, {path.stat().st_size / 1e6:.1f} MB"
        ax.plot(found.lag, np.where(difference > 0, difference, np.nan), style, markersize=4, label=label)
        print(f"{label}: {'the same to the last bit' if found == arrays else f'up to {difference.max():.1g}'}")
        del mapped  # before the folder goes

# %%
# The file in the precision of the array gives what the array gives, so that it has no points here. Half precision
# changes the curve by far less than the choice of places does.
ax.set(yscale="log", xlabel="lag (km)", ylabel="relative difference from the array")
ax.legend(frameon=False, loc="center right")
plt.show()
