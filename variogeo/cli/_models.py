"""The options of a fit: which models, with which weights of the bins."""

import argparse
from typing import Any, get_args

from variogeo._checks import DataError
from variogeo._empirical import EmpiricalVariogram
from variogeo._fit import ModelComparison, VariogramFit
from variogeo._fitting import ModelChoice, Weights, compare_models, fit_variogram
from variogeo._models import MODELS
from variogeo._nested import Nested
from variogeo._parameters import checked_classes, parameter_names
from variogeo.cli._usage import Extend, UsageError, file_first

_WEIGHTS: Weights = "equal"
"""Bins are logarithmic by default and most pairs far apart: with weights by pairs a curve would miss its rise."""


def add_models_options(parser: argparse.ArgumentParser, *, default: bool, fix: bool = True) -> None:
    """Add the models, what is fixed and the weights of the bins; without a default only models that are named."""
    group = parser.add_argument_group("fit")
    group.add_argument(
        "--models", nargs="+", action=Extend, type=_model, metavar="MODEL",
        default=list(MODELS.values()) if default else None,
        help=f"models to compare, of {', '.join(MODELS)}; two with a + are one of a short and a long structure "
        f"(default: {'all of them' if default else 'no fit'})",
    )  # fmt: skip
    if fix:
        group.add_argument(
            "--fix",
            nargs="+",
            action=Extend,
            type=_held,
            metavar="NAME=NUMBER",
            help="parameters to hold, such as nugget=0; in all models",
        )
    group.add_argument(
        "--weights", choices=get_args(Weights)[:3], default=_WEIGHTS, help="of the bins (default: %(default)s)"
    )


def held(arguments: argparse.Namespace) -> dict[str, float]:
    """Return the parameters to hold, which all models must have."""
    names = [name for name, _ in arguments.fix or []]
    if len(names) != len(set(names)):
        msg = f"--fix {' '.join(names)} names a parameter twice. Name it once."
        raise UsageError(msg)
    if names and arguments.models is None:
        msg = "--fix holds parameters of a fit, but none is asked for. Add --models."
        raise UsageError(msg)
    parameters = {_title(one): parameter_names(checked_classes(one)) for one in arguments.models or []}
    for name in names:
        having = [title for title, known in parameters.items() if name in known]
        if not having:
            known = ", ".join(dict.fromkeys(one for title in parameters for one in parameters[title]))
            msg = f"--fix {name}: no model has this parameter. Must be one of {known}."
            raise UsageError(msg)
        if len(having) < len(parameters):
            lack = ", ".join(title for title in parameters if title not in having)
            msg = f"--fix {name}: {lack} cannot hold it. Compare only models that have it: --models {' '.join(having)}."
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


def weights_line(fit: VariogramFit) -> str:
    """Return by what the bins were weighed, without which two ranges do not compare."""
    return f"Weights of the bins: {fit.weights}"


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
        "weights": fit.weights,
        "rmse": fit.rmse,
        "converged": fit.converged,
        "outcome": fit.outcome,
        "message": fit.message,
    }


def _title(choice: ModelChoice) -> str:
    """Return the words that name a model to --models."""
    return "+".join(one.__name__ for one in checked_classes(choice))


def _held(text: str) -> tuple[str, float]:
    """Return the name and the number of ``nugget=0``."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        msg = f"invalid value: {text!r} (a parameter and a number, as in nugget=0{file_first(text, '--fix')})"
        raise argparse.ArgumentTypeError(msg) from None


def _model(name: str) -> ModelChoice:
    """Return the class of a name, or the two of ``Exponential+Exponential``."""
    parts = name.split("+")
    if len(parts) > 2 or any(part not in MODELS for part in parts):
        msg = (
            f"invalid choice: {name!r} (choose from {', '.join(MODELS)}, or two of them as in Exponential+Exponential"
            f"{file_first(name, '--models')})"
        )
        raise argparse.ArgumentTypeError(msg)
    classes = [MODELS[part] for part in parts]
    return (classes[0], classes[1]) if len(classes) == 2 else classes[0]
