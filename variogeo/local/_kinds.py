"""PairKind: which pairs are looked for, and how far apart."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_choice, check_number
from variogeo._lags import LagBins
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
    beyond : float, optional, km
        By default the model's effective range for hard negatives, 0 for the others.
    within : float, optional, km
        By default the model's effective range for false negatives, no limit for the others.

    Raises
    ------
    ValueError
        For another name, or ``beyond`` that is not below ``within``.

    Examples
    --------
    >>> from variogeo.local import PairKind
    >>> PairKind("hard_negative", beyond=1000)
    PairKind(name='hard_negative', beyond=1000.0, within=None)
    """

    name: KindName
    _: KW_ONLY
    beyond: float | None = None
    within: float | None = None

    def __post_init__(self) -> None:
        check_choice(self.name, KindName, name="name")
        for name in ("beyond", "within"):
            if getattr(self, name) is not None:
                number = check_number(getattr(self, name), name=name, at_least=0.0, unit="km")
                object.__setattr__(self, name, number)

    def window(self, model: Any) -> LagBins:
        """Return the one bin of lags at which the kind is looked for."""
        beyond, within = self.beyond, self.within
        if self.name == "hard_negative":
            beyond = threshold_of(model, beyond, "beyond")
        elif self.name == "false_negative":
            within = threshold_of(model, within, "within")
        low = 0.0 if beyond is None else beyond
        high = max(FARTHEST, low + 1.0) if within is None else within
        if not low < high:
            msg = f"Invalid beyond '{low}' with within '{high}'. Must be less: pairs have beyond < lag <= within (km)."
            raise ValueError(msg)
        return LagBins([low, high])

    def strength(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how strongly pairs with an excess ``c - gamma(h)`` are of this kind; the largest come first."""
        return -np.abs(excess) if self.name == "as_expected" else -excess

    @property
    def least(self) -> float:
        """The strength that a pair of this kind exceeds."""
        return -np.inf if self.name == "as_expected" else 0.0


def as_kind(kind: Any) -> PairKind:
    """Return a kind as it is, or that of a name."""
    if isinstance(kind, PairKind):
        return kind
    check_choice(kind, KindName, name="kind")
    return PairKind(kind)
