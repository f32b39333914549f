"""Embeddings with a known variogram on the sphere."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_choice, check_whole
from variogeo._distances import pairwise_lag, prepare_points
from variogeo._lonlat import check_lonlat
from variogeo._model import VariogramModel

__all__ = ["gaussian_field", "uniform_lonlat"]

_LARGEST = 10_000
SphereMetric = Literal["great_circle", "chord"]


def gaussian_field(
    lonlat: Any,
    model: VariogramModel,
    *,
    dimensions: int = 64,
    metric: SphereMetric = "great_circle",
    seed: int = 0,
) -> NDArray[np.float64]:
    r"""Return embeddings whose semivariogram is ``model``.

    Each of the ``dimensions`` columns is an independent Gaussian field with covariance
    ``partial_sill * rho(h) / dimensions`` plus white noise of the nugget, made by a Cholesky factor
    of the exact covariance, so that :math:`\tfrac12 E\lVert z - z' \rVert^2 = \gamma(h)`.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84; at most 10 000 points.
    model : VariogramModel
        Valid on the sphere, or with ``metric="chord"``.
    dimensions : int
        Number of columns of the field.
    metric : {"great_circle", "chord"}
        The lag that the model speaks of.
    seed : int

    Returns
    -------
    (n, dimensions + 1) float array
        The field, with a first constant column of length ``sqrt(max(0, 1 - sill))``. It changes no
        difference, and with a sill below 1 it makes the vectors nearly unit, as embeddings are: their
        cosine semivariogram is the model too, up to ``O(1 / dimensions)``.

    Raises
    ------
    ValueError
        For a model that is not positive definite with this metric, or too many points.

    Notes
    -----
    Photos at the same place differ by the nugget. Larger fields: `variogeo.interop.to_gstools`.

    Examples
    --------
    >>> from variogeo import Exponential
    >>> from variogeo.synthetic import gaussian_field, uniform_lonlat
    >>> model = Exponential(nugget=0.1, partial_sill=0.3, effective_range=2000.0)
    >>> gaussian_field(uniform_lonlat(100, seed=1), model, dimensions=32, seed=1).shape
    (100, 33)
    """
    places = check_lonlat(lonlat)
    check_choice(metric, SphereMetric, name="metric")
    if len(places) > _LARGEST:
        msg = f"lonlat has {len(places)} rows. At most {_LARGEST}: larger fields need GSTools (interop.to_gstools)."
        raise ValueError(msg)
    number = check_whole(dimensions, name="dimensions", at_least=1)
    if not isinstance(model, VariogramModel):
        msg = f"Invalid model of type {type(model).__name__}. Must be a variogram model, e.g. Exponential(...)."
        raise TypeError(msg)
    if metric == "great_circle" and not model.valid_on_sphere:
        msg = f"Invalid model {type(model).__name__} for metric 'great_circle'. It is {model.validity}."
        raise ValueError(msg)
    random = np.random.default_rng(seed)
    points = prepare_points(places, metric)
    # Photos of one place share the field's value, so the factor is of the distinct places only.
    distinct, place = np.unique(points.lonlat, axis=0, return_inverse=True)
    points = prepare_points(distinct, metric)
    correlation = model.correlogram(pairwise_lag(points, points))
    # Rounding makes a smooth correlogram's smallest eigenvalues negative; 1e-10 is far below any estimate.
    factor = np.linalg.cholesky(correlation + 1e-10 * np.eye(len(distinct)))
    field = factor @ random.standard_normal((len(distinct), number))
    noise = random.standard_normal((len(places), number))
    values = np.sqrt(model.partial_sill) * field[place.ravel()] + np.sqrt(model.nugget) * noise
    cone = np.full((len(places), 1), np.sqrt(max(0.0, 1.0 - model.sill)))
    return np.hstack([cone, values / np.sqrt(dimensions)])


def uniform_lonlat(count: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Return ``count`` points spread evenly at random over the sphere: (count, 2) degrees."""
    random = np.random.default_rng(seed)
    longitude = random.uniform(-180.0, 180.0, count)
    latitude = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, count)))
    return np.column_stack([longitude, latitude])
