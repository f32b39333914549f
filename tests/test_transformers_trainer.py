"""The losses for the Trainer of transformers, with its real CLIP and SigLIP models and the real Trainer."""

import logging
import math
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trainer_ranks
import transformers
from torch.nn import functional
from torch.utils.data import Dataset
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel, Trainer, TrainingArguments

from variogeo import DecorrelationWeighting, Exponential, NearWeighting, ResidualWeighting, UniformWeighting
from variogeo.nn import NegativeWeights
from variogeo.trainers import transformers as adapter
from variogeo.trainers.transformers import weighted_loss, weighted_sigmoid_loss

EXAMPLE = Path(__file__).parents[1] / "examples" / "train_transformers.py"
CURVE = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
UNIFORM = NegativeWeights(UniformWeighting(), order="lonlat", units="deg")
DECORRELATION = NegativeWeights(DecorrelationWeighting(CURVE), order="lonlat", units="deg")
RESIDUAL = NegativeWeights(ResidualWeighting(CURVE, 2.0), order="lonlat", units="deg")
TOWER = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
TEXT = {**TOWER, "vocab_size": 20, "max_position_embeddings": 6, "bos_token_id": 0, "eos_token_id": 1}
VISION = {**TOWER, "image_size": 8, "patch_size": 4, "num_channels": 1}


def _clip():
    torch.manual_seed(0)
    return CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=8))


def _siglip():
    torch.manual_seed(0)
    return SiglipModel(SiglipConfig(text_config={**TEXT, "projection_size": 16}, vision_config=VISION))


