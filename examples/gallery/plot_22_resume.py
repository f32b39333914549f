"""
Go on after a stop
==================

Long runs are interrupted. With ``resume=`` each finished part is kept in a folder, and the same call goes on from
there, with the same result to the last bit. The folder holds sums, not your photos.
"""

import tempfile
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt

import variogeo

lonlat, embeddings = variogeo.datasets.geoclip_photos()
bins = variogeo.LagBins.logarithmic(1, 20_000, 20)

# %%
# Twice the same call. The second finds all parts in the folder. Other points, bins or options are refused there.
variograms, seconds = [], []
with tempfile.TemporaryDirectory() as folder:
    run = Path(folder, "run")
    for _ in range(2):
        start = perf_counter()
        variograms.append(variogeo.empirical_variogram(lonlat, embeddings, bins, resume=run))
        seconds.append(perf_counter() - start)
    print(sorted(path.name for path in run.iterdir())[:4])
    try:
        variogeo.empirical_variogram(lonlat[:100], embeddings[:100], bins, resume=run)
    except ValueError as error:
        print(error)
print(f"The same to the last bit: {variograms[0] == variograms[1]}")

# %%
# And the curve.
print(f"{seconds[0]:.2f} s, then {seconds[1]:.2f} s")
variogeo.plotting.plot_variogram(variograms[1])
plt.show()
