"""DecorrelationWeighting: the curve alone."""

import math
from dataclasses import dataclass
from typing import Any

from variogeo._model import VariogramModel, check_model, lag_on_earth
from variogeo._namespace import array_namespace
from variogeo._weighting._base import Weighting, listed


@listed
@dataclass(frozen=True)
class DecorrelationWeighting(Weighting):
    r"""Weight by the curve alone: near negatives count less.

    .. math:: \log w = \log \frac{\gamma(h)}{\text{sill}}

    A negative at the same place has weight 0 (log-weight -inf), one far beyond the range weight 1.

    Parameters
    ----------
    model : VariogramModel
        With a sill above zero.

    Raises
    ------
    TypeError
        For a class instead of a model.
    ValueError
        For a sill of zero.

    Notes
    -----
    Needs no image features. It also lowers the weight of near negatives that look different, which
    are informative: where features exist, `ResidualWeighting` tells the two apart. With a large nugget there is little
    between the weight of the nearest negative and 1, and the scheme does next to nothing.

    Examples
    --------
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> scheme = DecorrelationWeighting(Exponential(nugget=0.5, partial_sill=0.5, effective_range=100.0))
    >>> scheme([0.0, 100.0]).round(3)
    array([  -inf, -0.025])
    """

    model: VariogramModel

    def __post_init__(self) -> None:
        check_model(self.model)
        if not self.model.sill > 0:
            msg = "Invalid model with a sill of zero. Must vary: the weight is gamma / sill."
            raise ValueError(msg)

    @property
    def needs_dissimilarity(self) -> bool:
        """False: the lag is enough."""
        return False

    @property
    def curve(self) -> VariogramModel:
        """The model."""
        return self.model

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """The effective range, where the weight is nearly 1. Units: km."""
        return (("effective range", self.model.effective_range),)

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:  # noqa: ARG002
        """Return ``log(gamma(lag) / sill)``; the dissimilarity is not read."""
        share = self.model(lag_on_earth(lag)) / self.model.sill
        xp = array_namespace(share)
        # A NaN lag stays NaN: it is a broken coordinate, not a negative at the same place.
        return xp.where(share <= 0, -math.inf, xp.log(xp.where(share <= 0, 1.0, share)))[()]
