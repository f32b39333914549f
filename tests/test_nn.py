"""NegativeWeights against float64 arithmetic by hand, and its contract."""

import io
import math
import runpy
import shutil
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import reference
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import variogeo
from variogeo import (
    DataError,
    DecorrelationWeighting,
    Exponential,
    FarWeighting,
    MaskWeighting,
    NearWeighting,
    ResidualWeighting,
    Spherical,
    Stable,
    ThesisMultiplier,
    UniformWeighting,
    Weighting,
    row_mean_one,
)
from variogeo._storage import dump_document, encode
from variogeo.nn import NegativeWeights

MODEL = Exponential(nugget=0.1, partial_sill=0.4, effective_range=1000.0)
RESIDUAL = ResidualWeighting(MODEL, 2.0)
DECORRELATION = DecorrelationWeighting(MODEL)


def _module(scheme, *, order="lonlat", units="deg", **options):
    return NegativeWeights(scheme, order=order, units=units, **options)


@pytest.fixture(scope="module")
def batch():
    """6 rows, 9 columns: the batch and a queue; the last two columns repeat places."""
    random = np.random.default_rng(4)
    places = np.column_stack([random.uniform(-180, 180, 9), random.uniform(-80, 80, 9)])
    places[3] = places[0] + 0.01
    places[7], places[8] = places[1], places[2]
    features = random.normal(size=(9, 16)) + 1
    return torch.tensor(places), torch.tensor(features)


def _by_hand(scheme, places, features, rows=6):
    """Log-weights from double loops: haversine lags and cosines."""
    lag = np.array([[reference.lag("great_circle", a, b) for b in places] for a in places[:rows]])
    c = np.array([[reference.term("cosine", a, b) for b in features] for a in features[:rows]])
    expected = scheme(lag, c)
    expected[lag < 1e-6] = -np.inf
    expected[np.arange(rows), np.arange(rows)] = 0.0
    return expected


@pytest.mark.parametrize("scheme", [RESIDUAL, DECORRELATION], ids=["residual", "decorrelation"])
def test_log_weights_equal_a_double_loop(batch, scheme):
    places, features = batch
    log_weights = _module(scheme).log_weights(places[:6], places, features[:6], features)
    assert (log_weights.dtype, tuple(log_weights.shape)) == (torch.float32, (6, 9))
    assert not log_weights.requires_grad
    np.testing.assert_allclose(log_weights, _by_hand(scheme, places.numpy(), features.numpy()), rtol=1e-5, atol=1e-6)


def test_positives_are_exactly_zero_by_index_and_not_by_distance(batch):
    places, features = batch
    positives = torch.tensor([8, 0, 1, 2, 3, 4])
    log_weights = _module(RESIDUAL).log_weights(places[:6], places, features[:6], features, positives=positives)
    assert (log_weights[torch.arange(6), positives] == 0.0).all()
    assert log_weights[0, 0] == -math.inf  # the same place, but not the positive
    assert _module(DECORRELATION).log_weights(places, places).diagonal().eq(0).all()


def test_another_sample_at_the_same_place_is_masked_or_weighted(batch):
    places, features = batch
    masked = _module(RESIDUAL).log_weights(places[:6], places, features[:6], features)
    weighted = _module(RESIDUAL, coincident="weight").log_weights(places[:6], places, features[:6], features)
    assert (masked[1, 7], masked[2, 8]) == (-math.inf, -math.inf)
    assert torch.isfinite(weighted).all()
    other = torch.isfinite(masked)
    assert torch.equal(masked[other], weighted[other])


def test_a_row_mean_of_one_is_that_of_the_negatives_that_are_left(batch):
    places, features = batch
    arguments = (places[:6], places, features[:6], features)
    plain = _by_hand(RESIDUAL, places.numpy(), features.numpy())
    held = _module(RESIDUAL, row_mean_one=True).log_weights(*arguments)
    left = np.isfinite(plain) & ~np.eye(6, 9, dtype=bool)
    weights = np.where(left, np.exp(plain), 0.0)
    means = weights.sum(axis=1, keepdims=True) / left.sum(axis=1, keepdims=True)
    assert np.abs(means - 1).max() > 0.01
    np.testing.assert_allclose(held[left], (plain - np.log(means))[left], rtol=1e-5, atol=1e-6)
    assert (held.diagonal() == 0).all()
    assert torch.equal(held.isinf(), torch.tensor(np.isinf(plain)))
    outside = row_mean_one(_module(RESIDUAL).log_weights(*arguments), ~torch.eye(6, 9, dtype=torch.bool))
    assert torch.equal(held, outside)


