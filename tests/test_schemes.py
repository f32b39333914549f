"""Every scheme: its formula pair by pair, numpy equal to torch, what holds for all, and sums of them."""

# ruff: noqa: ARG005, D102 - formulas of the lag alone take the dissimilarity too

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import variogeo
from variogeo import (
    DecorrelationWeighting,
    Exponential,
    FarWeighting,
    LagSpread,
    MaskWeighting,
    NearWeighting,
    Nested,
    ResidualWeighting,
    Stable,
    SumWeighting,
    ThesisMultiplier,
    UniformWeighting,
    Weighting,
)
from variogeo._distances import HALF_GREAT_CIRCLE
from variogeo._weighting import WEIGHTINGS, is_listed
from variogeo.nn import NegativeWeights

CURVE = Exponential(nugget=0.1, partial_sill=0.4, effective_range=1000.0)
NESTED = Nested(Exponential(0.15, 0.06, 20.0), Exponential(0.0, 0.09, 1100.0))
THESIS = Stable(nugget=0.1, partial_sill=0.3, effective_range=2000.0, shape=0.9)
SPREAD = LagSpread(lag=(2.0, 150.0, 6000.0), spread=(0.2, 0.35, 0.15))


def gamma(h: float) -> float:
    """Return the curve by its formula: 95 % of the partial sill are reached at 1000 km."""
    return 0.0 if h == 0 else 0.1 + 0.4 * (1 - 20 ** (-h / 1000))


def sigma(h: float) -> float:
    """Return the spread by hand: between neighbours linear in log lag."""
    if h <= 2:
        return 0.2
    if h <= 150:
        return 0.2 + 0.15 * math.log(h / 2) / math.log(75)
    return 0.35 - 0.2 * math.log(h / 150) / math.log(40) if h < 6000 else 0.15


def residual(h: float, c: float, *, beyond: float, within: float, spread: Any = None, mask_above=math.inf) -> float:
    """Return the log-weight of strength 2 by the three cases of the formula."""
    z = max(0.0, gamma(h) - c) / (spread(h) if spread else 1.0)
    if h > beyond:
        return 2 * z
    if h <= within:
        return -math.inf if z > mask_above else -2 * z
    return 0.0


