"""The symmetric contrastive loss with weighted negatives, from logits and the coordinates of the batch."""

import torch
from torch import Tensor, distributed, nn

from variogeo.nn import NegativeWeights, weighted_cross_entropy
from variogeo.nn._coordinates import check_tensor
from variogeo.trainers._arguments import checked_weights
from variogeo.trainers._ranks import rows_and_columns


class ContrastiveLoss(nn.Module):
    r"""Symmetric cross entropy over the logits of both directions, with weighted negatives.

    .. math:: L = \tfrac12\,[\mathrm{CE}(l + \log w) + \mathrm{CE}(l' + \log w)], \quad w_{ii} = 1

    Parameters
    ----------
    weights : NegativeWeights
        A submodule, so a checkpoint of your LightningModule holds the scheme and brings it back.

    Notes
    -----
    In evaluation mode, which Lightning sets for validation, negatives are not weighted: validation losses of
    different schemes compare.

    Both sides of a pair are the same two samples, so one matrix of weights serves both directions. With several
    ranks, rows may be local and columns global (features gathered with ``self.all_gather(features, sync_grads=True)``)
    or both global; coordinates and frozen features are gathered here, without gradient.

    Lightning's ``precision="bf16-true"`` casts every float of a batch, coordinates included, to bfloat16, which is
    refused: keep them as int32 in 1e-7 degrees and say ``units="e7"``. ``"bf16-mixed"`` leaves them alone.

    Examples
    --------
    >>> import torch
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.lightning import ContrastiveLoss
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> loss = ContrastiveLoss(NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg"))
    >>> logits, lonlat = torch.eye(2), torch.tensor([[8.0, 50.0], [8.1, 50.0]])
    >>> loss(logits, logits.T, lonlat)  # log(e + w) - 1 with a weight of 0.23
    tensor(0.0824)
    """

    def __init__(self, weights: NegativeWeights) -> None:
        super().__init__()
        self.weights = checked_weights(weights)

    def forward(
        self,
        logits_per_image: Tensor,
        logits_per_location: Tensor,
        coords: Tensor,
        frozen_features: Tensor | None = None,
    ) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        logits_per_image, logits_per_location : (B, M) tensor
            Similarities over the temperature, of images to locations and of locations to images.
        coords : (n, 2) tensor
            Places of the samples of this rank, in the order and units of ``weights``.
        frozen_features : (n, d) tensor, optional
            Features of the curve's space, for schemes that need them.

        Returns
        -------
        () tensor
            float32, or float64 for float64 logits.

        Raises
        ------
        ValueError
            When B or M is neither the number of samples of this rank nor of all ranks.
        TypeError
            For arrays in the place of tensors.
        """
        given = {"logits_per_image": logits_per_image, "logits_per_location": logits_per_location, "coords": coords}
        for name, value in given.items():
            check_tensor(value, name=name)
        rows, columns = _sides(logits_per_image, logits_per_location, coords)
        frozen = (None, None)
        if frozen_features is not None:
            check_tensor(frozen_features, name="frozen_features")
            frozen = _sides(logits_per_image, logits_per_location, frozen_features)
        positives = torch.arange(len(rows), device=coords.device)
        if len(rows) < len(columns):
            positives = positives + _rank() * len(rows)
        log_weights = torch.zeros(logits_per_image.shape, dtype=torch.float32, device=coords.device)
        if self.training:
            log_weights = self.weights(rows, columns, *frozen, positives=positives)
        to_locations = weighted_cross_entropy(logits_per_image, log_weights, positives)
        to_images = weighted_cross_entropy(logits_per_location, log_weights, positives)
        return (to_locations + to_images) / 2


def _sides(logits: Tensor, other_logits: Tensor, tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Return what belongs to the rows and to the columns of both logits: this rank's samples, or those of all."""
    own, world = len(tensor), _world_size()
    shapes = {tuple(each.shape) for each in (logits, other_logits)}
    if not shapes <= {(own, own)} and not shapes <= {(own, own * world)} and not shapes <= {(own * world, own * world)}:
        msg = (
            f"Invalid logits of shapes {tuple(logits.shape)} and {tuple(other_logits.shape)} with {own} samples on "
            f"each of {world} ranks. Both must have one shape: rows of this rank, or of all, and columns of this rank, "
            "or of all. For rows of this rank make each direction by its own product; a transpose has other rows."
        )
        raise ValueError(msg)
    rows, columns = logits.shape
    return rows_and_columns(tensor, all_rows=rows != own, all_columns=columns != own)


def _world_size() -> int:
    """Return the number of processes."""
    is_distributed = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if is_distributed else 1


def _rank() -> int:
    """Return the number of this process, of several."""
    return distributed.get_rank()
