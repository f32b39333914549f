"""The wrapper in geoclip's own train() and eval_images(), and evaluation over a gallery, against loops by hand."""

import copy
import io
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import reference
import torch
from pyproj import Geod
from tiny_geoclip import eval_images, quiet, random_batches, tiny_geoclip, train
from torch import nn
from torch.nn import functional

from variogeo import (
    DecorrelationWeighting,
    Exponential,
    ResidualWeighting,
    Stable,
    ThesisMultiplier,
    UniformWeighting,
)
from variogeo.nn import NegativeWeights
from variogeo.trainers.geoclip import FeatureEncoder, GalleryEvaluation, WeightedGeoCLIP, evaluate_gallery

CURVE = Exponential(nugget=0.03, partial_sill=0.09, effective_range=4000.0)
UNIFORM = NegativeWeights(UniformWeighting(), order="latlon", units="deg", coincident="weight")
DECORRELATION = NegativeWeights(DecorrelationWeighting(CURVE), order="latlon", units="deg")
RESIDUAL = NegativeWeights(ResidualWeighting(CURVE, 2.0, spread=0.05), order="latlon", units="deg")
THESIS = ThesisMultiplier(Stable(nugget=0.05, partial_sill=0.12, effective_range=4000.0, shape=0.9))
ROWS, PLACES = 8, 16


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return tiny_geoclip(tmp_path_factory.mktemp("clip"), queue_size=PLACES)


@pytest.fixture
def model(original):
    return copy.deepcopy(original)


def _step(wrapped, images, gps):
    """Return the logits by the lines of geoclip's train()."""
    places = torch.cat([gps, wrapped.get_gps_queue()])
    wrapped.dequeue_and_enqueue(gps)
    return wrapped(images, places)


def _frozen(model, images):
    """CLIP's features of images, which enter the trainable head."""
    with torch.no_grad():
        return model.image_encoder.CLIP.get_image_features(pixel_values=images).pooler_output


def _weights_by_hand(scheme, places, features):
    """Log-weights of the batch's rows from double loops over latitude, longitude and features."""
    lag = np.array([[reference.lag("great_circle", a[::-1], b[::-1]) for b in places] for a in places[:ROWS]])
    c = np.array([[reference.term("cosine", a, b) for b in features] for a in features[:ROWS]])
    by_hand = scheme(lag, c)
    by_hand[np.arange(ROWS), np.arange(ROWS)] = 0.0
    return torch.tensor(by_hand, dtype=torch.float32)


def _optimizer(model):
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)


def _equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_uniform_weights_train_exactly_as_geoclip_alone(model):
    """Queue not full: GeoCLIP's points are negatives in both; full: the weights are added, and are 0."""
    batches = random_batches(5, rows=ROWS)
    plain, wrapped = copy.deepcopy(model), WeightedGeoCLIP(model, UNIFORM, start="full")
    for trained in (plain, wrapped):
        quiet(train, batches, trained, _optimizer(trained), 0, ROWS, "cpu")
    assert wrapped.queue.is_full
    assert torch.equal(wrapped.get_gps_queue(), plain.get_gps_queue())
    assert _equal(plain, wrapped.model)


def test_uniform_weights_and_a_full_queue_give_geoclips_loss_and_gradients_exactly(model):
    batches = random_batches(3, rows=ROWS)
    plain, wrapped = copy.deepcopy(model), WeightedGeoCLIP(model, UNIFORM).train()
    losses = []
    for trained in (plain, wrapped):
        for images, gps in batches:
            logits = _step(trained, images, gps)
        losses.append(functional.cross_entropy(logits, torch.arange(ROWS)))
        losses[-1].backward()
    assert torch.equal(*losses)
    trainable = [(a, b) for a, b in zip(plain.parameters(), model.parameters(), strict=True) if a.requires_grad]
    assert len(trainable) > 20
    for a, b in trainable:
        assert torch.equal(a.grad, b.grad)


