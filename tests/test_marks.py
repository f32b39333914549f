"""Patches, excluded groups, weights and azimuth cells: sums per class against a double loop over pairs."""

import dataclasses
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import reference
from engines import chosen
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from variogeo import DataError, LagBins, StratifiedPairs, empirical_variogram, load
from variogeo._distances import azimuth_of_pairs, prepare_points
from variogeo._engine import ClassSums, LagSums, Marks, Terms, _blocks, accumulate, no_classes
from variogeo._engine._blocks import blocks_of
from variogeo._engine._marks import cells_of
from variogeo._engine.running import _run
from variogeo._patch_sums import PatchSums
from variogeo.regions import grouped_variogram

BINS = LagBins([0.0, 2.0, 50.0, 300.0, 2500.0, 9000.0, 17_000.0, 19_990.0])
PATCHES = np.random.default_rng(1).integers(0, 9, 700)
GROUPS = np.random.default_rng(2).integers(0, 60, 700)
WEIGHTS = np.random.default_rng(3).uniform(0.2, 3.0, 700)


@pytest.fixture(scope="module")
def pairs(scattered):
    """Return all pairs of the scattered points by the slow way: rows, lag, term."""
    lonlat, values = scattered
    first, second = np.triu_indices(len(lonlat), 1)
    lag = reference.lags_of_all_pairs(lonlat, "geodesic")
    return first, second, lag, reference.terms_of_all_pairs(values, "half_squared")


def by_pairs(pairs, one, other, weight=None, kept=None):
    """Return sums per class and bin of a list of pairs, as a dictionary."""
    lag, term = pairs[2:]
    position = np.searchsorted(BINS.edges, lag, side="left")
    found = {}
    weight = np.ones(len(lag)) if weight is None else weight
    for k in np.flatnonzero((position <= len(BINS)) & (True if kept is None else kept)):
        low, high = sorted((int(one[k]), int(other[k])))
        sums = found.setdefault((low, high, int(position[k])), np.zeros(4))
        sums += (1, weight[k], weight[k] * lag[k], weight[k] * term[k])
    return found


def assert_classes(classes, expected):
    """Assert cells and counts exactly, sums to rounding and the error of mean lags."""
    keys = list(zip(classes.first.tolist(), classes.second.tolist(), classes.bin.tolist(), strict=True))
    assert keys == sorted(expected)
    sums = np.array([expected[key] for key in keys])
    assert classes.npairs.tolist() == sums[:, 0].tolist()
    np.testing.assert_allclose(classes.weight, sums[:, 1], rtol=1e-12)
    np.testing.assert_allclose(classes.lag, sums[:, 2], rtol=3e-6)
    np.testing.assert_allclose(classes.term, sums[:, 3], rtol=1e-11, atol=1e-11)


def run(scattered, marks, **options):
    lonlat, values = scattered
    with chosen("blocked", **options):
        return accumulate(prepare_points(lonlat, "geodesic"), Terms.of(values, "half_squared"), BINS, marks)


@pytest.mark.parametrize(("rows", "few"), [(None, 100), (97, 100), (97, 5)])
def test_sums_per_pair_of_patches_equal_a_loop_over_pairs(scattered, pairs, monkeypatch, rows, few):
    monkeypatch.setattr(_blocks, "_FEW_PATCHES", few)
    sums = run(scattered, Marks(patch=PATCHES), rows=rows)
    assert_classes(sums.classes, by_pairs(pairs, PATCHES[pairs[0]], PATCHES[pairs[1]]))
    np.testing.assert_array_equal(sums.classes.totals(slice(None), 8)[0], sums.npairs)


def test_sums_of_many_tasks_are_merged_in_parts(scattered, monkeypatch):
    expected = run(scattered, Marks(patch=PATCHES), rows=60)
    monkeypatch.setattr(_run, "_CELLS_AT_ONCE", 500)
    merges, sum_of = [], ClassSums.sum_of
    monkeypatch.setattr(_run.ClassSums, "sum_of", lambda several: merges.append(len(several)) or sum_of(several))
    found = run(scattered, Marks(patch=PATCHES), rows=60)
    assert len([count for count in merges if count > 2]) > 3
    assert found.classes.npairs.tolist() == expected.classes.npairs.tolist()
    np.testing.assert_allclose(found.classes.term, expected.classes.term, rtol=1e-12)


