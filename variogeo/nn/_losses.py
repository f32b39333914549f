"""Losses that take log-weights or soft targets."""

import torch
from torch import Tensor
from torch.nn import functional


def weighted_cross_entropy(logits: Tensor, log_weights: Tensor, target: Tensor) -> Tensor:
    r"""Return the contrastive cross entropy with weighted negatives.

    .. math:: L = -\frac1B \sum_i \log
       \frac{e^{l_{ip}}}{e^{l_{ip}} + \sum_{j \ne p} w_{ij}\, e^{l_{ij}}}

    Parameters
    ----------
    logits : (B, M) tensor
        Similarities over the temperature.
    log_weights : (B, M) tensor
        ``log w`` as `NegativeWeights` makes it; -inf takes a negative out. The entry at the target counts
        as 0 whatever it is.
    target : (B,) int64 tensor
        Column of each row's positive.

    Returns
    -------
    () tensor
        The mean over the rows; float32, or float64 for float64 logits.

    Raises
    ------
    ValueError
        When the shapes of logits and log-weights differ.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import weighted_cross_entropy
    >>> logits = torch.zeros(2, 2)
    >>> log_weights = torch.tensor([[0.0, -torch.inf], [0.0, 0.0]])
    >>> weighted_cross_entropy(logits, log_weights, torch.tensor([0, 1]))  # (log 1 + log 2) / 2
    tensor(0.3466)
    """
    _check_same_shape(logits, log_weights, "log_weights")
    if target.shape != logits.shape[:1] or target.dtype != torch.int64:
        msg = (
            f"Invalid target of shape {tuple(target.shape)} and {target.dtype}. Must be ({logits.shape[0]},) int64: "
            "the column of each row's positive. For soft labels use soft_cross_entropy."
        )
        raise ValueError(msg)
    # A positive has no weight, also where the log-weights were made for other positives.
    return functional.cross_entropy(_in_full(logits) + log_weights.scatter(1, target[:, None], 0.0), target)


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Return the cross entropy against soft labels.

    .. math:: L = -\frac1B \sum_{ij} q_{ij} \log \text{softmax}(l_i)_j

    Parameters
    ----------
    logits : (B, M) tensor
        Similarities over the temperature.
    targets : (B, M) tensor
        ``q``, rows that sum to 1, as `SoftTargets` makes them.

    Returns
    -------
    () tensor
        The mean over the rows; float32, or float64 for float64 logits.

    Notes
    -----
    For both directions: ``(soft_cross_entropy(s, q(a, b)) + soft_cross_entropy(s.T, q(b, a))) / 2``.

    References
    ----------
    .. [1] Spatially-Weighted CLIP, arXiv 2604.04357.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import soft_cross_entropy
    >>> soft_cross_entropy(torch.zeros(2, 4), torch.full((2, 4), 0.25))  # log 4
    tensor(1.3863)
    """
    _check_same_shape(logits, targets, "targets")
    return functional.cross_entropy(_in_full(logits), targets)


def _in_full(logits: Tensor) -> Tensor:
    """Return logits in float32 at least."""
    return logits if logits.dtype == torch.float64 else logits.float()


def _check_same_shape(logits: Tensor, other: Tensor, name: str) -> None:
    if logits.ndim != 2 or logits.shape != other.shape:
        msg = f"Invalid {name} of shape {tuple(other.shape)} for logits {tuple(logits.shape)}. Both must be (B, M)."
        raise ValueError(msg)
