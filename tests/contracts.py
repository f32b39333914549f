"""What every model, scheme and kernel promises: one list of checks, run on one list of values.

A check takes a value and, where it saves, a folder. `checks_of` says which hold for it. New public classes are found
by `public_classes`, so a class without a value here is a failure, not an oversight.
"""

import copy
import dataclasses
import importlib
import inspect
import math
import pickle

import numpy as np
import pytest
import torch

import variogeo
from variogeo import (
    CorrelogramKernel,
    DecorrelationWeighting,
    DistanceKernel,
    Exponential,
    ExponentialKernel,
    FarWeighting,
    Gaussian,
    GaussianKernel,
    LagSpread,
    MaskWeighting,
    Matern,
    NearWeighting,
    Nested,
    PowerKernel,
    ResidualWeighting,
    SimilarityKernel,
    Spherical,
    Stable,
    StepKernel,
    ThesisMultiplier,
    UniformWeighting,
    VariogramModel,
    Weighting,
)

CURVE = Exponential(0.1, 0.4, 1000.0)
NESTED = Nested(Exponential(0.15, 0.06, 20.0), Exponential(0.0, 0.09, 1100.0))
SPREAD = LagSpread((2.0, 150.0, 6000.0), (0.2, 0.35, 0.15))

MODELS = (
    *(kind(0.1, 0.4, 300.0) for kind in (Spherical, Exponential, Gaussian)),
    *(Stable(0.1, 0.4, 300.0, shape) for shape in (0.4, 1.0, 1.7)),
    *(Matern(0.1, 0.4, 300.0, smoothness) for smoothness in (0.5, 1.5, 2.5)),
    Exponential(0.0, 1.0, 1e-3),
    Spherical(0.3, 0.0, 20.0),
    NESTED,
    Nested(Spherical(0.1, 0.2, 40.0), Gaussian(0.0, 0.3, 4000.0)),
)
SCHEMES = (
    UniformWeighting(),
    DecorrelationWeighting(CURVE),
    DecorrelationWeighting(NESTED),
    NearWeighting(strength=2.0, scale=300.0),
    FarWeighting(strength=3.0),
    FarWeighting(strength=3.0, longest=500.0),
    MaskWeighting(within=25.0),
    MaskWeighting(within=250.0, beyond=25.0, coincident=False),
    ResidualWeighting(CURVE, 2.0),
    ResidualWeighting(CURVE, 2.0, beyond=2000.0, within=25.0, spread=0.1),
    ResidualWeighting(CURVE, 2.0, beyond=math.inf, within=0.0),
    ResidualWeighting(NESTED, 1.5, beyond="effective_range", within=20.0, spread=0.05, mask_above=2.5),
    ResidualWeighting.hard_negatives(Stable(0.1, 0.3, 900.0, 0.6), spread=LagSpread((50.0,), (0.06,))),
    ResidualWeighting.false_negatives(CURVE, 2.0, within=500.0, spread=SPREAD, mask_above=0.7),
    NearWeighting(1.0, 300.0) + MaskWeighting(25.0) + ResidualWeighting(CURVE, 2.0, spread=SPREAD),
    ThesisMultiplier(Stable(0.1, 0.3, 2000.0, 0.9)),
)
KERNELS = (
    ExponentialKernel(75.0),
    GaussianKernel(30.0),
    PowerKernel(10.0, 1.5),
    StepKernel(75.0),
    CorrelogramKernel(CURVE),
    CorrelogramKernel(NESTED),
    SimilarityKernel(CURVE, 0.05),
)
VALUES = (*MODELS, *SCHEMES, *KERNELS)

LAG = np.concatenate([[0.0, 1e-7, 24.9, 25.1, 249.0, 499.0, 999.0], np.geomspace(1e-3, 20_003.9, 60)])
DISSIMILARITY = np.linspace(0.0, 1.9, 7)


def public_classes() -> set[type]:
    """Return every class of the public modules that is a model, a scheme or a kernel and can be made."""
    modules = [variogeo, *(importlib.import_module(f"variogeo.{name}") for name in sorted(variogeo._MODULES))]
    classes = {member for module in modules for _, member in inspect.getmembers(module, inspect.isclass)}
    bases = (VariogramModel, Weighting, DistanceKernel, ThesisMultiplier)
    return {kind for kind in classes if issubclass(kind, bases) and not inspect.isabstract(kind)}


