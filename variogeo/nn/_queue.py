"""AlignedQueue: the places of former batches, and the frozen features of their images beside them."""

import torch
from torch import Tensor, nn

from variogeo._checks import DataError, check_whole
from variogeo.nn._cards import module_html
from variogeo.nn._coordinates import check_tensor

_BITS = {
    torch.float32: torch.int32,
    torch.float64: torch.int64,
    torch.int32: torch.int32,
    torch.int64: torch.int64,
}
"""Integers that hold the bits of each dtype."""


class AlignedQueue(nn.Module):
    """A ring of the latest places, each with the frozen feature of its image.

    A queue makes more negatives than a batch holds. A scheme that compares images needs their features
    as well, in the same row as their place: this holds the two together.

    Parameters
    ----------
    size : int
        Samples that it holds. The newest take the place of the oldest.
    feature_width : int
        Columns of the frozen features; 0 for a queue of places alone, which is enough for schemes of the lag.
    dtype : torch.dtype
        Of the coordinates: float32 (GeoCLIP), float64, or int32 or int64 for E7.

    Raises
    ------
    ValueError
        For a size below 1, a negative width, and another dtype: half precision moves a place by kilometres.

    Notes
    -----
    Everything is kept as its bits in integer buffers. ``.half()``, ``.to(torch.bfloat16)`` and trainers that
    cast all floats of a model reach neither the places nor the features. Features are kept in float32.

    How many samples there are is a Python number and part of the state dict. Nothing is read back from a device.

    References
    ----------
    .. [1] Vivanco Cepeda et al. (2023). GeoCLIP, arXiv 2309.16020: the queue of places.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import AlignedQueue
    >>> queue = AlignedQueue(3, feature_width=2)
    >>> queue.enqueue(torch.tensor([[50.0, 8.0], [48.0, 12.0]]), torch.eye(2))
    >>> queue.filled, queue.is_full
    (2, False)
    >>> queue.enqueue(torch.tensor([[1.0, 1.0], [2.0, 2.0]]), torch.zeros(2, 2))
    >>> queue.coords
    tensor([[ 2.,  2.],
            [48., 12.],
            [ 1.,  1.]])
    """

    _coords: Tensor
    _feats: Tensor

    def __init__(self, size: int, *, feature_width: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.size = check_whole(size, name="size", at_least=1)
        self.feature_width = check_whole(feature_width, name="feature_width", at_least=0)
        if dtype not in _BITS:
            listed = ", ".join(map(str, _BITS))
            msg = f"Invalid dtype {dtype}. Must be one of {listed}: half precision moves a place by kilometres."
            raise ValueError(msg)
        self.dtype = dtype
        self.register_buffer("_coords", torch.zeros(self.size, 2, dtype=_BITS[dtype]))
        self.register_buffer("_feats", torch.zeros(self.size, self.feature_width, dtype=torch.int32))
        self._filled = 0
        self._next = 0

    @property
    def filled(self) -> int:
        """Samples that are there. Definition: all that came, at most ``size``."""
        return self._filled

    @property
    def is_full(self) -> bool:
        """Whether every place has been written: from then on the newest take the place of the oldest."""
        return self._filled == self.size

    @property
    def coords(self) -> Tensor:
        """The (filled, 2) places that are there, in the order of the ring: the next `enqueue` writes into them."""
        return self._coords.view(self.dtype)[: self._filled]

    @property
    def feats(self) -> Tensor:
        """The (filled, feature_width) float32 features, row by row those of `coords`."""
        return self._feats.view(torch.float32)[: self._filled]

    def whole(self) -> tuple[Tensor, Tensor]:
        """Return the (size, 2) places and (size, feature_width) features of a queue that is full.

        Raises
        ------
        ValueError
            While it is not: it says how many samples are there.
        """
        if not self.is_full:
            msg = (
                f"The queue is not filled: it holds {self._filled} of {self.size} samples. Enqueue more batches first, "
                "or take coords and feats, which are those that are there."
            )
            raise ValueError(msg)
        return self.coords, self.feats

    @torch.no_grad()
    def enqueue(self, coords: Tensor, feats: Tensor | None = None) -> None:
        """Take the samples of a batch in. Of more than ``size`` samples the last are kept.

        Parameters
        ----------
        coords : (n, 2) tensor
            Places, of the queue's dtype.
        feats : (n, feature_width) tensor, optional
            Frozen features; left out where the queue holds places alone.

        Raises
        ------
        ValueError
            For shapes that do not fit, and features that are missing or not expected.
        TypeError
            For arrays, coordinates of another dtype, and features that are no floats.
        """
        self._check(coords, feats)
        rows = coords.shape[0]
        if rows >= self.size:
            self._write(0, coords[-self.size :], None if feats is None else feats[-self.size :])
            self._filled, self._next = self.size, 0
            return
        until_end = min(rows, self.size - self._next)
        self._write(self._next, coords[:until_end], None if feats is None else feats[:until_end])
        self._write(0, coords[until_end:], None if feats is None else feats[until_end:])
        self._next = (self._next + rows) % self.size
        self._filled = min(self._filled + rows, self.size)

    def get_extra_state(self) -> dict[str, int | str]:
        """Return what the buffers do not say, for the state dict."""
        return {"filled": self._filled, "next": self._next, "dtype": str(self.dtype)}

    def set_extra_state(self, state: dict[str, int | str]) -> None:
        """Take the fill state of a checkpoint, after checking that its coordinates have this dtype."""
        if not isinstance(state, dict) or set(state) != set(self.get_extra_state()):
            msg = f"Invalid state of AlignedQueue: {state!r}. Must be what get_extra_state() of a queue returned."
            raise DataError(msg)
        if state["dtype"] != str(self.dtype):
            msg = f"The queue was saved with coordinates of {state['dtype']}, this one has {self.dtype}. Make it alike."
            raise ValueError(msg)
        self._filled, self._next = int(state["filled"]), int(state["next"])

    def extra_repr(self) -> str:
        """Return the constructor's arguments and the fill state."""
        return f"{self.size}, feature_width={self.feature_width}, dtype={self.dtype}, filled={self._filled}"

    def _repr_html_(self) -> str:
        filled = f"{self._filled:,} of {self.size:,}"
        return module_html(self, {"filled": filled, "feature_width": self.feature_width, "dtype": str(self.dtype)})

    def _write(self, start: int, coords: Tensor, feats: Tensor | None) -> None:
        """Write rows from place ``start`` on."""
        places = slice(start, start + coords.shape[0])
        self._coords.view(self.dtype)[places] = coords
        if feats is not None:
            self._feats.view(torch.float32)[places] = feats.to(torch.float32)

    def _check(self, coords: Tensor, feats: Tensor | None) -> None:
        """Refuse samples that do not fit."""
        check_tensor(coords, name="coords")
        if coords.ndim != 2 or coords.shape[1] != 2:
            msg = f"Invalid coords of shape {tuple(coords.shape)}. Must be (n, 2)."
            raise ValueError(msg)
        if coords.dtype != self.dtype:
            cure = (
                "Keep places in float32 from the data set on: half precision has moved these by kilometres"
                if coords.dtype in (torch.float16, torch.bfloat16)
                else f"Make it with dtype={coords.dtype}"
            )
            msg = f"Invalid coords of {coords.dtype}. The queue holds {self.dtype}. {cure}."
            raise TypeError(msg)
        if feats is None and self.feature_width:
            msg = f"The queue holds features of width {self.feature_width}. Pass feats: the frozen ones of the batch."
            raise ValueError(msg)
        if feats is not None:
            check_tensor(feats, name="feats")
        if feats is not None and tuple(feats.shape) != (coords.shape[0], self.feature_width):
            msg = (
                f"Invalid feats of shape {tuple(feats.shape)}. Must be ({coords.shape[0]}, {self.feature_width}): "
                "a row for each of coords, in the space in which the curve was fitted."
            )
            raise ValueError(msg)
        if feats is not None and not feats.is_floating_point():
            msg = f"Invalid feats of {feats.dtype}. Must be floats."
            raise TypeError(msg)
