"""Semivariograms of image embeddings on Earth, and the contrastive-loss weights they imply.

The line of work: `empirical_variogram` -> `fit_variogram` -> a weighting -> `variogeo.nn`.
Importing this package loads numpy only; every other library is imported where it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from variogeo._checks import DataError
from variogeo._citation import citation
from variogeo._cross import CrossVariogram, cross_variogram
from variogeo._dimension import effective_dimension
from variogeo._distance_kernels import (
    CorrelogramKernel,
    DistanceKernel,
    ExponentialKernel,
    GaussianKernel,
    PowerKernel,
    SimilarityKernel,
    StepKernel,
)
from variogeo._empirical import EmpiricalVariogram
from variogeo._estimation import empirical_variogram
from variogeo._fit import ModelComparison, VariogramFit
from variogeo._fitting import compare_models, fit_variogram
from variogeo._from_pairs import variogram_from_pairs
from variogeo._lags import LagBins
from variogeo._loading import load
from variogeo._location_text import location_text
from variogeo._model import VariogramModel
from variogeo._models import Exponential, Gaussian, Matern, Spherical, Stable
from variogeo._nested import Nested
from variogeo._pairs import StratifiedPairs
from variogeo._points import PointEmbeddings
from variogeo._weighting import (
    DecorrelationWeighting,
    FarWeighting,
    LagSpread,
    MaskWeighting,
    NearWeighting,
    ResidualWeighting,
    SumWeighting,
    ThesisMultiplier,
    UniformWeighting,
    Weighting,
    row_mean_one,
)
from variogeo.checkup._check import check
from variogeo.reporting._report import report

if TYPE_CHECKING:
    from variogeo import checkup as checkup
    from variogeo import datasets as datasets
    from variogeo import direction as direction
    from variogeo import evaluation as evaluation
    from variogeo import inference as inference
    from variogeo import interop as interop
    from variogeo import io as io
    from variogeo import local as local
    from variogeo import nn as nn
    from variogeo import plotting as plotting
    from variogeo import regions as regions
    from variogeo import reporting as reporting
    from variogeo import sampling_bias as sampling_bias
    from variogeo import synthetic as synthetic
    from variogeo import trainers as trainers

__version__ = "0.1.0"

__all__ = [
    "CorrelogramKernel",
    "CrossVariogram",
    "DataError",
    "DecorrelationWeighting",
    "DistanceKernel",
    "EmpiricalVariogram",
    "Exponential",
    "ExponentialKernel",
    "FarWeighting",
    "Gaussian",
    "GaussianKernel",
    "LagBins",
    "LagSpread",
    "MaskWeighting",
    "Matern",
    "ModelComparison",
    "NearWeighting",
    "Nested",
    "PointEmbeddings",
    "PowerKernel",
    "ResidualWeighting",
    "SimilarityKernel",
    "Spherical",
    "Stable",
    "StepKernel",
    "StratifiedPairs",
    "SumWeighting",
    "ThesisMultiplier",
    "UniformWeighting",
    "VariogramFit",
    "VariogramModel",
    "Weighting",
    "check",
    "citation",
    "compare_models",
    "cross_variogram",
    "effective_dimension",
    "empirical_variogram",
    "fit_variogram",
    "load",
    "location_text",
    "report",
    "row_mean_one",
    "variogram_from_pairs",
]

_MODULES = frozenset(
    {
        "checkup",
        "datasets",
        "direction",
        "evaluation",
        "experiments",
        "inference",
        "interop",
        "io",
        "local",
        "nn",
        "plotting",
        "regions",
        "reporting",
        "sampling_bias",
        "synthetic",
        "trainers",
    }
)


def __getattr__(name: str) -> Any:
    """Import a public module when it is first used (PEP 562)."""
    if name in _MODULES:
        return import_module(f"variogeo.{name}")
    msg = f"module 'variogeo' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