def at(value, lag, dissimilarity=None):
    """Return a value at lags; schemes get a dissimilarity as well."""
    if isinstance(value, (Weighting, ThesisMultiplier)):
        return value(lag, lag * 0 + 0.3 if dissimilarity is None else dissimilarity)
    return value(lag)


def it_is_frozen(value):
    for field in dataclasses.fields(value) or (None,):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name if field else "anything", 3.0)


def its_repr_is_the_constructor_call(value):
    made = eval(repr(value), {**vars(variogeo), "inf": math.inf})
    assert made == value
    assert made is not value
    assert hash(made) == hash(value)
    assert type(made) is type(value)


def copies_and_pickles_are_equal(value):
    for made in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert made == value
        np.testing.assert_array_equal(at(made, LAG), at(value, LAG))


def it_differs_from_every_other(value):
    assert [other for other in VALUES if other == value] == [value]


def a_saved_one_is_loaded_as_it_was(value, folder):
    path = folder / "value.json"
    value.save(path)
    loaded = variogeo.load(path)
    assert loaded == value
    assert repr(loaded) == repr(value)
    np.testing.assert_array_equal(at(loaded, LAG), at(value, LAG))
    raw = path.read_bytes()
    loaded.save(path, overwrite=True)
    assert path.read_bytes() == raw


def inputs_stay_as_they_were(value):
    lag = LAG.copy()
    lag.setflags(write=False)
    tensor = torch.tensor(LAG)
    at(value, lag)
    at(value, tensor)
    assert np.array_equal(tensor.numpy(), LAG)


def the_same_call_gives_the_same_bits(value):
    assert at(value, LAG).tobytes() == at(value, LAG).tobytes()


def layout_changes_no_bit(value):
    expected = at(value, LAG)
    for lag in (np.repeat(LAG, 2)[::2], LAG[::-1].copy()[::-1], LAG.astype(">f8")):
        assert np.asarray(at(value, lag)).tobytes() == expected.tobytes()


def numpy_and_torch_agree(value):
    expected = at(value, LAG)
    double = at(value, torch.tensor(LAG))
    assert double.dtype == torch.float64
    np.testing.assert_allclose(double.numpy(), expected, rtol=1e-13, atol=1e-13)
    single = at(value, torch.tensor(LAG, dtype=torch.float32))
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), at(value, np.float32(LAG).astype(float)), rtol=2e-5, atol=2e-5)


def numpy_keeps_single_precision(value):
    assert np.asarray(at(value, np.float32(LAG))).dtype == np.float32


def shapes_are_kept_and_a_number_gives_a_number(value):
    for shape in ((0,), (1,), (2, 3), (2, 0, 3)):
        assert np.shape(at(value, np.full(shape, 7.0))) == shape
        assert tuple(at(value, torch.full(shape, 7.0)).shape) == shape
    assert np.ndim(at(value, 5.0)) == 0
    assert isinstance(at(value, 5.0), float)


def whole_numbers_and_lists_are_lags_too(value):
    expected = at(value, np.array([5.0, 10.0]))
    np.testing.assert_array_equal(at(value, np.array([5, 10])), expected)
    np.testing.assert_array_equal(at(value, np.array([5.0, 10.0]).tolist(), [0.3, 0.3]), expected)
    tensor = at(value, torch.tensor([5, 10]), torch.tensor([0.3, 0.3], dtype=torch.float64))
    np.testing.assert_allclose(tensor, expected, rtol=1e-14)  # logarithms of the two differ in the last bit


def a_negative_lag_is_refused(value):
    """Of numpy: to look into a tensor would wait for its device."""
    with pytest.raises(ValueError, match=r"Invalid lag '-1\.0'\. Must not be negative"):
        at(value, np.array([3.0, -1.0]))


def a_nan_lag_stays_nan(value):
    for lag in (np.array([1.0, math.nan]), torch.tensor([1.0, math.nan])):
        got = at(value, lag)
        assert not math.isnan(got[0])
        assert math.isnan(got[1])


def a_curve_starts_at_zero_rises_and_ends_at_its_sill(model):
    lag = np.sort(LAG)
    curve = model(lag)
    assert model(0.0) == 0.0
    assert np.isfinite(curve).all()
    assert (np.diff(curve[1:]) >= -1e-15).all()
    assert (curve[1:] >= model.nugget * (1 - 1e-15)).all()
    assert (curve <= model.sill * (1 + 1e-15)).all()
    assert model(1e12) == pytest.approx(model.sill, rel=1e-12)


