"""Weights of points, labels of places, and residuals, against double loops and closed forms."""

import numpy as np
import pandas as pd
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import LagBins, empirical_variogram
from variogeo.sampling_bias import capped_weights, density_weights, location_labels, residuals
from variogeo.synthetic import uniform_lonlat

HALF_CIRCLE = np.pi * 6371.0088


def _density_loop(lonlat, radius):
    number = [
        sum(reference.lag("great_circle", reference.place(a), reference.place(b)) <= radius for b in lonlat)
        for a in lonlat
    ]
    weights = 1 / np.array(number)
    return weights / weights.mean()


@pytest.mark.parametrize("radius", [0.001, 30.0, 700.0, 9_000.0, 20_000.0])
def test_density_weights_equal_a_double_loop(radius):
    random = np.random.default_rng(1)
    lonlat = uniform_lonlat(90, seed=1)
    # Clusters, one place with many photos, the antimeridian and a pole.
    lonlat[20:50] = lonlat[:30] + random.normal(0, 0.1, (30, 2))
    lonlat[50:62] = lonlat[3]
    lonlat[62:70] = [(180, 10), (-180, 10), (179.9, 10), (-179.9, 10), (0, 90), (77, 90), (10, 89.9), (0, -90)]
    np.testing.assert_allclose(density_weights(lonlat, radius), _density_loop(lonlat, radius), rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(0, 1000), st.floats(0.01, 15_000))
def test_density_weights_have_a_mean_of_one_and_follow_the_points(count, seed, radius):
    lonlat = uniform_lonlat(count, seed=seed)
    weights = density_weights(lonlat, radius)
    assert weights.mean() == pytest.approx(1, rel=1e-12)
    assert (weights > 0).all()
    order = np.random.default_rng(seed).permutation(count)
    np.testing.assert_allclose(density_weights(lonlat[order], radius), weights[order], rtol=1e-12)


def test_with_density_weights_a_place_counts_as_much_with_ten_photos_as_with_one():
    places = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    values = np.array([0.0, 1.0, 5.0])
    repeated = np.repeat(np.arange(3), [10, 1, 1])
    bins = LagBins([0, 1000])
    weighted = empirical_variogram(
        places[repeated],
        values[repeated],
        bins,
        dissimilarity="half_squared",
        weights=density_weights(places[repeated], 1.0),
    )
    # The three pairs of places have half squared differences 1/2, 25/2 and 8, each with the same weight.
    assert weighted.semivariance == pytest.approx([7.0])


def test_capped_weights_sum_to_the_cap_or_to_the_size_of_the_group():
    labels = ["a"] * 5 + ["b"] * 2 + ["c"]
    weights = capped_weights(labels, 2.5)
    assert weights == pytest.approx([0.5] * 5 + [1.0] * 3)
    assert capped_weights(np.array([7, 7, 9]), 1) == pytest.approx([0.5, 0.5, 1.0])
    assert capped_weights(pd.Series([True, True, False], index=[5, 6, 7]), 1) == pytest.approx([0.5, 0.5, 1.0])


def test_location_labels_agree_for_one_place_and_for_no_others():
    lonlat = [[180, 10], [-180, 10], [0, 90], [77, 90], [-5, 10], [-5, 10 + 1e-9], [355, 10]]
    labels = location_labels(lonlat)
    same = labels[:, None] == labels
    expected = np.eye(7, dtype=bool)
    expected[0, 1] = expected[1, 0] = expected[2, 3] = expected[3, 2] = expected[4, 6] = expected[6, 4] = True
    np.testing.assert_array_equal(same, expected)
    assert sorted(set(labels)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: density_weights(np.zeros((0, 2)), 1), "lonlat has 0 rows"),
        (lambda: density_weights([[0, 0]], 0), "Invalid radius '0.0'. Must be greater than 0 .km."),
        (lambda: density_weights([[0, 0]], 25_000), "Must be at most 20015 .km.. Is it in metres"),
        (lambda: density_weights([[0, np.nan]], 1), "NaN or infinite coordinates in 1 rows: 0"),
        (lambda: capped_weights([], 1), "labels has 0 rows"),
        (lambda: capped_weights(["a"], 0.5), "Invalid most '0.5'. Must be at least 1"),
        (lambda: capped_weights(np.float64(3), 1), r"Invalid labels of shape \(\)"),
        (lambda: capped_weights(np.zeros((2, 2)), 1), r"Invalid labels of shape \(2, 2\)"),
        (lambda: capped_weights(["a", None, "", np.nan], 1), "labels is missing in 3 rows: 1, 2, 3"),
    ],
)
def test_what_gives_no_weight_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_residuals_equal_the_normal_equations():
    random = np.random.default_rng(2)
    covariates = random.normal(size=(200, 3)) * [1, 1e5, 1e-4] + [0, 4e6, 2]
    values = random.normal(size=(200, 7)) + covariates[:, :1]
    design = np.column_stack([np.ones(200), (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)])
    expected = values - design @ np.linalg.solve(design.T @ design, design.T @ values)
    found = residuals(values, covariates)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    lstsq = values - design @ np.linalg.lstsq(design, values)[0]
    np.testing.assert_allclose(found, lstsq, atol=1e-12)
    # Residuals are orthogonal to the intercept and to each covariate.
    np.testing.assert_allclose(design.T @ found, 0, atol=1e-10)


