"""open_clip's losses with weights: equal to its own where weights are one, equal to sums by hand where they are not."""

import argparse
import copy
import importlib
import math
import os
import runpy
import subprocess
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import open_clip_ranks as ranks
import pytest
import reference
import torch
from torch.nn import functional
from torchvision_stub import import_open_clip

open_clip = import_open_clip()

from open_clip.loss import ClipLoss, SigLipLoss  # noqa: E402
from open_clip_train.train import evaluate, train_one_epoch  # noqa: E402

from variogeo import Exponential, ResidualWeighting, UniformWeighting  # noqa: E402
from variogeo.nn import NegativeWeights, SoftTargets, weighted_sigmoid  # noqa: E402
from variogeo.trainers.open_clip import (  # noqa: E402
    CoordinateModel,
    SoftClipLoss,
    WeightedClipLoss,
    WeightedSigLipLoss,
    attach_coordinates,
)

EXAMPLES = Path(__file__).parents[1] / "examples"
UNIFORM = NegativeWeights(UniformWeighting(), order="lonlat", units="e7", coincident="weight")
SCALARS = {"logit_scale": 5.0, "logit_bias": -2.0}
CURVE = Exponential(nugget=0.3, partial_sill=0.9, effective_range=400.0)


@pytest.fixture
def given():
    """Features, coordinates and frozen features of 8 samples."""
    return ranks.batch(2)


def _leaves(given):
    """Features in float64 and scalars, with gradients."""
    leaves = {name: given[name].double().requires_grad_() for name in ("image_features", "text_features")}
    return leaves | {name: torch.tensor(value, dtype=torch.float64).requires_grad_() for name, value in SCALARS.items()}


def _by_hand(given, strength=1.5):
    """Weights of the pairs by double loops in float64: great-circle lags, cosines, the masked coincident pair."""
    places, frozen = given["coords"].numpy() / 1e7, given["frozen_features"].double().numpy()
    scheme = ResidualWeighting(CURVE, strength=strength)
    weights = np.ones((len(places), len(places)))
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            lag = reference.lag("great_circle", a, b)
            is_known = not np.isnan(frozen[[i, j]]).any()
            c = reference.term("cosine", frozen[i], frozen[j]) if is_known else np.nan
            weights[i, j] = 1.0 if i == j else 0.0 if lag < 1e-6 else np.exp(scheme(lag, c))
    return torch.tensor(weights)


def _gradients(loss, leaves):
    return torch.autograd.grad(loss, list(leaves.values()))


@pytest.mark.parametrize(("theirs", "ours"), [(ClipLoss, WeightedClipLoss), (SigLipLoss, WeightedSigLipLoss)])
def test_with_weights_of_one_loss_and_gradients_are_those_of_open_clip(given, theirs, ours):
    coords = given["coords"]
    expected, leaves = theirs()(**_leaves(given)), _leaves(given)
    found = ours(UNIFORM)(**leaves, coords=coords)
    # SigLIP's terms are added row by row here, and ride in float32 tensors only where features are.
    assert found.item() == pytest.approx(expected.item(), rel=1e-13)
    leaves_of_theirs = _leaves(given)
    for mine, other in zip(
        _gradients(ours(UNIFORM)(**leaves, coords=coords), leaves),
        _gradients(theirs()(**leaves_of_theirs), leaves_of_theirs),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-14)
    as_dict = ours(UNIFORM)(**leaves, coords=coords, output_dict=True)
    assert list(as_dict) == ["contrastive_loss"]
    assert as_dict["contrastive_loss"].item() == found.item()


def test_in_float32_weights_of_one_change_no_bit_of_the_clip_loss(given):
    features = {name: given[name] for name in ("image_features", "text_features")}
    scale = torch.tensor(20.0)
    assert torch.equal(
        WeightedClipLoss(UNIFORM)(**features, logit_scale=scale, coords=given["coords"]),
        ClipLoss()(**features, logit_scale=scale),
    )


