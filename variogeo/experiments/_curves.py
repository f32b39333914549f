"""The curves that the schemes of an experiment are made from, fitted to frozen features of training photos."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from variogeo._distances import prepare_points
from variogeo._empirical import EmpiricalVariogram
from variogeo._estimation import empirical_variogram
from variogeo._fit import VariogramFit
from variogeo._fitting import fit_variogram
from variogeo._lags import LagBins
from variogeo._model import VariogramModel
from variogeo._models import Exponential, Stable
from variogeo._nested import Nested
from variogeo._points import PointEmbeddings
from variogeo._weighting import LagSpread
from variogeo.experiments._features import normalised
from variogeo.inference import ParameterInterval, fit_intervals, jackknife, kmeans_patches

_BIN_WEIGHTS = "equal"
"""Most pairs are thousands of km long: weights by pairs would not hear the short lags."""

_PATCHES = 20
"""Of the jackknife of the range: each asks for a nested fit, which takes half a second."""

_FEWEST_PHOTOS = 1000
"""Of a region that gets a curve of its own."""


@dataclass(frozen=True, eq=False)
class RegionalCurves:
    """Curves of several regions.

    Parameters
    ----------
    centres : (regions, 3) float64 array
        Unit vectors: a place belongs to the nearest.
    models : tuple of VariogramModel
        One for each centre.
    """

    centres: npt.NDArray[np.float64]
    models: tuple[VariogramModel, ...]


@dataclass(frozen=True, eq=False)
class Curves:
    """The empirical variogram of frozen features, and the models and the spread that schemes are made from.

    Parameters
    ----------
    empirical : EmpiricalVariogram
    nested : VariogramFit
        Nugget and two exponentials: a single curve on nested scales degenerates.
    stable : VariogramFit
        One stable model with a nugget, for the thesis' rule only.
    spread : LagSpread
        Spread of the dissimilarity per lag.
    range_intervals : dict of str to ParameterInterval
        95 % intervals from the jackknife over patches, of ``effective_range``, ``first.effective_range`` and
        ``second.effective_range``; those that the fits do not give are left out.
    regional : RegionalCurves or None
        None where no region was asked for.
    """

    empirical: EmpiricalVariogram
    nested: VariogramFit
    stable: VariogramFit
    spread: LagSpread
    range_intervals: dict[str, ParameterInterval]
    regional: RegionalCurves | None

    @classmethod
    def measure(cls, train: PointEmbeddings, bins: LagBins, *, photos: int, regions: int, seed: int = 0) -> Self:
        """Measure and fit the curves of a sample of the training photos.

        Parameters
        ----------
        train : PointEmbeddings
            Training photos: positions and frozen features.
        bins : LagBins
        photos : int
            Size of the sample, at most.
        regions : int
            Number of regions with a curve of their own; 0 for none.
        seed : int
            Seed of the sample and of the regions.
        """
        rows = np.random.default_rng(seed).permutation(len(train.lonlat))[:photos]
        lonlat, features = train.lonlat[rows], train.embeddings[rows]
        patches = kmeans_patches(lonlat, min(_PATCHES, len(rows) // 5), seed=seed)
        empirical = empirical_variogram(lonlat, features, bins, patches=patches)
        nested = fit_variogram(empirical, (Exponential, Exponential), weights=_BIN_WEIGHTS)
        return cls(
            empirical=empirical,
            nested=nested,
            stable=fit_variogram(empirical, Stable, weights=_BIN_WEIGHTS),
            spread=LagSpread.of(empirical),
            range_intervals=_range_intervals(empirical),
            regional=_regional(train, bins, nested.model, photos=photos, regions=regions, seed=seed)
            if regions
            else None,
        )

    @property
    def model(self) -> Nested:
        """The nested curve: what the schemes are made from unless they say otherwise."""
        assert isinstance(self.nested.model, Nested)
        return self.nested.model

    @property
    def mean_spread(self) -> float:
        """Mean spread of the dissimilarity over the bins."""
        return float(np.mean(self.spread.spread))

    def __str__(self) -> str:
        model, stable = self.model, self.stable.model
        assert isinstance(stable, Stable)
        return (
            f"nugget {model.nugget:.3f}; short structure {model.first.partial_sill:.3f} over "
            f"{self._range('first.effective_range', model.first.effective_range)}; long structure "
            f"{model.second.partial_sill:.3f} over "
            f"{self._range('second.effective_range', model.second.effective_range)}; effective range "
            f"{self._range('effective_range', model.effective_range)}; "
            f"spread of the dissimilarity {self.mean_spread:.3f}. {self.nested.message} "
            f"One stable model, for the thesis' rule only: nugget {stable.nugget:.3f}, shape {stable.shape:.2f}, "
            f"effective range {stable.effective_range:.0f} km. {self.stable.message}"
        )

    def _range(self, name: str, km: float) -> str:
        """Return a range in words, with its interval."""
        interval = self.range_intervals.get(name)
        sure = (
            "no interval: the fits failed"
            if interval is None
            else f"95 % over patches: {interval.lower:.0f} to {interval.upper:.0f} km"
        )
        return f"{km:.0f} km ({sure})"


def _range_intervals(empirical: EmpiricalVariogram) -> dict[str, ParameterInterval]:
    """Return the 95 % intervals of the nested curve's ranges, without those of failed fits."""
    intervals = fit_intervals(jackknife(empirical), (Exponential, Exponential), weights=_BIN_WEIGHTS)
    ranges = {name: intervals[name] for name in intervals.names if name.endswith("effective_range")}
    return {name: found for name, found in ranges.items() if np.isfinite([found.lower, found.upper]).all()}


def _regional(
    train: PointEmbeddings, bins: LagBins, model: VariogramModel, *, photos: int, regions: int, seed: int
) -> RegionalCurves:
    """Return a curve for each compact region of the training photos; one with few photos takes the common curve."""
    label = kmeans_patches(train.lonlat, regions, seed=seed)
    unit = prepare_points(train.lonlat, "great_circle").unit
    generator = np.random.default_rng(seed)
    centres, models = [], []
    for region in range(int(label.max()) + 1):
        rows = generator.permutation(np.flatnonzero(label == region))
        centres.append(normalised(unit[rows].sum(axis=0)))
        if len(rows) < _FEWEST_PHOTOS:
            models.append(model)
            continue
        some = rows[:photos]
        empirical = empirical_variogram(train.lonlat[some], train.embeddings[some], bins, spread=False)
        models.append(fit_variogram(empirical, (Exponential, Exponential), weights=_BIN_WEIGHTS).model)
    return RegionalCurves(np.stack(centres), tuple(models))
