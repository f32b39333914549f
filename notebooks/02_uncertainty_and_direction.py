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
# # How sure is the curve, and what is it a curve of?
#
# A variogram is a mean over pairs, and pairs share photos. This notebook asks what stands behind the points: which mean
# they are, how sure they are, whether there is any structure, in which direction, where, and what uneven sampling does
# to them. Four data sets, each for what it can show:
#
# | data | what they are | what they are for here |
# |---|---|---|
# | photos | 2 500 photo positions with GeoCLIP's embeddings of these positions; bundled | every step |
# | synthetic | fields with a curve that we choose | does a method find the truth? |
# | street views | 2 319 positions in Stuttgart and Singapore, in 29 sequences (Global Streetscapes, Hou et al. 2024, CC BY-SA 4.0) | uneven sampling |
# | Clay | 417 embeddings of Sentinel-2 images in Alaska (Clay / Radiant Earth, ODC-BY 1.0) | a curve without a sill |
#
# The last two do not come with the package, and you do not need them: where their files are absent, the three cells on
# street views and the one on Clay say that they are left out, and all other cells run. What they show with the files is
# stored in this notebook.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import variogeo
from variogeo import Exponential, LagBins, Stable, empirical_variogram, fit_variogram
from variogeo.synthetic import gaussian_field, uniform_lonlat

lonlat, embeddings = variogeo.datasets.geoclip_photos()
bins = LagBins.logarithmic(1, 20_000, 20)

truth = Exponential(nugget=0.1, partial_sill=0.3, effective_range=3000.0)
places, wide = uniform_lonlat(1000, seed=1), LagBins.linear(0, 10_000, 20)
field = gaussian_field(places, truth, dimensions=16, seed=1)  # and a constant column, of no account here

folder = Path(variogeo.__file__).parents[2] / "shared" / "data"  # beside a checkout; in most places there is none
clay_file, streets_file = folder / "clay_alaska_417.parquet", folder / "streetscapes_points_2319.csv"


def left_out(what, file):
    print(f"Left out: this cell is about {what}, and their file {file.name} does not come with variogeo.",
          "All other cells run without it.")


def two_axes(**options):
    return plt.subplots(1, 2, figsize=(12, 4.3), layout="constrained", **options)[1]


def finish(ax, corner="lower right", xscale="log", ylabel="semivariance"):
    ax.set(xscale=xscale, xlabel="lag (km)", ylabel=ylabel, ylim=(0, None))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.legend(frameon=False, fontsize="small", loc=corner)


# %% [markdown]
# ## Which mean?
#
# Matheron's semivariance is the mean dissimilarity of a bin. Those of Cressie-Hawkins and of Dowd are robust: a few
# broken photos move them less. Their constants depend on the number of independent directions in which the values vary,
# so embeddings need their **effective dimension**; the constants of the textbooks are for scalars.
#
# Left: the photos, with quantiles of the dissimilarity within each bin. Right: a field with a known curve, in which one
# photo in twenty is broken and looks like no other.

# %%
def plot_estimators(ax, one, dimension):
    ax.plot(one.lag, one.semivariance, "o", color="#1b6ca8", label="Matheron")
    robust = one.cressie_hawkins(dimension), one.dowd(dimension)
    ax.plot(one.lag, robust[0], "^", color="#c2410c", markerfacecolor="none", label="Cressie-Hawkins")
    ax.plot(one.lag, robust[1], "s", color="#15803d", markerfacecolor="none", label="Dowd")


photos = empirical_variogram(lonlat, embeddings, bins)
dimension = variogeo.effective_dimension(embeddings)

