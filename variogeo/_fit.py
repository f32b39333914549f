"""VariogramFit and ModelComparison: what fitting returns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from variogeo._model import VariogramModel

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["fitted", "no sill within the data", "pure nugget", "no variation", "not converged"]


@dataclass(frozen=True)
class VariogramFit:
    """A fitted model and how well it fits. Made by `fit_variogram`.

    Attributes
    ----------
    model : VariogramModel
    rmse : float
        Root mean square of ``semivariance - model(lag)`` over the bins used, unweighted.
    aic : float
        ``m ln(SS / m) + 2 p``: m bins used, p free parameters, SS the weighted sum of squares with
        weights of mean 1. Comparable between fits to the same bins with the same weights. Infinite
        with as many parameters as bins, which fit anything.
    converged : bool
        False where the effective range lies at a bound or beyond the data, for a pure nugget, without
        variation, and when the optimiser gave up. The model is the best one found all the same. True
        is no test of structure: white noise can be fitted too.
    outcome : str
        ``"fitted"``, ``"no sill within the data"``, ``"pure nugget"``, ``"no variation"`` or
        ``"not converged"``.
    message : str
        The outcome in words, with what to change.
    weights : str
        The name of the weights, ``"given"`` for an array.
    nbins : int
        Number of bins used.
    """

    model: VariogramModel
    rmse: float
    aic: float
    converged: bool
    outcome: Outcome
    message: str
    weights: str
    nbins: int


@dataclass(frozen=True)
class ModelComparison:
    """Fits of several models to one empirical variogram, the lowest AIC first.

    Indexing, ``len`` and iteration go over the fits; ``print`` shows the table.
    """

    fits: tuple[VariogramFit, ...]

    @property
    def best(self) -> VariogramFit:
        """The fit with the lowest AIC."""
        return self.fits[0]

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per model: parameters, rmse, AIC, outcome."""
        import pandas as pd

        return pd.DataFrame([_row(fit) for fit in self.fits])

    def __getitem__(self, index: int) -> VariogramFit:
        return self.fits[index]

    def __len__(self) -> int:
        return len(self.fits)

    def __iter__(self) -> Iterator[VariogramFit]:
        return iter(self.fits)

    def __str__(self) -> str:
        lines = ["model         nugget  partial_sill  effective_range  shape      rmse      AIC  outcome"]
        for fit in self.fits:
            row = _row(fit)
            lines.append(
                f"{row['model']:12s}{row['nugget']:8.4f}{row['partial_sill']:14.4f}"
                f"{row['effective_range']:14.1f} km{row['shape']:7.3g}{row['rmse']:10.2e}"
                f"{row['aic']:9.1f}  {row['outcome']}"
            )
        return "\n".join(lines)


def _row(fit: VariogramFit) -> dict[str, Any]:
    """Return a fit as a row of a table."""
    model = fit.model
    return {
        "model": type(model).__name__,
        "nugget": model.nugget,
        "partial_sill": model.partial_sill,
        "effective_range": model.effective_range,
        "shape": getattr(model, "shape", getattr(model, "smoothness", np.nan)),
        "rmse": fit.rmse,
        "aic": fit.aic,
        "converged": fit.converged,
        "outcome": fit.outcome,
    }
