"""Labels that hold places: the coordinates of a row, then the frozen features that its scheme reads."""

import torch
from torch import Tensor

from variogeo.nn import NegativeWeights
from variogeo.nn._coordinates import require_rows

_SMALLEST_NORMAL = 2**23
"""Below it, and above its negative, bits are those of no usual float32: whole numbers look so."""

_WIDTH = {"deg": 2, "rad": 2, "e7": 2, "xyz": 3}


def places_and_features(labels: Tensor, weights: NegativeWeights) -> tuple[Tensor, Tensor | None]:
    """Return the coordinates and the frozen features of (n, 2) or (n, 2 + d) labels, None where there are none.

    Behind coordinates in whole numbers the features are the bits of float32.
    """
    units = weights.coordinates.units or "deg"
    width, needed = _WIDTH[units], weights.scheme.needs_dissimilarity
    if labels.ndim != 2 or labels.shape[1] < width:
        msg = (
            f"Invalid labels of shape {tuple(labels.shape)}. Must be (n, {width}): the coordinates of each row in "
            f"units {units!r}, in the order of the weights; or (n, {width} + d) with d frozen features behind them."
        )
        raise ValueError(msg)
    if not needed:
        return labels[:, :width], None
    scheme = type(weights.scheme).__name__
    if labels.shape[1] == width:
        msg = (
            f"{scheme} needs the frozen features in which its curve was fitted, but the labels hold coordinates only. "
            "Append the features to the labels of each row: torch.cat([coordinates, features], dim=1)."
        )
        raise TypeError(msg)
    if labels.is_floating_point():
        return labels[:, :width], labels[:, width:]
    return labels[:, :width], _from_bits(labels[:, width:])


def _from_bits(bits: Tensor) -> Tensor:
    """Return the float32 features whose bits stand behind whole coordinates; refuse features that were rounded."""
    cure = "Append the bits of float32: torch.cat([coordinates, features.float().view(torch.int32)], dim=1)"
    if bits.dtype == torch.int64:
        beyond = ((bits < -(2**31)) | (bits >= 2**31)).any(dim=1)
        require_rows(~beyond, f"labels of int64 have features of more than 32 bits. {cure}")
    bits = bits.to(torch.int32)
    small = ((bits > -_SMALLEST_NORMAL) & (bits < _SMALLEST_NORMAL)).all(dim=1)
    # Rounded features of length one are 0 throughout; a single row of zeros is a place without an image.
    only_zeros = (bits == 0).all()
    require_rows(
        ~(small & ((bits != 0).any(dim=1) | only_zeros)),
        f"labels of whole numbers have features that were rounded, or are all 0 (NaN is no image). {cure}",
    )
    return bits.contiguous().view(torch.float32)