def test_the_weighted_clip_loss_is_the_weighted_denominator_written_by_hand(given):
    leaves, by_hand = _leaves(given), _leaves(given)
    further = {name: given[name] for name in ("coords", "frozen_features")}
    weights = _by_hand(given)
    assert weights[1, 6] == 0
    assert ((weights > 1).any(), ((weights < 1) & (weights > 0)).any()) == (True, True)
    assert torch.equal(weights[7], torch.ones(8, dtype=torch.float64))  # no image
    similarity = by_hand["logit_scale"] * by_hand["image_features"] @ by_hand["text_features"].T + by_hand["logit_bias"]
    expected = torch.tensor(0.0, dtype=torch.float64)
    for logits in (similarity, similarity.T):
        for i in range(8):
            denominator = sum(weights[i, j] * logits[i, j].exp() for j in range(8))
            expected = expected - (logits[i, i].exp() / denominator).log() / 16
    found = ranks.weights()
    loss = WeightedClipLoss(found)(**leaves, **further)
    # The log-weights are float32.
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for mine, other in zip(_gradients(loss, leaves), _gradients(expected, by_hand), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)


def test_the_weighted_sigmoid_loss_is_the_weighted_sum_written_by_hand(given):
    leaves, by_hand = _leaves(given), _leaves(given)
    weights = _by_hand(given)
    logits = by_hand["logit_scale"] * by_hand["image_features"] @ by_hand["text_features"].T + by_hand["logit_bias"]
    expected = torch.tensor(0.0, dtype=torch.float64)
    for i in range(8):
        for j in range(8):
            sign = 1.0 if i == j else -1.0
            expected = expected + weights[i, j] * torch.log1p(torch.exp(-sign * logits[i, j])) / 8
    further = {name: given[name] for name in ("coords", "frozen_features")}
    loss = WeightedSigLipLoss(ranks.weights())(**leaves, **further)
    # Places ride as unit vectors in float64 here, as the features are float64.
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for mine, other in zip(_gradients(loss, leaves), _gradients(expected, by_hand), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)


def test_places_that_ride_in_float32_move_by_half_a_metre_at_most(given):
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    loss = WeightedSigLipLoss(ranks.weights())(**given, **scalars)
    logits = 5.0 * given["image_features"] @ given["text_features"].T - 2.0
    log_weights = ranks.weights()(*[given["coords"]] * 2, *[given["frozen_features"]] * 2)
    assert loss.item() == pytest.approx(weighted_sigmoid(logits, log_weights, torch.arange(8)).item(), rel=1e-5)


def test_soft_labels_are_the_cross_entropy_written_by_hand(given):
    leaves, by_hand = _leaves(given), _leaves(given)
    kernel = 1 - CURVE(np.array([[reference.lag("great_circle", a, b) for b in given["coords"].numpy() / 1e7]
                                 for a in given["coords"].numpy() / 1e7])) / CURVE.sill  # fmt: skip
    kernel = (kernel - 0.0) / (1 - CURVE.nugget / CURVE.sill)
    kernel[kernel > 1] = 1.0
    labels = torch.tensor(kernel / kernel.sum(axis=1, keepdims=True))
    logits = by_hand["logit_scale"] * by_hand["image_features"] @ by_hand["text_features"].T
    expected = -(labels * (logits.log_softmax(1) + logits.T.log_softmax(1))).sum() / 16
    targets = SoftTargets(CURVE, order="lonlat", units="e7")
    loss = SoftClipLoss(targets)(**leaves, coords=given["coords"])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    as_dict = SoftClipLoss(targets)(**leaves, coords=given["coords"], output_dict=True)
    assert as_dict["contrastive_loss"].item() == loss.item()


def test_one_hot_labels_are_the_clip_loss(given):
    features = {name: given[name] for name in ("image_features", "text_features")}
    one_hot = SoftTargets(CURVE, order="lonlat", units="e7", mixing=0.0)
    scale = torch.tensor(20.0)
    found = SoftClipLoss(one_hot)(**features, logit_scale=scale, coords=given["coords"])
    assert found.item() == pytest.approx(ClipLoss()(**features, logit_scale=scale).item(), rel=1e-6)


