"""open_clip's SigLipLoss with weighted negatives."""

from typing import Any

import torch
from open_clip.loss import SigLipLoss
from torch import Tensor

from variogeo.nn import NegativeWeights, pack, unpack, weighted_sigmoid
from variogeo.trainers._arguments import checked_weights
from variogeo.trainers._carried import Carried, given
from variogeo.trainers._riding_weights import RidingWeights


class WeightedSigLipLoss(SigLipLoss):
    r"""open_clip's SigLipLoss with weighted negatives.

    .. math:: L = \frac1B \sum_i \Big[\log(1 + e^{-l_{ii}}) + \sum_{j \ne i} w_{ij} \log(1 + e^{l_{ij}})\Big]

    Parameters
    ----------
    weights : NegativeWeights
        With ``units="e7"`` for the coordinates of `CoordinateModel`. Its scheme and settings are taken over.
    cache_labels, rank, world_size, dist_impl
        As of open_clip's SigLipLoss.

    Raises
    ------
    ValueError
        For ``row_mean_one`` with several ranks: a block of columns does not know the mean of the whole row.

    Notes
    -----
    The weights multiply terms of the loss: a bias on the logits would be another loss. The ranks exchange text
    features; coordinates, and frozen features where there are any, ride along with them, so every ``dist_impl`` works
    and each block of columns has its own. A unit vector in float32 places a sample to 0.4 m. With several ranks a row
    whose negatives are all masked is not refused, since they are never seen together: the term of its positive is left.

    In evaluation mode, ``loss.eval()``, this is open_clip's SigLipLoss itself, and coordinates are not read.

    Examples
    --------
    >>> import torch
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.open_clip import WeightedSigLipLoss
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> loss = WeightedSigLipLoss(NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="e7"))
    >>> features, scale, bias = torch.eye(2), torch.tensor(1.0), torch.tensor(0.0)
    >>> loss(features, features, scale, bias, coords=torch.tensor([[0, 0], [1000000, 0]]))  # log(1 + 1/e) + log(2) / 4
    tensor(0.4876)
    """

    def __init__(
        self,
        weights: NegativeWeights,
        *,
        cache_labels: bool = False,
        rank: int = 0,
        world_size: int = 1,
        dist_impl: str | None = None,
    ) -> None:
        super().__init__(cache_labels, rank, world_size, dist_impl)
        self._written = checked_weights(weights).coordinates
        if weights.row_mean_one and world_size > 1:
            msg = (
                f"Invalid row_mean_one=True with world_size {world_size}. SigLIP's ranks exchange blocks of columns, "
                "and a block does not know the mean of the whole row. Set row_mean_one=False, or use WeightedClipLoss."
            )
            raise ValueError(msg)
        coincident: Any = weights.coincident
        self.weights = NegativeWeights(
            weights.scheme,
            units="xyz",
            coincident=coincident,
            row_mean_one=weights.row_mean_one,
            feature_width=weights.feature_width,
        )
        self._riding = RidingWeights()

    def forward(
        self,
        image_features: Tensor,
        text_features: Tensor,
        logit_scale: Tensor,
        logit_bias: Tensor | None,
        output_dict: bool = False,
        *,
        coords: Tensor | None = None,
        frozen_features: Tensor | None = None,
    ) -> Any:
        """Return the loss, or a dict of it; the arguments are those of `WeightedClipLoss.forward`."""
        if not self.training:
            return super().forward(image_features, text_features, logit_scale, logit_bias, output_dict)
        riding = text_features
        if frozen_features is not None:
            # A row without an image, NaN, becomes zeros, which mean the same and survive dist_impl="reduce".
            without = frozen_features.isnan().any(dim=1, keepdim=True)
            frozen_features = torch.where(without, 0.0, frozen_features.detach())
            riding = torch.cat([text_features, frozen_features], dim=1)
        packed = pack(riding, given(coords), order=self._written.order, units=self._written.units)
        carried: Any = Carried(logit_bias, unpack(packed)[1], frozen_features)
        return super().forward(image_features, packed, logit_scale, carried, output_dict)

    def _loss(
        self,
        image_features: Tensor,
        text_features: Tensor,
        logit_scale: Tensor,
        logit_bias: Any = None,
        negative_only: bool = False,
    ) -> Tensor:
        """Return the loss of one block of columns, whose coordinates came along."""
        if not self.training:
            return super()._loss(image_features, text_features, logit_scale, logit_bias, negative_only)
        bias, rows, frozen_rows = logit_bias
        riding, columns = unpack(text_features)
        features, frozen_columns = riding.tensor_split([image_features.shape[1]], dim=1)
        logits = self.get_logits(image_features, features.to(image_features.dtype), logit_scale, bias)
        frozen = (None, None) if frozen_rows is None else (frozen_rows, frozen_columns)
        positives = torch.arange(len(rows), device=rows.device)
        if self.world_size == 1:
            log_weights = self.weights(rows, columns, *frozen, positives=positives)
        else:
            # Of several blocks one may well be masked whole.
            log_weights = self._riding(self.weights, (rows, columns), frozen)
        return weighted_sigmoid(logits, log_weights, torch.full_like(positives, -1) if negative_only else positives)
