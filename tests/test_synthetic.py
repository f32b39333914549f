"""Synthetic embeddings: their empirical variogram is the model that made them."""

import numpy as np
import pytest

from variogeo import (
    Exponential,
    Gaussian,
    LagBins,
    Matern,
    Spherical,
    Stable,
    VariogramModel,
    empirical_variogram,
)
from variogeo.synthetic import gaussian_field, uniform_lonlat

BINS = LagBins([200, 1000, 2000, 4000, 8000, 12000])
DIMENSIONS = 3000
PLACES = uniform_lonlat(120, seed=11)


def sampling_error(model: VariogramModel) -> float:
    """Return a bound on the error of a bin's semivariance around the model.

    One column's term of a pair, ``d (z - z')^2 / 2``, is gamma times a chi-squared variable: its
    standard deviation is sqrt(2) gamma. A mean over pairs has at most that (the pairs are dependent), and
    the mean over the independent columns divides it by sqrt(dimensions). Four of these is no accident.
    """
    return 4 * np.sqrt(2 / DIMENSIONS) * model.sill


def expected(model: VariogramModel, metric: str) -> np.ndarray:
    """Return the mean of the model over the pairs of each bin, from the pairs themselves."""
    # On the sphere of great_circle and chord; half angles keep short lags exact.
    longitude, latitude = np.radians(PLACES).T
    first, second = np.triu_indices(len(PLACES), 1)
    haversine = (
        np.sin((latitude[first] - latitude[second]) / 2) ** 2
        + np.cos(latitude[first]) * np.cos(latitude[second]) * np.sin((longitude[first] - longitude[second]) / 2) ** 2
    )
    half_chord = np.sqrt(haversine)
    lag = 2 * 6371.0088 * (np.arcsin(half_chord) if metric == "great_circle" else half_chord)
    inside = [(lag > low) & (lag <= high) for low, high in zip(BINS.low, BINS.high, strict=True)]
    return np.array([model(lag[chosen]).mean() for chosen in inside])


@pytest.mark.parametrize("dissimilarity", ["half_squared", "cosine"])
@pytest.mark.parametrize(
    ("model", "metric"),
    [
        (Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0), "great_circle"),
        (Spherical(nugget=0.0, partial_sill=0.5, effective_range=3000.0), "great_circle"),
        (Stable(nugget=0.05, partial_sill=0.2, effective_range=6000.0, shape=0.6), "great_circle"),
        (Matern(nugget=0.2, partial_sill=0.2, effective_range=2000.0, smoothness=0.5), "great_circle"),
        (Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0), "chord"),
        (Gaussian(nugget=0.1, partial_sill=0.3, effective_range=3000.0), "chord"),
        (Matern(nugget=0.0, partial_sill=0.4, effective_range=5000.0, smoothness=2.5), "chord"),
        (Stable(nugget=0.0, partial_sill=0.4, effective_range=5000.0, shape=1.8), "chord"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, VariogramModel) else value,
)
def test_the_empirical_variogram_of_a_field_is_its_model(
    model: VariogramModel, metric: str, dissimilarity: str
) -> None:
    field = gaussian_field(PLACES, model, dimensions=DIMENSIONS, metric=metric, seed=4)  # type: ignore[arg-type]
    empirical = empirical_variogram(PLACES, field, BINS, dissimilarity=dissimilarity, metric=metric)  # type: ignore[arg-type]
    assert empirical.npairs.min() >= 30
    difference = np.abs(empirical.semivariance - expected(model, metric))
    assert difference.max() < sampling_error(model)
    # The bound is small enough to tell another nugget or another curve.
    assert sampling_error(model) < 0.11 * model.sill


@pytest.mark.parametrize(("metric", "lag"), [("great_circle", np.pi * 6371.0088), ("chord", 2 * 6371.0088)])
def test_the_metric_decides_how_far_antipodes_are(metric: str, lag: float) -> None:
    model = Spherical(nugget=0.0, partial_sill=1.0, effective_range=20_000.0)
    first, second = gaussian_field([[0.0, 0.0], [180.0, 0.0]], model, dimensions=20_000, metric=metric)  # type: ignore[arg-type]
    # One pair and a chi-squared of 20 000 degrees of freedom; the curve differs by 0.17 between the two lags.
    assert abs(((first - second) ** 2).sum() / 2 - model(lag)) < 4 * np.sqrt(2 / 20_000)


@pytest.mark.parametrize("nugget", [0.0, 0.2])
def test_photos_at_one_place_differ_by_the_nugget(nugget: float) -> None:
    model = Exponential(nugget=nugget, partial_sill=0.3, effective_range=1000.0)
    lonlat = np.repeat(uniform_lonlat(20, seed=1), 10, axis=0)
    field = gaussian_field(lonlat, model, dimensions=DIMENSIONS, seed=2)
    colocated = empirical_variogram(lonlat, field, LagBins([1, 21_000]), dissimilarity="half_squared").colocated
    assert colocated.npairs == 20 * 45
    rounding = 1e-14
    assert abs(colocated.semivariance - nugget) < 4 * np.sqrt(2 / DIMENSIONS) * nugget + rounding