@pytest.fixture(scope="module")
def batch():
    """8 pairs of image and text; photos 0 to 3 lie in one town."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(2, 20, (8, 6), generator=generator)
    tokens[:, -1] = 1
    places = torch.rand(8, 2, generator=generator, dtype=torch.float64) * torch.tensor([300.0, 140.0]) - 70
    places[1:4] = places[0] + torch.rand(3, 2, generator=generator) / 10
    return {
        "input_ids": tokens,
        "pixel_values": torch.randn(8, 1, 8, 8, generator=generator),
        "features": torch.randn(8, 5, generator=generator) + 1,
        "places": places.float(),
    }


def _outputs(model, batch):
    return model(input_ids=batch["input_ids"], pixel_values=batch["pixel_values"], return_loss=True)


def _by_hand(logits, log_weights):
    """Return the contrastive loss of both directions from its definition, one row at a time."""
    total = 0.0
    for matrix in (logits.double(), logits.double().T):
        for i in range(len(matrix)):
            terms = torch.exp(matrix[i]) * torch.exp(log_weights[i].double())
            total = total - torch.log(torch.exp(matrix[i, i]) / terms.sum())
    return total / (2 * len(logits))


def test_uniform_weights_give_the_loss_of_clip_itself(batch):
    outputs = _outputs(_clip(), batch)
    loss = weighted_loss(UNIFORM)(outputs, batch["places"])
    torch.testing.assert_close(loss, outputs.loss, rtol=1e-6, atol=0)


def test_uniform_weights_give_the_loss_of_siglip_itself(batch):
    outputs = _outputs(_siglip(), batch)
    loss = weighted_sigmoid_loss(UNIFORM)(outputs, batch["places"])
    torch.testing.assert_close(loss, outputs.loss, rtol=1e-6, atol=0)


@pytest.mark.parametrize("weights", [DECORRELATION, RESIDUAL], ids=["decorrelation", "residual"])
def test_weights_give_the_loss_made_by_hand_and_its_gradient(batch, weights):
    model = _clip()
    places, features = batch["places"], batch["features"]
    log_weights = weights.log_weights(places, places, features, features)
    assert log_weights.max() - log_weights.min() > 1
    gradients = {}
    for name in ("ours", "by hand"):
        model.zero_grad()
        outputs = _outputs(model, batch)
        if name == "ours":
            loss = weighted_loss(weights)(outputs, torch.cat([places, features], dim=1))
        else:
            loss = _by_hand(outputs.logits_per_image, log_weights)
        loss.backward()
        gradients[name] = [loss.detach().double(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]
    assert len(gradients["ours"]) > 20
    for ours, by_hand in zip(gradients["ours"], gradients["by hand"], strict=True):
        torch.testing.assert_close(ours, by_hand, rtol=1e-4, atol=1e-6)


def test_the_sigmoid_loss_weighs_each_negative_by_its_weight(batch):
    outputs = _outputs(_siglip(), batch)
    log_weights = DECORRELATION.log_weights(batch["places"], batch["places"])
    expected = 0.0
    for i in range(8):
        for j in range(8):
            logit = outputs.logits_per_image[i, j]
            weight = torch.exp(log_weights[i, j])
            expected = expected + (functional.softplus(-logit) if i == j else weight * functional.softplus(logit)) / 8
    torch.testing.assert_close(weighted_sigmoid_loss(DECORRELATION)(outputs, batch["places"]), expected)


def test_row_mean_one_serves_both_directions(batch):
    weights = NegativeWeights(NearWeighting(5.0, 1000.0), order="lonlat", units="deg", row_mean_one=True)
    log_weights = weights.log_weights(batch["places"], batch["places"])
    assert not torch.allclose(log_weights, log_weights.T)
    outputs = _outputs(_clip(), batch)
    expected = _by_hand(outputs.logits_per_image, log_weights).float()
    torch.testing.assert_close(weighted_loss(weights)(outputs, batch["places"]), expected)


@pytest.mark.parametrize("units", ["rad", "e7", "xyz"])
def test_labels_may_be_written_in_any_unit(batch, units):
    outputs = _outputs(_clip(), batch)
    degrees = batch["places"].double()
    lon, lat = torch.deg2rad(degrees).T
    labels = {
        "rad": torch.deg2rad(degrees),
        "e7": (degrees * 1e7).round().to(torch.int32),
        "xyz": torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=1),
    }[units]
    order = None if units == "xyz" else "lonlat"
    weights = NegativeWeights(DecorrelationWeighting(CURVE), order=order, units=units)
    expected = weighted_loss(DECORRELATION)(outputs, degrees)
    torch.testing.assert_close(weighted_loss(weights)(outputs, labels), expected)


class _Pairs(Dataset):
    """Rows of a batch as the examples of a data set."""

    def __init__(self, batch, labels):
        self.columns = {name: batch[name] for name in ("input_ids", "pixel_values")}
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        return {**{name: values[row] for name, values in self.columns.items()}, "labels": self.labels[row]}


def _trainer(folder, pairs, weights, *, rows=8, accumulated=1, **settings):
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=accumulated,
        max_steps=1,
        optim="sgd",
        learning_rate=1.0,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        train_sampling_strategy="sequential",
        **settings,
    )
    return Trainer(_clip(), arguments, train_dataset=pairs, compute_loss_func=weighted_loss(weights))


KEPT = [{"label_names": ["labels"]}, {"remove_unused_columns": False}]


@pytest.mark.parametrize("settings", KEPT, ids=["label_names", "remove_unused_columns"])
def test_a_step_of_the_trainer_is_a_step_along_the_gradient_of_the_loss(batch, tmp_path, settings):
    trainer = _trainer(tmp_path, _Pairs(batch, batch["places"]), DECORRELATION, **settings)
    trainer.train()
    expected = _clip().train()
    loss = weighted_loss(DECORRELATION)(_outputs(expected, batch), batch["places"])
    loss.backward()
    assert trainer.state.log_history[-1]["train_loss"] == pytest.approx(loss.item(), rel=1e-5)
    _assert_stepped(trainer.model, expected)


def _assert_stepped(model, start):
    """Whether a model stands where one step of gradient descent from ``start`` leads."""
    moved = 0
    for ours, theirs in zip(model.parameters(), start.parameters(), strict=True):
        step = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad
        torch.testing.assert_close(ours, theirs - step, rtol=1e-5, atol=1e-6)
        moved += bool(step.any())
    assert moved > 20


def test_accumulated_batches_count_by_their_rows(batch, tmp_path):
    """Batches of 5 and 3 rows in one step: 5/8 of the first loss and 3/8 of the second."""
    labels = torch.cat([batch["places"], batch["features"]], dim=1)
    trainer = _trainer(tmp_path, _Pairs(batch, labels), RESIDUAL, rows=5, accumulated=2, label_names=["labels"])
    trainer.train()
    expected = _clip().train()
    for rows in (slice(0, 5), slice(5, 8)):
        part = {name: values[rows] for name, values in batch.items()}
        share = len(part["places"]) / 8
        (share * weighted_loss(RESIDUAL)(_outputs(expected, part), labels[rows])).backward()
    _assert_stepped(trainer.model, expected)


def test_evaluation_of_the_trainer_reports_the_loss_of_the_model_itself(batch, tmp_path):
    trainer = _trainer(tmp_path, _Pairs(batch, batch["places"]), DECORRELATION, label_names=["labels"])
    reported = trainer.evaluate(_Pairs(batch, batch["places"]))["eval_loss"]
    outputs = _outputs(_clip().eval(), batch)
    assert reported == pytest.approx(outputs.loss.item(), rel=1e-6)
    assert abs(weighted_loss(DECORRELATION)(outputs, batch["places"]).item() - reported) > 0.05


def test_ranks_contrast_their_own_batches(tmp_path):
    """The mean over the ranks is the loss of one process that masks every pair of two ranks."""
    command = [sys.executable, trainer_ranks.__file__, "transformers", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    ranks = [np.load(tmp_path / f"{rank}.npz") for rank in range(trainer_ranks.WORLD)]
    places = trainer_ranks.places()[:, 0]
    log_weights = trainer_ranks.weights().log_weights(places, places)
    rank_of = torch.arange(len(places)) // trainer_ranks.ROWS
    log_weights = log_weights.masked_fill(rank_of[:, None] != rank_of, -torch.inf)
    features = trainer_ranks.image_features().double().requires_grad_()
    expected = _by_hand(features @ trainer_ranks.image_features().double().T, log_weights)
    expected.backward()
    assert np.mean([found["own/loss"] for found in ranks]) == pytest.approx(expected.item(), rel=1e-5)
    # The mean over the ranks, which DDP takes, divides the gradient of each rank's loss by their number.
    gradient = np.concatenate([found["own/gradient"] for found in ranks]) / trainer_ranks.WORLD
    np.testing.assert_allclose(gradient, features.grad, rtol=1e-4, atol=1e-6)


def test_whole_number_coordinates_survive_training_in_bfloat16(batch, tmp_path):
    places = (batch["places"].double() * 1e7).round().to(torch.int32)
    weights = NegativeWeights(DecorrelationWeighting(CURVE), order="lonlat", units="e7")
    trainer = _trainer(tmp_path, _Pairs(batch, places), weights, bf16=True, label_names=["labels"])
    trainer.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = weighted_loss(DECORRELATION)(_outputs(_clip().train(), batch), batch["places"])
    assert expected.dtype == torch.float32
    assert trainer.state.log_history[-1]["train_loss"] == pytest.approx(expected.item(), rel=1e-4)


def test_a_longitude_that_the_trainer_does_not_count_leaves_the_shares_a_whole():
    """Two batches of 2 rows and 7 counted entries: 3/7 and 4/7 of their losses."""
    first, second = torch.tensor([[-100.0, 10.0], [5.0, 5.0]]), torch.tensor([[20.0, 10.0], [5.0, 5.0]])
    outputs = {"logits_per_image": torch.eye(2), "logits_per_text": torch.eye(2)}
    loss = weighted_loss(UNIFORM)
    whole = loss(outputs, first)
    counted = torch.tensor(7)
    torch.testing.assert_close(loss(outputs, first, num_items_in_batch=counted), whole * 3 / 7)
    torch.testing.assert_close(loss(outputs, second, num_items_in_batch=counted), whole * 4 / 7)


def test_labels_that_the_trainer_dropped_are_named_with_the_cure(batch, tmp_path, caplog):
    trainer = _trainer(tmp_path, _Pairs(batch, batch["places"]), DECORRELATION)
    with caplog.at_level(logging.CRITICAL), pytest.raises(ValueError, match=r'label_names=\["labels"\]'):
        trainer.train()


@pytest.mark.parametrize(
    ("weights", "labels", "error", "message"),
    [
        (UNIFORM, {"coords": 1}, TypeError, "Must be one tensor"),
        (UNIFORM, torch.zeros(3), ValueError, r"shape \(3,\). Must be \(n, 2\)"),
        (UNIFORM, torch.zeros(3, 1), ValueError, r"Must be \(n, 2\)"),
        (UNIFORM, torch.zeros(4, 2), ValueError, r"logits_per_image has shape \(3, 3\) but labels has 4 rows"),
        (RESIDUAL, torch.zeros(3, 2), TypeError, r"ResidualWeighting needs the frozen features .* torch.cat"),
        (
            NegativeWeights(ResidualWeighting(CURVE), order="lonlat", units="e7"),
            torch.ones(3, 7, dtype=torch.int32),
            ValueError,
            r"features that were rounded, .* Append the bits .*view\(torch.int32\).*: 3 rows, 0, 1, 2",
        ),
        (
            NegativeWeights(ResidualWeighting(CURVE), order="lonlat", units="e7"),
            torch.tensor([[8, 5, 0, 0], [3, 7, 0, 0], [3, 9, 0, 0]]),  # of length one, rounded
            ValueError,
            r"or are all 0 \(NaN is no image\).*: 3 rows, 0, 1, 2",
        ),
        (
            NegativeWeights(ResidualWeighting(CURVE), order="lonlat", units="e7"),
            torch.cat([torch.ones(3, 2).long(), torch.full((3, 4), 0.5, dtype=torch.float64).view(torch.int64)], dim=1),
            ValueError,
            r"labels of int64 have features of more than 32 bits. Append the bits .*: 3 rows, 0, 1, 2",
        ),
        (UNIFORM, torch.zeros(3, 2, dtype=torch.bfloat16), TypeError, "half precision"),
    ],
)
def test_labels_that_do_not_fit_are_refused(weights, labels, error, message):
    outputs = {"logits_per_image": torch.zeros(3, 3), "logits_per_text": torch.zeros(3, 3)}
    with pytest.raises(error, match=message):
        weighted_loss(weights)(outputs, labels)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_features_ride_behind_whole_coordinates_as_their_bits(batch, dtype):
    """So no cast of floats to half precision reaches them; a row of NaN or of zeros has no image, as everywhere."""
    places, features = batch["places"], batch["features"].clone()
    features[2], features[5] = math.nan, 0.0
    outputs = _outputs(_clip(), batch)
    whole = torch.cat([(places * 1e7).round().to(dtype), features.view(torch.int32).to(dtype)], dim=1)
    weights = NegativeWeights(RESIDUAL.scheme, order="lonlat", units="e7")
    expected = weighted_loss(RESIDUAL)(outputs, torch.cat([places, features], dim=1))
    torch.testing.assert_close(weighted_loss(weights)(outputs, whole), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("outputs", [(torch.zeros(3, 3),), {"logits": torch.zeros(3, 3)}])
def test_outputs_without_contrastive_logits_are_refused(outputs):
    with pytest.raises(TypeError, match="no logits_per_image"):
        weighted_loss(UNIFORM)(outputs, torch.zeros(3, 2))


@pytest.mark.parametrize("make", [weighted_loss, weighted_sigmoid_loss])
def test_a_scheme_alone_is_refused(make):
    with pytest.raises(TypeError, match=r"type UniformWeighting. Must be NegativeWeights"):
        make(UniformWeighting())


def test_without_transformers_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers.utils.generic", None)
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[transformers\]'"):
        runpy.run_path(adapter.__file__)


def test_the_example_trains_and_says_how_it_went(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["train_transformers.py", "--output", str(tmp_path)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "median error" in capsys.readouterr().out
    transformers.logging.set_verbosity_warning()
