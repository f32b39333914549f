"""
A report in one file
====================

``variogeo.report`` writes one HTML file to send around: the curve, the cloud of pairs linked with a map, tables,
settings, versions and a hash of the data. It needs no network, and reads with scripts switched off. It takes
``pip install 'variogeo[report]'``.
"""

import re
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import variogeo

lonlat, embeddings = variogeo.datasets.geoclip_photos()
bins = variogeo.LagBins.logarithmic(1, 20_000, 20)

# %%
# Coordinates of photographs are personal data: ``precision_km`` shows places on a grid of cells of that size. The
# curve stays that of the exact places.
with tempfile.TemporaryDirectory() as folder:
    file = variogeo.report(
        lonlat[:1000], embeddings[:1000], Path(folder, "photos.html"), title="Photos", bins=bins, precision_km=25
    )
    page = file.read_text(encoding="utf-8")
print(f"{file.name}: {len(page) / 1e6:.1f} MB")
print("headings:", ", ".join(re.findall(r"<h2[^>]*>(.*?)</h2>", page)))

# %%
# It begins with a picture like this one, of the model that fits best.
empirical = variogeo.empirical_variogram(lonlat[:1000], embeddings[:1000], bins)
ax = variogeo.plotting.plot_variogram(empirical, variogeo.fit_variogram(empirical, variogeo.Stable, weights="equal"))
plt.show()