FORMULAS: dict[Weighting, Any] = {
    UniformWeighting(): lambda h, c: 0.0,
    DecorrelationWeighting(CURVE): lambda h, c: math.log(gamma(h) / 0.5) if h else -math.inf,
    NearWeighting(strength=2.0, scale=300.0): lambda h, c: math.log(1 + 2 * math.exp(-h / 300)),
    FarWeighting(strength=3.0): lambda h, c: math.log(1 + 3 * h / (math.pi * 6371.0088)),
    FarWeighting(strength=3.0, longest=500.0): lambda h, c: math.log(1 + 3 * min(h / 500, 1)),
    MaskWeighting(within=25.0): lambda h, c: -math.inf if h <= 25 else 0.0,
    MaskWeighting(within=25.0, coincident=False): lambda h, c: -math.inf if 1e-6 < h <= 25 else 0.0,
    MaskWeighting(within=250.0, beyond=25.0): lambda h, c: -math.inf if h <= 1e-6 or 25 < h <= 250 else 0.0,
    MaskWeighting(250.0, 25.0, coincident=False): lambda h, c: -math.inf if 25 < h <= 250 else 0.0,
    ResidualWeighting(CURVE, 2.0): lambda h, c: residual(h, c, beyond=1000, within=1000),
    ResidualWeighting(CURVE, 2.0, beyond=2000.0, within=25.0, spread=0.1): lambda h, c: residual(
        h, c, beyond=2000, within=25, spread=lambda h: 0.1
    ),
    ResidualWeighting(CURVE, 2.0, spread=SPREAD): lambda h, c: residual(h, c, beyond=1000, within=1000, spread=sigma),
    ResidualWeighting(CURVE, 2.0, spread=SPREAD, within=200.0, mask_above=1.0): lambda h, c: residual(
        h, c, beyond=1000, within=200, spread=sigma, mask_above=1.0
    ),
    ResidualWeighting.hard_negatives(CURVE, 2.0, beyond=500.0, spread=SPREAD): lambda h, c: residual(
        h, c, beyond=500, within=0, spread=sigma
    ),
    ResidualWeighting.false_negatives(CURVE, 2.0, within=500.0, spread=SPREAD, mask_above=0.7): lambda h, c: residual(
        h, c, beyond=math.inf, within=500, spread=sigma, mask_above=0.7
    ),
    NearWeighting(1.0, 300.0) + MaskWeighting(25.0): lambda h, c: (
        -math.inf if h <= 25 else math.log(1 + math.exp(-h / 300))
    ),
    ResidualWeighting.hard_negatives(CURVE, 2.0) + DecorrelationWeighting(CURVE) + MaskWeighting(25.0): lambda h, c: (
        -math.inf if h <= 25 else residual(h, c, beyond=1000, within=0) + math.log(gamma(h) / 0.5)
    ),
}
MORE = [
    DecorrelationWeighting(NESTED),
    ResidualWeighting(NESTED, 1.5, beyond="effective_range", within=20.0, spread=0.05, mask_above=2.5),
    ResidualWeighting.hard_negatives(Stable(0.1, 0.3, 900.0, 0.6), spread=LagSpread((50.0,), (0.06,))),
]
SCHEMES = [*FORMULAS, *MORE]
READING = [scheme for scheme in SCHEMES if scheme.needs_dissimilarity]
LAGS = np.concatenate([[0.0, 1e-7, 24.999, 25.0, 25.001, 500.0, 1000.0], np.geomspace(1e-3, HALF_GREAT_CIRCLE, 60)])
each = pytest.mark.parametrize("scheme", SCHEMES, ids=repr)


@pytest.mark.parametrize("scheme", FORMULAS, ids=repr)
def test_each_scheme_equals_its_formula_pair_by_pair(scheme):
    dissimilarity = np.linspace(0.0, 1.2, 13)
    got = scheme(LAGS[:, None], dissimilarity[None, :])
    got = np.broadcast_to(got, (len(LAGS), 13))
    for i, h in enumerate(LAGS):
        for j, c in enumerate(dissimilarity):
            assert got[i, j] == pytest.approx(FORMULAS[scheme](h, c), abs=1e-12), (h, c)


@each
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_torch_gives_the_numbers_of_numpy_in_both_precisions(scheme, dtype, tolerance):
    random = np.random.default_rng(0)
    # Away from the thresholds, so that rounding moves no pair across; numbers that float32 holds.
    lag = torch.tensor(np.exp(random.uniform(np.log(1e-3), np.log(2e4), (40, 50))), dtype=dtype)
    dissimilarity = torch.tensor(random.uniform(0, 1.2, (40, 50)), dtype=dtype)
    tensor = scheme(lag, dissimilarity)
    assert tensor.dtype == dtype
    expected = scheme(lag.double().numpy(), dissimilarity.double().numpy())
    np.testing.assert_allclose(tensor.double().numpy(), np.broadcast_to(expected, tensor.shape), rtol=0, atol=tolerance)
    single = scheme(lag.numpy(), dissimilarity.numpy())
    assert single.dtype == lag.numpy().dtype
    np.testing.assert_allclose(single, tensor.numpy(), rtol=0, atol=tolerance)


@each
@settings(deadline=None, max_examples=60)
@given(
    lag=st.one_of(st.just(0.0), st.floats(1e-12, 20_040.0)),
    dissimilarity=st.one_of(st.floats(0.0, 2.0), st.just(math.nan)),
)
def test_a_legal_pair_never_has_the_weight_nan_or_infinity(scheme, lag, dissimilarity):
    for make in (np.float64, np.float32, torch.tensor):
        log_weight = float(scheme(make(lag), make(dissimilarity)))
        assert not math.isnan(log_weight)
        assert log_weight < math.inf


