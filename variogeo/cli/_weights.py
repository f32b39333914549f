"""``variogeo weights``: from a saved curve to a weighting for the training loop."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from variogeo._distances import HALF_GREAT_CIRCLE
from variogeo._model import VariogramModel
from variogeo._outcomes import NO_STRUCTURE
from variogeo._weighting import LagSpread, ResidualWeighting, Weighting, landmarks_by_lag
from variogeo.cli._lines import print_json, print_result, say
from variogeo.cli._outputs import Write, check_file, of_bytes, write_outputs
from variogeo.cli._schemes import SCHEMES, add_scheme_options, asks_the_curve, model_of, scheme_of

_LINES = """\
import variogeo
from variogeo.nn import NegativeWeights, weighted_cross_entropy

weights = NegativeWeights(variogeo.load({path!r}), order="latlon", units="deg")  # as your trainer writes places
log_weights = weights.log_weights(places, places_all{features}, positives=target)
loss = weighted_cross_entropy(logits, log_weights, target)  # instead of cross_entropy(logits, target)"""


_SEE = "See the outcome that fit printed, and fit again"
_LONGER = "with a longer --high, another of --models, or --fix."


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of the command."""
    text = "make a weighting of negatives from a saved model, and show what it does"
    usage = "%(prog)s MODEL.json --out WEIGHTING.json [options]"
    parser = commands.add_parser("weights", help=text, description=f"{text.capitalize()}.", usage=usage)
    parser.add_argument("curve", type=Path, metavar="MODEL.json", help="a model that fit or save has written")
    add_scheme_options(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="WEIGHTING.json", help="the weighting")
    parser.add_argument("--plot", type=Path, metavar="PLOT.png", help="a picture of the weights")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Make, write and show the weighting."""
    inputs = [path for path in (arguments.curve, arguments.variogram) if path is not None]
    check_file(arguments.out, "--out", ".json", overwrite=arguments.overwrite, inputs=inputs)
    if arguments.plot is not None:
        check_file(arguments.plot, "--plot", ".png", overwrite=arguments.overwrite, inputs=inputs)
    model = model_of(arguments.curve)
    scheme = scheme_of(arguments, model)
    if asks_the_curve(arguments):
        _warn_of_no_range(model, scheme)
    outputs: dict[Path, Write] = {arguments.out: scheme.save}
    if arguments.plot is not None:
        from variogeo.plotting import plot_weights, to_png

        outputs[arguments.plot] = of_bytes(to_png(lambda ax: plot_weights(scheme, ax=ax)))
    write_outputs(outputs)
    lag = _shown_lags(scheme)
    weight = _weights_at(scheme, model, lag)
    written = [str(path) for path in outputs]
    if arguments.json:
        table = {name: column.tolist() for name, column in {"lag": lag, **weight}.items()}
        print_json({"scheme": arguments.scheme, "weighting": repr(scheme), "weights": table, "outputs": written})
        return
    features = ", features, features_all" if scheme.needs_dissimilarity else ""
    lines = _LINES.format(path=str(arguments.out), features=features)
    parts = [
        f"{arguments.scheme}: {SCHEMES[arguments.scheme].meaning}\n{model}",
        _table(scheme, lag, weight),
        "In the training step:",
        lines,
        f"Written to {', '.join(written)}",
    ]
    print_result("\n\n".join(parts))


def _warn_of_no_range(model: VariogramModel, scheme: Weighting) -> None:
    """Say that a curve is what a fit leaves that has found no range: its file does not tell how it was fitted."""
    spread = scheme.spread if isinstance(scheme, ResidualWeighting) else None
    effective_range = f"The effective range, {model.effective_range:.4g} km,"
    if model.partial_sill <= NO_STRUCTURE * model.sill:
        text = (
            "The curve does not rise with the lag: its effective range means nothing, nor what is near or far by it. "
            f"{_SEE} with other bins (--low, --high) or other points."
        )
    elif model.effective_range > HALF_GREAT_CIRCLE:
        text = f"{effective_range} is longer than any lag: by it all pairs are near and none is far. {_SEE} {_LONGER}"
    elif isinstance(spread, LagSpread) and model.effective_range > spread.lag[-1]:
        text = (
            f"{effective_range} is longer than any lag of the variogram: it is extrapolated, and with it the sill and "
            f"what is near or far. {_SEE} {_LONGER}"
        )
    else:
        return
    say(f"warning: {text}")


def _shown_lags(scheme: Weighting) -> np.ndarray:
    """Return decades of km, and both sides of the lags at which the weight turns."""
    turns = [lag for lag in landmarks_by_lag(scheme.landmarks) if lag < HALF_GREAT_CIRCLE]
    return np.unique([1.0, 10.0, 100.0, 1000.0, 10_000.0, *turns, *(1.01 * lag for lag in turns)])


def _weights_at(scheme: Weighting, model: VariogramModel, lag: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights at some lags, for pairs that are alike and for pairs that are as the curve expects."""
    if not isinstance(scheme, ResidualWeighting):
        return {"weight": np.exp(scheme(lag))}
    curve, spread = model(lag), scheme.spread
    if spread == 1.0:
        shown = {"c = 0": 0.0 * curve, "c = gamma / 2": curve / 2, "c = gamma": curve}
    else:
        sigma = spread(lag) if isinstance(spread, LagSpread) else spread
        below = {"c = gamma - 2 s": 2 * sigma, "c = gamma - s": sigma, "c = gamma": 0.0}
        shown = {name: np.clip(curve - part, 0.0, None) for name, part in below.items()}
    return {name: np.exp(scheme(lag, dissimilarity)) for name, dissimilarity in shown.items()}


def _table(scheme: Weighting, lag: np.ndarray, weight: dict[str, np.ndarray]) -> str:
    """Return the weights as text."""
    lines = ["weight of a negative: 1 leaves it as it is, 0 takes it out"]
    lines.append(f"{'lag (km)':>10s}" + "".join(f"{name:>18s}" for name in weight))
    for number, *row in zip(lag, *weight.values(), strict=True):
        lines.append(f"{number:10.4g}" + "".join(f"{one:18.4g}" for one in row))
    lines += [f"{called}: {at:.4g} km" for at, called in landmarks_by_lag(scheme.landmarks).items()]
    if scheme.needs_dissimilarity:
        lines.append("c: dissimilarity of the two images; gamma: the curve at the lag; s: the spread")
    return "\n".join(lines)