@pytest.mark.parametrize("options", [{}, {"row_mean_one": True}, {"coincident": "weight"}], ids=str)
@pytest.mark.parametrize("scheme", [RESIDUAL, DECORRELATION], ids=["residual", "decorrelation"])
def test_rows_by_rows_are_the_rows_of_the_whole(batch, scheme, options):
    places, features = batch
    arguments = (places[:6], places, features[:6], features)
    positives = torch.tensor([8, 0, 1, 2, 3, 4])
    module = _module(scheme, **options)
    whole = module.log_weights(*arguments, positives=positives)
    rows = module.by_rows(*arguments, positives=positives)
    for part in (slice(0, 2), slice(2, 6), slice(5, 99), slice(None)):
        torch.testing.assert_close(rows(part), whole[part], rtol=1e-5, atol=1e-6)
        assert not rows(part).requires_grad


def test_blocks_of_rows_are_seamless(monkeypatch, batch):
    from variogeo.nn import _negative_weights

    places, features = batch
    whole = _module(RESIDUAL).log_weights(places[:6], places, features[:6], features)
    monkeypatch.setattr(_negative_weights, "_BLOCK", 20)
    blocks = _module(RESIDUAL).log_weights(places[:6], places, features[:6], features)
    torch.testing.assert_close(blocks, whole, rtol=1e-5, atol=1e-6)


def test_inputs_are_left_as_they_are(batch):
    places, features = (given.clone() for given in batch)
    _module(RESIDUAL, row_mean_one=True).log_weights(places[:6], places, features[:6], features)
    _module(RESIDUAL).summary(places[:6], places, features[:6], features)
    assert torch.equal(places, batch[0])
    assert torch.equal(features, batch[1])


def test_order_and_units_are_only_spellings(batch):
    places, features = batch
    places = (places * 1e5).round() / 1e5
    expected = _module(RESIDUAL).log_weights(places, places, features, features)
    spellings = {
        ("latlon", "deg"): places.flip(1),
        ("lonlat", "rad"): torch.deg2rad(places),
        ("lonlat", "e7"): (places * 1e7).round().to(torch.int32),
        ("latlon", "e7"): (places.flip(1) * 1e7).round().to(torch.int64),
    }
    for (order, units), coords in spellings.items():
        module = NegativeWeights(RESIDUAL, order=order, units=units)
        torch.testing.assert_close(module.log_weights(coords, coords, features, features), expected)