def test_weights_and_excluded_groups_go_with_patches(scattered, pairs):
    first, second = pairs[:2]
    marks = Marks(patch=PATCHES, group=GROUPS, weight=WEIGHTS)
    sums = run(scattered, marks, rows=150)
    kept = GROUPS[first] != GROUPS[second]
    expected = by_pairs(pairs, PATCHES[first], PATCHES[second], WEIGHTS[first] * WEIGHTS[second], kept)
    assert_classes(sums.classes, expected)
    position = np.searchsorted(BINS.edges, pairs[2][kept], side="left")
    assert sums.npairs.tolist() == np.bincount(position, minlength=9)[:8].tolist()


def test_azimuth_cells_equal_the_exact_geodesic_of_each_pair(scattered, pairs):
    limits = np.array([0.0, 10.0, 45.0, 90.0, 179.0])
    first, second = pairs[:2]
    points = prepare_points(scattered[0], "geodesic")
    cell = cells_of(azimuth_of_pairs(points, first, second), limits)
    sums = run(scattered, Marks(limits=limits))
    assert_classes(sums.classes, by_pairs(pairs, cell, cell))


@pytest.mark.parametrize("metric", ["geodesic", "great_circle", "chord"])
def test_the_azimuth_is_that_at_the_middle_of_the_line_from_either_end(metric):
    lonlat = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [-60.0, 50.0], [60.0, 50.0], [0.0, 90.0]])
    points = prepare_points(lonlat, metric)
    first, second = np.array([0, 0, 3, 5, 1]), np.array([1, 2, 4, 2, 0])
    # Along the equator and along a parallel's great circle the middle looks east, along a meridian north.
    found = azimuth_of_pairs(points, first, second)
    np.testing.assert_allclose(np.minimum(found, 180 - found), [90, 0, 90, 0, 90], atol=1e-9)
    np.testing.assert_allclose(azimuth_of_pairs(points, second, first), found, atol=1e-9)


def test_float32_products_of_marked_pairs_stay_within_their_error(scattered, pairs):
    lonlat, _ = scattered
    values = np.random.default_rng(5).normal(size=(700, 64)).astype(np.float32)
    marks = Marks(patch=PATCHES)
    sums = run((lonlat, values), marks, float32=True)
    term = reference.terms_of_all_pairs(values, "half_squared")
    expected = by_pairs((*pairs[:3], term), PATCHES[pairs[0]], PATCHES[pairs[1]])
    keys = list(zip(sums.classes.first, sums.classes.second, sums.classes.bin, strict=True))
    assert sums.classes.npairs.tolist() == [expected[key][0] for key in keys]
    np.testing.assert_allclose(sums.classes.term, [expected[key][3] for key in keys], rtol=1e-5, atol=1e-3)


def test_patches_are_numbered_alike_from_labels_of_any_type(scattered):
    lonlat, values = scattered
    options = {"dissimilarity": "half_squared", "metric": "great_circle"}
    numbers = empirical_variogram(lonlat, values, BINS, patches=PATCHES, **options)
    texts = empirical_variogram(lonlat, values, BINS, patches=np.array([f"patch {k}" for k in PATCHES]), **options)
    assert numbers == texts
    assert numbers.patches.count == 9
    np.testing.assert_array_equal(numbers.patches.total[0], numbers.npairs)
    np.testing.assert_allclose(numbers.patches.total[3], numbers.sums.term[1:], rtol=1e-12)


def test_sums_within_and_across_patches_make_all_pairs(scattered):
    lonlat, values = scattered
    patches = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared", patches=PATCHES).patches
    within, across = patches.within.sum(axis=0), patches.across.sum(axis=0)
    np.testing.assert_allclose(within + across / 2, patches.total, rtol=1e-12)


