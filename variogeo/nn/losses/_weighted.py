"""Losses that take log-weights or soft targets."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from variogeo.nn.losses._chunked import chunked_mean
from variogeo.nn.losses._pair_logits import PairLogits, in_full
from variogeo.nn.losses._row_gradients import cross_entropy_rows, sigmoid_rows, soft_cross_entropy_rows
from variogeo.nn.losses._row_terms import (
    Logits,
    Reduction,
    RowTerms,
    check_log_weights,
    check_logits,
    check_reduction,
    check_row_terms,
    check_soft_targets,
    check_target,
    factors,
    row_terms,
)


def weighted_cross_entropy(
    logits: Logits,
    log_weights: RowTerms,
    target: Tensor,
    *,
    chunk: int | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the contrastive cross entropy with weighted negatives.

    .. math:: L = -\frac1B \sum_i \log
       \frac{e^{l_{ip}}}{e^{l_{ip}} + \sum_{j \ne p} w_{ij}\, e^{l_{ij}}}

    Parameters
    ----------
    logits : (B, M) tensor or PairLogits
        Similarities over the temperature.
    log_weights : (B, M) tensor or callable
        ``log w`` as `NegativeWeights` makes it; -inf takes a negative out. The entry at the target counts
        as 0 whatever it is. A callable takes a slice of rows and returns (rows, M): ``weights.by_rows(...)``.
    target : (B,) int64 tensor
        Column of each row's positive.
    chunk : int, optional
        Rows that are in memory at once: the gradient is formed in the forward pass, block by block. Takes
        less memory and gives the same numbers up to rounding. By default all rows at once.
    reduction : {"mean", "none"}
        The mean over the rows, or each row's loss (not with ``chunk``).

    Returns
    -------
    () or (B,) tensor
        float32, or float64 for float64 logits.

    Raises
    ------
    ValueError
        For shapes that do not fit. On the CPU also for NaN log-weights, a target that is no column, and rows
        all of whose negatives are masked.
    TypeError
        For arguments of other types, e.g. a module of weights that has not been called.

    Notes
    -----
    On a device or in a compiled graph values are not looked at, since that would wait for the device. There a
    row all of whose negatives are masked has loss 0 and gradient 0, and NaN log-weights make a NaN loss.

    With ``chunk`` use `PairLogits` and a callable: then nothing of size (B, M) exists. Log-weights are constants
    then, and second derivatives are refused. Without ``chunk`` the loss compiles to one graph; with it too, but
    the blocks are unrolled, so keep them few or leave the loss outside of the compiled part.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import PairLogits, weighted_cross_entropy
    >>> logits = torch.zeros(2, 2)
    >>> log_weights = torch.tensor([[0.0, -1.0], [0.0, 0.0]])
    >>> weighted_cross_entropy(logits, log_weights, torch.tensor([0, 1]))  # (log(1 + 1/e) + log 2) / 2
    tensor(0.5032)
    >>> pairs = PairLogits(torch.zeros(2, 3), torch.zeros(2, 3), scale=14.3)
    >>> weighted_cross_entropy(pairs, lambda rows: log_weights[rows], torch.tensor([0, 1]), chunk=1)
    tensor(0.5032)
    """
    check_logits(logits)
    check_row_terms(log_weights, logits, name="log_weights", chunk=chunk)
    check_target(target, logits)
    check_reduction(reduction, chunk)
    if chunk is not None:
        return chunked_mean(logits, partial(cross_entropy_rows, log_weights=log_weights, target=target), chunk)
    full, columns, rows = as_matrix(logits), target[:, None], slice(0, logits.shape[0])
    weights = row_terms(log_weights, rows, full, name="log_weights")
    check_log_weights(weights, columns, rows)
    # A positive has no weight, also where the log-weights were made for other positives.
    added = weights.to(full.dtype).scatter(1, columns, 0.0)
    return functional.cross_entropy(full + added, target, reduction=reduction)


