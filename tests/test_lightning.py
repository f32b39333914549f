"""Weighted negatives under Lightning's own Trainer."""

import importlib
import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

import lightning_ranks as ranks
import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from variogeo import Exponential, MaskWeighting, ResidualWeighting, UniformWeighting
from variogeo.nn import NegativeWeights
from variogeo.trainers.lightning import ContrastiveLoss, LogWeights

EXAMPLES = Path(__file__).parents[1] / "examples"

# What Lightning and its use of torch say about our small loaders and about each other.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in (
        "The '.*_dataloader' does not have many workers",
        ".isinstance.treespec, LeafSpec.. is deprecated",
        "The number of training batches",
    )
]


def _fit(module, dataset=None, batch_size=8, **options):
    trainer = Trainer(**{**ranks.QUIET, "max_steps": 2, **options})
    trainer.fit(module, DataLoader(dataset or ranks.samples(), batch_size=batch_size))
    return trainer


def _plain_steps(log_weights, steps=2):
    """Parameters after gradient descent written out, without Lightning and without our loss."""
    module, labels = ranks.Module(), torch.arange(8)
    images, locations, _, _ = ranks.samples().tensors
    for _ in range(steps):
        sides = [functional.normalize(x @ tower.weight.T, dim=-1) for tower, x in
                 ((module.image, images), (module.location, locations))]  # fmt: skip
        logits = 5 * sides[0] @ sides[1].T
        loss = functional.cross_entropy(logits + log_weights, labels)
        loss = (loss + functional.cross_entropy(logits.T + log_weights, labels)) / 2
        for parameter, gradient in zip(
            module.parameters(), torch.autograd.grad(loss, list(module.parameters())), strict=True
        ):
            parameter.data -= 0.5 * gradient
    return module.weights()


def _log_weights():
    _, _, coords, frozen = ranks.samples().tensors
    return NegativeWeights(ranks.SCHEME, order="lonlat", units="e7")(coords, coords, frozen, frozen)


def test_a_fit_takes_the_steps_written_by_hand():
    module = ranks.Module()
    _fit(module)
    np.testing.assert_allclose(module.weights(), _plain_steps(_log_weights()), rtol=1e-5, atol=1e-6)
    assert np.abs(_plain_steps(_log_weights()) - _plain_steps(torch.zeros(8, 8))).max() > 1e-3


def test_with_weights_of_one_a_fit_is_one_without():
    random = torch.Generator().manual_seed(5)
    apart = TensorDataset(*ranks.samples().tensors[:2], torch.randint(-(10**8), 10**8, (8, 2), generator=random),
                          torch.zeros(8, 3))  # fmt: skip
    module = ranks.Module(UniformWeighting())
    _fit(module, apart)
    np.testing.assert_allclose(module.weights(), _plain_steps(torch.zeros(8, 8)), rtol=1e-5, atol=1e-6)


