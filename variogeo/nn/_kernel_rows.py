"""Rows of a kernel: what samples at these lags count, before a row is divided by its sum."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from variogeo._checks import check_number
from variogeo._distance_kernels import CorrelogramKernel, DistanceKernel
from variogeo._model import VariogramModel
from variogeo._weighting import Weighting
from variogeo.nn._coordinates import SAME_PLACE

Kernel = DistanceKernel | VariogramModel | Callable[[Tensor], Tensor]
"""A kernel, a model for its correlogram, or a function of the lags (km) of the user's own."""

_TRIED = (0.0, 1e-3, 1.0, 1e3, 2e4)
"""Lags (km) at which a function of the user's own is tried."""


def kernel_of(given: Any) -> Callable[[Tensor], Tensor]:
    """Return a checked kernel: of a model its correlogram; a function is tried on a few lags."""
    if isinstance(given, VariogramModel):
        return CorrelogramKernel(given)
    if isinstance(given, DistanceKernel):
        return given
    if isinstance(given, Weighting):
        msg = (
            f"Invalid kernel of type {type(given).__name__}: a weighting, which gives log-weights. Must be "
            "a kernel such as ExponentialKernel(75.0), a variogram model, or a function of the lags."
        )
        raise TypeError(msg)
    if not callable(given) or isinstance(given, type):
        msg = (
            f"Invalid kernel {given!r}. Must be a kernel such as ExponentialKernel(75.0) or a variogram model (values, "
            "not their classes), or a function of the lags."
        )
        raise TypeError(msg)
    _try_out(given)
    return cast("Callable[[Tensor], Tensor]", given)


def _try_out(kernel: Callable[..., Any]) -> None:
    """Refuse a function that is no kernel."""
    lag = torch.tensor([_TRIED], device="cpu")
    value = kernel(lag)
    if not isinstance(value, Tensor) or value.shape != lag.shape:
        returned = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        msg = (
            f"Invalid kernel {kernel!r}: of lags of shape {tuple(lag.shape)} it returns {returned}. Must return a "
            "tensor of the same shape."
        )
        raise TypeError(msg)
    value = value.detach().flatten()
    if not (value.isfinite().all() and (value >= 0).all() and value[0] > 0):
        listed = ", ".join(f"{entry:g}" for entry in value.tolist())
        msg = (
            f"Invalid kernel {kernel!r}: at 0 m, 1 m, 1 km, 1000 km and 20 000 km it is {listed}. "
            "Must be finite, not negative, and above 0 at lag 0."
        )
        raise ValueError(msg)


def check_cutoff(cutoff: Any) -> float | None:
    """Return a cut-off in km, or None for none."""
    return None if cutoff is None else check_number(cutoff, name="cutoff", at_least=0.0, unit="km")


def kernel_rows(
    kernel: Callable[[Tensor], Tensor], lag: Tensor, *, cutoff: float | None, nearest: int | None
) -> Tensor:
    """Return ``K(lag)``, 0 beyond the cut-off and for all but the nearest of a row (all that tie with the last)."""
    lag = torch.where(lag <= SAME_PLACE, 0.0, lag)
    value = kernel(lag)
    if cutoff is not None:
        value = torch.where(lag > cutoff, 0.0, value)
    if nearest is not None:
        # With as many columns more than there are, any number of columns is enough, and no graph needs to know it.
        padded = functional.pad(lag, (0, nearest), value=torch.inf)
        furthest = torch.topk(padded, nearest, dim=1, largest=False).values[:, -1:]
        value = torch.where(lag > furthest, 0.0, value)
    return value
