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
# # Weighting the negatives of a contrastive loss
#
# A geolocalisation model learns from pairs of a photo and its place; all other places of the batch are negatives. Some of
# these negatives are wrong: a photo of the next street that shows the same is no mistake. Some are precious: a photo from
# another continent that looks the same is what the model confuses. The variogram of the frozen image features tells
# them apart, because it says how alike two photos at a given lag usually are.
#
# This notebook goes from the curve to weights, looks at what they do to a batch, and trains a small model for half a
# minute. The features are simulated (`PhotoWorld`), so that it runs without an image model; yours come from a file.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import variogeo
from variogeo import Exponential, LagBins, LagSpread, ResidualWeighting, empirical_variogram, fit_variogram
from variogeo.experiments import PhotoWorld

world = PhotoWorld.simulate(variogeo.datasets.geoclip_photos(), photos_per_position=6, seed=0)
photos = world.train
empirical = empirical_variogram(photos.lonlat[:4000], photos.embeddings[:4000], LagBins.logarithmic(1, 20_000, 20))
fit = fit_variogram(empirical, (Exponential, Exponential), weights="equal")
ax = variogeo.plotting.plot_variogram(empirical, fit)
print(f"{len(photos.lonlat)} training photos, features of {photos.embeddings.shape[1]} entries")
print(fit.model, f"[{fit.outcome}]")
print(f"Spread of the dissimilarity within a bin: {np.nanmean(empirical.spread):.3f}, a-priori sill {empirical.sill_apriori:.3f}")

# %% [markdown]
# Two structures, one of towns (28 km) and one of continents (4 680 km). Note the scale of the axis: the whole rise is hardly
# larger than the spread of single pairs. **One pair says little about its distance**, which is why the weights below look at each pair's own
# dissimilarity, and take from the curve what is usual at its lag and where the curve has levelled off.
#
# ## From the curve to a scheme
#
# A scheme is a function of lag and dissimilarity that returns a log-weight. `ResidualWeighting` compares a pair with the
# curve: more alike than usual and near is a likely false negative (blue, counts less); more alike than usual and far is a
# hard negative (red, counts more). `LagSpread` makes its unit the standard deviation at that lag. Near is what lies within
# the short structure, so `within` is said: by default it is the range of the whole curve, here 3 545 km, and photos of a
# whole continent would count as near. Far is beyond that range.

# %%
spread = LagSpread.of(empirical)
both = ResidualWeighting(fit.model, spread=spread, within=fit.model.first.effective_range)
hard = ResidualWeighting.hard_negatives(fit.model, strength=2.0, spread=spread)
fig, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
for ax, scheme in zip(axes, [variogeo.DecorrelationWeighting(fit.model), both, hard]):
    variogeo.plotting.plot_weights(scheme, ax=ax)
axes[2].set_title("ResidualWeighting.hard_negatives, strength 2", fontsize="medium");

# %% [markdown]
# Others need no features: `DecorrelationWeighting` (left), masks, near up, far up. They add: `a + b` adds log-weights. The
# page [which scheme when](../docs/schemes.md) says what each needs and when it harms.
#
# ## What it does to a batch
#
# `NegativeWeights` gives a scheme the coordinates of a batch. Order and units of the coordinates must be said. Look at one
# batch before you train.

# %%
from variogeo.nn import NegativeWeights

weights = NegativeWeights(both, order="lonlat", units="deg", feature_width=photos.embeddings.shape[1])
lonlat, features = torch.tensor(photos.lonlat[:512]), torch.tensor(photos.embeddings[:512])
print(weights.summary(lonlat, lonlat, features, features))

# %%
log_weights = weights.log_weights(lonlat, lonlat, features, features).numpy()
lag = weights.coordinates.pairwise_lag(lonlat, lonlat).numpy()
unit = torch.nn.functional.normalize(features, dim=1)
dissimilarity = (1 - unit @ unit.T).numpy()
pairs = np.triu_indices(512, 1)
order = np.argsort(np.abs(log_weights[pairs]))
reach = np.abs(log_weights[pairs]).max()
fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
dots = ax.scatter(lag[pairs][order], dissimilarity[pairs][order], c=log_weights[pairs][order], s=3, cmap="RdBu_r",
                  vmin=-reach, vmax=reach, rasterized=True)
at = np.geomspace(1, 20_000, 200)
ax.plot(at, fit.model(at), color="black", label="fitted curve")
ax.set(xscale="log", xlim=(1, 20_000), xlabel="lag (km)", ylabel="dissimilarity",
       title="The 130 816 pairs of one batch and their log-weights")
ax.legend(loc="lower left")
fig.colorbar(dots, label="log-weight");

# %% [markdown]
# Most pairs of a random batch are far apart, and only 582 of these lie within the short structure (1 164 negatives, as each
# pair has two rows): a scheme that acts on near pairs alone has few to act on. That is worth knowing before one expects much
# of it. The red pairs, below the curve and on the right, are alike and far.
#
# ## The loss
#
# Two lines change in a training step: the log-weights are added to the logits of the negatives. With weights of 1 it is
# the plain cross entropy.

