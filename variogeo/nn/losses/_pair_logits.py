"""PairLogits: the logits of two sets of features that are formed when they are asked for."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variogeo._cards import settings_html
from variogeo._checks import check_number


@dataclass(frozen=True, eq=False)
class PairLogits:
    r"""Logits of all pairs of two sets of features, for losses that take them some rows at a time.

    .. math:: l_{ij} = s\, a_i \cdot b_j + c

    Parameters
    ----------
    features_a : (B, d) float tensor
        Rows, as the model gives them: normalise them first for cosines.
    features_b : (M, d) float tensor
        Columns: the same batch, then maybe a queue or the other ranks.
    scale : float or one-element tensor
        ``s``, one over the temperature: ``model.logit_scale.exp()``.
    bias : float or one-element tensor, optional
        ``c``, the ``logit_bias`` of SigLIP.

    Raises
    ------
    TypeError
        For features that are no tensors of floats, or a scale that is no number.
    ValueError
        For shapes that do not fit, or a scale or bias that is not finite or holds several numbers.

    Notes
    -----
    The product runs in the dtype of the features, or in that of autocast where it is on, as in the usual
    training step; everything after it in float32 (float64 for float64 features). Gradients reach features,
    scale and bias.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import PairLogits
    >>> pairs = PairLogits(torch.eye(2), torch.eye(3, 2), scale=10.0, bias=-1.0)
    >>> pairs.shape
    (2, 3)
    >>> pairs.dense()
    tensor([[ 9., -1., -1.],
            [-1.,  9., -1.]])
    """

    features_a: Tensor
    features_b: Tensor
    scale: Tensor | float
    bias: Tensor | float | None = None

    def __post_init__(self) -> None:
        for name, features in (("features_a", self.features_a), ("features_b", self.features_b)):
            if not isinstance(features, Tensor) or not features.is_floating_point():
                kind = features.dtype if isinstance(features, Tensor) else type(features).__name__
                msg = f"Invalid {name} of {kind}. Must be a tensor of floats: the features of the model."
                raise TypeError(msg)
            if features.ndim != 2:
                msg = f"Invalid {name} of shape {tuple(features.shape)}. Must be (n, d): one row per sample."
                raise ValueError(msg)
        if self.features_a.shape[1] != self.features_b.shape[1]:
            msg = (
                f"features_a has {self.features_a.shape[1]} columns but features_b has {self.features_b.shape[1]}. "
                "Must be one feature space: project both first."
            )
            raise ValueError(msg)
        _check_one_number(self.scale, "scale")
        if self.bias is not None:
            _check_one_number(self.bias, "bias")

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns. Definition: ``(B, M)``. Units: none."""
        return self.features_a.shape[0], self.features_b.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the logits are formed. Definition: the device of ``features_a``. Units: none."""
        return self.features_a.device

    def terms(self) -> tuple[Tensor, Tensor, Tensor | float, Tensor | float | None]:
        """Return what the logits are made of, ready for the product.

        Returns
        -------
        features_a, features_b : (B, d), (M, d) tensor
            In the dtype of the product.
        scale, bias : float or () tensor
            As given; None without a bias.
        """
        dtype = torch.promote_types(self.features_a.dtype, self.features_b.dtype)
        # As autocast itself does, which leaves float64 alone.
        if dtype != torch.float64 and torch.is_autocast_enabled(self.device.type):
            dtype = torch.get_autocast_dtype(self.device.type)
        return self.features_a.to(dtype), self.features_b.to(dtype), _as_scalar(self.scale), _as_scalar(self.bias)

    def dense(self) -> Tensor:
        """Return all logits at once.

        Returns
        -------
        (B, M) tensor
            float32, or float64 for float64 features.
        """
        a, b, scale, bias = self.terms()
        return pair_rows(scale * a, b, bias)

    _repr_html_ = settings_html


def pair_rows(scaled: Tensor, b: Tensor, bias: Tensor | float | None) -> Tensor:
    """Return the logits of rows that are multiplied by the scale already."""
    logits = in_full(scaled @ b.T)
    return logits if bias is None else logits + bias


def in_full(logits: Tensor) -> Tensor:
    """Return logits in float32 at least."""
    return logits if logits.dtype == torch.float64 else logits.float()


def _as_scalar(value: Any) -> Any:
    """Return a one-element tensor without dimensions, so that it promotes no features; all else as it is."""
    return value.reshape(()) if isinstance(value, Tensor) else value


def _check_one_number(value: Tensor | float, name: str) -> None:
    """Refuse what is neither a finite number nor a tensor with one."""
    if not isinstance(value, Tensor):
        check_number(value, name=name)
    elif value.numel() != 1:
        msg = f"Invalid {name} of shape {tuple(value.shape)}. Must hold one number for all pairs."
        raise ValueError(msg)