@pytest.fixture(scope="module")
def of_ranks(tmp_path_factory):
    """Results of two and three processes, by the number of processes and the rank."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    # open_clip gathers by a function that torch has deprecated.
    filters = ["-W", "error", "-W", "ignore:torch.distributed.nn.functional:FutureWarning"]
    command = [sys.executable, *filters, ranks.__file__, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    files = {world: [np.load(folder / f"{world}-{rank}.npz") for rank in range(world)] for world in (2, 3)}
    return {world: [dict(file) for file in found] for world, found in files.items()}


def _case(of_ranks, world, case, name):
    return [found[f"{case}/{name}"] for found in of_ranks[world]]


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize(("local", "grad"), ranks.CLIP_CASES)
def test_ranks_have_the_clip_loss_of_one_process_and_its_gradients(of_ranks, world, local, grad):
    case = f"clip-{local}-{grad}"
    alone = ranks.loss_and_gradients(WeightedClipLoss(ranks.weights()), ranks.batch(world), logit_scale=5.0)
    losses = _case(of_ranks, world, case, "loss")
    assert np.mean(losses) == pytest.approx(alone["loss"], rel=1e-6)
    assert local or losses == pytest.approx([alone["loss"]] * world, rel=1e-6)
    for side in ("image_features", "text_features"):
        found = np.concatenate(_case(of_ranks, world, case, side))
        # DDP takes the mean over ranks; without gather_with_grad open_clip leaves its gradient that much smaller.
        expected = alone[side] * (world if grad else 1)
        if local and not grad:
            # The features of other ranks are constants, so the gradient lacks what the rows of others contribute.
            expected = _gradient_of_own_rows(world)[side]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-7)


def _gradient_of_own_rows(world):
    """Gradients of each rank's loss with the features of all as constants, by one process."""
    given = ranks.batch(world)
    log_weights = ranks.weights()(*[given["coords"]] * 2, *[given["frozen_features"]] * 2)
    image, text = (given[side].clone().requires_grad_() for side in ("image_features", "text_features"))
    labels = torch.arange(len(image))
    # The mean over all rows is the mean over ranks: each rank's own loss weighs as often more.
    loss = functional.cross_entropy(5 * image @ text.detach().T + log_weights, labels)
    loss = (loss + functional.cross_entropy(5 * text @ image.detach().T + log_weights, labels)) / 2 * world
    return dict(zip(("image_features", "text_features"), _gradients(loss, {"a": image, "b": text}), strict=True))


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("dist_impl", ranks.SIGLIP_CASES)
def test_ranks_have_the_sigmoid_loss_of_one_process_and_its_gradients(of_ranks, world, dist_impl):
    loss = WeightedSigLipLoss(ranks.weights())
    alone = ranks.loss_and_gradients(loss, ranks.batch(world), logit_scale=5.0, logit_bias=-2.0)
    case = f"siglip-{dist_impl}"
    assert np.mean(_case(of_ranks, world, case, "loss")) == pytest.approx(alone["loss"], rel=1e-6)
    for side in ("image_features", "text_features"):
        found = np.concatenate(_case(of_ranks, world, case, side))
        np.testing.assert_allclose(found, alone[side] * world, rtol=1e-4, atol=2e-7)
    for name in SCALARS:
        assert np.mean(_case(of_ranks, world, case, name)) == pytest.approx(float(alone[name]), rel=1e-5)


@pytest.mark.parametrize("world", [2, 3])
def test_distributed_data_parallel_has_the_gradient_of_one_process(of_ranks, world):
    model, (images, texts) = CoordinateModel(ranks.tiny_clip()), ranks.images_and_texts(world)
    alone = ranks.model_gradients(model, WeightedClipLoss(ranks.weights()), images, texts)
    assert np.mean(_case(of_ranks, world, "model", "loss")) == pytest.approx(alone["loss"], rel=1e-6)
    for found in _case(of_ranks, world, "model", "gradient"):
        np.testing.assert_allclose(found, alone["gradient"], rtol=1e-4, atol=1e-6)


