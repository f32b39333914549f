"""Coordinates that ride along with features through what trainers do to these."""

import math

import pytest
import torch

from variogeo import DecorrelationWeighting, Exponential
from variogeo.nn import NegativeWeights, pack, unpack

LONLAT = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, -80.0], [-179.5, 0.0]], dtype=torch.float64)
FEATURES = torch.arange(12.0).reshape(4, 3)
SCHEME = DecorrelationWeighting(Exponential(0.1, 0.9, 3000.0))


def test_what_is_packed_is_unpacked():
    packed = pack(FEATURES, LONLAT, order="lonlat", units="deg")
    features, xyz = unpack(packed)
    assert packed.shape == (4, 6)
    assert torch.equal(features, FEATURES)
    longitude, latitude = torch.deg2rad(LONLAT).T
    across = latitude.cos()
    expected = torch.stack([across * longitude.cos(), across * longitude.sin(), latitude.sin()], dim=1)
    torch.testing.assert_close(xyz, expected.float(), rtol=0, atol=6e-8)
    again = pack(FEATURES, xyz, units="xyz")
    torch.testing.assert_close(again, packed, rtol=0, atol=6e-8)


def test_weights_survive_slices_joins_and_gathers():
    packed = pack(FEATURES, LONLAT, order="lonlat", units="deg")
    moved = torch.cat([packed[2:], packed[:2]]).gather(0, torch.tensor([[2], [3], [0], [1]]).expand(-1, 6))
    xyz = unpack(moved)[1]
    ridden = NegativeWeights(SCHEME, units="xyz").log_weights(xyz, xyz)
    direct = NegativeWeights(SCHEME, order="lonlat", units="deg").log_weights(LONLAT, LONLAT)
    torch.testing.assert_close(ridden, direct, rtol=0, atol=1e-5)


def test_the_gradient_reaches_the_features_only():
    features = FEATURES.clone().requires_grad_()
    coords = LONLAT.clone().requires_grad_()
    unpacked, xyz = unpack(pack(features, coords, order="lonlat", units="deg") * 1.0)
    assert not xyz.requires_grad
    unpacked.square().sum().backward()
    assert torch.equal(features.grad, 2 * FEATURES)
    assert coords.grad is None


@pytest.mark.parametrize(
    ("dtype", "full"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_half_precision_is_raised_to_float32(dtype, full):
    assert pack(FEATURES.to(dtype), LONLAT, order="lonlat", units="deg").dtype == full


def _pack(features, coords):
    return pack(features, coords, order="lonlat", units="deg")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pack(FEATURES, LONLAT), TypeError, "units is not given"),
        (lambda: pack(FEATURES, LONLAT, units="deg"), TypeError, "order is not given"),
        (lambda: _pack(FEATURES[:3], LONLAT), ValueError, "features has 3 rows but coords has 4"),
        (lambda: _pack(FEATURES.int(), LONLAT), TypeError, "features of torch.int32. Must be a tensor of floats"),
        (lambda: _pack(FEATURES.numpy(), LONLAT), TypeError, "features of ndarray"),
        (lambda: _pack(FEATURES[0], LONLAT), ValueError, r"features of shape \(3,\)"),
        (lambda: _pack(FEATURES, LONLAT.bfloat16()), TypeError, "coords of torch.bfloat16"),
        (lambda: _pack(FEATURES, LONLAT * math.nan), ValueError, "coords has coordinates that are NaN.*4 rows, 0, 1"),
        (lambda: unpack(FEATURES), ValueError, r"packed of shape \(4, 3\). Must be \(n, d\) with d of at least 4"),
        (
            lambda: unpack(_pack(FEATURES, LONLAT).half()),
            TypeError,
            "packed of torch.float16.*Cast the features before pack, or after unpack",
        ),
        (
            lambda: NegativeWeights(SCHEME, units="xyz")(*[unpack(0.5 * _pack(FEATURES, LONLAT))[1]] * 2),
            ValueError,
            "coords_a has rows that are not of unit length",
        ),
    ],
)
def test_what_cannot_ride_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
