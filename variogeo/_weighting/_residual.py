"""ResidualWeighting: how much more similar a pair is than its lag lets expect."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

from variogeo._checks import check_number
from variogeo._model import RangeDefinition, VariogramModel, check_model, lag_on_earth, range_of
from variogeo._namespace import array_namespace
from variogeo._weighting._arguments import given_dissimilarity
from variogeo._weighting._base import Weighting, listed
from variogeo._weighting._lag_spread import LagSpread


@listed
@dataclass(frozen=True)
class ResidualWeighting(Weighting):
    r"""Weight by how much more similar a pair is than its lag lets expect.

    .. math:: \log w = \begin{cases}
       +\beta \max(0, z) & h > \text{beyond} \quad \text{(hard negative)}\\
       -\beta \max(0, z) & h \le \text{within} \quad \text{(likely false negative)}\\
       -\infty & h \le \text{within},\; z > \text{mask\_above}
       \end{cases}
       \qquad z = \frac{\gamma(h) - c}{\sigma(h)}

    Similar and far is a hard negative and counts more; similar and near is a likely false negative
    and counts less; a pair as dissimilar as expected keeps weight 1. `hard_negatives` and `false_negatives` make
    one side alone.

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
    spread : float or LagSpread
        ``sigma``, the unit of the residual: 1, the spread of the dissimilarity, or its spread per lag
        (``LagSpread.of(empirical)``), which makes ``z`` a standardised residual.
    mask_above : float
        Standardised residual beyond which a pair within ``within`` is taken out instead of lowered; inf for never.

    Raises
    ------
    ValueError
        For a negative strength, ``beyond < within``, where the two sides would overlap, ``mask_above`` with
        ``within=0``, where it has nothing to take out, and a curve that has no slope range.

    Notes
    -----
    A NaN dissimilarity (a gallery point without an image) has log-weight 0. At lag 0 the curve is 0,
    so a coincident negative keeps weight 1: `variogeo.nn.NegativeWeights` masks it. Beyond the range the
    curve is flat, so there the residual is the similarity itself and the curve supplies the
    threshold and the unit.

    The curve holds for the features it was fitted on: frozen, before any trainable head, with the same preprocessing.
    Mean weights above 1 act like a lower temperature, which `row_mean_one` takes out. Strong hard negatives far away
    are paid for with accuracy at short distances. A range that was badly fitted puts the thresholds in the wrong
    place: a single model on a curve of two structures is one, see `Nested`.

    References
    ----------
    .. [1] Semivariogram hard negatives on GeoCLIP, arXiv 2509.21573: the idea in its abstract. The
       published formula was not used; this one is variogeo's own.

    Examples
    --------
    >>> from variogeo import Exponential, LagSpread, ResidualWeighting
    >>> curve = Exponential(nugget=0.1, partial_sill=0.2, effective_range=100.0)
    >>> scheme = ResidualWeighting(curve, strength=2.0)
    >>> scheme([10.0, 5000.0, 5000.0], [0.0, 0.0, 0.5]).round(3)
    array([-0.304,  0.6  ,  0.   ])
    >>> spread = LagSpread(lag=(1.0, 1000.0), spread=(0.1, 0.05))
    >>> scheme = ResidualWeighting(curve, spread=spread, mask_above=1.5)
    >>> scheme([10.0, 10.0, 5000.0], [0.0, 0.1, 0.1]).round(3)
    array([  -inf, -0.621,  4.   ])
    """

    model: VariogramModel
    strength: float = 1.0
    _: KW_ONLY
    beyond: float | RangeDefinition | None = None
    within: float | RangeDefinition | None = None
    spread: float | LagSpread = 1.0
    mask_above: float = math.inf

    def __post_init__(self) -> None:
        check_model(self.model)
        object.__setattr__(self, "strength", check_number(self.strength, name="strength", at_least=0.0))
        if not isinstance(self.spread, LagSpread):
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
        object.__setattr__(self, "mask_above", _finite_or_inf(self.mask_above, name="mask_above"))
        if self.mask_above < math.inf and within == 0:
            msg = f"Invalid mask_above '{self.mask_above:g}' with within '0': no pair is that near. Raise within (km)."
            raise ValueError(msg)

    @classmethod
    def hard_negatives(
        cls,
        model: VariogramModel,
        strength: float = 1.0,
        *,
        beyond: float | RangeDefinition | None = None,
        spread: float | LagSpread = 1.0,
    ) -> "ResidualWeighting":
        """Return the scheme that raises similar and distant negatives, and leaves near ones alone.

        Whether it does anything on your own features, a comparison with the same weights shuffled within each row
        tells.

        Parameters
        ----------
        model, strength, beyond, spread
            See `ResidualWeighting`.

        Examples
        --------
        >>> from variogeo import Exponential, ResidualWeighting
        >>> curve = Exponential(nugget=0.1, partial_sill=0.2, effective_range=100.0)
        >>> scheme = ResidualWeighting.hard_negatives(curve, 2.0, spread=0.05)
        >>> scheme([10.0, 5000.0], [0.2, 0.2]).round(3)
        array([0., 4.])
        """
        return cls(model, strength, beyond=beyond, within=0.0, spread=spread)

    @classmethod
    def false_negatives(
        cls,
        model: VariogramModel,
        strength: float = 1.0,
        *,
        within: float | RangeDefinition | None = None,
        spread: float | LagSpread = 1.0,
        mask_above: float = math.inf,
    ) -> "ResidualWeighting":
        """Return the scheme that lowers similar and near negatives, or takes them out, and leaves far ones alone.

        Few pairs of a random batch are near, so it touches few of them: count them before you expect an effect. Taking
        out what is similar and near also takes out what would teach to tell neighbours apart.

        Parameters
        ----------
        model, strength, within, spread, mask_above
            See `ResidualWeighting`.

        Examples
        --------
        >>> from variogeo import Exponential, ResidualWeighting
        >>> curve = Exponential(nugget=0.1, partial_sill=0.2, effective_range=100.0)
        >>> scheme = ResidualWeighting.false_negatives(curve, spread=0.05, mask_above=2.0)
        >>> scheme([50.0, 50.0, 5000.0], [0.0, 0.2, 0.0]).round(3)
        array([ -inf, -1.106, 0.   ])
        """
        return cls(model, strength, beyond=math.inf, within=within, spread=spread, mask_above=mask_above)

    @property
    def needs_dissimilarity(self) -> bool:
        """True: it compares the images with the curve."""
        return True

    @property
    def curve(self) -> VariogramModel:
        """The model."""
        return self.model

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """The thresholds that switch a side on. Units: km."""
        beyond, within = self._thresholds
        return tuple((name, lag) for name, lag in (("within", within), ("beyond", beyond)) if 0 < lag < math.inf)

    @property
    def _thresholds(self) -> tuple[float, float]:
        """``beyond`` and ``within`` as the floats that they are after construction."""
        return float(self.beyond or 0.0), float(self.within or 0.0)

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the log-weight at ``lag`` (km) of a pair of images with ``dissimilarity`` 1 - cos."""
        lag = lag_on_earth(lag)
        xp = array_namespace(lag)
        # Without an image there is no residual; a NaN lag stays NaN, because it is a broken coordinate.
        dissimilarity = given_dissimilarity(dissimilarity, self, without_image=math.inf)
        spread = self.spread(lag) if isinstance(self.spread, LagSpread) else self.spread
        residual = xp.clip(self.model(lag) - dissimilarity, 0.0, None) / spread
        beyond, within = self._thresholds
        far, near = self.strength * residual, -self.strength * residual
        if self.mask_above < math.inf:
            near = xp.where(residual > self.mask_above, -math.inf, near)
        return xp.where(lag > beyond, far, xp.where(lag <= within, near, 0.0 * residual))[()]


def _threshold(given: Any, model: VariogramModel, name: str) -> float:
    """Return a threshold in km: a number, or one of the model's ranges by its name."""
    if given is None or isinstance(given, str):
        given = range_of(model, "effective_range" if given is None else given, name=name)
    return _finite_or_inf(given, name=name, unit="km")


def _finite_or_inf(given: Any, *, name: str, unit: str = "") -> float:
    """Return a number of at least zero, which may be infinite."""
    is_infinite = isinstance(given, float) and given == math.inf
    return math.inf if is_infinite else check_number(given, name=name, at_least=0.0, unit=unit)
