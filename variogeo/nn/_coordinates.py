"""Coordinates of a batch: from degrees, radians, E7 or unit vectors to pairwise great-circle lags."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from variogeo._checks import check_choice, listed_rows
from variogeo._distances import EARTH_RADIUS
from variogeo._weighting import SAME_PLACE as SAME_PLACE

Order = Literal["lonlat", "latlon"]
Units = Literal["deg", "rad", "e7", "xyz"]

_DEGREES = {"deg": 1.0, "rad": 180 / math.pi, "e7": 1e-7}
_FLOATS = (torch.float32, torch.float64)
_DTYPES = {"deg": _FLOATS, "rad": _FLOATS, "e7": (torch.int32, torch.int64), "xyz": _FLOATS}

_WHOSE = "GeoCLIP writes order='latlon', units='deg'; SatCLIP 'lonlat', 'deg'; OSV5M 'latlon', 'rad'"

_LATITUDE_LIMIT, _LONGITUDE_LIMIT = 90.00001, 540.00001
"""Degrees: the pole, and a turn and a half as left by wrapping; both with the rounding of float32 radians."""
_LENGTH_TOLERANCE = 1e-5
"""How far the length of a unit vector may be off: a hundred roundings of float32, less than one of half precision."""


@dataclass(frozen=True)
class Places:
    """Unit vectors in two float32 parts whose sum is the float64 vector to 2e-15.

    Attributes
    ----------
    high, low : (3, n) float32 tensor
        One row per axis, so that a compiled loop reads the points side by side.
    """

    high: Tensor
    low: Tensor

    def __getitem__(self, rows: slice) -> "Places":
        return Places(self.high[:, rows], self.low[:, rows])

    def __len__(self) -> int:
        return self.high.shape[1]

    @property
    def number(self) -> int:
        """Number of places: a symbol where a graph with dynamic shapes is made, which ``len`` would fix."""
        return self.high.shape[1]


@dataclass(frozen=True)
class Coordinates:
    """How a trainer writes places: the order of the two columns and their unit. Never guessed.

    Parameters
    ----------
    order : {"lonlat", "latlon"}
        Left out for "xyz".
    units : {"deg", "rad", "e7", "xyz"}
        Degrees; radians; int32 in 1e-7 degrees, which survives trainers that cast every float tensor
        of a batch to bfloat16; or (n, 3) unit vectors as `unpack` returns them.

    Raises
    ------
    TypeError
        When one of the two is not given.
    ValueError
        For other words, or an order of unit vectors.
    """

    order: Order | None
    units: Units | None

    def __post_init__(self) -> None:
        if self.units is None:
            msg = f"units is not given. Must be 'deg', 'rad', 'e7' or 'xyz'; it is never guessed. {_WHOSE}."
            raise TypeError(msg)
        check_choice(self.units, Units, name="units")
        if self.units == "xyz":
            if self.order is not None:
                msg = f"Invalid order {self.order!r} with units 'xyz'. Leave order out: unit vectors have none."
                raise ValueError(msg)
            return
        if self.order is None:
            msg = f"order is not given. Must be 'lonlat' or 'latlon'; it is never guessed. {_WHOSE}."
            raise TypeError(msg)
        check_choice(self.order, Order, name="order")

    def pairwise_lag(self, coords_a: Tensor, coords_b: Tensor) -> Tensor:
        """Return the (B, M) float32 great-circle lags in km.

        Right to 4e-7 of the lag from a metre to the antipode: see `pairwise_lag`.
        """
        return pairwise_lag(self.places(coords_a, "coords_a"), self.places(coords_b, "coords_b"))

    def places(self, coords: Tensor, name: str) -> Places:
        """Return checked coordinates as unit vectors in two float32 parts, on the device of ``coords``.

        Values out of range are a ValueError that names the rows where the host can look at them: in
        eager mode on the CPU. Elsewhere they fail an assertion on the device, without a read back.
        """
        axes = self.unit_vectors(coords, name).unbind(dim=1)
        # Stacked as float32, so that a compiled kernel holds them and does not split them again for each pair.
        high = torch.stack([axis.float() for axis in axes])
        low = torch.stack([(axis - axis.float().double()).float() for axis in axes])
        return Places(high.to(coords.device), low.to(coords.device))

    def unit_vectors(self, coords: Tensor, name: str) -> Tensor:
        """Return the (n, 3) float64 unit vectors of checked coordinates, where float64 exists."""
        self._check_form(coords, name)
        exact = coords.to(float64_device(coords.device)).to(torch.float64)
        if self.units == "xyz":
            length = torch.linalg.vector_norm(exact, dim=1, keepdim=True)
            require_rows(
                (length - 1).abs().squeeze(1) <= _LENGTH_TOLERANCE,
                f"{name} has rows that are not of unit length (or NaN). Split the three columns of xyz off, with "
                "unpack, before features are normalised, scaled or cast to half precision",
            )
            return exact / length
        degrees = exact * _DEGREES[self.units or "deg"]
        first, second = degrees[:, 0], degrees[:, 1]
        longitude, latitude = (first, second) if self.order == "lonlat" else (second, first)
        require_rows(
            degrees.isfinite().all(dim=1),
            f"{name} has coordinates that are NaN or infinite. Drop these samples before the batch is made",
        )
        require_rows(
            ~(latitude.abs() > _LATITUDE_LIMIT),
            f"{name} has latitudes beyond 90 degrees. Are the columns swapped (order is {self.order!r}), or in "
            f"another unit than {self.units!r}",
        )
        require_rows(
            ~(longitude.abs() > _LONGITUDE_LIMIT),
            f"{name} has longitudes beyond 540 degrees. Is the unit another than {self.units!r}",
        )
        longitude, latitude = torch.deg2rad(longitude), torch.deg2rad(latitude)
        across = torch.cos(latitude)
        return torch.stack([across * torch.cos(longitude), across * torch.sin(longitude), torch.sin(latitude)], dim=1)

    def _check_form(self, coords: Tensor, name: str) -> None:
        """Refuse what is no tensor of the right shape and dtype."""
        check_tensor(coords, name=name)
        width, meaning = (3, "unit vectors") if self.units == "xyz" else (2, f"{self.order} in {self.units}")
        if coords.ndim != 2 or coords.shape[1] != width:
            msg = f"Invalid {name} of shape {tuple(coords.shape)}. Must be (n, {width}): {meaning}."
            raise ValueError(msg)
        allowed = _DTYPES[self.units or "deg"]
        if coords.dtype not in allowed:
            listed = " or ".join(str(dtype) for dtype in allowed)
            msg = (
                f"Invalid {name} of {coords.dtype} for units {self.units!r}. Must be {listed}: half precision moves a "
                'place by kilometres; where a trainer casts its floats, pass int32 with units="e7".'
            )
            raise TypeError(msg)


def pairwise_lag(a: Places, b: Places) -> Tensor:
    r"""Return the (B, M) float32 great-circle lags (km) between two sets of unit vectors.

    .. math:: h = 2 R \arcsin \sqrt{q}, \quad q = |a - b|^2 / 4 \le 1/2; \qquad
       h = \pi R - 2 R \arcsin \sqrt{|a + b|^2 / 4} \quad \text{beyond}

    Differences of the two parts lose nothing at a metre, and the sum of the vectors nothing at the antipode, where
    the arc cosine of a float32 product is 0 for everything closer than a kilometre.
    """
    near, far, dot = _products(a, b, 0)
    for axis in (1, 2):
        near_part, far_part, dot_part = _products(a, b, axis)
        near, far, dot = near + near_part, far + far_part, dot + dot_part
    # One number for both cases, negative for the far one: a compiled kernel writes to memory what it reads again. The
    # tiny number, far below any square of a distance, keeps the sign at the antipode itself.
    square = torch.where(dot < 0, -1e-30 - far, near)
    arc = 2 * EARTH_RADIUS * _arcsine_of_root(square.abs() * 0.25)
    return torch.where(square < 0, math.pi * EARTH_RADIUS - arc, arc)


def _products(a: Places, b: Places, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the squares of the differences and of the sums of all pairs along one axis, and their products."""
    high_a, high_b = a.high[axis, :, None], b.high[axis, None, :]
    step = (high_a - high_b) + (a.low[axis, :, None] - b.low[axis, None, :])
    total = high_a + high_b
    return step * step, total * total, high_a * high_b


