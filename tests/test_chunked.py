"""The chunked losses against the readable ones: every input, dtype and size of chunk, and what is kept in memory."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from variogeo import DecorrelationWeighting, Exponential
from variogeo.nn import NegativeWeights, PairLogits, soft_cross_entropy, weighted_cross_entropy, weighted_sigmoid

ROWS, COLUMNS, WIDTH = 7, 10, 5


def _random(*shape, seed, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def _log_weights():
    log_weights = _random(ROWS, COLUMNS, seed=1, dtype=torch.float32)
    log_weights[0, 3], log_weights[5, 9] = -torch.inf, -torch.inf
    return log_weights


TARGET = torch.tensor([2, 0, 1, 9, 4, 6, 3])
# As far from a sum of 1 as is taken: the gradient holds the sum as well.
TARGETS = 1.0009 * torch.softmax(_random(ROWS, COLUMNS, seed=2), dim=1)


def _cross_entropy(logits, **options):
    return weighted_cross_entropy(logits, _log_weights(), TARGET, **options)


def _sigmoid(logits, **options):
    return weighted_sigmoid(logits, _log_weights(), torch.where(TARGET == 4, -1, TARGET), **options)


def _soft(logits, **options):
    return soft_cross_entropy(logits, TARGETS, **options)


each_loss = pytest.mark.parametrize("loss", [_cross_entropy, _sigmoid, _soft])


def _inputs(dtype=torch.float64):
    """Return unit features, a scale and a bias that are all learned."""
    a, b = (functional.normalize(_random(n, WIDTH, seed=n)).to(dtype) for n in (ROWS, COLUMNS))
    scalars = (torch.tensor(value, dtype=torch.promote_types(dtype, torch.float32)) for value in (7.0, -3.0))
    return [value.requires_grad_() for value in (a, b, *scalars)]


def _gradients(loss, inputs):
    return torch.autograd.grad(loss, [value for value in inputs if value.requires_grad])


@each_loss
@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_every_size_of_chunk_gives_the_readable_loss_and_gradients(loss, chunk):
    inputs = _inputs()
    readable, chunked = loss(PairLogits(*inputs)), loss(PairLogits(*inputs), chunk=chunk)
    torch.testing.assert_close(chunked, readable, rtol=1e-13, atol=0)
    torch.testing.assert_close(_gradients(chunked, inputs), _gradients(readable, inputs), rtol=0, atol=1e-12)
    logits = PairLogits(*inputs).dense().detach().requires_grad_()
    readable, chunked = loss(logits), loss(logits, chunk=chunk)
    torch.testing.assert_close(chunked, readable, rtol=1e-13, atol=0)
    torch.testing.assert_close(_gradients(chunked, [logits]), _gradients(readable, [logits]), rtol=0, atol=1e-13)


@each_loss
def test_the_numerical_derivative_agrees(loss):
    assert torch.autograd.gradcheck(lambda *given: loss(PairLogits(*given), chunk=3), _inputs())


@each_loss
@pytest.mark.parametrize("learned", range(4))
def test_any_input_may_be_the_only_one_that_is_learned(loss, learned):
    inputs = _inputs()
    for k, value in enumerate(inputs):
        value.requires_grad_(k == learned)
    readable, chunked = loss(PairLogits(*inputs)), loss(PairLogits(*inputs), chunk=3)
    torch.testing.assert_close(_gradients(chunked, inputs), _gradients(readable, inputs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [None, -3.0])
def test_scale_and_bias_may_be_numbers(bias):
    a, b, *_ = inputs = _inputs()[:2]
    readable = _sigmoid(PairLogits(a, b, 7.0, bias))
    chunked = _sigmoid(PairLogits(a, b, 7.0, bias), chunk=3)
    torch.testing.assert_close(_gradients(chunked, inputs), _gradients(readable, inputs), rtol=0, atol=1e-12)


def test_a_scale_with_one_dimension_keeps_its_shape():
    a, b, scale, bias = _inputs()
    expected = _gradients(_sigmoid(PairLogits(a, b, scale, bias)), [scale, bias])
    scale, bias = (value.detach()[None].requires_grad_() for value in (scale, bias))
    for chunk in (None, 3):
        found = _gradients(_sigmoid(PairLogits(a, b, scale, bias), chunk=chunk), [scale, bias])
        torch.testing.assert_close(found, tuple(value[None] for value in expected))


@each_loss
def test_an_outer_gradient_scales_and_a_second_pass_gives_the_same(loss):
    inputs = _inputs()
    chunked = loss(PairLogits(*inputs), chunk=3)
    once = torch.autograd.grad(chunked, inputs, retain_graph=True)
    thrice = torch.autograd.grad(3 * chunked, inputs, retain_graph=True)
    torch.testing.assert_close(thrice, tuple(3 * value for value in once))
    assert all(map(torch.equal, torch.autograd.grad(chunked, inputs), once))


def test_second_derivatives_are_refused():
    inputs = _inputs()
    with pytest.raises(RuntimeError, match=r"chunk forms first derivatives only.*Leave chunk out"):
        torch.autograd.grad(_soft(PairLogits(*inputs), chunk=3), inputs, create_graph=True)
    assert torch.autograd.gradgradcheck(lambda *given: _soft(PairLogits(*given)), inputs)


@each_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_lower_precision_stays_within_its_rounding(loss, dtype):
    """The product is rounded to the dtype; sums over rows and columns are not."""
    inputs = _inputs(dtype)
    exact = [value.detach().double().requires_grad_() for value in inputs]
    expected = loss(PairLogits(*exact))
    wanted, eps = _gradients(expected, exact), torch.finfo(dtype).eps
    for chunk in (None, 3):
        found = loss(PairLogits(*inputs), chunk=chunk)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), expected, rtol=10 * eps, atol=0)
        gradients = _gradients(found, inputs)
        assert [value.dtype for value in gradients] == [value.dtype for value in inputs]
        _assert_close_to_the_largest(gradients, wanted, 20 * eps)


def _assert_close_to_the_largest(found, wanted, share):
    """Compare within a share of the largest entry; the gradient of a bias of a softmax is 0."""
    for value, other in zip(found, wanted, strict=True):
        largest = max(other.abs().max().item(), 0.1)
        torch.testing.assert_close(value.to(other.dtype), other, rtol=0, atol=share * largest)


def test_features_of_two_dtypes_meet_in_the_wider_one():
    a, b, scale, bias = _inputs(torch.float32)
    half = b.detach().bfloat16().requires_grad_()
    for chunk in (None, 3):
        loss = _soft(PairLogits(a, half, scale, bias), chunk=chunk)
        assert torch.equal(loss, _soft(PairLogits(a, half.float(), scale, bias), chunk=chunk))
        assert _gradients(loss, [a, half])[1].dtype == torch.bfloat16


@each_loss
def test_autocast_sets_the_dtype_of_the_product_only(loss):
    inputs = _inputs(torch.float32)
    halved = [value.detach().bfloat16().float().requires_grad_() for value in inputs[:2]]
    expected = loss(PairLogits(*halved, *inputs[2:]))
    wanted = torch.autograd.grad(expected, [*halved, *inputs[2:]])
    for chunk in (None, 3):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = loss(PairLogits(*inputs), chunk=chunk)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0)
        gradients = _gradients(found, inputs)
        assert {value.dtype for value in gradients} == {torch.float32}
        _assert_close_to_the_largest(gradients, wanted, 0.05)


def test_autocast_leaves_float64_alone():
    inputs = _inputs()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = _soft(PairLogits(*inputs), chunk=3)
    torch.testing.assert_close(found, _soft(PairLogits(*inputs)))


def test_small_gradients_in_half_precision_survive_a_scaled_loss():
    """Divided by the number of rows they would be 0 in float16 before a GradScaler raises them."""
    rows, b = 4096, torch.eye(2, dtype=torch.float16)
    a = torch.zeros(rows, 2, dtype=torch.float16, requires_grad=True)
    target, log_weights = torch.zeros(rows, dtype=torch.int64), torch.tensor([0.0, -9.0]).expand(rows, 2)
    (weighted_cross_entropy(PairLogits(a, b, 1.0), log_weights, target, chunk=512) * 2**16).backward()
    # p = w / (1 + w), and the gradient of a row is p / rows, 3e-8 before it is scaled.
    share = torch.sigmoid(torch.tensor(-9.0)).item()
    assert share / rows < torch.finfo(torch.float16).smallest_normal / 1000
    torch.testing.assert_close(a.grad[:, 1].float(), torch.full((rows,), share * 2**16 / rows), rtol=2e-3, atol=0)


@each_loss
def test_without_gradients_none_is_formed(loss):
    inputs = _inputs()
    logits = PairLogits(*inputs).dense().detach()
    with torch.no_grad():
        found = [loss(PairLogits(*inputs), chunk=3), loss(PairLogits(*inputs).dense(), chunk=3)]
    found.append(loss(logits, chunk=3))
    for value in found:
        assert not value.requires_grad
        torch.testing.assert_close(value, loss(logits))


class _Largest(TorchDispatchMode):
    """The largest number of entries that an operation returned."""

    entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        del types
        made = func(*args, **(kwargs or {}))
        tensors = made if isinstance(made, tuple | list) else (made,)
        self.entries = max([self.entries, *(t.numel() for t in tensors if isinstance(t, torch.Tensor))])
        return made


@pytest.mark.parametrize("name", ["cross_entropy", "sigmoid", "soft"])
def test_no_tensor_is_larger_than_a_block_or_the_features(name):
    rows, columns, width, chunk = 64, 96, 8, 4
    a, b = (_random(n, width, seed=n).requires_grad_() for n in (rows, columns))
    pairs, target = PairLogits(a, b, 3.0), torch.arange(rows)

    def by_rows(part):
        size = part.stop - part.start
        return torch.full((size, columns), 1 / columns if name == "soft" else -0.5)

    call = {
        "cross_entropy": lambda **options: weighted_cross_entropy(pairs, by_rows, target, **options),
        "sigmoid": lambda **options: weighted_sigmoid(pairs, by_rows, target, **options),
        "soft": lambda **options: soft_cross_entropy(pairs, by_rows, **options),
    }[name]
    with _Largest() as seen:
        call(chunk=chunk).backward()
    assert seen.entries == columns * width
    with _Largest() as seen:
        call().backward()
    assert seen.entries == rows * columns


def test_the_rows_of_negative_weights_are_made_where_they_are_used():
    weights = NegativeWeights(DecorrelationWeighting(Exponential(0.1, 0.4, 1000.0)), order="lonlat", units="deg")
    places = torch.stack([torch.linspace(0, 20, COLUMNS), torch.linspace(40, 60, COLUMNS)], dim=1)
    inputs, target = _inputs(), torch.arange(ROWS)
    expected = weighted_cross_entropy(PairLogits(*inputs), weights.log_weights(places[:ROWS], places), target)
    found = weighted_cross_entropy(PairLogits(*inputs), weights.by_rows(places[:ROWS], places), target, chunk=3)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(_gradients(found, inputs), _gradients(expected, inputs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunk", [None, 1024])
def test_sums_of_many_rows_in_float16_do_not_overflow(chunk):
    """Features that have collapsed: 1 024 rows of 100 each are more than float16 holds."""
    a = torch.nn.functional.normalize(torch.ones(1024, 8), dim=1).half()
    b = a.clone().requires_grad_()
    weighted_sigmoid(PairLogits(a, b, 100.0), torch.zeros(1024, 1024), torch.arange(1024), chunk=chunk).backward()
    assert b.grad is not None
    assert b.grad.isfinite().all()
