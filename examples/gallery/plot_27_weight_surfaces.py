"""
The weights of each scheme
==========================

A scheme turns lag and dissimilarity into the log-weight of a negative: blue counts less, red counts more, grey is taken
out. Schemes of the lag alone need no features, and are drawn as lines.
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import DecorrelationWeighting, Exponential, FarWeighting, MaskWeighting, NearWeighting, ResidualWeighting

curve = Exponential(nugget=0.1, partial_sill=0.5, effective_range=500.0)

# %%
# Log-weights add, so schemes do: ``a + b``.
schemes = [
    ResidualWeighting(curve, strength=2.0),
    ResidualWeighting.hard_negatives(curve, strength=2.0),
    ResidualWeighting.false_negatives(curve, strength=2.0) + MaskWeighting(within=5.0),
    DecorrelationWeighting(curve),
    NearWeighting(strength=1.0, scale=200.0),
    FarWeighting(strength=1.0),
]
names = ["both", "hard negatives", "false negatives + mask", "decorrelation", "near up", "far up"]
fig, axes = plt.subplots(2, 3, figsize=(16, 8), layout="constrained")
for ax, scheme, name in zip(axes.flat, schemes, names, strict=True):
    variogeo.plotting.plot_weights(scheme, ax=ax)
    ax.set_title(name, fontsize="medium")

# %%
# The page "which scheme when" says what each needs and when it harms.
plt.show()
