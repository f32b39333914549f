"""What a loss takes beside the logits: log-weights, soft targets and columns of positives, row by row and checked."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from variogeo._checks import check_choice, check_whole, listed_rows
from variogeo.nn._coordinates import on_host
from variogeo.nn.losses._pair_logits import PairLogits

Logits = Tensor | PairLogits
"""Logits as a (B, M) matrix, or what they are made of."""

RowTerms = Tensor | Callable[[slice], Tensor]
"""A (B, M) matrix, or a function that makes the rows of a slice."""

Reduction = Literal["mean", "none"]

LARGEST_LOG_WEIGHT = 60.0
"""Of weights that multiply terms: sums of so many as memory holds stay finite in float32, which ends at exp(88.7)."""


def check_logits(logits: Logits) -> None:
    """Refuse what is no (B, M) logits of floats, or has no row or no column."""
    if not isinstance(logits, Tensor | PairLogits):
        msg = f"Invalid logits of type {type(logits).__name__}. Must be a (B, M) tensor or PairLogits."
        raise TypeError(msg)
    if isinstance(logits, Tensor) and not logits.is_floating_point():
        msg = f"Invalid logits of {logits.dtype}. Must be floats: similarities over the temperature."
        raise TypeError(msg)
    if len(logits.shape) != 2 or 0 in logits.shape:
        msg = f"Invalid logits of shape {tuple(logits.shape)}. Must be (B, M) with at least one row and one column."
        raise ValueError(msg)


def check_reduction(reduction: str, chunk: int | None) -> None:
    """Refuse an unknown reduction, an odd chunk, and rows one by one from a chunked loss."""
    check_choice(reduction, Reduction, name="reduction")
    if chunk is None:
        return
    check_whole(chunk, name="chunk", at_least=1)
    if reduction == "none":
        msg = (
            "Invalid reduction 'none' with chunk: the gradient is formed for the mean while the rows go by. "
            "Leave chunk out, or take the mean."
        )
        raise ValueError(msg)


def check_row_terms(terms: RowTerms, logits: Logits, *, name: str, chunk: int | None) -> None:
    """Refuse terms that are neither a fitting tensor nor a function of a slice."""
    if isinstance(terms, nn.Module):
        msg = (
            f"Invalid {name}: a {type(terms).__name__} has to be called. "
            f"Pass what it returns for the coordinates, or its by_rows(...) where it has one."
        )
        raise TypeError(msg)
    if not isinstance(terms, Tensor):
        if not callable(terms):
            msg = f"Invalid {name} of type {type(terms).__name__}. Must be a (B, M) tensor, or a function of a slice."
            raise TypeError(msg)
        return
    if terms.shape != logits.shape:
        msg = f"Invalid {name} of shape {tuple(terms.shape)} for logits {tuple(logits.shape)}. Both must be (B, M)."
        raise ValueError(msg)
    if not terms.is_floating_point():
        msg = f"Invalid {name} of {terms.dtype}. Must be floats."
        raise TypeError(msg)
    if chunk is not None and terms.requires_grad:
        msg = f"{name} requires a gradient, which is not formed with chunk. Pass {name}.detach(), or leave chunk out."
        raise ValueError(msg)


def check_target(target: Tensor, logits: Logits, *, lowest: int = 0) -> None:
    """Refuse a target that is not one column per row; ``lowest`` is -1 where a row may have no positive."""
    rows, columns = logits.shape
    if not isinstance(target, Tensor):
        msg = f"Invalid target of type {type(target).__name__}. Must be a ({rows},) int64 tensor: torch.as_tensor(...)."
        raise TypeError(msg)
    if target.shape != (rows,) or target.dtype != torch.int64:
        msg = (
            f"Invalid target of shape {tuple(target.shape)} and {target.dtype}. Must be ({rows},) int64: "
            "the column of each row's positive. For soft labels use soft_cross_entropy."
        )
        raise ValueError(msg)
    if on_host(target):
        outside = _row_numbers((target < lowest) | (target >= columns), slice(0, rows))
        if outside:
            msg = f"target is no column in {lowest}..{columns - 1} in rows {listed_rows(outside)}. It counts columns."
            raise ValueError(msg)


def row_terms(terms: RowTerms, rows: slice, logits: Tensor, *, name: str) -> Tensor:
    """Return the terms of a slice of rows, whose logits are given."""
    if isinstance(terms, Tensor):
        return terms[rows]
    made = terms(rows)
    if not isinstance(made, Tensor) or made.shape != logits.shape or not made.is_floating_point():
        kind = f"{made.dtype} {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
        msg = (
            f"{name}({rows.start}:{rows.stop}) returned {kind}. A function of a slice must return "
            f"floats of shape {tuple(logits.shape)}: those rows, all columns."
        )
        raise ValueError(msg)
    return made


def check_log_weights(log_weights: Tensor, columns: Tensor, rows: slice) -> None:
    """Refuse NaN and infinite weights of negatives, and rows that have no negative left."""
    if on_host(log_weights):
        largest = log_weights.detach().scatter(1, columns, -torch.inf).amax(dim=1)
        _check_largest(largest, rows)
        masked = _row_numbers(largest == -torch.inf, rows)
        # A batch of one has no negative to mask: its loss is 0, as without weights.
        if masked and log_weights.shape[1] > 1:
            msg = (
                f"All negatives are masked in rows {listed_rows(masked)}: nothing is left to tell the positive from. "
                'Use larger batches or a queue, a smaller mask, or coincident="weight".'
            )
            raise ValueError(msg)


def factors(log_weights: Tensor, target: Tensor, rows: slice, dtype: torch.dtype) -> Tensor:
    """Return the (r, M) weights of negatives that multiply terms: finite, and 0 at the positives, where there are any.

    What is too large is refused on the host, and held at the limit on a device or in a graph.
    """
    columns, has_positive = target.clamp(min=0)[:, None], target[:, None] >= 0
    at_positive = torch.where(has_positive, -torch.inf, log_weights.gather(1, columns))
    negatives = log_weights.scatter(1, columns, at_positive)
    if on_host(negatives):
        largest = negatives.detach().amax(dim=1)
        _check_largest(largest, rows)
        beyond = _row_numbers(largest > LARGEST_LOG_WEIGHT, rows)
        if beyond:
            msg = (
                f"log_weights is above {LARGEST_LOG_WEIGHT:g} in rows {listed_rows(beyond)}: {largest.max():.3g}. Such "
                "weights overflow. Lower the strength of the scheme, or set row_mean_one=True in NegativeWeights."
            )
            raise ValueError(msg)
    return negatives.to(dtype).clamp(max=LARGEST_LOG_WEIGHT).exp()


def check_soft_targets(targets: Tensor, rows: slice) -> None:
    """Refuse rows that are no probabilities."""
    if not on_host(targets):
        return
    # Rounding of entries in half precision shows in their sum.
    allowed = max(1e-3, torch.finfo(targets.dtype).eps)
    fits = (targets.float().sum(dim=1) - 1).abs() <= allowed
    odd = _row_numbers(~(fits & (targets >= 0).all(dim=1)), rows)
    if odd:
        msg = (
            f"targets is no probability in rows {listed_rows(odd)}: entries must be at least 0 and sum to 1. "
            "Divide each row by its sum; for the other direction normalise the rows of the transpose."
        )
        raise ValueError(msg)


def _check_largest(largest: Tensor, rows: slice) -> None:
    """Refuse rows whose largest log-weight is NaN, which passes through a maximum, or infinite."""
    odd = _row_numbers(largest.isnan() | (largest == torch.inf), rows)
    if odd:
        msg = (
            f"log_weights is NaN or +inf in rows {listed_rows(odd)}. Are the coordinates of these samples NaN? "
            "Drop such samples; -inf takes a negative out."
        )
        raise ValueError(msg)


def _row_numbers(found: Tensor, rows: slice) -> list[int]:
    """Return the numbers in the batch of the rows of a slice that are found."""
    return [rows.start + row for row in found.nonzero().flatten().tolist()]