def test_places_without_an_image_keep_weight_one(batch):
    places, features = batch
    features = features.clone()
    features[4], features[6] = math.nan, 0.0
    log_weights = _module(RESIDUAL).log_weights(places[:3], places, features[:3], features)
    assert (log_weights[:, [4, 6]] == 0).all()
    assert not log_weights.isnan().any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_of_the_module_and_autocast_change_nothing(batch, dtype):
    places, features = batch
    features = features.to(dtype)
    expected = _module(RESIDUAL).log_weights(places, places, features, features)
    for module in (_module(RESIDUAL).half(), _module(RESIDUAL).to(torch.bfloat16)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(module.log_weights(places, places, features, features), expected)
            assert torch.equal(module.by_rows(places, places, features, features)(slice(None)), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_features_in_half_precision_are_rounded_once_only(batch, dtype):
    """Of the features as they are given, the weights are those of float64 arithmetic."""
    places, features = batch
    features = features.to(dtype)
    steep = ResidualWeighting(MODEL, 1.0, spread=0.02)
    found = _module(steep).log_weights(places, places, features, features)
    exact = _module(steep).log_weights(places, places, features.double(), features.double())
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-4)


def test_one_place_in_two_spellings_has_lag_zero():
    places = torch.tensor([[180.0, 10.0], [-180.0, 10.0], [12.0, 10.0]])
    log_weights = _module(DECORRELATION, coincident="weight").log_weights(places, places)
    assert log_weights[0, 1] == -math.inf  # the curve is 0 at lag 0, and has a nugget above it


def test_a_sum_is_held_against_the_curve_that_its_features_are_compared_with(crowd):
    places, features = crowd
    of_these = ResidualWeighting(Exponential(0.5, 0.5, 500.0))
    other_curve = DecorrelationWeighting(Exponential(0.05, 0.05, 500.0))
    for scheme in (of_these + other_curve, other_curve + of_these):
        _module(scheme)(places, places, features, features)
    with pytest.raises(ValueError, match="another space"):
        _module(DECORRELATION + ResidualWeighting(Exponential(0.05, 0.05, 500.0)))(places, places, features, features)


def test_a_default_device_does_not_move_the_weights(batch):
    places, _ = batch
    torch.set_default_device("meta")
    try:
        log_weights = _module(DECORRELATION).log_weights(places, places)
    finally:
        torch.set_default_device(None)
    assert log_weights.device == places.device


def test_nothing_is_read_back_from_a_device(batch):
    """Tensors without values, in which any look at one raises."""
    places, features = batch
    given = (places[:6], places, features[:6], features, torch.arange(6))
    with FakeTensorMode() as mode:
        *fake, positives = [mode.from_tensor(tensor) for tensor in given]
        log_weights = _module(RESIDUAL, row_mean_one=True).log_weights(*fake, positives=positives)
    assert tuple(log_weights.shape) == (6, 9)


def test_a_row_without_negatives_is_refused_by_its_number():
    places = torch.tensor([[8.0, 50.0], [8.0, 50.0], [30.0, 0.0], [30.1, 0.0], [100.0, 20.0]])
    module = _module(MaskWeighting(50.0))
    with pytest.raises(ValueError, match=r'2 rows are masked: 0, 1\..*larger batch or a queue, coincident="weight"'):
        module(places[:4], places[:2].repeat(2, 1))
    rows = module.by_rows(places[2:4], places[2:4])
    with pytest.raises(ValueError, match=r"1 rows are masked: 1\."):
        rows(slice(1, 2))
    assert module(places[4:], places).shape == (1, 5)
    assert _module(UniformWeighting())(places[:1], places[:1]).tolist() == [[0.0]]  # nothing to mask


@pytest.fixture(scope="module")
def crowd():
    """12 places and features whose dissimilarities are near 1: 132 negatives."""
    random = np.random.default_rng(0)
    places = np.column_stack([random.uniform(-180, 180, 12), random.uniform(-80, 80, 12)])
    return torch.tensor(places), torch.tensor(random.normal(size=(12, 64)))


def test_features_of_another_space_are_refused_at_the_first_call(crowd):
    places, features = crowd
    module = _module(ResidualWeighting(Exponential(0.1, 0.2, 500.0)))
    with pytest.raises(ValueError, match=r"another space.*132 negatives is (0\.9\d*|1\.\d*|1), the curve expects 0\.3"):
        module(places, places, features, features)
    # The features of the curve, beside places without an image, pass; and then they are not looked at again.
    close = features * 0.1 + features.mean(dim=1, keepdim=True) + 0.25
    close[3] = math.nan
    fitting = ResidualWeighting(Exponential(0.0, _mean_dissimilarity(close), 5.0))
    module = _module(fitting)
    module(places, places, close, close)
    module(places, places, features, features)
    with pytest.raises(ValueError, match="another space"):
        _module(fitting).summary(places, places, features, features)


def _mean_dissimilarity(features):
    terms = [
        reference.term("cosine", a, b)
        for i, a in enumerate(features)
        for j, b in enumerate(features)
        if i != j and not (a.isnan().any() or b.isnan().any())
    ]
    return float(np.mean(terms))


def test_too_few_negatives_with_images_say_nothing(crowd):
    places, features = crowd
    module = _module(ResidualWeighting(Exponential(0.1, 0.2, 500.0)))
    module(places[:8], places[:8], features[:8], features[:8])  # 56 negatives
    gallery = torch.full((12, 64), math.nan, dtype=torch.float64)
    module(places, places, features, gallery)  # no image at all
    one_place = places[:1].repeat(12, 1)
    _module(ResidualWeighting(Exponential(0.1, 0.2, 500.0)), coincident="weight")(
        one_place, one_place, features, features
    )
    module(places[:0], places, features[:0], features)
    with pytest.raises(ValueError, match="another space"):
        module(places, places, features, features)


def test_features_of_another_width_are_refused(batch):
    places, features = batch
    module = _module(RESIDUAL, feature_width=16)
    module(places, places, features, features)
    with pytest.raises(ValueError, match=r"feats_a of 8 columns.*features of 16 \(feature_width\).*feature space"):
        module(places, places, features[:, :8], features[:, :8])


def test_the_summary_counts_what_a_double_loop_counts(batch):
    places, features = batch
    scheme = RESIDUAL + MaskWeighting(3.0)
    summary = _module(scheme, feature_width=16).summary(places[:6], places, features[:6], features)
    expected = _by_hand(scheme, places.numpy(), features.numpy())
    negative = ~np.eye(6, 9, dtype=bool)
    lag = np.array([[reference.lag("great_circle", a, b) for b in places.numpy()] for a in places.numpy()[:6]])
    left = negative & np.isfinite(expected)
    row_means = [np.exp(row[keep]).mean() for row, keep in zip(expected, left, strict=True)]
    assert (summary.rows, summary.negatives) == (6, 48)
    assert summary.masked == pytest.approx((negative & ~left).sum() / 48)
    assert summary.mean_weight == pytest.approx(np.exp(expected[left]).mean(), rel=1e-5)
    assert summary.row_means == pytest.approx((min(row_means), max(row_means)), rel=1e-5)
    assert summary.within == tuple(
        (name, most, int((negative & (lag <= most)).sum()))
        for name, most in (("within", 3.0), ("within, beyond", 1000.0))
    )
    c = np.array([[reference.term("cosine", a, b) for b in features] for a in features[:6]])
    compared = negative & (lag > 1e-6)
    assert summary.mean_dissimilarity == pytest.approx(c[compared].mean(), rel=1e-5)
    assert summary.expected_dissimilarity == pytest.approx(MODEL(lag[compared]).mean(), rel=1e-5)
    with pytest.raises(FrozenInstanceError):
        summary.rows = 5


def test_the_summary_is_read_line_by_line(batch):
    places, features = batch
    text = str(_module(DECORRELATION).summary(places[:6], places, features[:6], features)).splitlines()
    assert text[0] == "48 negatives in 6 rows, 4.2 % masked"
    assert text[1].startswith("mean weight 0.")
    assert text[2] == "4 negatives (8.3 %) up to 1000 km, the scheme's effective range"
    assert text[3].startswith("mean dissimilarity 0.")
    assert "the curve expects 0." in text[3]
    assert "up to 1000 km, the scheme's within and beyond" in str(
        _module(RESIDUAL).summary(places[:6], places, features[:6], features)
    )
    without = _module(FarWeighting(1.0)).summary(places[:6], places)
    assert (without.mean_dissimilarity, without.expected_dissimilarity) == (None, None)
    assert "dissimilarity" not in str(without)
    assert _module(DECORRELATION).summary(places[:6], places).mean_dissimilarity is None


def test_the_summary_goes_block_by_block(monkeypatch, batch):
    from variogeo.nn import _summary

    places, _ = batch
    whole = _module(NearWeighting(2.0, 3000.0)).summary(places[:6], places)
    monkeypatch.setattr(_summary, "_BLOCK", 20)
    blocks = _module(NearWeighting(2.0, 3000.0)).summary(places[:6], places)
    assert blocks.within == whole.within
    assert blocks.mean_weight == pytest.approx(whole.mean_weight, rel=1e-12)


def test_the_state_dict_brings_the_curve_back():
    saved = _module(RESIDUAL).state_dict()
    module = _module(DecorrelationWeighting(Spherical(0.0, 1.0, 5.0)))
    module.load_state_dict(saved)
    assert module.scheme == RESIDUAL
    with pytest.raises(ValueError, match=r"saved with.*'order': 'lonlat'.*this module has.*'order': 'latlon'"):
        _module(RESIDUAL, order="latlon").load_state_dict(saved)
    with pytest.raises(ValueError, match=r"'row_mean_one': False.*this module has.*'row_mean_one': True"):
        _module(RESIDUAL, row_mean_one=True).load_state_dict(saved)
    saved["_extra_state"] = saved["_extra_state"].replace("0.4", "0.5")
    with pytest.raises(DataError, match="does not match its checksum"):
        module.load_state_dict(saved)


def test_the_state_of_every_setting_and_of_sums_is_loaded_again():
    scheme = RESIDUAL + MaskWeighting(25.0)
    options = {"order": None, "units": "xyz", "coincident": "weight", "row_mean_one": True, "feature_width": 16}
    module = NegativeWeights(UniformWeighting(), **options)
    module.load_state_dict(NegativeWeights(scheme, **options).state_dict())
    assert module.scheme == scheme


def test_a_state_from_before_there_were_such_settings_is_loaded():
    """It has neither row_mean_one nor feature_width: it meant False and none."""
    settings = {"order": "lonlat", "units": "deg", "coincident": "mask"}
    state = {"_extra_state": dump_document("negative_weights", {"value": encode(RESIDUAL), **settings})}
    module = _module(DECORRELATION)
    module.load_state_dict(state)
    assert module.scheme == RESIDUAL
    for options in ({"row_mean_one": True}, {"feature_width": 16}):
        with pytest.raises(ValueError, match="Make it the same way"):
            _module(DECORRELATION, **options).load_state_dict(state)


def test_the_module_prints_its_settings():
    text = repr(_module(DECORRELATION, order="latlon", feature_width=16))
    assert repr(DECORRELATION) in text
    assert "order='latlon', units='deg', coincident='mask', row_mean_one=False, feature_width=16" in text


PLACES = torch.zeros(3, 2)
FEATURES = torch.ones(3, 4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: _module(ThesisMultiplier(Stable(0.1, 0.3, 2000.0, 0.9))),
            TypeError,
            "is none: call it on lag",
        ),
        (lambda: NegativeWeights(RESIDUAL), TypeError, "units is not given.*GeoCLIP.*SatCLIP.*OSV5M"),
        (lambda: NegativeWeights(RESIDUAL, units="deg"), TypeError, "order is not given.*'lonlat' or 'latlon'"),
        (lambda: _module(RESIDUAL, order="xy"), ValueError, "order 'xy'.*'lonlat', 'latlon'"),
        (lambda: _module(RESIDUAL, units="km"), ValueError, "units 'km'.*'deg', 'rad', 'e7', 'xyz'"),
        (lambda: _module(RESIDUAL, coincident="x"), ValueError, "coincident 'x'"),
        (lambda: _module(RESIDUAL, row_mean_one=1), TypeError, "row_mean_one 1. Must be True or False"),
        (lambda: _module(RESIDUAL, feature_width=0), ValueError, "feature_width '0'"),
        (lambda: _module(RESIDUAL)(PLACES, PLACES), TypeError, "needs feats_a and feats_b"),
        (lambda: _module(RESIDUAL).by_rows(PLACES, PLACES, FEATURES), TypeError, "needs feats_a and feats_b"),
        (lambda: _module(RESIDUAL)(PLACES, PLACES, FEATURES[:2], FEATURES), ValueError, "feats_a of shape"),
        (lambda: _module(RESIDUAL)(PLACES, PLACES, FEATURES.int(), FEATURES), TypeError, "feats_a of torch.int32"),
        (lambda: _module(RESIDUAL)(PLACES, PLACES, FEATURES, [1.0]), TypeError, "feats_b of list"),
        (lambda: _module(RESIDUAL)(PLACES, PLACES, FEATURES * math.inf, FEATURES), ValueError, "feats_a has infinite"),
        (lambda: _module(RESIDUAL)(PLACES, PLACES, FEATURES[:, :0], FEATURES), ValueError, "at least one column"),
        (lambda: _module(DECORRELATION)(PLACES.T, PLACES), ValueError, r"coords_a of shape \(2, 3\)"),
        (lambda: _module(DECORRELATION)(PLACES.bfloat16(), PLACES), TypeError, 'int32 with units="e7"'),
        (lambda: _module(DECORRELATION, units="e7")(PLACES, PLACES), TypeError, "torch.int32 or torch.int64"),
        (lambda: _module(DECORRELATION)(PLACES, PLACES[:2]), ValueError, "the diagonal does not fit"),
        (lambda: _module(DECORRELATION)(PLACES + 91, PLACES), ValueError, "coords_a has latitudes beyond 90 degrees"),
        (
            lambda: _module(DECORRELATION)(PLACES, PLACES * math.nan),
            ValueError,
            "coords_b has coordinates that are NaN",
        ),
        (
            lambda: _module(DECORRELATION)(PLACES, PLACES, positives=torch.tensor([0.0, 1, 2])),
            ValueError,
            r"Must be \(3,\) int64",
        ),
        (
            lambda: _module(DECORRELATION)(PLACES, PLACES, positives=torch.tensor([0, 1, -1])),
            ValueError,
            "positives has columns that are none of the 3 rows of coords_b.*1 rows, 2",
        ),
        (lambda: _module(DECORRELATION)(PLACES.numpy(), PLACES), TypeError, "Must be a tensor: torch.as_tensor"),
        (lambda: _module(RESIDUAL).summary(PLACES.numpy(), PLACES, *[FEATURES] * 2), TypeError, "Must be a tensor"),
        (lambda: _module(UniformWeighting()).summary(PLACES[:1], PLACES[:1]), ValueError, "1 columns: no negatives"),
        (
            lambda: _module(RESIDUAL)(PLACES, PLACES, FEATURES, FEATURES[:, :2]),
            ValueError,
            "4 columns but feats_b has 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_without_torch_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[torch\]'"):
        runpy.run_path(variogeo.nn.__file__)


@pytest.mark.parametrize(("scale", "dtype"), [(1e-25, torch.float32), (1e25, torch.float32), (1e200, torch.float64)])
def test_the_length_of_the_features_does_not_matter(batch, scale, dtype):
    places, features = batch
    expected = _module(RESIDUAL).log_weights(places, places, features, features)
    scaled = features.to(dtype) * scale
    torch.testing.assert_close(_module(RESIDUAL).log_weights(places, places, scaled, scaled), expected)


def test_a_scheme_of_the_users_own_works_and_stays_out_of_the_state(batch):
    class Nothing(Weighting):
        needs_dissimilarity = False

        def __call__(self, lag, dissimilarity=None):
            assert dissimilarity is None
            return 0.0 * lag

    places, features = batch
    module = _module(Nothing())
    assert (module.log_weights(places[:6], places[:6], features[:6], features[:6]) == 0).all()
    module.load_state_dict(module.state_dict())
    assert isinstance(module.scheme, Nothing)


# Last, because coverage does not see functions any more that were made a graph of.
SCHEMES = [
    (RESIDUAL, {"row_mean_one": True}),
    (DECORRELATION, {}),
    (ResidualWeighting(Stable(0.1, 0.4, 900.0, 0.6)) + MaskWeighting(25.0), {}),
]


@pytest.mark.parametrize(("scheme", "options"), SCHEMES, ids=["row_mean_one", "lag", "sum"])
def test_the_module_compiles_to_one_graph_and_exports_with_dynamic_shapes(batch, scheme, options):
    places, features = batch
    module = _module(scheme, **options)
    # An export of views would ask for views later.
    arguments = (places[:6].clone(), places, features[:6].clone(), features)
    expected = module(*arguments)
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*arguments), expected)
    rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
    dynamic = ({0: rows}, {0: columns}, {0: rows}, {0: columns})
    exported = torch.export.export(module, arguments, dynamic_shapes=dynamic, strict=False).module()
    shorter = (places[:4], places[:5], features[:4], features[:5])
    torch.testing.assert_close(exported(*shorter), module(*shorter))
    torch._dynamo.reset()


