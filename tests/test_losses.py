"""The losses against double loops in float64, against the authors' formulas, and what they refuse."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from variogeo import DecorrelationWeighting, Exponential
from variogeo.nn import (
    NegativeWeights,
    PairLogits,
    debiased_cross_entropy,
    soft_cross_entropy,
    weighted_cross_entropy,
    weighted_sigmoid,
)

INF = math.inf


def _random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


# Dynamo makes one of each class that it traces, which torch itself has deprecated.
by_dynamo = pytest.mark.filterwarnings("ignore:<class 'torch.autograd.function.Function'>:DeprecationWarning")


@pytest.fixture
def batch():
    """Logits, log-weights with masked entries, and positives that stand behind a queue: 6 rows, 9 columns."""
    log_weights = _random(6, 9, seed=1, dtype=torch.float32)
    log_weights[0, 2], log_weights[1, 7], log_weights[4, 0] = -INF, -INF, -INF
    return 3 * _random(6, 9), log_weights, torch.tensor([3, 4, 5, 6, 7, 8])


def _probabilities(rows, columns, *, seed=2, dtype=torch.float64):
    q = torch.rand(rows, columns, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    q[:, 1] = 0.0
    return q / q.sum(dim=1, keepdim=True)


def _cross_entropy_by_hand(logits, log_weights, target):
    """Return the loss with its weighted denominator spelled out."""
    weights, total = log_weights.double().exp(), torch.zeros((), dtype=torch.float64)
    for row, positive in enumerate(target.tolist()):
        denominator = logits[row, positive].exp()
        for column in range(logits.shape[1]):
            if column != positive:
                denominator = denominator + weights[row, column] * logits[row, column].exp()
        total = total - (logits[row, positive].exp() / denominator).log()
    return total / len(target)


def _sigmoid_by_hand(logits, log_weights, target):
    weights, total = log_weights.double().exp(), torch.zeros((), dtype=torch.float64)
    for row, positive in enumerate(target.tolist()):
        for column in range(logits.shape[1]):
            if column == positive:
                total = total + (1 + (-logits[row, column]).exp()).log()
            else:
                total = total + weights[row, column] * (1 + logits[row, column].exp()).log()
    return total / len(target)


def _gradient(loss, logits):
    """Return the loss of a copy of the logits, and its gradient."""
    copy = logits.clone().requires_grad_()
    value = loss(copy)
    value.backward()
    return value.detach(), copy.grad


@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize(
    ("loss", "by_hand"),
    [(weighted_cross_entropy, _cross_entropy_by_hand), (weighted_sigmoid, _sigmoid_by_hand)],
    ids=["cross_entropy", "sigmoid"],
)
def test_loss_and_gradient_equal_a_double_loop(batch, loss, by_hand, chunk):
    logits, log_weights, target = batch
    ours, gradient = _gradient(lambda given: loss(given, log_weights, target, chunk=chunk), logits)
    expected, by_loop = _gradient(lambda given: by_hand(given, log_weights, target), logits)
    assert ours.dtype == torch.float64
    torch.testing.assert_close(ours, expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, by_loop, rtol=0, atol=1e-15)
    masked = torch.isinf(log_weights).scatter(1, target[:, None], False)
    assert masked.sum() == 3
    assert (gradient[masked] == 0).all()


@pytest.mark.parametrize("chunk", [None, 4])
def test_soft_loss_and_gradient_equal_a_double_loop(batch, chunk):
    logits, q = batch[0], _probabilities(6, 9)

    def by_hand(given):
        total = torch.zeros((), dtype=torch.float64)
        for row in range(6):
            denominator = sum(given[row, column].exp() for column in range(9))
            for column in range(9):
                total = total - q[row, column] * (given[row, column].exp() / denominator).log()
        return total / 6

    ours, gradient = _gradient(lambda given: soft_cross_entropy(given, q, chunk=chunk), logits)
    expected, by_loop = _gradient(by_hand, logits)
    torch.testing.assert_close(ours, expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, by_loop, rtol=0, atol=1e-15)


def test_soft_loss_of_one_hot_targets_is_the_plain_one(batch):
    logits, _, target = batch
    one_hot = functional.one_hot(target, 9).double()
    torch.testing.assert_close(soft_cross_entropy(logits, one_hot), functional.cross_entropy(logits, target))


@pytest.mark.parametrize("odd", [5.0, -INF, INF, math.nan])
@pytest.mark.parametrize("chunk", [None, 4])
def test_the_entry_at_the_target_is_no_weight(batch, odd, chunk):
    """The weights may have been made for other positives."""
    logits, log_weights, target = batch
    for loss in (weighted_cross_entropy, weighted_sigmoid):
        plain = loss(logits, log_weights.scatter(1, target[:, None], 0.0), target, chunk=chunk)
        assert torch.equal(loss(logits, log_weights.scatter(1, target[:, None], odd), target, chunk=chunk), plain)
    plain = debiased_cross_entropy(logits, target, temperature=1.0, log_weights=log_weights)
    forgotten = log_weights.scatter(1, target[:, None], odd)
    assert torch.equal(debiased_cross_entropy(logits, target, temperature=1.0, log_weights=forgotten), plain)


def test_without_weights_the_losses_are_the_plain_ones(batch):
    logits, _, target = batch
    uniform = torch.zeros(6, 9)
    plain = functional.cross_entropy(logits, target)
    assert torch.equal(weighted_cross_entropy(logits, uniform, target), plain)
    torch.testing.assert_close(debiased_cross_entropy(logits, target, temperature=0.1), plain, rtol=1e-14, atol=0)
    assert weighted_cross_entropy(logits.bfloat16(), uniform, target).dtype == torch.float32


@pytest.mark.parametrize("chunk", [None, 2])
def test_uniform_sigmoid_is_that_of_open_clip(chunk):
    """open_clip's file alone: the package as a whole imports torchvision."""
    package = importlib.util.find_spec("open_clip")
    if package is None:
        pytest.skip("open_clip is not installed")
    spec = importlib.util.spec_from_file_location("open_clip_loss", Path(package.origin).with_name("loss.py"))
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    images, texts = (functional.normalize(_random(5, 8, seed=seed)).requires_grad_() for seed in (3, 4))
    scale, bias = torch.tensor(10.0, requires_grad=True), torch.tensor(-10.0, requires_grad=True)
    expected = theirs.SigLipLoss()(images, texts, scale, bias)
    inputs = (images, texts, scale, bias)
    gradients = torch.autograd.grad(expected, inputs)
    pairs = PairLogits(images, texts, scale, bias)
    ours = weighted_sigmoid(pairs, torch.zeros(5, 5), torch.arange(5), chunk=chunk)
    torch.testing.assert_close(ours, expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(torch.autograd.grad(ours, inputs), gradients, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("chunk", [None, 4])
def test_a_sigmoid_block_of_another_rank_has_no_positive(batch, chunk):
    """The loss over all columns is that of its two halves, one of which holds no positive of a row."""
    logits, log_weights, _ = batch
    target = torch.tensor([0, 6, 2, 3, 8, 1])
    whole = weighted_sigmoid(logits, log_weights, target)
    halves = torch.zeros((), dtype=torch.float64)
    for first, last in ((0, 4), (4, 9)):
        here = (target >= first) & (target < last)
        inside = torch.where(here, target - first, -1)
        columns = slice(first, last)
        halves = halves + weighted_sigmoid(logits[:, columns], log_weights[:, columns], inside, chunk=chunk)
    torch.testing.assert_close(halves, whole, rtol=1e-14, atol=0)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    copies=st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any),
    concentration=st.sampled_from([0.0, 0.7]),
    class_prior=st.sampled_from([0.0, 0.2]),
)
def test_a_weight_is_a_number_of_copies(seed, copies, concentration, class_prior):
    """Weight 2 equals the column twice, and weight 0 equals no column."""
    logits = torch.tanh(_random(3, 5, seed=seed)) / 0.5
    target = torch.zeros(3, dtype=torch.int64)
    log_weights = torch.tensor([1.0, *copies]).log().expand(3, 5)
    repeated = logits[:, [0, *np.repeat([1, 2, 3, 4], copies)]]
    plain = torch.zeros(repeated.shape)
    for loss in (weighted_cross_entropy, weighted_sigmoid):
        torch.testing.assert_close(
            loss(logits, log_weights, target), loss(repeated, plain, target), rtol=1e-6, atol=1e-9
        )
    options = {"concentration": concentration, "class_prior": class_prior, "temperature": 0.5}
    torch.testing.assert_close(
        debiased_cross_entropy(logits, target, log_weights=log_weights, **options),
        debiased_cross_entropy(repeated, target, **options),
        rtol=1e-6,
        atol=1e-9,
    )


