"""The whole line on bundled data: measure, fit, plot, then train with and without weights."""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from variogeo._estimation import empirical_variogram
from variogeo._fit import VariogramFit
from variogeo._fitting import compare_models, fit_variogram
from variogeo._lags import LagBins
from variogeo._models import MODELS, Exponential
from variogeo._points import PointEmbeddings
from variogeo._storage import write_bytes
from variogeo._weighting import ResidualWeighting
from variogeo.datasets import geoclip_photos

if TYPE_CHECKING:
    from variogeo.experiments import PhotoWorld

BINS = LagBins.logarithmic(1.0, 20_000.0, 20)
BIN_WEIGHTS = "equal"
"""Most pairs are thousands of km long: with weights by pairs a curve would miss the rise over the first
100 km, where fewer than one pair in a hundred lies."""

Predictions = dict[str, NDArray[np.float64]]
"""Predicted places, (n, 2) degrees, of the test photos by arm."""

OUTPUTS = ("variogram.json", "model.json", "variogram.png", "weighting.json", "weights.png")

SIGNED = "demo.sha256"
"""Has the checksums of what was written, as ``sha256sum`` lists them: files that it does not know are not replaced."""


@dataclass(frozen=True)
class _Size:
    """How much of everything, and what the figures can tell at that size."""

    photos_per_position: int
    curve_photos: int
    epochs: int
    seeds: int
    duration: str
    caution: str


FULL = _Size(
    photos_per_position=32,
    curve_photos=4000,
    epochs=3,
    seeds=3,
    duration="two to three minutes on two cores",
    caution="""\
A simulation, with three seeds. Over eight other seeds the difference was +11 +- 18 GeoScore (95 %), with a standard
deviation of 21 from seed to seed: three seeds resolve nothing below 25 GeoScore or about 1 point, and no gain
is shown.""",
)
_SHORT = _Size(
    photos_per_position=8,
    curve_photos=1500,
    epochs=4,
    seeds=1,
    duration="half a minute on two cores",
    caution="The short form stops early: read nothing into its figures.",
)


def run(out: Path, *, short: bool = False, seed: int = 0) -> None:
    """Run the demonstration, print what comes out and write its files to ``out``.

    Results are on stdout. What it is at and how long that takes are on stderr, since they differ from call to call.

    Parameters
    ----------
    out : Path
        Folder for ``variogram.json``, ``model.json``, ``variogram.png``, ``weighting.json`` and ``weights.png``; made
        if missing. ``demo.sha256`` has their checksums, so that a second call replaces them, and no other file.
    short : bool
        Fewer photos and training steps, to see that everything runs.
    seed : int
        First seed of the simulated photos and of the training; the full form runs three.

    Raises
    ------
    FileExistsError
        For a folder that holds a file of these names that the demonstration has not written, or that has changed, and
        for what is no folder.
    """
    size = _SHORT if short else FULL
    out = Path(out)
    _check_own(out)
    _say(
        f"fits a curve to the bundled photos, trains {2 * size.seeds} small models with and without weights and "
        f"writes to {out}: {size.duration}, and half a minute or more to compile the loops at the first time."
    )
    out.mkdir(parents=True, exist_ok=True)
    try:
        _run(out, size, seed)
    finally:
        _sign(out)


def _run(out: Path, size: _Size, seed: int) -> None:
    """Run all of it; what is there when it is interrupted is the demonstration's own."""
    from variogeo.experiments import PhotoWorld
    from variogeo.plotting import plot_weights, to_png

    photos = geoclip_photos()
    measure(photos, out)
    print("2. Training on simulated photos of these places, with and without weights\n")
    runs = []
    for run_seed in range(seed, seed + size.seeds):
        world = PhotoWorld.simulate(photos, photos_per_position=size.photos_per_position, seed=run_seed)
        fit, scheme = fit_scheme(world, curve_photos=size.curve_photos)
        if run_seed == seed:
            print(f"Curve of the frozen features: {fit.model}\n{fit.message}")
            print(f"Spread of the dissimilarity within a bin: {scheme.spread:.3f}\n", flush=True)
            scheme.save(out / "weighting.json", overwrite=True)
            write_bytes(out / "weights.png", to_png(lambda ax, s=scheme: plot_weights(s, ax=ax)), overwrite=True)
        more = 2 * (seed + size.seeds - 1 - run_seed)
        runs.append((world, train_arms(world, scheme, epochs=size.epochs, seed=run_seed, more=more)))
        print(difference_text(run_seed, *runs[-1]), flush=True)
    print(f"\n{pooled_table(runs)}\n\n{size.caution}\nWritten to {out}: {', '.join(OUTPUTS)}")