def test_rows_by_rows_are_made_within_a_compiled_graph(batch):
    places, features = batch
    module = _module(RESIDUAL)

    def some_rows(places, features):
        return module.by_rows(places, places, features, features)(slice(2, 4))

    compiled = torch.compile(some_rows, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(places, features), some_rows(places, features))
    torch._dynamo.reset()


@pytest.mark.parametrize("scheme", [RESIDUAL, DECORRELATION], ids=["residual", "decorrelation"])
def test_an_exported_program_is_saved_and_loaded(batch, scheme):
    places, features = batch
    module, arguments = _module(scheme), (places[:6], places, features[:6], features)
    exported = torch.export.export(module, arguments, strict=False)
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    assert torch.equal(torch.export.load(file).module()(*arguments), exported.module()(*arguments))


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler, which torch.compile needs")
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
def test_the_compiled_kernel_gives_the_same_weights(batch):
    places, _ = batch
    integers = (places * 1e7).round().to(torch.int32)
    module = _module(DECORRELATION, units="e7")
    expected = module(integers[:6], integers)
    compiled = torch.compile(module, fullgraph=True, dynamic=True)
    torch.testing.assert_close(compiled(integers[:6], integers), expected, rtol=1e-6, atol=1e-6)
    torch._dynamo.reset()
