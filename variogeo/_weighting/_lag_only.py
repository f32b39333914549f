"""Schemes of the lag alone, without a curve: uniform, near up, far up, mask."""

import math
from dataclasses import dataclass
from typing import Any

from variogeo._checks import check_number
from variogeo._distances import HALF_GREAT_CIRCLE
from variogeo._model import lag_on_earth
from variogeo._namespace import array_namespace
from variogeo._weighting._base import Weighting, listed

SAME_PLACE = 1e-6
"""Lag (km) up to which two samples are at the same place: 1 mm, above the rounding of 180 = -180."""


@listed
@dataclass(frozen=True)
class UniformWeighting(Weighting):
    r"""Weight 1 for every negative: the plain loss.

    .. math:: \log w = 0

    The baseline that every other scheme is compared with, in the same code.

    References
    ----------
    .. [1] van den Oord, A., Li, Y. & Vinyals, O. (2018). Representation learning with contrastive predictive coding.
       arXiv 1807.03748: InfoNCE, the loss of CLIP and GeoCLIP.

    Examples
    --------
    >>> from variogeo import UniformWeighting
    >>> UniformWeighting()([0.0, 5000.0])
    array([0., 0.])
    """

    @property
    def needs_dissimilarity(self) -> bool:
        """False: it reads nothing."""
        return False

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:  # noqa: ARG002
        """Return 0 for each lag, NaN for a NaN."""
        return (0.0 * lag_on_earth(lag))[()]


@listed
@dataclass(frozen=True)
class NearWeighting(Weighting):
    r"""Raise near negatives: geography alone says which are hard.

    .. math:: w = 1 + \lambda \exp(-h / \sigma)

    Parameters
    ----------
    strength : float
        ``lambda``, not negative: a negative at the same place has weight ``1 + lambda``.
    scale : float, km
        ``sigma``, the lag at which the excess has fallen to 1/e.

    Raises
    ------
    ValueError
        For a negative strength or a scale that is not above zero.

    Notes
    -----
    Needs no image features. It takes every near negative for a hard one, so it also pushes apart photos of one street
    that look alike and are no negatives at all: mask the nearest (``NearWeighting(...) + MaskWeighting(1.0)``), or use
    `ResidualWeighting`, which looks at the images. It is the opposite of `DecorrelationWeighting`.

    References
    ----------
    .. [1] HierLoc, ICLR 2026: geo-weighted hard negatives.

    Examples
    --------
    >>> from variogeo import NearWeighting
    >>> NearWeighting(strength=1.0, scale=100.0)([0.0, 100.0, 10_000.0]).round(3)
    array([0.693, 0.313, 0.   ])
    """

    strength: float
    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", check_number(self.strength, name="strength", at_least=0.0))
        object.__setattr__(self, "scale", check_number(self.scale, name="scale", above=0.0, unit="km"))

    @property
    def needs_dissimilarity(self) -> bool:
        """False: the lag is enough."""
        return False

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """The scale. Units: km."""
        return (("scale", self.scale),)

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:  # noqa: ARG002
        """Return ``log(1 + strength exp(-lag / scale))``; the dissimilarity is not read."""
        lag = lag_on_earth(lag)
        xp = array_namespace(lag)
        return xp.log1p(self.strength * xp.exp(-lag / self.scale))[()]