random = np.random.default_rng(1)
broken, rows = field.copy(), random.choice(len(field), len(field) // 20, replace=False)
broken[rows] = random.standard_normal((len(rows), field.shape[1])) / field.shape[1] ** 0.5
spoilt = empirical_variogram(places, broken, wide, dissimilarity="half_squared")
free = variogeo.effective_dimension(broken, dissimilarity="half_squared")

left, right = two_axes()
left.fill_between(photos.lag, *photos.quantiles([0.1, 0.9]).T, color="#d7dbe0", label="10 to 90 % of the pairs")
left.plot(photos.lag, photos.quantiles([0.5]), ":", color="#6b7280", label="median")
plot_estimators(left, photos, dimension)
right.plot(spoilt.lag, truth(spoilt.lag), color="#6b7280", label="truth, without the broken photos")
plot_estimators(right, spoilt, free)
finish(left)
finish(right, xscale="linear")
left.set_title("photos")
right.set_title("field with broken photos");

# %%
print(f"Photos: {embeddings.shape[1]} entries, {dimension:.0f} effective dimensions.",
      f"At the longest lags Dowd's semivariance is {photos.dowd(dimension)[-1]:.2f},",
      f"with the constant for scalars {photos.dowd(1)[-1]:.2f};",
      f"the a-priori sill is {photos.sill_apriori:.2f}.")
curves = {"Matheron": spoilt.semivariance, "Cressie-Hawkins": spoilt.cressie_hawkins(free), "Dowd": spoilt.dowd(free)}
print("Spoilt field, mean distance from the truth:",
      ", ".join(f"{name} {np.mean(curve - truth(spoilt.lag)):+.3f}" for name, curve in curves.items()))

# %% [markdown]
# The photos have no outliers, and the three nearly agree. In the spoilt field the broken photos draw the mean up most,
# and Dowd's median least. If the estimators part ways in your data, look for broken photos before you look for
# geography. `empirical_variogram(..., estimator="dowd")` makes a robust one the semivariance that all else works with.
#
# ## One structure or two?
#
# A single `Stable` model follows these photos with a small shape and no nugget. The fit says what that is a sign of.

# %%
stable = fit_variogram(photos, Stable)
print(stable.model, f"[{stable.outcome}]")
print(stable.message)

# %%
nested = (Exponential, Exponential)
for weights in ("equal", "npairs"):
    print(f"weights={weights!r}")
    print(variogeo.compare_models(photos, [Exponential, Stable, nested], weights=weights), "\n")

# %%
two = fit_variogram(photos, nested, weights="equal")
print(two.model)
ax = variogeo.plotting.plot_variogram(photos, two)
single = fit_variogram(photos, Stable, weights="equal").model
ax.plot(photos.lag, single(photos.lag), "--", color="#6b7280", label="Stable")
ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=3);

# %% [markdown]
# With equal weights AIC and BIC both prefer two structures by far: a short one, and one some fifty times as long.
# Weighted by pairs, nearly all of which are long here, the order turns round, and the winner is a model at a bound,
# with more than three times the range that it has with equal weights. So the ranges belong to the weights as much as to
# the photos. AIC and BIC take the bins for independent, which they are not: they rank, they do not test.
#
# ## How sure?
#
# The naive error, the spread over the root of the number of pairs, takes pairs for independent. The **jackknife**
# leaves out one patch of the Earth at a time, with all pairs that touch it. First the field whose curve we know:

# %%
from variogeo.inference import bootstrap, fit_intervals, jackknife, kmeans_patches

patches = kmeans_patches(places, 40, seed=1)
known = empirical_variogram(places, field, wide, dissimilarity="half_squared", patches=patches)
sure = jackknife(known)
naive = 1.96 * known.spread / known.npairs**0.5
(lower, upper), expected = sure.band().T, truth(known.lag)

left, right = two_axes()
variogeo.plotting.plot_variogram(known, truth, uncertainty=sure, ax=left)
right.axhline(0, color="#c2410c")
right.vlines(known.lag, lower - expected, upper - expected, color="#9ec5e3", linewidth=6, label="jackknife, 95 %")
right.errorbar(known.lag, known.semivariance - expected, naive, fmt=".k", label="naive, 95 %")
right.set(xlabel="lag (km)", ylabel="semivariance less truth")
right.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1));

# %%
inside, naively = (lower < expected) & (expected < upper), abs(known.semivariance - expected) < naive
print(f"The truth is within the jackknife band in {inside.sum()} of {len(wide)} bins,",
      f"within the naive one in {naively.sum()}.")
