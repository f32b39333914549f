"""Plots of bands, sectors, roses, envelopes and maps: what is drawn equals the results."""

import dataclasses
import re

import geopandas as gpd
import numpy as np
import pytest
from matplotlib.figure import Figure
from shapely import LineString, MultiLineString, Point

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo.direction import Anisotropy, AzimuthSector, directional_variogram, fit_sectors
from variogeo.inference import jackknife, kmeans_patches, permutation_test
from variogeo.plotting import (
    plot_envelope,
    plot_excess,
    plot_groups,
    plot_pairs,
    plot_rose,
    plot_sectors,
    plot_variogram,
)
from variogeo.regions import grouped_variogram

BINS = LagBins.logarithmic(50, 3000, 6)


@pytest.fixture(scope="module")
def field():
    random = np.random.default_rng(2)
    lonlat = random.uniform(-15, 15, (200, 2))
    return lonlat, np.sin(lonlat[:, 0] / 5) + random.normal(0, 0.3, 200)


@pytest.fixture(scope="module")
def directional(field):
    return directional_variogram(*field, BINS, AzimuthSector.evenly(4), dissimilarity="half_squared")


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def polar():
    return Figure().subplots(subplot_kw={"projection": "polar"})


def test_the_band_goes_from_its_lower_to_its_upper_limit_at_each_bin(field, ax):
    lonlat, values = field
    patches = kmeans_patches(lonlat, 20)
    empirical = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared", patches=patches)
    uncertainty = jackknife(empirical)
    plot_variogram(empirical, ax=ax, uncertainty=uncertainty)
    segments = np.concatenate([bars.get_segments() for bars in ax.collections])
    order = np.argsort(segments[:, 0, 0])
    used = uncertainty.usable
    np.testing.assert_allclose(segments[order, 0, 0], empirical.lag[used])
    np.testing.assert_allclose(segments[order][:, :, 1], uncertainty.band()[used])
    other = empirical_variogram(lonlat, -2 * values, BINS, dissimilarity="half_squared")
    with pytest.raises(ValueError, match="belongs to another variogram"):
        plot_variogram(other, ax=ax, uncertainty=uncertainty)


def test_bands_from_few_patches_are_pale(field, ax):
    lonlat, values = field
    patches = kmeans_patches(lonlat, 4)
    empirical = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared", patches=patches)
    plot_variogram(empirical, ax=ax, uncertainty=jackknife(empirical))
    assert [(bars.get_label(), bars.get_alpha()) for bars in ax.collections] == [("band from few patches", 0.4)]


def test_a_variogram_without_a_sill_is_drawn_without_one(field, ax):
    empirical = empirical_variogram(*field, BINS, dissimilarity="madogram")
    plot_variogram(empirical, ax=ax)
    assert "a-priori sill" not in [text.get_text() for text in ax.get_legend().get_texts()]
    assert ax.get_ylabel() == "madogram"


def test_each_sector_is_drawn_in_its_own_colour_at_its_mean_lags(directional, ax):
    plot_sectors(directional, ax=ax)
    lines = ax.get_lines()
    assert len({line.get_color() for line in lines}) == 5
    for line, (sector, variogram) in zip(lines, directional, strict=False):
        assert line.get_label().startswith(f"{sector.azimuth:g}°")
        filled = variogram.npairs > 0
        np.testing.assert_array_equal(line.get_ydata(), variogram.semivariance[filled])


def test_curves_of_an_anisotropy_are_drawn_along_each_sector(directional, ax):
    anisotropy = Anisotropy(Exponential(0.1, 0.5, 900.0), 0.0, 0.5, 0.0, 0.0, True, "")
    plot_sectors(directional, anisotropy, ax=ax)
    curve = ax.get_lines()[5]
    np.testing.assert_allclose(curve.get_ydata(), anisotropy(curve.get_xdata(), 90.0))
    assert ax.get_legend_handles_labels()[1][-2:] == ["one fit to all sectors", "all directions"]