def test_a_variogram_with_patches_saves_and_loads(scattered, tmp_path):
    lonlat, values = scattered
    options = {"dissimilarity": "half_squared", "metric": "chord"}
    for change in ({"patches": PATCHES}, {"weights": WEIGHTS}):
        empirical = empirical_variogram(lonlat, values, BINS, **options, **change)
        empirical.save(tmp_path / "empirical.json", overwrite=True)
        assert load(tmp_path / "empirical.json") == empirical


def test_patches_of_two_regions_lie_beside_each_other(scattered):
    lonlat, values = scattered
    options = {"dissimilarity": "half_squared", "metric": "chord"}
    north = lonlat[:, 1] > 0
    one, other = (
        empirical_variogram(lonlat[side], values[side], BINS, patches=PATCHES[side], **options)
        for side in (north, ~north)
    )
    both = one + other
    assert both.patches.count == 18
    np.testing.assert_allclose(both.patches.total, one.patches.total + other.patches.total)
    np.testing.assert_array_equal(both.patches.within[9:], other.patches.within)
    with pytest.raises(ValueError, match="with and without patches do not add"):
        one + empirical_variogram(lonlat[~north], values[~north], BINS, **options)


def test_weighted_means_and_their_sill_equal_a_loop(scattered, pairs):
    lonlat, values = scattered
    first, second, lag, term = pairs
    weighted = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared", weights=WEIGHTS)
    weight, position = WEIGHTS[first] * WEIGHTS[second], np.searchsorted(BINS.edges, lag, side="left")
    for k in range(1, 8):
        some = position == k
        assert weighted.npairs[k - 1] == some.sum()
        assert weighted.semivariance[k - 1] == pytest.approx(np.average(term[some], weights=weight[some]), rel=1e-11)
        assert weighted.lag[k - 1] == pytest.approx(np.average(lag[some], weights=weight[some]), rel=3e-6)
    assert weighted.sill_apriori == pytest.approx(2 * (weight * term).sum() / WEIGHTS.sum() ** 2, rel=1e-11)
    assert np.isnan(weighted.spread).all()
    assert "weighted" in repr(weighted)


def test_equal_weights_change_nothing(scattered):
    lonlat, values = scattered
    plain = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared")
    weighted = empirical_variogram(lonlat, values, BINS, dissimilarity="half_squared", weights=np.full(700, 2.5))
    np.testing.assert_allclose(weighted.semivariance, plain.semivariance, rtol=1e-11)
    assert weighted.sill_apriori == pytest.approx(plain.sill_apriori, rel=1e-12)
    with pytest.raises(ValueError, match="Sums with and without"):
        plain + weighted


@settings(max_examples=30, deadline=None)
@given(weight=hnp.arrays(float, 40, elements=st.floats(0.01, 100)), factor=st.floats(0.01, 100))
def test_a_common_factor_of_the_weights_is_of_no_account(weight, factor):
    random = np.random.default_rng(0)
    lonlat, values = random.uniform(-60, 60, (40, 2)), random.normal(size=(40, 3))
    one, other = (
        empirical_variogram(lonlat, values, LagBins([0, 9000]), dissimilarity="half_squared", weights=weights)
        for weights in (weight, factor * weight)
    )
    assert other.semivariance[0] == pytest.approx(one.semivariance[0], rel=1e-10)


def test_excluded_pairs_at_one_place_are_left_out_as_well():
    lonlat, values = np.zeros((4, 2)), np.arange(4.0)
    lonlat[3] = (0.0, 1.0)
    empirical = empirical_variogram(
        lonlat, values, LagBins([0, 200]), dissimilarity="half_squared", exclude=["a", "a", "b", "b"]
    )
    # Left are 0-2, 1-2 at one place and 0-3, 1-3 a degree apart.
    assert empirical.colocated.npairs == 2
    assert empirical.npairs.tolist() == [2]
    assert empirical.semivariance.tolist() == [(9 + 4) / 2 / 2]


def test_points_without_a_label_are_in_no_group():
    lonlat, values = np.column_stack([np.arange(6.0), np.zeros(6)]), np.arange(6.0)
    labels = ["a", "a", None, None, "", np.nan]
    options = {"dissimilarity": "half_squared"}
    found = empirical_variogram(lonlat, values, LagBins([0, 1000]), exclude=labels, **options)
    assert found.npairs.tolist() == [14]
    assert grouped_variogram(lonlat, values, LagBins([0, 1000]), labels, **options).pooled.npairs.tolist() == [1]