def test_two_processes_take_the_step_of_one(tmp_path):
    """Each rank has every second sample; columns are those of both."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, ranks.__file__, str(tmp_path / "weights.npy")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "weights.npy")
    np.testing.assert_allclose(found, _plain_steps(_log_weights(), steps=1), rtol=1e-5, atol=1e-6)


def test_a_checkpoint_brings_the_scheme_back(tmp_path):
    path = tmp_path / "module.ckpt"
    trained = ranks.Module()
    _fit(trained).save_checkpoint(path)
    other = ResidualWeighting(Exponential(nugget=0.0, partial_sill=1.0, effective_range=10.0))
    loaded = ranks.Module.load_from_checkpoint(path, scheme=other, weights_only=True)
    assert loaded.loss.weights.scheme == ranks.SCHEME
    np.testing.assert_array_equal(loaded.weights(), trained.weights())
    with pytest.raises(ValueError, match="The state was saved with"):
        ranks.Module.load_from_checkpoint(path, units="deg", weights_only=True)


def test_a_fit_goes_on_from_a_checkpoint(tmp_path):
    path = tmp_path / "module.ckpt"
    _fit(ranks.Module(), max_steps=1).save_checkpoint(path)
    module = ranks.Module(UniformWeighting())
    trainer = Trainer(**ranks.QUIET, max_steps=2)
    trainer.fit(module, DataLoader(ranks.samples(), batch_size=8), ckpt_path=path)
    np.testing.assert_allclose(module.weights(), _plain_steps(_log_weights()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_half_precision_leaves_e7_coordinates_and_the_scheme_alone(precision):
    module, seen = ranks.Module(), []
    module.loss.weights.register_forward_hook(lambda _module, _arguments, found: seen.append(found))
    _fit(module, precision=precision, max_steps=1)
    # Only the frozen features were rounded, and only in bf16-true.
    torch.testing.assert_close(seen[0], _log_weights(), rtol=0, atol=0.02 if precision == "bf16-true" else 0)
    assert seen[0].dtype == torch.float32
    assert module.loss.weights.scheme == ranks.SCHEME
    found, expected = module.weights(), _plain_steps(_log_weights(), steps=1)
    assert np.abs(found - expected).max() < 0.05
    assert np.isfinite(found).all()


def test_coordinates_that_lightning_casts_to_half_precision_are_refused():
    images, locations, coords, frozen = ranks.samples().tensors
    degrees = TensorDataset(images, locations, coords.double() / 1e7, frozen)
    _fit(ranks.Module(units="deg"), degrees, max_steps=1, precision="bf16-mixed")
    with pytest.raises(TypeError, match=r"Invalid coords_a of torch.bfloat16 .* int32 with units=.e7"):
        _fit(ranks.Module(units="deg"), degrees, precision="bf16-true")


def test_validation_losses_are_not_weighted():
    images, locations, coords, frozen = ranks.samples().tensors
    logits, labels = 5 * images @ locations.T, torch.arange(8)
    loss = ContrastiveLoss(NegativeWeights(ranks.SCHEME, order="lonlat", units="e7"))
    expected = (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.T, labels)) / 2
    assert loss.eval()(logits, logits.T, coords).item() == pytest.approx(expected.item(), rel=1e-6)
    assert abs(loss.train()(logits, logits.T, coords, frozen).item() - expected.item()) > 1e-3


@pytest.mark.parametrize(
    ("rows", "columns", "positives"), [(4, 4, [0, 1, 2, 3]), (4, 8, [4, 5, 6, 7]), (8, 8, [0, 1, 2, 3, 4, 5, 6, 7])]
)
def test_rows_and_columns_may_be_of_this_rank_or_of_all(monkeypatch, rows, columns, positives):
    """As the second of two ranks, whose samples are the second half."""
    _, _, coords, frozen = ranks.samples().tensors
    gathered = {4: (coords[4:], frozen[4:]), 8: (coords, frozen)}
    own = coords[4:], frozen[4:]
    where = "variogeo.trainers._ranks.all_gather_rows"
    monkeypatch.setattr(where, lambda part: coords if part is own[0] else frozen)
    for name, value in (("is_initialized", True), ("get_world_size", 2), ("get_rank", 1)):
        monkeypatch.setattr(torch.distributed, name, mock.Mock(return_value=value))
    logits = torch.randn(2, rows, columns, generator=torch.Generator().manual_seed(2))
    weights = NegativeWeights(ranks.SCHEME, order="lonlat", units="e7")
    labels = torch.tensor(positives)
    log_weights = weights(
        gathered[rows][0], gathered[columns][0], gathered[rows][1], gathered[columns][1], positives=labels
    )
    expected = sum(functional.cross_entropy(each + log_weights, labels) for each in logits) / 2
    assert ContrastiveLoss(weights)(*logits, *own).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("shapes", [((8, 8), (4, 4)), ((4, 8), (8, 4)), ((3, 4), (3, 4))])
def test_logits_of_other_samples_are_refused(shapes):
    coords = ranks.samples().tensors[2][:4]
    loss = ContrastiveLoss(NegativeWeights(UniformWeighting(), order="lonlat", units="e7"))
    with (
        mock.patch("variogeo.trainers._contrastive_loss._world_size", return_value=2),
        pytest.raises(ValueError, match=r"Invalid logits of shapes .* with 4 samples on each of 2 ranks. Both must"),
    ):
        loss(*(torch.zeros(shape) for shape in shapes), coords)


@pytest.mark.parametrize("place", range(4))
def test_an_array_in_the_place_of_a_tensor_is_refused_by_its_name(place):
    given = [torch.eye(2), torch.eye(2), torch.zeros(2, 2), torch.ones(2, 3)]
    given[place] = given[place].numpy()
    name = ["logits_per_image", "logits_per_location", "coords", "frozen_features"][place]
    loss = ContrastiveLoss(NegativeWeights(UniformWeighting(), order="lonlat", units="deg"))
    with pytest.raises(TypeError, match=rf"Invalid {name} of type ndarray. Must be a tensor: torch.as_tensor"):
        loss(*given)


def test_the_scheme_alone_is_refused_where_weights_belong():
    with pytest.raises(TypeError, match=r"Invalid weights of type UniformWeighting\. Must be NegativeWeights"):
        ContrastiveLoss(UniformWeighting())


def test_the_callback_logs_what_the_weights_of_a_batch_are():
    module = ranks.Module()
    trainer = _fit(module, max_steps=1, callbacks=[LogWeights(every=2)])
    weights = _log_weights().exp().numpy()
    off_diagonal = weights[~np.eye(8, dtype=bool)]
    left = off_diagonal[off_diagonal > 0]  # as `summary` has it
    assert trainer.callback_metrics["weights/mean"].item() == pytest.approx(left.mean(), rel=1e-5)
    assert trainer.callback_metrics["weights/masked"].item() == pytest.approx((off_diagonal == 0).mean(), rel=1e-6)
    assert (off_diagonal == 0).sum() == 2
    assert not module.loss.weights._forward_hooks


@pytest.mark.parametrize("log_weights", [torch.zeros(1, 1), torch.full((2, 2), -torch.inf).fill_diagonal_(0.0)])
def test_the_callback_logs_numbers_where_no_negative_is_left(log_weights):
    module, logged = mock.Mock(spec=ranks.Module), {}
    module.log.side_effect = lambda name, value: logged.update({name: float(value)})
    callback = LogWeights()
    callback._seen = [log_weights]
    callback.on_train_batch_end(None, module, None, None, 0)
    assert logged == {"weights/mean": 0.0, "weights/masked": float(len(log_weights) > 1)}


def test_the_callback_looks_at_every_so_many_batches():
    module = ranks.Module()
    with mock.patch.object(LogWeights, "_keep", return_value=None) as looks:
        _fit(module, batch_size=4, max_steps=5, callbacks=[LogWeights(every=2)])
    # Two batches to an epoch: the first of each.
    assert looks.call_count == 3


def test_an_interrupted_fit_leaves_no_hook_behind():
    module = ranks.Module()
    module.loss.weights.register_forward_pre_hook(mock.Mock(side_effect=RuntimeError("out of memory")))
    with pytest.raises(RuntimeError, match="out of memory"):
        _fit(module, callbacks=[LogWeights(every=1)])
    assert not module.loss.weights._forward_hooks


def test_the_callback_refuses_a_module_without_weights():
    module = ranks.Module()
    module.loss = torch.nn.Identity()
    with pytest.raises(ValueError, match=r"Module has no NegativeWeights inside\. Hold it in the module"):
        _fit(module, callbacks=[LogWeights()])
    with pytest.raises(ValueError, match=r"Invalid every '0'\. Must be a whole number of at least 1"):
        LogWeights(every=0)


def test_a_scheme_that_masks_all_negatives_of_a_row_is_refused_by_name():
    with pytest.raises(ValueError, match="masked"):
        _fit(ranks.Module(MaskWeighting(within=20_000.0)))


def test_a_missing_lightning_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    monkeypatch.delitem(sys.modules, "variogeo.trainers.lightning")
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[lightning\]'"):
        importlib.import_module("variogeo.trainers.lightning")


def test_the_example_trains(capsys):
    runpy.run_path(str(EXAMPLES / "train_lightning.py"), run_name="__main__")
    printed = capsys.readouterr().out
    losses = [float(line.split()[-1]) for line in printed.splitlines() if line.startswith("epoch")]
    assert len(losses) >= 2
    assert losses[-1] < losses[0]
    assert "mean weight" in printed