@listed
@dataclass(frozen=True)
class FarWeighting(Weighting):
    r"""Raise far negatives, in proportion to the lag.

    .. math:: w = 1 + \kappa \min(h / h_{\max}, 1)

    Parameters
    ----------
    strength : float
        ``kappa``, not negative: a negative at the longest lag has weight ``1 + kappa``.
    longest : float, km
        ``h_max``; half a great circle by default. Beyond it the weight stays.

    Raises
    ------
    ValueError
        For a negative strength or a longest lag that is not above zero.

    Notes
    -----
    Needs no image features. Seen in use with the longest lag of each batch for ``h_max``; a fixed one gives a pair the
    same weight in every batch. Most pairs of a random batch are far, so nearly all weights are raised alike, which is
    little more than a lower temperature (`row_mean_one` takes that out), while near pairs, the only ones that teach
    street and city, count less.

    Examples
    --------
    >>> from variogeo import FarWeighting
    >>> FarWeighting(strength=1.0, longest=10_000.0)([0.0, 5000.0, 20_000.0]).round(3)
    array([0.   , 0.405, 0.693])
    """

    strength: float
    longest: float = HALF_GREAT_CIRCLE

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", check_number(self.strength, name="strength", at_least=0.0))
        object.__setattr__(self, "longest", check_number(self.longest, name="longest", above=0.0, unit="km"))

    @property
    def needs_dissimilarity(self) -> bool:
        """False: the lag is enough."""
        return False

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """The longest lag, where it is not that of the Earth. Units: km."""
        return (("longest", self.longest),) if self.longest < HALF_GREAT_CIRCLE else ()

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:  # noqa: ARG002
        """Return ``log(1 + strength min(lag / longest, 1))``; the dissimilarity is not read."""
        lag = lag_on_earth(lag)
        xp = array_namespace(lag)
        return xp.log1p(self.strength * xp.clip(lag / self.longest, None, 1.0))[()]


@listed
@dataclass(frozen=True)
class MaskWeighting(Weighting):
    r"""Take out the negatives of a radius or a band of lags.

    .. math:: w = \begin{cases} 0 & \text{beyond} < h \le \text{within} \\ 1 & \text{otherwise} \end{cases}

    Parameters
    ----------
    within : float, km
        Radius up to which negatives are taken out.
    beyond : float, km
        Lag from which on they are; 0 by default. Above zero the two make a band.
    coincident : bool
        Whether negatives at the very same place (up to 1 mm) are taken out as well.

    Raises
    ------
    ValueError
        For a band that is empty: ``within <= beyond``.

    Notes
    -----
    Needs no image features. Common practice: nobody can tell two photos of one street apart, so they are no
    negatives. A mask also takes out the near photos that do look different, and with them what tells streets apart: a
    radius wider than the accuracy that is asked for costs that accuracy. Soft labels (`variogeo.nn.SoftTargets`) keep
    near pairs as graded positives instead.

    All negatives of a row may be within the radius: then the row teaches nothing.

    Examples
    --------
    >>> from variogeo import MaskWeighting
    >>> MaskWeighting(within=25.0)([0.0, 25.0, 26.0])
    array([-inf, -inf,   0.])
    >>> MaskWeighting(within=25.0, beyond=1.0, coincident=False)([0.0, 0.5, 25.0])
    array([  0.,   0., -inf])
    """

    within: float
    beyond: float = 0.0
    coincident: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "within", check_number(self.within, name="within", above=0.0, unit="km"))
        object.__setattr__(self, "beyond", check_number(self.beyond, name="beyond", at_least=0.0, unit="km"))
        if self.beyond >= self.within:
            msg = f"Invalid beyond '{self.beyond:g}' with within '{self.within:g}'. Must be less: beyond < within (km)."
            raise ValueError(msg)
        if not isinstance(self.coincident, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            msg = f"Invalid coincident {self.coincident!r}. Must be True or False."
            raise TypeError(msg)

    @property
    def needs_dissimilarity(self) -> bool:
        """False: the lag is enough."""
        return False

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """The two ends of the band. Units: km."""
        lags = (("beyond", self.beyond), ("within", self.within))
        return tuple((name, lag) for name, lag in lags if lag > 0)

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:  # noqa: ARG002
        """Return -inf within the band and 0 elsewhere; the dissimilarity is not read."""
        lag = lag_on_earth(lag)
        xp = array_namespace(lag)
        same = lag <= SAME_PLACE
        band = (lag > self.beyond) & (lag <= self.within)
        # A NaN lag is in no band, and 0 * NaN stays NaN.
        return xp.where(band | same if self.coincident else band & ~same, -math.inf, 0.0 * lag)[()]