def _arcsine_of_root(z: Tensor) -> Tensor:
    """Return ``asin(sqrt(z))`` for z up to 1/2, to 1e-7 of it.

    Within a graph a polynomial, because it is fused where an arc sine would be a call for each vector. Its numbers are
    literals, so that a graph with dynamic shapes holds them as constants. In eager mode each of its operations would be
    a pass over the pairs, so there it is the arc sine.
    """
    root = torch.sqrt(z)
    if not torch.compiler.is_compiling():
        return torch.asin(root)
    series = 0.0319902392 + z * (0.010435326 + z * (0.0637969763 + z * (-0.0797207159 + z * 0.0946973496)))
    return root * (1.0 + z * (0.166666657 + z * (0.0750025216 + z * (0.044538814 + z * series))))


def float64_device(device: torch.device) -> torch.device:
    """Return the device on which float64 exists: Apple's GPUs have none, so there it is the host."""
    return torch.device("cpu") if device.type == "mps" else device


def on_host(tensor: Tensor) -> bool:
    """Whether values may be looked at: a plain tensor on the CPU, and no graph is being made."""
    return tensor.device.type == "cpu" and type(tensor) is Tensor and not torch.compiler.is_compiling()


def check_tensor(value: Any, *, name: str, instead: str = "") -> None:
    """Refuse an array or a list where a tensor is due; ``instead`` is what to pass where as_tensor is not enough."""
    if not isinstance(value, Tensor):
        cure = instead or f"torch.as_tensor({name})"
        msg = f"Invalid {name} of type {type(value).__name__}. Must be a tensor: {cure}."
        raise TypeError(msg)