def test_residuals_of_scalars_and_short_floats_keep_shape_and_precision(tmp_path):
    random = np.random.default_rng(3)
    altitude = np.arange(50.0)
    line = 3 + 0.5 * altitude
    assert residuals(line, altitude) == pytest.approx(np.zeros(50), abs=1e-12)
    assert residuals(np.arange(50), altitude).dtype == np.float64
    values = random.normal(size=(50, 4))
    expected = residuals(values, altitude)
    for dtype, atol in ((np.float32, 1e-6), (np.float16, 3e-3)):
        short = values.astype(dtype)
        found = residuals(short, pd.DataFrame({"altitude": altitude}))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=atol)
    mapped = np.memmap(tmp_path / "values", np.float64, "w+", shape=values.shape)
    mapped[:] = values
    np.testing.assert_array_equal(residuals(mapped, altitude), expected)
    np.testing.assert_array_equal(mapped, values)


def test_the_residual_variogram_of_a_trend_and_noise_is_flat():
    lonlat = uniform_lonlat(400, seed=4)
    noise = np.random.default_rng(4).normal(size=(400, 50)) / np.sqrt(50)
    values = noise + np.outer(lonlat[:, 1], np.ones(50)) / 100
    bins = LagBins.linear(0, 10_000, 5)
    before = empirical_variogram(lonlat, values, bins, dissimilarity="half_squared").semivariance
    after = empirical_variogram(lonlat, residuals(values, lonlat[:, 1]), bins, dissimilarity="half_squared")
    assert before[-1] > 5 * before[0]
    # Half the expected squared difference of two noise vectors is 1; regression on two columns takes 2 / 400 of it.
    np.testing.assert_allclose(after.semivariance, 0.995, atol=0.03)


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        (np.ones((6, 1)), "constant in column 0, which the intercept has"),
        (pd.DataFrame({"lat": range(6), "zero": [0.0] * 6}), "constant in column zero"),
        (pd.DataFrame({"a": range(6), "b": [2.0 * k + 1 for k in range(6)]}), "column b, a linear combination"),
        (np.column_stack([np.eye(6)[:, :3], np.eye(6)[:, :3].sum(axis=1)]), "column 3, a linear combination"),
        (pd.DataFrame({"a": range(6), "b": [0, np.nan, 1, np.inf, 2, 5]}), "column b, in 2 rows: 1, 3"),
        (np.zeros((6, 5)), "5 columns but 6 rows, which leaves nothing over. Use at least 7 rows"),
        (np.zeros((6, 0)), r"Invalid covariates of shape \(6, 0\)"),
        (np.zeros((6, 2, 2)), r"Invalid covariates of shape \(6, 2, 2\)"),
        (np.arange(5.0), "covariates has 5 rows but values has 6"),
    ],
)
def test_covariates_that_cannot_be_regressed_on_are_refused(covariates, message):
    with pytest.raises(ValueError, match=message):
        residuals(np.arange(12.0).reshape(6, 2), covariates)


def test_covariates_that_are_no_numbers_and_values_with_nan_are_refused():
    with pytest.raises(TypeError, match="column season holds no numbers"):
        residuals(np.arange(6.0), pd.DataFrame({"season": list("abcabc")}))
    with pytest.raises(ValueError, match="values has NaN or infinite entries in 1 rows: 2"):
        residuals(np.array([0, 1, np.nan, 3]), np.arange(4.0))


def test_truth_values_are_covariates_and_columns_of_words_are_named():
    random = np.random.default_rng(4)
    values, urban = random.normal(size=(60, 3)), random.random(60) < 0.5
    expected = residuals(values, urban.astype(float))
    np.testing.assert_array_equal(residuals(values, urban), expected)
    table = pd.DataFrame({"urban": urban, "height": random.normal(size=60)})
    np.testing.assert_allclose(
        residuals(values, table), residuals(values, table.astype(float).to_numpy()), rtol=0, atol=1e-12
    )
    with pytest.raises(TypeError, match=r"column land holds no numbers\. Make 0 and 1 of categories"):
        residuals(values, table.assign(land="forest"))
    with pytest.raises(TypeError, match=r"column 0 holds no numbers"):
        residuals(values, pd.Series(["x", "y"] * 30))
