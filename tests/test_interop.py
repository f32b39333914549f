"""To and from GSTools and geopandas: the same curves and the same places, or a refusal."""

import importlib
import sys
import warnings
from typing import Any

import geopandas as gpd
import gstools as gs
import numpy as np
import pytest
import skgstat
from pyproj import Geod
from shapely import LineString, MultiPoint, Point, Polygon, box

from variogeo import (
    Exponential,
    Gaussian,
    LagBins,
    Matern,
    Nested,
    Spherical,
    Stable,
    VariogramModel,
    empirical_variogram,
    interop,
)
from variogeo._distances import EARTH_RADIUS
from variogeo.interop import from_gstools, from_skgstat, lonlat_from_geodataframe, to_gstools
from variogeo.synthetic import uniform_lonlat

LAGS = np.concatenate([[0.0], np.geomspace(1e-3, 2e4, 200)])
TOLERANCE = 1e-12
"""Both sides are float64 formulas of one curve; sills are of order one."""

RANGES = [0.02, 10.0, 300.0, 12_345.6]
CURVES: list[tuple[type[VariogramModel], dict[str, float]]] = [
    (Spherical, {}),
    (Exponential, {}),
    (Gaussian, {}),
    (Stable, {"shape": 0.3}),
    (Stable, {"shape": 1.0}),
    (Stable, {"shape": 1.7}),
    (Matern, {"smoothness": 0.5}),
    (Matern, {"smoothness": 1.5}),
    (Matern, {"smoothness": 2.5}),
]
GSTOOLS: list[tuple[type[gs.CovModel], dict[str, float]]] = [
    (gs.Spherical, {}),
    (gs.Exponential, {}),
    (gs.Gaussian, {}),
    (gs.Stable, {"alpha": 0.3}),
    (gs.Stable, {"alpha": 1.7}),
    (gs.Matern, {"nu": 0.5}),
    (gs.Matern, {"nu": 1.5}),
    (gs.Matern, {"nu": 2.5}),
]


def named(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize("effective_range", RANGES)
@pytest.mark.parametrize(("kind", "extra"), CURVES, ids=named)
def test_the_gstools_model_has_the_same_curve(
    kind: type[VariogramModel], extra: dict[str, float], effective_range: float
) -> None:
    model = kind(nugget=0.1, partial_sill=0.7, effective_range=effective_range, **extra)
    twin = to_gstools(model)
    assert np.abs(twin.variogram(LAGS[1:]) - model(LAGS[1:])).max() <= TOLERANCE
    # At lag 0 GSTools has two answers: the limit from the right, and the variogram's own 0.
    assert model(0.0) == twin.vario_nugget(0.0) == 0.0
    assert twin.variogram(0.0) == model.nugget


@pytest.mark.parametrize("effective_range", RANGES)
@pytest.mark.parametrize(("kind", "extra"), CURVES, ids=named)
def test_there_and_back_is_the_same_model(
    kind: type[VariogramModel], extra: dict[str, float], effective_range: float
) -> None:
    model = kind(nugget=0.1, partial_sill=0.7, effective_range=effective_range, **extra)
    back = from_gstools(to_gstools(model))
    assert type(back) is kind
    assert (back.nugget, back.partial_sill) == (0.1, 0.7)
    assert back.effective_range == pytest.approx(effective_range, rel=1e-14)  # a few roundings
    assert {name: getattr(back, name) for name in extra} == extra


@pytest.mark.parametrize(
    ("settings", "km"),
    [
        ({}, 1.0),  # lengths without a globe are km
        ({"rescale": 2.5}, 1.0),
        ({"latlon": True, "geo_scale": gs.RADIAN_SCALE}, EARTH_RADIUS),
        ({"latlon": True, "geo_scale": gs.RADIAN_SCALE, "rescale": 0.7}, EARTH_RADIUS),
        ({"latlon": True, "geo_scale": gs.DEGREE_SCALE}, EARTH_RADIUS * np.pi / 180),
        ({"latlon": True, "geo_scale": gs.KM_SCALE}, 1.0),
        ({"latlon": True, "geo_scale": EARTH_RADIUS}, 1.0),
        ({"latlon": True, "geo_scale": 6378.137}, 1.0),  # another radius, but km all the same
        ({"latlon": True, "geo_scale": EARTH_RADIUS * 1000}, 0.001),
    ],
    ids=str,
)
@pytest.mark.parametrize(("kind", "extra"), GSTOOLS, ids=named)
def test_a_gstools_model_becomes_the_same_curve_over_km(
    kind: type[gs.CovModel], extra: dict[str, float], settings: dict[str, Any], km: float
) -> None:
    original = kind(var=0.7, nugget=0.05, len_scale=2000.0 / km, **extra, **settings)
    converted = from_gstools(original)
    assert np.abs(converted(LAGS) - original.vario_nugget(LAGS / km)).max() <= TOLERANCE


def test_the_effective_range_is_where_gstools_finds_95_percent_of_the_variance() -> None:
    for kind, extra in GSTOOLS:
        original = kind(var=0.7, nugget=0.05, len_scale=300.0, **extra)
        if kind is gs.Spherical:
            assert from_gstools(original).effective_range == 300.0  # where it reaches its sill
        else:
            # GSTools searches for the lag with a root finder.
            assert from_gstools(original).effective_range == pytest.approx(original.percentile_scale(0.95), rel=1e-6)


def test_lengths_on_the_gstools_side_are_km_on_the_globe() -> None:
    twin = to_gstools(Exponential(nugget=0.1, partial_sill=0.2, effective_range=300.0))
    assert twin.latlon
    assert twin.geo_scale == EARTH_RADIUS
    assert twin.len_scale == 300.0
    assert twin.sill == pytest.approx(0.3, rel=1e-15)


def test_an_anisotropic_gstools_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"anisotropy \[0\.5\]\. Must be isotropic"):
        from_gstools(gs.Exponential(dim=2, len_scale=[10.0, 5.0]))


