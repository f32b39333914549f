"""Neighbourhood consistency against double loops and finite differences."""

import math

import numpy as np
import pytest
import reference
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from variogeo import Exponential, ExponentialKernel, GaussianKernel, PowerKernel, datasets
from variogeo.nn import NeighborWeights, neighborhood_consistency

DEGREES = {"order": "lonlat", "units": "deg"}
KERNEL = ExponentialKernel(3000.0)


@pytest.fixture(scope="module")
def places():
    random = np.random.default_rng(7)
    lonlat = np.column_stack([random.uniform(-180, 180, 10), random.uniform(-80, 80, 10)])
    lonlat[4] = lonlat[0]
    lonlat[5] = lonlat[1] + 0.05
    return torch.tensor(lonlat)


@pytest.fixture(scope="module")
def embeddings():
    return torch.nn.functional.normalize(
        torch.randn(10, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2)), dim=1
    )


def _weights_by_hand(kernel, places, neighbors, cutoff=math.inf):
    weights = np.zeros((len(places), len(places)))
    for i, a in enumerate(places):
        lag = {j: reference.lag("great_circle", a, b) for j, b in enumerate(places) if j != i}
        furthest = sorted(lag.values())[neighbors - 1] + 1e-6  # two of the places are one: both count
        value = {j: float(kernel(h)) for j, h in lag.items() if h <= min(furthest, cutoff)}
        for j, k in value.items():
            weights[i, j] = k / sum(value.values())
    return weights


@pytest.mark.parametrize("kernel", [KERNEL, PowerKernel(50.0, 1.0), Exponential(0.1, 0.2, 5000.0)])
@pytest.mark.parametrize(("neighbors", "cutoff"), [(1, None), (3, None), (9, None), (3, 4000.0)])
def test_weights_equal_a_double_loop(places, kernel, neighbors, cutoff):
    weights = NeighborWeights(kernel, neighbors=neighbors, cutoff=cutoff, **DEGREES)(places)
    by_hand = kernel.correlogram if isinstance(kernel, Exponential) else kernel
    expected = _weights_by_hand(by_hand, places.numpy(), neighbors, cutoff or math.inf)
    assert (weights.dtype, weights.requires_grad) == (torch.float32, False)
    assert (weights.diagonal() == 0).all()
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=2e-6)


