"""The torch side: log-weights for negatives, soft targets, and the losses that take them."""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    _msg = "torch is not installed. Its extra: pip install 'variogeo[torch]' (in a checkout '.[torch]')."
    raise ImportError(_msg) from None

from variogeo.nn._distributed import all_gather_rows
from variogeo.nn._fairness import inverse_frequency_weights, regional_fairness
from variogeo.nn._negative_weights import NegativeWeights
from variogeo.nn._neighborhood import NeighborWeights, neighborhood_consistency
from variogeo.nn._noise import coordinate_noise
from variogeo.nn._queue import AlignedQueue
from variogeo.nn._ride_along import pack, unpack
from variogeo.nn._running_variogram import RunningVariogram
from variogeo.nn._soft_targets import SoftTargets
from variogeo.nn.losses._hard_contrastive import debiased_cross_entropy
from variogeo.nn.losses._pair_logits import PairLogits
from variogeo.nn.losses._weighted import soft_cross_entropy, weighted_cross_entropy, weighted_sigmoid

__all__ = [
    "AlignedQueue",
    "NegativeWeights",
    "NeighborWeights",
    "PairLogits",
    "RunningVariogram",
    "SoftTargets",
    "all_gather_rows",
    "coordinate_noise",
    "debiased_cross_entropy",
    "inverse_frequency_weights",
    "neighborhood_consistency",
    "pack",
    "regional_fairness",
    "soft_cross_entropy",
    "unpack",
    "weighted_cross_entropy",
    "weighted_sigmoid",
]
