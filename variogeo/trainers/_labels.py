"""Labels that hold places: the coordinates of a row, then the frozen features that its scheme reads."""

from torch import Tensor

from variogeo.nn import NegativeWeights

_WIDTH = {"deg": 2, "rad": 2, "e7": 2, "xyz": 3}


def places_and_features(labels: Tensor, weights: NegativeWeights) -> tuple[Tensor, Tensor | None]:
    """Return the coordinates and the frozen features of (n, 2) or (n, 2 + d) labels, None where there are none."""
    units = weights.coordinates.units or "deg"
    width, needed = _WIDTH[units], weights.scheme.needs_dissimilarity
    if labels.ndim != 2 or labels.shape[1] < width:
        msg = (
            f"Invalid labels of shape {tuple(labels.shape)}. Must be (n, {width}): the coordinates of each row in "
            f"units {units!r}, in the order of the weights; or (n, {width} + d) with d frozen features behind them."
        )
        raise ValueError(msg)
    if not needed:
        return labels[:, :width], None
    scheme = type(weights.scheme).__name__
    if labels.shape[1] == width:
        msg = (
            f"{scheme} needs the frozen features in which its curve was fitted, but the labels hold coordinates only. "
            "Append the features to the labels of each row: torch.cat([coordinates, features], dim=1)."
        )
        raise TypeError(msg)
    if not labels.is_floating_point():
        msg = (
            f"Invalid labels of {labels.dtype} with features for {scheme}. Features are no whole numbers: give labels "
            "of float32 or float64, and weights with units='deg'."
        )
        raise TypeError(msg)
    return labels[:, :width], labels[:, width:]
