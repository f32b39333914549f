"""To and from GSTools models and GeoDataFrames."""

import importlib
from typing import Any

import numpy as np

from variogeo._distances import EARTH_RADIUS
from variogeo._geometry import lonlat_from_geodataframe
from variogeo._model import VariogramModel
from variogeo._models import LOG20, MATERN_SCALES, Exponential, Gaussian, Matern, Spherical, Stable

__all__ = ["from_gstools", "lonlat_from_geodataframe", "to_gstools"]


def to_gstools(model: VariogramModel) -> Any:
    """Return the GSTools model with the same curve: ``to_gstools(m).variogram(h) == m(h)`` for h > 0.

    The GSTools model has ``len_scale = effective_range`` (the ratio to its own scale goes into
    ``rescale``), ``latlon=True`` and ``geo_scale=6371.0088``, so that GSTools' lengths are km and
    its fields and kriging work on (lat, lon) in degrees.

    Parameters
    ----------
    model : VariogramModel

    Returns
    -------
    gstools.CovModel

    Notes
    -----
    At lag 0 GSTools' ``variogram`` is the nugget; its ``vario_nugget`` is 0 there, as the model here.
    With ``latlon=True`` GSTools evaluates the curve at the chord, not at the great-circle lag: the
    field it simulates has the model as its variogram over ``metric="chord"``.

    Examples
    --------
    >>> from variogeo import Exponential
    >>> from variogeo.interop import from_gstools, to_gstools
    >>> model = Exponential(nugget=0.1, partial_sill=0.2, effective_range=300.0)
    >>> from_gstools(to_gstools(model)) == model
    True
    """
    gs = _gstools()
    scale, extra = _scale(model)
    return getattr(gs, type(model).__name__)(
        latlon=True,
        geo_scale=EARTH_RADIUS,
        var=model.partial_sill,
        nugget=model.nugget,
        len_scale=model.effective_range,
        rescale=scale,
        **extra,
    )


def from_gstools(model: Any) -> VariogramModel:
    """Return the variogeo model with the same curve as an isotropic GSTools model.

    Parameters
    ----------
    model : gstools.CovModel
        ``Spherical``, ``Exponential``, ``Gaussian``, ``Stable`` or ``Matern`` (nu 0.5, 1.5, 2.5). Its
        lengths are km, or with ``latlon=True`` in the unit of its ``geo_scale``.

    Raises
    ------
    TypeError
        For another class.
    ValueError
        For an anisotropic model or another nu.
    """
    name = type(model).__name__
    known = {cls.__name__: cls for cls in (Spherical, Exponential, Gaussian, Stable, Matern)}
    if name not in known or not isinstance(model, _gstools().CovModel):
        msg = f"Invalid model of type {name}. Must be one of GSTools' {', '.join(known)}."
        raise TypeError(msg)
    if not np.allclose(model.anis, 1.0):
        msg = f"Invalid model with anisotropy {model.anis}. Must be isotropic: a lag has no direction here."
        raise ValueError(msg)
    extra = {"Stable": {"shape": "alpha"}, "Matern": {"smoothness": "nu"}}.get(name, {})
    fields = {ours: float(getattr(model, theirs)) for ours, theirs in extra.items()}
    unit = known[name](nugget=0.0, partial_sill=1.0, effective_range=1.0, **fields)
    return known[name](
        nugget=float(model.nugget),
        partial_sill=float(model.var),
        effective_range=float(model.len_scale / model.rescale * _scale(unit)[0] * _km(model)),
        **fields,
    )


def _scale(model: VariogramModel) -> tuple[float, dict[str, float]]:
    """Return the effective range over GSTools' scale, and GSTools' own shape arguments."""
    match model:
        case Spherical():
            return 1.0, {}
        case Exponential():
            return LOG20, {}
        case Gaussian():
            return LOG20**0.5, {}
        case Stable():
            return LOG20 ** (1 / model.shape), {"alpha": model.shape}
        case Matern():
            # GSTools' argument of the Bessel function is sqrt(nu) h / l.
            scale = MATERN_SCALES.get(model.smoothness, np.nan)
            return scale / model.smoothness**0.5, {"nu": model.smoothness}
    msg = f"Invalid model of type {type(model).__name__}. GSTools has no such curve."
    raise TypeError(msg)


def _km(model: Any) -> float:
    """Return the km in one unit of a GSTools model's lengths."""
    if not model.latlon:
        return 1.0
    km = EARTH_RADIUS / float(model.geo_scale)
    # A geo_scale of 6371 or 6378 also means km: the user's km stay what they are.
    return 1.0 if abs(km - 1) < 2e-3 else km


def _gstools() -> Any:
    """Return the gstools module, or say how to install it."""
    try:
        return importlib.import_module("gstools")
    except ImportError:
        msg = "GSTools is not installed. Its extra: pip install 'variogeo[gstat]' (in a checkout '.[gstat]')."
        raise ImportError(msg) from None
