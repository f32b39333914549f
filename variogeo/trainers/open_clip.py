"""open_clip 3.3: its losses with weighted negatives or soft labels, and a model that brings the coordinates to them.

Three lines of a training script change::

    tokens = attach_coordinates(tokens, coords)                     # in the dataset or its collate function
    model = CoordinateModel(model)                                  # before DistributedDataParallel
    loss = WeightedClipLoss(NegativeWeights(scheme, order="lonlat", units="e7"), rank=rank, world_size=world_size)

open_clip's ``train_one_epoch`` stays as it is, with ``accum_freq``, mixed precision and several ranks. Its main branch
moved the step into ``CLIPTask``, which calls the model by the same two names and the loss with the same output: there,
too, attach the coordinates to ``batch["text"]`` and give the task ``model=`` and ``loss=``. No release holds that
branch, so only the calls that it makes are tested.
"""

from typing import Any

from torch import Tensor

from variogeo.nn import NegativeWeights, SoftTargets, soft_cross_entropy
from variogeo.trainers._arguments import checked_weights

try:
    from open_clip.loss import ClipLoss
except (ImportError, RuntimeError) as reason:  # RuntimeError: a torchvision of another torch
    msg = (
        f"open_clip cannot be imported: {reason}. Its extra: pip install 'variogeo[open-clip]' (in a checkout "
        "'.[open-clip]'), with the torchvision of your torch: for one without CUDA add --extra-index-url "
        "https://download.pytorch.org/whl/cpu."
    )
    raise ImportError(msg) from reason

from variogeo.trainers._carried import Carried, given
from variogeo.trainers._coordinate_model import CoordinateModel, attach_coordinates
from variogeo.trainers._ranks import rows_and_columns
from variogeo.trainers._siglip_loss import WeightedSigLipLoss

__all__ = ["CoordinateModel", "SoftClipLoss", "WeightedClipLoss", "WeightedSigLipLoss", "attach_coordinates"]