def a_correlogram_falls_from_one_to_zero(model):
    correlogram = model.correlogram(np.sort(LAG))
    assert correlogram[0] == 1.0
    assert (np.diff(correlogram) <= 1e-15).all()
    assert (correlogram >= -1e-15).all()


def lags_and_semivariances_have_no_unit_of_their_own(model):
    """Scaling all lengths, or the dissimilarity, scales the curve and nothing else."""
    parts = (model.first, model.second) if isinstance(model, Nested) else (model,)
    scaled = [
        dataclasses.replace(
            part, nugget=3 * part.nugget, partial_sill=3 * part.partial_sill, effective_range=7 * part.effective_range
        )
        for part in parts
    ]
    other = Nested(*scaled) if len(scaled) > 1 else scaled[0]
    np.testing.assert_allclose(other(7 * LAG), 3 * model(LAG), rtol=1e-12, atol=1e-14)


def a_legal_pair_has_a_weight(scheme):
    for make in (np.asarray, torch.tensor):
        log_weight = np.asarray(scheme(make(LAG[:, None]), make(DISSIMILARITY[None, :])))
        assert not np.isnan(log_weight).any()
        assert (log_weight < math.inf).all()


def a_place_without_an_image_has_a_weight(scheme):
    for make in (np.asarray, torch.tensor):
        assert not np.isnan(np.asarray(scheme(make(LAG), make(np.full(len(LAG), math.nan))))).any()


def lag_and_dissimilarity_broadcast(scheme):
    crossed = np.broadcast_to(scheme(LAG[:, None], DISSIMILARITY[None, :]), (len(LAG), len(DISSIMILARITY)))
    whole = scheme(*np.meshgrid(LAG, DISSIMILARITY, indexing="ij"))
    np.testing.assert_array_equal(crossed, np.broadcast_to(whole, crossed.shape))


def it_says_whether_it_reads_the_dissimilarity(scheme):
    if scheme.needs_dissimilarity:
        with pytest.raises(TypeError, match="needs the dissimilarity of the images"):
            scheme(LAG)
    else:
        np.testing.assert_array_equal(scheme(LAG), scheme(LAG, np.full(len(LAG), math.nan)))


def adding_the_uniform_scheme_changes_nothing(scheme):
    whole = (scheme + UniformWeighting())(LAG, LAG * 0 + 0.3)
    np.testing.assert_array_equal(whole, np.broadcast_to(at(scheme, LAG), whole.shape))


def a_kernel_falls_from_one_and_is_never_negative(kernel):
    got = kernel(np.sort(LAG))
    assert got[0] == 1.0
    assert (np.diff(got) <= 0).all()
    assert (got >= 0).all()


EVERY = (
    it_is_frozen,
    its_repr_is_the_constructor_call,
    copies_and_pickles_are_equal,
    it_differs_from_every_other,
    inputs_stay_as_they_were,
    the_same_call_gives_the_same_bits,
    layout_changes_no_bit,
    numpy_and_torch_agree,
    numpy_keeps_single_precision,
    shapes_are_kept_and_a_number_gives_a_number,
    whole_numbers_and_lists_are_lags_too,
    a_negative_lag_is_refused,
    a_nan_lag_stays_nan,
)
OF_MODELS = (
    a_saved_one_is_loaded_as_it_was,
    a_curve_starts_at_zero_rises_and_ends_at_its_sill,
    a_correlogram_falls_from_one_to_zero,
    lags_and_semivariances_have_no_unit_of_their_own,
)
OF_SCHEMES = (
    a_saved_one_is_loaded_as_it_was,
    a_legal_pair_has_a_weight,
    a_place_without_an_image_has_a_weight,
    lag_and_dissimilarity_broadcast,
    it_says_whether_it_reads_the_dissimilarity,
    adding_the_uniform_scheme_changes_nothing,
)
OF_KERNELS = (a_kernel_falls_from_one_and_is_never_negative,)


def checks_of(value):
    """Return the checks that a value must pass."""
    if isinstance(value, VariogramModel):
        return (*EVERY, *OF_MODELS)
    if isinstance(value, DistanceKernel):
        return (*EVERY, *OF_KERNELS)
    # The multiplier of the thesis is no scheme: it multiplies logits, and does not add.
    return (*EVERY, *(OF_SCHEMES if isinstance(value, Weighting) else OF_SCHEMES[:4]))