def test_two_spellings_of_one_place_differ_by_the_nugget() -> None:
    model = Exponential(nugget=0.0, partial_sill=0.3, effective_range=1000.0)
    field = gaussian_field([[180.0, 10.0], [-180.0, 10.0], [0.0, 90.0], [77.0, 90.0]], model, seed=2)
    assert np.array_equal(field[0], field[1])
    assert np.array_equal(field[2], field[3])
    assert not np.array_equal(field[0], field[2])


def test_the_first_column_makes_the_vectors_nearly_unit() -> None:
    model = Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0)
    field = gaussian_field(PLACES, model, dimensions=DIMENSIONS, seed=4)
    assert field.shape == (120, DIMENSIONS + 1)
    assert np.all(field[:, 0] == np.sqrt(1 - 0.4))
    # |z|^2 is 0.6 plus 0.4 times a chi-squared over its degrees of freedom.
    assert np.abs((field**2).sum(axis=1) - 1).max() < 5 * 0.4 * np.sqrt(2 / DIMENSIONS)


def test_a_sill_above_one_leaves_no_constant() -> None:
    field = gaussian_field(PLACES, Exponential(nugget=0.5, partial_sill=3.0, effective_range=4000.0), dimensions=2)
    assert np.all(field[:, 0] == 0.0)


def test_the_seed_decides_the_field_and_nothing_else_does() -> None:
    model = Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state must not be touched
    first, again = gaussian_field(PLACES, model, seed=1), gaussian_field(PLACES, model, seed=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, gaussian_field(PLACES, model, seed=2))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_places_stay_as_they_were() -> None:
    places = np.array([[200.0, 10.0], [180.0, 10.0], [5.0, 90.0]])
    before = places.tobytes()
    gaussian_field(places, Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0))
    assert places.tobytes() == before


def test_one_dimension_and_one_place_are_enough() -> None:
    model = Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0)
    assert gaussian_field([[8.0, 50.0]], model, dimensions=1).shape == (1, 2)


EXPONENTIAL = Exponential(nugget=0.1, partial_sill=0.3, effective_range=4000.0)


@pytest.mark.parametrize(
    ("places", "settings", "words"),
    [
        (
            PLACES,
            {"model": Gaussian(0.1, 0.3, 4000.0)},
            "Invalid model Gaussian for metric 'great_circle'.*use metric='chord'",
        ),
        (PLACES, {"model": Stable(0.1, 0.3, 4000.0, 1.5)}, "Invalid model Stable for metric 'great_circle'"),
        (PLACES, {"model": Matern(0.1, 0.3, 4000.0, 1.5)}, "Invalid model Matern for metric 'great_circle'"),
        (PLACES, {"metric": "geodesic"}, "Invalid metric 'geodesic'. Must be one of 'great_circle', 'chord'"),
        (PLACES, {"dimensions": 0}, "Invalid dimensions '0'. Must be a whole number of at least 1"),
        (PLACES, {"dimensions": 2.5}, "Invalid dimensions '2.5'"),
        (PLACES, {"dimensions": -3}, "Invalid dimensions '-3'"),
        (PLACES, {"dimensions": np.nan}, "Invalid dimensions 'nan'. Must be finite"),
        (np.zeros((10_001, 2)), {}, "lonlat has 10001 rows. At most 10000: larger fields need GSTools"),
        ([[8.0, 95.0]], {}, "lonlat has latitudes up to 95.*columns swapped"),
        ([[np.nan, 5.0]], {}, "lonlat has NaN or infinite coordinates in 1 rows: 0"),
        ([8.0, 50.0], {}, r"Invalid lonlat of shape \(2,\)"),
    ],
)
def test_bad_arguments_are_refused_with_the_cure(places: object, settings: dict[str, object], words: str) -> None:
    arguments = {"model": EXPONENTIAL, **settings}
    with pytest.raises(ValueError, match=words):
        gaussian_field(places, **arguments)  # type: ignore[arg-type]


def test_uniform_points_are_even_over_the_sphere() -> None:
    lonlat = uniform_lonlat(20_000, seed=0)
    assert lonlat.shape == (20_000, 2)
    longitude, sine = lonlat[:, 0], np.sin(np.radians(lonlat[:, 1]))
    # Both are uniform where area is even; a share of 20 000 draws has a standard error below 0.0036.
    assert np.abs(np.histogram(longitude, 10, (-180, 180))[0] / 20_000 - 0.1).max() < 5 * 0.0022
    assert np.abs(np.histogram(sine, 10, (-1, 1))[0] / 20_000 - 0.1).max() < 5 * 0.0022
    assert np.array_equal(lonlat, uniform_lonlat(20_000, seed=0))
    assert not np.array_equal(lonlat, uniform_lonlat(20_000, seed=1))


def test_a_field_needs_a_model() -> None:
    with pytest.raises(TypeError, match=r"model of type str. Must be a variogram model"):
        gaussian_field([[0.0, 0.0]], "x")
