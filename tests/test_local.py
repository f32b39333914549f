import numpy as np
import pytest
from reference import lags_of_all_pairs, terms_of_all_pairs

from variogeo import Exponential, LagBins, empirical_variogram
from variogeo.local import PairKindCounts, count_pair_kinds, local_excess

MODEL = Exponential(nugget=0.2, partial_sill=0.3, effective_range=3000.0)
METRICS = ("geodesic", "great_circle", "chord")


def square(pairs, n):
    """Return a symmetric (n, n) array of one number per pair, NaN on the diagonal."""
    out = np.full((n, n), np.nan)
    first, second = np.triu_indices(n, 1)
    out[first, second] = out[second, first] = pairs
    return out


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_the_mean_excess_is_that_of_all_pairs(scattered, metric, dissimilarity):
    lonlat, values = scattered
    bins = LagBins([1.0, 50.0, 4000.0])
    frame = local_excess(lonlat, values, MODEL, bins=bins, dissimilarity=dissimilarity, metric=metric)
    lags = square(lags_of_all_pairs(lonlat, metric), len(lonlat))
    terms = square(terms_of_all_pairs(values, dissimilarity), len(lonlat))
    inside = (lags > 1) & (lags <= 4000)
    assert frame.npairs.tolist() == inside.sum(axis=1).tolist()
    expected = np.where(inside, 0.2 + 0.3 * (1 - np.exp(-np.log(20) * lags / 3000.0)), 0)
    excess = (np.where(inside, terms, 0) - expected).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
    some = inside.any(axis=1)
    np.testing.assert_allclose(frame.mean_excess[some], excess[some], rtol=0, atol=1e-8)
    np.testing.assert_allclose(frame.mean_excess, frame.dissimilarity - frame.expected)
    np.testing.assert_allclose(
        frame.expected[some], expected.sum(axis=1)[some] / inside.sum(axis=1)[some], rtol=0, atol=1e-8
    )


def test_rows_are_in_the_order_of_the_photos_with_their_points():
    lonlat = np.array([[0.0, 0.0], [190.0, 10.0], [1.0, 0.0], [12.0, -90.0], [0.0, 0.5]])
    frame = local_excess(lonlat, np.eye(5), MODEL, bins=LagBins([0, 200]))
    assert frame.crs == "EPSG:4326"
    assert frame.geometry.x.tolist() == [0, -170, 1, 0, 0]
    assert frame.geometry.y.tolist() == [0, 10, 0, -90, 0.5]
    # Three photos within 200 km of each other; two alone, which have no excess.
    assert frame.npairs.tolist() == [2, 0, 2, 0, 2]
    assert np.isnan(frame.mean_excess).tolist() == [False, True, False, True, False]
    # The vectors are orthogonal: the dissimilarity of each pair is 1.
    np.testing.assert_allclose(frame.dissimilarity[[0, 2, 4]], 1, rtol=1e-15)


def test_the_excess_over_the_mean_of_all_pairs_adds_up_to_nothing(known_field):
    lonlat, values, _ = known_field
    bins = LagBins([0, 9000])
    mean = empirical_variogram(lonlat, values, bins).semivariance[0]
    frame = local_excess(lonlat, values, lambda lag: np.full(lag.shape, mean), bins=bins)
    assert abs((frame.mean_excess * frame.npairs).sum()) < 1e-6


def test_a_photo_unlike_its_surroundings_stands_out():
    random = np.random.default_rng(0)
    lonlat = random.normal(0, 1, (50, 2))
    values = np.ones((50, 4)) + 0.05 * random.normal(size=(50, 4))
    values[17] = [1, -1, 1, -1]
    frame = local_excess(lonlat, values, MODEL, bins=LagBins([0, 1000]))
    assert frame.mean_excess.idxmax() == 17


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("threshold", "tolerance"), [(None, 0.1), (500.0, 0.3), (0.0, 0.0), (30_000.0, 0.2)])
def test_kinds_are_counted_as_in_a_loop_over_all_pairs(scattered, metric, threshold, tolerance):
    lonlat, values = scattered
    counts = count_pair_kinds(lonlat, values, MODEL, tolerance=tolerance, threshold=threshold, metric=metric)
    lags, terms = lags_of_all_pairs(lonlat, metric), terms_of_all_pairs(values, "cosine")
    apart = lags > 0
    excess, limit = terms - MODEL(lags), 3000.0 if threshold is None else threshold
    expected = PairKindCounts(
        int(np.sum(apart & (excess < -tolerance) & (lags > limit))),
        int(np.sum(apart & (excess < -tolerance) & (lags <= limit))),
        int(np.sum(apart & (np.abs(excess) <= tolerance))),
        int(np.sum(apart)),
    )
    assert counts == expected


@pytest.fixture(scope="module")
def labels():
    """Ten groups of the 700 photos, and a hundred photos without one."""
    names = np.array([f"sequence {k}" for k in np.random.default_rng(5).integers(0, 10, 700)], dtype=object)
    names[:50], names[50:80], names[80:100] = None, "", np.nan
    return names


def apart(labels):
    """Return which pairs are of two groups; a photo without a label is none."""
    groups = [k if label in (None, "") or label != label else label for k, label in enumerate(labels)]
    first, second = np.triu_indices(len(labels), 1)
    return np.array([groups[i] != groups[j] for i, j in zip(first, second, strict=True)])


