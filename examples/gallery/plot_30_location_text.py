"""
Places as text
==============

A text tower reads places as text. Templates write them as degrees, as hemispheres, as cells whose names begin alike
where they are near, or beside a named place.
"""

import matplotlib.pyplot as plt
import numpy as np

import variogeo
from variogeo import location_text

lonlat = np.array([[13.38, 52.52], [36.82, -1.29], [-43.21, -22.95], [151.21, -33.87]])
towns = ["Potsdam", "Thika", "Niterói", "Parramatta"], [[13.06, 52.4], [37.07, -1.03], [-43.1, -22.88], [151.0, -33.81]]

# %%
# The four forms that are there, and one of your own.
forms = {form: location_text(lonlat, form) for form in ("degrees", "hemispheres", "cells")}
forms["place"] = location_text(lonlat, "place", places=towns)
forms["own"] = location_text(lonlat, "Photo taken at {latitude:.0f}, {longitude:.0f}")
for name, texts in forms.items():
    print(f"{name:12s} {texts[0]}")

# %%
# The same four places on a map, with three of their texts.
fig, ax = plt.subplots(figsize=(11, 5.2), layout="constrained")
ax.scatter(*variogeo.datasets.geoclip_photos().lonlat.T, s=2, color="#c3c9d0")
ax.plot(*lonlat.T, "o", color="#c2410c")
for row, place in enumerate(lonlat):
    words = "\n".join(forms[name][row] for name in ("hemispheres", "cells", "place"))
    right = place[0] > 100  # no room to the east
    ax.annotate(
        words, place, (-6, -8) if right else (6, 6), textcoords="offset points", fontsize="small",
        horizontalalignment="right" if right else "left", verticalalignment="top" if right else "bottom",
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none"},
    )  # fmt: skip
ax.set(xlabel="longitude (degrees)", ylabel="latitude (degrees)", xlim=(-180, 180), ylim=(-60, 80))
plt.show()
