"""Geolocation accuracy: errors are WGS84 geodesics, summaries follow from them."""

from collections.abc import Callable

import numpy as np
import pytest

from variogeo import EmpiricalVariogram, Exponential, LagBins, empirical_variogram
from variogeo.evaluation import (
    accuracy_within,
    error_quantiles,
    geolocation_error,
    geoscore,
    mean_error,
    median_error,
    nearest_places,
    recall_at_k,
    variogram_misfit,
)

DEGREE = 6378.137 * np.pi / 180
"""One degree of longitude on the equator of WGS84, km: the equator is a circle."""

QUARTER_MERIDIAN = 10_001.965_729
"""Equator to pole on WGS84, km (EPSG Guidance Note 7-2; GeographicLib)."""


def east(*km: float) -> np.ndarray:
    """Return points on the equator at these distances from (0, 0)."""
    return np.column_stack([np.array(km) / DEGREE, np.zeros(len(km))])


def origin(count: int) -> np.ndarray:
    return np.zeros((count, 2))


def test_the_error_on_the_equator_is_the_arc_of_a_circle() -> None:
    km = np.array([0.0, 1e-3, 1.0, 111.0, 5000.0])
    assert np.abs(geolocation_error(east(*km), origin(5)) - km).max() < 1e-9


def test_the_error_is_the_geodesic_on_the_ellipsoid_and_not_the_great_circle() -> None:
    error = geolocation_error([[0.0, 0.0], [0.0, -90.0]], [[0.0, 90.0], [120.0, 90.0]])
    assert error == pytest.approx([QUARTER_MERIDIAN, 2 * QUARTER_MERIDIAN], abs=2e-6)  # the constant's last digit


def test_the_error_crosses_the_antimeridian_and_ignores_the_longitude_of_a_pole() -> None:
    assert geolocation_error([[179.999, 0.0]], [[-179.999, 0.0]]) == pytest.approx([0.002 * DEGREE])
    assert geolocation_error([[0.0, 90.0]], [[77.0, 90.0]]).tolist() == [0.0]
    assert geolocation_error([[359.0, 10.0]], [[-1.0, 10.0]]).tolist() == [0.0]


def test_longitude_is_the_first_column() -> None:
    # A degree of latitude at the equator is shorter than one of longitude, by the flattening.
    along, up = geolocation_error([[1.0, 0.0], [0.0, 1.0]], origin(2))
    assert up < along == pytest.approx(DEGREE)


def test_the_error_of_swapped_arguments_is_the_same() -> None:
    random = np.random.default_rng(0)
    first, second = random.uniform((-180, -90), (180, 90), (2, 50, 2))
    assert np.abs(geolocation_error(first, second) - geolocation_error(second, first)).max() < 1e-9


def test_shares_count_the_predictions_within_each_distance() -> None:
    shares = accuracy_within(east(0.5, 24.0, 26.0, 740.0, 9000.0), origin(5))
    assert shares == {1: 0.2, 25: 0.4, 200: 0.6, 750: 0.8, 2500: 0.8}
    assert list(shares) == [1, 25, 200, 750, 2500]


def test_a_prediction_at_exactly_a_distance_is_within_it() -> None:
    predicted, true = east(25.0), origin(1)
    error = float(geolocation_error(predicted, true)[0])
    below = float(np.nextafter(error, 0.0))
    assert accuracy_within(predicted, true, km=[below, error]) == {below: 0.0, error: 1.0}


def test_shares_keep_the_order_and_type_of_the_distances() -> None:
    assert list(accuracy_within(east(3.0), origin(1), km=(100, 2.5))) == [100, 2.5]


def test_median_and_mean_are_those_of_the_errors() -> None:
    predicted = east(1.0, 2.0, 3.0, 94.0)
    assert median_error(predicted, origin(4)) == pytest.approx(2.5)
    assert mean_error(predicted, origin(4)) == pytest.approx(25.0)


def test_the_geoscore_decays_by_e_in_1492_7_km() -> None:
    # Haas et al. 2023: 5000 exp(-error / 1492.7 km).
    assert geoscore(origin(1), origin(1)) == 5000.0
    assert geoscore(east(1492.7), origin(1)) == pytest.approx(5000 / np.e)
    assert geoscore(east(0.0, 1492.7), origin(2)) == pytest.approx((5000 + 5000 / np.e) / 2)


def test_summaries_are_plain_floats() -> None:
    values = [median_error(east(1), origin(1)), mean_error(east(1), origin(1)), geoscore(east(1), origin(1))]
    assert [type(value) for value in values] == [float] * 3
    assert [type(value) for value in accuracy_within(east(1), origin(1)).values()] == [float] * 5


