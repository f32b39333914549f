# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Did training change the variogram?
#
# A model that learns to tell places apart should make photos of far places less alike than photos of one street. Whether
# it does so is a question about the variogram of its **own** embeddings: did the curve change, in level or in shape, at
# which lags, and by more than chance? And was it geography that changed it, or would any training have done the same?
#
# This notebook trains a small head for some seconds, on simulated photo features (`PhotoWorld`), watches the curve while
# it trains, and compares before and after on photos that took no part. A control learns from places that were dealt out
# at random. What is shown here is how to look; simulated photos say nothing about real ones.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import variogeo
from variogeo import LagBins, empirical_variogram
from variogeo.evaluation import variogram_misfit
from variogeo.experiments import PhotoWorld, TwoTower
from variogeo.inference import jackknife, kmeans_patches
from variogeo.nn import RunningVariogram
from variogeo.plotting import plot_comparison, plot_training, plot_variogram

world = PhotoWorld.simulate(variogeo.datasets.geoclip_photos(), photos_per_position=4, seed=0)
features, lonlat = torch.tensor(world.train.embeddings), torch.tensor(world.train.lonlat)
asked, places = torch.tensor(world.test.embeddings), world.test.lonlat
bins, patches = LagBins.logarithmic(1, 20_000, 12), kmeans_patches(places, 40)
print(f"{len(lonlat)} photos to train on, {len(places)} others in regions of their own")

frozen = empirical_variogram(places, asked, bins, patches=patches)
plot_variogram(frozen, uncertainty=jackknife(frozen));

# %% [markdown]
# That is the curve of the frozen features of the other photos: what the head gets to read. Bars are jackknife bands over
# 40 patches of the Earth, pale where few patches hold the pairs.
#
# ## Watch the curve while it trains
#
# `RunningVariogram` adds up the pairs within each batch. With a decay it forgets older batches, so that it follows the
# model. It costs one matrix product of the batch, and nothing is read back to the host before `empirical()` is asked.


# %%
def trained(places_of_photos, *, steps=90, batch=256, seed=0):
    """Train a head, and return it with its losses and what its running curve was every fifth step."""
    torch.manual_seed(seed)
    model = TwoTower.small(features.shape[1], seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    running = RunningVariogram(bins, order="lonlat", units="deg", decay=0.9)
    losses, watched = [], {}
    for step in range(1, steps + 1):
        rows = torch.randperm(len(features))[:batch]
        images = model.embed_images(features[rows])
        logits = model.scale * images @ model.embed_locations(places_of_photos[rows]).T
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running.update(lonlat[rows], images.detach())
        losses.append(loss.item())
        if step % 5 == 0:
            watched[step] = running.empirical()
    return model.eval(), losses, watched


start = TwoTower.small(features.shape[1], seed=0).eval()
model, losses, watched = trained(lonlat)
control, control_losses, control_watched = trained(lonlat[torch.randperm(len(lonlat))])

near = bins.high <= 100
left, right = plt.subplots(1, 2, figsize=(13, 4.4), layout="constrained")[1]
plot_training({"places dealt out at random": control_losses, "photos with their places": losses}, ax=left)
nearness = {
    name: [np.nanmean(curve.semivariance[near]) / curve.sill_apriori for curve in curves.values()]
    for name, curves in {"places dealt out at random": control_watched, "photos with their places": watched}.items()
}
plot_training(nearness, ax=right, steps=list(watched), quantity="semivariance up to 100 km / a-priori sill");

# %% [markdown]
# The loss falls where photos keep their places. With places dealt out at random there is nothing to learn but single
# photos by heart, and it hardly falls. On the right how alike near photos are, as a share of what photos are on average:
# with their places it goes down early, and then stays low. It is of the last ten batches or so, each with few near pairs, and it
# has the noise of the head's dropout in it. So it says when the curve begins to move, and not yet by how much.
#
# ## Before and after, on photos that took no part
#
# Training photos may be learned by heart. The others cannot be, and their curves have bands.

# %%
with torch.no_grad():
    spaces = {
        "frozen features": asked,
        "before training": start.embed_images(asked),
        "after training": model.embed_images(asked),
        "after the control": control.embed_images(asked),
    }
curves = {name: empirical_variogram(places, values, bins, patches=patches) for name, values in spaces.items()}
bands = {name: jackknife(curve) for name, curve in curves.items()}

left, right = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained")[1]
plot_comparison(curves, ax=left, uncertainties=bands)
plot_comparison(curves, ax=right, uncertainties=bands, of="shape")
for name, curve in curves.items():
    print(f"{name:18s} a-priori sill {curve.sill_apriori:.3f},",
          f"misfit of the shape to the frozen features {variogram_misfit(curve, frozen, of='shape'):.3f}")

# %% [markdown]
# Left the level: the random head squeezes all photos together, and training spreads them again. A level says little by
# itself, because a temperature undoes it. Right the shape: each curve over its own a-priori sill. The random head keeps
# the shape of what it reads. Training lowers the near end. The misfit is the root mean square of the log ratio of two
# curves, after a common factor is taken off: 0.1 is 10 % off in a typical bin.
#
# ## By more than chance?
#
# Overlapping bands say nothing: both curves come from the same photos, and their errors go together. So leave out one
# patch at a time from **both**, and look at the change itself. The quantity is the contrast: the semivariance of a bin
# over that beyond 1 000 km, after over before. Below 1 means that photos of that lag have become more alike, compared
# with far ones.


# %%
def contrast(semivariance):
    """Return the logarithm of each bin's semivariance over the mean beyond 1 000 km."""
    return np.log(semivariance / semivariance[..., bins.low >= 1000].mean(axis=-1, keepdims=True))


fig, ax = plt.subplots(figsize=(8, 4.4), layout="constrained")
for shift, name, colour in ((0.96, "after training", "#1b6ca8"), (1.04, "after the control", "#c2410c")):
    before, after = bands["before training"], bands[name]
    change = contrast(after.empirical.semivariance) - contrast(before.empirical.semivariance)
    replicates = contrast(after.replicates) - contrast(before.replicates)
    count = len(replicates)
    error = np.sqrt((count - 1) / count * ((replicates - replicates.mean(axis=0)) ** 2).sum(axis=0))
    low, high = np.exp(change - 2 * error), np.exp(change + 2 * error)
    ax.vlines(frozen.lag * shift, low, high, color=colour, linewidth=5, alpha=0.35)
    ax.plot(frozen.lag * shift, np.exp(change), "o", color=colour, label=name)
    print(f"{name:18s} contrast up to 100 km, after over before: {np.exp(change[near]).mean():.2f};",
          f"interval without 1 in {((high < 1) | (low > 1))[near].sum()} of {near.sum()} bins")
ax.axhline(1, color="black", linewidth=1)
ax.set(xscale="log", xlabel="lag (km)", ylabel="contrast, after over before")
ax.xaxis.set_major_formatter("{x:,g}")
ax.legend(frameon=False, loc="lower right");

# %% [markdown]
# **What is seen.** Training changed the curve: at lags up to some hundred kilometres photos have become more alike,
# compared with photos of far places, by more than the errors of the places allow. The control changed it as well, by
# much less: a head that learns nothing about places still draws near photos together a little. So part of such a change
# is no sign of geography, and a claim rests on the difference between the two.
#
# **What is not seen.** The intervals are over places, for one seed of one training of some seconds. Whether the change
# helps to find places is another question, for another measure: see [the experiment](../docs/experiment.md). And the
# curve of a space that moves cannot give the weights: those belong to the frozen features.