print("In units of the naive error (median of the bins):",
      f"jackknife {np.median(1.96 * sure.standard_error / naive):.1f},",
      f"bootstrap {np.median(1.96 * bootstrap(known).standard_error / naive):.1f}.")
reach = fit_intervals(sure, Exponential)["effective_range"]
print(f"Effective range {reach.estimate:.0f} km, 95 % {reach.lower:.0f} to {reach.upper:.0f} km;",
      f"truth {truth.effective_range:.0f} km.")

# %% [markdown]
# Errors of neighbouring bins go together: a curve may lie to one side of the truth over many bins in a row, and still
# be within its band.
#
# Now the photos, with 40 patches of the whole Earth. Patches should be at least as wide as the range, and dozens of
# them should share out the pairs.

# %%
patches = kmeans_patches(lonlat, 40, seed=1)
photos = empirical_variogram(lonlat, embeddings, bins, patches=patches)
unsure = jackknife(photos)

left, right = two_axes(width_ratios=[1.1, 1])
left.scatter(*lonlat.T, c=patches % 20, cmap="tab20", s=5)
left.set(xlabel="longitude (degrees)", ylabel="latitude (degrees)", aspect="equal", title="40 patches")
variogeo.plotting.plot_variogram(photos, two, uncertainty=unsure, ax=right)
print(f"{unsure.reliable.sum()} of {len(bins)} bins rest on ten or more effective patches;",
      f"the fewest are {np.nanmin(unsure.effective_patches):.1f} of {unsure.npatches}.")

# %%
fit_intervals(unsure, nested, weights="equal").to_frame().round(3)

# %% [markdown]
# Most bins rest on the pairs of a few dense places, whatever the number of patches: their bands are pale. The
# standard errors are a few hundredths all the same, the bands up to .08 to either side. The ranges are not known: the interval of the long one spans a
# factor of several. The nugget lies at its bound of 0 in every replicate; that is no proof that there is none.
#
# ## Is there structure at all?
#
# If place did not matter, exchanging places would change nothing. `permutation_test` exchanges whole places 999 times,
# and draws one **global envelope**: a curve of exchanged places leaves it anywhere with a chance of 5 %. Beside the
# photos, white noise at the same places.

# %%
from variogeo.inference import permutation_test

noise = np.random.default_rng(2).standard_normal((len(lonlat), 16))
for ax, values, name in zip(two_axes(), (embeddings, noise), ("photos", "white noise"), strict=True):
    test = permutation_test(lonlat, values, bins)
    variogeo.plotting.plot_envelope(test, ax=ax).set_title(name, loc="right")
    print(f"{name}: p = {test.p_value:.3f}, {test.outside.sum()} of {len(bins)} bins outside")

# %% [markdown]
# The photos leave the envelope in every bin. At the longest lags they are *more* dissimilar than exchanged places: the
# mean over all pairs is what it is, so what is missing at short lags must be somewhere. A fit is no such test: a model
# can be fitted to white noise, too.
#
# ## In which direction?
#
# A field with a known direction: stretched along an azimuth of 60 degrees, and 0.4 times as far across.
# `directional_variogram` sorts pairs by the azimuth of their geodesic, `fit_anisotropy` fits one ellipse of ranges to
# all sectors.

# %%
from variogeo.direction import AzimuthSector, directional_variogram, fit_anisotropy, fit_sectors

km = np.random.default_rng(2).uniform(-800, 800, (1500, 2))  # east and north of 0 degrees, 0 degrees
turn = np.radians(60)
along, across = km @ [np.sin(turn), np.cos(turn)], km @ [np.cos(turn), -np.sin(turn)]
squeezed = np.column_stack([across / 0.4, along]) / 111.2  # km in a degree, both ways at the equator
oriented = gaussian_field(squeezed, Exponential(0.05, 0.35, 600.0), dimensions=32, seed=2)

directional = directional_variogram(
    km / 111.2, oriented, LagBins.linear(0, 1000, 12), AzimuthSector.evenly(6), dissimilarity="half_squared")