def soft_cross_entropy(
    logits: Logits, targets: RowTerms, *, chunk: int | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Return the cross entropy against soft labels.

    .. math:: L = -\frac1B \sum_{ij} q_{ij} \log \text{softmax}(l_i)_j

    Parameters
    ----------
    logits : (B, M) tensor or PairLogits
        Similarities over the temperature.
    targets : (B, M) tensor or callable
        ``q``, rows that sum to 1, as `SoftTargets` makes them. A callable takes a slice of rows and returns
        (rows, M).
    chunk : int, optional
        Rows that are in memory at once, as in `weighted_cross_entropy`.
    reduction : {"mean", "none"}
        The mean over the rows, or each row's loss (not with ``chunk``).

    Returns
    -------
    () or (B,) tensor
        float32, or float64 for float64 logits.

    Raises
    ------
    ValueError
        For shapes that do not fit. On the CPU also for rows with negative entries, or whose sum is not 1
        within 1e-3 (within 8e-3 in bfloat16).
    TypeError
        For arguments of other types, e.g. a module of targets that has not been called.

    Notes
    -----
    For both directions: ``(soft_cross_entropy(s, q(a, b)) + soft_cross_entropy(s.T, q(b, a))) / 2``. The
    targets come from geography and not from the model, so no training can make them collapse.

    The least value is the entropy of the targets and not 0: compare losses only between equal targets.

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
    check_logits(logits)
    check_row_terms(targets, logits, name="targets", chunk=chunk)
    check_reduction(reduction, chunk)
    if chunk is not None:
        return chunked_mean(logits, partial(soft_cross_entropy_rows, targets=targets), chunk)
    full, rows = as_matrix(logits), slice(0, logits.shape[0])
    q = row_terms(targets, rows, full, name="targets")
    check_soft_targets(q, rows)
    return functional.cross_entropy(full, q.to(full.dtype), reduction=reduction)


def weighted_sigmoid(
    logits: Logits,
    log_weights: RowTerms,
    target: Tensor,
    *,
    chunk: int | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the pairwise sigmoid loss of SigLIP with weighted negatives.

    .. math:: L = \frac1B \sum_i \Big[\log(1 + e^{-l_{ip}}) + \sum_{j \ne p} w_{ij} \log(1 + e^{l_{ij}})\Big]

    Parameters
    ----------
    logits : (B, M) tensor or PairLogits
        Similarities times the scale, plus the bias of SigLIP.
    log_weights : (B, M) tensor or callable
        ``log w`` as `NegativeWeights` makes it; -inf takes a negative out. The entry at the target counts
        as 0 whatever it is. A callable takes a slice of rows and returns (rows, M).
    target : (B,) int64 tensor
        Column of each row's positive; -1 for a row whose positive is not among these columns, because
        they come from another rank.
    chunk : int, optional
        Rows that are in memory at once, as in `weighted_cross_entropy`.
    reduction : {"mean", "none"}
        The sum over all pairs divided by B, or each row's sum (not with ``chunk``).

    Returns
    -------
    () or (B,) tensor
        float32, or float64 for float64 logits.

    Raises
    ------
    ValueError
        For shapes that do not fit. On the CPU also for log-weights that are NaN or above 60, and a target that is no
        column.
    TypeError
        For arguments of other types, e.g. a module of weights that has not been called.

    Notes
    -----
    The weights multiply terms of the loss. Adding ``log w`` to logits, as the cross entropy allows, would be
    another loss here. A row all of whose negatives are masked keeps the term of its positive. Sums of weights above
    e^60 (1e26) may overflow: on a device or in a compiled graph, where they are not refused, they count as e^60. The
    gradient of logits in float16 ends at 65 504, with weights of some e^11: take bfloat16 or float32 beyond.

    References
    ----------
    .. [1] Zhai et al. 2023, Sigmoid loss for language image pre-training, arXiv 2303.15343, eq. 1.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import weighted_sigmoid
    >>> weighted_sigmoid(torch.zeros(2, 2), torch.zeros(2, 2), torch.tensor([0, 1]))  # 4 log 2 / 2
    tensor(1.3863)
    """
    check_logits(logits)
    check_row_terms(log_weights, logits, name="log_weights", chunk=chunk)
    check_target(target, logits, lowest=-1)
    check_reduction(reduction, chunk)
    if chunk is not None:
        return chunked_mean(logits, partial(sigmoid_rows, log_weights=log_weights, target=target), chunk)
    full, rows = as_matrix(logits), slice(0, logits.shape[0])
    columns, has_positive = target.clamp(min=0)[:, None], target[:, None] >= 0
    w = factors(row_terms(log_weights, rows, full, name="log_weights"), target, rows, full.dtype)
    negatives = -(w * functional.logsigmoid(-full)).sum(dim=1)
    positives = torch.where(has_positive, -functional.logsigmoid(full.gather(1, columns)), 0.0).squeeze(1)
    losses = negatives + positives
    return losses.mean() if reduction == "mean" else losses


def as_matrix(logits: Logits) -> Tensor:
    """Return all logits as one (B, M) tensor in float32 at least."""
    return logits.dense() if isinstance(logits, PairLogits) else in_full(logits)