def test_a_sample_without_a_neighbour_has_no_weights_and_adds_nothing(embeddings):
    places = torch.tensor([[0.0, 0.0], [0.001, 0.0], [90.0, 0.0]])
    for kernel, cutoff in ((ExponentialKernel(0.1), None), (GaussianKernel(500.0), 10.0)):
        weights = NeighborWeights(kernel, neighbors=2, cutoff=cutoff, **DEGREES)(places)
        assert torch.equal(weights, torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
        some = embeddings[:3].clone().requires_grad_()
        for form, temperature in (("laplacian", None), ("kl", 0.1)):
            loss = neighborhood_consistency(some, weights, form=form, temperature=temperature)
            assert torch.isfinite(loss)
            assert torch.isfinite(torch.autograd.grad(loss, some)[0]).all()
        nobody = neighborhood_consistency(some, torch.zeros(3, 3), form="kl", temperature=0.1)
        assert nobody.item() == 0.0


def test_samples_at_one_place_are_neighbours_and_ties_are_all_kept():
    places = torch.tensor([[8.0, 50.0]] * 4 + [[9.0, 50.0]])
    weights = NeighborWeights(KERNEL, neighbors=1, **DEGREES)(places)
    assert torch.allclose(weights[:4, :4], (1 - torch.eye(4)) / 3)
    assert torch.allclose(weights[4], torch.tensor([0.25, 0.25, 0.25, 0.25, 0.0]))


def test_rows_sum_to_one_for_real_photos():
    lonlat = torch.tensor(datasets.geoclip_photos().lonlat[:512])
    weights = NeighborWeights(PowerKernel(10.0, 1.0), neighbors=8, **DEGREES)(lonlat)
    assert (weights.double().sum(dim=1) - 1).abs().max() < 1e-6
    assert ((weights > 0).sum(dim=1) >= 8).all()


def test_the_laplacian_form_equals_a_double_loop(places, embeddings):
    weights = NeighborWeights(KERNEL, neighbors=3, **DEGREES)(places)
    expected = 0.0
    for i, row in enumerate(weights.double().numpy()):
        for j, a in enumerate(row):
            difference = embeddings[i].numpy() - embeddings[j].numpy()
            expected += a * float(difference @ difference) / len(embeddings)
    assert neighborhood_consistency(embeddings, weights).item() == pytest.approx(expected, rel=1e-13)
    single = neighborhood_consistency(embeddings.float(), weights)
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(expected, rel=1e-5)


def test_the_kl_form_equals_a_double_loop(places, embeddings):
    weights = NeighborWeights(KERNEL, neighbors=3, **DEGREES)(places)
    expected = 0.0
    for i, row in enumerate(weights.double().numpy()):
        similarity = {j: float(embeddings[i] @ embeddings[j]) / 0.2 for j in range(10) if j != i}
        total = sum(math.exp(s) for s in similarity.values())
        for j, q in enumerate(row):
            if q > 0:
                expected += q * (math.log(q) - math.log(math.exp(similarity[j]) / total)) / len(embeddings)
    loss = neighborhood_consistency(embeddings, weights, form="kl", temperature=0.2)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert loss > 0


@pytest.mark.parametrize(("form", "temperature"), [("laplacian", None), ("kl", 0.3)])
def test_gradients_are_those_of_finite_differences(places, embeddings, form, temperature):
    weights = NeighborWeights(KERNEL, neighbors=3, **DEGREES)(places[:6])

    def loss(v):
        return neighborhood_consistency(v, weights, form=form, temperature=temperature)

    assert torch.autograd.gradcheck(loss, embeddings[:6].clone().requires_grad_())


def test_the_kl_form_is_zero_where_similarities_fall_as_the_kernel_does():
    """Two pairs: the softmax of equal similarities is uniform, as the weights are."""
    weights = (1 - torch.eye(4, dtype=torch.float64)) / 3
    embeddings = torch.eye(4, dtype=torch.float64)
    loss = neighborhood_consistency(embeddings, weights, form="kl", temperature=0.07)
    assert loss.item() == pytest.approx(0.0, abs=1e-15)


def test_nearly_equal_embeddings_keep_their_digits():
    """Distances of 1e-4 beside a common vector of length 1: squares of 1e-8, less than float32 keeps of 1."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.ones(10, 8) / math.sqrt(8) + 1e-4 * torch.randn(10, 8, generator=generator)
    weights = (1 - torch.eye(10)) / 9
    exact = neighborhood_consistency(embeddings.double(), weights.double())
    assert neighborhood_consistency(embeddings, weights).item() == pytest.approx(exact.item(), rel=1e-4)


@pytest.mark.parametrize(("form", "temperature"), [("laplacian", None), ("kl", 0.1)])
def test_half_precision_is_raised_also_under_autocast(places, embeddings, form, temperature):
    weights = NeighborWeights(KERNEL, neighbors=3, **DEGREES)(places)
    half = embeddings.bfloat16()
    expected = neighborhood_consistency(half.float(), weights, form=form, temperature=temperature)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(NeighborWeights(KERNEL, neighbors=3, **DEGREES)(places), weights)
        loss = neighborhood_consistency(half, weights, form=form, temperature=temperature)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


def test_nothing_is_read_back_from_a_device(places, embeddings):
    """A fake tensor has no values: whatever looked at one would raise."""
    module = NeighborWeights(KERNEL, neighbors=3, cutoff=9000.0, **DEGREES)
    with FakeTensorMode() as mode:
        weights = module(mode.from_tensor(places))
        assert weights.shape == (10, 10)
        for form, temperature in (("laplacian", None), ("kl", 0.1)):
            fake = mode.from_tensor(embeddings)
            assert neighborhood_consistency(fake, weights, form=form, temperature=temperature).shape == ()


def test_weights_and_loss_compile_to_one_graph(places, embeddings):
    module = NeighborWeights(KERNEL, neighbors=3, cutoff=9000.0, **DEGREES)

    def loss(coords, v):
        return neighborhood_consistency(v, module(coords), form="kl", temperature=0.1)

    compiled = torch.compile(loss, fullgraph=True, dynamic=True, backend="eager")
    torch.testing.assert_close(compiled(places, embeddings), loss(places, embeddings))
    torch._dynamo.reset()


def test_the_module_prints_its_settings():
    assert repr(NeighborWeights(KERNEL, neighbors=3, **DEGREES)) == (
        f"NeighborWeights({KERNEL!r}, neighbors=3, order='lonlat', units='deg', cutoff=None)"
    )


V, A = torch.ones(3, 2), torch.zeros(3, 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: NeighborWeights(KERNEL, neighbors=2, units="deg"), TypeError, "order is not given"),
        (lambda: NeighborWeights(KERNEL, neighbors=0, **DEGREES), ValueError, "neighbors '0'"),
        (lambda: NeighborWeights("near", neighbors=2, **DEGREES), TypeError, "kernel 'near'"),
        (lambda: NeighborWeights(KERNEL, neighbors=2, cutoff=-1.0, **DEGREES), ValueError, "cutoff '-1.0'"),
        (
            lambda: NeighborWeights(KERNEL, neighbors=3, **DEGREES)(torch.zeros(3, 2)),
            ValueError,
            "coords has 3 rows: no sample has 3 others. Use neighbors <= 2 or larger batches",
        ),
        (
            lambda: NeighborWeights(KERNEL, neighbors=1, **DEGREES)(torch.full((3, 2), math.nan)),
            ValueError,
            "coords has coordinates that are NaN",
        ),
        (
            lambda: neighborhood_consistency(V, A, form="mmd"),
            ValueError,
            "form 'mmd'. Must be one of 'laplacian', 'kl'",
        ),
        (lambda: neighborhood_consistency(V, A, temperature=0.1), TypeError, "Leave it out: only form 'kl' has one"),
        (lambda: neighborhood_consistency(V, A, form="kl"), TypeError, "temperature is not given"),
        (lambda: neighborhood_consistency(V, A, form="kl", temperature=0.0), ValueError, "temperature '0.0'"),
        (lambda: neighborhood_consistency(V, A[:2]), ValueError, r"weights of shape \(2, 3\) for 3 embeddings"),
        (lambda: neighborhood_consistency(V[0], A), ValueError, r"embeddings of shape \(2,\)"),
        (lambda: neighborhood_consistency(V.long(), A), ValueError, "int64. Must be"),
        (
            lambda: NeighborWeights(KERNEL, neighbors=1, **DEGREES)(V.numpy()),
            TypeError,
            "coords of type ndarray. Must be",
        ),
        (lambda: neighborhood_consistency(V.numpy(), A), TypeError, r"ndarray. Must be a tensor: torch.as_tensor\(emb"),
        (
            lambda: neighborhood_consistency(V, A.numpy()),
            TypeError,
            "a tensor: what NeighborWeights makes of the places",
        ),
        (lambda: neighborhood_consistency(V, torch.eye(3)), ValueError, "a sample is its own neighbour"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
