"""What the losses of open_clip share: how coordinates pass through its methods, and what is refused."""

from typing import NamedTuple

from torch import Tensor


class Carried(NamedTuple):
    """What `forward` hands to `get_logits` in the place of the bias, which open_clip passes on as it is."""

    logit_bias: Tensor | None
    coords: Tensor
    frozen_features: Tensor | None


def given(coords: Tensor | None) -> Tensor:
    """Refuse the absence of coordinates."""
    if coords is None:
        msg = (
            "coords is not given. Wrap the model, CoordinateModel(model), and append the coordinates to the tokens, "
            "attach_coordinates(tokens, coords): then they come with the model's output."
        )
        raise TypeError(msg)
    return coords
