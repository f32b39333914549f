"""The mean loss some rows at a time, with its gradient formed while the rows go by."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from variogeo.nn.losses._pair_logits import in_full, pair_rows
from variogeo.nn.losses._row_terms import Logits

RowRule = Callable[[Tensor, slice], tuple[Tensor, Tensor]]
"""From the logits of a slice of rows to their losses and to the gradients with respect to the logits."""


def chunked_mean(logits: Logits, rule: RowRule, chunk: int) -> Tensor:
    """Return the mean loss over the rows, of which no more than ``chunk`` are in memory at once."""
    # Without gradients none is formed: detached inputs say so.
    keep = torch.is_grad_enabled()
    if isinstance(logits, Tensor):
        return _MatrixMean.apply(rule, chunk, logits if keep else logits.detach())  # pyright: ignore[reportReturnType]
    terms = logits.terms()
    if not keep:
        terms = tuple(term.detach() if isinstance(term, Tensor) else term for term in terms)
    with torch.autocast(device_type=logits.device.type, enabled=False):
        return _PairMean.apply(rule, chunk, *terms)  # pyright: ignore[reportReturnType]


class _MatrixMean(torch.autograd.Function):
    """The mean over rows of given logits: the gradient takes as much memory as they do, and nothing else does."""

    @staticmethod
    def forward(ctx: Any, rule: RowRule, chunk: int, logits: Tensor) -> Tensor:
        wanted = ctx.needs_input_grad[2]
        gradient = torch.empty_like(logits, dtype=in_full(logits[:0]).dtype) if wanted else None
        losses = []
        for rows in _slices(len(logits), chunk):
            part, pull = rule(in_full(logits[rows]), rows)
            losses.append(part)
            if gradient is not None:
                gradient[rows] = pull
        _keep(ctx, [gradient], [logits], len(logits))
        return torch.cat(losses).mean()

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        return (None, None, *_kept(ctx, outputs[0]))


class _PairMean(torch.autograd.Function):
    """The mean over rows of `PairLogits`: the gradients take as much memory as the features do."""

    @staticmethod
    def forward(
        ctx: Any, rule: RowRule, chunk: int, a: Tensor, b: Tensor, scale: Tensor | float, bias: Tensor | float | None
    ) -> Tensor:
        wanted_a, wanted_b, wanted_scale, wanted_bias = ctx.needs_input_grad[2:]
        # Sums over blocks in float32 at least: half precision would lose the later ones.
        wide = in_full(a[:0]).dtype
        gradient_a = torch.empty_like(a, dtype=wide) if wanted_a else None
        gradient_b = torch.zeros_like(b, dtype=wide) if wanted_b else None
        gradient_scale = torch.zeros((), dtype=wide, device=a.device) if wanted_scale else None
        gradient_bias = torch.zeros((), dtype=wide, device=a.device) if wanted_bias else None
        # float16 overflows in these products, before a GradScaler could see it.
        exact = wide if a.dtype == torch.float16 else a.dtype
        b_exact = b.to(exact)
        losses = []
        for rows in _slices(len(a), chunk):
            scaled = scale * a[rows]
            part, pull = rule(pair_rows(scaled, b, bias), rows)
            losses.append(part)
            if gradient_bias is not None:
                gradient_bias += pull.sum()
            pull = pull.to(exact)
            if gradient_b is not None:
                _add_product(gradient_b, pull.T, scaled.to(exact))
            if gradient_a is None and gradient_scale is None:
                continue
            towards_b = (pull @ b_exact).to(wide)
            if gradient_scale is not None:
                gradient_scale += (towards_b * a[rows]).sum()
            if gradient_a is not None:
                gradient_a[rows] = towards_b * scale
        _keep(ctx, [gradient_a, gradient_b, gradient_scale, gradient_bias], [a, b, scale, bias], len(a))
        return torch.cat(losses).mean()

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        return (None, None, *_kept(ctx, outputs[0]))


def _slices(rows: int, chunk: int) -> Iterator[slice]:
    """Yield slices of at most ``chunk`` rows."""
    for start in range(0, rows, chunk):
        yield slice(start, min(start + chunk, rows))


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add a matrix product to ``total``, without a copy of its size where the dtypes allow it."""
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right


def _keep(ctx: Any, gradients: Sequence[Tensor | None], inputs: Sequence[Tensor | float | None], rows: int) -> None:
    """Keep the gradients of the sum over rows for the backward pass."""
    ctx.save_for_backward(*gradients)
    # What a gradient has to look like: that of an input which is no tensor is never asked for.
    ctx.like = [(value.dtype, value.device) if isinstance(value, Tensor) else None for value in inputs]
    ctx.rows = rows


def _kept(ctx: Any, outer: Tensor) -> list[Tensor | None]:
    """Return the gradients of the mean times the ``outer`` one."""
    if torch.is_grad_enabled():
        msg = (
            "chunk forms first derivatives only, and create_graph=True asks for second ones. "
            "Leave chunk out of the loss for this step."
        )
        raise RuntimeError(msg)
    # Divided here and not row by row: small numbers would vanish in half precision before a GradScaler raises them.
    factor = outer / ctx.rows
    pairs = zip(ctx.saved_tensors, ctx.like, strict=True)
    return [None if kept is None else (kept * factor).to(device=like[1], dtype=like[0]) for kept, like in pairs]