anisotropy = fit_anisotropy(directional, Exponential)
print(f"Azimuth {anisotropy.azimuth:.0f} degrees (truth 60), ratio {anisotropy.ratio:.2f} (truth 0.4),",
      f"longest range {anisotropy.model.effective_range:.0f} km (truth 600).")


# %%
def plot_directions(directional, anisotropy=None):
    figure = plt.figure(figsize=(12, 4.6), layout="constrained")
    variogeo.plotting.plot_sectors(directional, anisotropy, ax=figure.add_subplot(1, 2, 1))
    rose = figure.add_subplot(1, 2, 2, projection="polar")
    variogeo.plotting.plot_rose(directional, fit_sectors(directional, Exponential), anisotropy, ax=rose)


plot_directions(directional, anisotropy)

# %% [markdown]
# The wedges are fits to single sectors, each with a nugget and a sill of its own; they scatter around the ellipse,
# which takes all sectors together. The photos, up to 5 000 km:

# %%
directional = directional_variogram(lonlat, embeddings, LagBins.logarithmic(10, 5000, 14), AzimuthSector.evenly(4))
plot_directions(directional, fit_anisotropy(directional, Exponential))
for weights in ("npairs", "equal"):
    print(f"weights={weights!r}: {fit_anisotropy(directional, Exponential, weights=weights).message}")
for (sector, _), fit in zip(directional, fit_sectors(directional, Exponential), strict=True):
    print(f"azimuth {sector.azimuth:3.0f}: {fit.model.effective_range:4.0f} km to a sill of {fit.model.sill:.3f}")

# %% [markdown]
# Up to some 500 km the order of the sectors changes from bin to bin. Beyond, east-west pairs are more alike than
# north-south ones, as climate would have it. But the rose and the ellipse contradict each other: by itself the north-south curve rises further *and*
# for longer. The ellipse, which gives all directions one sill, fits little better than a circle, and its ratio hangs on
# the weights. That is a hint, not a finding.
#
# ## Where?
#
# One curve for all the Earth describes no part of it. Curves within bands of latitude, all of them pooled, and a test
# of whether they are equal:

# %%
from variogeo.inference import compare_groups
from variogeo.regions import grouped_variogram, latitude_bands

bands, small = latitude_bands(lonlat, [-60, -23.5, 23.5, 60]), kmeans_patches(lonlat, 90, seed=1)
grouped = grouped_variogram(lonlat, embeddings, LagBins.logarithmic(30, 3000, 6), bands, patches=small)
errors = {label: jackknife(variogram) for label, variogram in grouped}
print(compare_groups(errors))

ax = variogeo.plotting.plot_groups(grouped)
colours = {line.get_label(): line.get_color() for line in ax.get_lines()}
for label, one in errors.items():
    ax.fill_between(one.empirical.lag, *one.band().T, color=colours[label], alpha=0.15)
ax.set_ylim(0, 1.2);

# %% [markdown]
# The north differs from the other two: there photos are less alike at every lag. The tropics and the south cannot be
# told apart; the south has few patches, and no error where fewer than two hold its pairs. The pooled curve is that of
# the north, which has nearly all pairs. Latitude bands that border each other are not quite independent, which the test
# takes them for.
#
# `local_excess` asks each photo whether those within 200 km are more unlike it than the curve expects (red) or less
# (blue). `hot_pairs` finds single pairs, of three kinds: **hard negatives**, far and alike; **likely false negatives**,
# near and more alike than expected; and pairs **as expected**, within the tolerance. The other pairs differ more than
# expected.

# %%
from variogeo.local import count_pair_kinds, hot_pairs, local_excess

excess = local_excess(lonlat, embeddings, two.model, bins=LagBins([0, 200]))
counts = count_pair_kinds(lonlat, embeddings, two.model, tolerance=np.nanmedian(photos.spread))
pairs = {kind: hot_pairs(lonlat, embeddings, two.model, kind=kind, count=500)
         for kind in ("hard_negative", "false_negative", "as_expected")}
