"""Geolocation accuracy: errors are WGS84 geodesics, summaries follow from them."""

from collections.abc import Callable

import numpy as np
import pytest

from variogeo.evaluation import accuracy_within, geolocation_error, geoscore, mean_error, median_error

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


EVERY = [geolocation_error, accuracy_within, median_error, mean_error, geoscore]


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
