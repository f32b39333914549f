"""The schemes of ``variogeo weights``: which options each takes, and what it is made of."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from variogeo._checks import DataError
from variogeo._empirical import EmpiricalVariogram
from variogeo._files import existing_file
from variogeo._loading import load
from variogeo._model import VariogramModel, check_model, range_of
from variogeo._weighting import (
    DecorrelationWeighting,
    FarWeighting,
    LagSpread,
    MaskWeighting,
    NearWeighting,
    ResidualWeighting,
    Weighting,
)
from variogeo.cli._usage import UsageError


class Scheme(NamedTuple):
    """How a scheme is made of a model and of the options that it takes. With ``instead`` in km it asks no curve."""

    options: tuple[str, ...]
    make: Callable[..., Weighting]
    meaning: str
    instead: tuple[str, ...] | None = None


def _near(model: VariogramModel, *, strength: float = 1.0, scale: float | None = None) -> Weighting:
    """Return the scheme that raises near negatives, on the scale of the curve where none is given."""
    return NearWeighting(strength, model.effective_range if scale is None else scale)


def _far(model: VariogramModel, *, strength: float = 1.0) -> Weighting:  # noqa: ARG001
    """Return the scheme that raises far negatives."""
    return FarWeighting(strength)


def _mask(model: VariogramModel, *, within: Any = "effective_range", beyond: Any = 0.0) -> Weighting:
    """Return the scheme that takes out the negatives within a lag."""
    lags = (range_of(model, given, name="lag") if isinstance(given, str) else given for given in (within, beyond))
    return MaskWeighting(*lags)


SCHEMES = {
    "residual": Scheme(
        ("strength", "beyond", "within", "spread", "mask_above"),
        ResidualWeighting,
        "alike and far counts more, alike and near less",
    ),
    "hard-negatives": Scheme(
        ("strength", "beyond", "spread"), ResidualWeighting.hard_negatives, "alike and far counts more"
    ),
    "false-negatives": Scheme(
        ("strength", "within", "spread", "mask_above"), ResidualWeighting.false_negatives, "alike and near counts less"
    ),
    "decorrelation": Scheme((), DecorrelationWeighting, "near counts less, as the curve says"),
    "near": Scheme(("strength", "scale"), _near, "near counts more", instead=("scale",)),
    "far": Scheme(("strength",), _far, "far counts more", instead=()),
    "mask": Scheme(("within", "beyond"), _mask, "near is taken out", instead=("within",)),
}


def add_scheme_options(parser: argparse.ArgumentParser) -> None:
    """Add the name of the scheme and what the schemes take."""
    meanings = "; ".join(f"{name}: {scheme.meaning}" for name, scheme in SCHEMES.items())
    parser.add_argument("--scheme", choices=SCHEMES, default="residual", help=f"{meanings} (default: %(default)s)")
    group = parser.add_argument_group(
        "of the scheme", "Each scheme takes some of them, and refuses the others. Of --spread and --variogram only one."
    )
    group.add_argument("--strength", type=float, metavar="NUMBER", help="0 changes nothing (default: 1)")
    reach = "effective_range, slope_range or integral_scale"
    group.add_argument("--beyond", type=_km_or_range, metavar="KM", help=f"from where on negatives are far, or {reach}")
    group.add_argument("--within", type=_km_or_range, metavar="KM", help=f"up to where negatives are near, or {reach}")
    group.add_argument("--scale", type=float, metavar="KM", help="where near has fallen to a third")
    group.add_argument("--mask-above", type=float, metavar="NUMBER", help="residual above which a near pair is out")
    spread = group.add_mutually_exclusive_group()
    spread.add_argument("--spread", type=float, metavar="NUMBER", help="unit of the residual (default: 1)")
    spread.add_argument(
        "--variogram", type=Path, metavar="FILE", help="variogram.json of the model: its spread per lag is the unit"
    )


def scheme_of(arguments: argparse.Namespace, model: VariogramModel) -> Weighting:
    """Return the scheme that is asked for; an option that it does not take is wrong usage."""
    scheme = SCHEMES[arguments.scheme]
    names = ("strength", "beyond", "within", "scale", "mask_above", "spread", "variogram")
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    allowed = (*scheme.options, *(["variogram"] if "spread" in scheme.options else []))
    odd = [f"--{name.replace('_', '-')}" for name in given if name not in allowed]
    if odd:
        takes = ", ".join(f"--{name.replace('_', '-')}" for name in allowed) or "none of these options"
        msg = f"{', '.join(odd)}: the scheme {arguments.scheme} does not take it. It takes {takes}."
        raise UsageError(msg)
    if "variogram" in given:
        given["spread"] = _spread_of(given.pop("variogram"))
    return scheme.make(model, **given)


def asks_the_curve(arguments: argparse.Namespace) -> bool:
    """Whether the weights depend on the curve, and not on lags of the user alone."""
    instead = SCHEMES[arguments.scheme].instead
    named = any(isinstance(given, str) for given in (arguments.within, arguments.beyond))
    return instead is None or named or any(getattr(arguments, name) is None for name in instead)


def model_of(path: Path) -> VariogramModel:
    """Return the model of a file, or refuse what is none."""
    value = load(existing_file(path))
    if not isinstance(value, VariogramModel):
        msg = f"{path} holds a value of class {type(value).__name__}. Must be a model: model.json of fit."
        raise DataError(msg)
    check_model(value)
    return value


def _spread_of(path: Path) -> LagSpread:
    """Return the spread per lag of a saved variogram."""
    value = load(existing_file(path))
    if not isinstance(value, EmpiricalVariogram):
        msg = f"{path} holds a value of class {type(value).__name__}. Must be a variogram: variogram.json of fit."
        raise DataError(msg)
    return LagSpread.of(value)


def _km_or_range(text: str) -> float | str:
    """Return a number of km, or the name of a range as it is: the scheme knows which there are."""
    try:
        return float(text)
    except ValueError:
        return text
