"""
Soft targets from distance
==========================

Instead of one right place and many wrong ones, near places count as partly right. A kernel of the lag says how much;
the correlogram of a fitted curve is one whose width nobody has to guess.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LogNorm

import variogeo
from variogeo import CorrelogramKernel, Exponential, ExponentialKernel, GaussianKernel, PowerKernel, StepKernel
from variogeo.nn import SoftTargets

curve = Exponential(nugget=0.1, partial_sill=0.5, effective_range=900.0)
kernels = {
    "correlogram of the curve": CorrelogramKernel(curve),
    "exponential, 100 km": ExponentialKernel(100.0),
    "Gaussian, 200 km": GaussianKernel(200.0),
    "power, 200 km": PowerKernel(200.0, 2.0),
    "step, 200 km": StepKernel(200.0),
}

# %%
# Left the kernels. Right the labels of one photo in a batch of 256: each row is a kernel divided by its sum.
lonlat = variogeo.datasets.geoclip_photos().lonlat[:256]
batch, lags = torch.tensor(lonlat), np.geomspace(10, 5000, 300)
fig, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained")
for name, kernel in kernels.items():
    left.plot(lags, kernel(lags), label=name)
targets = SoftTargets(kernels["correlogram of the curve"], order="lonlat", units="deg")
labels = targets(batch, batch)
row = int((labels > 0.01).sum(dim=1).argmax())  # the photo with most neighbours
dots = right.scatter(*lonlat.T, c=labels[row], s=26, cmap="viridis_r", norm=LogNorm(1e-4, 1))
right.plot(*lonlat[row], "*", color="#c2410c", markersize=14, label="the photo")
left.set(xscale="log", xlabel="lag (km)", ylabel="kernel")
left.xaxis.set_major_formatter("{x:,.0f}")
east, north = lonlat[row]
right.set(xlabel="longitude (degrees)", ylabel="latitude (degrees)", aspect="equal")
right.set(xlim=(east - 20, east + 25), ylim=(north - 18, north + 18))
left.legend(frameon=False)
right.legend(frameon=False, loc="upper left")
fig.colorbar(dots, label="soft label")
plt.show()

# %%
# What stays on the photo's own place is the self-mass. Near 1 the labels are hard, near 0 they say nothing.
print(f"self-mass {targets.self_mass(labels).item():.2f}")