def test_excluded_pairs_are_in_no_count_and_in_no_mean(scattered, labels):
    lonlat, values = scattered
    lags, terms = lags_of_all_pairs(lonlat, "geodesic"), terms_of_all_pairs(values, "cosine")
    kept = apart(labels) & (lags > 0)
    counts = count_pair_kinds(lonlat, values, MODEL, tolerance=0.1, exclude=labels)
    excess = terms - MODEL(lags)
    alike, far = excess < -0.1, lags > 3000
    rows = [kept & alike & far, kept & alike & ~far, kept & (np.abs(excess) <= 0.1), kept]
    assert counts == tuple(map(np.count_nonzero, rows))
    frame = local_excess(lonlat, values, MODEL, bins=LagBins([1, 4000]), exclude=labels)
    n = len(lonlat)
    inside = square(kept & (lags > 1) & (lags <= 4000), n) == 1
    assert frame.npairs.tolist() == inside.sum(axis=1).tolist()
    assert frame.npairs.min() > 0
    mean = np.where(inside, square(excess, n), 0).sum(axis=1) / inside.sum(axis=1)
    np.testing.assert_allclose(frame.mean_excess, mean, rtol=0, atol=1e-8)


def test_a_photo_with_excluded_pairs_only_has_no_excess():
    lonlat = np.column_stack([np.arange(4.0), np.zeros(4)])
    frame = local_excess(lonlat, np.eye(4), MODEL, bins=LagBins([0, 130]), exclude=[1, 1, 2, None])
    # Neighbours are 111 km apart: the first has one, of its own group.
    assert frame.npairs.tolist() == [0, 1, 2, 1]
    assert np.isnan(frame.mean_excess).tolist() == [True, False, False, False]


@pytest.mark.parametrize("name", ["effective_range", "slope_range", "integral_scale"])
def test_a_threshold_may_be_any_range_of_the_model(scattered, name):
    lonlat, values = scattered
    wanted = getattr(MODEL, name)
    # The ranges differ, or this would show nothing.
    assert 0 < wanted == pytest.approx({"effective_range": 3000, "integral_scale": 3000 / np.log(20)}.get(name, wanted))
    counts = [count_pair_kinds(lonlat, values, MODEL, tolerance=0.1, threshold=given) for given in (name, wanted)]
    assert counts[0] == counts[1]


def test_other_thresholds_are_refused_with_the_known_names(scattered):
    lonlat, values = scattered
    with pytest.raises(
        ValueError, match=r"Invalid threshold 'sill'. Must be a number .km., or one of 'effective_range'"
    ):
        count_pair_kinds(lonlat, values, MODEL, tolerance=0.1, threshold="sill")
    model = Exponential(0.0, 1.0, 60_000.0)
    with pytest.raises(ValueError, match="has no slope range"):
        count_pair_kinds(lonlat, values, model, tolerance=0.1, threshold="slope_range")


def test_a_function_needs_its_threshold_said(scattered):
    lonlat, values = scattered
    with pytest.raises(ValueError, match="no effective_range"):
        count_pair_kinds(lonlat, values, lambda lag: 0.1 * lag, tolerance=0.1)
    assert count_pair_kinds(lonlat, values, np.zeros_like, tolerance=5.0, threshold=10.0).as_expected > 0


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (0.5, TypeError, "Invalid model of type float"),
        (lambda lag: 1.0, ValueError, "Must be one for each lag"),  # noqa: ARG005
        (lambda lag: lag * np.nan, ValueError, "gives nan at"),
    ],
)
def test_models_that_give_no_numbers_are_refused(scattered, model, error, message):
    lonlat, values = scattered
    with pytest.raises(error, match=message):
        local_excess(lonlat, values, model, bins=LagBins([0, 100]))


def test_other_refusals_say_what_to_do(scattered):
    lonlat, values = scattered
    with pytest.raises(TypeError, match="Must be LagBins"):
        local_excess(lonlat, values, MODEL, bins=[0, 100])
    with pytest.raises(ValueError, match="One row per photo"):
        local_excess(lonlat, values[1:], MODEL, bins=LagBins([0, 100]))
    with pytest.raises(ValueError, match="exclude has 3 rows but lonlat has 700"):
        local_excess(lonlat, values, MODEL, bins=LagBins([0, 100]), exclude=["a", "a", "b"])
    with pytest.raises(ValueError, match="exclude has 3 rows but lonlat has 700"):
        count_pair_kinds(lonlat, values, MODEL, tolerance=0.1, exclude=["a", "a", "b"])
    with pytest.raises(ValueError, match="Invalid tolerance"):
        count_pair_kinds(lonlat, values, MODEL, tolerance=-1.0)


def test_a_class_and_a_fit_are_refused_with_what_to_pass(photos):
    lonlat, embeddings = photos[0][:20], photos[1][:20]
    for model, words in ((Exponential, "Exponential: a class"), ("curve", "of type str")):
        with pytest.raises(TypeError, match=rf"Invalid model {words}\. Must be a variogram model, e\.g\. fit\.model"):
            local_excess(lonlat, embeddings, model, bins=LagBins([0, 500]))