def test_a_sample_of_pairs_keeps_sums_per_patch(scattered):
    lonlat, values = scattered
    options = {"dissimilarity": "half_squared", "pairs": StratifiedPairs(70_000, seed=1)}
    sampled = empirical_variogram(lonlat, values, BINS, patches=PATCHES, **options)
    np.testing.assert_array_equal(sampled.patches.total[0], sampled.npairs)
    np.testing.assert_allclose(sampled.patches.total[3], sampled.sums.term[1:], rtol=1e-12)
    assert "sampled" in repr(sampled)
    for change in ({"exclude": GROUPS}, {"weights": WEIGHTS}):
        with pytest.raises(ValueError, match="exclude or weights with sampled pairs"):
            empirical_variogram(lonlat, values, BINS, **options, **change)


def test_blocks_hold_neighbouring_patches_where_there_are_many(monkeypatch):
    monkeypatch.setattr(_blocks, "_FEW_PATCHES", 5)
    points = prepare_points(np.column_stack([np.repeat(np.arange(8.0) * 20 - 70, 50), np.zeros(400)]), "chord")
    patch = np.repeat([3, 1, 0, 2, 7, 5, 4, 6], 50)
    blocks = blocks_of(points.unit, np.zeros(400), 100, patch)
    assert [len(np.unique(patch[blocks.rows(k)])) for k in range(len(blocks))] == [2, 2, 2, 2]
    assert sorted(blocks.order.tolist()) == list(range(400))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patches": np.zeros(5)}, "patches has 5 rows but lonlat has 20"),
        ({"patches": np.zeros(20)}, r"Invalid patches: 1 different labels\. Must be 2 to 500"),
        ({"patches": np.arange(40).reshape(20, 2)}, r"Invalid patches of shape \(20, 2\)"),
        ({"patches": [None, *range(19)]}, "patches is missing in 1 rows: 0"),
        ({"weights": np.ones(3)}, r"Invalid weights of shape \(3,\)\. Must be \(20,\)"),
        ({"weights": np.r_[np.ones(18), 0.0, -1.0]}, "not positive in 2 rows: 18, 19"),
        ({"weights": np.r_[np.ones(19), np.nan]}, "not positive in 1 rows: 19"),
        ({"weights": np.r_[np.ones(19), 1e200]}, "Divide them by their mean"),
        ({"weights": np.ones(20), "estimator": "dowd"}, "Invalid estimator 'dowd' with weights"),
        ({"spread": False, "estimator": "cressie_hawkins"}, "or spread=False"),
    ],
)
def test_labels_and_weights_that_cannot_be_used_are_refused(options, words):
    random = np.random.default_rng(0)
    lonlat, values = random.uniform(-60, 60, (20, 2)), random.normal(size=(20, 3))
    with pytest.raises(ValueError, match=words):
        empirical_variogram(lonlat, values, LagBins([0, 9000]), **options)


def test_sums_per_class_add_and_refuse_what_they_cannot_be():
    one = ClassSums.of([0, 1, 0], [1, 1, 1], [2, 1, 2], [1, 1, 1], [1.0, 1, 1], [3.0, 4, 5], [0.1, 0.2, 0.3])
    assert (one.first.tolist(), one.bin.tolist()) == ([0, 1], [2, 1])
    assert one.npairs.tolist() == [2, 1]
    assert (one + one).lag.tolist() == [16.0, 8.0]
    assert one + no_classes() == one
    assert (one == 3, len(no_classes())) == (False, 0)
    with pytest.raises(TypeError):
        one + 1
    for change, words in (
        ({"bin": [2]}, "Invalid npairs of shape"),
        ({"npairs": [0, 1]}, "Must be at least 1 pair"),
        ({"term": [np.nan, 1]}, "and finite"),
        ({"first": [-1, 1]}, "Must not be negative"),
        ({"second": [0, 0]}, "first not above second"),
        ({"first": [1, 0]}, "Must be sorted"),
    ):
        with pytest.raises(ValueError, match=words):
            dataclasses.replace(one, **change)
    with pytest.raises(TypeError, match="Must be ClassSums"):
        PatchSums(2, 2, "cells")
    with pytest.raises(ValueError, match="a patch or a bin beyond"):
        PatchSums(1, 2, one)
    with pytest.raises(TypeError, match="Invalid classes"):
        LagSums(
            **{field.name: getattr(accumulated(), field.name) for field in dataclasses.fields(LagSums)} | {"classes": 0}
        )