EVERY = [geolocation_error, accuracy_within, median_error, mean_error, geoscore, error_quantiles]


@pytest.mark.parametrize("measure", EVERY)
@pytest.mark.parametrize(
    ("predicted", "true", "words"),
    [
        (origin(2), origin(3), "true has 3 rows but predicted has 2. One row per photo in both"),
        (origin(0), origin(0), "predicted and true have no rows: no error to measure"),
        ([[0.0, np.nan]], [[0.0, 0.0]], "predicted has NaN or infinite coordinates in 1 rows: 0"),
        ([[0.0, 0.0]], [[np.inf, 0.0]], "true has NaN or infinite coordinates in 1 rows: 0"),
        ([[0.0, 0.0]], [[48.0, 120.0]], "true has latitudes up to 120 .*are the columns swapped"),
        ([[5e5, 5e6]], [[0.0, 0.0]], "predicted has coordinates up to 5e.06, which are not degrees"),
        ([0.0, 0.0], [0.0, 0.0], r"Invalid predicted of shape \(2,\)\. Must be \(n, 2\)"),
    ],
)
def test_bad_places_are_refused_under_the_name_of_their_argument(
    measure: Callable[..., object], predicted: object, true: object, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        measure(predicted, true)


@pytest.mark.parametrize(
    ("km", "kind", "words"),
    [
        ([0.0], ValueError, "Invalid km '0.0'. Must be greater than 0"),
        ([25, -1], ValueError, "Invalid km '-1.0'"),
        ([np.nan], ValueError, "Invalid km 'nan'. Must be finite"),
        (["25"], TypeError, "Invalid km '25'. Must be a number"),
    ],
)
def test_bad_distances_are_refused(km: list[float], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        accuracy_within(origin(1), origin(1), km=km)


def test_the_places_stay_as_they_were() -> None:
    predicted, true = np.array([[359.0, 1.0]]), np.array([[-1.0, 1.0]])
    before = predicted.tobytes(), true.tobytes()
    accuracy_within(predicted, true)
    assert (predicted.tobytes(), true.tobytes()) == before


def test_a_single_distance_must_be_a_sequence_too() -> None:
    with pytest.raises(TypeError, match=r"km 25\. Must be a sequence of distances, e\.g\. \(25,\)"):
        accuracy_within([[0, 0]], [[0, 1]], km=25)


def test_quantiles_of_the_error_are_linear_between_two_errors() -> None:
    predicted = east(0.0, 10.0, 20.0, 30.0, 100.0)
    quantiles = error_quantiles(predicted, origin(5), probabilities=(0.0, 0.5, 0.9, 1.0))
    # The position of 0.9 among five errors is 3.6: 30 + 0.6 * 70.
    assert quantiles == pytest.approx({0.0: 0.0, 0.5: 20.0, 0.9: 72.0, 1.0: 100.0})
    assert list(error_quantiles(predicted, origin(5))) == [0.9, 0.95, 0.99]


@pytest.mark.parametrize(
    ("probabilities", "kind", "words"),
    [
        ([1.5], ValueError, "Invalid probabilities '1.5'. Must be at most 1"),
        ([-0.1], ValueError, "Invalid probabilities '-0.1'"),
        (0.9, TypeError, r"Invalid probabilities 0\.9\. Must be a sequence, e\.g\. \(0\.9,\)"),
    ],
)
def test_bad_probabilities_are_refused(probabilities: object, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        error_quantiles(origin(1), origin(1), probabilities=probabilities)


def test_recall_counts_the_right_row_among_the_first_candidates() -> None:
    random = np.random.default_rng(5)
    ranked = np.stack([random.permutation(9) for _ in range(40)])
    true = random.integers(9, size=40)
    expected = {k: sum(true[i] in ranked[i][:k].tolist() for i in range(40)) / 40 for k in (1, 4, 9)}
    assert recall_at_k(ranked, true, k=(1, 4, 9)) == expected
    assert expected[9] == 1.0


@pytest.mark.parametrize(
    ("ranked", "true", "k", "kind", "words"),
    [
        ([[0.5, 1.0]], [1], (1,), TypeError, "Invalid ranked of dtype float64. Must be whole numbers"),
        ([[0, 1]], [1.0], (1,), TypeError, "Invalid true of dtype float64"),
        ([0, 1], [1], (1,), ValueError, r"Invalid ranked \(2,\) with true \(1,\)\. Must be \(n, m\) and \(n,\)"),
        ([[0, 1], [1, 0]], [1], (1,), ValueError, "true has 1 rows but ranked has 2. One row per photo in both"),
        (np.zeros((0, 2), int), np.zeros(0, int), (1,), ValueError, "with n >= 1"),
        ([[0, 1]], [1], (3,), ValueError, "Invalid k '3' with 2 candidates per photo. Must be at most 2"),
        ([[0, 1]], [1], (0,), ValueError, "Invalid k '0'"),
    ],
)
def test_bad_ranks_are_refused(
    ranked: object, true: object, k: tuple[int, ...], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        recall_at_k(ranked, true, k=k)


def test_the_nearest_place_is_found_across_the_antimeridian_and_a_pole() -> None:
    assert nearest_places([[179.9, 0.0]], [[170.0, 0.0], [-179.9, 0.0]]).tolist() == [[-179.9, 0.0]]
    assert nearest_places([[0.0, 89.9]], [[0.0, 89.0], [180.0, 89.8]]).tolist() == [[180.0, 89.8]]


def test_the_nearest_place_is_that_of_a_double_loop() -> None:
    random = np.random.default_rng(1)
    asked, gallery = random.uniform((-180, -90), (180, 90), (2, 40, 2))
    found = geolocation_error(nearest_places(asked, gallery), asked)
    least = [min(float(geolocation_error([a], [g])[0]) for g in gallery) for a in asked]
    # Nearest on the sphere: the geodesic may choose another place within 0.56 %.
    assert (found <= np.array(least) * 1.012).all()


def test_an_empty_gallery_is_refused() -> None:
    with pytest.raises(ValueError, match="gallery has no rows"):
        nearest_places([[0.0, 0.0]], np.zeros((0, 2)))


BINS = LagBins.logarithmic(10.0, 20_000.0, 6)


def variogram(seed: int, *, scale: float = 1.0) -> EmpiricalVariogram:
    random = np.random.default_rng(seed)
    lonlat = np.random.default_rng(0).uniform((-10, -10), (10, 10), (200, 2))
    values = scale * (lonlat[:, 0] / 10 + random.normal(size=200))
    return empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared")


def test_the_misfit_is_the_root_mean_square_of_the_log_ratio() -> None:
    first, second = variogram(1), variogram(2)
    logs = [
        np.log(a / b)
        for a, b in zip(first.semivariance, second.semivariance, strict=True)
        if np.isfinite(a) and np.isfinite(b)
    ]
    assert len(logs) == 5  # no pair is farther than 5 600 km
    assert variogram_misfit(first, second) == pytest.approx(np.sqrt(sum(x * x for x in logs) / len(logs)))
    centred = [x - sum(logs) / len(logs) for x in logs]
    expected = np.sqrt(sum(x * x for x in centred) / len(logs))
    assert variogram_misfit(first, second, of="shape") == pytest.approx(expected)


def test_the_misfit_of_curves_that_differ_by_a_factor_is_its_logarithm_and_their_shapes_are_alike() -> None:
    first, doubled = variogram(1), variogram(1, scale=2.0)
    assert variogram_misfit(doubled, first) == pytest.approx(np.log(4))
    assert variogram_misfit(doubled, first, of="shape") == pytest.approx(0.0, abs=1e-12)


def test_the_misfit_to_a_model_is_taken_at_the_mean_lags() -> None:
    empirical, model = variogram(1), Exponential(nugget=1.0, partial_sill=1.0, effective_range=3000.0)
    filled = np.isfinite(empirical.semivariance)
    logs = np.log(empirical.semivariance[filled] / model(empirical.lag[filled]))
    assert variogram_misfit(empirical, model) == pytest.approx(np.sqrt(np.mean(logs**2)))


def test_bad_curves_are_refused() -> None:
    empirical = variogram(1)
    lonlat = np.array([[0.0, 0.0], [1.0, 0.0]])
    flat = empirical_variogram(lonlat, np.ones(2), BINS, dissimilarity="half_squared")
    far = empirical_variogram([[0.0, 0.0], [179.0, 0.0]], np.arange(2.0), BINS, dissimilarity="half_squared")
    other = empirical_variogram(lonlat, np.arange(2.0), LagBins.linear(0, 500, 3), dissimilarity="half_squared")
    for reference, words in (
        (other, "reference has other bins than empirical. Make both with the same LagBins"),
        (flat, "The semivariance is 0 in bins 1. Their log ratio is infinite"),
        (far, "No bin holds pairs in both"),
    ):
        with pytest.raises(ValueError, match=words):
            variogram_misfit(empirical, reference)
    with pytest.raises(ValueError, match=r"Invalid of 'size'. Must be one of 'curve', 'shape'"):
        variogram_misfit(empirical, empirical, of="size")
    with pytest.raises(TypeError, match="Invalid empirical of type list"):
        variogram_misfit([1.0], empirical)
    with pytest.raises(TypeError, match="Invalid reference of type list"):
        variogram_misfit(empirical, [1.0])