@pytest.mark.parametrize(
    "model",
    [gs.Cubic(), gs.Rational(), gs.Nugget(), Exponential(0.1, 0.2, 3.0), gs.Exponential, 3.0, None],
    ids=lambda model: type(model).__name__,
)
def test_other_models_than_gstools_five_are_refused_with_the_list(model: object) -> None:
    with pytest.raises(
        TypeError, match="Must be one of GSTools' Spherical, Exponential, Gaussian, Stable, Matern or a SumModel"
    ):
        from_gstools(model)


def test_a_smoothness_without_a_closed_form_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Invalid smoothness '1\.0'\. Must be one of 0\.5, 1\.5, 2\.5"):
        from_gstools(gs.Matern(nu=1.0))


@pytest.mark.parametrize("model", [gs.Exponential(), 3.0, "Exponential", Exponential], ids=named)
def test_only_variogeo_models_go_to_gstools(model: object) -> None:
    with pytest.raises(TypeError, match="Invalid model of type"):
        to_gstools(model)  # type: ignore[arg-type]


@pytest.mark.parametrize("convert", [to_gstools, from_gstools])
def test_without_gstools_the_error_has_the_pip_line(convert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Exponential(0.1, 0.2, 3.0) if convert is to_gstools else gs.Exponential()

    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(interop.importlib, "import_module", absent)
    with pytest.raises(ImportError, match=r"GSTools is not installed\. .* pip install 'variogeo\[gstat\]'"):
        convert(model)
    monkeypatch.undo()
    assert importlib.import_module("gstools") is gs


SUMS = [
    Nested(Exponential(0.1, 0.3, 20.0), Exponential(0.0, 0.5, 900.0)),
    Nested(Spherical(0.0, 0.3, 2000.0), Stable(0.0, 0.1, 300.0, 0.6)),
    Nested(Matern(0.05, 0.2, 30.0, 1.5), Gaussian(0.0, 0.4, 700.0)),
    Nested(Exponential(0.1, 0.0, 20.0), Spherical(0.0, 0.0, 900.0)),
]


@pytest.mark.parametrize("model", SUMS, ids=repr)
def test_a_nested_model_becomes_the_gstools_sum_with_the_same_curve_and_back(model: Nested) -> None:
    twin = to_gstools(model)
    assert isinstance(twin, gs.SumModel)
    assert np.abs(twin.variogram(LAGS[1:]) - model(LAGS[1:])).max() <= TOLERANCE
    assert (twin.nugget, twin.latlon, twin.geo_scale) == (model.nugget, True, EARTH_RADIUS)
    back = from_gstools(twin)
    assert isinstance(back, Nested)
    assert back.parameter_values == pytest.approx(model.parameter_values, rel=1e-14)
    assert [type(part) for part in (back.first, back.second)] == [type(part) for part in (model.first, model.second)]


def test_a_gstools_sum_takes_its_nugget_from_its_parts_and_its_lengths_from_the_globe() -> None:
    parts = (
        gs.Exponential(var=0.3, nugget=0.1, len_scale=0.01, latlon=True),
        gs.Spherical(var=0.2, nugget=0.05, len_scale=0.2, latlon=True),
    )
    original = parts[0] + parts[1]
    converted = from_gstools(original)
    assert converted.nugget == pytest.approx(0.15)
    assert np.abs(converted(LAGS[1:]) - original.variogram(LAGS[1:] / EARTH_RADIUS)).max() <= TOLERANCE
    alone = from_gstools(gs.SumModel(parts[1]))
    assert alone == from_gstools(parts[1])


def test_sums_of_none_or_of_three_are_refused() -> None:
    for count in (0, 3):
        with pytest.raises(ValueError, match=rf"SumModel of {count} models\. Must be of one or two"):
            from_gstools(gs.SumModel(*[gs.Exponential()] * count))


def test_a_sum_of_a_tiny_variance_is_refused_because_gstools_weighs_its_parts_alike() -> None:
    tiny = Nested(Exponential(0.0, 8e-9, 20.0), Exponential(0.0, 1e-9, 900.0))
    wrong = gs.SumModel(to_gstools(tiny.first), to_gstools(tiny.second))
    assert wrong.variogram(20.0) < 0.7 * tiny(20.0)
    with pytest.raises(ValueError, match=r"partial sill of 9e-09. Must exceed 1e-08"):
        to_gstools(tiny)


def test_a_gstools_without_sums_says_to_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(gs, "SumModel")
    with pytest.raises(ImportError, match=r"has no sums of models\. Upgrade it: pip install 'gstools>=1\.7'"):
        to_gstools(SUMS[0])


# Two hundred points of a plane with a linear trend: every model of scikit-gstat finds something to fit.
PLACES = np.random.default_rng(3).uniform(0, 100, (200, 2))
SCALARS = PLACES[:, 0] / 30 + np.random.default_rng(4).normal(0, 0.3, 200)


def skgstat_variogram(model: str, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return skgstat.Variogram(PLACES, SCALARS, model=model, n_lags=12, **options)


SKGSTAT = [
    ("spherical", Spherical, {}),
    ("exponential", Exponential, {}),
    ("gaussian", Gaussian, {}),
    ("stable", Stable, {}),
    ("stable", Stable, {"fit_method": "manual", "fit_range": 40.0, "fit_sill": 2.0, "fit_shape": 0.7}),
    *(
        ("matern", Matern, {"fit_method": "manual", "fit_range": 40.0, "fit_sill": 2.0, "fit_shape": smoothness})
        for smoothness in (0.5, 1.5, 2.5)
    ),
]


@pytest.mark.parametrize("nugget", [False, True], ids=["without nugget", "with nugget"])
@pytest.mark.parametrize(("name", "kind", "options"), SKGSTAT, ids=str)
def test_a_scikit_gstat_variogram_becomes_its_own_fitted_curve(
    name: str, kind: type[VariogramModel], options: dict[str, Any], nugget: bool
) -> None:
    if "fit_method" in options and nugget:
        options = {**options, "fit_nugget": 0.25}
    variogram = skgstat_variogram(name, use_nugget=nugget, **options)
    model = from_skgstat(variogram)
    assert type(model) is kind
    lag = np.geomspace(0.1, 500.0, 60)
    assert np.abs(model(lag) - variogram.fitted_model(lag)).max() <= TOLERANCE * model.sill
    assert model.nugget == (variogram.cof[-1] if nugget else 0.0)
    assert model.partial_sill == variogram.cof[1]


@pytest.mark.parametrize("model", ["cubic", "spherical+gaussian", "harmonize"])
def test_other_models_of_scikit_gstat_are_refused_with_the_list(model: str) -> None:
    variogram = skgstat_variogram("spherical")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        variogram.model = model
    with pytest.raises(ValueError, match=r"of the variogram. Must be one of scikit-gstat's spherical, exponential"):
        from_skgstat(variogram)


def test_a_users_function_is_not_taken_for_the_model_of_its_name() -> None:
    def spherical(h: float, r: float, c0: float) -> float:
        return c0 * h / r

    variogram = skgstat_variogram("spherical")
    variogram.model = skgstat.models.variogram(spherical)
    with pytest.raises(ValueError, match="Invalid model 'spherical' of the variogram"):
        from_skgstat(variogram)


def test_a_scikit_gstat_variogram_without_coefficients_says_to_fit_it() -> None:
    variogram = skgstat_variogram("spherical")
    variogram.model = "exponential"
    with pytest.raises(ValueError, match=r"has no coefficients: .* Call its fit\(\) first"):
        from_skgstat(variogram)
    assert variogram.cof is None


def test_parameters_of_scikit_gstat_that_make_no_closed_form_are_refused() -> None:
    options = {"fit_method": "manual", "fit_range": 40.0, "fit_sill": 2.0, "fit_shape": 8.0}
    with pytest.raises(ValueError, match=r"Invalid smoothness '8.0'"):
        from_skgstat(skgstat_variogram("matern", **options))


@pytest.mark.parametrize("loaded", [True, False])
def test_only_scikit_gstat_variograms_are_read(loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not loaded:
        monkeypatch.delitem(sys.modules, "skgstat")
    with pytest.raises(TypeError, match=r"Invalid variogram of type Exponential. Must be a scikit-gstat Variogram"):
        from_skgstat(Exponential(0.1, 0.2, 3.0))


FITTED = [Exponential(0.1, 0.4, 2000.0), Nested(Exponential(0.0, 0.3, 800.0), Exponential(0.0, 0.4, 4000.0))]


@pytest.mark.parametrize("model", FITTED, ids=repr)
def test_gstools_simulates_a_fitted_model_on_the_sphere(model: VariogramModel) -> None:
    """Over 40 fields the mean half squared difference is the model at the chord, nugget included."""
    lonlat = uniform_lonlat(150, seed=2)
    twin, positions = to_gstools(model), (lonlat[:, 1], lonlat[:, 0])
    fields = [gs.SRF(twin, seed=seed, mode_no=300)(positions) for seed in range(40)]
    assert np.array_equal(fields[0], gs.SRF(twin, seed=0, mode_no=300)(positions))
    # From 1 000 km on: at shorter lags the 300 waves of a field are too few.
    bins = LagBins.linear(1000, 6000, 5)
    empirical = empirical_variogram(
        lonlat, np.column_stack(fields), bins, dissimilarity="half_squared", metric="chord"
    )  # fmt: skip
    np.testing.assert_allclose(empirical.semivariance / len(fields), model(empirical.lag), rtol=0.15)


@pytest.mark.parametrize("model", [FITTED[1], Exponential(0.0, 0.4, 2000.0)], ids=repr)
def test_gstools_kriging_with_a_fitted_model_is_exact_at_the_data(model: VariogramModel) -> None:
    lonlat, random = uniform_lonlat(40, seed=5), np.random.default_rng(5)
    values = random.normal(size=40)
    krige = gs.krige.Ordinary(to_gstools(model), (lonlat[:, 1], lonlat[:, 0]), values)
    field, variance = krige((lonlat[:, 1], lonlat[:, 0]))
    np.testing.assert_allclose(field, values, atol=1e-9)
    np.testing.assert_allclose(variance, 0.0, atol=1e-9)
    # Far from all data nothing is known but the mean: the error is the sill and that of the mean.
    elsewhere, error = krige((np.array([-lonlat[0, 1]]), np.array([lonlat[0, 0] + 180])))
    assert error[0] > 0.1 * model.sill
    assert abs(elsewhere[0]) < np.abs(values).max()


def geodataframe(*geometries: object, crs: str | None = "EPSG:4326") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(geometries), crs=crs)


@pytest.mark.parametrize("crs", ["EPSG:4326", "OGC:CRS84", "EPSG:4258"])
def test_longitude_comes_first_whatever_the_axis_order_of_the_crs(crs: str) -> None:
    # EPSG:4326 and EPSG:4258 define latitude first; geometries are x, y all the same. ETRS89 is WGS84 here.
    lonlat = lonlat_from_geodataframe(geodataframe(Point(9.5, 47.25), Point(-9.0, 38.0), crs=crs))
    assert np.abs(lonlat - [[9.5, 47.25], [-9.0, 38.0]]).max() < 1e-12
    assert lonlat.dtype == np.float64


def test_another_datum_is_converted_with_longitude_first() -> None:
    # NAD27 and WGS84 differ by some tens of metres in the contiguous United States, below 0.002 degrees.
    shift = np.abs(lonlat_from_geodataframe(geodataframe(Point(-98.5, 39.8), crs="EPSG:4267")) - [[-98.5, 39.8]])
    assert 1e-6 < shift.max() < 0.002


def test_a_point_on_the_central_meridian_of_a_utm_zone_has_its_longitude() -> None:
    # Transverse Mercator: on the central meridian (9 degrees) the northing is 0.9996 times the meridian's arc.
    arc = Geod(ellps="WGS84").inv(9.0, 0.0, 9.0, 50.0)[2]
    lonlat = lonlat_from_geodataframe(geodataframe(Point(500_000.0, 0.9996 * arc), crs="EPSG:32632"))
    assert np.abs(lonlat - [[9.0, 50.0]]).max() < 1e-9  # a tenth of a millimetre


def test_web_mercator_is_converted_by_its_formula() -> None:
    x, y = 1_000_000.0, 6_000_000.0
    latitude = np.degrees(2 * np.arctan(np.exp(y / 6378137.0)) - np.pi / 2)
    lonlat = lonlat_from_geodataframe(geodataframe(Point(x, y), crs="EPSG:3857"))
    assert np.abs(lonlat - [[np.degrees(x / 6378137.0), latitude]]).max() < 1e-9


def test_a_geodataframe_without_a_crs_says_how_to_set_it() -> None:
    with pytest.raises(ValueError, match=r'has no CRS\. .* gdf\.set_crs\("EPSG:4326"\)'):
        lonlat_from_geodataframe(geodataframe(Point(8, 50), crs=None))


def test_missing_and_empty_geometries_are_refused_with_their_rows() -> None:
    with pytest.raises(ValueError, match=r"geometry is missing or empty in 3 rows: 1, 2, 4\. Drop them first"):
        lonlat_from_geodataframe(geodataframe(Point(8, 50), None, Point(), Point(9, 50), Polygon()))


def test_polygons_are_refused_with_their_counts_unless_a_point_is_chosen() -> None:
    mixed = geodataframe(Point(8, 50), box(1, 1, 2, 2), box(2, 2, 3, 3), LineString([(0, 0), (1, 1)]))
    with pytest.raises(ValueError, match=r"2 Polygon, 1 Point, 1 LineString.* pass point=") as caught:
        lonlat_from_geodataframe(mixed)
    assert "(--point on the command line)" in str(caught.value)


def test_a_representative_point_lies_inside_even_where_the_centroid_does_not() -> None:
    crescent = Polygon([(0, 0), (10, 0), (10, 10), (0, 10), (0, 9), (9, 9), (9, 1), (0, 1)])
    assert not crescent.contains(crescent.centroid)
    shapes = geodataframe(crescent, Point(8, 50), MultiPoint([(1, 2), (1, 2)]), LineString([(0, 0), (4, 0), (8, 0)]))
    lonlat = lonlat_from_geodataframe(shapes, point="representative")
    assert crescent.contains(Point(lonlat[0]))
    assert lonlat[1:].tolist() == [[8.0, 50.0], [1.0, 2.0], [4.0, 0.0]]


def test_points_stay_themselves_when_a_point_is_chosen() -> None:
    assert lonlat_from_geodataframe(geodataframe(Point(8, 50)), point="representative").tolist() == [[8.0, 50.0]]


def test_a_polygon_wider_than_half_the_earth_is_refused_as_crossing_the_antimeridian() -> None:
    fiji = Polygon([(179.5, -17), (-179.5, -17), (-179.5, -16), (179.5, -16)])
    with pytest.raises(ValueError, match=r"wider than 180 degrees in 1 rows: 1\. Across the antimeridian\? Split it"):
        lonlat_from_geodataframe(geodataframe(box(0, 0, 1, 1), fiji), point="representative")


def test_a_projected_polygon_across_the_antimeridian_is_refused() -> None:
    # The Pacific's Mercator is centred on 150 degrees, so 180 lies 30 degrees east of its origin.
    antimeridian = np.radians(30.0) * 6378137.0
    around = box(antimeridian - 10_000, -10_000, antimeridian + 10_000, 10_000)
    with pytest.raises(ValueError, match="Across the antimeridian"):
        lonlat_from_geodataframe(geodataframe(around, crs="EPSG:3832"), point="representative")


def test_coordinates_that_do_not_convert_are_refused_with_their_rows() -> None:
    far = geodataframe(Point(500_000, 5_000_000), Point(1e20, 1e20), crs="EPSG:32632")
    with pytest.raises(ValueError, match=r"does not convert to EPSG:4326 in 1 rows: 1\. Is its CRS right\?"):
        lonlat_from_geodataframe(far)


def test_a_crs_that_is_not_on_the_earth_is_refused() -> None:
    with pytest.raises(ValueError, match="does not convert to EPSG:4326 from CRS 'floor plan'"):
        lonlat_from_geodataframe(geodataframe(Point(1, 2), crs='LOCAL_CS["floor plan",UNIT["metre",1]]'))


def test_an_unknown_choice_of_point_lists_the_known_one() -> None:
    with pytest.raises(ValueError, match=r"Invalid point 'centroid'\. Must be one of 'representative'"):
        lonlat_from_geodataframe(geodataframe(box(0, 0, 1, 1)), point="centroid")  # type: ignore[arg-type]


def test_an_array_instead_of_a_geodataframe_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Invalid gdf of type ndarray\. Must be a GeoDataFrame with a CRS"):
        lonlat_from_geodataframe(np.zeros((3, 2)))  # type: ignore[arg-type]


def test_the_geodataframe_stays_as_it_was() -> None:
    shapes = geodataframe(Point(500_000, 5_000_000), crs="EPSG:32632")
    before = shapes.copy()
    lonlat_from_geodataframe(shapes)
    assert shapes.crs == before.crs
    assert shapes.geometry.geom_equals_exact(before.geometry, 0.0).all()


def test_a_geodataframe_where_coordinates_belong_is_sent_to_its_converter() -> None:
    frame = gpd.GeoDataFrame(geometry=[Point(8, 50), Point(9, 50)], crs="EPSG:4326")
    for given in (frame, frame.geometry):
        with pytest.raises(
            TypeError, match=r"Must be an \(n, 2\) array: variogeo\.interop\.lonlat_from_geodataframe makes it"
        ):
            LagBins.covering(given)