def accumulated():
    """Return the sums of three points."""
    points = prepare_points(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), "chord")
    return accumulate(points, Terms.of(np.eye(3), "half_squared"), LagBins([0, 300]))


def test_a_run_folder_belongs_to_its_marks(scattered, tmp_path):
    lonlat, values = scattered
    options = {"dissimilarity": "half_squared", "metric": "chord", "resume": tmp_path / "run"}
    first = empirical_variogram(lonlat, values, BINS, patches=PATCHES, **options)
    assert empirical_variogram(lonlat, values, BINS, patches=PATCHES, **options) == first
    for change in ({}, {"patches": GROUPS}, {"patches": PATCHES, "exclude": GROUPS}, {"weights": WEIGHTS}):
        with pytest.raises(DataError, match="a run with other points, values, bins or options"):
            empirical_variogram(lonlat, values, BINS, **options, **change)


def test_worker_processes_give_the_same_bits_with_marks(scattered):
    lonlat, values = scattered
    options = {"dissimilarity": "half_squared", "patches": PATCHES, "exclude": GROUPS}
    with chosen("blocked", rows=200), ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = empirical_variogram(lonlat, values, BINS, executor=pool, **options)
        assert there == empirical_variogram(lonlat, values, BINS, **options)


def test_the_sill_of_added_weighted_variograms_weighs_them_like_their_curves():
    random = np.random.default_rng(1)
    options = {"dissimilarity": "half_squared", "metric": "chord"}
    parts = []
    for offset, weight in ((0.0, 1.0), (100.0, 1000.0)):
        lonlat, values = random.uniform(0, 5, (40, 2)) + offset / 2, random.normal(0, 1 + offset, 40)
        weights = np.full(40, weight)
        parts.append(empirical_variogram(lonlat, values, LagBins([0, 2000]), weights=weights, **options))
    both = parts[0] + parts[1]
    assert both.semivariance[0] == pytest.approx(parts[1].semivariance[0], rel=1e-5)
    assert both.sill_apriori == pytest.approx(parts[1].sill_apriori, rel=1e-5)


def test_leaving_out_all_pairs_says_so():
    lonlat = np.array([[0.0, 0.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match="Or exclude= leaves out all pairs inside"):
        empirical_variogram(lonlat, np.eye(2), LagBins([0, 200]), exclude=["a", "a"])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("sequence", r"a text\. Pass the column itself, e\.g\. table\['sequence'\]"),
        ([{"a": 1}] * 3, "holds lists or tables"),
    ],
)
def test_labels_that_are_none_are_refused_in_words(labels, words):
    with pytest.raises(TypeError, match=words):
        empirical_variogram(np.arange(6.0).reshape(3, 2), np.eye(3), LagBins([0, 900]), exclude=labels)


def test_a_table_and_a_sort_give_the_same_sums_per_class(monkeypatch):
    random = np.random.default_rng(6)
    keys = np.sort(random.integers(0, 9, (2, 500)), axis=0)
    entries = (*keys, random.integers(0, 5, 500), random.integers(1, 9, 500), *random.random((3, 500)))
    by_table = ClassSums.of(*entries)
    monkeypatch.setattr("variogeo._engine._class_sums._ROOM", 0)
    by_sort = ClassSums.of(*entries)
    for name in ("first", "second", "bin", "npairs"):
        np.testing.assert_array_equal(getattr(by_table, name), getattr(by_sort, name))
    np.testing.assert_allclose(by_table.term, by_sort.term, rtol=1e-13)
