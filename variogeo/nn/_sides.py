"""Sides: the rows and columns of a batch, prepared once for every block of pairs."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variogeo._checks import listed_rows
from variogeo._model import VariogramModel
from variogeo.nn._coordinates import SAME_PLACE, Coordinates, Places, pairwise_lag, positive_columns, require_rows

_ENOUGH = 64
"""Negatives from which their mean dissimilarity says whether the features are those of the curve."""
_AT_MOST = 2**20
"""Negatives that are looked at for it."""


@dataclass(frozen=True)
class Sides:
    """What pairs are made of: places, unit features where there are any, and the column of each row's positive."""

    places_a: Places
    places_b: Places
    features_a: Tensor | None
    features_b: Tensor | None
    positives: Tensor

    def __getitem__(self, rows: slice) -> "Sides":
        features_a = None if self.features_a is None else self.features_a[rows]
        return Sides(self.places_a[rows], self.places_b, features_a, self.features_b, self.positives[rows])

    def lag(self) -> Tensor:
        """Return the (B, M) lags in km."""
        lag = pairwise_lag(self.places_a, self.places_b)
        # One place may be spelled in two ways, such as 180 and -180 degrees.
        return torch.where(lag <= SAME_PLACE, 0.0, lag)

    def dissimilarity(self) -> Tensor | None:
        """Return the (B, M) ``1 - cos``, NaN where a side has no image; None without features."""
        if self.features_a is None or self.features_b is None:
            return None
        return torch.clamp(1.0 - self.features_a @ self.features_b.T, 0.0, 2.0)

    def blocks(self, pairs: int) -> list[slice]:
        """Return the rows in slices of about so many pairs."""
        rows, step = self.positives.shape[0], max(1, pairs // max(1, self.places_b.number))
        return [slice(start, start + step) for start in range(0, rows, step)]

    def is_positive(self) -> Tensor:
        """Return the (B, M) mask of the positives."""
        return torch.arange(self.places_b.number, device=self.positives.device) == self.positives[:, None]


def prepare_sides(
    coordinates: Coordinates,
    coords: tuple[Tensor, Tensor],
    feats: tuple[Tensor | None, Tensor | None],
    positives: Tensor | None,
    *,
    width: int | None,
) -> Sides:
    """Return both sides of a batch, checked and prepared, without autocast."""
    columns = positive_columns(positives, *coords)
    with torch.autocast(device_type=columns.device.type, enabled=False):
        places_a, places_b = coordinates.places(coords[0], "coords_a"), coordinates.places(coords[1], "coords_b")
        features = unit_features(*feats, places_a.number, places_b.number, width=width)
        return Sides(places_a, places_b, *features, columns)


def on_the_host(*given: Any) -> tuple[Any, ...]:
    """Return tensors on the CPU, and what is no tensor as it is."""
    return tuple(one.cpu() if isinstance(one, Tensor) else one for one in given)


def check_negatives(negatives: Tensor, rows: range) -> None:
    """Refuse rows all of whose negatives are masked, the positive being masked as well."""
    if negatives.shape[1] < 2:
        return
    masked = (negatives.amax(dim=1) == -torch.inf).nonzero().squeeze(1).tolist()
    if masked:
        msg = (
            f"All negatives of {len(masked)} rows are masked: {listed_rows(rows[row] for row in masked)}. Such a row "
            'has nothing to learn from: use a larger batch or a queue, coincident="weight", or a smaller mask.'
        )
        raise ValueError(msg)


def mean_dissimilarities(sides: Sides, curve: VariogramModel) -> tuple[float, float, int] | None:
    """Return the mean dissimilarity of the negatives, what the curve expects at their lags, and their number.

    Only of the first million pairs, and of those with two images at two places; None where there are none.
    """
    part = sides[sides.blocks(_AT_MOST)[0]] if len(sides.positives) else sides
    dissimilarity, lag = part.dissimilarity(), part.lag()
    if dissimilarity is None:
        return None
    counts = ~(part.is_positive() | dissimilarity.isnan() | (lag <= SAME_PLACE))
    number = int(counts.sum())
    if number == 0:
        return None
    return float(dissimilarity[counts].mean()), float(curve(lag[counts]).mean()), number


def check_feature_space(sides: Sides, curve: VariogramModel) -> bool:
    """Refuse features whose dissimilarities are far from what the curve expects; whether there were enough to tell."""
    means = mean_dissimilarities(sides, curve)
    if means is None or means[2] < _ENOUGH:
        return False
    found, expected, number = means
    if not expected / 2 <= found <= expected * 2:
        msg = (
            f"feats are of another space than the curve's: the mean dissimilarity of {number} negatives is "
            f"{found:.3g}, the curve expects {expected:.3g} at their lags. Pass the frozen features in which the curve "
            "was fitted, or fit the curve on these."
        )
        raise ValueError(msg)
    return True


def unit_features(
    feats_a: Tensor | None, feats_b: Tensor | None, rows_a: int, rows_b: int, *, width: int | None
) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Return the unit rows of both features in float32, checked; none of either where one is not given."""
    if feats_a is None or feats_b is None:
        return None, None
    unit_a = unit_rows(feats_a, rows_a, names=("feats_a", "coords_a"), width=width)
    unit_b = unit_rows(feats_b, rows_b, names=("feats_b", "coords_b"), width=width)
    if feats_a.shape[1] != feats_b.shape[1]:
        msg = f"feats_a has {feats_a.shape[1]} columns but feats_b has {feats_b.shape[1]}. Must be one feature space."
        raise ValueError(msg)
    return unit_a, unit_b


def unit_rows(feats: Any, rows: int, *, names: tuple[str, str], width: int | None) -> Tensor:
    """Return checked features as unit rows in float32; rows of zeros become NaN."""
    name, coords = names
    if not isinstance(feats, Tensor) or not feats.is_floating_point():
        kind = feats.dtype if isinstance(feats, Tensor) else type(feats).__name__
        msg = f"Invalid {name} of {kind}. Must be a tensor of floats: the frozen features."
        raise TypeError(msg)
    if feats.ndim != 2 or feats.shape[0] != rows:
        msg = (
            f"Invalid {name} of shape {tuple(feats.shape)} with {rows} rows in {coords}. "
            "Must be (n, d): one row per place."
        )
        raise ValueError(msg)
    if width is not None and feats.shape[1] != width:
        msg = (
            f"Invalid {name} of {feats.shape[1]} columns: the curve was fitted on features of {width} "
            "(feature_width). Pass features of the curve's feature space: frozen, before the trained layers."
        )
        raise ValueError(msg)
    if feats.shape[1] == 0:
        msg = f"Invalid {name} of shape {tuple(feats.shape)}. Must have at least one column."
        raise ValueError(msg)
    require_rows(
        ~feats.isinf().any(dim=1),
        f"{name} has infinite entries, as half precision makes them of large ones. Compute the features in float32",
    )
    # Widened first, because half precision would round a second time; scaled, so that no square under- or overflows.
    wide = feats.to(torch.promote_types(feats.dtype, torch.float32))
    scaled = (wide / wide.abs().amax(dim=1, keepdim=True)).float()
    return scaled / scaled.norm(dim=1, keepdim=True)
