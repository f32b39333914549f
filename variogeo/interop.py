"""To and from GSTools models, scikit-gstat variograms, GeoDataFrames and libpysal weights."""

import importlib
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from variogeo._distances import EARTH_RADIUS
from variogeo._geometry import lonlat_from_geodataframe
from variogeo._libpysal import to_libpysal
from variogeo._model import VariogramModel
from variogeo._models import LOG20, MATERN_SCALES, MODELS, Exponential, Gaussian, Matern, Spherical, Stable
from variogeo._nested import Nested

__all__ = ["from_gstools", "from_skgstat", "lonlat_from_geodataframe", "to_gstools", "to_libpysal"]

_GSTOOLS_ZERO = 1e-8
"""Variance that a GSTools sum takes for none."""


def to_gstools(model: VariogramModel) -> Any:
    """Return the GSTools model with the same curve: ``to_gstools(m).variogram(h) == m(h)`` for h > 0.

    The GSTools model has ``len_scale = effective_range`` (the ratio to its own scale goes into
    ``rescale``), ``latlon=True`` and ``geo_scale=6371.0088``, so that GSTools' lengths are km and
    its fields and kriging work on (lat, lon) in degrees.

    Parameters
    ----------
    model : VariogramModel
        `Nested` becomes a ``SumModel``, which needs GSTools 1.7.

    Returns
    -------
    gstools.CovModel

    Raises
    ------
    TypeError
        For anything but a model.
    ValueError
        For a nested model with a partial sill below 1e-8, whose parts GSTools would weigh alike.
    ImportError
        Without GSTools, or with one that has no sums.

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
    if isinstance(model, Nested):
        return _gstools_sum(model, gs)
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
        ``Spherical``, ``Exponential``, ``Gaussian``, ``Stable`` or ``Matern`` (nu 0.5, 1.5, 2.5), or a ``SumModel`` of
        one or two of them. Its lengths are km, or with ``latlon=True`` in the unit of its ``geo_scale``.

    Raises
    ------
    TypeError
        For another class.
    ValueError
        For an anisotropic model, another nu, or a sum of none or more than two.
    """
    name = type(model).__name__
    is_gstools = isinstance(model, _gstools().CovModel)
    if is_gstools and name == "SumModel":
        return _model_of_sum(model)
    if name not in MODELS or not is_gstools:
        msg = f"Invalid model of type {name}. Must be one of GSTools' {', '.join(MODELS)} or a SumModel."
        raise TypeError(msg)
    if not np.allclose(model.anis, 1.0):
        msg = f"Invalid model with anisotropy {model.anis}. Must be isotropic: a lag has no direction here."
        raise ValueError(msg)
    make: Any = MODELS[name]
    extra = {"Stable": {"shape": "alpha"}, "Matern": {"smoothness": "nu"}}.get(name, {})
    fields = {ours: float(getattr(model, theirs)) for ours, theirs in extra.items()}
    unit = make(nugget=0.0, partial_sill=1.0, effective_range=1.0, **fields)
    return make(
        nugget=float(model.nugget),
        partial_sill=float(model.var),
        effective_range=float(model.len_scale / model.rescale * _scale(unit)[0] * _km(model)),
        **fields,
    )


def from_skgstat(variogram: Any) -> VariogramModel:
    """Return the variogeo model with the same curve as that of a fitted scikit-gstat variogram.

    It reads the raw coefficients (``variogram.cof``), never ``variogram.to_gstools()``, which subtracts the nugget from
    a partial sill.

    Parameters
    ----------
    variogram : skgstat.Variogram
        With a ``spherical``, ``exponential``, ``gaussian``, ``stable`` (shape up to 2) or ``matern`` (smoothness 0.5,
        1.5, 2.5) model. Its lengths are km here, whatever they were.

    Returns
    -------
    VariogramModel
        Equal to ``variogram.fitted_model`` at every lag above 0, where that returns the nugget.

    Raises
    ------
    TypeError
        For anything but a variogram of scikit-gstat.
    ValueError
        For a variogram that is not fitted, another model, or parameters that make no variogram.

    Notes
    -----
    scikit-gstat fits at the upper edges of its bins, so its ranges are longer than those of `fit_variogram`.
    """
    skgstat = sys.modules.get("skgstat")
    if skgstat is None or not isinstance(variogram, skgstat.Variogram):
        msg = f"Invalid variogram of type {type(variogram).__name__}. Must be a scikit-gstat Variogram."
        raise TypeError(msg)
    known: dict[str, Any] = {name.lower(): model for name, model in MODELS.items()}
    name = str(getattr(variogram.model, "__name__", variogram.model))
    if name not in known or variogram.model is not getattr(skgstat.models, name):
        msg = f"Invalid model {name!r} of the variogram. Must be one of scikit-gstat's {', '.join(known)}."
        raise ValueError(msg)
    if variogram.cof is None:
        msg = "The variogram has no coefficients: a setting was changed since it was fitted. Call its fit() first."
        raise ValueError(msg)
    reach, partial_sill, *rest = (float(number) for number in variogram.cof)
    fields = {kind: rest.pop(0) for kind in ("shape", "smoothness") if kind in known[name].parameters()}
    # Without use_nugget there is no further coefficient.
    nugget = rest[0] if rest else 0.0
    unit = known[name](nugget=0.0, partial_sill=1.0, effective_range=1.0, **fields)
    return replace(unit, nugget=nugget, partial_sill=partial_sill, effective_range=reach * _skgstat_range(unit))


def _skgstat_range(model: VariogramModel) -> float:
    """Return our effective range over scikit-gstat's for a model of that kind and shape."""
    match model:
        case Exponential():
            return LOG20 / 3
        case Gaussian():
            return LOG20**0.5 / 2
        case Stable():
            return (LOG20 / 3) ** (1 / model.shape)
        case Matern():
            # The argument of its Bessel function is 4 sqrt(nu) h / r.
            return MATERN_SCALES[model.smoothness] / (4 * model.smoothness**0.5)
    return 1.0


def _gstools_sum(model: Nested, gs: Any) -> Any:
    """Return the GSTools sum of the two parts, with the nugget of the whole."""
    if getattr(gs, "SumModel", None) is None:
        msg = f"GSTools {gs.__version__} has no sums of models. Upgrade it: pip install 'gstools>=1.7'."
        raise ImportError(msg)
    if 0 < model.partial_sill <= _GSTOOLS_ZERO:
        msg = (
            f"Invalid model with a partial sill of {model.partial_sill:g}. Must exceed {_GSTOOLS_ZERO:g}: below that a "
            "sum of GSTools weighs its parts alike. Multiply the values by a common factor first."
        )
        raise ValueError(msg)
    return gs.SumModel(to_gstools(model.first), to_gstools(model.second), nugget=model.nugget)


def _model_of_sum(model: Any) -> VariogramModel:
    """Return the model of a GSTools sum of one or two, whose parts have no nuggets of their own."""
    parts: list[Any] = [from_gstools(part) for part in model.models]
    if len(parts) not in (1, 2):
        msg = f"Invalid SumModel of {len(parts)} models. Must be of one or two."
        raise ValueError(msg)
    parts[0] = replace(parts[0], nugget=float(model.nugget))
    return Nested(*parts) if len(parts) == 2 else parts[0]


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
    known = ", ".join(MODELS)
    msg = f"Invalid model of type {type(model).__name__}. Must be a value of {known} or Nested, e.g. fit.model."
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