@pytest.mark.parametrize("scheme", READING, ids=repr)
def test_a_place_without_an_image_has_the_weight_of_the_lag_alone(scheme):
    parts = scheme.parts if isinstance(scheme, SumWeighting) else (scheme,)
    alone = sum((part(LAGS) for part in parts if not part.needs_dissimilarity), np.zeros(len(LAGS)))
    assert np.array_equal(scheme(LAGS, np.full(len(LAGS), np.nan)), alone)


@each
def test_a_state_dict_brings_the_scheme_back(scheme):
    saved = NegativeWeights(scheme, order="lonlat", units="deg").state_dict()
    other = NegativeWeights(MaskWeighting(1.0), order="lonlat", units="deg")
    other.load_state_dict(saved)
    assert other.scheme == scheme


def test_every_listed_class_is_public_and_tested_here():
    tested = {type(scheme).__name__ for scheme in SCHEMES} | {"ThesisMultiplier"}
    assert set(WEIGHTINGS) == tested
    assert all(WEIGHTINGS[name] is getattr(variogeo, name) for name in tested)


class Scheme(torch.nn.Module):
    """A module around a scheme, which export needs."""

    def __init__(self, scheme):
        super().__init__()
        self.scheme = scheme

    def forward(self, lag, dissimilarity):
        return self.scheme(lag, dissimilarity)


EVERYTHING = (
    ResidualWeighting(CURVE, 2.0, spread=SPREAD, within=200.0, mask_above=1.5)
    + DecorrelationWeighting(NESTED)
    + NearWeighting(1.0, 50.0)
    + FarWeighting(1.0)
    + MaskWeighting(3.0, beyond=1.0)
    + UniformWeighting()
)


def test_the_sum_of_all_schemes_exports_with_dynamic_shapes():
    rows, columns = torch.export.Dim("rows", min=2), torch.export.Dim("columns", min=2)
    lag, dissimilarity = 2e3 * torch.rand(6, 8), torch.rand(6, 8)
    program = torch.export.export(
        Scheme(EVERYTHING), (lag, dissimilarity), dynamic_shapes=({0: rows, 1: columns}, {0: rows, 1: columns})
    )
    lag, dissimilarity = 2e3 * torch.rand(3, 21), torch.rand(3, 21)
    torch.testing.assert_close(program.module()(lag, dissimilarity), EVERYTHING(lag, dissimilarity), rtol=0, atol=0)


@pytest.mark.parametrize("scheme", [EVERYTHING, *MORE[1:], ThesisMultiplier(THESIS)], ids=lambda s: type(s).__name__)
def test_a_scheme_compiles_to_one_graph_with_dynamic_shapes(scheme):
    compiled = torch.compile(Scheme(scheme), fullgraph=True, dynamic=True, backend="aot_eager")
    for rows, columns in ((3, 4), (5, 2)):
        lag, dissimilarity = 2e3 * torch.rand(rows, columns), torch.rand(rows, columns)
        torch.testing.assert_close(compiled(lag, dissimilarity), scheme(lag, dissimilarity), rtol=1e-6, atol=1e-6)
    torch.compiler.reset()


