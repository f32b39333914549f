"""VariogramFit and ModelComparison: what fitting returns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from variogeo._cards import fit_html, fits_html
from variogeo._model import VariogramModel
from variogeo._nested import Nested

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal[
    "fitted",
    "no sill within the data",
    "pure nugget",
    "parameter at a bound",
    "too few bins",
    "no variation",
    "not converged",
]


@dataclass(frozen=True)
class VariogramFit:
    """A fitted model and how well it fits. Made by `fit_variogram`; ``print`` shows it with four digits.

    Attributes
    ----------
    model : VariogramModel
    rmse : float
        Root mean square of ``semivariance - model(lag)`` over the bins used, unweighted.
    aic : float
        ``m ln(SS / m) + 2 p``: m bins used, p free parameters, SS the weighted sum of squares with
        weights of mean 1; with a covariance ``SS + 2 p``, where SS is a chi-square. Comparable between fits to
        the same bins with the same weights or covariance. Infinite with as many parameters as bins, which fit
        anything.
    converged : bool
        False where an effective range lies at a bound or beyond the data, for a nested fit whose parts have
        collapsed into one, for a pure nugget, without variation, with too few bins, and when the optimiser gave up.
        The model is the best one found all the same. True is no test of structure: white noise can be fitted too.
    outcome : str
        ``"fitted"``, ``"no sill within the data"``, ``"pure nugget"``, ``"parameter at a bound"``,
        ``"too few bins"``, ``"no variation"`` or ``"not converged"``.
    message : str
        The outcome in words, with what to change.
    weights : str
        The name of the weights, ``"given"`` for an array, ``"covariance"`` for generalised least squares.
    nbins : int
        Number of bins used.
    nparameters : int
        Number of free parameters.
    at_bound : tuple of str
        Names of the free parameters that lie at a bound, be it one of the user, of the search or of the model. A
        nugget of 0 is among them, though it alone makes no odd fit.
    """

    model: VariogramModel
    rmse: float
    aic: float
    converged: bool
    outcome: Outcome
    message: str
    weights: str
    nbins: int
    nparameters: int
    at_bound: tuple[str, ...] = ()

    @property
    def bic(self) -> float:
        """Bayesian information criterion. Definition: ``aic`` with ``p ln m`` in the place of ``2 p``."""
        return self.aic + self.nparameters * (float(np.log(self.nbins)) - 2.0)

    def __str__(self) -> str:
        numbers = f"{self.nbins} bins, weights {self.weights}, rmse {self.rmse:.4g}, AIC {self.aic:.4g}"
        return f"{self.model}\n{self.outcome}: {numbers}\n{self.message}"

    _repr_html_ = fit_html


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
        """Return a pandas DataFrame, one row per model: parameters, rmse, AIC, BIC, outcome.

        Nested models have the nugget, partial sill and effective range of the whole curve there, and those of their
        parts in further columns, e.g. ``first.effective_range``.
        """
        import pandas as pd

        parts = [{name: value for name, value in fit.model.parameter_values.items() if "." in name} for fit in self]
        return pd.DataFrame([{**_row(fit), **part} for fit, part in zip(self, parts, strict=True)])

    def __getitem__(self, index: int) -> VariogramFit:
        return self.fits[index]

    def __len__(self) -> int:
        return len(self.fits)

    def __iter__(self) -> Iterator[VariogramFit]:
        return iter(self.fits)

    def __str__(self) -> str:
        rows = [_row(fit) for fit in self.fits]
        width = max(12, *(len(row["model"]) + 2 for row in rows))
        lines = [
            f"{'model':{width}s}  nugget  partial_sill  effective_range  shape      rmse      AIC      BIC  outcome"
        ]
        for row in rows:
            lines.append(
                f"{row['model']:{width}s}{row['nugget']:8.4f}{row['partial_sill']:14.4f}"
                f"{row['effective_range']:14.1f} km{row['shape']:7.3g}{row['rmse']:10.2e}"
                f"{row['aic']:9.1f}{row['bic']:9.1f}  {row['outcome']}"
            )
        return "\n".join(lines)

    _repr_html_ = fits_html


def _row(fit: VariogramFit) -> dict[str, Any]:
    """Return a fit as a row of a table."""
    model = fit.model
    parts = (model.first, model.second) if isinstance(model, Nested) else (model,)
    return {
        "model": " + ".join(type(part).__name__ for part in parts),
        "nugget": model.nugget,
        "partial_sill": model.partial_sill,
        "effective_range": model.effective_range,
        "shape": getattr(model, "shape", getattr(model, "smoothness", np.nan)),
        "rmse": fit.rmse,
        "aic": fit.aic,
        "bic": fit.bic,
        "converged": fit.converged,
        "outcome": fit.outcome,
    }
