"""Variograms of groups, against runs of their own points."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo import LagBins, empirical_variogram
from variogeo._cross import cross_variogram
from variogeo._dimension import effective_dimension
from variogeo._label_codes import complete_codes, label_codes
from variogeo._rows import RowSource, SomeRows, some_rows
from variogeo.inference import jackknife
from variogeo.io import open_points
from variogeo.regions import grouped_variogram
from variogeo.sampling_bias import residuals
from variogeo.synthetic import uniform_lonlat

BINS = LagBins([0, 500, 3000, 9000, 21_000])
NAMES = np.array(["north", "south", "west"])


@pytest.fixture(scope="module")
def sample():
    random = np.random.default_rng(12)
    lonlat = uniform_lonlat(240, seed=12)
    lonlat[200:210] = lonlat[:10]
    return lonlat, random.normal(size=(240, 5)), NAMES[random.integers(0, 3, 240)], random.integers(0, 9, 240)


@pytest.mark.parametrize("metric", ["geodesic", "great_circle"])
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_each_group_has_the_variogram_of_its_own_points(sample, dissimilarity, metric):
    lonlat, values, by, _ = sample
    grouped = grouped_variogram(lonlat, values, BINS, by, dissimilarity=dissimilarity, metric=metric)
    assert grouped.labels == ("north", "south", "west")
    assert grouped.skipped == ()
    for label, variogram in grouped:
        own = empirical_variogram(
            lonlat[by == label], values[by == label], BINS, dissimilarity=dissimilarity, metric=metric
        )
        assert variogram == own
        assert grouped[label] is variogram
    assert len(grouped) == 3


def test_the_pooled_curve_is_that_of_all_pairs_within_a_group(sample):
    lonlat, values, by, _ = sample
    pooled = grouped_variogram(lonlat, values, BINS, by).pooled
    parts = [empirical_variogram(lonlat[by == name], values[by == name], BINS) for name in NAMES]
    npairs = sum(part.npairs for part in parts)
    np.testing.assert_array_equal(pooled.npairs, npairs)
    terms = sum(part.npairs * part.semivariance for part in parts)
    np.testing.assert_allclose(pooled.semivariance, terms / npairs, rtol=1e-12)
    # All pairs less those between groups are those within.
    everything = empirical_variogram(lonlat, values, BINS)
    between = empirical_variogram(lonlat, values, BINS, exclude=by)
    np.testing.assert_array_equal(pooled.npairs, everything.npairs - between.npairs)


def test_a_group_has_its_own_patches_and_the_pool_has_one_for_each_of_them(sample):
    lonlat, values, by, patches = sample
    grouped = grouped_variogram(lonlat, values, BINS, by, patches=patches.astype(str))
    for label, variogram in grouped:
        own = empirical_variogram(lonlat[by == label], values[by == label], BINS, patches=patches[by == label])
        assert variogram == own
        assert jackknife(variogram).standard_error.shape == (len(BINS),)
    # The same pairs by hand: all within a group, per pair of patches.
    pooled = grouped.pooled
    assert pooled.patches.count == 9
    for patch in (0, 8):
        kept = patches != patch
        left = grouped_variogram(lonlat[kept], values[kept], BINS, by[kept], dissimilarity="cosine").pooled
        gone = pooled.patches.within[patch, 0] + pooled.patches.across[patch, 0]
        np.testing.assert_array_equal(pooled.npairs - gone, left.npairs)
    np.testing.assert_allclose(pooled.patches.total[3], pooled.sums.term[1:], rtol=1e-10)
    assert jackknife(pooled).standard_error.shape == (len(BINS),)


def test_patches_of_separate_groups_are_numbered_apart_in_the_pool(sample):
    lonlat, values, by, _ = sample
    halves = np.char.add(by, np.where(np.arange(len(by)) % 2, "a", "b"))
    pooled = grouped_variogram(lonlat, values, BINS, by, patches=halves).pooled
    assert pooled.patches.count == 6
    cells = pooled.patches.cells
    # Halves of one group are neighbours in the sorted labels, and no pair reaches into another group.
    np.testing.assert_array_equal(cells.first // 2, cells.second // 2)


def test_rows_of_a_file_give_what_the_array_gives_in_every_function(tmp_path, sample):
    lonlat, values, by, _ = sample
    table = {"lon": lonlat[:, 0], "lat": lonlat[:, 1], "clip": list(values), "turned": list(values[:, ::-1])}
    pq.write_table(pa.table(table), tmp_path / "points.parquet", row_group_size=50)
    rows, turned = (
        open_points(tmp_path / "points.parquet", embedding=name, lon="lon", lat="lat").embeddings
        for name in ("clip", "turned")
    )
    assert grouped_variogram(lonlat, rows, BINS, by) == grouped_variogram(lonlat, values, BINS, by)
    assert effective_dimension(rows) == effective_dimension(values)
    np.testing.assert_allclose(residuals(rows, lonlat[:, 1]), residuals(values, lonlat[:, 1]), atol=1e-14)
    found, expected = (cross_variogram(lonlat, *pair, BINS) for pair in ((rows, turned), (values, values[:, ::-1])))
    np.testing.assert_array_equal(found.semivariance, expected.semivariance)


def test_points_without_a_label_belong_to_no_group(sample):
    lonlat, values, by, _ = sample
    partly = by.astype(object)
    partly[:20], partly[20:40], partly[40:60] = None, np.nan, ""
    grouped = grouped_variogram(lonlat, values, BINS, partly)
    plain = grouped_variogram(lonlat[60:], values[60:], BINS, by[60:])
    assert grouped.labels == plain.labels
    assert grouped.variograms == plain.variograms


def test_groups_that_have_no_variogram_are_listed_with_the_reason():
    lonlat = np.array([[0, 0], [0, 1], [0, 0], [50, 0], [9, 9], [9, 9], [20, 20], [30, 30], [30, 31]], float)
    by = ["pair", "pair", "far", "far", "place", "place", "one", "patch", "patch"]
    values = np.random.default_rng(1).normal(size=(9, 3))
    grouped = grouped_variogram(lonlat, values, LagBins([0, 500]), by)
    assert grouped.labels == ("pair", "patch")
    assert dict(grouped.skipped) == {
        "far": "no pair in the bins",
        "one": "fewer than 2 points",
        "place": "all 2 points at one place",
    }
    with_patches = grouped_variogram(lonlat, values, LagBins([0, 500]), by, patches=[0, 1, 0, 1, 0, 1, 0, 2, 2])
    assert with_patches.labels == ("pair",)
    assert dict(with_patches.skipped)["patch"] == "all 2 points in one patch"
    with pytest.raises(KeyError, match="Group 'one' was skipped: fewer than 2 points"):
        grouped["one"]
    with pytest.raises(KeyError, match=r"Invalid label 'two'\. Must be one of 'pair', 'patch'"):
        grouped["two"]
    with pytest.raises(ValueError, match=r"No group has a pair in the bins \(one: fewer than 2 points\)"):
        grouped_variogram(lonlat[6:7], values[6:7], LagBins([0, 500]), by[6:7])
    with pytest.raises(ValueError, match=r"No group has a pair in the bins \(by has no label\)"):
        grouped_variogram(lonlat, values, LagBins([0, 500]), [None] * 9)


def test_the_table_is_long_and_the_text_has_a_line_for_each_group(sample):
    lonlat, values, by, _ = sample
    by = np.where(np.arange(240) == 0, "alone", by)
    grouped = grouped_variogram(lonlat, values, BINS, by)
    table = grouped.to_frame()
    assert table.columns.tolist() == ["label", "low", "high", "npairs", "lag", "semivariance", "spread"]
    assert len(table) == 3 * len(BINS)
    for label, variogram in grouped:
        np.testing.assert_array_equal(table.loc[table["label"] == label, "semivariance"], variogram.semivariance)
    assert repr(grouped) == "<GroupedVariogram: 3 groups, 1 skipped, 4 bins>"
    lines = str(grouped).splitlines()
    assert lines[-1] == "alone: skipped, fewer than 2 points"
    assert len(lines) == 6


def test_arguments_are_checked_as_for_one_variogram(sample):
    lonlat, values, by, patches = sample
    with pytest.raises(ValueError, match="by has 239 rows but lonlat has 240"):
        grouped_variogram(lonlat, values, BINS, by[1:])
    with pytest.raises(ValueError, match="values has 239 rows but lonlat has 240"):
        grouped_variogram(lonlat, values[1:], BINS, by)
    with pytest.raises(TypeError, match="Invalid bins of type list"):
        grouped_variogram(lonlat, values, [0, 1], by)
    with pytest.raises(ValueError, match="patches is missing in 1 rows: 0"):
        grouped_variogram(lonlat, values, BINS, by, patches=["", *map(str, patches[1:])])
    with pytest.raises(ValueError, match="Invalid metric 'flat'"):
        grouped_variogram(lonlat, values, BINS, by, metric="flat")


def test_a_value_whose_parts_do_not_match_is_refused(sample):
    lonlat, values, by, _ = sample
    grouped = grouped_variogram(lonlat, values, BINS, by)
    with pytest.raises(ValueError, match="Invalid variograms: 3 for 1 labels"):
        dataclasses.replace(grouped, labels=("north",))
    with pytest.raises(ValueError, match=r"Invalid patch_numbers for variograms of \[0, 0, 0\] patches"):
        dataclasses.replace(grouped, patch_numbers=((0,), (0,), (0,)))


def test_labels_are_sorted_by_the_number_that_they_begin_with():
    bands = ["30..60", "-30..0", "-60..-30", "10", "9", "b", "B", "a9"]
    names, codes = label_codes(bands, len(bands), name="by")
    assert names == ("-60..-30", "-30..0", "9", "10", "30..60", "B", "a9", "b")
    assert [names[code] for code in codes] == bands


@pytest.mark.parametrize(
    "labels",
    [[1, 2, None], [1.5, 2.5, np.nan], ["a", "b", None], ["a", "b", ""], pd.Series(["a", "b", pd.NA], index=[4, 4, 4])],
)
def test_labels_of_any_type_have_codes_and_none_is_minus_one(labels):
    names, codes = label_codes(labels, 3, name="by")
    assert len(names) == 2
    assert codes.tolist() == [0, 1, -1]
    for kind in (pd.Categorical(["z", "y", None]), np.ma.array(["z", "y", "x"], mask=[0, 0, 1])):
        assert label_codes(kind, 3, name="by")[1].tolist() == [1, 0, -1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a", "b10", "b9", "7", "-7", "7.5"]), min_size=1, max_size=20))
def test_codes_are_equal_where_labels_are(labels):
    codes = complete_codes(np.array(labels), len(labels), name="by")
    assert [codes[0] == code for code in codes] == [labels[0] == label for label in labels]
    assert set(codes) == set(range(len(set(labels))))


def test_groups_of_a_memory_map_are_read_from_it_and_give_what_the_array_gives(tmp_path, sample, monkeypatch):
    lonlat, values, by = sample[:3]
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    expected = grouped_variogram(lonlat, values, BINS, by)
    read = []
    monkeypatch.setattr(SomeRows, "__getitem__", lambda rows, wanted: read.append(1) or values[rows.rows[wanted]])
    found = grouped_variogram(lonlat, mapped, BINS, by)
    assert read
    assert found.labels == expected.labels
    for (_, one), (_, other) in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.semivariance, other.semivariance, rtol=1e-12, equal_nan=True)


def test_some_rows_of_a_file_are_a_row_source(tmp_path):
    rows = np.arange(120.0).reshape(40, 3)
    table = pa.table({"e": pa.array(list(rows)), "lon": np.zeros(40), "lat": np.arange(40.0)})
    pq.write_table(table, tmp_path / "points.parquet", row_group_size=15)
    source = open_points(tmp_path / "points.parquet", embedding="e", lon="lon", lat="lat").embeddings
    some = some_rows(source, np.array([1, 3, 20, 39]))
    assert isinstance(some, RowSource)
    assert (some.shape, some.ndim, len(some), some.dtype) == ((4, 3), 2, 4, source.dtype)
    # Rows 1 and 3 are of the first group of 15, 20 of the second, 39 of the third.
    assert some.group_starts.tolist() == [0, 2, 3, 4]
    np.testing.assert_array_equal(some[1:3], rows[[3, 20]])
    np.testing.assert_array_equal(some[np.array([3, 0])], rows[[39, 1]])
    assert SomeRows(np.zeros((9, 2)), np.arange(5)).group_starts.tolist() == [0, 5]
