"""Rows of all ranks of a distributed training."""

import math
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, distributed

# Groups that cannot exchange numbers of rows without waiting for a device, and have done so once.
_compared: WeakSet[Any] = WeakSet()


@torch.no_grad()
def all_gather_rows(tensor: Tensor) -> Tensor:
    """Return the rows of all ranks, in the order of the ranks and without gradient.

    For coordinates, frozen features and whatever else stands beside features that are gathered with
    gradient: rows of the logits are local, columns are global.

    Parameters
    ----------
    tensor : (n, ...) tensor
        Rows of this rank. Every rank calls it with as many rows, of the same width and dtype.

    Returns
    -------
    (R n, ...) tensor
        Rows of rank 0, then of rank 1 and so on; the tensor itself without a process group.

    Raises
    ------
    ValueError
        On every rank when numbers of rows or bytes per row differ between ranks: the last batch of an epoch
        without ``drop_last=True``, usually.
    TypeError
        For what is no tensor.

    Notes
    -----
    Unequal rows would hang or mix up the collective, so numbers of rows are exchanged first. That is done on
    each call where the process group can do so on the host: with gloo, and with the groups that
    ``init_process_group()`` makes unless it is told a backend (``cpu:gloo,cuda:nccl``). A group of NCCL alone
    exchanges them over the device and has to wait for it: it does so on its first call only. Which of
    the two it is does not depend on the rank, so no rank waits for an exchange that others leave out.

    The positive of local row ``i`` is column ``rank * n + i``: pass ``positives=`` and ``target`` so. Features are
    gathered with gradient, as open_clip does with ``gather_with_grad=True, local_loss=True``; with the mean that
    DDP takes over ranks, loss and gradient are those of one process with all rows.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import all_gather_rows
    >>> all_gather_rows(torch.tensor([[8.0, 50.0], [8.1, 50.0]]))  # one process
    tensor([[ 8.0000, 50.0000],
            [ 8.1000, 50.0000]])
    """
    if not isinstance(tensor, Tensor):
        msg = f"Invalid tensor of type {type(tensor).__name__}. Must be a tensor: torch.as_tensor(...)."
        raise TypeError(msg)
    if tensor.ndim == 0:
        msg = "Invalid tensor without dimensions. Must be (n, ...): one row per sample."
        raise ValueError(msg)
    if not (distributed.is_available() and distributed.is_initialized()):
        return tensor.detach() if tensor.requires_grad else tensor
    _compare_sizes(tensor)
    parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(_ranks())]
    distributed.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def _ranks() -> int:
    """Return the number of processes."""
    return distributed.get_world_size()


def _compare_sizes(tensor: Tensor) -> None:
    """Exchange the sizes of the ranks and refuse unequal ones, where that is due."""
    group = distributed.group.WORLD
    on_host = "cpu:" in distributed.get_backend_config()
    if not on_host and group in _compared:
        return
    own = [tensor.shape[0], math.prod(tensor.shape[1:]) * tensor.element_size()]
    sizes = torch.tensor(own, device="cpu" if on_host else tensor.device)
    parts = [torch.empty_like(sizes) for _ in range(_ranks())]
    distributed.all_gather(parts, sizes)
    refuse_unequal(torch.stack(parts).tolist())
    if not on_host:
        _compared.add(group)


def refuse_unequal(sizes: list[list[int]]) -> None:
    """Refuse numbers of rows, or of bytes per row, that differ between the ranks."""
    rows, widths = zip(*sizes, strict=True)
    if len(set(rows)) > 1:
        msg = (
            f"The ranks have {', '.join(map(str, rows))} rows. all_gather_rows needs equal numbers: make the loader "
            "with drop_last=True, or pad the last batch."
        )
        raise ValueError(msg)
    if len(set(widths)) > 1:
        msg = (
            f"A row has {', '.join(map(str, widths))} bytes on the ranks. all_gather_rows needs one width and one "
            "dtype: make the tensor the same way on each."
        )
        raise ValueError(msg)