@settings(deadline=None, max_examples=100)
@given(near=st.floats(0.0, 15_000.0), step=st.floats(0.0, 5000.0), c=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_weights_change_in_the_direction_that_is_claimed(near, step, c, more):
    far = near + step
    assert NearWeighting(2.0, 300.0)(far) <= NearWeighting(2.0, 300.0)(near)
    assert FarWeighting(2.0)(far) >= FarWeighting(2.0)(near)
    assert DecorrelationWeighting(NESTED)(far) >= DecorrelationWeighting(NESTED)(near) - 1e-12
    hard, false = ResidualWeighting.hard_negatives(CURVE), ResidualWeighting.false_negatives(CURVE, mask_above=0.3)
    # The more alike, the more a far pair counts and the less a near one.
    assert 0 <= hard(near, c + more) <= hard(near, c)
    assert 0 >= false(near, c + more) >= false(near, c)


def test_one_side_is_the_residual_with_the_other_side_switched_off():
    hard = ResidualWeighting.hard_negatives(CURVE, 2.0, spread=SPREAD)
    assert hard == ResidualWeighting(CURVE, 2.0, within=0.0, spread=SPREAD)
    assert hard.beyond == 1000.0
    false = ResidualWeighting.false_negatives(CURVE, 2.0, within="integral_scale", mask_above=2.0)
    assert false == ResidualWeighting(CURVE, 2.0, beyond=math.inf, within=CURVE.integral_scale, mask_above=2.0)
    lag, c = LAGS[LAGS > 0], 0.2
    both = ResidualWeighting(CURVE, 2.0, spread=SPREAD)
    assert np.array_equal(both(lag, c), (hard + ResidualWeighting.false_negatives(CURVE, 2.0, spread=SPREAD))(lag, c))


def test_the_mask_of_likely_false_negatives_does_not_depend_on_the_strength():
    weak, strong = (
        ResidualWeighting.false_negatives(CURVE, strength, spread=SPREAD, mask_above=1.0) for strength in (0.0, 5.0)
    )
    out = np.isneginf(weak(LAGS[:, None], np.linspace(0, 0.5, 9)))
    assert np.array_equal(out, np.isneginf(strong(LAGS[:, None], np.linspace(0, 0.5, 9))))
    assert 0 < out.sum() < out.size
    assert not out[LAGS > 1000].any()


def test_a_thesis_multiplier_of_a_place_without_an_image_is_one():
    scheme = ThesisMultiplier(THESIS)
    assert scheme([0.0, 100.0, 15_000.0], [np.nan] * 3).tolist() == [1.0, 1.0, 1.0]
    assert scheme(torch.tensor([100.0]), torch.tensor([math.nan])).tolist() == [1.0]


def test_sums_are_flat_ordered_and_start_from_zero():
    a, b, c = NearWeighting(1.0, 10.0), MaskWeighting(5.0), UniformWeighting()
    assert (a + b) + c == a + (b + c) == SumWeighting([a, b, c]) == sum([a, b, c])
    assert (a + b).parts == (a, b)
    assert a + b != b + a
    assert sum([a]) is a


def test_a_sum_has_the_first_curve_all_landmarks_and_reads_what_any_part_reads():
    lag_only = NearWeighting(1.0, 10.0) + MaskWeighting(5.0, beyond=1.0)
    assert not lag_only.needs_dissimilarity
    assert lag_only.curve is None
    assert lag_only.landmarks == (("scale", 10.0), ("beyond", 1.0), ("within", 5.0))
    both = lag_only + ResidualWeighting.hard_negatives(NESTED) + DecorrelationWeighting(CURVE)
    assert both.needs_dissimilarity
    assert both.curve is NESTED
    assert both.landmarks[3:] == (("beyond", NESTED.effective_range), ("effective range", 1000.0))
    assert UniformWeighting().landmarks == FarWeighting(1.0).landmarks == ()
    assert FarWeighting(1.0, longest=500.0).landmarks == (("longest", 500.0),)


@dataclass(frozen=True)
class Own(Weighting):
    """A scheme of a user's own class."""

    value: float

    @property
    def needs_dissimilarity(self) -> bool:
        return False

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:  # noqa: ARG002
        return np.full(np.shape(lag), self.value)


def test_a_scheme_of_ones_own_works_in_a_sum_but_is_not_saved(tmp_path):
    scheme = Own(0.5) + MaskWeighting(25.0)
    assert scheme([10.0, 30.0]).tolist() == [-math.inf, 0.5]
    assert Own(0.5).curve is None
    assert Own(0.5).landmarks == ()
    for value in (Own(0.5), scheme):
        assert not is_listed(value)
        with pytest.raises(TypeError, match=r"Own\(value=0\.5\).* class of your own, which load would not make"):
            value.save(tmp_path / "scheme.json")
    assert list(tmp_path.iterdir()) == []


def test_a_class_with_a_name_of_ours_is_not_ours():
    class UniformWeighting(Own):
        pass

    assert not is_listed(UniformWeighting(1.0))


@pytest.mark.parametrize("other", [1.0, 1, None, CURVE, True])
def test_only_schemes_add(other):
    for add in (lambda: MaskWeighting(5.0) + other, lambda: other + MaskWeighting(5.0)):
        with pytest.raises(TypeError, match="unsupported operand"):
            add()


def test_a_thesis_multiplier_does_not_add_and_says_what_to_do():
    multiplier = ThesisMultiplier(THESIS)
    for add in (
        lambda: MaskWeighting(5.0) + multiplier,
        lambda: multiplier + MaskWeighting(5.0),
        lambda: 0 + multiplier,
    ):
        with pytest.raises(TypeError, match=r"multiplies logits.*Use ResidualWeighting in a sum"):
            add()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: NearWeighting(-1.0, 5.0), ValueError, "strength '-1.0'. Must be at least 0"),
        (lambda: NearWeighting(1.0, 0.0), ValueError, "scale '0.0'. Must be greater than 0 .km."),
        (lambda: NearWeighting("1", 5.0), TypeError, "strength '1'. Must be a number"),
        (lambda: FarWeighting(math.nan), ValueError, "strength 'nan'. Must be finite"),
        (lambda: FarWeighting(1.0, 0.0), ValueError, "longest '0.0'. Must be greater than 0 .km."),
        (lambda: MaskWeighting(0.0), ValueError, "within '0.0'. Must be greater than 0"),
        (lambda: MaskWeighting(5.0, beyond=-1.0), ValueError, "beyond '-1.0'. Must be at least 0"),
        (lambda: MaskWeighting(5.0, beyond=5.0), ValueError, "beyond '5' with within '5'. Must be less"),
        (lambda: MaskWeighting(5.0, coincident=1), TypeError, "coincident 1. Must be True or False"),
        (lambda: ResidualWeighting(CURVE, mask_above=-1.0), ValueError, "mask_above '-1.0'. Must be at least 0"),
        (lambda: ResidualWeighting(CURVE, mask_above=math.nan), ValueError, "mask_above 'nan'. Must be finite"),
        (lambda: ResidualWeighting(CURVE, mask_above=None), TypeError, "mask_above None. Must be a number"),
        (lambda: ResidualWeighting(CURVE, within=0.0, mask_above=2.0), ValueError, "mask_above '2' with within '0'"),
        (lambda: ResidualWeighting(CURVE, spread=(0.1, 0.2)), TypeError, "spread .* Must be a number"),
        (lambda: ResidualWeighting(Exponential), TypeError, "model Exponential: a class. Must be a variogram model"),
        (lambda: SumWeighting((MaskWeighting(5.0),)), ValueError, "parts with 1 schemes. Must be two or more"),
        (lambda: SumWeighting(()), ValueError, "parts with 0 schemes"),
        (lambda: SumWeighting(MaskWeighting(5.0)), TypeError, "parts of type MaskWeighting. Must be a tuple"),
        (lambda: SumWeighting(3), TypeError, "parts of type int. Must be a tuple"),
        (lambda: SumWeighting((MaskWeighting(5.0), MaskWeighting)), TypeError, "part 1 MaskWeighting: a class"),
        (lambda: SumWeighting((ThesisMultiplier(THESIS),) * 2), TypeError, "part 0 of type ThesisMultiplier"),
    ],
)
def test_what_makes_no_scheme_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
