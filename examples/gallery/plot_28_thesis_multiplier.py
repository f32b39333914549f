"""
The multiplier of an early thesis code
======================================

The first public code that used a variogram for hard negatives multiplied logits. It is here for comparison only: it
raises near pairs that are *less* alike than expected, and a factor moves a negative logit the wrong way.
"""

import matplotlib.pyplot as plt

import variogeo
from variogeo import ResidualWeighting, Stable, ThesisMultiplier

curve = Stable(nugget=0.1, partial_sill=0.5, effective_range=2000.0, shape=0.9)
thesis, residual = ThesisMultiplier(curve), ResidualWeighting(curve)

# %%
# Left the logarithm of the factor, right the log-weight of variogeo's own scheme: nearly the opposite of each other.
fig, axes = plt.subplots(1, 2, figsize=(13, 4.4), layout="constrained")
for ax, scheme in zip(axes, (thesis, residual), strict=True):
    variogeo.plotting.plot_weights(scheme, ax=ax)

# %%
# A pair at 100 km that is less alike than expected, and a far pair that is far more alike than expected: the one that
# a model confuses.
for lag, dissimilarity in ((100.0, 0.9), (15_000.0, 0.05)):
    factor, weight = thesis(lag, dissimilarity), residual(lag, dissimilarity)
    print(f"lag {lag:6,.0f} km, dissimilarity {dissimilarity:.2f}: factor {factor:.2f}, log-weight {weight:+z.2f}")
plt.show()
