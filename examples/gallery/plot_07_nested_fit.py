"""
Two structures in one curve
===========================

Embeddings of photos vary from street to street and from continent to continent. One structure cannot describe both; a
sum of two can.
"""

import matplotlib.pyplot as plt
import numpy as np

import variogeo
from variogeo import Exponential, Stable

lonlat, embeddings = variogeo.datasets.geoclip_photos()
empirical = variogeo.empirical_variogram(lonlat, embeddings, variogeo.LagBins.logarithmic(1, 20_000, 20))

# %%
# A stable model follows the points with a small shape. The fit says what that is a sign of.
single = variogeo.fit_variogram(empirical, Stable)
print(single.message)

# %%
# A tuple of two classes asks for their sum, with one nugget.
nested = variogeo.fit_variogram(empirical, (Exponential, Exponential), weights="equal")
print(nested.model)
ax = variogeo.plotting.plot_variogram(empirical, nested)
lags = np.geomspace(1, 20_000, 200)
for part, name, style in ((nested.model.first, "short", "--"), (nested.model.second, "long", "-.")):
    label = f"the {name} one, {part.effective_range:,.0f} km"
    ax.plot(lags, part(lags), color="#6b7280", linestyle=style, linewidth=1.2, label=label)
ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
plt.show()
