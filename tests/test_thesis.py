"""The thesis' code, transcribed from the description in words, beside the library's path: equal to the last bit."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit
from tiny_geoclip import quiet, random_batches, tiny_geoclip, train
from torch import nn
from torch.nn import functional

from variogeo import Exponential, LagBins, Stable, ThesisMultiplier, empirical_variogram, fit_variogram
from variogeo.synthetic import gaussian_field, uniform_lonlat
from variogeo.trainers._geoclip_parts import thesis_multipliers
from variogeo.trainers.geoclip import WeightedGeoCLIP

EARTH = 6371.0088
BIN = 0.001
MODEL = Stable(nugget=0.05, partial_sill=0.12, effective_range=4000.0, shape=0.9)


class Transcription:
    """Training as the thesis describes it: a GPS queue, a queue of frozen features beside it, a multiplied logit."""

    def __init__(self, model, curve, rho):
        self.model, self.curve, self.rho = model, curve, rho
        self.size = model.queue_size
        self.features = np.zeros((self.size, 768))
        self.seen = 0

    def loss(self, images, gps):
        """Return the loss of a step, which takes the batch into the queue."""
        queue = self.model.get_gps_queue().clone()
        queue_features, had_wrapped = self.features.copy(), self.seen >= self.size
        with torch.no_grad():
            frozen = self.model.image_encoder.CLIP.get_image_features(pixel_values=images).pooler_output
        self._enqueue(gps, frozen.numpy().astype(np.float64))

        noisy = torch.cat([moved(gps, 150.0), moved(queue, 1000.0)])
        image = functional.normalize(self.model.image_encoder.mlp(frozen), dim=1)
        place = functional.normalize(self.model.location_encoder(noisy), dim=1)
        logits = self.model.logit_scale.exp() * (image @ place.t())
        if had_wrapped:
            own = frozen.numpy().astype(np.float64)
            w = self._weights(gps, torch.cat([gps, queue]), own, np.concatenate([own, queue_features]))
            w[np.arange(len(w)), np.arange(len(w))] = 1.0
            logits = logits * torch.tensor(w.astype(np.float32))
        return functional.cross_entropy(logits, torch.arange(len(images)))

    def _enqueue(self, gps, features):
        start = int(self.model.gps_queue_ptr)
        self.model.dequeue_and_enqueue(gps)
        for k, row in enumerate(features):
            self.features[(start + k) % self.size] = row
        self.seen += len(features)

    def _weights(self, gps_a, gps_b, features_a, features_b):
        h = haversine(gps_a.numpy().astype(np.float64), gps_b.numpy().astype(np.float64))
        a = features_a / np.linalg.norm(features_a, axis=1, keepdims=True)
        b = features_b / np.linalg.norm(features_b, axis=1, keepdims=True)
        c = 1 - a @ b.T
        e = np.maximum(0, c - self.curve(h)) * (h <= self.rho)
        return np.exp(e)


def haversine(a, b):
    """Angles (radians) between places in degrees, latitude first."""
    a, b = np.radians(a)[:, None], np.radians(b)[None]
    square = np.sin((a - b)[..., 0] / 2) ** 2 + np.cos(a[..., 0]) * np.cos(b[..., 0]) * np.sin((a - b)[..., 1] / 2) ** 2
    return 2 * np.arcsin(np.sqrt(np.minimum(square, 1)))


def moved(gps, metres):
    """Places moved by a bearing and a distance: the formulas of navigation."""
    step = torch.randn(len(gps), 2, dtype=torch.float64).numpy() * (metres / 1000 / EARTH)
    bearing, arc = np.arctan2(step[:, 0], step[:, 1]), np.hypot(step[:, 0], step[:, 1])
    latitude, longitude = np.radians(gps.numpy().astype(np.float64)).T
    north = np.arcsin(np.sin(latitude) * np.cos(arc) + np.cos(latitude) * np.sin(arc) * np.cos(bearing))
    east = longitude + np.arctan2(
        np.sin(bearing) * np.sin(arc) * np.cos(latitude), np.cos(arc) - np.sin(latitude) * np.sin(north)
    )
    east = (np.degrees(east) + 180) % 360 - 180
    return torch.tensor(np.stack([np.degrees(north), east], axis=1).astype(np.float32))


def stable(h, nugget, partial_sill, scale, shape):
    """Return the stable model with nugget, over radians; a variogram is 0 at 0."""
    return np.where(h == 0, 0.0, nugget + partial_sill * (1 - np.exp(-((h / scale) ** shape))))


def scale_of(model):
    """Scale (radians) of the thesis' formula for one of the library's models."""
    return model.effective_range / EARTH / math.log(20) ** (1 / model.shape)


def slope_range(curve):
    """Return the first point of a 0.01 rad grid at which the curve's slope is below 0.01 per rad."""
    for t in np.arange(0, math.pi, 0.01):
        low = max(t - 1e-7, 1e-12)
        if (curve(t + 1e-7) - curve(low)) / (t + 1e-7 - low) < 1e-2:
            return t
    raise AssertionError


def curve_of(model):
    return lambda h: stable(h, model.nugget, model.partial_sill, scale_of(model), model.shape)


def thesis_optimizer(model):
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-5, weight_decay=1e-6)
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.87)