class WeightedClipLoss(ClipLoss):
    r"""open_clip's ClipLoss with weighted negatives: log-weights are added to its logits, in both directions.

    .. math:: l_{ij} \to l_{ij} + \log w_{ij}, \quad w_{ii} = 1

    Parameters
    ----------
    weights : NegativeWeights
        With ``units="e7"`` for the coordinates of `CoordinateModel`.
    local_loss, gather_with_grad, cache_labels, rank, world_size
        As of open_clip's ClipLoss.

    Notes
    -----
    Logits, labels and cross entropy are open_clip's own. The log-weights are added in float32 and out of place, once
    for image to text and once for text to image: both sides of a pair are the same two samples, so one matrix serves.
    Never hand weights to open_clip as ``logit_bias``: with ``world_size > 1`` and ``local_loss=False`` it adds that
    twice, in place, to a matrix and its transposed view. With several ranks coordinates and frozen features are
    gathered without gradient, so all ranks need equally many rows.

    In evaluation mode, ``loss.eval()``, this is open_clip's ClipLoss itself, and coordinates are not read. open_clip's
    ``train_one_epoch`` leaves the loss in training mode, and its ``evaluate`` does not call it.

    Examples
    --------
    >>> import torch
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.open_clip import WeightedClipLoss
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> loss = WeightedClipLoss(NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="e7"))
    >>> features, scale = torch.eye(3), torch.tensor(1.0)
    >>> loss(features, features, scale, coords=torch.tensor([[0, 0], [1000000, 0], [900000000, 0]]))  # w = 1/4, 1, 1
    tensor(0.4363)
    """

    def __init__(
        self,
        weights: NegativeWeights,
        *,
        local_loss: bool = False,
        gather_with_grad: bool = False,
        cache_labels: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(local_loss, gather_with_grad, cache_labels, rank, world_size)
        self.weights = checked_weights(weights)

    def forward(
        self,
        image_features: Tensor,
        text_features: Tensor,
        logit_scale: Tensor,
        logit_bias: Tensor | None = None,
        output_dict: bool = False,
        *,
        coords: Tensor | None = None,
        frozen_features: Tensor | None = None,
    ) -> Any:
        """Return the loss, or a dict of it.

        Parameters
        ----------
        image_features, text_features : (B, d) tensor
            Normalised, of this rank.
        logit_scale, logit_bias : () tensor
            As the model returns them.
        output_dict : bool
            Whether to return ``{"contrastive_loss": loss}``, as open_clip's loop asks for.
        coords : (B, 2) tensor
            Places of the samples, in the order and units of ``weights``.
        frozen_features : (B, d') tensor, optional
            Features of the curve's space, for schemes that need them.
        """
        if not self.training:
            return super().forward(image_features, text_features, logit_scale, logit_bias, output_dict)
        carried: Any = Carried(logit_bias, given(coords), frozen_features)
        return super().forward(image_features, text_features, logit_scale, carried, output_dict)

    def get_logits(
        self, image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Return open_clip's logits of both directions, in training mode plus the log-weights, float32 at least."""
        if not self.training:
            return super().get_logits(image_features, text_features, logit_scale, logit_bias)
        bias, coords, frozen = logit_bias
        per_image, per_text = super().get_logits(image_features, text_features, logit_scale, bias)
        rows, columns = _sides(self, coords)
        frozen_rows, frozen_columns = (None, None) if frozen is None else _sides(self, frozen)
        positives = self.get_ground_truth(image_features.device, len(rows))
        log_weights = self.weights(rows, columns, frozen_rows, frozen_columns, positives=positives)
        return per_image + log_weights, per_text + log_weights


class SoftClipLoss(ClipLoss):
    r"""open_clip's logits against soft labels that decay with distance, in both directions (SW-CLIP).

    .. math:: L = \tfrac12\,[\mathrm{CE}(q, l) + \mathrm{CE}(q, l^\top)]

    Parameters
    ----------
    targets : SoftTargets
        With ``units="e7"`` for the coordinates of `CoordinateModel`.
    local_loss, gather_with_grad, cache_labels, rank, world_size
        As of open_clip's ClipLoss.

    Notes
    -----
    Both sides of a pair are the same two samples, so the labels of the two directions are the same matrix. In
    evaluation mode the labels stay soft.

    Raises
    ------
    TypeError
        For anything but `SoftTargets`.

    Examples
    --------
    >>> import torch
    >>> from variogeo import Exponential
    >>> from variogeo.nn import SoftTargets
    >>> from variogeo.trainers.open_clip import SoftClipLoss
    >>> curve = Exponential(nugget=0.0, partial_sill=1.0, effective_range=100.0)
    >>> loss = SoftClipLoss(SoftTargets(curve, order="lonlat", units="e7"))
    >>> features, scale = torch.eye(2), torch.tensor(1.0)
    >>> loss(features, features, scale, coords=torch.tensor([[0, 0], [900000000, 0]]))  # far apart: ClipLoss
    tensor(0.3133)
    """

    def __init__(
        self,
        targets: SoftTargets,
        *,
        local_loss: bool = False,
        gather_with_grad: bool = False,
        cache_labels: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(local_loss, gather_with_grad, cache_labels, rank, world_size)
        if not isinstance(targets, SoftTargets):
            msg = (
                f"Invalid targets of type {type(targets).__name__}. Must be SoftTargets, e.g. "
                'SoftTargets(curve, order="lonlat", units="e7"). NegativeWeights belong into WeightedClipLoss.'
            )
            raise TypeError(msg)
        self.targets = targets

    def forward(
        self,
        image_features: Tensor,
        text_features: Tensor,
        logit_scale: Tensor,
        logit_bias: Tensor | None = None,
        output_dict: bool = False,
        *,
        coords: Tensor | None = None,
    ) -> Any:
        """Return the loss, or a dict of it; the arguments are those of `WeightedClipLoss.forward`."""
        per_image, per_text = self.get_logits(image_features, text_features, logit_scale, logit_bias)
        rows, columns = _sides(self, given(coords))
        positives = self.get_ground_truth(image_features.device, len(rows))
        labels = self.targets(rows, columns, positives=positives)
        loss = (soft_cross_entropy(per_image, labels) + soft_cross_entropy(per_text, labels)) / 2
        return {"contrastive_loss": loss} if output_dict else loss


def _sides(loss: ClipLoss, tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Return what belongs to the rows and to the columns of open_clip's logits."""
    return rows_and_columns(tensor, all_rows=not loss.local_loss, all_columns=loss.world_size > 1)