# %%
from variogeo.nn import SoftTargets, soft_cross_entropy, weighted_cross_entropy

logits = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))  # your model's
target = torch.arange(512)
plain = torch.nn.functional.cross_entropy(logits, target)

log_weights = weights.log_weights(lonlat, lonlat, features, features)
weighted = weighted_cross_entropy(logits, log_weights, target)

targets = SoftTargets(fit.model.first, order="lonlat", units="deg")
soft = soft_cross_entropy(logits, targets(lonlat, lonlat))
print(f"plain {plain:.3f}, weighted {weighted:.3f}, soft labels {soft:.3f}")
print(f"soft labels: {targets(lonlat, lonlat).diagonal().mean():.2f} of the mass stays on the photo's own place")

# %% [markdown]
# Soft labels are the other way: the place of a near photo counts as partly right. The kernel here is the correlogram of
# the curve's short structure, so that no bandwidth has to be guessed. [Spatially-Weighted CLIP](../docs/swclip.md) is built of them.
#
# For GeoCLIP, open_clip, transformers, sentence-transformers, pytorch-metric-learning and Lightning the step is already
# written: see [weights in your trainer](../docs/training.md).
#
# ## Does it help?
#
# Three arms from one start, on the same batches: plain, hard negatives beyond the range, and a control with the same
# weights **dealt out at random within each row**. A scheme that does no better than its shuffled self has not used
# geography. The test photos lie in regions without training photos.

# %%
from variogeo import Weighting
from variogeo.experiments import TwoTower, accuracy_table, geoscore_difference, predict, train


class Shuffled(Weighting):
    """The weights of a scheme, dealt out at random within each row."""

    needs_dissimilarity = True

    def __init__(self, scheme):
        self.scheme = scheme

    def __call__(self, lag, dissimilarity=None):
        log_weight = self.scheme(lag, dissimilarity)
        return log_weight.gather(1, torch.rand(log_weight.shape).argsort(dim=1))


start = TwoTower.small(photos.embeddings.shape[1], seed=0)
predictions, embedders = {}, {}
for arm, scheme in {"plain": None, "hard": hard, "shuffled": Shuffled(hard)}.items():
    weighting = None if scheme is None else NegativeWeights(scheme, order="lonlat", units="deg")
    embedders[arm] = train(start, photos, weighting=weighting, epochs=3, seed=0)
    predictions[arm] = predict(embedders[arm], world.test.embeddings, world.gallery)
print(accuracy_table(predictions, world.test.lonlat), "\n")
for arm in ("hard", "shuffled"):
    gain, low, high = geoscore_difference(predictions[arm], predictions["plain"], world.test.lonlat, world.test_blocks)
    print(f"{arm:8} minus plain: {gain:+.0f} GeoScore, 95 % over blocks {low:+.0f} to {high:+.0f}")

# %% [markdown]
# Read the intervals, and not the signs: they are over places, for one seed and half a minute of training. Hard
# negatives often cost accuracy early in a training. Several seeds, longer trainings and controls are in
# [the experiment](../docs/experiment.md); the same command runs on your own features: `variogeo experiment
# photos.parquet --embedding clip`.
#
# ## Did training change the curve?
#
# The model's own image embeddings have a variogram too. `RunningVariogram` adds up the pairs within each batch while
# training goes on; here it goes over the photos once, before and after.

# %%
from variogeo.evaluation import variogram_misfit
from variogeo.nn import RunningVariogram

curves = {}
for name, model in {"untrained": start.eval(), "plain": embedders["plain"], "hard": embedders["hard"]}.items():
    running = RunningVariogram(empirical.bins, order="lonlat", units="deg")
    with torch.no_grad():
        for rows in torch.arange(8192).split(512):
            embedded = model.embed_images(torch.tensor(photos.embeddings[rows]))
            running.update(torch.tensor(photos.lonlat[rows]), embedded)
    curves[name] = running.empirical()
fig, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
ax.plot(empirical.lag, empirical.semivariance / empirical.sill_apriori, "k--", label="frozen features")
for name, curve in curves.items():
    ax.plot(curve.lag, curve.semivariance / curve.sill_apriori, "o-", markersize=3, label=name)
ax.set(xscale="log", xlabel="lag (km)", ylabel="semivariance / a-priori sill")
ax.legend()
for name, curve in curves.items():
    print(f"{name:9} a-priori sill {curve.sill_apriori:.3f}, misfit in shape to the frozen features' curve "
          f"{variogram_misfit(curve, empirical, of='shape'):.2f}")

# %% [markdown]
# The picture and the misfit are of the shape: the untrained model's sill is a tenth of that of the frozen features, but its
# curve rises as theirs does. Training stretches the curve: photos of one town become alike, photos of two continents nearly
# unrelated. That is what a geolocalisation model should do. It is also why the weights belong to the *frozen* features: a curve of the space that is
# being trained would move under the loss.
