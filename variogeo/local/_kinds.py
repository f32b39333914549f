"""PairKind: which pairs are looked for, and how far apart."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import settings_html
from variogeo._checks import check_choice, check_number
from variogeo._lags import LagBins
from variogeo._model import RangeDefinition, check_range_name
from variogeo.local._expected import threshold_of

KindName = Literal["hard_negative", "false_negative", "as_expected"]

FARTHEST = 25_000.0
"""No lag is longer: half of the Earth's circumference is 20 004 to 20 038 km."""


@dataclass(frozen=True)
class PairKind:
    """A kind of pair, with the lags ``beyond < h <= within`` (km) at which it is looked for.

    Parameters
    ----------
    name : {"hard_negative", "false_negative", "as_expected"}
        ``"hard_negative"``: similar and far, strongest where ``gamma(h) - c`` is largest. ``"false_negative"``: likely
        false negative, similar and near, likewise. ``"as_expected"``: strongest where ``|c - gamma(h)|`` is smallest.
    beyond : float or {"effective_range", "slope_range", "integral_scale"}, optional, km
        A lag, or a range of the model that the kind is used with. By default the model's effective range for hard
        negatives, 0 for the others.
    within : float or {"effective_range", "slope_range", "integral_scale"}, optional, km
        By default the model's effective range for false negatives, no limit for the others.

    Raises
    ------
    ValueError
        For another name, or ``beyond`` that is not below ``within``. Where either is a range of the model this is known
        when the kind is used.

    Examples
    --------
    >>> from variogeo.local import PairKind
    >>> PairKind("hard_negative", beyond=1000)
    PairKind(name='hard_negative', beyond=1000.0, within=None)
    """

    name: KindName
    _: KW_ONLY
    beyond: float | RangeDefinition | None = None
    within: float | RangeDefinition | None = None

    def __post_init__(self) -> None:
        check_choice(self.name, KindName, name="name")
        for name in ("beyond", "within"):
            given = getattr(self, name)
            if isinstance(given, str):
                check_range_name(given, name=name)
            elif given is not None:
                object.__setattr__(self, name, check_number(given, name=name, at_least=0.0, unit="km"))
        # What depends on the model is at least 0, and has no limit yet.
        low, high = (value if isinstance(value, float) else None for value in (self.beyond, self.within))
        _check_window(0.0 if low is None else low, np.inf if high is None else high)

    def window(self, model: Any) -> LagBins:
        """Return the one bin of lags at which the kind is looked for."""
        low, high = 0.0, None
        if self.name == "hard_negative" or self.beyond is not None:
            low = threshold_of(model, self.beyond, name="beyond")
        if self.name == "false_negative" or self.within is not None:
            high = threshold_of(model, self.within, name="within")
        high = max(FARTHEST, low + 1.0) if high is None else high
        _check_window(low, high)
        return LagBins([low, high])

    def strength(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how strongly pairs with an excess ``c - gamma(h)`` are of this kind; the largest come first."""
        return -np.abs(excess) if self.name == "as_expected" else -excess

    @property
    def least(self) -> float:
        """The strength that a pair of this kind exceeds."""
        return -np.inf if self.name == "as_expected" else 0.0

    _repr_html_ = settings_html


def _check_window(low: float, high: float) -> None:
    """Refuse limits between which there are no lags."""
    if not low < high:
        msg = f"Invalid beyond '{low}' with within '{high}'. Must be less: pairs have beyond < lag <= within (km)."
        raise ValueError(msg)


def as_kind(kind: Any) -> PairKind:
    """Return a kind as it is, or that of a name."""
    if isinstance(kind, PairKind):
        return kind
    check_choice(kind, KindName, name="kind")
    return PairKind(kind)
