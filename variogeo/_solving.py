"""The best parameters of a class or two: spaces to search, iterated weights, single fits within nested ones."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from variogeo._leastsquares import Curve, Solution, minimise
from variogeo._parameters import PARTS, Classes, kind_of, limits_of
from variogeo._space import Space

_REWEIGHTINGS = 50
_SMOOTHNESSES = 0.5, 1.5, 2.5
"""What a Matern fit chooses from; the first alone is valid on the sphere."""
_OTHER_RANGE = 0.1, 10.0
"""Range of the structure that a single fit lacks, over its own: shorter for the first of two, longer for the second."""


def smoothness_choices(free: Sequence[str], *, on_sphere: bool) -> list[dict[str, float]]:
    """Return each combination of the free smoothnesses, which take a few values only."""
    names = [name for name in free if kind_of(name) == "smoothness"]
    values = _SMOOTHNESSES[:1] if on_sphere else _SMOOTHNESSES
    return [dict(zip(names, chosen, strict=True)) for chosen in product(values, repeat=len(names))]


def space_of(
    curve: Curve,
    classes: Classes,
    held: dict[str, float],
    bounds: Mapping[str, tuple[float, float]],
    *,
    on_sphere: bool,
) -> Space:
    """Return what is searched: the free parameters within their limits."""
    lags = float(curve.lag.min()), float(curve.lag.max())
    limits = limits_of(classes, held, bounds, lags=lags, shape_limit=1.0 if on_sphere else 2.0)
    return Space(classes, held, limits, lags[1], curve.unit)


def solve(curve: Curve, space: Space, *, iterated: bool) -> Solution:
    """Return the best parameters; iterated, with weights over the square of the fitted semivariance."""
    solution = minimise(curve, space, _embedded(curve, space))
    if not iterated:
        return solution
    for iteration in range(_REWEIGHTINGS):
        root = curve.root / np.maximum(solution.model(curve.lag), 1e-6 * curve.unit)
        reweighted = Curve(curve.lag, curve.semivariance, root / np.sqrt(np.mean(root**2)))
        # The first weights change most: then all starts are worth trying again.
        known = [solution.model.parameter_values]
        following = minimise(reweighted, space, known, from_grid=iteration == 0)
        settled = np.allclose(following.model(curve.lag), solution.model(curve.lag), rtol=1e-6)
        solution = following
        if settled:
            break
    return solution


def misfit(curve: Curve, solution: Solution, *, iterated: bool) -> float:
    """Return what tells solutions apart: their cost, or where each has weights of its own, the relative residuals."""
    if not iterated:
        return solution.cost
    level = np.maximum(solution.model(curve.lag), 1e-6 * curve.unit)
    return float((curve.whitened(curve.semivariance / level - 1.0) ** 2).sum())


def _embedded(curve: Curve, space: Space) -> list[dict[str, float]]:
    """Return the single fits as parameters of a nested one, whose other structure has no partial sill."""
    if len(space.classes) == 1:
        return []
    embedded = []
    for k, part in enumerate(PARTS):
        names = {f"{part}.{kind}": kind for kind in ("partial_sill", "effective_range", "shape", "smoothness")}
        names["nugget"] = "nugget"
        held = {names[name]: value for name, value in space.held.items() if name in names}
        limits = {names[name]: value for name, value in space.limits.items() if name in names}
        single = Space((space.classes[k],), held, limits, space.unit_lag, space.unit_gamma)
        found = minimise(curve, single).model.parameter_values
        other, factor = PARTS[1 - k], _OTHER_RANGE[1 - k]
        values = {f"{other}.partial_sill": 0.0, f"{other}.effective_range": factor * found["effective_range"]}
        values |= {f"{other}.{kind}": 0.5 for kind in ("shape", "smoothness")}
        embedded.append(values | {name: found[kind] for name, kind in names.items() if kind in found})
    return embedded
