"""Regional fairness against numbers made by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from variogeo.nn import inverse_frequency_weights, regional_fairness

LOSSES = torch.tensor([1.0, 3.0, 6.0, 2.0, 2.0, 8.0])
REGION = torch.tensor([7, 7, -2, 90, 90, 90])  # means 2, 6 and 4


def test_the_variance_and_the_maximum_of_the_means_of_regions():
    assert regional_fairness(LOSSES, REGION).item() == pytest.approx(8 / 3)  # ((2-4)^2 + (6-4)^2 + 0) / 3
    assert regional_fairness(LOSSES, REGION, form="maximum").item() == 6.0


def test_labels_are_only_names_and_empty_regions_do_not_count():
    numbered = torch.tensor([1, 1, 4, 0, 0, 0])
    for dtype in (torch.int64, torch.int32, torch.uint8):
        for form in ("variance", "maximum"):
            expected = regional_fairness(LOSSES, REGION, form=form)
            found = regional_fairness(LOSSES, numbered.to(dtype), form=form, regions=9)
            torch.testing.assert_close(found, expected)
    negative = regional_fairness(-LOSSES, numbered, form="maximum", regions=9)
    assert negative.item() == -2.0  # not the 0 of an empty region


def test_a_single_region_has_no_variance():
    one = torch.zeros(6, dtype=torch.int64)
    losses = LOSSES.clone().requires_grad_()
    for regions in (None, 5):
        variance = regional_fairness(losses, one, regions=regions)
        assert variance.item() == 0.0
        assert torch.equal(torch.autograd.grad(variance, losses)[0], torch.zeros(6))
    assert regional_fairness(LOSSES, one, form="maximum").item() == pytest.approx(22 / 6)


@settings(deadline=None)
@given(
    entries=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 4)), min_size=1, max_size=20),
)
def test_every_batch_equals_a_loop_over_its_regions(entries):
    losses = torch.tensor([loss for loss, _ in entries], dtype=torch.float64)
    region = torch.tensor([label for _, label in entries])
    means = [np.mean([loss for loss, r in entries if r == label]) for label in {r for _, r in entries}]
    for regions in (None, 5):
        variance = regional_fairness(losses, region, regions=regions)
        assert variance.item() == pytest.approx(np.var(means), rel=1e-9, abs=1e-9)
        worst = regional_fairness(losses, region, form="maximum", regions=regions)
        assert worst.item() == pytest.approx(max(means))
        weighted = (inverse_frequency_weights(region, regions=regions) * losses).mean()
        assert weighted.item() == pytest.approx(np.mean(means), rel=1e-5)


@pytest.mark.parametrize("form", ["variance", "maximum"])
@pytest.mark.parametrize("regions", [None, 4])
def test_gradients_are_those_of_finite_differences(form, regions):
    region = torch.tensor([0, 0, 3, 1, 1, 1])

    def fairness(losses):
        return regional_fairness(losses, region, form=form, regions=regions)

    assert torch.autograd.gradcheck(fairness, LOSSES.double().requires_grad_())


def test_the_maximum_pulls_the_worst_region_only():
    losses = LOSSES.clone().requires_grad_()
    regional_fairness(losses, REGION, form="maximum").backward()
    assert losses.grad is not None
    assert losses.grad.tolist() == [0, 0, 1, 0, 0, 0]


def test_inverse_frequencies_make_regions_count_the_same():
    weights = inverse_frequency_weights(REGION)
    torch.testing.assert_close(weights, torch.tensor([1.0, 1.0, 2.0, 2 / 3, 2 / 3, 2 / 3]))
    assert weights.mean().item() == pytest.approx(1.0)
    torch.testing.assert_close(inverse_frequency_weights(torch.tensor([1, 1, 4, 0, 0, 0]), regions=9), weights)


def test_half_precision_is_raised():
    half = regional_fairness(LOSSES.bfloat16(), REGION)
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(8 / 3)


def test_with_the_number_of_regions_nothing_is_read_back():
    """A meta tensor has no values: whatever looked at one would raise."""
    losses, region = LOSSES.to("meta"), REGION.to("meta")
    for form in ("variance", "maximum"):
        assert regional_fairness(losses, region, form=form, regions=5).shape == ()
    assert inverse_frequency_weights(region, regions=5).shape == (6,)


def test_with_the_number_of_regions_it_compiles_to_one_graph():
    def both(losses, region):
        return regional_fairness(losses, region, regions=5) + (inverse_frequency_weights(region, regions=5)).sum()

    region = torch.tensor([1, 1, 4, 0, 0, 0])
    compiled = torch.compile(both, fullgraph=True, dynamic=True, backend="eager")
    torch.testing.assert_close(compiled(LOSSES, region), both(LOSSES, region))
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: regional_fairness(LOSSES, REGION, form="mean"), ValueError, "form 'mean'"),
        (lambda: regional_fairness(LOSSES.mean(), REGION), ValueError, 'one for each sample: reduction="none"'),
        (lambda: regional_fairness(REGION, REGION), ValueError, "int64. Must be"),
        (lambda: regional_fairness(LOSSES, REGION[:3]), ValueError, r"losses of shape \(6,\)"),
        (lambda: regional_fairness(LOSSES, REGION.float()), ValueError, "region of shape.*float32"),
        (lambda: regional_fairness(LOSSES, REGION > 0), ValueError, "torch.bool"),
        (lambda: regional_fairness(LOSSES[:0], REGION[:0]), ValueError, "B > 0"),
        (lambda: inverse_frequency_weights(REGION[:, None]), ValueError, r"region of shape \(6, 1\)"),
        (
            lambda: regional_fairness([1.0, 2.0], REGION[:2]),
            TypeError,
            r"losses of type list.*torch.as_tensor\(losses\)",
        ),
        (
            lambda: regional_fairness(LOSSES, np.array(list("aabbcc"))),
            TypeError,
            r"region of type ndarray. Must be .* for labels of text torch.as_tensor\(numpy.unique\(region, ret",
        ),
        (lambda: inverse_frequency_weights([1, 2, 3]), TypeError, "region of type list. Must be a tensor"),
        (lambda: regional_fairness(LOSSES, REGION, regions=0), ValueError, "regions '0'"),
        (
            lambda: regional_fairness(LOSSES, REGION, regions=10),
            ValueError,
            r"labels out of 0..9 in 4 rows: 2, 3, 4, 5. Leave regions out",
        ),
        (
            lambda: regional_fairness(torch.tensor([1.0, math.nan, math.inf]), REGION[:3]),
            ValueError,
            "NaN or infinite in 2 rows: 1, 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
