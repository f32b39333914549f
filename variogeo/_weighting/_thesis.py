"""ThesisMultiplier: what an early public thesis code does to logits."""

import math
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from variogeo._cards import scheme_html
from variogeo._model import VariogramModel, check_model, lag_on_earth
from variogeo._namespace import array_namespace
from variogeo._storage import encode, write_document
from variogeo._weighting._arguments import given_dissimilarity
from variogeo._weighting._base import listed


@listed
@dataclass(frozen=True)
class ThesisMultiplier:
    r"""The multiplier of negative logits in an early public thesis code: for reproduction only.

    .. math:: m = \exp\left(\max(0, c - \gamma(h))\, 1[h \le \rho]\right)

    It multiplies the logit instead of adding to it, so it is no weight and no `Weighting`: it raises
    near pairs that are *more dissimilar* than expected, and moves negative logits the wrong way. Use
    `ResidualWeighting` for everything but the comparison.

    Parameters
    ----------
    model : VariogramModel
        The thesis fits ``Stable`` with a nugget, on features before GeoCLIP's trainable head.

    Raises
    ------
    ValueError
        When the rule for the range finds none: no grid point from which the curve is flat.

    Notes
    -----
    A NaN dissimilarity (a place without an image) has the multiplier 1. It does not add to schemes, and neither do its
    multipliers to log-weights.

    Examples
    --------
    >>> from variogeo import Stable, ThesisMultiplier
    >>> scheme = ThesisMultiplier(Stable(nugget=0.1, partial_sill=0.2, effective_range=2000.0, shape=0.9))
    >>> scheme([100.0, 100.0, 15_000.0], [0.9, 0.0, 0.9]).round(3)
    array([2.146, 1.   , 1.   ])
    """

    model: VariogramModel

    def __post_init__(self) -> None:
        check_model(self.model)
        # Without a range there is nothing to reproduce.
        _ = self.rho

    @cached_property
    def rho(self) -> float:
        """Range of the thesis. Definition: ``model.slope_range``, which is fragile. Units: km."""
        return self.model.slope_range

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """The range, beyond which the multiplier is 1. Units: km."""
        return (("rho", self.rho),) if self.rho > 0 else ()

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the multiplier of the logit, at least 1."""
        lag = lag_on_earth(lag)
        xp = array_namespace(lag)
        dissimilarity = given_dissimilarity(dissimilarity, self, without_image=-math.inf)
        excess = xp.clip(dissimilarity - self.model(lag), 0.0, None)
        return xp.exp(xp.where(lag <= self.rho, excess, 0.0 * excess))[()]

    def __add__(self, other: object) -> NoReturn:
        """Refuse: a multiplier of logits is no log-weight."""
        msg = (
            "ThesisMultiplier does not add to schemes: it multiplies logits, while schemes add to them. Use "
            "ResidualWeighting in a sum, or apply the multiplier to the logits by itself."
        )
        raise TypeError(msg)

    __radd__ = __add__

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save as JSON with a checksum, numbers in full: ``variogeo.load(path) == self``."""
        write_document(path, "weighting", {"value": encode(self)}, overwrite=overwrite)

    _repr_html_ = scheme_html