@torch.no_grad()
def fill(wrapped, thesis, batches):
    """Let both queues fill without training."""
    for images, gps in batches:
        torch.manual_seed(4)
        places = torch.cat([gps, wrapped.get_gps_queue()])
        wrapped.dequeue_and_enqueue(gps)
        logits = wrapped(images, places)
        torch.manual_seed(4)
        assert torch.equal(functional.cross_entropy(logits, torch.arange(len(gps))), thesis.loss(images, gps))


def both_ways(model, batches, epochs, before=()):
    """Return both models, and the losses of geoclip's own train() with the wrapper and of the transcription."""
    ours, theirs = copy.deepcopy(model), copy.deepcopy(model)
    wrapped = WeightedGeoCLIP(ours, ThesisMultiplier(MODEL), start="full", batch_noise=150.0, queue_noise=1000.0)
    thesis, expected, losses = Transcription(theirs, curve_of(MODEL), slope_range(curve_of(MODEL))), [], []
    fill(wrapped, thesis, before)
    criterion = nn.CrossEntropyLoss()

    def recorded(logits, target):
        losses.append(criterion(logits, target))
        return losses[-1]

    torch.manual_seed(5)
    optimizer, scheduler = thesis_optimizer(wrapped)
    for epoch in range(epochs):
        quiet(train, batches, wrapped, optimizer, epoch, len(batches[0][0]), "cpu", scheduler, recorded)

    torch.manual_seed(5)
    optimizer, scheduler = thesis_optimizer(theirs)
    for _ in range(epochs):
        for images, gps in batches:
            optimizer.zero_grad()
            expected.append(thesis.loss(images, gps))
            expected[-1].backward()
            optimizer.step()
        scheduler.step()
    return ours, theirs, losses, expected


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clip")


def test_training_steps_with_geoclips_own_train_equal_the_transcription_bit_for_bit(folder):
    """48 places of queue in batches of 16: three steps without weights, five with."""
    batches = random_batches(4, rows=16)
    batches[2][1][5] = batches[2][1][4]  # two photos of one place
    ours, theirs, losses, expected = both_ways(tiny_geoclip(folder, queue_size=48), batches, epochs=2)
    assert [torch.equal(a, b) for a, b in zip(losses, expected, strict=True)] == [True] * 8
    for (name, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert torch.equal(a, b), name


def test_the_loss_of_the_thesis_own_sizes_equals_the_transcription_bit_for_bit(folder):
    """Batches of 128 and a queue of 4 096, with a small location encoder: wrapped after 32 steps, then weights."""
    model = tiny_geoclip(folder, queue_size=4096)
    torch.manual_seed(1)
    model.location_encoder = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 512))
    batches = random_batches(34, rows=128)
    ours, theirs, losses, expected = both_ways(model, batches[31:], epochs=1, before=batches[:31])
    assert [torch.equal(a, b) for a, b in zip(losses, expected, strict=True)] == [True] * 3
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_the_weights_of_the_thesis_matter_from_the_wrap_on(folder):
    """The comparison above could not fail if the multipliers were all 1."""
    model = tiny_geoclip(folder, queue_size=32)
    batches = random_batches(4, rows=16)
    weighted = WeightedGeoCLIP(copy.deepcopy(model), ThesisMultiplier(MODEL), start="full").train()
    differs = []
    for images, gps in batches:
        places = torch.cat([gps, weighted.get_gps_queue()])
        weighted.dequeue_and_enqueue(gps)
        differs.append(not torch.equal(weighted(images, places), weighted.model(images, places)))
    assert differs == [False, False, True, True]


def test_the_curve_and_the_range_of_the_thesis_come_from_the_librarys_fit():
    """Bins of 0.001 rad over 0..pi, least squares without weights, and the slope rule, all by hand beside it."""
    lonlat = uniform_lonlat(500, seed=2)
    truth = Exponential(nugget=0.1, partial_sill=0.4, effective_range=3000.0)
    features = gaussian_field(lonlat, truth, dimensions=64, seed=2)
    bins = LagBins(np.arange(0, math.pi + BIN, BIN) * EARTH)
    fit = fit_variogram(empirical_variogram(lonlat, features, bins, metric="great_circle"), Stable, weights="equal")

    first, second = np.triu_indices(500, 1)
    h = haversine(lonlat[:, ::-1], lonlat[:, ::-1])[first, second]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    c = 1 - (unit[first] * unit[second]).sum(axis=1)
    number = np.ceil(h / BIN).astype(int)
    count = np.bincount(number)
    used = count > 0
    lag = np.bincount(number, h)[used] / count[used]
    semivariance = np.bincount(number, c)[used] / count[used]
    found, _ = curve_fit(stable, lag, semivariance, p0=(0.1, 0.4, 0.2, 1.0), bounds=([0, 0, 1e-3, 0.1], [1, 1, 3, 1.0]))
    t = np.linspace(0.01, 3, 100)
    np.testing.assert_allclose(fit.model(t * EARTH), stable(t, *found), atol=1e-4)
    rho = slope_range(lambda h: stable(h, *found))
    assert ThesisMultiplier(fit.model).rho == pytest.approx(rho * EARTH, rel=1e-12)
    assert rho > 0.3


def test_a_positive_is_never_multiplied_whatever_its_feature():
    """A feature without a direction has the dissimilarity 1 to all, itself included."""
    places = torch.tensor([[50.0, 8.0], [50.5, 8.0]])
    features = torch.zeros(2, 3)
    multipliers = thesis_multipliers(ThesisMultiplier(MODEL), (places, places), (features, features))
    assert multipliers.diagonal().tolist() == [1.0, 1.0]
    assert (multipliers.flip(1).diagonal() > 2).all()
