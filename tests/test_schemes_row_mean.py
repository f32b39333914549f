"""row_mean_one: the mean weight of each row is 1, over the negatives that are left."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from variogeo import row_mean_one

LOG_WEIGHTS = arrays(np.float64, (4, 6), elements=st.one_of(st.floats(-50, 50), st.just(-math.inf)))
MASKS = arrays(np.bool_, (4, 6))


@settings(deadline=None, max_examples=200)
@given(LOG_WEIGHTS, MASKS)
def test_the_mean_weight_over_the_negatives_left_is_one_and_the_rest_stays(log_weight, is_negative):
    before = log_weight.copy()
    got = row_mean_one(log_weight, is_negative)
    assert np.array_equal(log_weight, before)
    left = np.isfinite(log_weight) & is_negative
    assert np.array_equal(got[~left], log_weight[~left])
    for row in range(4):
        if left[row].any():
            assert np.exp(got[row, left[row]]).mean() == pytest.approx(1.0, rel=1e-12)
            shift = got[row, left[row]] - log_weight[row, left[row]]
            assert np.ptp(shift) == pytest.approx(0.0, abs=1e-12)  # one shift for all: ratios of weights stay


@settings(deadline=None, max_examples=100)
@given(LOG_WEIGHTS, MASKS)
def test_torch_gives_the_numbers_of_numpy(log_weight, is_negative):
    for dtype, tolerance in ((torch.float64, 1e-13), (torch.float32, 2e-5)):
        tensor = row_mean_one(torch.tensor(log_weight, dtype=dtype), torch.tensor(is_negative))
        assert tensor.dtype == dtype
        single = row_mean_one(torch.tensor(log_weight, dtype=dtype).numpy(), is_negative)
        assert single.dtype == tensor.numpy().dtype
        np.testing.assert_allclose(single, tensor.numpy(), atol=tolerance)
        np.testing.assert_allclose(tensor.numpy(), row_mean_one(log_weight, is_negative), atol=tolerance)


def test_by_hand():
    log_weight = np.log([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    np.testing.assert_allclose(np.exp(row_mean_one(log_weight)), [[0.5, 1.0, 1.5], [1.0, 1.0, 1.0]])
    positive = np.eye(2, 3, dtype=bool)
    np.testing.assert_allclose(np.exp(row_mean_one(log_weight, ~positive)), [[1.0, 0.8, 1.2], [1.0, 5.0, 1.0]])
    np.testing.assert_allclose(np.exp(row_mean_one(np.log([4.0, 2.0]))), [4 / 3, 2 / 3])
    assert row_mean_one([0, 0]).tolist() == [0.0, 0.0]


def test_it_is_done_once():
    log_weight = np.random.default_rng(0).normal(size=(5, 7))
    once = row_mean_one(log_weight)
    np.testing.assert_allclose(row_mean_one(once), once, atol=1e-15)
    np.testing.assert_allclose(row_mean_one(log_weight + 700.0), once, atol=1e-12)  # exp(710) is no float64


def test_rows_without_negatives_stay_and_nothing_is_nan():
    log_weight = np.array([[-math.inf, -math.inf], [0.5, -math.inf], [3.0, -2.0]])
    none = np.zeros((3, 2), dtype=bool)
    assert np.array_equal(row_mean_one(log_weight, none), log_weight)
    assert row_mean_one(log_weight)[:2].tolist() == [[-math.inf, -math.inf], [0.0, -math.inf]]


def test_broken_weights_stay_and_do_not_count():
    got = row_mean_one(np.array([[math.nan, 0.0, math.inf, math.log(3)]]))
    assert math.isnan(got[0, 0])
    assert got[0, 2] == math.inf
    np.testing.assert_allclose(np.exp(got[0, [1, 3]]), [0.5, 1.5])


def test_very_different_weights_neither_overflow_nor_vanish():
    got = row_mean_one(torch.tensor([[-500.0, 500.0, 0.0]], dtype=torch.float32))
    np.testing.assert_allclose(got, [[math.log(3) - 1000, math.log(3), math.log(3) - 500]], rtol=1e-6)


def test_it_compiles_to_one_graph_with_dynamic_shapes():
    compiled = torch.compile(row_mean_one, fullgraph=True, dynamic=True, backend="aot_eager")
    for shape in ((3, 4), (5, 2)):
        log_weight, mask = torch.randn(shape), torch.rand(shape) > 0.3
        torch.testing.assert_close(compiled(log_weight, mask), row_mean_one(log_weight, mask))
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: row_mean_one(0.3), ValueError, "log_weight without axes"),
        (lambda: row_mean_one([0.3], [1]), TypeError, "is_negative of int64. Must be bool"),
        (lambda: row_mean_one(torch.zeros(3), torch.ones(3)), TypeError, "is_negative of torch.float32. Must be bool"),
        (lambda: row_mean_one(torch.zeros(3), [True] * 3), TypeError, "is_negative of type list for a tensor"),
    ],
)
def test_what_has_no_row_mean_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_row_longer_than_half_precision_counts_keeps_its_mean(dtype):
    row = np.zeros((1, 70_000), dtype=dtype)
    row[0, 0] = np.log(2.0)
    torch = pytest.importorskip("torch")
    for log_weight in (row, torch.tensor(row)):
        found = row_mean_one(log_weight)
        assert found.dtype == log_weight.dtype
        np.testing.assert_allclose(np.asarray(found, dtype=np.float64)[0, [0, 1]], [np.log(2.0), 0.0], atol=2e-3)