def _debiased_by_hand(logits, target, beta, prior, tau):
    """Return the formulas of Robinson et al. and Chuang et al., negative by negative."""
    total = torch.zeros((), dtype=torch.float64)
    for row, positive in enumerate(target.tolist()):
        negatives = [logits[row, column] for column in range(logits.shape[1]) if column != positive]
        count, pos = len(negatives), logits[row, positive].exp()
        importance = [(beta * negative).exp() for negative in negatives]
        mean = sum(importance) / count
        reweighted = sum(i / mean * negative.exp() for i, negative in zip(importance, negatives, strict=True))
        corrected = (-prior * count * pos + reweighted) / (1 - prior)
        floor = torch.tensor(count * math.exp(-1 / tau), dtype=torch.float64)
        total = total - (pos / (pos + torch.maximum(corrected, floor))).log()
    return total / len(target)


@pytest.mark.parametrize("tau", [0.1, 0.5])
@pytest.mark.parametrize(("beta", "prior"), [(0.0, 0.0), (0.0, 0.1), (1.0, 0.0), (0.5, 0.1), (2.0, 0.5)])
def test_the_debiased_loss_is_the_published_formula(beta, prior, tau):
    cosines = torch.tanh(_random(8, 11, seed=6))
    # Among such negatives a similar positive makes the difference negative, and the bound takes hold.
    cosines[0] = -cosines[0].abs()
    cosines[0, 0] = 1.0
    target = torch.tensor([0, 1, 2, 3, 4, 5, 6, 10])
    options = {"concentration": beta, "class_prior": prior, "temperature": tau}
    ours, gradient = _gradient(lambda given: debiased_cross_entropy(given, target, **options), cosines / tau)
    expected, by_loop = _gradient(lambda given: _debiased_by_hand(given, target, beta, prior, tau), cosines / tau)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, by_loop, rtol=1e-10, atol=1e-13)
    assert bool(gradient[0, 1:].eq(0).all()) == (prior > 0)


