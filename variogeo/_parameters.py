"""The parameters of a fit: their names, what holds or bounds them, and the model that they make."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from variogeo._checks import check_number
from variogeo._model import VariogramModel
from variogeo._models import MODELS
from variogeo._nested import Nested

Classes = tuple[type[VariogramModel], ...]
"""One class, or the two of a nested model."""

PARTS = ("first", "second")
FIRST_RANGE, SECOND_RANGE = "first.effective_range", "second.effective_range"
LOWEST_SHAPE = 0.05
"""Below this shape a curve is a nugget with a slow rise."""
_ANY = {"nugget": 0.0, "partial_sill": 1.0, "effective_range": 1.0, "shape": 1.0, "smoothness": 0.5}
"""A legal value of each parameter."""


def kind_of(name: str) -> str:
    """Return what a parameter is, whichever part it belongs to: ``first.shape`` is a shape."""
    return name.rpartition(".")[2]


def parameter_names(classes: Classes) -> tuple[str, ...]:
    """Return the names of all parameters: nugget, partial_sill, ... or nugget, first.partial_sill, ..."""
    if len(classes) == 1:
        return classes[0].parameters()
    parts = zip(PARTS, classes, strict=True)
    return ("nugget", *(f"{part}.{name}" for part, model in parts for name in model.parameters() if name != "nugget"))


def model_of(classes: Classes, values: Mapping[str, float]) -> VariogramModel:
    """Return the model with the parameters ``values``."""
    if len(classes) == 1:
        return classes[0](**values)
    fields: list[dict[str, float]] = [{"nugget": values["nugget"]}, {"nugget": 0.0}]
    for name, value in values.items():
        part, _, kind = name.rpartition(".")
        if part:
            fields[PARTS.index(part)][kind] = value
    first, second = (model(**given) for model, given in zip(classes, fields, strict=True))
    return Nested(first, second)


def title_of(classes: Classes) -> str:
    """Return the name of a class, or of both: ``(Exponential, Spherical)``."""
    names = [model.__name__ for model in classes]
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def checked_classes(model: Any) -> Classes:
    """Return the class or the two classes that are asked for; anything else is refused."""
    classes = model if isinstance(model, tuple) else (model,)
    if len(classes) not in (1, 2) or any(
        not isinstance(given, type) or given not in MODELS.values() for given in classes
    ):
        is_value = any(isinstance(given, VariogramModel) for given in classes)
        hint = "the class, not a value of it" if is_value else ", ".join(MODELS)
        msg = f"Invalid model {model!r}. Must be a model class, or a tuple of two for a nested fit: {hint}."
        raise TypeError(msg)
    return classes


def checked_fixed(classes: Classes, fixed: Mapping[str, float] | None) -> dict[str, float]:
    """Return the fixed parameters, checked by the models' own constructors."""
    if not isinstance(fixed, Mapping | None):
        msg = f"Invalid fixed of type {type(fixed).__name__}. Must be a dict, e.g. {{'nugget': 0.0}}."
        raise TypeError(msg)
    names = parameter_names(classes)
    held = dict(fixed or {})
    for name in held:
        _check_known(name, classes, "fixed parameter")
    checked = model_of(classes, {name: held.get(name, _ANY[kind_of(name)]) for name in names}).parameter_values
    held = {name: checked[name] for name in held}
    first, second = held.get(FIRST_RANGE), held.get(SECOND_RANGE)
    if first is not None and second is not None and first > second:
        _refuse_order(first, second)
    return held


