"""Comparison of groups: the size and power of the test, Holm's steps, and what does not compare."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from patched import of_separate_patches, standard_bins
from scipy import stats

from variogeo import LagBins
from variogeo.inference import bootstrap, compare_groups, jackknife
from variogeo.inference._holm import holm

BINS = standard_bins(6)
CURVE = 1 + np.array([0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
# Bins vary together: neighbours with a correlation of 0.8.
FACTOR = np.linalg.cholesky(0.1**2 * 0.8 ** abs(np.subtract.outer(np.arange(6), np.arange(6))))


def group(random, patches=15, curve=CURVE, factor=FACTOR, bins=BINS):
    """Return the jackknife of independent patches around a curve."""
    return jackknife(of_separate_patches(curve + random.standard_normal((patches, len(curve))) @ factor.T, bins))


def test_equal_curves_are_rejected_five_times_in_a_hundred():
    """400 times, with 12 and 20 patches: the standard error of the share of 5 % is 1.1 %."""
    random = np.random.default_rng(1)
    p = np.array([compare_groups({"a": group(random, 12), "b": group(random, 20)}).p_value[0] for _ in range(400)])
    assert 0.015 < (p <= 0.05).mean() < 0.085
    assert 0.12 < (p <= 0.2).mean() < 0.28


def test_the_test_of_one_bin_is_that_of_welch():
    """With one bin the smallest p-value is its own, drawn to the error of 9 999 draws."""
    random = np.random.default_rng(2)
    bins = standard_bins(1)
    curves = [0.5 + 0.1 * random.standard_normal((n, 1)) for n in (8, 30)]
    comparison = compare_groups({k: jackknife(of_separate_patches(c, bins)) for k, c in zip("ab", curves, strict=True)})
    expected = stats.ttest_ind(*(c[:, 0] for c in curves), equal_var=False).pvalue
    assert comparison.p_per_bin[0, 0] == pytest.approx(expected, rel=1e-6)
    assert comparison.p_value[0] == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 9999))
    assert comparison.difference[0, 0] == pytest.approx(curves[0].mean() - curves[1].mean())


def test_independent_bins_cost_a_correction_and_identical_bins_none():
    """The smallest of six independent p-values p is as small with a chance of about 1 - (1 - p)^6."""
    random = np.random.default_rng(3)
    alone = np.eye(6) * 0.1
    together = np.ones((6, 1)) * 0.1
    many = 4000
    separate = compare_groups({"a": group(random, many, factor=alone), "b": group(random, many, factor=alone)})
    smallest = separate.p_per_bin.min()
    assert separate.p_value[0] == pytest.approx(1 - (1 - smallest) ** 6, abs=0.02)
    curves = [CURVE + random.standard_normal((40, 1)) @ together.T for _ in range(2)]
    same = compare_groups({k: jackknife(of_separate_patches(c, BINS)) for k, c in zip("ab", curves, strict=True)})
    assert same.p_value[0] == pytest.approx(same.p_per_bin.min(), abs=0.02)


def test_a_curve_that_differs_is_found_and_the_others_are_not():
    random = np.random.default_rng(40)
    other = CURVE + np.array([0, 0, 0, 0, 0, 0.4])
    comparison = compare_groups({"a": group(random), "b": group(random), "c": group(random, curve=other)})
    assert comparison.pairs == (("a", "b"), ("a", "c"), ("b", "c"))
    assert (comparison.p_holm[1:] < 0.001).all()
    assert comparison.p_holm[0] > 0.05
    assert (comparison.p_per_bin_holm[1:, 5] < 0.001).all()
    frame = comparison.to_frame()
    assert frame["first"].tolist() == ["a", "a", "b"]
    assert frame["low"].tolist()[1:] == [500, 500]
    assert frame["high"].tolist()[1:] == [600, 600]
    assert frame["p_holm"].tolist() == comparison.p_holm.tolist()
    assert (frame["difference"][1:] < -0.3).all()
    assert "a versus c: -0.4" in str(comparison)
    assert repr(comparison) == "<GroupComparison: 3 pairs of groups, 6 bins>"


def test_the_table_of_bins_has_a_row_for_each_pair_and_bin():
    random = np.random.default_rng(5)
    comparison = compare_groups({"a": group(random), "b": group(random), "c": group(random)})
    frame = comparison.bins_to_frame()
    assert len(frame) == 18
    row = frame[(frame["first"] == "b") & (frame["low"] == 200)].iloc[0]
    assert row["second"] == "c"
    assert row["difference"] == comparison.difference[2, 2]
    assert row["p_value"] == comparison.p_per_bin[2, 2]
    assert row["p_holm"] == comparison.p_per_bin_holm[2, 2]
    assert row["standard_error"] == comparison.standard_error[2, 2]
    with pytest.raises(ValueError, match="read-only"):
        comparison.p_value[0] = 1


def test_a_bin_without_an_error_in_either_group_is_left_out():
    random = np.random.default_rng(6)
    first, second = group(random), group(random)
    replicates = first.replicates.copy()
    replicates[0, 1] = np.nan
    comparison = compare_groups({"a": dataclasses.replace(first, replicates=replicates), "b": second})
    for column in (comparison.difference, comparison.standard_error, comparison.p_per_bin, comparison.p_per_bin_holm):
        assert np.isnan(column[0]).tolist() == [False, True, False, False, False, False]
    assert 0 < comparison.p_value[0] <= 1


def test_a_seed_gives_the_same_p_value():
    random = np.random.default_rng(7)
    groups = {"a": group(random), "b": group(random)}
    one, same, other = (compare_groups(groups, seed=seed).p_value[0] for seed in (1, 1, 2))
    assert one == same
    assert one == pytest.approx(other, abs=0.03)


def test_p_values_do_not_depend_on_the_order_of_the_groups_nor_on_the_others():
    random = np.random.default_rng(10)
    groups = {name: group(random) for name in ("north", "east", "south")}
    one, other = compare_groups(groups), compare_groups(dict(reversed(groups.items())))
    assert other.pairs == tuple((second, first) for first, second in reversed(one.pairs))
    assert other.p_value.tolist() == one.p_value[::-1].tolist()
    np.testing.assert_allclose(other.p_per_bin, one.p_per_bin[::-1], rtol=1e-12)
    assert other.difference.tolist() == (-one.difference[::-1]).tolist()
    alone = compare_groups({name: groups[name] for name in ("east", "south")})
    assert alone.p_value.tolist() == one.p_value[2:].tolist()
    # Draws do not differ for nothing: the p-values do.
    assert len(set(one.p_value)) == 3


def test_curves_from_a_bootstrap_compare_as_well():
    random = np.random.default_rng(11)
    curves = [of_separate_patches(CURVE + 0.1 * random.standard_normal((20, 6)), BINS) for _ in range(2)]
    p = [compare_groups(dict(zip("ab", map(of, curves), strict=True))).p_value[0] for of in (jackknife, bootstrap)]
    # Errors of 20 patches from 999 replicates: within some per cent of those of the jackknife.
    assert p[0] == pytest.approx(p[1], abs=0.1)


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(float, st.integers(1, 12), elements=st.floats(0, 1)))
def test_the_steps_of_holm_equal_their_definition(p):
    """The k-th smallest times the number that are left, never below the one before, at most 1."""
    adjusted, least = {}, 0.0
    for k, i in enumerate(np.argsort(p, kind="stable")):
        least = max(least, (len(p) - k) * p[i])
        adjusted[i] = min(least, 1.0)
    np.testing.assert_allclose(holm(p), [adjusted[i] for i in range(len(p))])


def test_no_test_is_not_counted_by_holm():
    assert holm(np.array([[0.01, np.nan], [0.5, 0.02]])).tolist()[0][0] == pytest.approx(0.03)
    assert np.isnan(holm(np.array([np.nan, 0.2]))).tolist() == [True, False]


def _without_errors(one):
    return dataclasses.replace(one, replicates=np.full(one.replicates.shape, np.nan))


A, B = (group(np.random.default_rng(seed)) for seed in (8, 9))


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ({"a": A}, ValueError, "Invalid uncertainties. Must be a dict of at least two"),
        ([A, B], ValueError, "Invalid uncertainties. Must be a dict"),
        (
            {"a": A, "b": B.empirical},
            TypeError,
            "Invalid uncertainty of type EmpiricalVariogram for 'b'. Must come from jackknife or bootstrap",
        ),
        (
            {"a": A, "b": group(np.random.default_rng(1), bins=LagBins.linear(0, 60, 6))},
            ValueError,
            "Groups with different bins do not compare: 'b'",
        ),
        (
            {"a": A, "b": dataclasses.replace(B, empirical=dataclasses.replace(B.empirical, metric="chord"))},
            ValueError,
            "Groups with different metric",
        ),
        ({"a": A, "b": _without_errors(B)}, ValueError, "Groups 'a' and 'b' share no bin with errors"),
    ],
)
def test_what_does_not_compare_is_refused(groups, error, message):
    with pytest.raises(error, match=message):
        compare_groups(groups)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (0.5, ValueError), (None, TypeError), ("1", TypeError)])
def test_a_seed_that_is_no_whole_number_is_refused(seed, error):
    with pytest.raises(error, match="Invalid seed"):
        compare_groups({"a": A, "b": B}, seed=seed)


def test_names_that_are_no_text_are_refused():
    uncertainty = jackknife(of_separate_patches(np.random.default_rng(0).uniform(1, 2, (5, 2)), standard_bins(2)))
    with pytest.raises(TypeError, match="Must be text"):
        compare_groups({1: uncertainty, "b": uncertainty})