def require_rows(fine: Tensor, problem: str) -> None:
    """Refuse rows that are not fine: by their numbers on the host, by an assertion on a device or in a graph."""
    if on_host(fine):
        if not fine.all():
            rows = torch.nonzero(~fine).squeeze(1).tolist()
            msg = f"{problem}: {len(rows)} rows, {listed_rows(rows)}."
            raise ValueError(msg)
        return
    torch.ops.aten._assert_async.msg(fine.all(), f"{problem}.")


def positive_columns(positives: Tensor | None, coords_a: Tensor, coords_b: Tensor) -> Tensor:
    """Return the (B,) column of each row's positive: the diagonal unless given."""
    check_tensor(coords_a, name="coords_a")
    check_tensor(coords_b, name="coords_b")
    rows, columns = coords_a.shape[0], coords_b.shape[0]
    if positives is not None:
        check_tensor(positives, name="positives")
        if positives.shape != (rows,) or positives.dtype != torch.int64:
            msg = (
                f"Invalid positives of shape {tuple(positives.shape)} and {positives.dtype}. "
                f"Must be ({rows},) int64: the column of each row's positive."
            )
            raise ValueError(msg)
        require_rows(
            (positives >= 0) & (positives < columns),
            f"positives has columns that are none of the {columns} rows of coords_b. Count from 0, in the order in "
            "which coords_b is joined",
        )
        return positives
    if columns < rows:
        msg = f"coords_b has {columns} rows but coords_a has {rows}. Pass positives: the diagonal does not fit."
        raise ValueError(msg)
    return torch.arange(rows, device=coords_a.device)