def measure(photos: PointEmbeddings, out: Path) -> None:
    """Measure and fit the semivariogram of GeoCLIP's location embeddings; print, plot and save it."""
    from variogeo.plotting import plot_variogram, to_png

    empirical = empirical_variogram(photos.lonlat, photos.embeddings, BINS)
    comparison = compare_models(empirical, list(MODELS.values()), weights=BIN_WEIGHTS)
    print("1. Semivariogram of GeoCLIP's location embeddings at real photo positions\n")
    print(f"{empirical}\n\n{comparison}\n{comparison.best.message}\n")
    empirical.save(out / "variogram.json", overwrite=True)
    comparison.best.model.save(out / "model.json", overwrite=True)
    picture = to_png(lambda ax: plot_variogram(empirical, comparison.best, ax=ax))
    write_bytes(out / "variogram.png", picture, overwrite=True)


def fit_scheme(world: "PhotoWorld", *, curve_photos: int) -> tuple[VariogramFit, ResidualWeighting]:
    """Return the fitted curve of the simulated features, the space of the dissimilarity, and its scheme.

    The training photos come in random order, so the first ``curve_photos`` of them are a sample.
    """
    lonlat, features = world.train.lonlat[:curve_photos], world.train.embeddings[:curve_photos]
    empirical = empirical_variogram(lonlat, features, BINS)
    fit = fit_variogram(empirical, Exponential, weights=BIN_WEIGHTS)
    return fit, ResidualWeighting(fit.model, spread=float(np.nanmean(empirical.spread)))


def train_arms(world: "PhotoWorld", scheme: ResidualWeighting, *, epochs: int, seed: int, more: int = 0) -> Predictions:
    """Train both arms from the same start on the same batches; return what they predict for the test photos.

    ``more`` models are trained after these two: for the time that is left.
    """
    from variogeo.experiments import TwoTower, predict, train
    from variogeo.nn import NegativeWeights

    start = TwoTower.small(world.train.embeddings.shape[1], seed=seed)
    predictions = {}
    for arm, weighting in (("plain", None), ("weighted", NegativeWeights(scheme, order="lonlat", units="deg"))):
        began = time.perf_counter()
        model = train(start, world.train, weighting=weighting, epochs=epochs, seed=seed)
        predictions[arm] = predict(model, world.test.embeddings, world.gallery)
        took, left = time.perf_counter() - began, more + (arm == "plain")
        rest = f"; {left} more, about {left * took:.0f} s" if left else ""
        _say(f"seed {seed}, {arm}: trained in {took:.0f} s{rest}")
    return predictions


def difference_text(seed: int, world: "PhotoWorld", predictions: Predictions) -> str:
    """Return what the weights changed with one seed, and what the difference is worth."""
    from variogeo.experiments import geoscore_difference

    plain, weighted = predictions["plain"], predictions["weighted"]
    difference, low, high = geoscore_difference(weighted, plain, world.test.lonlat, world.test_blocks)
    return (
        f"seed {seed}: {len(world.train.lonlat)} training and {len(world.test.lonlat)} test photos in "
        f"{len(np.unique(world.test_blocks))} held-out blocks; weighted minus plain {difference:+.0f} GeoScore "
        f"(95 % over blocks: {low:+.0f} to {high:+.0f})"
    )


def pooled_table(runs: Sequence[tuple["PhotoWorld", Predictions]]) -> str:
    """Return the accuracy of both arms over the test photos of all seeds, beside the oracle."""
    from variogeo.evaluation import nearest_places
    from variogeo.experiments import accuracy_table

    true = np.concatenate([world.test.lonlat for world, _ in runs])
    arms = {arm: np.concatenate([predictions[arm] for _, predictions in runs]) for arm in ("plain", "weighted")}
    oracle = np.concatenate([nearest_places(world.test.lonlat, world.gallery) for world, _ in runs])
    return accuracy_table({**arms, "oracle": oracle}, true) + "\noracle: the nearest of the training places"


def _check_own(out: Path) -> None:
    """Refuse a folder with a file of the outputs' names that no demonstration wrote as it is."""
    if os.path.lexists(out) and not out.is_dir():
        msg = f"{out} is not a folder. Choose another (--out)."
        raise FileExistsError(msg)
    signed = out / SIGNED
    known = signed.read_text(encoding="utf-8", errors="replace").splitlines() if signed.is_file() else []
    present = [name for name in OUTPUTS if os.path.lexists(out / name)]
    foreign = [name for name in present if not (out / name).is_file() or _signature(out / name) not in known]
    if foreign:
        listed = ", ".join(foreign)
        msg = (
            f"{out} holds {listed}, which the demonstration has not written so. Choose another folder (--out), or "
            "remove them."
        )
        raise FileExistsError(msg)


def _sign(out: Path) -> None:
    """Write the checksums of the files that were written."""
    lines = [f"{_signature(out / name)}\n" for name in OUTPUTS if (out / name).exists()]
    write_bytes(out / SIGNED, "".join(lines).encode(), overwrite=True)


def _signature(file: Path) -> str:
    """Return the checksum of a file and its name."""
    return f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}"


def _say(text: str) -> None:
    """Say on stderr how far it is."""
    print("variogeo demo:", text, file=sys.stderr, flush=True)