def checked_bounds(
    classes: Classes, bounds: Mapping[str, Sequence[float]] | None, held: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Return the bounds as pairs of floats within the domain of the model; 0 and inf leave a side open."""
    if not isinstance(bounds, Mapping | None):
        msg = f"Invalid bounds of type {type(bounds).__name__}. Must be a dict, e.g. {{'effective_range': (10, 500)}}."
        raise TypeError(msg)
    checked: dict[str, tuple[float, float]] = {}
    for name, pair in (bounds or {}).items():
        _check_known(name, classes, "bounds for")
        if name in held:
            msg = f"Invalid bounds for {name!r}, which is fixed. Give bounds= or fixed= for a parameter, not both."
            raise ValueError(msg)
        if kind_of(name) == "smoothness":
            msg = f"Invalid bounds for {name!r}. It is one of 0.5, 1.5, 2.5: hold it with fixed=."
            raise ValueError(msg)
        if not isinstance(pair, Sequence | np.ndarray) or isinstance(pair, str) or len(pair) != 2:
            msg = f"Invalid bounds {pair!r} for {name!r}. Must be two numbers, the lower first."
            raise TypeError(msg)
        low = check_number(pair[0], name=f"lower bound of {name}", at_least=0.0)
        is_open = isinstance(pair[1], float) and pair[1] == np.inf
        high = np.inf if is_open else check_number(pair[1], name=f"upper bound of {name}", above=low)
        if kind_of(name) == "shape" and 2 < high < np.inf:
            msg = f"Invalid upper bound of {name} '{high}'. Must be at most 2: beyond that the curve is no variogram."
            raise ValueError(msg)
        checked[name] = low, high
    return checked


def limits_of(
    classes: Classes,
    held: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
    *,
    lags: tuple[float, float],
    shape_limit: float,
) -> dict[str, tuple[float, float]]:
    """Return the limits of each free parameter: those given, and for open sides those of the data.

    Parameters
    ----------
    lags : (float, float)
        The shortest and the longest mean lag; a tenth of one and ten times the other limit the ranges.
    shape_limit : float
        The largest shape unless bounds allow another.
    """
    by_kind = {
        "nugget": (0.0, np.inf),
        "partial_sill": (0.0, np.inf),
        "effective_range": (lags[0] / 10, lags[1] * 10),
        "shape": (LOWEST_SHAPE, shape_limit),
    }
    limits: dict[str, tuple[float, float]] = {}
    for name in parameter_names(classes):
        if name in held:
            continue
        low, high = by_kind[kind_of(name)]
        given_low, given_high = bounds.get(name, (0.0, np.inf))
        # An open side makes way for the side that is given.
        low = given_low if given_low > 0 else min(low, given_high / 10)
        limits[name] = low, given_high if given_high < np.inf else max(high, 10 * given_low)
    if len(classes) == 2:
        _order(limits, held, bounds)
    return limits


def _order(
    limits: dict[str, tuple[float, float]],
    held: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
) -> None:
    """Cut the limits of two ranges so that every first range has longer second ones, and the other way round."""
    low, high = limits.get(FIRST_RANGE, (held.get(FIRST_RANGE, 0.0),) * 2)
    second_low, second_high = limits.get(SECOND_RANGE, (held.get(SECOND_RANGE, 0.0),) * 2)
    if FIRST_RANGE in limits and bounds.get(FIRST_RANGE, (0.0, 0.0))[0] == 0:
        low = min(low, second_high / 10)
    if SECOND_RANGE in limits and bounds.get(SECOND_RANGE, (0.0, np.inf))[1] == np.inf:
        second_high = max(second_high, 10 * low)
    if low > second_high or (low == second_high and limits.keys() & {FIRST_RANGE, SECOND_RANGE}):
        _refuse_order(low, second_high)
    if FIRST_RANGE in limits:
        limits[FIRST_RANGE] = low, min(high, second_high)
    if SECOND_RANGE in limits:
        limits[SECOND_RANGE] = max(second_low, low), second_high


def _check_known(name: str, classes: Classes, what: str) -> None:
    """Refuse a name that is none of the parameters."""
    names = parameter_names(classes)
    if name not in names:
        msg = f"Invalid {what} {name!r}. {title_of(classes)} has {', '.join(names)}."
        raise ValueError(msg)


def _refuse_order(first: float, second: float) -> None:
    """Say which of two ranges must be the shorter."""
    msg = (
        f"Invalid ranges: {FIRST_RANGE} of at least {first:g} with {SECOND_RANGE} of at most {second:g}. "
        "The first structure must be the shorter one: swap them."
    )
    raise ValueError(msg)
