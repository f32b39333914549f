"""The losses of some rows together with their gradients with respect to the logits, in closed form."""

import torch
from torch import Tensor
from torch.nn import functional

from variogeo.nn.losses._row_terms import RowTerms, check_log_weights, check_soft_targets, factors, row_terms

# Each takes the logits of a slice of rows, which it leaves as they are, and returns (r,) losses and (r, M) gradients.


def cross_entropy_rows(logits: Tensor, rows: slice, *, log_weights: RowTerms, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return losses of `weighted_cross_entropy` and ``softmax(l + log w) - 1[j = p]``."""
    columns = target[rows][:, None]
    weights = row_terms(log_weights, rows, logits, name="log_weights")
    check_log_weights(weights, columns, rows)
    weighted = logits + weights.to(logits.dtype)
    weighted.scatter_(1, columns, logits.gather(1, columns))
    log_total = weighted.logsumexp(dim=1, keepdim=True)
    losses = (log_total - weighted.gather(1, columns)).squeeze(1)
    gradient = weighted.sub_(log_total).exp_()
    return losses, gradient.scatter_add_(1, columns, gradient.new_full(columns.shape, -1.0))


def soft_cross_entropy_rows(logits: Tensor, rows: slice, *, targets: RowTerms) -> tuple[Tensor, Tensor]:
    """Return losses of `soft_cross_entropy` and ``softmax(l) sum(q) - q``."""
    q = row_terms(targets, rows, logits, name="targets")
    check_soft_targets(q, rows)
    q = q.to(logits.dtype)
    log_softmax = logits.log_softmax(dim=1)
    losses = -(q * log_softmax).sum(dim=1)
    return losses, log_softmax.exp_().mul_(q.sum(dim=1, keepdim=True)).sub_(q)


def sigmoid_rows(logits: Tensor, rows: slice, *, log_weights: RowTerms, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return losses of `weighted_sigmoid` and ``w sigmoid(l)``, at the positive ``-sigmoid(-l)``."""
    target = target[rows]
    columns, has_positive = target.clamp(min=0)[:, None], target[:, None] >= 0
    weights = factors(row_terms(log_weights, rows, logits, name="log_weights"), target, rows, logits.dtype)
    positive = logits.gather(1, columns)
    losses = -(weights * functional.logsigmoid(-logits)).sum(dim=1)
    losses = losses - torch.where(has_positive, functional.logsigmoid(positive), 0.0).squeeze(1)
    pull = torch.where(has_positive, -torch.sigmoid(-positive), 0.0)
    return losses, weights.mul_(torch.sigmoid(logits)).scatter_add_(1, columns, pull)