for kind, found in pairs.items():
    print(f"{kind}: {getattr(counts, kind):,} of {counts.npairs:,} pairs; the strongest at {found.lag[0]:.0f} km,",
          f"1 - cos = {found.dissimilarity[0]:.2f}, expected {found.expected[0]:.2f}")

hard = pairs["hard_negative"]
towns = np.round(np.hstack([lonlat[hard["first"]], lonlat[hard["second"]]]))
print(f"The {len(hard)} strongest hard negatives join {len(np.unique(towns, axis=0))} pairs of cells of one degree.")

# %%
axes = plt.subplots(2, 1, figsize=(9, 8), layout="compressed")[1]
variogeo.plotting.plot_excess(excess, ax=axes[0])
axes[1].scatter(*lonlat.T, s=2, color="#d7dbe0")
variogeo.plotting.plot_pairs(hard, ax=axes[1]).set_title("hard negatives", fontsize="medium");

# %% [markdown]
# Dense Europe and North America made the curve; remote clusters are more alike than it expects. Both tables are
# GeoDataFrames: `excess.explore("mean_excess")` puts one on a map in the browser.
#
# ## What uneven sampling does
#
# Photos are taken where people go, in sequences. `largest_shares` says how much of a bin is about one location, be it a
# place, a cell or a sequence. We give the street views a field with a known curve of 500 m, and what one camera on one
# day adds: an offset for each sequence, with a semivariance of 0.2.

# %%
from variogeo.inference import cell_patches
from variogeo.sampling_bias import capped_weights, density_weights, largest_shares, residuals

if streets_file.exists():
    import pandas as pd

    table = pd.read_csv(streets_file)
    streets, sequence = table[["lon", "lat"]].to_numpy(), table["sequence_id"].to_numpy()
    cell = cell_patches(streets, 0.05)  # 50 m
    short = LagBins.logarithmic(0.001, 2, 14)

    ax = plt.subplots(figsize=(7, 4.3), layout="constrained")[1]
    for name, labels in (("place", None), ("cell of 50 m", cell), ("sequence", sequence)):
        ax.plot(short.high, largest_shares(streets, short, locations=labels), "o-", label=f"the largest {name}")
    finish(ax, "upper left", ylabel="share of the pairs of the bin")
else:
    left_out("street views of two cities", streets_file)

# %%
if streets_file.exists():
    city = Exponential(nugget=0.1, partial_sill=0.3, effective_range=0.5)
    smooth = gaussian_field(streets, city, dimensions=32, seed=1)
    code = np.unique(sequence, return_inverse=True)[1]
    offset = np.random.default_rng(1).standard_normal((code.max() + 1, smooth.shape[1]))[code]
    seen = smooth + offset * (0.2 / smooth.shape[1]) ** 0.5
    every = empirical_variogram(streets, seen, short, dissimilarity="half_squared")
    apart = empirical_variogram(streets, seen, short, dissimilarity="half_squared", exclude=sequence)

    ax = plt.subplots(figsize=(7, 4.3), layout="constrained")[1]
    ax.plot(every.lag, every.semivariance, "o", color="#1b6ca8", label="all pairs")
    ax.plot(apart.lag, apart.semivariance, "s", color="#c2410c", label="pairs of different sequences")
    ax.plot(every.lag, city(every.lag), color="#6b7280", label="truth within a sequence")
    ax.plot(every.lag, city(every.lag) + 0.2, ":", color="#6b7280", label="truth across sequences")
    finish(ax, "upper left")
    ax.set_ylim(0, 0.85)
    for name, one in (("all pairs", every), ("different sequences", apart)):
        print(f"{name}: {fit_variogram(one, Exponential).model}")
else:
    left_out("street views of two cities", streets_file)

# %% [markdown]
# The largest sequence has a hand in a quarter of the pairs at the least. The curve of all pairs lies between the two
# truths, nearer to one or to the other as the share of pairs within a sequence goes: it is the curve of neither. Pairs
# of different sequences follow their truth, except at the shortest lags, where few sequences meet.
#
# Density matters where dense places are unlike the rest. Let the field vary half as much in the most photographed
# cells. Weights by inverse density, or a cap per cell, give each part of the city its say; what they should come near
# is one photo of each cell.

