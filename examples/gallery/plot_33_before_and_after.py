"""
Did training change the curve?
==============================

The embeddings of a model that is trained have a variogram too. Here a small head on simulated photo features learns to
tell places apart, and its curve is drawn before and after, over that of the frozen features it reads.
"""

import matplotlib.pyplot as plt
import torch

import variogeo
from variogeo import LagBins, empirical_variogram
from variogeo.evaluation import variogram_misfit
from variogeo.experiments import PhotoWorld, TwoTower, train
from variogeo.inference import jackknife, kmeans_patches
from variogeo.plotting import plot_comparison

world = PhotoWorld.simulate(variogeo.datasets.geoclip_photos(), photos_per_position=3, seed=0)
start = TwoTower.small(world.train.embeddings.shape[1], seed=0)
trained = train(start, world.train, epochs=3, seed=0)

# %%
# Photos that took no part in the training, in regions of their own. Patches give each curve its band.
features = torch.tensor(world.test.embeddings)
with torch.no_grad():
    spaces = {
        "frozen features": features,
        "head before training": start.eval().embed_images(features),
        "head after training": trained.embed_images(features),
    }
bins, patches = LagBins.logarithmic(1, 20_000, 14), kmeans_patches(world.test.lonlat, 40)
curves = {
    name: empirical_variogram(world.test.lonlat, values, bins, patches=patches) for name, values in spaces.items()
}
bands = {name: jackknife(curve) for name, curve in curves.items()}

# %%
# Divided by the a-priori sill, curves of spaces with another spread compare: it is the shape that says how much of the
# differences lies between near photos, and how much between far ones.
fig, axes = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained")
plot_comparison(curves, ax=axes[0], uncertainties=bands)
plot_comparison(curves, ax=axes[1], uncertainties=bands, of="shape")
for name, curve in curves.items():
    misfit = variogram_misfit(curve, curves["frozen features"], of="shape")
    print(f"{name:21s} a-priori sill {curve.sill_apriori:.3f}, misfit of the shape to the frozen features {misfit:.2f}")
plt.show()
