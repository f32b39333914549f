"""Weighting schemes: from (lag, dissimilarity) to the log-weight of a negative."""

import math
import os
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any

from variogeo._checks import check_number
from variogeo._model import RangeDefinition, VariogramModel, range_of
from variogeo._namespace import array_namespace, as_floats
from variogeo._storage import encode, write_document


class Weighting(ABC):
    """A scheme: a frozen callable ``(lag, dissimilarity) -> log_weight``.

    The weight multiplies ``exp(logit)`` of a negative in the denominator of the loss, so its
    logarithm is added to the logit. Works on numpy arrays and torch tensors that broadcast. A scheme
    of your own works in `variogeo.nn.NegativeWeights` too, but is not saved: only the classes listed
    here are ever made from a file.
    """

    model: VariogramModel

    @property
    @abstractmethod
    def needs_dissimilarity(self) -> bool:
        """Whether the scheme reads the dissimilarity of the images, not the lag alone."""

    @abstractmethod
    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the log-weight, finite or -inf."""

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save as JSON with a checksum, numbers in full: ``variogeo.load(path) == self``."""
        write_document(path, "weighting", {"value": encode(self)}, overwrite=overwrite)


@dataclass(frozen=True)
class DecorrelationWeighting(Weighting):
    r"""Weight by the curve alone: near negatives count less.

    .. math:: \log w = \log \frac{\gamma(h)}{\text{sill}}

    A negative at the same place has weight 0 (log-weight -inf), one far beyond the range weight 1.

    Parameters
    ----------
    model : VariogramModel
        With a sill above zero.

    Notes
    -----
    Needs no image features. It also lowers the weight of near negatives that look different, which
    are informative: where features exist, `ResidualWeighting` tells the two apart.

    Examples
    --------
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> scheme = DecorrelationWeighting(Exponential(nugget=0.5, partial_sill=0.5, effective_range=100.0))
    >>> scheme([0.0, 100.0]).round(3)
    array([  -inf, -0.025])
    """

    model: VariogramModel

    def __post_init__(self) -> None:
        _check_model(self.model)
        if not self.model.sill > 0:
            msg = "Invalid model with a sill of zero. Must vary: the weight is gamma / sill."
            raise ValueError(msg)

    @property
    def needs_dissimilarity(self) -> bool:
        """False: the lag is enough."""
        return False

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:  # noqa: ARG002
        """Return ``log(gamma(lag) / sill)``; the dissimilarity is not read."""
        share = self.model(lag) / self.model.sill
        xp = array_namespace(share)
        # A NaN lag stays NaN: it is a broken coordinate, not a negative at the same place.
        return xp.where(share <= 0, -math.inf, xp.log(xp.where(share <= 0, 1.0, share)))[()]


