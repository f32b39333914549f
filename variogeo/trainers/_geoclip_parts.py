"""Parts of a GeoCLIP: its sizes, its frozen features, the weights that fit it, and the logits of the thesis."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from variogeo._distances import EARTH_RADIUS
from variogeo._weighting import ThesisMultiplier
from variogeo.nn import NegativeWeights
from variogeo.nn._coordinates import Coordinates

_PLACES = Coordinates("latlon", "deg")
"""How GeoCLIP writes places."""


def check_weights(weights: NegativeWeights | ThesisMultiplier) -> bool:
    """Return whether the weights compare images, or refuse those that a GeoCLIP cannot use."""
    if isinstance(weights, ThesisMultiplier):
        return True
    if not isinstance(weights, NegativeWeights):
        msg = (
            f"Invalid weights of type {type(weights).__name__}. Must be NegativeWeights or a ThesisMultiplier: "
            "NegativeWeights(scheme, order='latlon', units='deg')."
        )
        raise TypeError(msg)
    if weights.coordinates != _PLACES:
        msg = (
            f"Invalid weights with order {weights.coordinates.order!r} and units {weights.coordinates.units!r}. "
            "GeoCLIP writes latitude, longitude in degrees: make them with "
            "NegativeWeights(scheme, order='latlon', units='deg')."
        )
        raise ValueError(msg)
    return weights.scheme.needs_dissimilarity


def sizes_of(model: Any) -> tuple[int, int, torch.device]:
    """Return the width of the frozen features, and the size and device of the queue of a GeoCLIP."""
    try:
        head, queue = model.image_encoder.mlp, model.get_gps_queue()
        width = next(layer.in_features for layer in head.modules() if isinstance(layer, nn.Linear))
    except (AttributeError, StopIteration):
        msg = (
            f"Invalid model of type {type(model).__name__}. Must be a GeoCLIP: with get_gps_queue, and an "
            "image_encoder whose trainable head is called mlp and begins with a linear layer."
        )
        raise TypeError(msg) from None
    return width, queue.shape[0], queue.device


def logits_and_features(model: Any, image: Tensor, location: Tensor) -> tuple[Tensor, Tensor]:
    """Return the model's logits, and in float32 what entered the head of its image encoder on the way."""
    entered: list[Tensor] = []
    hook = model.image_encoder.mlp.register_forward_pre_hook(
        lambda _, inputs: entered.append(inputs[0].detach().float())
    )
    try:
        logits = model(image, location)
    finally:
        hook.remove()
    if len(entered) != 1:
        msg = (
            f"model.image_encoder called its mlp {len(entered)} times. Must be once per batch: what enters it are the "
            "frozen features."
        )
        raise ValueError(msg)
    return logits, entered[0]


@torch.no_grad()
def thesis_multipliers(scheme: ThesisMultiplier, coords: tuple[Any, Any], feats: tuple[Any, Any]) -> Tensor:
    """Return (B, M) float32 multipliers of logits, 1 at the positives, from places and features of rows and columns.

    In float64: it reproduces, so that the order of operations is not to matter.
    """
    a, b = (_PLACES.unit_vectors(part, "location") for part in coords)
    step = a[:, None, :] - b[None, :, :]
    quarter_chord2 = torch.clamp((step * step).sum(dim=-1) / 4, max=1.0)
    lag = 2 * EARTH_RADIUS * torch.asin(torch.sqrt(quarter_chord2))
    u, v = (functional.normalize(part.double(), dim=1) for part in feats)
    return scheme(lag, 1.0 - u @ v.T).fill_diagonal_(1.0).float()