def test_the_temperature_may_be_learned():
    cosines, target = torch.tanh(_random(4, 6, seed=7)), torch.arange(4)
    temperature = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)

    def loss(tau):
        return debiased_cross_entropy(cosines / tau, target, concentration=0.5, class_prior=0.6, temperature=tau)

    assert torch.equal(loss(temperature), loss(0.3))
    assert torch.autograd.gradcheck(loss, (temperature,))


@pytest.mark.parametrize("scale", [1e2, 1e4, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_logits_give_finite_losses_and_gradients(scale, dtype):
    logits, target = scale * torch.tanh(_random(5, 7, seed=8, dtype=dtype)), torch.arange(5)
    log_weights, q = _random(5, 7, seed=9, dtype=dtype), _probabilities(5, 7, dtype=dtype)
    losses = [
        lambda given: weighted_cross_entropy(given, log_weights, target),
        lambda given: weighted_cross_entropy(given, log_weights, target, chunk=2),
        lambda given: soft_cross_entropy(given, q),
        lambda given: soft_cross_entropy(given, q, chunk=2),
        lambda given: weighted_sigmoid(given, log_weights, target),
        lambda given: weighted_sigmoid(given, log_weights, target, chunk=2),
        lambda given: debiased_cross_entropy(
            given, target, concentration=1.0, class_prior=0.1, temperature=1 / scale, log_weights=log_weights
        ),
    ]
    for loss in losses:
        value, gradient = _gradient(loss, logits)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


def test_equal_negatives_and_positive_have_finite_gradients():
    """The difference is exactly 0 with a class prior of a half and one logit for all."""
    value, gradient = _gradient(
        lambda given: debiased_cross_entropy(given, torch.zeros(1, dtype=torch.int64), class_prior=0.5, temperature=1),
        torch.zeros(1, 5),
    )
    # G is the bound: 4 / e, or (4 - 0.5 * 4) / 0.5 = 4, which is larger.
    assert value.item() == pytest.approx(math.log(1 + 4))
    _, gradient = _gradient(
        lambda given: debiased_cross_entropy(given, torch.zeros(1, dtype=torch.int64), class_prior=0.5, temperature=1),
        torch.tensor([[math.log(2.0), 0, 0, 0, 0]]),
    )
    assert torch.isfinite(gradient).all()


def _one_hot_soft(logits, log_weights, target, **options):
    """Take the arguments of the others: log-weights have no place in it."""
    del log_weights
    return soft_cross_entropy(logits, functional.one_hot(target, logits.shape[1]).double(), **options)


LOSSES = [weighted_cross_entropy, weighted_sigmoid, _one_hot_soft]


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_one_by_one_average_to_the_mean(batch, loss):
    rows = loss(*batch, reduction="none")
    assert rows.shape == (6,)
    torch.testing.assert_close(rows.mean(), loss(*batch))


@pytest.mark.parametrize("loss", LOSSES)
def test_inputs_are_left_as_they_are(batch, loss):
    logits, log_weights, target = batch
    copies = [logits.clone(), log_weights.clone(), target.clone()]
    for options in ({}, {"chunk": 4}, {"reduction": "none"}):
        loss(logits, log_weights, target, **options)
    debiased_cross_entropy(logits, target, temperature=1.0, class_prior=0.1, log_weights=log_weights)
    assert all(map(torch.equal, (logits, log_weights, target), copies))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_numerical_derivative_agrees(batch, loss):
    logits, log_weights, target = batch
    assert torch.autograd.gradcheck(lambda given: loss(given, log_weights, target), (logits.clone().requires_grad_(),))


def test_weights_that_are_learned_get_their_gradient(batch):
    logits, _, target = batch
    strength = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    pattern = _random(6, 9, seed=3)
    for loss in (weighted_cross_entropy, weighted_sigmoid):
        assert torch.autograd.gradcheck(lambda s, loss=loss: loss(logits, s * pattern, target), (strength,))
    assert torch.autograd.gradcheck(
        lambda s: debiased_cross_entropy(
            logits, target, class_prior=0.1, concentration=0.5, temperature=0.1, log_weights=s * pattern
        ),
        (strength,),
    )


@pytest.mark.parametrize("chunk", [None, 2])
def test_a_row_without_negatives_is_refused_on_the_host(batch, chunk):
    logits, log_weights, target = batch
    log_weights[2], log_weights[5] = -INF, -INF
    log_weights[5, 8] = 0.0
    for call in (
        lambda: weighted_cross_entropy(logits, log_weights, target, chunk=chunk),
        lambda: debiased_cross_entropy(logits, target, temperature=1.0, log_weights=log_weights),
    ):
        with pytest.raises(ValueError, match=r"masked in rows 2(, 5)?: .*larger batches or a queue.*coincident="):
            call()
    assert torch.isfinite(weighted_sigmoid(logits, log_weights, target, chunk=chunk))


@by_dynamo
def test_a_row_without_negatives_is_0_where_values_are_not_read(batch):
    """In a compiled graph nothing can be refused: the row counts as learned, and nothing is NaN."""
    logits, log_weights, target = batch
    log_weights[2] = -INF
    options = {"concentration": 0.5, "class_prior": 0.1, "temperature": 0.3}

    def losses(given):
        rows = weighted_cross_entropy(given, log_weights, target, reduction="none")
        chunked = weighted_cross_entropy(given, log_weights, target, chunk=4)
        debiased = debiased_cross_entropy(given, target, log_weights=log_weights, **options)
        return torch.cat([rows, chunked[None], debiased[None]])

    given = logits.clone().requires_grad_()
    values = torch.compile(losses, fullgraph=True, backend="aot_eager")(given)
    values.sum().backward()
    assert torch.isfinite(values).all()
    assert values[2] == 0
    assert torch.isfinite(given.grad).all()
    assert (given.grad[2] == 0).all()
    assert (given.grad[[0, 1, 3, 4, 5]] != 0).any(dim=1).all()
    torch._dynamo.reset()


def test_a_batch_of_one_has_loss_0_as_without_weights():
    logits, target = torch.ones(1, 1), torch.zeros(1, dtype=torch.int64)
    assert functional.cross_entropy(logits, target) == 0
    for chunk in (None, 1):
        assert weighted_cross_entropy(logits, torch.zeros(1, 1), target, chunk=chunk) == 0
    assert debiased_cross_entropy(logits, target, temperature=1.0, class_prior=0.1) == 0


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("odd", [math.nan, INF])
def test_broken_log_weights_are_refused_on_the_host(batch, odd, chunk):
    logits, log_weights, target = batch
    log_weights[1, 2] = odd
    for call in (
        lambda: weighted_cross_entropy(logits, log_weights, target, chunk=chunk),
        lambda: weighted_sigmoid(logits, log_weights, target, chunk=chunk),
        lambda: debiased_cross_entropy(logits, target, temperature=1.0, log_weights=log_weights),
    ):
        with pytest.raises(ValueError, match=r"NaN or \+inf in rows 1\. Are the coordinates"):
            call()


@pytest.mark.parametrize("chunk", [None, 2])
def test_sigmoid_weights_that_would_overflow_are_refused_on_the_host(chunk):
    logits, target = torch.full((4, 4), -200.0), torch.arange(4)
    log_weights = torch.zeros(4, 4)
    log_weights[2, 1], log_weights[0, 0] = 100.0, 1000.0  # the second is at a positive: no weight
    with pytest.raises(ValueError, match=r"above 60 in rows 2: 100\. Such weights.*Lower the strength.*row_mean_one"):
        weighted_sigmoid(logits, log_weights, target, chunk=chunk)
    log_weights[2, 1] = 60.0
    assert weighted_sigmoid(logits, log_weights, target, chunk=chunk) == 200
    assert torch.isfinite(weighted_sigmoid(1000 - logits, log_weights, target, chunk=chunk))
    with pytest.raises(ValueError, match="above 60 in rows 3"):  # a row without a positive has a weight in each column
        weighted_sigmoid(logits, torch.full((4, 4), 61.0).tril(-4 + 1), torch.full((4,), -1), chunk=chunk)


@by_dynamo
def test_sigmoid_weights_that_would_overflow_are_held_where_values_are_not_read():
    logits, target = torch.full((4, 4), -200.0), torch.arange(4)

    def losses(given, log_weights):
        return torch.stack([weighted_sigmoid(given, log_weights, target, chunk=chunk) for chunk in (None, 2)])

    given = logits.clone().requires_grad_()
    values = torch.compile(losses, fullgraph=True, backend="aot_eager")(given, torch.full((4, 4), 100.0))
    values.sum().backward()
    assert torch.equal(values, losses(logits, torch.full((4, 4), 60.0)))
    assert torch.isfinite(given.grad).all()
    torch._dynamo.reset()


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("change", [lambda q: 2 * q, lambda q: q - 0.25, lambda q: q * math.nan, lambda q: 0 * q])
def test_targets_that_are_no_probabilities_are_refused_on_the_host(batch, change, chunk):
    q = _probabilities(6, 9)
    q[4] = change(q[4])
    with pytest.raises(ValueError, match=r"no probability in rows 4: .*Divide each row by its sum"):
        soft_cross_entropy(batch[0], q, chunk=chunk)


def test_targets_in_half_precision_are_probabilities_too(batch):
    q = _probabilities(6, 9)
    torch.testing.assert_close(
        soft_cross_entropy(batch[0], q.bfloat16()), soft_cross_entropy(batch[0], q), rtol=0.01, atol=0
    )


@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize("loss", LOSSES[:2])
def test_a_function_of_a_slice_is_as_good_as_the_matrix(batch, loss, chunk):
    logits, log_weights, target = batch
    asked = []

    def by_rows(rows):
        asked.append((rows.start, rows.stop))
        return log_weights[rows]

    assert torch.equal(loss(logits, by_rows, target, chunk=chunk), loss(logits, log_weights, target, chunk=chunk))
    assert asked == ([(0, 6)] if chunk is None else [(0, 4), (4, 6)])
    expected = debiased_cross_entropy(logits, target, temperature=1.0, log_weights=log_weights)
    assert torch.equal(debiased_cross_entropy(logits, target, temperature=1.0, log_weights=by_rows), expected)


def test_the_losses_compile_to_one_graph(batch):
    logits, log_weights, target = batch
    a, b, q = _random(6, 4, seed=10), _random(9, 4, seed=11), _probabilities(6, 9)

    def losses(scale):
        pairs = PairLogits(a, b, scale, -1.0)
        return torch.stack(
            [
                weighted_cross_entropy(pairs, log_weights, target),
                soft_cross_entropy(pairs, q),
                weighted_sigmoid(scale * logits, lambda rows: log_weights[rows], target),
            ]
        )

    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    compiled, expected = torch.compile(losses, fullgraph=True, dynamic=True, backend="aot_eager")(scale), losses(scale)
    torch.testing.assert_close(compiled, expected)
    torch.testing.assert_close(torch.autograd.grad(compiled.sum(), scale), torch.autograd.grad(expected.sum(), scale))
    torch._dynamo.reset()


def test_values_on_a_device_are_not_looked_at():
    """On the meta device there are none: whoever reads one fails."""
    logits, log_weights, q = (torch.zeros(6, 9, device="meta") for _ in range(3))
    target = torch.zeros(6, dtype=torch.int64, device="meta")
    for chunk in (None, 4):
        assert weighted_cross_entropy(logits, log_weights, target, chunk=chunk).shape == ()
        assert weighted_sigmoid(logits, log_weights, target, chunk=chunk).shape == ()
        assert soft_cross_entropy(logits, q, chunk=chunk).shape == ()
    assert debiased_cross_entropy(logits, target, class_prior=0.1, temperature=0.1, log_weights=log_weights).shape == ()


THREE = torch.zeros(3, 3)
FIRST = torch.arange(3)
WEIGHTS = NegativeWeights(DecorrelationWeighting(Exponential(0.1, 0.4, 1000.0)), order="lonlat", units="deg")


def _debiased(**options):
    return debiased_cross_entropy(THREE, FIRST, **{"temperature": 1.0, **options})


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: weighted_cross_entropy(THREE, THREE, THREE), ValueError, "For soft labels use soft_cross_entropy"),
        (lambda: weighted_cross_entropy(THREE, THREE, [0, 1, 2]), TypeError, "target of type list.*as_tensor"),
        (lambda: weighted_cross_entropy(THREE, THREE, FIRST + 1), ValueError, r"no column in 0\.\.2 in rows 2"),
        (lambda: weighted_cross_entropy(THREE, THREE, FIRST - 1), ValueError, r"no column in 0\.\.2 in rows 0"),
        (lambda: weighted_sigmoid(THREE, THREE, FIRST - 2), ValueError, r"no column in -1\.\.2 in rows 0"),
        (
            lambda: weighted_cross_entropy(THREE, torch.zeros(3, 4), FIRST),
            ValueError,
            r"log_weights of shape \(3, 4\) for logits \(3, 3\)",
        ),
        (lambda: soft_cross_entropy(THREE, torch.zeros(3)), ValueError, r"targets of shape \(3,\)"),
        (lambda: soft_cross_entropy(THREE, FIRST.expand(3, 3)), TypeError, "targets of torch.int64. Must be floats"),
        (lambda: weighted_sigmoid(THREE, WEIGHTS, FIRST), TypeError, "NegativeWeights has to be called.*by_rows"),
        (lambda: weighted_sigmoid(THREE, None, FIRST), TypeError, "log_weights of type NoneType"),
        (
            lambda: weighted_cross_entropy(THREE, lambda _: torch.zeros(2, 3), FIRST),
            ValueError,
            r"log_weights\(0:3\) returned torch.float32 \(2, 3\).*floats of shape \(3, 3\)",
        ),
        (
            lambda: soft_cross_entropy(THREE, lambda _: [1.0], chunk=2),
            ValueError,
            r"targets\(0:2\) returned list.*\(2, 3\)",
        ),
        (lambda: weighted_cross_entropy(THREE.numpy(), THREE, FIRST), TypeError, "logits of type ndarray"),
        (lambda: weighted_cross_entropy(FIRST.expand(3, 3), THREE, FIRST), TypeError, "logits of torch.int64"),
        (lambda: soft_cross_entropy(torch.zeros(0, 3), torch.zeros(0, 3)), ValueError, "at least one row"),
        (lambda: soft_cross_entropy(torch.zeros(3), torch.zeros(3)), ValueError, r"logits of shape \(3,\)"),
        (lambda: soft_cross_entropy(THREE, THREE, reduction="sum"), ValueError, "reduction 'sum'.*'mean', 'none'"),
        (lambda: soft_cross_entropy(THREE, THREE, chunk=0), ValueError, "chunk '0'.*whole number of at least 1"),
        (
            lambda: weighted_sigmoid(THREE, THREE, FIRST, chunk=2, reduction="none"),
            ValueError,
            "reduction 'none' with chunk.*Leave chunk out",
        ),
        (
            lambda: weighted_sigmoid(THREE, THREE.clone().requires_grad_(), FIRST, chunk=2),
            ValueError,
            r"log_weights requires a gradient.*detach\(\)",
        ),
        (lambda: PairLogits(THREE.numpy(), THREE, 1.0), TypeError, "features_a of ndarray"),
        (lambda: PairLogits(THREE, FIRST, 1.0), TypeError, "features_b of torch.int64"),
        (lambda: PairLogits(THREE, THREE[0], 1.0), ValueError, r"features_b of shape \(3,\)"),
        (lambda: PairLogits(THREE, THREE[:, :2], 1.0), ValueError, "3 columns but features_b has 2"),
        (lambda: PairLogits(THREE, THREE, INF), ValueError, "scale 'inf'. Must be finite"),
        (lambda: PairLogits(THREE, THREE, 1.0, "low"), TypeError, "bias 'low'. Must be a number"),
        (lambda: PairLogits(THREE, THREE, torch.ones(3)), ValueError, r"scale of shape \(3,\).*one number"),
        (lambda: _debiased(temperature=0.0), ValueError, "temperature '0.0'. Must be greater than 0"),
        (lambda: _debiased(temperature=torch.ones(2)), ValueError, r"temperature of shape \(2,\)"),
        (lambda: _debiased(concentration=-1), ValueError, "concentration '-1.0'. Must be at least 0"),
        (lambda: _debiased(class_prior=1.0), ValueError, "class_prior '1.0'. Must be below 1"),
        (lambda: _debiased(log_weights=torch.zeros(3, 2)), ValueError, r"log_weights of shape \(3, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_logits_say_in_which_precision_the_loss_is():
    logits, log_weights = torch.zeros(3, 4), torch.zeros(3, 4, dtype=torch.float64)
    for chunk in (None, 2):
        assert weighted_cross_entropy(logits, log_weights, torch.arange(3), chunk=chunk).dtype == torch.float32
