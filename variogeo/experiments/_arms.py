"""The arms of an experiment: what each one minimises, and what it is compared with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from variogeo._cards import settings_html
from variogeo._distance_kernels import CorrelogramKernel, ExponentialKernel, SimilarityKernel
from variogeo._models import Exponential
from variogeo._weighting import (
    DecorrelationWeighting,
    FarWeighting,
    MaskWeighting,
    NearWeighting,
    ResidualWeighting,
    ThesisMultiplier,
    UniformWeighting,
    Weighting,
)
from variogeo.experiments._curves import Curves
from variogeo.experiments._objectives import (
    HardContrastive,
    InfoNCE,
    Objective,
    SchemeWeights,
    ShuffledInRow,
    SoftLabels,
    SymmetricInfoNCE,
    ThesisLogits,
    WeightedInfoNCE,
)
from variogeo.experiments._regional import RegionalWeights
from variogeo.nn import NegativeWeights, SoftTargets

Role = Literal["baseline", "scheme", "control", "known loser"]
"""Baselines are compared with; controls and known losers show what the comparison can tell apart."""

STRENGTH = 2.0
"""Of the residual schemes."""


@dataclass(frozen=True)
class Arm:
    """One way of training.

    Parameters
    ----------
    name : str
        As it is asked for.
    title : str
        As it stands in tables.
    family : str
        Of the schemes of a family only the one that is best on validation is tested, and one that has a control;
        controls and known losers always.
    role : {"baseline", "scheme", "control", "known loser"}
    objective : callable
        From the fitted `Curves` to the `Objective`.
    baseline : str
        Name of the arm that it is compared with.
    control_of : str or None
        Name of the scheme whose reason a control takes away: the scheme is compared with it too.
    loses_in : str
        Name of the outcome that a known loser must lose in.
    dropout : float, optional
        Of the input features, where it is not that of the experiment.
    batch : int
        Times the batch of the experiment.
    queue : int
        Batches that wait in a queue as further negatives.
    by_region : bool
        Whether it needs a curve for every region.
    """

    name: str
    title: str
    family: str
    role: Role
    objective: Callable[[Curves], Objective]
    baseline: str = "plain"
    control_of: str | None = None
    loses_in: str = "GeoScore"
    dropout: float | None = None
    batch: int = 1
    queue: int = 0
    by_region: bool = False

    _repr_html_ = settings_html


def weighted(scheme: Weighting, *, row_mean_one: bool = False) -> WeightedInfoNCE:
    """Return the loss with the weights of a scheme; pairs at the same place are left to the scheme, as in plain."""
    weights = NegativeWeights(scheme, order="lonlat", units="deg", coincident="weight", row_mean_one=row_mean_one)
    return WeightedInfoNCE(SchemeWeights(weights))


def hard(curves: Curves, strength: float = STRENGTH, *, beyond: float | None = None) -> ResidualWeighting:
    """Return the residual hard negatives of the nested curve: similar and beyond its range."""
    beyond = curves.model.effective_range if beyond is None else beyond
    return ResidualWeighting(curves.model, strength, beyond=beyond, within=0.0, spread=curves.mean_spread)


def similarity(curves: Curves) -> ResidualWeighting:
    """Return the hard negatives without geography: a flat curve at the sill, and no range."""
    flat = Exponential(nugget=curves.model.sill, partial_sill=0.0, effective_range=1.0)
    return ResidualWeighting(flat, STRENGTH, beyond=0.0, within=0.0, spread=curves.mean_spread)


def _soft(kernel: ExponentialKernel | CorrelogramKernel | SimilarityKernel, mixing: float = 1.0) -> SoftLabels:
    """Return the loss with soft labels."""
    return SoftLabels(SoftTargets(kernel, mixing=mixing, order="lonlat", units="deg"))


def _false(curves: Curves) -> ResidualWeighting:
    """Return the residual false negatives of the nested curve: similar and within its range."""
    return ResidualWeighting(
        curves.model, STRENGTH, beyond=float("inf"), within=curves.model.effective_range, spread=curves.mean_spread
    )


def _standardised(curves: Curves) -> ResidualWeighting:
    """Return the hard negatives in units of the spread per lag."""
    return ResidualWeighting(
        curves.model, STRENGTH, beyond=curves.model.effective_range, within=0.0, spread=curves.spread
    )


def _regional(curves: Curves) -> WeightedInfoNCE:
    """Return the hard negatives beyond the range of the curve of each photo's own region."""
    if curves.regional is None:
        msg = "The curves were measured without regions. Measure them with regions= above 0."
        raise ValueError(msg)
    weights = tuple(
        NegativeWeights(
            ResidualWeighting(model, STRENGTH, beyond=model.effective_range, within=0.0, spread=curves.mean_spread),
            order="lonlat",
            units="deg",
            coincident="weight",
        )
        for model in curves.regional.models
    )
    centres = tuple((float(x), float(y), float(z)) for x, y, z in curves.regional.centres)
    return WeightedInfoNCE(RegionalWeights(centres, weights))


