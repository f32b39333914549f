"""
The best that a gallery allows
==============================

A model that picks a place from a gallery can be no better than the gallery's nearest place. Report that oracle beside
the accuracy of a model: it says how much of the error is the gallery's.
"""

import matplotlib.pyplot as plt
import numpy as np

import variogeo
from variogeo.evaluation import accuracy_within, nearest_places

lonlat = variogeo.datasets.geoclip_photos().lonlat
asked, places = lonlat[:500], lonlat[500:]

# %%
# Galleries of growing size, from the other photos.
sizes = np.array([50, 100, 200, 500, 1000, 2000])
shares = [accuracy_within(nearest_places(asked, places[:size]), asked) for size in sizes]
fig, ax = plt.subplots(figsize=(7, 4.3), layout="constrained")
for km in shares[0]:
    ax.plot(sizes, [100 * share[km] for share in shares], "o-", label=f"within {km:,} km")
ax.set(xscale="log", xlabel="places in the gallery", ylabel="photos that the oracle gets right (%)", ylim=(0, 101))
ax.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
ax.minorticks_off()
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
# For a share of the photos these galleries fail at street level, whatever the model.
print({km: f"{share:.0%}" for km, share in shares[-1].items()})