def test_a_rose_has_two_petals_per_sector_as_long_as_its_range(directional, polar):
    fits = [dataclasses.replace(fit, converged=k > 0) for k, fit in enumerate(fit_sectors(directional, Exponential))]
    anisotropy = Anisotropy(Exponential(0.1, 0.5, 900.0), 0.0, 0.5, 0.0, 0.0, True, "")
    plot_rose(directional, fits, anisotropy, ax=polar)
    heights = [petal.get_height() for petal in polar.patches]
    assert heights == [fit.model.effective_range for fit in fits for _ in range(2)]
    assert polar.patches[0].get_facecolor()[3] == 0
    assert polar.patches[2].get_facecolor()[3] > 0
    assert polar.get_theta_direction() == -1
    np.testing.assert_allclose(polar.get_lines()[0].get_ydata()[[0, 90]], [900, 450])
    named = [text.get_text() for text in polar.get_legend().get_texts()]
    assert sorted(named) == [
        "fit of one sector, not converged", "fit of one sector, with its own sill", "one fit to all sectors"
    ]  # fmt: skip


def test_a_rose_without_an_ellipse_names_its_sectors_only(directional, polar):
    fits = [dataclasses.replace(fit, converged=True) for fit in fit_sectors(directional, Exponential)]
    plot_rose(directional, fits, ax=polar)
    named = [text.get_text() for text in polar.get_legend().get_texts()]
    assert named == ["fit of one sector, with its own sill"]
    other = Figure().subplots(subplot_kw={"projection": "polar"})
    plot_rose(directional, fits, Anisotropy(Exponential(0.1, 0.5, 900.0), 0.0, 0.5, 0.0, 0.0, False, ""), ax=other)
    assert "one fit to all sectors, not converged" in other.get_legend_handles_labels()[1]


def test_a_rose_shows_all_ranges_that_were_found_and_no_more(directional, polar):
    fits = fit_sectors(directional, Exponential)
    ranges = (300.0, 400.0, 90_000.0, 200.0)
    fits = [
        dataclasses.replace(fit, model=Exponential(0.1, 0.5, km), converged=km < 1000)
        for fit, km in zip(fits, ranges, strict=True)
    ]
    plot_rose(directional, fits, ax=polar)
    assert polar.get_ylim() == pytest.approx((0.0, 440.0))
    # In the third sector, whose petal is hollow: 90 +- 22.5 degrees.
    assert polar.get_rlabel_position() == pytest.approx(101.25)
    assert polar.yaxis.get_major_formatter()(12_000.0, 0) == "12,000"
    lost = [dataclasses.replace(fit, converged=False) for fit in fits]
    other = plot_rose(directional, lost, ax=Figure().subplots(subplot_kw={"projection": "polar"}))
    assert other.get_ylim()[1] == pytest.approx(99_000.0)
    ellipse = Anisotropy(Exponential(0.1, 0.5, 900.0), 0.0, 0.5, 0.0, 0.0, True, "")
    wide = plot_rose(directional, fits, ellipse, ax=Figure().subplots(subplot_kw={"projection": "polar"}))
    assert wide.get_ylim()[1] == pytest.approx(990.0)
    # Its longest range is at 0 degrees, its shortest, 450 km, at 90, where no petal is filled.
    assert wide.get_rlabel_position() == pytest.approx(101.25)


def test_a_rose_of_its_own_is_polar(directional):
    import matplotlib.pyplot as plt

    ax = plot_rose(directional, fit_sectors(directional, Exponential))
    assert ax.name == "polar"
    plt.close(ax.figure)


def test_a_rose_refuses_other_axes_and_other_numbers_of_fits(directional, ax):
    fits = fit_sectors(directional, Exponential)
    with pytest.raises(ValueError, match="Must be polar axes"):
        plot_rose(directional, fits, ax=ax)
    with pytest.raises(ValueError, match="fits has 3 entries but directional has 4 sectors"):
        plot_rose(directional, fits[:3], ax=ax)


def test_each_group_is_drawn_at_its_mean_lags_and_the_pooled_curve_with_it(field, ax):
    lonlat, values = field
    grouped = grouped_variogram(
        lonlat, values, BINS, np.where(lonlat[:, 0] < 0, "west", "east"), dissimilarity="half_squared"
    )
    plot_groups(grouped, ax=ax)
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert list(lines) == ["pooled", "east", "west"]
    for label, variogram in (*grouped, ("pooled", grouped.pooled)):
        filled = variogram.npairs > 0
        np.testing.assert_array_equal(lines[label].get_xdata(), variogram.lag[filled])
        np.testing.assert_array_equal(lines[label].get_ydata(), variogram.semivariance[filled])


