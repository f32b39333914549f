"""Log-weights of rows whose places came along, for callers that know themselves which pairs are negatives."""

import torch
from torch import Tensor

from variogeo._weighting import Weighting
from variogeo.nn import NegativeWeights
from variogeo.nn._coordinates import SAME_PLACE, Coordinates, on_host
from variogeo.nn._sides import check_feature_space, prepare_sides

_UNIT_VECTORS = Coordinates(None, "xyz")


class RidingWeights:
    """Log-weights between unit vectors, before positives are set and without refusing a row that is masked."""

    def __init__(self) -> None:
        self._fits: Weighting | None = None

    @torch.no_grad()
    def __call__(
        self, weights: NegativeWeights, xyz: tuple[Tensor, Tensor], features: tuple[Tensor | None, Tensor | None]
    ) -> Tensor:
        """Return the (B, M) float32 log-weights; the features are held against the curve until they fit it once."""
        scheme = weights.scheme
        needed = scheme.needs_dissimilarity
        if needed and features[0] is None:
            msg = "The scheme needs frozen_features: those in which its curve was fitted. Pass them as well."
            raise TypeError(msg)
        # Sides name a positive for each row, which is not read here.
        unread = torch.zeros(len(xyz[0]), dtype=torch.int64, device=xyz[0].device)
        used = features if needed else (None, None)
        sides = prepare_sides(_UNIT_VECTORS, xyz, used, unread, width=weights.feature_width)
        curve = scheme.curve if needed else None
        if curve is not None and on_host(xyz[0]) and self._fits is not scheme and check_feature_space(sides, curve):
            self._fits = scheme
        with torch.autocast(device_type=xyz[0].device.type, enabled=False):
            lag = sides.lag()
            log_weights = scheme(lag, sides.dissimilarity()).to(torch.float32)
            if weights.coincident == "mask":
                log_weights = torch.where(lag <= SAME_PLACE, -torch.inf, log_weights)
        return log_weights