def _second_half(given):
    return {name: values[4:] for name, values in given.items()}


def test_local_rows_meet_global_columns(monkeypatch, given):
    """The second of two ranks within one process."""
    sides = given["image_features"], given["text_features"]
    monkeypatch.setattr("open_clip.loss.gather_features", lambda *_own, **_options: sides)
    rows = _second_half(given)
    whole = {id(rows[name]): values for name, values in given.items()}
    monkeypatch.setattr("variogeo.trainers._ranks.all_gather_rows", lambda own: whole[id(own)])
    loss = WeightedClipLoss(ranks.weights(), local_loss=True, rank=1, world_size=2)
    log_weights = ranks.weights()(*[given["coords"]] * 2, *[given["frozen_features"]] * 2)[4:]
    logits = 5 * sides[0][4:] @ sides[1].T, 5 * sides[1][4:] @ sides[0].T
    expected = sum(functional.cross_entropy(each + log_weights, torch.arange(4, 8)) for each in logits) / 2
    assert loss(**rows, logit_scale=torch.tensor(5.0)).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_block_of_other_ranks_holds_no_positive(monkeypatch, given):
    """The second of two ranks within one process: the sum over its rows and all columns."""
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    sent, receiver = [], WeightedSigLipLoss(ranks.weights(), rank=1, world_size=2, dist_impl="gather")
    first = {name: values[:4] for name, values in given.items()}
    monkeypatch.setattr("torch.distributed.nn.all_gather", lambda packed: [*sent, packed] if sent else [packed, packed])
    original = WeightedSigLipLoss._loss
    with mock.patch.object(WeightedSigLipLoss, "_loss", autospec=True, side_effect=original) as blocks:
        receiver(**first, **scalars)
    sent.append(blocks.call_args_list[0].args[2])
    logits = 5 * given["image_features"] @ given["text_features"].T - 2
    log_weights = ranks.weights()(*[given["coords"]] * 2, *[given["frozen_features"]] * 2)
    expected = weighted_sigmoid(logits[4:], log_weights[4:], torch.arange(4, 8))
    assert receiver(**_second_half(given), **scalars).item() == pytest.approx(expected.item(), rel=1e-5)


def _alike_in_a_block(given):
    """All samples of the second rank at one place."""
    coords = given["coords"].clone()
    coords[4:] = coords[4]
    return {**given, "coords": coords}


@pytest.mark.parametrize("first", [True, False])
def test_a_block_whose_columns_are_all_masked_is_not_refused_while_others_are_left(monkeypatch, given, first):
    """Either rank of two: its own block, or the other one, lies at one place; one process refuses no row."""
    given = _alike_in_a_block(given)
    if first:
        given["coords"][0] = given["coords"][4]  # row 0 shares the place of the other block
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    halves = [{name: values[rows] for name, values in given.items()} for rows in (slice(0, 4), slice(4, 8))]
    own, other = halves if first else halves[::-1]
    sent = []
    monkeypatch.setattr(
        "torch.distributed.nn.all_gather", lambda packed: [*sent, packed] if not first else [packed, *sent]
    )
    packing = WeightedSigLipLoss(ranks.weights())
    with mock.patch.object(packing, "_loss", return_value=torch.tensor(0.0)) as block:
        packing(**other, **scalars)
    sent.append(block.call_args.args[1])
    loss = WeightedSigLipLoss(ranks.weights(), rank=0 if first else 1, world_size=2, dist_impl="gather")
    rows = slice(0, 4) if first else slice(4, 8)
    logits = 5 * given["image_features"] @ given["text_features"].T - 2
    log_weights = ranks.weights()(*[given["coords"]] * 2, *[given["frozen_features"]] * 2)
    expected = weighted_sigmoid(logits[rows], log_weights[rows], torch.arange(8)[rows])
    assert loss(**own, **scalars).item() == pytest.approx(expected.item(), rel=1e-5)


