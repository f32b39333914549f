"""WeightSummary: what a scheme does to one batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from variogeo._cards import text_html
from variogeo._weighting import Weighting, landmarks_by_lag
from variogeo.nn._sides import Sides, mean_dissimilarities

_BLOCK = 2**20
"""Pairs that are looked at together."""


@dataclass(frozen=True)
class WeightSummary:
    """What a scheme does to one batch: how many negatives it reaches, and how much weight it moves.

    Made by `NegativeWeights.summary`. Print it once per scheme, before a training.

    Attributes
    ----------
    rows : int
        Rows of the batch, each with one positive.
    negatives : int
        All pairs but the positives.
    masked : float
        Share of the negatives that are out, with weight 0.
    mean_weight : float
        Mean weight of the negatives that are left. Far from 1 it acts like another temperature.
    row_means : tuple of two floats
        Smallest and largest mean weight of a row.
    within : tuple of (str, float, int)
        Name and lag (km) of the scheme's ``landmarks``, such as the curve's effective range, and how many negatives lie
        within. Few of a random batch do: a scheme that acts there alone does little.
    mean_dissimilarity, expected_dissimilarity : float or None
        Mean ``1 - cos`` of the negatives that have two images at two places, and what the curve expects at their lags;
        of the first million pairs. None without features or without a curve.

    Examples
    --------
    >>> import torch
    >>> from variogeo import MaskWeighting
    >>> from variogeo.nn import NegativeWeights
    >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
    >>> summary = NegativeWeights(MaskWeighting(25.0), order="lonlat", units="deg").summary(lonlat, lonlat)
    >>> round(summary.masked, 3), summary.mean_weight
    (0.333, 1.0)
    """

    rows: int
    negatives: int
    masked: float
    mean_weight: float
    row_means: tuple[float, float]
    within: tuple[tuple[str, float, int], ...]
    mean_dissimilarity: float | None
    expected_dissimilarity: float | None

    def __str__(self) -> str:
        smallest, largest = self.row_means
        lines = [
            f"{self.negatives} negatives in {self.rows} rows, {100 * self.masked:.1f} % masked",
            f"mean weight {self.mean_weight:.3g} (rows {smallest:.3g} to {largest:.3g})",
        ]
        for name, lag, count in self.within:
            names, share = name.replace(", ", " and "), 100 * count / self.negatives
            lines.append(f"{count} negatives ({share:.1f} %) up to {lag:.4g} km, the scheme's {names}")
        if self.mean_dissimilarity is not None:
            lines.append(
                f"mean dissimilarity {self.mean_dissimilarity:.3g}, the curve expects {self.expected_dissimilarity:.3g}"
            )
        return "\n".join(lines)

    _repr_html_ = text_html


def summarise(sides: Sides, log_weights: Callable[[slice], Tensor], scheme: Weighting) -> WeightSummary:
    """Return the summary of a batch on the host."""
    rows = len(sides.positives)
    negatives = rows * (sides.places_b.number - 1)
    if negatives < 1:
        msg = f"The batch has {rows} rows and {sides.places_b.number} columns: no negatives. Pass at least two columns."
        raise ValueError(msg)
    curve = scheme.curve_of_features or scheme.curve
    named = [(name, lag) for lag, name in landmarks_by_lag(scheme.landmarks).items() if 0 < lag < math.inf]
    left, total, means, counts = 0, 0.0, [], [0] * len(named)
    for block in sides.blocks(_BLOCK):
        part, weights = sides[block], log_weights(block).double().exp()
        negative = ~part.is_positive()
        weights = torch.where(negative, weights, 0.0)
        number = (weights > 0).sum(dim=1)
        left, total = left + int(number.sum()), total + float(weights.sum())
        means.append(weights.sum(dim=1) / number)
        lag = part.lag()
        counts = [count + int(((lag <= most) & negative).sum()) for count, (_, most) in zip(counts, named, strict=True)]
    every_row = torch.cat(means)
    found = None if curve is None else mean_dissimilarities(sides, curve)
    return WeightSummary(
        rows=rows,
        negatives=negatives,
        masked=1 - left / negatives,
        mean_weight=total / left,
        row_means=(float(every_row.min()), float(every_row.max())),
        within=tuple((name, lag, count) for (name, lag), count in zip(named, counts, strict=True)),
        mean_dissimilarity=None if found is None else found[0],
        expected_dissimilarity=None if found is None else found[1],
    )