def _thesis(curves: Curves) -> ThesisLogits:
    """Return the thesis' rule with its stable model."""
    lags = NegativeWeights(UniformWeighting(), order="lonlat", units="deg")
    return ThesisLogits(ThesisMultiplier(curves.stable.model), lags)


def _shuffled(curves: Curves) -> WeightedInfoNCE:
    """Return the hard negatives' weights, dealt to other negatives of the row."""
    return WeightedInfoNCE(ShuffledInRow(weighted(hard(curves)).log_weights))


def _short(curves: Curves) -> float:
    """Return the range of the short structure, km."""
    return curves.model.first.effective_range


def _long(curves: Curves) -> float:
    """Return the range of the long structure, km."""
    return curves.model.second.effective_range


_ALL = (
    Arm("plain", "plain", "plain", "baseline", lambda _: InfoNCE()),
    Arm("hard", "hard negatives, beta 2", "hard", "scheme", lambda c: weighted(hard(c))),
    Arm("shuffled", "the same, shuffled in the row", "shuffled", "control", _shuffled, control_of="hard"),
    Arm("similarity", "similarity, no geography", "similarity", "control", lambda c: weighted(similarity(c)),
        control_of="hard"),
    Arm("soft-75km", "soft labels, 75 km", "soft-75km", "known loser", lambda _: _soft(ExponentialKernel(75.0)),
        loses_in="25 km, known"),
    Arm("hcl", "HCL, beta 0.5", "hcl", "known loser", lambda _: HardContrastive(0.5)),
    Arm("smoothing", "label smoothing 0.1", "smoothing", "control", lambda _: InfoNCE(0.1)),
    Arm("cut-25km", "hard negatives cut at 25 km", "cut", "control", lambda c: weighted(hard(c, beyond=25.0)),
        control_of="hard"),
    Arm("uniform", "uniform weights", "uniform", "control", lambda _: weighted(UniformWeighting())),
    Arm("symmetric", "plain, both directions", "symmetric", "control", lambda _: SymmetricInfoNCE()),
    Arm("hard-1", "hard negatives, beta 1", "hard", "scheme", lambda c: weighted(hard(c, 1.0))),
    Arm("hard-4", "hard negatives, beta 4", "hard", "scheme", lambda c: weighted(hard(c, 4.0))),
    Arm("hard-long", "hard beyond the long structure", "hard", "scheme", lambda c: weighted(hard(c, beyond=_long(c)))),
    Arm("hard-integral", "hard beyond the integral scale", "hard", "scheme",
        lambda c: weighted(hard(c, beyond=c.model.integral_scale))),
    Arm("hard-short", "hard beyond the short structure", "hard", "scheme",
        lambda c: weighted(hard(c, beyond=_short(c)))),
    Arm("hard-spread", "hard, spread per lag", "hard", "scheme", lambda c: weighted(_standardised(c))),
    Arm("hard-mean-one", "hard, mean weight 1", "hard", "scheme", lambda c: weighted(hard(c), row_mean_one=True)),
    Arm("hard-regional", "hard, curves by region", "hard", "scheme", _regional, by_region=True),
    Arm("hard-mask", "hard + mask of the short structure", "hard", "scheme",
        lambda c: weighted(hard(c) + MaskWeighting(_short(c)))),
    Arm("false", "false negatives, beta 2", "false", "scheme", lambda c: weighted(_false(c))),
    Arm("both", "hard and false, beta 2", "both", "scheme",
        lambda c: weighted(ResidualWeighting(c.model, STRENGTH, spread=c.mean_spread))),
    Arm("decorrelation", "decorrelation", "decorrelation", "scheme",
        lambda c: weighted(DecorrelationWeighting(c.model))),
    Arm("mask-25km", "mask within 25 km", "mask", "scheme", lambda _: weighted(MaskWeighting(25.0))),
    Arm("mask-short", "mask of the short structure", "mask", "scheme", lambda c: weighted(MaskWeighting(_short(c)))),
    Arm("near", "near up, short structure", "near", "scheme", lambda c: weighted(NearWeighting(1.0, _short(c)))),
    Arm("far", "far up", "far", "scheme", lambda _: weighted(FarWeighting(1.0))),
    Arm("soft-25km", "soft labels, 25 km", "soft km", "scheme", lambda _: _soft(ExponentialKernel(25.0))),
    Arm("soft-200km", "soft labels, 200 km", "soft km", "scheme", lambda _: _soft(ExponentialKernel(200.0))),
    Arm("soft-curve", "soft labels, correlogram", "soft curve", "scheme", lambda c: _soft(CorrelogramKernel(c.model))),
    Arm("soft-curve-half", "the same, mixed 1:1 with one-hot", "soft curve", "scheme",
        lambda c: _soft(CorrelogramKernel(c.model), 0.5)),
    Arm("soft-short", "soft labels, short structure", "soft curve", "scheme",
        lambda c: _soft(CorrelogramKernel(c.model.first))),
    Arm("soft-long", "soft labels, long structure", "soft curve", "scheme",
        lambda c: _soft(CorrelogramKernel(c.model.second))),
    Arm("soft-similarity", "soft labels, exp(-gamma/spread)", "soft curve", "scheme",
        lambda c: _soft(SimilarityKernel(c.model, c.mean_spread))),
    Arm("thesis", "thesis' multiplier", "thesis", "scheme", _thesis),
    Arm("debiased", "debiased, tau+ 0.001", "debiased", "scheme", lambda _: HardContrastive(0.0, 0.001)),
    Arm("dropout-0", "plain, no dropout", "tuning", "baseline", lambda _: InfoNCE(), dropout=0.0),
    Arm("dropout-0.15", "plain, dropout 0.15", "tuning", "baseline", lambda _: InfoNCE(), dropout=0.15),
    Arm("dropout-0.5", "plain, dropout 0.5", "tuning", "baseline", lambda _: InfoNCE(), dropout=0.5),
    Arm("plain-queue", "plain, queue", "queue plain", "baseline", lambda _: InfoNCE(), "plain-queue",
        queue=2),
    Arm("hard-queue", "hard negatives, queue", "queue hard", "scheme", lambda c: weighted(hard(c)),
        baseline="plain-queue", queue=2),
    Arm("plain-batch", "plain, batch x 2", "batch plain", "baseline", lambda _: InfoNCE(), "plain-batch",
        batch=2),
    Arm("hard-batch", "hard negatives, batch x 2", "batch hard", "scheme", lambda c: weighted(hard(c)),
        baseline="plain-batch", batch=2),
)  # fmt: skip

