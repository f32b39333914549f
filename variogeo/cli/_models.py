"""The options of a fit: which models, with which weights of the bins."""

import argparse
from typing import Any, get_args

from variogeo._checks import DataError
from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import ModelComparison, VariogramFit
from variogeo._fitting import ModelChoice, Weights, compare_models, fit_variogram
from variogeo._models import MODELS
from variogeo._nested import Nested
from variogeo.cli._usage import UsageError

_DEFAULT = ("Exponential", "Spherical", "Stable")


def add_models_options(parser: argparse.ArgumentParser, *, default: bool, fix: bool = True) -> None:
    """Add the models, what is fixed and the weights of the bins; without a default only models that are named."""
    group = parser.add_argument_group("fit")
    group.add_argument(
        "--models", nargs="+", type=_model, metavar="MODEL",
        default=[MODELS[name] for name in _DEFAULT] if default else None,
        help=f"models to compare, of {', '.join(MODELS)}; two with a + are one of a short and a long structure "
        f"(default: {' '.join(_DEFAULT) if default else 'no fit'})",
    )  # fmt: skip
    if fix:
        group.add_argument(
            "--fix",
            nargs="+",
            type=_held,
            metavar="NAME=NUMBER",
            help="parameters to hold, such as nugget=0; in all models",
        )
    group.add_argument(
        "--weights", choices=get_args(Weights)[:3], default="npairs", help="of the bins (default: %(default)s)"
    )


def held(arguments: argparse.Namespace) -> dict[str, float]:
    """Return the parameters to hold."""
    names = [name for name, _ in arguments.fix or []]
    if len(names) != len(set(names)):
        msg = f"--fix {' '.join(names)} names a parameter twice. Name it once."
        raise UsageError(msg)
    return dict(arguments.fix or [])


def fitted(empirical: EmpiricalVariogram, arguments: argparse.Namespace) -> ModelComparison:
    """Return the fits of the models asked for, or refuse bins that are too few for any."""
    fixed = held(arguments)
    if fixed:
        fits = [fit_variogram(empirical, one, weights=arguments.weights, fixed=fixed) for one in arguments.models]
        comparison = ModelComparison(tuple(sorted(fits, key=lambda fit: fit.aic)))
    else:
        comparison = compare_models(empirical, arguments.models, weights=arguments.weights)
    if all(fit.outcome == "too few bins" for fit in comparison):
        raise DataError(comparison.best.message)
    return comparison


def choice_of(fit: VariogramFit) -> ModelChoice:
    """Return the class, or the two classes, that were fitted."""
    model = fit.model
    return (type(model.first), type(model.second)) if isinstance(model, Nested) else type(model)


def fit_summary(fit: VariogramFit) -> dict[str, Any]:
    """Return a fit in plain JSON types."""
    model = fit.model
    return {
        "model": type(model).__name__,
        **model.parameter_values,
        "effective_range": model.effective_range,
        "rmse": fit.rmse,
        "converged": fit.converged,
        "outcome": fit.outcome,
        "message": fit.message,
    }


def _held(text: str) -> tuple[str, float]:
    """Return the name and the number of ``nugget=0``."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        msg = f"invalid value: {text!r} (a parameter and a number, as in nugget=0)"
        raise argparse.ArgumentTypeError(msg) from None


def _model(name: str) -> ModelChoice:
    """Return the class of a name, or the two of ``Exponential+Exponential``."""
    parts = name.split("+")
    if len(parts) > 2 or any(part not in MODELS for part in parts):
        msg = (
            f"invalid choice: {name!r} (choose from {', '.join(MODELS)}, or two of them as in Exponential+Exponential)"
        )
        raise argparse.ArgumentTypeError(msg)
    classes = [MODELS[part] for part in parts]
    return (classes[0], classes[1]) if len(classes) == 2 else classes[0]
