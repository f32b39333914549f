"""Coordinates of a batch: from tensors in degrees, radians or E7 to pairwise great-circle lags."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from variogeo._checks import check_choice
from variogeo._distances import EARTH_RADIUS

Order = Literal["lonlat", "latlon"]
Units = Literal["deg", "rad", "e7"]

_RADIANS = {"deg": math.pi / 180, "rad": 1.0, "e7": math.pi / 180e7}
_DTYPES = {
    "deg": (torch.float32, torch.float64),
    "rad": (torch.float32, torch.float64),
    "e7": (torch.int32, torch.int64),
}

SAME_PLACE = 1e-6
"""Lag (km) up to which two samples are at the same place: 1 mm, above the rounding of 180 = -180."""


@dataclass(frozen=True)
class Coordinates:
    """How a trainer writes places: the order of the two columns and their unit. Never guessed.

    Parameters
    ----------
    order : {"lonlat", "latlon"}
        GeoCLIP: latlon; SatCLIP: lonlat.
    units : {"deg", "rad", "e7"}
        Degrees; radians (OSV5M); int32 in 1e-7 degrees, which survives trainers that cast every
        float tensor of a batch to bfloat16.
    """

    order: Order = "lonlat"
    units: Units = "deg"

    def __post_init__(self) -> None:
        check_choice(self.order, Order, name="order")
        check_choice(self.units, Units, name="units")

    def pairwise_lag(self, coords_a: Tensor, coords_b: Tensor) -> Tensor:
        """Return the (B, M) great-circle lags in km, float64 (float32 on MPS), from differences of unit vectors.

        Differences in float64 are right from a millimetre to the antipode, where the arc cosine of a
        float32 product is 0 for everything closer than a kilometre.
        """
        exact = _float64_device(coords_a.device)
        a, b = self._unit_vectors(coords_a.to(exact), "coords_a"), self._unit_vectors(coords_b.to(exact), "coords_b")
        step = a[:, None, :] - b[None, :, :]
        quarter_chord2 = (step * step).sum(dim=-1) / 4
        lag = 2 * EARTH_RADIUS * torch.asin(torch.sqrt(torch.clamp(quarter_chord2, 0.0, 1.0)))
        return lag if exact == coords_a.device else lag.float().to(coords_a.device)

    def _unit_vectors(self, coords: Tensor, name: str) -> Tensor:
        """Return (n, 3) float64 unit vectors of checked coordinates."""
        if coords.ndim != 2 or coords.shape[1] != 2:
            msg = f"Invalid {name} of shape {tuple(coords.shape)}. Must be (n, 2): {self.order} in {self.units}."
            raise ValueError(msg)
        allowed = _DTYPES[self.units]
        if coords.dtype not in allowed:
            listed = " or ".join(str(dtype) for dtype in allowed)
            msg = (
                f"Invalid {name} of {coords.dtype} for units {self.units!r}. Must be {listed}: half precision moves a "
                'place by kilometres; where a trainer casts its floats, pass int32 with units="e7".'
            )
            raise TypeError(msg)
        radians = coords.to(torch.float64) * _RADIANS[self.units]
        first, second = radians[:, 0], radians[:, 1]
        longitude, latitude = (first, second) if self.order == "lonlat" else (second, first)
        across = torch.cos(latitude)
        return torch.stack(
            [across * torch.cos(longitude), across * torch.sin(longitude), torch.sin(latitude)],
            dim=1,
        )


def _float64_device(device: torch.device) -> torch.device:
    """Return the device on which the geometry runs: Apple's GPUs have no float64, so there it is the host."""
    return torch.device("cpu") if device.type == "mps" else device


def positive_columns(positives: Tensor | None, coords_a: Tensor, coords_b: Tensor) -> Tensor:
    """Return the (B,) column of each row's positive: the diagonal unless given."""
    for coords, name in ((coords_a, "coords_a"), (coords_b, "coords_b")):
        if not isinstance(coords, Tensor):
            msg = f"Invalid {name} of type {type(coords).__name__}. Must be a tensor: torch.as_tensor({name})."
            raise TypeError(msg)
    rows, columns = coords_a.shape[0], coords_b.shape[0]
    if positives is not None:
        if positives.shape != (rows,) or positives.dtype != torch.int64:
            msg = (
                f"Invalid positives of shape {tuple(positives.shape)} and {positives.dtype}. "
                f"Must be ({rows},) int64: the column of each row's positive."
            )
            raise ValueError(msg)
        return positives
    if columns < rows:
        msg = f"coords_b has {columns} rows but coords_a has {rows}. Pass positives: the diagonal does not fit."
        raise ValueError(msg)
    return torch.arange(rows, device=coords_a.device)
