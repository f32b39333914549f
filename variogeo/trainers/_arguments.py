"""What every trainer refuses in the place of its weights."""

from typing import Any

from variogeo.nn import NegativeWeights


def checked_weights(weights: Any) -> NegativeWeights:
    """Return the module, or refuse anything else."""
    if not isinstance(weights, NegativeWeights):
        msg = (
            f"Invalid weights of type {type(weights).__name__}. "
            'Must be NegativeWeights, e.g. NegativeWeights(scheme, order="lonlat", units="deg").'
        )
        raise TypeError(msg)
    return weights
