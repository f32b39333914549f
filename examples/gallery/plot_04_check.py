"""
Look at data before you use them
================================

``variogeo.check`` takes data as they are and says what it finds: missing values, vectors of zeros, rows that are there
twice, swapped columns, and what a variogram would take. It changes nothing, and bad data are no error.
"""

import matplotlib.pyplot as plt
import numpy as np

import variogeo

photos = variogeo.datasets.geoclip_photos()
lonlat, embeddings = photos.lonlat[:800].copy(), photos.embeddings[:800].astype(np.float32)

# %%
# What one meets in tables from the wild. The rows are named, and each finding says what to do.
lonlat[[3, 9]] = np.nan
embeddings[20:24] = 0.0
lonlat[700:750], embeddings[700:750] = lonlat[:50], embeddings[:50]
for finding in variogeo.check(lonlat, embeddings).findings:
    print(f"{finding.level}: {finding.name}\n    {finding.text}")

# %%
# The photos of Europe with latitude first, by mistake. All numbers are possible, and only a map can tell.
europe = np.all((photos.lonlat > [-11, 36]) & (photos.lonlat < [25, 62]), axis=1)
right, swapped = photos.lonlat[europe], photos.lonlat[europe][:, ::-1]
print(variogeo.check(swapped, photos.embeddings[europe]).findings[0].text)
fig, ax = plt.subplots(figsize=(9, 4.6), layout="constrained")
for places, colour, name in (
    (photos.lonlat, "#c3c9d0", "all photos"),
    (right, "#1b6ca8", "Europe"),
    (swapped, "#c2410c", "Europe, columns swapped"),
):
    ax.scatter(*places.T, s=4, color=colour, label=name)
ax.set(xlabel="longitude (degrees)", ylabel="latitude (degrees)", xlim=(-180, 180), ylim=(-60, 80))
ax.legend(frameon=False, markerscale=3, loc="lower left")
plt.show()

# %%
# A notebook shows a checkup with its own map.
variogeo.check(*photos)
