"""The torch side: log-weights for negatives, soft targets, and the losses that take them."""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    _msg = "torch is not installed. Its extra: pip install 'variogeo[torch]' (in a checkout '.[torch]')."
    raise ImportError(_msg) from None

from variogeo.nn._losses import soft_cross_entropy, weighted_cross_entropy
from variogeo.nn._negative_weights import NegativeWeights
from variogeo.nn._soft_targets import SoftTargets

__all__ = ["NegativeWeights", "SoftTargets", "soft_cross_entropy", "weighted_cross_entropy"]