# %%
if streets_file.exists():
    crowded = np.bincount(cell)[cell] > 30
    uneven = smooth * np.where(crowded, 0.5, 1.0)[:, None]
    sparse = np.unique(cell, return_index=True)[1]
    ax = plt.subplots(figsize=(7, 4.3), layout="constrained")[1]
    for name, style, rows, weights in (
        ("every photo alike", "o-", slice(None), None),
        ("inverse density within 50 m", "^--", slice(None), density_weights(streets, 0.05)),
        ("cells capped at one photo", "s--", slice(None), capped_weights(cell, 1)),
        ("one photo of each cell only", "k:", sparse, None),
    ):
        one = empirical_variogram(
            streets[rows], uneven[rows], LagBins.logarithmic(0.02, 2, 10), dissimilarity="half_squared",
            weights=weights)
        ax.plot(one.lag, one.semivariance, style, markerfacecolor="none", label=name)
    finish(ax)
    print(f"{crowded.mean():.0%} of the photos are in crowded cells,",
          f"which are {np.mean(np.bincount(cell) > 30):.0%} of all cells.")
else:
    left_out("street views of two cities", streets_file)

# %% [markdown]
# Both come near the curve of one photo of each cell, and stay below it at the shortest lags, where a few crowded cells
# hold most pairs still.
#
# ## What a covariate explains
#
# Places at one latitude share a climate. What is left of the photos' curve when latitude, and the distance from the
# equator, are regressed out?

# %%
unit = embeddings / np.linalg.norm(embeddings.astype(float), axis=1, keepdims=True)
left_over = residuals(unit, np.column_stack([lonlat[:, 1], abs(lonlat[:, 1])]))
remaining = empirical_variogram(lonlat, left_over, bins, dissimilarity="half_squared")
for row in (0, 9, 14, 19):
    explained = 1 - remaining.semivariance[row] / photos.semivariance[row]
    print(f"at {photos.lag[row]:8,.0f} km latitude explains {explained:z5.1%} of the semivariance")

# %% [markdown]
# Nothing at short lags, and little at the longest: latitude is not what makes these embeddings differ.
#
# ## A curve without a sill
#
# The Clay chips lie within some 100 km. Their curve rises all the way, so no model can say where it ends, and the fit
# says that. A regression on longitude and latitude takes the trend out, and what remains has a sill and a range.

# %%
if clay_file.exists():
    chips, clay = variogeo.io.read_points(clay_file, embedding="embeddings", point="representative")
    clay = clay / np.linalg.norm(clay, axis=1, keepdims=True)
    tens, tiles = LagBins.linear(5, 100, 19), kmeans_patches(chips, 25)
    print(f"{len(chips)} chips, {variogeo.effective_dimension(clay):.1f} effective dimensions of {clay.shape[1]}: these chips are much alike")

    cases = {"as they are": clay, "without trend": residuals(clay, chips)}
    for ax, (name, values) in zip(two_axes(), cases.items(), strict=True):
        one = empirical_variogram(chips, values, tens, dissimilarity="half_squared", patches=tiles)
        fit, uncertain = fit_variogram(one, Exponential), jackknife(one)
        variogeo.plotting.plot_variogram(one, fit, uncertainty=uncertain, ax=ax)
        ax.set_ylim(0, 1.1 * np.nanmax(uncertain.band()))  # an extrapolated sill is far above
        ax.set_title(name, loc="right")
        test = permutation_test(chips, values, tens, dissimilarity="half_squared")
        reach = fit_intervals(uncertain, Exponential)["effective_range"]
        print(f"\n{name}: {fit.model}, permutation test p = {test.p_value:.3f}\n{fit.message}")
        print(f"effective range, 95 %: {reach.lower:.3g} to {reach.upper:.3g} km")
else:
    left_out("417 satellite images of Alaska", clay_file)