ARMS: dict[str, Arm] = {arm.name: arm for arm in _ALL}
"""Every arm by its name."""

GROUPS: dict[str, tuple[str, ...]] = {
    "short": ("plain", "hard", "shuffled", "similarity", "soft-75km"),
    "tuning": ("plain", "dropout-0", "dropout-0.15", "dropout-0.5"),
    "all": tuple(ARMS),
}
"""Names that stand for several arms."""


def chosen_arms(names: Iterable[str]) -> tuple[Arm, ...]:
    """Return the arms of names and groups, with the arms that they are compared with, in the order of `ARMS`.

    Parameters
    ----------
    names : iterable of str
        Of `ARMS` and `GROUPS`.

    Raises
    ------
    ValueError
        For a name that is neither.

    Examples
    --------
    >>> [arm.name for arm in chosen_arms(["hard", "hcl"])]
    ['plain', 'hard', 'hcl']
    >>> [arm.name for arm in chosen_arms(["shuffled"])]
    ['plain', 'hard', 'shuffled']
    """
    wanted: set[str] = set()
    for name in names:
        if name not in ARMS and name not in GROUPS:
            msg = f"Invalid arm {name!r}. Must be of {', '.join([*GROUPS, *ARMS])}."
            raise ValueError(msg)
        wanted.update(GROUPS.get(name, (name,)))
    wanted.update([ARMS[name].control_of or name for name in wanted])
    wanted.update([ARMS[name].baseline for name in wanted])
    return tuple(arm for arm in ARMS.values() if arm.name in wanted)