@pytest.mark.parametrize("weights", [DECORRELATION, RESIDUAL], ids=["lag alone", "images"])
def test_weighted_logits_and_their_loss_equal_those_by_hand_while_the_queue_fills_and_after(model, weights):
    wrapped = WeightedGeoCLIP(model, weights).train()
    queue = []
    for images, gps in random_batches(4, rows=ROWS):
        places = torch.cat([gps, wrapped.get_gps_queue()])
        logits = _step(wrapped, images, gps)
        frozen = _frozen(model, images)
        seen = [(gps, frozen), *queue[-PLACES // ROWS :]]
        if len(queue) == 3:  # the third batch has taken the place of the first in the ring
            seen = [seen[0], queue[2], queue[1]]
        added = _weights_by_hand(
            weights.scheme,
            torch.cat([place for place, _ in seen]).double().numpy(),
            torch.cat([feature for _, feature in seen]).double().numpy(),
        )
        expected = functional.pad(added, (0, PLACES + ROWS - added.shape[1]), value=-math.inf) + model(images, places)
        torch.testing.assert_close(logits, expected, rtol=0, atol=2e-4)
        target = torch.arange(ROWS)
        loss = functional.cross_entropy(logits, target)
        weight = added.double().exp()
        similarity = model(images, places)[:, : added.shape[1]].double().exp()
        by_hand = -(similarity.diagonal() / (weight * similarity).sum(dim=1)).log().mean()
        assert loss.item() == pytest.approx(by_hand.item(), rel=1e-5)
        queue.append((gps, frozen))


def test_places_of_the_queue_that_were_never_written_are_no_negatives_and_leave_no_gradient(model):
    wrapped = WeightedGeoCLIP(model, UNIFORM).train()
    (images, gps), *_ = random_batches(1, rows=ROWS)
    places = torch.cat([gps, wrapped.get_gps_queue()]).requires_grad_()
    wrapped.dequeue_and_enqueue(gps)
    logits = wrapped(images, places)
    assert (logits[:, ROWS:] == -math.inf).all()
    loss = functional.cross_entropy(logits, torch.arange(ROWS))
    loss.backward()
    assert loss.item() == functional.cross_entropy(model(images, gps), torch.arange(ROWS)).item()
    assert (places.grad[ROWS:] == 0).all()
    assert places.grad.isfinite().all()


def test_a_thesis_multiplier_may_start_at_once_and_then_ignores_what_was_never_written(model):
    wrapped = WeightedGeoCLIP(model, THESIS).train()
    (images, gps), *_ = random_batches(1, rows=ROWS)
    gps = gps / 20  # within some hundreds of kilometres
    logits = _step(wrapped, images, gps)
    plain = model(images, torch.cat([gps, model.get_gps_queue()]))[:, :ROWS]
    assert (logits[:, ROWS:] == -math.inf).all()
    features = _frozen(model, images).double().numpy()
    by_hand = _weights_by_hand(THESIS, gps.double().numpy(), features)
    by_hand[torch.arange(ROWS), torch.arange(ROWS)] = 1.0
    torch.testing.assert_close(logits[:, :ROWS], plain * by_hand, rtol=1e-6, atol=0)
    assert (by_hand > 1.001).any()


def test_as_many_places_as_images_are_weighted_without_a_queue(model):
    wrapped = WeightedGeoCLIP(model, DECORRELATION, start="full").train()
    (images, gps), *_ = random_batches(1, rows=ROWS)
    expected = model(images, gps) + DECORRELATION.log_weights(gps, gps)
    assert torch.equal(wrapped(images, gps), expected)
    assert wrapped.queue.filled == 0


def test_a_scheme_of_the_lag_alone_keeps_no_features(model):
    assert WeightedGeoCLIP(model, DECORRELATION).queue.feature_width == 0
    assert WeightedGeoCLIP(model, RESIDUAL).queue.feature_width == 768
    assert WeightedGeoCLIP(model, THESIS).queue.feature_width == 768


def test_clip_runs_once_per_step_and_no_hook_is_left(model):
    runs = []
    model.image_encoder.CLIP.vision_model.register_forward_hook(lambda *_: runs.append(1))
    wrapped = WeightedGeoCLIP(model, RESIDUAL).train()
    _step(wrapped, *random_batches(1, rows=ROWS)[0])
    assert len(runs) == 1
    assert not model.image_encoder.mlp._forward_pre_hooks


def test_an_error_of_the_model_leaves_no_hook(model):
    wrapped = WeightedGeoCLIP(model, RESIDUAL).train()
    with pytest.raises(RuntimeError, match="size"):
        wrapped(torch.zeros(ROWS, 5, 32, 32), torch.zeros(ROWS, 2))
    assert not model.image_encoder.mlp._forward_pre_hooks


def test_evaluation_is_geoclips_own_and_weights_come_back_with_training(model):
    (images, gps), *_ = random_batches(1, rows=ROWS)
    model.gps_gallery = torch.cat([gps, gps.flip(0) * 0.5])
    wrapped = WeightedGeoCLIP(model, DECORRELATION, batch_noise=1000.0)
    wrapped.eval()
    assert torch.equal(wrapped(images, wrapped.gps_gallery), model(images, model.gps_gallery))
    loader = [(images, gps)]
    assert quiet(eval_images, loader, wrapped) == quiet(eval_images, loader, copy.deepcopy(model))
    assert wrapped.training


def test_the_parameters_and_the_state_are_those_of_the_model(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrapped = WeightedGeoCLIP(model, RESIDUAL, batch_noise=150.0, queue_noise=1000.0)
    assert [id(p) for p in wrapped.parameters()] == [id(p) for p in model.parameters()]
    assert wrapped.image_encoder is model.image_encoder
    assert wrapped.location_encoder is model.location_encoder
    _step(wrapped.train(), *random_batches(1, rows=ROWS)[0])
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_checkpoint_of_the_wrapper_goes_on_with_the_same_losses(model):
    batches = random_batches(4, rows=ROWS)
    wrapped, other = WeightedGeoCLIP(model, RESIDUAL), WeightedGeoCLIP(copy.deepcopy(model), RESIDUAL)
    for images, gps in batches[:3]:
        _step(wrapped.train(), images, gps)
    file = io.BytesIO()
    torch.save(wrapped.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(_step(wrapped.train(), *batches[3]), _step(other.train(), *batches[3]))


def test_the_encoder_sees_noisy_places_and_the_weights_clean_ones(model):
    class Recorder(nn.Module):
        def __init__(self, encoder):
            super().__init__()
            self.encoder, self.seen = encoder, []

        def forward(self, places):
            self.seen.append(places)
            return self.encoder(places)

    batches = random_batches(4, rows=ROWS)
    model.location_encoder = Recorder(model.location_encoder)
    wrapped = WeightedGeoCLIP(model, RESIDUAL, batch_noise=150.0, queue_noise=1000.0).train()
    for images, gps in batches[:3]:
        clean, before = torch.cat([gps, wrapped.get_gps_queue()]), wrapped.queue.feats.clone()
        noisy_logits = _step(wrapped, images, gps)
    seen = model.location_encoder.seen[-1]
    degrees = [part.double().numpy() for part in (clean, seen)]
    metres = np.array(Geod(ellps="WGS84").inv(*degrees[0].T[::-1], *degrees[1].T[::-1])[2])
    assert 50 < metres[:ROWS].mean() < 400  # 150 sqrt(pi / 2) = 188, of eight
    assert 700 < metres[ROWS:].mean() < 1900  # 1253, of sixteen
    features = _frozen(model, images)
    added = RESIDUAL.log_weights(clean[:ROWS], clean, features, torch.cat([features, before]))
    torch.testing.assert_close(noisy_logits, model(images, seen) + added, rtol=0, atol=1e-5)
    assert torch.equal(wrapped.get_gps_queue()[:ROWS], batches[2][1])  # the queue is clean


@pytest.mark.parametrize("noise", [{"batch_noise": 150.0}, {"queue_noise": 1000.0}])
def test_either_noise_leaves_the_other_places_alone(model, noise):
    (images, gps), *_ = random_batches(1, rows=ROWS)
    wrapped = WeightedGeoCLIP(model, UNIFORM, start="full", **noise).train()
    plain, noisy = model(images, torch.cat([gps, model.get_gps_queue()])), _step(wrapped, images, gps)
    is_batch = "batch_noise" in noise
    assert torch.equal(plain[:, :ROWS], noisy[:, :ROWS]) != is_batch
    assert torch.equal(plain[:, ROWS:], noisy[:, ROWS:]) == is_batch


def test_half_precision_of_the_model_does_not_reach_the_queue(model):
    wrapped = WeightedGeoCLIP(model, RESIDUAL).train()
    (images, gps), (_, other) = random_batches(2, rows=ROWS)
    _step(wrapped, images, gps)
    wrapped.half()
    assert torch.equal(wrapped.get_gps_queue()[:ROWS], gps)
    assert wrapped.get_gps_queue().dtype == torch.float32
    with pytest.raises(TypeError, match="half precision"):
        wrapped.queue.enqueue(other.half(), torch.zeros(ROWS, 768))


def test_mixed_precision_adds_weights_in_float32(model):
    wrapped = WeightedGeoCLIP(model, DECORRELATION).train()
    (images, gps), *_ = random_batches(1, rows=ROWS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, plain = wrapped(images, gps), model(images, gps)
    assert (plain.dtype, logits.dtype) == (torch.bfloat16, torch.float32)
    assert torch.equal(logits, plain.float() + DECORRELATION.log_weights(gps, gps))


def test_a_larger_batch_than_the_queue_leaves_its_last_samples_there(model):
    wrapped = WeightedGeoCLIP(model, RESIDUAL).train()
    images, gps = random_batches(1, rows=PLACES + 4)[0]
    _step(wrapped, images, gps)
    assert torch.equal(wrapped.get_gps_queue(), gps[4:])
    assert torch.equal(wrapped.queue.feats, _frozen(model, images)[4:])


def test_the_batch_must_be_announced_once_before_each_step(model):
    wrapped = WeightedGeoCLIP(model, RESIDUAL).train()
    (images, gps), *_ = random_batches(1, rows=ROWS)
    places = torch.cat([gps, wrapped.get_gps_queue()])
    with pytest.raises(ValueError, match=r"batch of 8 was not announced: the queue knows of no batch\. Call dequeue"):
        wrapped(images, places)
    wrapped.dequeue_and_enqueue(gps[:5])
    with pytest.raises(ValueError, match="knows of one of 5"):
        wrapped(images, places)
    wrapped.dequeue_and_enqueue(gps)
    wrapped(images, places)
    with pytest.raises(ValueError, match="knows of no batch"):
        wrapped(images, places)


def test_a_gallery_in_training_mode_is_refused(model):
    wrapped = WeightedGeoCLIP(model, UNIFORM).train()
    with pytest.raises(ValueError, match=r"location has 50 rows for 8 images.*queue of 16.*For a gallery call .eval"):
        wrapped(random_batches(1, rows=ROWS)[0][0], torch.zeros(50, 2))


def test_frozen_features_that_do_not_pass_the_head_are_refused(model, monkeypatch):
    wrapped = WeightedGeoCLIP(model, RESIDUAL).train()
    monkeypatch.setattr(model, "forward", lambda _, places: torch.zeros(ROWS, len(places)))
    with pytest.raises(ValueError, match="called its mlp 0 times"):
        wrapped(*random_batches(1, rows=ROWS)[0])


def _wrong_order():
    return NegativeWeights(UniformWeighting(), order="lonlat", units="deg")


def _wrong_unit():
    return NegativeWeights(UniformWeighting(), order="latlon", units="rad")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda m: WeightedGeoCLIP(m, _wrong_order()), ValueError, "'lonlat' and units 'deg'.*order='latlon', units="),
        (lambda m: WeightedGeoCLIP(m, _wrong_unit()), ValueError, "'latlon' and units 'rad'"),
        (lambda m: WeightedGeoCLIP(m, UniformWeighting()), TypeError, "weights of type UniformWeighting.*NegativeW"),
        (lambda m: WeightedGeoCLIP(m, UNIFORM, start="later"), ValueError, "start 'later'.*'at_once', 'full'"),
        (lambda m: WeightedGeoCLIP(m, UNIFORM, batch_noise=-1.0), ValueError, "batch_noise '-1.0'"),
        (lambda m: WeightedGeoCLIP(m, UNIFORM, queue_noise=math.nan), ValueError, "queue_noise 'nan'"),
        (lambda _: WeightedGeoCLIP(nn.Linear(2, 2), UNIFORM), TypeError, "model of type Linear. Must be a GeoCLIP"),
    ],
)
def test_what_makes_no_weighted_geoclip_is_refused(model, make, error, words):
    with pytest.raises(error, match=words):
        make(model)


def test_a_head_without_a_linear_layer_is_refused(model):
    model.image_encoder = FeatureEncoder(nn.Identity())
    with pytest.raises(TypeError, match="begins with a linear layer"):
        WeightedGeoCLIP(model, UNIFORM)


def test_repr_shows_the_settings_and_the_scheme(model):
    shown = repr(WeightedGeoCLIP(model, DECORRELATION, start="full", batch_noise=150.0))
    assert "start='full', batch_noise=150.0, queue_noise=0.0" in shown
    assert "DecorrelationWeighting" in shown


def test_frozen_features_take_the_place_of_images(model):
    batches = random_batches(3, rows=ROWS)
    with_clip = WeightedGeoCLIP(copy.deepcopy(model), RESIDUAL).train()
    features = [(_frozen(model, images), gps) for images, gps in batches]
    model.image_encoder = FeatureEncoder(model.image_encoder.mlp)
    without = WeightedGeoCLIP(model, RESIDUAL).train()
    for (images, gps), (frozen, _) in zip(batches, features, strict=True):
        assert torch.equal(_step(with_clip, images, gps), _step(without, frozen, gps))
    assert torch.equal(with_clip.queue.feats, without.queue.feats)


def _gallery(model):
    """Photos in three batches, and a gallery of 40 places of which four are written twice."""
    batches = random_batches(3, rows=ROWS)
    gallery = random_batches(1, rows=40, seed=9)[0][1]
    gallery[5:9] = gallery[30:34]
    gallery[:6] = torch.cat([gps for _, gps in batches])[::4] + 0.01
    model.gps_gallery = gallery
    return batches, gallery


def test_the_evaluation_equals_one_by_hand_and_geoclips_own_accuracies(model, monkeypatch):
    """In blocks of five places, so that the best entry and the rank are found across blocks."""
    monkeypatch.setattr("variogeo.trainers._gallery._ROWS_AT_ONCE", 5)
    batches, gallery = _gallery(model)
    model.train()
    found = evaluate_gallery(model, batches)
    assert model.training
    geod = Geod(ellps="WGS84")
    row = 0
    places = gallery.double().numpy()
    with torch.no_grad():
        scores = torch.cat([model.eval()(images, gallery) for images, _ in batches]).numpy()
    for _, gps in batches:
        for true in gps.double().numpy():
            away = [geod.inv(p[1], p[0], true[1], true[0])[2] / 1000 for p in places]
            nearest, best = int(np.argmin(away)), int(np.argmax(scores[row]))
            assert found.true[row].tolist() == [true[1], true[0]]
            assert found.predicted[row].tolist() == [places[best][1], places[best][0]]
            assert found.oracle[row].tolist() == [places[nearest][1], places[nearest][0]]
            assert found.error[row] == pytest.approx(away[best], rel=1e-9)
            assert found.oracle_error[row] == pytest.approx(away[nearest], rel=1e-9)
            better = {tuple(places[k]) for k in range(40) if scores[row][k] > scores[row][nearest]}
            assert found.rank[row] == len(better - {tuple(places[nearest])})
            row += 1
    theirs = quiet(eval_images, batches, model)
    for km in (1, 25, 200, 750, 2500):
        assert found.figures()[f"within {km} km (%)"][0] == pytest.approx(100 * theirs[f"acc_{km}_km"])
    for k in (1, 10):
        assert found.recall(k) == np.mean(found.rank < k)


def test_a_place_that_stands_three_times_in_the_gallery_counts_once():
    """The model prefers (50, 8) to the nearest place: three rows, one place. A recall at 2 finds the nearest."""
    model = nn.Module()
    model.image_encoder = model.location_encoder = nn.Identity()
    gallery = torch.tensor([[50.0, 8.0], [10.0, 10.0], [50.0, 8.0], [50.0, 8.0], [10.0, 10.0]])
    photos = [(torch.tensor([[50.0, 8.0], [10.0, 10.0]]), torch.tensor([[11.0, 10.0], [12.0, 10.0]]))]
    found = evaluate_gallery(model, photos, gallery=gallery)
    assert found.rank.tolist() == [1, 0]
    assert found.predicted.tolist() == [[8.0, 50.0], [10.0, 10.0]]
    assert found.oracle.tolist() == [[10.0, 10.0]] * 2
    assert (found.recall(1), found.recall(2)) == (0.5, 1.0)


@pytest.mark.parametrize("first", [[40.0, 20.0], [20.0, 40.0]])
def test_of_two_places_with_one_score_the_first_of_the_gallery_is_chosen(first):
    model = nn.Module()
    model.image_encoder = model.location_encoder = nn.Identity()
    gallery = torch.tensor([first, first[::-1], first])
    found = evaluate_gallery(model, [(torch.ones(1, 2), torch.zeros(1, 2))], gallery=gallery)
    assert found.predicted.tolist() == [first[::-1]]


def test_the_wrapper_is_evaluated_without_weights_and_its_mode_put_back(model):
    batches, gallery = _gallery(model)
    wrapped = WeightedGeoCLIP(model, DECORRELATION, batch_noise=1e5).eval()
    plain, weighted = evaluate_gallery(model, batches), evaluate_gallery(wrapped, batches, gallery=gallery)
    assert np.array_equal(plain.predicted, weighted.predicted)
    assert not wrapped.training


def test_the_mode_is_put_back_when_an_evaluation_fails(model):
    model.train()
    with pytest.raises(ValueError, match="batches is empty"):
        evaluate_gallery(model, [])
    assert model.training


def test_the_oracle_is_perfect_where_the_gallery_holds_the_photos(model):
    batches, _ = _gallery(model)
    true = torch.cat([gps for _, gps in batches])
    found = evaluate_gallery(model, batches, gallery=true)
    assert found.oracle_error.max() == 0
    assert found.figures()["within 1 km (%)"][1] == found.figures()["recall at 1 (%)"][1] == 100
    assert found.recall(len(true)) == 1


def test_a_model_of_nan_is_refused_and_not_placed_at_the_first_entry(model):
    batches, gallery = _gallery(model)
    broken = copy.deepcopy(model)
    broken.image_encoder.mlp[0].bias.data[0] = math.nan
    with pytest.raises(ValueError, match=r"embeddings of images are NaN or infinite: 8 rows of a batch, 0, 1"):
        evaluate_gallery(broken, batches)
    gallery[3] = math.inf
    with pytest.raises(ValueError, match="gallery"):
        evaluate_gallery(model, batches)


@pytest.mark.parametrize(
    ("gps", "words"),
    [
        (
            torch.tensor([[8.0, 50.0], [120.0, 50.0]]),
            "batches has latitudes beyond 90 degrees in rows 1. Latitude comes",
        ),
        (torch.tensor([[8.0, 50.0, 0.0]]), r"coordinates in batches of shape \(1, 3\)"),
        (torch.tensor([[8.0, math.nan]]), "batches .turned to longitude, latitude. has NaN"),
    ],
)
def test_places_that_are_none_are_refused(model, gps, words):
    with pytest.raises(ValueError, match=words):
        evaluate_gallery(model, [(torch.zeros(len(gps), 3, 32, 32), gps)])


def test_an_evaluation_is_a_frozen_value_of_equal_rows():
    places = np.zeros((2, 2))
    found = GalleryEvaluation(places, places, places, np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match="read-only"):
        found.predicted[0, 0] = 1.0
    with pytest.raises(AttributeError):
        found.rank = np.ones(2)
    with pytest.raises(ValueError, match="One row per photo in all"):
        GalleryEvaluation(places, places[:1], places, np.zeros(2, dtype=int))


def test_geoclip_without_pretrained_weights_has_a_random_location_encoder(original):
    """So a baseline from scratch is one; only ``from_pretrained=True`` loads the package's weights."""
    import geoclip

    pretrained = geoclip.LocationEncoder()
    weight = "LocEnc0.capsule.1.weight"
    assert not torch.equal(original.location_encoder.state_dict()[weight], pretrained.state_dict()[weight])


def test_the_example_trains_with_geoclips_own_loop(capsys):
    file = Path(__file__).parents[1] / "examples" / "train_geoclip_package.py"
    assert len(file.read_text().splitlines()) < 85
    assert file.read_text().count("# <- variogeo") in (2, 3)
    runpy.run_path(str(file), run_name="__main__")
    shown = capsys.readouterr().out
    assert "oracle" in shown
    assert "within 25 km (%)" in shown
