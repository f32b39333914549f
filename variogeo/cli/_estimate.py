"""What ``variogeo fit`` measures, and how its options become arguments."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from variogeo._checks import AnyDissimilarity, Dissimilarity
from variogeo._distances import Metric
from variogeo._empirical import EmpiricalVariogram, Estimator
from variogeo._estimation import empirical_variogram
from variogeo._lags import LagBins
from variogeo._pairs import StratifiedPairs
from variogeo._points import PointEmbeddings
from variogeo.cli._usage import UsageError

if TYPE_CHECKING:
    from variogeo.direction import DirectionalVariogram
    from variogeo.inference import PermutationEnvelope


def add_estimate_options(parser: argparse.ArgumentParser) -> None:
    """Add what is measured of which pairs, how sure it is, and where a long run is kept."""
    measure = parser.add_argument_group("semivariance")
    measure.add_argument("--metric", choices=get_args(Metric), default="geodesic", help="lag (default: %(default)s)")
    measure.add_argument(
        "--dissimilarity", choices=get_args(AnyDissimilarity), default="cosine", help="default: %(default)s"
    )
    measure.add_argument(
        "--estimator", choices=get_args(Estimator), default="matheron", help="mean or robust (default: %(default)s)"
    )
    measure.add_argument("--dimension", type=float, metavar="NUMBER", help="of the values, for the robust ones")
    pairs = parser.add_argument_group("pairs", "Of --sample, --all-pairs and --resume only one.")
    some = pairs.add_mutually_exclusive_group()
    some.add_argument("--sample", type=int, metavar="COUNT", help="random pairs in all bins together")
    some.add_argument("--all-pairs", action="store_true", help="even where they take more than an hour")
    some.add_argument("--resume", type=Path, metavar="DIR", help="keep finished parts here; the same call goes on")
    pairs.add_argument("--seed", type=int, default=0, help="of sample, patches and test (default: %(default)s)")
    pairs.add_argument("--no-spread", action="store_true", help="counts and means only: faster from 10 000 points on")
    pairs.add_argument("--exclude-group", action="store_true", help="leave out pairs within one --group")
    pairs.add_argument("--density-weights", type=float, metavar="KM", help="weigh points by inverse density in KM")
    more = parser.add_argument_group("more")
    more.add_argument(
        "--patches",
        type=_patches,
        metavar="COUNT",
        help="patches for a 95 %% band (jackknife), or group for the --group",
    )
    more.add_argument("--sectors", type=int, metavar="COUNT", help="curves by direction as well, for so many sectors")
    more.add_argument("--permutations", type=int, metavar="COUNT", help="test whether place matters, e.g. 999")


def check_together(arguments: argparse.Namespace) -> None:
    """Refuse options that contradict each other before anything is read."""
    uses_groups = arguments.exclude_group or arguments.patches == "group"
    if uses_groups != (arguments.group is not None):
        msg = "--group names labels, and --exclude-group or --patches group use them. Pass both or neither."
        raise UsageError(msg)
    if arguments.patches is not None and arguments.estimator != "matheron":
        msg = f"--patches with --estimator {arguments.estimator}: only means add over patches. Leave one of them out."
        raise UsageError(msg)
    for name in ("sectors", "permutations"):
        if getattr(arguments, name) is None:
            continue
        odd = [
            option
            for option, is_given in {
                f"--dissimilarity {arguments.dissimilarity}": arguments.dissimilarity not in get_args(Dissimilarity),
                f"--estimator {arguments.estimator}": arguments.estimator != "matheron",
                "--density-weights": arguments.density_weights is not None,
                "--sample": arguments.sample is not None,
                "--exclude-group": arguments.exclude_group and name == "permutations",
            }.items()
            if is_given
        ]
        if odd:
            msg = f"--{name} with {', '.join(odd)}: it is made of all pairs, each counted once. Leave one of them out."
            raise UsageError(msg)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What was measured."""

    empirical: EmpiricalVariogram
    directional: "DirectionalVariogram | None"
    test: "PermutationEnvelope | None"


def measured(arguments: argparse.Namespace, points: PointEmbeddings, bins: LagBins) -> Estimate:
    """Return what is asked for; what may be refused as too large comes first."""
    kind: dict[str, Any] = {"dissimilarity": arguments.dissimilarity, "metric": arguments.metric}
    exclude = points.groups if arguments.exclude_group else None
    test = directional = None
    if arguments.permutations is not None:
        from variogeo.inference import permutation_test

        draws = {"permutations": arguments.permutations, "seed": arguments.seed}
        test = permutation_test(points.lonlat, points.embeddings, bins, **kind, **draws)
    if arguments.sectors is not None:
        from variogeo.direction import AzimuthSector, directional_variogram

        sectors = AzimuthSector.evenly(arguments.sectors)
        directional = directional_variogram(points.lonlat, points.embeddings, bins, sectors, **kind, exclude=exclude)
    empirical = empirical_variogram(
        points.lonlat,
        points.embeddings,
        bins,
        **kind,
        estimator=arguments.estimator,
        dimension=arguments.dimension,
        patches=_labels(arguments, points),
        exclude=exclude,
        weights=_weights(arguments, points),
        spread=not arguments.no_spread,
        pairs=_pairs(arguments),
        resume=arguments.resume,
        model_id=points.model_id,
    )
    return Estimate(empirical, directional, test)


def _labels(arguments: argparse.Namespace, points: PointEmbeddings) -> Any:
    """Return the patch of each point, or None where no band is asked for."""
    if arguments.patches is None or arguments.patches == "group":
        return None if arguments.patches is None else points.groups
    from variogeo.inference import kmeans_patches

    return kmeans_patches(points.lonlat, arguments.patches, seed=arguments.seed)


def _weights(arguments: argparse.Namespace, points: PointEmbeddings) -> Any:
    """Return the weight of each point, or None where all count alike."""
    if arguments.density_weights is None:
        return None
    from variogeo.sampling_bias import density_weights

    return density_weights(points.lonlat, arguments.density_weights)


def _pairs(arguments: argparse.Namespace) -> Any:
    """Return which pairs are taken."""
    if arguments.sample is not None:
        return StratifiedPairs(arguments.sample, arguments.seed)
    return "all" if arguments.all_pairs else None


def _patches(text: str) -> int | str:
    """Return a number of patches, or the word for the groups of the points."""
    if text == "group":
        return text
    try:
        return int(text)
    except ValueError:
        msg = f"invalid value: {text!r} (a whole number, or group)"
        raise argparse.ArgumentTypeError(msg) from None
