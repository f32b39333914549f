"""The Trainer of transformers: losses for its ``compute_loss_func``."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from variogeo.nn import NegativeWeights, weighted_cross_entropy, weighted_sigmoid
from variogeo.trainers._arguments import checked_weights
from variogeo.trainers._labels import places_and_features

try:
    from transformers.utils.generic import ModelOutput
except ImportError:
    _msg = (
        "transformers is not installed. Its extra: pip install 'variogeo[transformers]' "
        "(in a checkout '.[transformers]')."
    )
    raise ImportError(_msg) from None

LossFunction = Callable[..., Tensor]

_NOT_COUNTED = -100
"""The Trainer counts the entries of labels that differ from this."""


def weighted_loss(weights: NegativeWeights) -> LossFunction:
    r"""Return the contrastive loss of CLIP with weighted negatives, for the Trainer's ``compute_loss_func``.

    .. math:: L = \frac12 \left[ CE(l + \log w, \text{diagonal}) + CE(l^T + \log w, \text{diagonal}) \right]

    with the logits ``l`` of the model, for images and for texts.

    Parameters
    ----------
    weights : NegativeWeights
        The scheme, and how the coordinates are written.

    Returns
    -------
    callable
        ``(outputs, labels, num_items_in_batch=None) -> loss``. ``outputs`` are those of a model with
        ``logits_per_image`` and ``logits_per_text`` (CLIP, AltCLIP, ChineseCLIP ...); ``labels`` a (B, 2) tensor, the
        coordinates of each pair of image and text, or (B, 2 + d) with the d frozen features of the image behind them,
        for schemes that read the dissimilarity.

    Raises
    ------
    TypeError
        For anything but `NegativeWeights`; from the loss for labels without the features that the scheme needs.
    ValueError
        From the loss: when labels is None, because the Trainer dropped the column, and for shapes that do not fit.

    Notes
    -----
    The Trainer drops columns that the model's ``forward`` does not name, and passes ``labels=None``. So give it
    ``TrainingArguments(label_names=["labels"])`` or ``remove_unused_columns=False``.

    Under DeepSpeed the Trainer casts float inputs to half precision, in which places are lost, which is refused:
    there pass int32 coordinates with ``units="e7"``, and behind them the bits of the features:
    ``torch.cat([coordinates, features.float().view(torch.int32)], dim=1)``.

    With gradient accumulation each batch counts by its share of ``num_items_in_batch``, as the Trainer expects of a
    loss of one's own: the sum over the accumulated batches is their mean. It does not count an entry that is exactly
    -100, so a batch with such a longitude in degrees weighs a little less than its rows; with ``units="e7"`` there is
    hardly one.

    Where no gradients are formed, as in the evaluation of the Trainer, negatives are not weighted: ``eval_loss`` is the
    model's own loss, and those of different schemes compare.

    Each process contrasts its own batch, as the model's own loss does: negatives of other ranks take no part, and the
    step of DistributedDataParallel is along the mean of the losses of the ranks. Over several GPUs launch one process
    for each (torchrun): DataParallel returns logits of parts of the batch.

    Examples
    --------
    >>> import torch
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.transformers import weighted_loss
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> loss = weighted_loss(NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg"))
    >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
    >>> outputs = {"logits_per_image": torch.zeros(3, 3), "logits_per_text": torch.zeros(3, 3)}
    >>> loss(outputs, lonlat) < torch.tensor(3.0).log()  # the near negative counts less
    tensor(True)

    In the training script::

        Trainer(model, arguments, train_dataset=pairs, compute_loss_func=weighted_loss(weights))
    """
    return _for_trainer(weights, weighted_cross_entropy)


def weighted_sigmoid_loss(weights: NegativeWeights) -> LossFunction:
    r"""Return the sigmoid loss of SigLIP with weighted negatives, for the Trainer's ``compute_loss_func``.

    .. math:: L = \frac1B \sum_i \Big[ \text{softplus}(-l_{ii}) + \sum_{j \ne i} w_{ij}\, \text{softplus}(l_{ij}) \Big]

    Parameters
    ----------
    weights : NegativeWeights
        The scheme, and how the coordinates are written.

    Returns
    -------
    callable
        As of `weighted_loss`, for models with a sigmoid loss (SigLIP, SigLIP 2), whose logits hold scale and bias.

    Raises
    ------
    TypeError, ValueError
        As `weighted_loss`, whose notes on labels, evaluation and ranks hold here too.

    Examples
    --------
    >>> import torch
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.transformers import weighted_sigmoid_loss
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> loss = weighted_sigmoid_loss(NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg"))
    >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
    >>> outputs = {"logits_per_image": torch.zeros(3, 3), "logits_per_text": torch.zeros(3, 3)}
    >>> loss(outputs, lonlat) < 3 * torch.tensor(2.0).log()  # the near negative counts less
    tensor(True)
    """
    return _for_trainer(weights, weighted_sigmoid)


def _for_trainer(weights: NegativeWeights, criterion: LossFunction) -> LossFunction:
    """Return the loss function that the Trainer calls: the mean of both directions, by its share of the step."""
    checked_weights(weights)

    def loss(
        outputs: ModelOutput | dict[str, Any],
        labels: Tensor | None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        coords, features = _places(labels, weights)
        per_image, per_text = (_logits(outputs, f"logits_per_{side}", len(coords)) for side in ("image", "text"))
        # Pairs of the same rows: the matrix is the same for both directions, also after `row_mean_one`.
        log_weights = torch.zeros(per_image.shape, device=per_image.device)
        if torch.is_grad_enabled():
            log_weights = weights.log_weights(coords, coords, features, features)
        target = torch.arange(len(coords), device=coords.device)
        both = (criterion(per_image, log_weights, target) + criterion(per_text, log_weights, target)) / 2
        if num_items_in_batch is None or labels is None:
            return both
        return both * labels.ne(_NOT_COUNTED).sum() / num_items_in_batch

    return loss


def _places(labels: Any, weights: NegativeWeights) -> tuple[Tensor, Tensor | None]:
    """Return coordinates and features of the labels, or say why there are none."""
    if labels is None:
        msg = (
            "labels is None: the Trainer dropped the coordinates, because the model's forward has no argument of that "
            'name. Pass TrainingArguments(label_names=["labels"]) or remove_unused_columns=False, with the coordinates '
            'of each row as "labels".'
        )
        raise ValueError(msg)
    if not isinstance(labels, Tensor):
        msg = (
            f"Invalid labels of type {type(labels).__name__}. Must be one tensor: the coordinates, then the frozen "
            "features where the scheme needs them."
        )
        raise TypeError(msg)
    return places_and_features(labels, weights)


def _logits(outputs: ModelOutput | dict[str, Any], name: str, rows: int) -> Tensor:
    """Return the square logits of one direction, or refuse other outputs."""
    logits = outputs.get(name) if isinstance(outputs, dict) else None
    if not isinstance(logits, Tensor):
        msg = (
            f"The outputs of the model have no {name}. Must be those of a model that contrasts images and texts, such "
            "as CLIPModel, as a ModelOutput (return_dict=True)."
        )
        raise TypeError(msg)
    if logits.shape != (rows, rows):
        msg = (
            f"{name} has shape {tuple(logits.shape)} but labels has {rows} rows. Must be one row of labels per pair; "
            "with several GPUs launch one process for each (torchrun), not DataParallel."
        )
        raise ValueError(msg)
    return logits