@dataclass(frozen=True)
class ResidualWeighting(Weighting):
    r"""Weight by how much more similar a pair is than its lag lets expect.

    .. math:: \log w = \begin{cases}
       +\beta \max(0, \gamma(h) - c) / \sigma & h > \text{beyond} \quad \text{(hard negative)}\\
       -\beta \max(0, \gamma(h) - c) / \sigma & h \le \text{within} \quad \text{(likely false negative)}
       \end{cases}

    Similar and far is a hard negative and counts more; similar and near is a likely false negative
    and counts less; a pair as dissimilar as expected keeps weight 1.

    Parameters
    ----------
    model : VariogramModel
        The curve of the frozen features that the dissimilarity is measured in.
    strength : float
        ``beta``, not negative.
    beyond, within : float or str, optional, km
        Thresholds of the two sides; ``"effective_range"`` by default, or the other one where only that is given and
        they would overlap. ``"slope_range"`` and ``"integral_scale"`` are other ways to say how far the curve
        reaches, and become km at once. ``beyond=inf`` switches the hard negatives off, ``within=0`` the false ones.
    spread : float
        ``sigma``, the unit of the residual: 1, or the spread of the dissimilarity.

    Raises
    ------
    ValueError
        For a negative strength, ``beyond < within``, where the two sides would overlap, and a curve that has no
        slope range.

    Notes
    -----
    A NaN dissimilarity (a gallery point without an image) has log-weight 0. At lag 0 the curve is 0,
    so a coincident negative keeps weight 1: `variogeo.nn.NegativeWeights` masks it. Beyond the range the
    curve is flat, so there the residual is the similarity itself and the curve supplies the
    threshold and the unit. Mean weights above 1 act like a lower temperature.

    References
    ----------
    .. [1] Semivariogram hard negatives on GeoCLIP, arXiv 2509.21573: the idea in its abstract. The
       published formula is not available; this one is variogeo's own.

    Examples
    --------
    >>> from variogeo import Exponential, ResidualWeighting
    >>> curve = Exponential(nugget=0.1, partial_sill=0.2, effective_range=100.0)
    >>> scheme = ResidualWeighting(curve, strength=2.0)
    >>> scheme([10.0, 5000.0, 5000.0], [0.0, 0.0, 0.5]).round(3)
    array([-0.304,  0.6  ,  0.   ])
    """

    model: VariogramModel
    strength: float = 1.0
    _: KW_ONLY
    beyond: float | RangeDefinition | None = None
    within: float | RangeDefinition | None = None
    spread: float = 1.0

    def __post_init__(self) -> None:
        _check_model(self.model)
        object.__setattr__(self, "strength", check_number(self.strength, name="strength", at_least=0.0))
        object.__setattr__(self, "spread", check_number(self.spread, name="spread", above=0.0))
        given = {name: getattr(self, name) for name in ("beyond", "within")}
        for name, value in given.items():
            object.__setattr__(self, name, _threshold(value, self.model, name))
        beyond, within = self._thresholds
        # A threshold that is not given makes way for the one that is.
        if given["within"] is None and beyond < within:
            object.__setattr__(self, "within", beyond)
        elif given["beyond"] is None and beyond < within:
            object.__setattr__(self, "beyond", within)
        beyond, within = self._thresholds
        if beyond < within:
            msg = f"Invalid beyond '{beyond:g}' with within '{within:g}'. Must not overlap: beyond >= within (km)."
            raise ValueError(msg)

    @property
    def needs_dissimilarity(self) -> bool:
        """True: it compares the images with the curve."""
        return True

    @property
    def _thresholds(self) -> tuple[float, float]:
        """``beyond`` and ``within`` as the floats that they are after construction."""
        return float(self.beyond or 0.0), float(self.within or 0.0)

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the log-weight at ``lag`` (km) of a pair of images with ``dissimilarity`` 1 - cos."""
        lag, dissimilarity = as_floats(lag), _given(dissimilarity, self)
        xp = array_namespace(lag)
        # Without an image there is no residual; a NaN lag stays NaN, because it is a broken coordinate.
        dissimilarity = xp.where(xp.isnan(dissimilarity), math.inf, dissimilarity)
        residual = xp.clip(self.model(lag) - dissimilarity, 0.0, None) * (self.strength / self.spread)
        beyond, within = self._thresholds
        return xp.where(lag > beyond, residual, xp.where(lag <= within, -residual, 0.0 * residual))[()]


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

    Examples
    --------
    >>> from variogeo import Stable, ThesisMultiplier
    >>> scheme = ThesisMultiplier(Stable(nugget=0.1, partial_sill=0.2, effective_range=2000.0, shape=0.9))
    >>> scheme([100.0, 100.0, 15_000.0], [0.9, 0.0, 0.9]).round(3)
    array([2.146, 1.   , 1.   ])
    """

    model: VariogramModel

    def __post_init__(self) -> None:
        _check_model(self.model)
        # Without a range there is nothing to reproduce.
        _ = self.rho

    @property
    def rho(self) -> float:
        """Range of the thesis. Definition: ``model.slope_range``, which is fragile. Units: km."""
        return self.model.slope_range

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the multiplier of the logit, at least 1."""
        lag, dissimilarity = as_floats(lag), _given(dissimilarity, self)
        xp = array_namespace(lag)
        excess = xp.clip(dissimilarity - self.model(lag), 0.0, None)
        return xp.exp(xp.where(lag <= self.rho, excess, 0.0 * excess))[()]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save as JSON with a checksum, numbers in full: ``variogeo.load(path) == self``."""
        write_document(path, "weighting", {"value": encode(self)}, overwrite=overwrite)


WEIGHTINGS: dict[str, type] = {
    scheme.__name__: scheme for scheme in (DecorrelationWeighting, ResidualWeighting, ThesisMultiplier)
}
"""Every final scheme by its name: what a saved document may hold."""


def _threshold(given: Any, model: VariogramModel, name: str) -> float:
    """Return a threshold in km: a number, or one of the model's ranges by its name."""
    if given is None or isinstance(given, str):
        given = range_of(model, "effective_range" if given is None else given, name=name)
    is_infinite = isinstance(given, float) and given == math.inf
    return math.inf if is_infinite else check_number(given, name=name, at_least=0.0, unit="km")


def _check_model(model: Any) -> None:
    """Refuse anything but a model's value."""
    if not isinstance(model, VariogramModel):
        msg = f"Invalid model of type {type(model).__name__}. Must be a variogram model, e.g. fit.model."
        raise TypeError(msg)


def _given(dissimilarity: Any, scheme: Any) -> Any:
    """Return the dissimilarity as floats, or refuse its absence."""
    if dissimilarity is None:
        msg = (
            f"{type(scheme).__name__} needs the dissimilarity of the images. Pass it (or features) as well as the lag."
        )
        raise TypeError(msg)
    return as_floats(dissimilarity)