def test_an_envelope_shows_which_bins_are_outside(field, ax):
    test = permutation_test(*field, BINS, dissimilarity="half_squared", permutations=99)
    plot_envelope(test, ax=ax)
    drawn = {line.get_label(): line for line in ax.get_lines()}
    outside = drawn["semivariance, outside"]
    np.testing.assert_array_equal(outside.get_ydata(), test.semivariance[test.outside])
    assert ax.texts[0].get_text() == "p = 0.01, 99 permutations"


def test_an_envelope_that_holds_the_whole_curve_has_nothing_outside(field, ax):
    noise = np.random.default_rng(5).normal(size=200)
    test = permutation_test(field[0], noise, BINS, dissimilarity="half_squared", permutations=99)
    assert not test.outside.any()
    plot_envelope(test, ax=ax)
    labels = ax.get_legend_handles_labels()[1]
    assert "semivariance, inside" in labels
    assert "semivariance, outside" not in labels


def test_a_map_of_excess_draws_the_strongest_last_and_those_without_pairs_grey(ax):
    points = gpd.GeoDataFrame(
        {"mean_excess": [0.1, np.nan, -0.5]}, geometry=[Point(0, 0), Point(1, 1), Point(2, 0)], crs="EPSG:4326"
    )
    plot_excess(points, ax=ax)
    grey, coloured = ax.collections
    assert grey.get_offsets().tolist() == [[1, 1]]
    assert coloured.get_array().tolist() == [0.1, -0.5]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("longitude (degrees)", "latitude (degrees)")


def test_a_map_of_excess_without_any_pairs_is_a_map_of_grey_dots(ax):
    points = gpd.GeoDataFrame({"mean_excess": [np.nan]}, geometry=[Point(0, 0)], crs="EPSG:4326")
    plot_excess(points, ax=ax)
    assert len(ax.collections[1].get_offsets()) == 0


def test_a_map_of_pairs_draws_every_part_of_a_line(ax):
    shapes = [LineString([(0, 0), (5, 5)]), MultiLineString([[(170, 0), (180, 1)], [(-180, 1), (-170, 2)]])]
    plot_pairs(gpd.GeoDataFrame({"second": [1, 2]}, geometry=shapes, crs="EPSG:4326"), ax=ax)
    lines, ends, coast = ax.collections
    assert coast.get_gid() == "coastline"
    assert len(lines.get_segments()) == 3
    assert len(ends.get_offsets()) == 4  # no dots where a line leaves the map


def test_a_map_of_no_pairs_is_empty(ax):
    plot_pairs(gpd.GeoDataFrame({"second": []}, geometry=[], crs="EPSG:4326"), ax=ax)
    assert len(ax.collections) == 1


def test_a_map_is_in_degrees_whatever_the_projection(ax):
    points = gpd.GeoDataFrame({"mean_excess": [0.1]}, geometry=[Point(10, 50)], crs="EPSG:4326")
    plot_excess(points.to_crs("EPSG:3857"), ax=ax)
    np.testing.assert_allclose(ax.collections[1].get_offsets(), [[10, 50]])


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (
            lambda d: plot_variogram(d),
            "Invalid empirical of type DirectionalVariogram. Must be Emp",
        ),
        (lambda d: plot_variogram(d[0], uncertainty=d[0]), "from jackknife or bootstrap"),
        (lambda d: plot_variogram(d[0], None, d), "other options go by their names"),
        (lambda d: plot_sectors(d[0]), "from directional_variogram"),
        (lambda d: plot_sectors(d, Exponential), "Invalid anisotropy Exponential: a class"),
        (lambda d: plot_rose(d[0], []), "from directional_variogram"),
        (lambda d: plot_rose(d, [Exponential] * 4), "Must be a list of VariogramFit, from fit_sectors"),
        (lambda d: plot_rose(d, fit_sectors(d, Exponential), d), "from fit_anisotropy"),
        (lambda d: plot_envelope(d), "from permutation_test"),
        (lambda d: plot_groups({"a": d}), "Invalid grouped of type dict. Must be GroupedVariogram"),
        (lambda d: plot_excess(d), "Must be GeoDataFrame, from local_excess"),
    ],
)
def test_what_is_not_the_result_to_be_drawn_is_refused(directional, draw, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        draw(directional)


def test_the_wrong_one_of_two_tables_is_refused():
    points = gpd.GeoDataFrame({"mean_excess": [0.1]}, geometry=[Point(0, 0)], crs="EPSG:4326")
    with pytest.raises(ValueError, match="Must be the GeoDataFrame that hot_pairs returns"):
        plot_pairs(points)
