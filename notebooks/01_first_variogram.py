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
# # A first variogram
#
# How does visual similarity fall off with distance on Earth? Ten lines, from points to a plot.
#
# The bundled points are real photo positions of GeoCLIP's gallery; the embeddings are what GeoCLIP's pretrained
# *location* encoder returns for them. With your own photos, pass your longitude-latitude array and your image
# embeddings instead, or read them with `variogeo.io.read_points`.

# %%
import variogeo
from variogeo import Exponential, LagBins, Spherical, Stable

lonlat, embeddings = variogeo.datasets.geoclip_photos()
empirical = variogeo.empirical_variogram(lonlat, embeddings, LagBins.logarithmic(1, 20_000, 20))
comparison = variogeo.compare_models(empirical, [Exponential, Spherical, Stable], weights="equal")
print(comparison)
print(comparison.best.message)
variogeo.plotting.plot_variogram(empirical, comparison.best);

# %% [markdown]
# ## How to read it
#
# - Each point is the mean cosine distance of all pairs of photos whose geodesic lag falls into one bin, drawn at the
#   **mean lag** of these pairs. The grey bars are the numbers of pairs, in a logarithmic scale.
# - The dotted grey line is the **a-priori sill**: the mean dissimilarity of all photos, whatever their lag. A curve far
#   below it at short lags says that near photos look alike.
# - The **effective range** is the lag at which 95 % of the rise is done. Negatives beyond it that look alike are hard
#   negatives; those within it are likely false negatives.
# - `weights="equal"` lets each bin count alike. The default, `"npairs"`, follows the pairs, of which nine in ten are
#   longer than 1 000 km here: then the curve is right for far negatives and misses the steep rise over the first
#   10 km. This field rises over four decades, so no single model describes all of it; the points are the evidence, the
#   curve is a summary.

# %%
empirical.to_frame().round(3)

# %% [markdown]
# ## What the curve is for
#
# `ResidualWeighting` turns it into log-weights for the negatives of a contrastive loss: similar and far counts more
# (red), similar and near counts less (blue).

# %%
variogeo.plotting.plot_weights(variogeo.ResidualWeighting(comparison.best.model, strength=2.0));
