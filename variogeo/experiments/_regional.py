"""Weights from the curve of the region that a photo lies in."""

from dataclasses import dataclass

import torch
from torch import Tensor

from variogeo.experiments._objectives import Batch
from variogeo.nn import NegativeWeights


@dataclass(frozen=True, eq=False)
class RegionalWeights:
    """Log-weights by the scheme of the region whose centre is nearest to the row's photo.

    Parameters
    ----------
    centres : tuple of (x, y, z)
        Unit vectors of the regions' centres.
    weights : tuple of NegativeWeights
        One for each centre, in degrees with the longitude first.
    """

    centres: tuple[tuple[float, float, float], ...]
    weights: tuple[NegativeWeights, ...]

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        """Return the (B, M) log-weights."""
        region = self._regions(batch.lonlat)
        log_weights = torch.zeros(batch.is_negative.shape, device=batch.lonlat.device)
        target = batch.target
        for number, weights in enumerate(self.weights):
            rows = region == number
            if rows.any():
                log_weights[rows] = weights.log_weights(
                    batch.lonlat[rows],
                    batch.candidate_lonlat,
                    batch.features[rows],
                    batch.candidate_features,
                    positives=target[rows],
                )
        return log_weights

    def _regions(self, lonlat: Tensor) -> Tensor:
        """Return the number of the nearest centre to each place."""
        longitude, latitude = torch.deg2rad(lonlat).unbind(dim=1)
        across = torch.cos(latitude)
        unit = torch.stack((across * torch.cos(longitude), across * torch.sin(longitude), torch.sin(latitude)), dim=1)
        return (unit @ torch.tensor(self.centres, dtype=unit.dtype, device=unit.device).T).argmax(dim=1)
