"""The lag cloud and the map of regions: what is drawn equals the pairs and the parameters."""

import re

import geopandas as gpd
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from shapely import LineString, MultiLineString, Point, box

from variogeo import Exponential, LagBins, StratifiedPairs, VariogramFit, empirical_variogram
from variogeo.plotting import plot_cloud, plot_excess, plot_pairs, plot_regions

BINS = LagBins.logarithmic(50, 3000, 5)
WEST, EAST, NORTH = box(0, 40, 5, 50), box(5, 40, 10, 50), box(0, 50, 10, 60)


@pytest.fixture(scope="module")
def field():
    random = np.random.default_rng(2)
    lonlat = random.uniform(-15, 15, (120, 2))
    return lonlat, np.sin(lonlat[:, 0] / 5) + random.normal(0, 0.3, 120)


@pytest.fixture
def ax():
    return Figure().subplots()


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_a_cloud_of_few_points_holds_all_their_pairs(field, ax):
    plot_cloud(*field, BINS, ax=ax, dissimilarity="half_squared")
    npairs = empirical_variogram(*field, BINS, dissimilarity="half_squared").npairs
    assert ax.collections[0].get_array().sum() == npairs.sum()
    (_, bar) = ax.figure.axes
    assert bar.get_ylabel() == f"pairs in a cell, of all {npairs.sum():,}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lag (km)", "dissimilarity (half squared difference)")
    assert (ax.get_xscale(), ax.get_ylim()[0]) == ("log", 0.0)


def test_the_lines_of_a_cloud_are_quantiles_of_each_bin_at_its_mean_lag(field, ax):
    plot_cloud(*field, BINS, ax=ax, dissimilarity="half_squared")
    empirical = empirical_variogram(*field, BINS, dissimilarity="half_squared")
    middle = lines(ax)["median"]
    np.testing.assert_allclose(middle.get_xdata(), empirical.lag, rtol=1e-6)
    lonlat, values = field
    first, second = np.triu_indices(len(values), 1)
    from variogeo._distances import lag_along

    lag = lag_along(lonlat[first], lonlat[second], "geodesic")
    term = (values[first] - values[second]) ** 2 / 2
    inside = [term[(lag > low) & (lag <= high)] for low, high in zip(BINS.low, BINS.high, strict=True)]
    np.testing.assert_allclose(middle.get_ydata(), [np.median(own) for own in inside], rtol=1e-9)
    outer = [line.get_ydata() for line in ax.get_lines()[1:]]
    for drawn, probability in zip(outer, (0.1, 0.9), strict=True):
        np.testing.assert_allclose(drawn, [np.quantile(own, probability) for own in inside], rtol=1e-9)


def test_a_cloud_may_be_a_sample_of_as_many_pairs_from_each_bin(field, ax):
    plot_cloud(*field, BINS, ax=ax, dissimilarity="half_squared", pairs=StratifiedPairs(100, seed=1))
    assert ax.collections[0].get_array().sum() == 100
    assert ax.figure.axes[1].get_ylabel() == "pairs in a cell, of a sample of 100"


def test_a_cloud_shows_a_curve_dashed_where_its_fit_did_not_converge(field, ax):
    model = Exponential(0.1, 0.5, 900.0)
    plot_cloud(*field, BINS, ax=ax, dissimilarity="half_squared", model=model)
    curve = lines(ax)["Exponential"]
    np.testing.assert_array_equal(curve.get_ydata(), model(curve.get_xdata()))
    fit = VariogramFit(model, 0.0, 0.0, False, "pure nugget", "", "npairs", 5, 3)
    other = plot_cloud(*field, BINS, ax=Figure().subplots(), dissimilarity="half_squared", model=fit)
    assert lines(other)["Exponential (pure nugget)"].get_linestyle() == "--"


def test_a_cloud_of_equal_values_at_equal_lags_draws(ax):
    plot_cloud([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]], np.ones((3, 4)), LagBins([1, 500]), ax=ax)
    ax.figure.canvas.draw()
    assert ax.collections[0].get_array().sum() == 2  # and none of the pair at zero lag


def test_a_cloud_without_pairs_in_its_bins_is_refused(field):
    with pytest.raises(ValueError, match=r"No pair has a lag from 9000 to 9001 km\. Choose other edges"):
        plot_cloud(*field, LagBins([9000, 9001]), dissimilarity="half_squared")
    with pytest.raises(ValueError, match="No pair has a lag"):
        plot_cloud(
            [[0.0, 0.0], [0.0, 0.0], [90.0, 0.0]], [1.0, 2.0, 3.0], LagBins([1, 2]), dissimilarity="half_squared"
        )
    with pytest.raises(TypeError, match=r"Invalid pairs of type int\. Must be StratifiedPairs"):
        plot_cloud(*field, BINS, dissimilarity="half_squared", pairs=5000)
    with pytest.raises(TypeError, match="Invalid model of type str"):
        plot_cloud(*field, BINS, dissimilarity="half_squared", model="Exponential")


