"""The way of coordinates through open_clip's training loop: attached to the tokens, split off by the model."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from variogeo._checks import check_whole


def attach_coordinates(tokens: Tensor, coords: Tensor, frozen_features: Tensor | None = None) -> Tensor:
    """Return tokens with the place of each sample, and maybe its frozen features, as further columns.

    open_clip's loop passes images and tokens on and nothing else, so coordinates travel with the tokens.
    `CoordinateModel` splits them off again.

    Parameters
    ----------
    tokens : (..., n) int tensor
        Of one sample or of a batch, padded to the context length as open_clip's tokenizers return them.
    coords : (..., 2) int32 or int64 tensor
        Coordinates in 1e-7 degrees (E7), in the order of your `NegativeWeights`.
    frozen_features : (..., d) float tensor, optional
        Features of the space in which the curve was fitted, for schemes that need them. They travel as the bits of
        their float32 values, unchanged.

    Returns
    -------
    (..., n + 2) or (..., n + 2 + d) int64 tensor

    Raises
    ------
    TypeError
        For coordinates that are no integers.
    ValueError
        For shapes that do not fit.

    Examples
    --------
    >>> import torch
    >>> from variogeo.trainers.open_clip import attach_coordinates
    >>> degrees = torch.tensor([[8.25, -50.5]], dtype=torch.float64)
    >>> attach_coordinates(torch.tensor([[1, 2, 3]]), torch.round(degrees * 1e7).long())
    tensor([[         1,          2,          3,   82500000, -505000000]])
    """
    if tokens.is_floating_point() or coords.dtype not in (torch.int32, torch.int64):
        msg = (
            f"Invalid tokens of {tokens.dtype} with coords of {coords.dtype}. Both must be integers, coords in 1e-7 "
            "degrees: torch.round(degrees * 1e7).long(), with degrees in float64."
        )
        raise TypeError(msg)
    if coords.shape != (*tokens.shape[:-1], 2):
        msg = f"Invalid coords of shape {tuple(coords.shape)} for tokens {tuple(tokens.shape)}. Must be (..., 2)."
        raise ValueError(msg)
    parts = [tokens.long(), coords.long()]
    if frozen_features is not None:
        if not frozen_features.is_floating_point() or frozen_features.shape[:-1] != tokens.shape[:-1]:
            msg = (
                f"Invalid frozen_features of shape {tuple(frozen_features.shape)} and {frozen_features.dtype} for "
                f"tokens {tuple(tokens.shape)}. Must be floats with one row per sample."
            )
            raise ValueError(msg)
        parts.append(frozen_features.detach().float().contiguous().view(torch.int32).long())
    return torch.cat(parts, dim=-1)


class CoordinateModel(nn.Module):
    """A model of open_clip whose output also holds the coordinates that came with the tokens.

    Parameters
    ----------
    model : torch.nn.Module
        CLIP or CustomTextCLIP, made with ``output_dict=True`` as open_clip's training script does.
    context_length : int, optional
        Columns of the tokens; the model's own by default. Give it for text towers of transformers, whose
        tokenizer may be set to fewer.

    Notes
    -----
    All other attributes and methods are those of the model (``encode_image``, ``logit_scale``,
    ``lock_image_tower``), and the state dict has its keys: checkpoints fit the bare model, and the other way round.
    Tokens without further columns, as of a zero-shot evaluation, go straight through.

    Examples
    --------
    >>> import open_clip, torch
    >>> from variogeo.trainers.open_clip import CoordinateModel, attach_coordinates
    >>> vision = open_clip.CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=8, image_size=16)
    >>> text = open_clip.CLIPTextCfg(context_length=4, vocab_size=9, width=32, heads=2, layers=1)
    >>> model = CoordinateModel(open_clip.CLIP(8, vision, text, output_dict=True))
    >>> coords = torch.tensor([[82500000, -505000000]])
    >>> output = model(torch.zeros(1, 3, 16, 16), attach_coordinates(torch.tensor([[1, 2, 3, 0]]), coords))
    >>> output["coords"]
    tensor([[  82500000, -505000000]])
    """

    def __init__(self, model: nn.Module, *, context_length: int | None = None) -> None:
        super().__init__()
        self.model = model
        given: Any = model.context_length if context_length is None else context_length
        self.context_length = check_whole(given, name="context_length", at_least=1)
        self.register_state_dict_post_hook(_leave_out_the_wrapper)
        self.register_load_state_dict_pre_hook(_put_in_the_wrapper)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the model where this module has none of that name."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "model":
                raise
            return getattr(self.model, name)

    def forward(self, image: Tensor | None = None, text: Tensor | None = None) -> dict[str, Tensor]:
        """Return the model's output with ``coords``, and ``frozen_features`` where they came along.

        Raises
        ------
        ValueError
            When the columns of ``text`` do not end with coordinates.
        TypeError
            When the model does not return a dict.
        """
        further: dict[str, Tensor] = {}
        if text is not None:
            text, further = self._split(text)
        output = self.model(image=image, text=text)
        if not isinstance(output, Mapping):
            msg = f"The model returns a {type(output).__name__}. Make it with output_dict=True."
            raise TypeError(msg)
        return {**output, **further}

    def _split(self, text: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the tokens and what came with them."""
        tokens, tail = text[:, : self.context_length], text[:, self.context_length :]
        if tokens.shape[1] < self.context_length or tail.shape[1] == 1:
            msg = (
                f"Invalid text of {text.shape[1]} columns for a context length of {self.context_length}. Pad the "
                "tokens to it and append the coordinates: attach_coordinates(tokens, coords). Where the tokenizer is "
                "set to another length, pass CoordinateModel its context_length."
            )
            raise ValueError(msg)
        further = {"coords": tail[:, :2]} if tail.shape[1] else {}
        if tail.shape[1] > 2:
            further["frozen_features"] = tail[:, 2:].to(torch.int32).contiguous().view(torch.float32)
        return tokens, further


def _leave_out_the_wrapper(_module: nn.Module, state_dict: dict[str, Any], prefix: str, _metadata: Any) -> None:
    """Take the wrapper's name out of the keys of a state dict."""
    inner = f"{prefix}model."
    names = [name for name in state_dict if name.startswith(inner)]
    state_dict.update({prefix + name.removeprefix(inner): state_dict.pop(name) for name in names})


def _put_in_the_wrapper(_module: nn.Module, state_dict: dict[str, Any], prefix: str, *_further: Any) -> None:
    """Put the wrapper's name into the keys of a state dict that is about to be loaded."""
    names = [name for name in state_dict if name.startswith(prefix)]
    state_dict.update({f"{prefix}model.{name.removeprefix(prefix)}": state_dict.pop(name) for name in names})