def test_one_rank_alone_refuses_a_row_whose_negatives_are_all_masked(given):
    given = {name: values[4:] for name, values in _alike_in_a_block(given).items()}
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    with pytest.raises(ValueError, match="All negatives of 4 rows are masked"):
        WeightedSigLipLoss(ranks.weights())(**given, **scalars)


@pytest.mark.parametrize(("theirs", "ours"), [(ClipLoss, WeightedClipLoss), (SigLipLoss, WeightedSigLipLoss)])
def test_in_evaluation_mode_the_loss_is_that_of_open_clip_and_needs_no_coordinates(given, theirs, ours):
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    features = {name: given[name] for name in ("image_features", "text_features")}
    expected, loss = theirs()(**features, **scalars), ours(ranks.weights())
    for further in ({}, {"coords": given["coords"], "frozen_features": given["frozen_features"]}):
        assert torch.equal(loss.eval()(**features, **scalars, **further), expected)
    assert abs(loss.train()(**given, **scalars) - expected) > 1e-3


def test_the_loops_of_open_clip_train_with_weights_and_leave_the_loss_in_training_mode():
    """Its evaluation computes a loss of its own."""
    (images, texts), loss = ranks.images_and_texts(2), WeightedClipLoss(ranks.weights())
    modes = []
    loss.register_forward_hook(lambda module, *_: modes.append(module.training))
    model = CoordinateModel(ranks.tiny_clip())
    for _ in range(2):
        _trained(model, loss, [(images, texts)])
        evaluate(model, _data([(images, texts)], "val"), 1, _arguments())
    assert modes == [True, True]


def test_open_clip_adds_a_bias_twice_when_it_gathers_whole(given):
    """Why weights never go through ``logit_bias``: there it is added in place to a matrix and to its transposed view.

    With a matrix of log-weights both directions get their sum with the transpose.
    """
    sides = given["image_features"], given["text_features"]
    log_weights = torch.randn(8, 8)
    with mock.patch("open_clip.loss.gather_features", return_value=sides):
        per_image, per_text = ClipLoss(world_size=2).get_logits(*sides, torch.tensor(5.0), log_weights)
    torch.testing.assert_close(per_image, 5 * sides[0] @ sides[1].T + log_weights + log_weights.T)
    torch.testing.assert_close(per_text, per_image.T)