@pytest.fixture
def countries():
    return gpd.GeoDataFrame({"name": ["west", "east", "north"]}, geometry=[WEST, EAST, NORTH], crs="EPSG:4326")


def fit(effective_range, *, converged=True):
    outcome = "fitted" if converged else "not converged"
    return VariogramFit(Exponential(0.1, 0.3, effective_range), 0.0, 0.0, converged, outcome, "", "npairs", 5, 3)


def colour_of(value, ax):
    """Return the colour of a value in the colour bar."""
    (bar,) = [one for one in ax.figure.axes if one is not ax]
    return tuple(bar._colorbar.mappable.to_rgba(value))


def drawn_regions(ax):
    """Return the colours of the regions that are filled, by the longitude and latitude of their middle."""
    found = {}
    for shapes in ax.collections:
        faces = shapes.get_facecolor()
        for k, path in enumerate(shapes.get_paths()):
            if len(faces) and shapes.get_gid() is None and not shapes.get_hatch():
                middle = path.get_extents()
                found[(middle.x0 + middle.x1) / 2, (middle.y0 + middle.y1) / 2] = tuple(faces[k % len(faces)])
    return found


def test_regions_have_the_colour_of_their_parameter_and_grey_without_a_curve(countries, ax):
    plot_regions({"west": fit(200.0), "east": fit(900.0, converged=False)}, countries, "name", ax=ax)
    found = drawn_regions(ax)
    assert found[2.5, 45.0] == pytest.approx(colour_of(200.0, ax))
    assert found[7.5, 45.0] == pytest.approx(colour_of(900.0, ax))
    assert found[5.0, 55.0][:3] == pytest.approx((0xD7 / 255, 0xDB / 255, 0xE0 / 255))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no curve", "not converged"]
    (hatched,) = [shapes for shapes in ax.collections if shapes.get_hatch()]
    assert hatched.get_paths()[0].get_extents().x0 == 5.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("longitude (degrees)", "latitude (degrees)")


def test_regions_may_be_models_and_another_parameter(countries, ax):
    fits = {name: Exponential(nugget, 0.3, 900.0) for name, nugget in (("west", 0.1), ("east", 0.2), ("north", 0.2))}
    plot_regions(fits, countries.to_crs("EPSG:3857"), "name", ax=ax, parameter="sill")
    assert ax.figure.axes[1].get_xlabel() == "sill (semivariance)"
    assert ax.get_legend() is None
    (east,) = [colour for (lon, _), colour in drawn_regions(ax).items() if lon == pytest.approx(7.5)]
    assert east == pytest.approx(colour_of(0.5, ax))


def test_ranges_over_more_than_a_decade_are_coloured_by_their_logarithm(countries, ax):
    plot_regions({"west": fit(20.0), "east": fit(900.0)}, countries, "name", ax=ax)
    assert isinstance(ax.figure.axes[1]._colorbar.norm, LogNorm)


@pytest.mark.parametrize("parameter", ["effective_range", "nugget", "partial_sill"])
def test_one_region_alone_draws(countries, ax, parameter):
    plot_regions({"west": Exponential(0.0, 0.0, 100.0)}, countries, "name", ax=ax, parameter=parameter)
    ax.figure.canvas.draw()
    assert len(ax.collections) > 0


@pytest.mark.parametrize(
    ("fits", "error", "words"),
    [
        ({}, ValueError, "Invalid fits without an entry"),
        ([fit(1.0)], TypeError, "Invalid fits of type list. Must be Mapping"),
        ({"west": 3.0}, TypeError, "Invalid fits['west'] of type float. Must be VariogramFit, from fit_variogram"),
        ({"west": Exponential}, TypeError, "Invalid fits['west'] Exponential: a class"),
        ({"south": fit(1.0)}, ValueError, "Invalid fits for 1 labels: 'south'. Must be labels of polygons['name']."),
    ],
)
def test_what_is_no_fit_of_a_region_is_refused(countries, fits, error, words):
    with pytest.raises(error, match=re.escape(words)):
        plot_regions(fits, countries, "name")


def test_other_polygons_and_parameters_are_refused(countries):
    with pytest.raises(ValueError, match="Invalid parameter 'range'"):
        plot_regions({"west": fit(1.0)}, countries, "name", parameter="range")
    with pytest.raises(ValueError, match="Invalid column 'label'"):
        plot_regions({"west": fit(1.0)}, countries, "label")


def test_the_coastline_is_drawn_once_and_leaves_the_limits_as_they_are(ax):
    points = gpd.GeoDataFrame({"mean_excess": [0.1, 0.2]}, geometry=[Point(-10, 40), Point(20, 60)], crs="EPSG:4326")
    plot_excess(points, ax=ax)
    assert ax.get_xlim() == pytest.approx((-11.6, 21.6), abs=0.2)
    lines = gpd.GeoDataFrame({"second": [1]}, geometry=[box(-50, 40, 20, 60).exterior], crs="EPSG:4326")
    plot_pairs(lines, ax=ax)
    # Pairs that lie farther out are shown, too.
    assert ax.get_xlim()[0] < -50
    coasts = [shapes for shapes in ax.collections if shapes.get_gid() == "coastline"]
    assert len(coasts) == 1
    segments = coasts[0].get_segments()
    assert segments
    assert max(np.abs(np.diff(segment[:, 0])).max() for segment in segments) < 20  # none crosses the whole map


