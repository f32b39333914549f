"""The experiment: the same backbone, photos, order and seeds in all arms, which differ in their loss only."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from variogeo._cards import settings_html
from variogeo._checks import check_values, check_whole
from variogeo._cores import usable_cores
from variogeo._lags import LagBins
from variogeo._lonlat import check_lonlat
from variogeo._points import PointEmbeddings
from variogeo._storage import write_bytes
from variogeo.experiments._arms import Arm, chosen_arms
from variogeo.experiments._cost import step_ratios
from variogeo.experiments._curves import Curves
from variogeo.experiments._features import photo_features
from variogeo.experiments._figure import differences_figure
from variogeo.experiments._folder import refuse_another, settings_of
from variogeo.experiments._places import photo_places
from variogeo.experiments._pool import run_all
from variogeo.experiments._report import report_text
from variogeo.experiments._result import ExperimentResult
from variogeo.experiments._runs import ModelSettings, Task, all_queries, coherence
from variogeo.experiments._splits import BlockSizes, SplitPhotos
from variogeo.experiments._training import TrainingSettings

OUTPUTS = ("report.txt", "result.json", "differences.png")

_WORLD_BINS = LagBins.logarithmic(0.3, 20_000.0, 24)
_COHERENCE_BINS = 10


@dataclass(frozen=True)
class Size:
    """How much of everything.

    Parameters
    ----------
    photos : int
        Simulated photos; the user's own are taken as they are.
    feature_width : int
        Of the simulated features.
    epochs, batch_size, seeds : int
    width : int
        Of the location encoder's hidden layers.
    gallery : int
        Places that may be predicted, at most.
    curve_photos : int
        Training photos that the curve is fitted to, at most.
    regions : int
        With a curve of their own, for the arm that uses them.
    cost_rounds : int
        Rounds of the measurement of the cost.
    """

    photos: int = 60_000
    feature_width: int = 768
    epochs: int = 4
    batch_size: int = 512
    seeds: int = 6
    width: int = 256
    gallery: int = 20_000
    curve_photos: int = 6_000
    regions: int = 8
    cost_rounds: int = 20

    _repr_html_ = settings_html


FULL = Size()
SHORT = replace(FULL, epochs=4, seeds=3, cost_rounds=10)
"""About eight minutes on two cores with the arms of the group ``short``."""

TINY = Size(
    photos=3_000, feature_width=64, epochs=1, batch_size=128, seeds=2, width=32, gallery=1_000, curve_photos=1_000,
    regions=3, cost_rounds=2,
)  # fmt: skip
"""To see that everything runs: its figures mean nothing."""


def run_experiment(
    out: Path,
    *,
    photos: PointEmbeddings | None = None,
    source: str = "own photos",
    arms: Sequence[str] = ("short",),
    size: Size = FULL,
    blocks: BlockSizes | None = None,
    dropout: float = 0.3,
    device: str = "cpu",
    processes: int | None = None,
    seed: int = 0,
) -> ExperimentResult:
    """Run an experiment and write its report, figures and plot; an interrupted one goes on.

    Parameters
    ----------
    out : Path
        Folder for ``report.txt``, ``result.json``, ``differences.png`` and the finished runs.
    photos : PointEmbeddings, optional
        Own positions (degrees, longitude first) and frozen features; simulated ones by default.
    source : str
        What the report calls them.
    arms : sequence of str
        Names of arms and groups, see `ARMS` and `GROUPS`.
    size : Size
    blocks : BlockSizes, optional
        How large the held-out blocks are.
    dropout : float
        Of the input features; tune it first (arms ``tuning``).
    device : str
        A torch device.
    processes : int, optional
        Runs at once, each on one thread. By default one per core on a CPU, otherwise 1.
    seed : int
        Seed of the simulated photos, of the split and of the sample that the curve is fitted to.

    Returns
    -------
    result : ExperimentResult

    Raises
    ------
    ValueError
        For unknown arms, a device that torch cannot use, a dropout out of [0, 1), bad features, photos in too few
        blocks, and a folder whose result is of another experiment: before anything is trained.

    Warns
    -----
    UserWarning
        Where half of the training photos do not fill a batch: then that half is one.

    Notes
    -----
    Runs that are kept in ``out`` are taken as they are where everything they follow from is the same, so a call with
    more arms or seeds goes on there. An arm that cannot be made from the fitted curve is left out, and the report says
    so.
    """
    _check_device(device)
    chosen = chosen_arms(arms)
    out = Path(out)
    model = ModelSettings(size.width, dropout, fast_precision(device))
    seeds = tuple(range(check_whole(size.seeds, name="seeds", at_least=1)))
    split = _split(photos, source, size, blocks or BlockSizes(), seed)
    training = TrainingSettings(size.epochs, _batch_size(size, len(split.train.lonlat)))
    made_from = {"curve_photos": size.curve_photos, "regions": size.regions, "seed": seed}
    settings = settings_of(split, model, training, device, **made_from)
    refuse_another(out / "result.json", settings, [arm.name for arm in chosen], seeds)
    bins = _WORLD_BINS if photos is None else _bins_of(split.train.lonlat)
    queries = all_queries(split)
    coherence_bins = LagBins.logarithmic(float(bins.edges[0]), float(bins.edges[-1]), _COHERENCE_BINS)
    regions = size.regions if any(arm.by_region for arm in chosen) else 0
    task = Task(
        split=split,
        curves=Curves.measure(split.train, bins, photos=size.curve_photos, regions=regions, seed=seed),
        model=model,
        training=training,
        coherence=coherence_bins,
        device=device,
        folder=out / "runs",
    )
    left_out = _not_makeable(chosen, task.curves)
    chosen = tuple(arm for arm in chosen if arm.name not in left_out)
    count = (usable_cores() if torch.device(device).type == "cpu" else 1) if processes is None else processes
    runs = run_all(task, chosen, seeds, processes=check_whole(count, name="processes", at_least=1))
    by_arm = {arm.name: tuple(run for run in runs if run.arm == arm.name) for arm in chosen}
    result = ExperimentResult(
        task=task,
        arms=chosen,
        seeds=seeds,
        runs=by_arm,
        step_ratio=step_ratios(task, chosen, rounds=size.cost_rounds),
        frozen_semivariance=coherence(queries.lonlat, queries.embeddings, coherence_bins),
        left_out=left_out,
        settings=settings,
    )
    _write(result, out)
    return result


def fast_precision(device: str) -> str:
    """Return the precision that the device's layers are fastest in: bfloat16 only where it is made for it.

    Parameters
    ----------
    device : str
        A torch device.

    Examples
    --------
    >>> fast_precision("mps")
    'float32'
    """
    kind = torch.device(device).type
    has_bfloat16 = {
        "cuda": torch.cuda.is_bf16_supported,
        # Others emulate it, an order of magnitude slower.
        "cpu": lambda: bool({"amx_bf16", "avx512_bf16"} & {k for k, v in torch.cpu.get_capabilities().items() if v}),
    }
    return "bfloat16" if kind in has_bfloat16 and has_bfloat16[kind]() else "float32"


def _check_device(device: str) -> None:
    """Refuse a device that torch does not know or cannot use here: before anything is made."""
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        msg = (
            f"Invalid device {device!r}: {reason.rstrip('.')}. Use device='cpu' (on the command line --device cpu), or "
            "a torch that was built for the device."
        )
        raise ValueError(msg) from error


def _split(photos: PointEmbeddings | None, source: str, size: Size, blocks: BlockSizes, seed: int) -> SplitPhotos:
    """Return the user's photos or simulated ones, split by blocks."""
    if photos is not None:
        features = check_values(np.asarray(photos.embeddings[:]), dissimilarity="cosine", name="embeddings")
        given = PointEmbeddings(check_lonlat(photos.lonlat), features)
        return SplitPhotos.split(
            given, source=source, is_simulated=False, blocks=blocks, gallery=size.gallery, seed=seed
        )
    places = photo_places(size.photos, seed=seed)
    generator = np.random.default_rng(seed)
    features = photo_features(places.points, places.position, generator, width=size.feature_width)
    return SplitPhotos.split(
        PointEmbeddings(places.lonlat, features),
        source=f"{places.source}; simulated features of {size.feature_width} entries",
        is_simulated=True,
        blocks=blocks,
        gallery=size.gallery,
        seed=seed,
    )


