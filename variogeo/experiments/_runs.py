"""One training run of an arm and a seed: what it predicts, what its scheme did, and how coherent its embeddings are."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import variogeo
from variogeo._checks import DataError, check_number, check_whole
from variogeo._estimation import empirical_variogram
from variogeo._lags import LagBins
from variogeo._points import PointEmbeddings
from variogeo._storage import read_document, write_document
from variogeo.evaluation import geolocation_error
from variogeo.experiments._arms import ARMS, Arm
from variogeo.experiments._curves import Curves
from variogeo.experiments._objectives import Batch, Objective
from variogeo.experiments._splits import QUERY_SETS, QuerySet, SplitPhotos
from variogeo.experiments._training import TrainingSettings, image_embeddings, optimised, predict, steps_of
from variogeo.experiments._two_tower import TwoTower
from variogeo.nn import NegativeWeights

RUN_VERSION = 2
"""Raised with every change after which a run has other figures: kept runs of another version are done again."""

_KIND = "experiment_run"

_LOOKS = 10
"""Batches of a training whose weights are looked at."""

_FLAT = variogeo.UniformWeighting()


@dataclass(frozen=True)
class ModelSettings:
    """The model that all arms train.

    Parameters
    ----------
    width : int
        Width of the location encoder's hidden layers.
    dropout : float
        Share of the input features dropped in training.
    precision : {"float32", "bfloat16"}
        Of the layers of both towers.
    """

    width: int = 256
    dropout: float = 0.3
    precision: str = "float32"

    def __post_init__(self) -> None:
        check_whole(self.width, name="width", at_least=1)
        check_number(self.dropout, name="dropout", at_least=0.0)
        if self.dropout >= 1:
            msg = f"Invalid dropout '{self.dropout}'. Must be at least 0 and below 1: the share of inputs left out."
            raise ValueError(msg)
        if self.precision not in ("float32", "bfloat16"):
            msg = f"Invalid precision {self.precision!r}. Must be 'float32' or 'bfloat16'."
            raise ValueError(msg)


@dataclass(frozen=True, eq=False)
class Task:
    """What all runs of an experiment share.

    Parameters
    ----------
    split : SplitPhotos
    curves : Curves
    model : ModelSettings
    training : TrainingSettings
    coherence : LagBins
        Bins of the semivariogram of the trained image embeddings.
    device : str
    folder : Path
        Where finished runs are kept.
    """

    split: SplitPhotos
    curves: Curves
    model: ModelSettings
    training: TrainingSettings
    coherence: LagBins
    device: str
    folder: Path

    def file(self, arm: Arm, seed: int) -> Path:
        """Return the file of a run."""
        return self.folder / f"{arm.name}-seed{seed}.json"

    def key(self, arm: Arm, seed: int, photos: str) -> str:
        """Return the checksum of all that a run follows from."""
        settings = {
            "version": [RUN_VERSION, variogeo.__version__, torch.__version__],
            "photos": photos,
            "model": asdict(self.model),
            "training": asdict(self.training),
            "coherence": list(map(float, self.coherence.edges)),
            "arm": [arm.name, repr(arm.objective(self.curves)), arm.dropout, arm.batch, arm.queue],
            "device": torch.device(self.device).type,
            "seed": seed,
        }
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Run:
    """The outcome of a run.

    Parameters
    ----------
    arm : str
    seed : int
    errors : dict of str to (n,) float64 array, km
        Geodesic error of every query, by `QuerySet`.
    figures : dict of str to float
        ``mean_weight``, ``changed_share``, ``self_mass`` of the scheme where it has them, ``pairs_in_range`` per
        batch, ``temperature`` at the end, ``steps``.
    semivariance : (bins,) float64 array
        Of the trained image embeddings of all queries; NaN in empty bins.
    """

    arm: str
    seed: int
    errors: dict[QuerySet, npt.NDArray[np.float64]]
    figures: dict[str, float]
    semivariance: npt.NDArray[np.float64]

    def save(self, path: Path, key: str) -> None:
        """Write the run as JSON with a checksum, whole or not at all."""
        content = {
            "key": key,
            "arm": self.arm,
            "seed": self.seed,
            "errors": {name: np.round(errors, 4).tolist() for name, errors in self.errors.items()},
            "figures": self.figures,
            "semivariance": [None if np.isnan(value) else float(value) for value in self.semivariance],
        }
        write_document(path, _KIND, content, overwrite=True)

    @classmethod
    def kept(cls, path: Path, key: str) -> "Run | None":
        """Return the run of a file, or None where there is none, it is damaged, or it was made from something else."""
        if not path.is_file():
            return None
        try:
            kind, content, _ = read_document(path)
        except DataError:
            return None
        if kind != _KIND or content.get("key") != key:
            return None
        semivariance = [np.nan if value is None else value for value in content["semivariance"]]
        errors: dict[QuerySet, npt.NDArray[np.float64]] = {
            name: np.array(content["errors"][name], dtype=np.float64) for name in QUERY_SETS
        }
        return cls(content["arm"], content["seed"], errors, content["figures"], np.array(semivariance))


@dataclass
class _Observer:
    """Collects what a scheme does, at a few steps spread over the training."""

    objective: Objective
    reach: float
    every: int
    found: list[dict[str, float]] = field(default_factory=list)

    def __call__(self, step: int, logits: torch.Tensor, batch: Batch) -> None:
        if step % self.every:
            return
        lags = NegativeWeights(_FLAT, order="lonlat", units="deg").coordinates.pairwise_lag(
            batch.lonlat, batch.candidate_lonlat
        )
        near = float(((lags <= self.reach) & batch.is_negative).sum())
        self.found.append({**self.objective.figures(logits, batch), "pairs_in_range": near})

    def means(self) -> dict[str, float]:
        """Return the means over the steps looked at."""
        return {name: float(np.mean([figures[name] for figures in self.found])) for name in self.found[0]}


def run_arm(task: Task, name: str, seed: int) -> Run:
    """Train an arm with a seed and return its outcome.

    Parameters
    ----------
    task : Task
    name : str
        Of an arm.
    seed : int
        Of the initial weights, the order of the photos and dropout: the same for all arms.
    """
    arm = ARMS[name]
    objective = arm.objective(task.curves)
    start = start_model(task, arm, seed)
    settings = settings_of(task.training, arm)
    steps = steps_of(settings, len(task.split.train.lonlat))
    observer = _Observer(objective, task.curves.model.effective_range, max(1, steps // _LOOKS))
    try:
        model = optimised(start, task.split.train, objective, settings, seed=seed, watch=observer)
    except ValueError as error:
        error.add_note(f"That was arm {name}. Leave it out with --arms, or look at the curve in the report.")
        raise
    errors: dict[QuerySet, npt.NDArray[np.float64]] = {}
    for kind, queries in task.split.queries.items():
        errors[kind] = geolocation_error(predict(model, queries.features, task.split.gallery), queries.lonlat)
    figures = {**observer.means(), "temperature": float(1 / model.scale.detach()), "steps": float(steps)}
    lonlat, features = all_queries(task.split)
    return Run(name, seed, errors, figures, coherence(lonlat, image_embeddings(model, features), task.coherence))


def start_model(task: Task, arm: Arm, seed: int) -> TwoTower:
    """Return the model that a run starts from."""
    dropout = task.model.dropout if arm.dropout is None else arm.dropout
    width = task.split.train.embeddings.shape[1]
    model = TwoTower.like_geoclip(width, width=task.model.width, dropout=dropout, seed=seed).to(task.device)
    model.precision = torch.bfloat16 if task.model.precision == "bfloat16" else torch.float32
    return model


def settings_of(training: TrainingSettings, arm: Arm) -> TrainingSettings:
    """Return the settings of an arm: its batch and its queue are multiples of the batch."""
    return replace(
        training, batch_size=arm.batch * training.batch_size, queue=arm.queue * arm.batch * training.batch_size
    )


def all_queries(split: SplitPhotos) -> PointEmbeddings:
    """Return the photos of all query sets, none of which was trained on."""
    sets = split.queries.values()
    return PointEmbeddings(np.vstack([q.lonlat for q in sets]), np.vstack([q.features for q in sets]))


def coherence(
    lonlat: npt.NDArray[np.float64], embeddings: npt.NDArray[np.float32], bins: LagBins
) -> npt.NDArray[np.float64]:
    """Return the semivariance of embeddings per bin, NaN in bins of fewer than 30 pairs."""
    empirical = empirical_variogram(lonlat, embeddings, bins, spread=False)
    return np.where(empirical.npairs >= 30, empirical.semivariance, np.nan)