def test_a_city_has_no_coastline_and_the_world_ends_where_it_ends(ax):
    city = gpd.GeoDataFrame({"mean_excess": [0.1, 0.2]}, geometry=[Point(8, 50), Point(9, 51)], crs="EPSG:4326")
    plot_excess(city, ax=ax)
    assert not [shapes for shapes in ax.collections if shapes.get_gid() == "coastline"]
    world = gpd.GeoDataFrame(
        {"mean_excess": [0.1, 0.2, 0.3]}, geometry=[Point(-180, -89), Point(0, 0), Point(180, 89)], crs="EPSG:4326"
    )
    other = plot_excess(world, ax=Figure().subplots())
    assert (other.get_xlim(), other.get_ylim()) == ((-180.0, 180.0), (-90.0, 90.0))


def across_180():
    """Return two photos on both sides of the antimeridian, and the line between them in its two parts."""
    ends = [Point(179, -16), Point(-178, -18)]
    line = MultiLineString([[(179, -16), (180, -16.7)], [(-180, -16.7), (-178, -18)]])
    excess = gpd.GeoDataFrame({"mean_excess": [0.1, np.nan]}, geometry=ends, crs="EPSG:4326")
    return excess, gpd.GeoDataFrame({"second": [1]}, geometry=[line], crs="EPSG:4326")


def labels_of_longitudes(ax, *longitudes):
    """Return how these are written at their axis."""
    return [ax.xaxis.get_major_formatter()(longitude) for longitude in longitudes]


def test_photos_on_both_sides_of_the_antimeridian_are_neighbours_on_their_map(ax):
    excess, pairs = across_180()
    plot_excess(excess, ax=ax)
    unknown, known = ax.collections[:2]
    np.testing.assert_allclose(unknown.get_offsets(), [[182, -18]])
    np.testing.assert_allclose(known.get_offsets(), [[179, -16]])
    assert 178 < ax.get_xlim()[0] < ax.get_xlim()[1] < 183
    assert labels_of_longitudes(ax, 179.5, 180.0, 182.0) == ["179.5", "180", "\N{MINUS SIGN}178"]
    # A pair on one side of it goes where its photos are.
    west_of_it = pairs.assign(geometry=[LineString([(-179, -17), (-178, -18)])])
    plot_pairs(west_of_it, ax=ax)
    (lines,) = [shapes for shapes in ax.collections if isinstance(shapes, LineCollection) and not shapes.get_gid()]
    np.testing.assert_allclose(lines.get_segments()[0], [[181, -17], [182, -18]])


def test_a_map_without_a_row_is_empty():
    excess, pairs = across_180()
    for plot, frame in ((plot_excess, excess), (plot_pairs, pairs)):
        ax = plot(frame.iloc[:0], ax=Figure().subplots())
        drawn = [shapes for shapes in ax.collections if not shapes.get_gid()]
        assert all(not len(shapes.get_offsets()) or isinstance(shapes, LineCollection) for shapes in drawn[:2])
        ax.figure.canvas.draw()


def test_a_line_across_the_antimeridian_is_one_on_its_map(ax):
    plot_pairs(across_180()[1], ax=ax)
    lines, ends, *_ = ax.collections
    (first, second) = lines.get_segments()
    np.testing.assert_allclose(np.concatenate([first, second]), [[179, -16], [180, -16.7], [180, -16.7], [182, -18]])
    np.testing.assert_allclose(ends.get_offsets(), [[179, -16], [182, -18]])
    assert ax.get_xlim()[1] - ax.get_xlim()[0] < 5


def test_a_map_of_the_world_stays_as_it_is_whatever_is_drawn_onto_it(ax):
    photos = [Point(longitude, 0) for longitude in (-100, 0, 100)]
    world = gpd.GeoDataFrame({"mean_excess": [0.1, 0.2, 0.3]}, geometry=photos, crs="EPSG:4326")
    plot_excess(world, ax=ax)
    plot_pairs(across_180()[1], ax=ax)
    assert ax.get_xlim() == (-180.0, 180.0)
    assert isinstance(ax.xaxis.get_major_formatter(), ScalarFormatter)


def test_a_map_that_goes_on_beyond_the_antimeridian_has_its_coast_there(countries, ax):
    beyond = countries.assign(geometry=countries.translate(175.0))
    plot_regions({"west": fit(1.0)}, beyond, "name", ax=ax)
    (coast,) = [shapes for shapes in ax.collections if shapes.get_gid() == "coastline"]
    assert max(segment[:, 0].max() for segment in coast.get_segments()) > 180
