"""The array namespace (numpy or torch) of an argument, so that one formula serves both."""

import sys
from typing import Any

import numpy as np


def is_torch(value: Any) -> bool:
    """Whether ``value`` is a torch tensor; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def array_namespace(value: Any) -> Any:
    """Return ``torch`` for a tensor, ``numpy`` for everything else.

    Formulas written on the result use only what both spell alike: ``exp``, ``expm1``, ``log``,
    ``log1p``, ``sqrt``, ``where``, ``clip(x, low, high)``, ``isnan``, ``isfinite``, ``zeros_like``, ``ones_like``,
    and ``sum`` and ``amax`` with ``axis`` and ``keepdims``.
    """
    return sys.modules["torch"] if is_torch(value) else np


def as_floats(value: Any) -> Any:
    """Return ``value`` as an array of floats of its own namespace; integers become the default float."""
    if is_torch(value):
        return value if value.is_floating_point() else value.to(sys.modules["torch"].float64)
    values = np.asarray(value)
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def as_type(value: Any, dtype: Any) -> Any:
    """Return an array or a tensor with another dtype."""
    return value.to(dtype) if is_torch(value) else value.astype(dtype, copy=False)


def to_numpy(value: Any, name: str = "tensor") -> Any:
    """Return a tensor as a numpy array on the host (bfloat16 as float32), a list of them alike, all else unchanged."""
    if isinstance(value, list | tuple) and len(value) and is_torch(value[0]):
        return [to_numpy(row, name) for row in value]
    return _on_host(value, name) if is_torch(value) else value


def _on_host(tensor: Any, name: str) -> Any:
    """Return a tensor as a numpy array, or refuse one that is none."""
    torch = sys.modules["torch"]
    try:
        host = tensor.detach().resolve_conj().resolve_neg().cpu()
        return (host.float() if host.dtype == torch.bfloat16 else host).numpy()
    except (RuntimeError, TypeError, NotImplementedError):
        kind = f"{tensor.dtype}, {tensor.layout}, on device '{tensor.device}'"
        msg = f"Invalid {name}: a tensor of {kind} is no array. Must be dense, of plain numbers and filled with data."
        raise TypeError(msg) from None
