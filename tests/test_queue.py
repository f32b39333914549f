"""AlignedQueue: the ring beside geoclip's own rule, its fill state, casts and checkpoints."""

import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from variogeo import DataError, Exponential, ResidualWeighting
from variogeo.nn import AlignedQueue, NegativeWeights


def _samples(start, rows):
    """Places and features that tell which sample they are."""
    number = torch.arange(start, start + rows, dtype=torch.float32)
    return torch.stack([number / 7, -number], dim=1), number[:, None].expand(rows, 3) / 3


@given(size=st.integers(1, 9), batches=st.lists(st.integers(0, 12), max_size=8))
def test_the_ring_holds_the_newest_samples_each_with_its_feature(size, batches):
    """A list that is written in a circle, as GeoCLIP's queue is: more than ``size`` samples start it anew."""
    queue, ring, start, place = AlignedQueue(size, feature_width=3), [None] * size, 0, 0
    for rows in batches:
        queue.enqueue(*_samples(start, rows))
        numbers = range(start, start + rows)
        if rows >= size:
            ring, place = list(numbers[-size:]), 0
        else:
            for number in numbers:
                ring[place] = number
                place = (place + 1) % size
        start += rows
    kept = [number for number in ring if number is not None]
    assert (queue.filled, queue.is_full) == (len(kept), len(kept) == size)
    places, features = _samples(0, start)
    assert torch.equal(queue.coords, places[kept])
    assert torch.equal(queue.feats, features[kept])


def test_a_queue_that_is_not_full_says_how_many_of_how_many():
    queue = AlignedQueue(4, feature_width=3)
    queue.enqueue(*_samples(0, 3))
    with pytest.raises(ValueError, match=r"not filled: it holds 3 of 4 samples\. Enqueue more"):
        queue.whole()
    queue.enqueue(*_samples(3, 1))
    coords, feats = queue.whole()
    assert torch.equal(coords, _samples(0, 4)[0])
    assert torch.equal(feats, _samples(0, 4)[1])


@pytest.mark.parametrize(
    "cast",
    [lambda m: m.half(), lambda m: m.to(torch.bfloat16), lambda m: m.double(), lambda m: m.to("cpu", torch.float16)],
)
def test_no_cast_reaches_places_or_features(cast):
    """9.123456 degrees as float16 are 9.125, 170 m away; 179.9 are 179.875, 2.8 km at the equator."""
    queue = AlignedQueue(2, feature_width=1)
    places, features = torch.tensor([[9.123456, 179.9], [1.0, 2.0]]), torch.tensor([[0.1], [0.2]])
    queue.enqueue(places, features)
    cast(torch.nn.Sequential(queue))
    assert torch.equal(queue.coords, places)
    assert torch.equal(queue.feats, features)
    queue.enqueue(places.flip(0), features.half().flip(0))
    assert torch.equal(queue.coords, places.flip(0))
    assert (queue.coords.dtype, queue.feats.dtype) == (torch.float32, torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32, torch.int64])
def test_each_dtype_of_coordinates_comes_back_as_it_was(dtype):
    places = (torch.rand(5, 2, dtype=torch.float64) * 1e9).to(dtype)
    queue = AlignedQueue(5, feature_width=0, dtype=dtype)
    queue.enqueue(places)
    assert torch.equal(queue.coords, places)
    assert queue.coords.dtype == dtype
    assert queue.feats.shape == (5, 0)


def test_a_checkpoint_brings_the_queue_back_and_it_goes_on_where_it_was():
    queue, other = AlignedQueue(4, feature_width=3), AlignedQueue(4, feature_width=3)
    queue.enqueue(*_samples(0, 3))
    file = io.BytesIO()
    torch.save(queue.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for part in (queue, other):
        part.enqueue(*_samples(3, 2))
    assert torch.equal(other.coords, queue.coords)
    assert torch.equal(other.feats, queue.feats)
    assert (other.filled, repr(other)) == (4, repr(queue))


def test_a_checkpoint_of_other_coordinates_or_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"saved with coordinates of torch\.int32, this one has torch\.float32"):
        AlignedQueue(4, feature_width=3).load_state_dict(
            AlignedQueue(4, feature_width=3, dtype=torch.int32).state_dict()
        )
    with pytest.raises(RuntimeError, match="size mismatch"):
        AlignedQueue(4, feature_width=3).load_state_dict(AlignedQueue(5, feature_width=3).state_dict())