# %% [markdown]
# The interval of the first range says that the data do not know it. Which of the two curves you want depends on the
# question: the trend is part of what a model sees.
#
# ## Two fields at once
#
# `cross_variogram` says at which lags two fields change together, such as the embeddings of photos and those of their
# positions. Here two fields share a structure of 3 000 km, and each has one of 300 km for itself:

# %%
def part(reach, seed):
    return gaussian_field(places, Exponential(0.0, 0.2, reach), dimensions=16, seed=seed)[:, 1:]


common, lags = part(3000.0, 1), LagBins.logarithmic(200, 10_000, 12)
cross = variogeo.cross_variogram(
    places, common + part(300.0, 2), common + part(300.0, 3), lags, dissimilarity="half_squared")
together, alone = Exponential(0.0, 0.2, 3000.0)(cross.lag), Exponential(0.0, 0.2, 300.0)(cross.lag)

ax = plt.subplots(figsize=(7, 4.3), layout="constrained")[1]
ax.plot(cross.lag, cross.codispersion, "o", color="#1b6ca8", label="codispersion")
ax.plot(cross.lag, together / (together + alone), color="#6b7280", label="truth")
finish(ax, ylabel="correlation of the differences")

# %% [markdown]
# ## With other libraries
#
# A fitted model goes to GSTools, for simulation and kriging of a scalar on the sphere. GSTools takes lags through the
# Earth, so the curve is fitted with `metric="chord"`.

# %%
import gstools

scalar = gaussian_field(places, truth, dimensions=1, metric="chord", seed=5)[:, 1]
chord = empirical_variogram(places, scalar, LagBins.linear(0, 8000, 16), dissimilarity="half_squared", metric="chord")
model = fit_variogram(chord, Exponential).model
theirs = variogeo.interop.to_gstools(model)
print(model)

longitude, latitude = np.meshgrid(np.arange(-178, 180, 4.0), np.arange(-88, 90, 4.0))
simulated = gstools.SRF(theirs, seed=1)((latitude.ravel(), longitude.ravel()))
ax = plt.subplots(figsize=(7, 3.6), layout="constrained")[1]
mesh = ax.pcolormesh(longitude, latitude, simulated.reshape(longitude.shape))
ax.figure.colorbar(mesh, ax=ax, label="simulated field")
ax.set(xlabel="longitude (degrees)", ylabel="latitude (degrees)");

# %%
given, asked = places[:700], places[700:]
krige = gstools.krige.Ordinary(theirs, (given[:, 1], given[:, 0]), scalar[:700])
estimate, variance = krige((asked[:, 1], asked[:, 0]))
error = scalar[700:] - estimate
print(f"300 places from 700: root mean square error {np.sqrt(np.mean(error**2)):.2f},",
      f"standard deviation {scalar[700:].std():.2f};",
      f"squared error over kriging variance {np.mean(error**2 / variance):.2f}, where 1 is right on average.")

# %% [markdown]
# Kriging is somewhat surer of itself than it should be here; over other seeds the last figure scatters around 1.
#
# And it goes to PySAL: neighbours within the fitted range, weighted by the correlogram.

# %%
import esda

weights = variogeo.interop.to_libpysal(places, model)
np.random.seed(1)  # esda draws its permutations from numpy's global state
for name, values in (("field", scalar), ("shuffled", np.random.default_rng(1).permutation(scalar))):
    moran = esda.Moran(values, weights)
    print(f"{name}: Moran's I = {moran.I:+.3f}, p = {moran.p_sim:.3f}")

# %% [markdown]
# ## Back to the loss
#
# How far the curve reaches decides which negatives are near and which are far. There is more than one definition, and
# for a curve of two structures they differ much:

# %%
for definition in ("effective_range", "integral_scale", "slope_range"):
    scheme = variogeo.ResidualWeighting(two.model, beyond=definition)
    print(f"beyond={definition!r:18s} hard negatives from {scheme.beyond:6,.0f} km")

# %% [markdown]
# The effective range is the default, and the one to report. A loss that is to learn from negatives at a few hundred km
# wants a shorter threshold, such as the integral scale.