@pytest.mark.parametrize("loss", [WeightedClipLoss(ranks.weights()), WeightedSigLipLoss(ranks.weights())])
def test_under_autocast_the_weights_stay_in_full_precision(given, loss):
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    features = given["image_features"], given["text_features"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(**given, **scalars)
        both = ClipLoss().get_logits(*features, *scalars.values())
    assert (found.dtype, both[0].dtype) == (torch.float32, torch.bfloat16)
    log_weights = ranks.weights()(*[given["coords"]] * 2, *[given["frozen_features"]] * 2)
    if isinstance(loss, SigLipLoss):
        expected = weighted_sigmoid(both[0], log_weights, torch.arange(8))
    else:
        expected = sum(functional.cross_entropy(each.float() + log_weights, torch.arange(8)) for each in both) / 2
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("loss", [WeightedClipLoss(ranks.weights()), WeightedSigLipLoss(ranks.weights())])
def test_features_in_half_precision_cost_their_own_rounding_only(given, loss):
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    exact = loss(**given, **scalars).item()
    halves = {name: given[name].bfloat16() for name in ("image_features", "text_features")}
    found = loss(**{**given, **halves}, **{name: value.bfloat16() for name, value in scalars.items()})
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(exact, rel=0.02)


class _Loader(list):
    """Batches with the two counts that open_clip's loop reads."""

    @property
    def num_batches(self):
        return len(self)

    @property
    def num_samples(self):
        return sum(len(images) for images, _ in self)


def _data(batches, split="train"):
    return {split: types.SimpleNamespace(dataloader=_Loader(batches), set_epoch=lambda _: None)}


def _arguments(**changes):
    defaults = {
        "device": "cpu", "precision": "fp32", "accum_freq": 1, "distill": False, "skip_scheduler": True,
        "grad_clip_norm": None, "horovod": False, "rank": 0, "local_rank": 0, "log_local": False, "world_size": 1,
        "log_every_n_steps": 1, "wandb": False, "batch_size": 4, "distributed": False, "val_frequency": 1, "epochs": 1,
        "save_logs": False, "zeroshot_frequency": 0,
    }  # fmt: skip
    return argparse.Namespace(**{**defaults, **changes})


def _trained(model, loss, batches, **changes):
    """Parameters after an epoch of open_clip's own loop."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    train_one_epoch(model, _data(batches), loss, 0, optimizer, None, None, None, _arguments(**changes))
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("changes", [{}, {"accum_freq": 2}, {"precision": "amp_bf16"}], ids=str)
def test_open_clips_loop_with_weights_of_one_trains_as_without(changes):
    images, texts = ranks.images_and_texts(2)
    parts = [slice(0, 4), slice(4, 8)]
    with_places, plain = ([(images[rows], text[rows]) for rows in parts] for text in (texts, texts[:, :5]))
    expected = _trained(ranks.tiny_clip(), ClipLoss(), plain, **changes)
    found = _trained(CoordinateModel(ranks.tiny_clip()), WeightedClipLoss(UNIFORM), with_places, **changes)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    weighted = _trained(CoordinateModel(ranks.tiny_clip()), WeightedClipLoss(ranks.weights()), with_places, **changes)
    assert (weighted - expected).abs().max() > 1e-4


def test_coordinates_survive_the_gradient_accumulation_of_open_clip():
    """Two halves with ``accum_freq=2`` take the step of the whole batch, weights between the halves included.

    All but the temperature: open_clip adds up its gradient of the whole loss once per half.
    """
    images, texts = ranks.images_and_texts(2)
    halves = [(images[rows], texts[rows]) for rows in (slice(0, 4), slice(4, 8))]
    loss = WeightedClipLoss(ranks.weights())
    models = [CoordinateModel(ranks.tiny_clip()) for _ in range(2)]
    _trained(models[0], loss, [(images, texts)])
    _trained(models[1], loss, halves, accum_freq=2)
    whole, accumulated = (
        {name: value for name, value in model.named_parameters() if name != "model.logit_scale"} for model in models
    )
    torch.testing.assert_close(accumulated, whole, rtol=1e-5, atol=1e-6)


def test_open_clips_evaluation_takes_the_model_with_and_without_coordinates():
    model, (images, texts) = ranks.tiny_clip(), ranks.images_and_texts(2)
    metrics = [
        evaluate(each, _data([(images, text)], "val"), 1, _arguments())
        for each, text in (
            (model, texts[:, :5]),
            (CoordinateModel(model), texts),
            (CoordinateModel(model), texts[:, :5]),
        )
    ]
    assert metrics[0] == metrics[1] == metrics[2]
    assert "clip_val_loss" in metrics[0]


def test_the_calls_of_open_clips_task_fit():
    """Its main branch calls the model by two names, or with the whole batch, and sums what ends with ``_loss``."""
    images, texts = ranks.images_and_texts(2)
    task_model, loss = CoordinateModel(ranks.tiny_clip()), WeightedClipLoss(ranks.weights())
    batch = {"image": images, "text": texts}
    outputs = task_model(image=batch["image"], text=batch["text"]), task_model(**batch), task_model(images, texts)
    losses = [loss(**output, output_dict=True) for output in outputs]
    totals = {sum(value for name, value in each.items() if name.endswith("_loss")).item() for each in losses}
    assert len(totals) == 1
    assert totals == {loss(**outputs[0]).item()}


def test_the_model_keeps_the_state_dict_and_the_attributes_of_open_clips():
    bare = ranks.tiny_clip()
    model = CoordinateModel(bare)
    assert list(model.state_dict()) == list(bare.state_dict())
    assert model.encode_text == bare.encode_text
    assert model.logit_scale is bare.logit_scale
    assert model.context_length == 5
    model.lock_image_tower()
    assert not any(parameter.requires_grad for parameter in bare.visual.parameters())
    other = ranks.tiny_clip()
    with torch.no_grad():
        other.text_projection.zero_()
    model.load_state_dict(other.state_dict())
    assert bare.text_projection.eq(0).all()
    assert copy.deepcopy(model).text_projection.eq(0).all()
    with pytest.raises(AttributeError, match="has no attribute 'lenses'"):
        model.lenses  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'model'"):
        CoordinateModel.__new__(CoordinateModel).lenses  # noqa: B018


def test_checkpoints_of_a_wrapped_model_fit_with_and_without_coordinates():
    """DDP and others put a name in front of the keys."""
    bare, wrapped = (
        torch.nn.ModuleDict({"module": each}) for each in (ranks.tiny_clip(), CoordinateModel(ranks.tiny_clip()))
    )
    assert list(wrapped.state_dict()) == list(bare.state_dict())
    with torch.no_grad():
        bare["module"].text_projection.zero_()
    wrapped.load_state_dict(bare.state_dict())
    assert wrapped["module"].text_projection.eq(0).all()
    odd = {**bare.state_dict(), "module.odd": torch.zeros(1)}
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\) in state_dict: \"module.model.odd\""):
        wrapped.load_state_dict(odd)


def test_what_rides_with_the_tokens_comes_back_unchanged():
    given, (images, texts) = ranks.batch(2), ranks.images_and_texts(2)
    assert texts.dtype == torch.int64
    output = CoordinateModel(ranks.tiny_clip())(images, texts)
    assert torch.equal(output["coords"], given["coords"])
    torch.testing.assert_close(output["frozen_features"], given["frozen_features"], rtol=0, atol=0, equal_nan=True)
    plain = ranks.tiny_clip()(images, texts[:, :5])
    assert torch.equal(output["text_features"], plain["text_features"])
    assert list(CoordinateModel(ranks.tiny_clip())(images, texts[:, :7])) == [*plain, "coords"]
    assert list(CoordinateModel(ranks.tiny_clip())(image=images)) == list(plain)


def test_coordinates_attach_to_one_sample_as_to_a_batch():
    given, tokens = ranks.batch(2), torch.arange(40).reshape(8, 5)
    columns = given["coords"].int(), given["frozen_features"].nan_to_num().half()
    whole = attach_coordinates(tokens, *columns)
    assert torch.equal(torch.stack([attach_coordinates(*each) for each in zip(tokens, *columns, strict=True)]), whole)
    assert torch.equal(whole[:, :7], torch.cat([tokens, given["coords"]], dim=1))


def test_a_text_tower_with_another_context_length_is_told_so():
    given, (images, texts) = ranks.batch(2), ranks.images_and_texts(2)
    model = torch.nn.Identity()
    model.context_length = 512
    model.forward = lambda image, text: {"image_features": image, "text_features": text}
    output = CoordinateModel(model, context_length=5)(images, texts)
    assert torch.equal(output["text_features"], texts[:, :5])
    assert torch.equal(output["coords"], given["coords"])


def test_what_does_not_fit_is_refused_with_its_cure():
    given, (images, texts) = ranks.batch(2), ranks.images_and_texts(2)
    tokens, coords = texts[:, :5], given["coords"]
    with pytest.raises(TypeError, match=r"coords of torch.float32. Both must be integers.*torch.round\(degrees \* 1e7"):
        attach_coordinates(tokens, coords.float())
    with pytest.raises(TypeError, match=r"Invalid tokens of torch\.float32"):
        attach_coordinates(tokens.float(), coords)
    with pytest.raises(ValueError, match=r"Invalid coords of shape \(7, 2\) for tokens \(8, 5\)"):
        attach_coordinates(tokens, coords[:7])
    for frozen in (torch.zeros(7, 3), torch.zeros(8, 3, dtype=torch.int64)):
        with pytest.raises(ValueError, match=r"Invalid frozen_features .*floats with one row per sample"):
            attach_coordinates(tokens, coords, frozen)
    model = CoordinateModel(ranks.tiny_clip())
    for columns in (3, 6):
        with pytest.raises(ValueError, match=rf"Invalid text of {columns} columns for a context length of 5"):
            model(images, texts[:, :columns])
    model.model.output_dict = False
    with pytest.raises(TypeError, match=r"returns a tuple. Make it with output_dict=True"):
        model(images, texts)


def test_the_loss_compiles_to_one_graph(given):
    """As the task of open_clip's main branch compiles it."""
    loss, scale = WeightedClipLoss(ranks.weights()), torch.tensor(5.0)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert compiled(**given, logit_scale=scale).item() == pytest.approx(
        loss(**given, logit_scale=scale).item(), rel=1e-6
    )


@pytest.mark.parametrize("loss", [WeightedClipLoss, WeightedSigLipLoss])
def test_losses_refuse_what_they_cannot_use(given, loss):
    scalars = {name: torch.tensor(value) for name, value in SCALARS.items()}
    features = {name: given[name] for name in ("image_features", "text_features")}
    with pytest.raises(TypeError, match=r"coords is not given. Wrap the model, CoordinateModel\(model\)"):
        loss(UNIFORM)(**features, **scalars)
    with pytest.raises(TypeError, match=r"Invalid weights of type UniformWeighting\. Must be NegativeWeights"):
        loss(UniformWeighting())
    with pytest.raises(TypeError, match="needs feats_a and feats_b"):
        loss(ranks.weights())(**features, **scalars, coords=given["coords"])
    if loss is WeightedSigLipLoss:
        with pytest.raises(TypeError, match="needs frozen_features"):
            loss(ranks.weights(), world_size=2)(**features, **scalars, coords=given["coords"])
    degrees = NegativeWeights(UniformWeighting(), order="lonlat", units="deg")
    with pytest.raises(TypeError, match=r"of torch.int64 for units 'deg'"):
        loss(degrees)(**features, **scalars, coords=given["coords"])


def test_soft_labels_are_no_weights():
    with pytest.raises(TypeError, match=r"targets of type NegativeWeights. Must be SoftTargets.*into WeightedClipLoss"):
        SoftClipLoss(UNIFORM)


def test_row_means_are_refused_where_ranks_see_blocks_of_columns():
    weights = NegativeWeights(UniformWeighting(), order="lonlat", units="e7", row_mean_one=True)
    with pytest.raises(ValueError, match=r"row_mean_one=True with world_size 2. .* or use WeightedClipLoss"):
        WeightedSigLipLoss(weights, world_size=2)
    assert WeightedSigLipLoss(weights).weights.row_mean_one
    assert WeightedClipLoss(weights, world_size=2).weights is weights


def test_a_missing_open_clip_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip.loss", None)
    monkeypatch.delitem(sys.modules, "variogeo.trainers.open_clip")
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[open-clip\]'.*torchvision"):
        importlib.import_module("variogeo.trainers.open_clip")


def test_a_torchvision_of_another_torch_is_told_in_the_same_words(monkeypatch):
    """Such a one fails while it registers its operators, with a RuntimeError."""

    class Broken:
        def find_spec(self, name, *_):
            if name == "open_clip.loss":
                raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.delitem(sys.modules, "open_clip.loss")
    monkeypatch.delitem(sys.modules, "variogeo.trainers.open_clip")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ImportError, match=r"torchvision::nms does not exist.*pip install 'variogeo\[open-clip\]'"):
        importlib.import_module("variogeo.trainers.open_clip")


def test_the_example_trains(capsys):
    runpy.run_path(str(EXAMPLES / "train_open_clip.py"), run_name="__main__")
    printed = capsys.readouterr().out
    losses = [float(line.split()[-1]) for line in printed.splitlines() if line.startswith("epoch")]
    assert len(losses) >= 2
    assert math.isfinite(losses[0])
    assert losses[-1] < losses[0]