@pytest.mark.parametrize("state", [{}, {"filled": 1}, None])
def test_what_is_no_state_of_a_queue_is_refused(state):
    queue = AlignedQueue(4, feature_width=3)
    with pytest.raises(DataError, match=r"Invalid state of AlignedQueue: .*Must be what get_extra_state\(\)"):
        queue.set_extra_state(state)


def test_the_queue_of_the_page_on_training_adds_columns():
    page = (Path(__file__).parents[1] / "docs" / "training.md").read_text()
    (snippet,) = re.findall(r"```python\n(queue = .*?)```", page, flags=re.DOTALL)
    scheme = ResidualWeighting(Exponential(0.1, 0.4, 1000.0))
    names = {"AlignedQueue": AlignedQueue, "torch": torch, "empirical": SimpleNamespace(width=3)}
    names["weights"] = NegativeWeights(scheme, order="latlon", units="deg", feature_width=3)
    names["gps"], names["batch_features"] = _samples(0, 4)
    first, *steps = snippet.splitlines(keepends=True)
    exec(first, names)
    for expected in (4, 8):
        exec("".join(steps), names)
        assert names["log_weights"].shape == (4, expected)
    assert names["queue"].filled == 8


def test_what_is_enqueued_is_copied_and_has_no_gradient():
    queue = AlignedQueue(2, feature_width=2)
    places, features = torch.ones(2, 2), torch.ones(2, 2, requires_grad=True)
    queue.enqueue(places, features * 2)
    places.zero_()
    assert queue.coords.eq(1).all()
    assert not queue.feats.requires_grad


def test_repr_is_the_constructor_call_with_the_fill_state():
    assert repr(AlignedQueue(4, feature_width=3)) == "AlignedQueue(4, feature_width=3, dtype=torch.float32, filled=0)"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: AlignedQueue(0, feature_width=3), ValueError, "size '0'"),
        (lambda: AlignedQueue(4, feature_width=-1), ValueError, "feature_width '-1'"),
        (lambda: AlignedQueue(4, feature_width=3, dtype=torch.float16), ValueError, "dtype torch.float16.*kilometres"),
    ],
)
def test_queues_that_could_not_hold_places_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


PLACES, FEATURES = _samples(0, 2)


@pytest.mark.parametrize(
    ("coords", "feats", "error", "words"),
    [
        (PLACES[0], FEATURES, ValueError, r"coords of shape \(2,\). Must be \(n, 2\)"),
        (torch.zeros(2, 3), FEATURES, ValueError, r"coords of shape \(2, 3\)"),
        (PLACES.half(), FEATURES, TypeError, "coords of torch.float16.*Keep places in float32 from the data set on"),
        (PLACES.bfloat16(), FEATURES, TypeError, "coords of torch.bfloat16.*kilometres"),
        (PLACES.double(), FEATURES, TypeError, "coords of torch.float64.*Make it with dtype=torch.float64"),
        (PLACES, None, ValueError, "features of width 3. Pass feats"),
        (PLACES, FEATURES[:1], ValueError, r"feats of shape \(1, 3\). Must be \(2, 3\)"),
        (PLACES, FEATURES[:, :2], ValueError, r"feats of shape \(2, 2\). Must be \(2, 3\)"),
        (PLACES, FEATURES.int(), TypeError, "feats of torch.int32. Must be floats"),
        (PLACES.tolist(), FEATURES, TypeError, r"coords of type list. Must be a tensor: torch.as_tensor\(coords\)"),
        (PLACES, FEATURES.numpy(), TypeError, r"feats of type ndarray. Must be a tensor: torch.as_tensor\(feats\)"),
    ],
)
def test_samples_that_do_not_fit_are_refused_and_leave_the_queue_as_it_was(coords, feats, error, words):
    queue = AlignedQueue(4, feature_width=3)
    with pytest.raises(error, match=words):
        queue.enqueue(coords, feats)
    assert queue.filled == 0


def test_nothing_is_read_back_to_the_host():
    """On a device each read would wait for all that was asked of it before."""

    class NoRead(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            assert func not in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)
            return func(*args, **(kwargs or {}))

    queue = AlignedQueue(4, feature_width=3)
    with NoRead():
        for start in (0, 3, 6):
            queue.enqueue(*_samples(start, 3))
        queue.whole()
    with NoRead(), pytest.raises(AssertionError):
        queue.coords[0, 0].item()
