"""
Does place matter at all?
=========================

If it did not, exchanging places would change nothing. The envelope holds the curves of exchanged places, and there is
one p-value for the whole curve.
"""

import matplotlib.pyplot as plt
import numpy as np

import variogeo
from variogeo.inference import permutation_test

lonlat, embeddings = (column[:800] for column in variogeo.datasets.geoclip_photos())
noise = np.random.default_rng(2).standard_normal((len(lonlat), 16))
bins = variogeo.LagBins.logarithmic(5, 20_000, 12)

# %%
# Photos, and white noise at the same places.
fig, axes = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
for ax, (name, values) in zip(axes, {"photos": embeddings, "white noise": noise}.items(), strict=True):
    test = permutation_test(lonlat, values, bins, permutations=499, seed=1)
    variogeo.plotting.plot_envelope(test, ax=ax)
    ax.set_title(name, loc="right", fontsize="medium")
    print(f"{name}: p = {test.p_value:.3f}, {test.outside.sum()} of {len(bins)} bins outside")

# %%
# A model can be fitted to white noise as well: a fit is no such test.
plt.show()