def _batch_size(size: Size, photos: int) -> int:
    """Return the photos of a step, at most half of those there are, with a warning where that is fewer than asked."""
    most = photos // 2
    if size.batch_size > most:
        msg = (
            f"batch_size {size.batch_size} (on the command line --batch) is more than half of the {photos} training "
            f"photos: {most} are used."
        )
        warnings.warn(msg, stacklevel=3)
    return min(size.batch_size, most)


def _bins_of(lonlat: npt.NDArray[np.float64]) -> LagBins:
    """Return bins from a short lag of the photos to their whole extent: batches hold pairs of all lags."""
    suggested = LagBins.covering(lonlat).edges
    return LagBins.logarithmic(float(suggested[0]), min(2 * float(suggested[-1]), 20_000.0), 24)


def _not_makeable(arms: Sequence[Arm], curves: Curves) -> dict[str, str]:
    """Return the arms that the fitted curve does not allow, with the reason: before any training."""
    refused = {}
    for arm in arms:
        try:
            arm.objective(curves)
        except ValueError as error:
            refused[arm.name] = str(error)
    return refused


def _write(result: ExperimentResult, out: Path) -> None:
    """Write the report, the figures and the plot."""
    text, numbers, plot = (out / name for name in OUTPUTS)
    write_bytes(text, (report_text(result) + "\n").encode(), overwrite=True)
    write_bytes(numbers, (json.dumps(result.to_json(), indent=1) + "\n").encode(), overwrite=True)
    buffer = BytesIO()
    differences_figure(result).savefig(buffer, format="png", dpi=130)
    write_bytes(plot, buffer.getvalue(), overwrite=True)
