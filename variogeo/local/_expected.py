"""What a model expects of pairs, checked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_number
from variogeo._model import RangeDefinition, range_of


def check_model(model: Any) -> None:
    """Refuse what cannot be called with lags."""
    if callable(model) and not isinstance(model, type):
        return
    kind = f"{model.__name__}: a class" if isinstance(model, type) else f"of type {type(model).__name__}"
    msg = f"Invalid model {kind}. Must be a variogram model, e.g. fit.model, or a function of the lag (km)."
    raise TypeError(msg)


def expected_at(model: Any, lag: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the semivariance that a model expects at some lags, or refuse what is not one number for each."""
    expected = np.asarray(model(lag), dtype=np.float64)
    if expected.shape != lag.shape:
        msg = f"Invalid model: it gives shape {expected.shape} for lags of shape {lag.shape}. Must be one for each lag."
        raise ValueError(msg)
    bad = np.flatnonzero(~np.isfinite(expected.ravel()))
    if bad.size:
        msg = (
            f"Invalid model: it gives {expected.flat[bad[0]]} at {lag.flat[bad[0]]:g} km. Must be finite at every lag."
        )
        raise ValueError(msg)
    return expected


def threshold_of(model: Any, given: float | RangeDefinition | None, *, name: str) -> float:
    """Return a lag (km): as given, or a range of the model by its name, the effective range where none is given."""
    if given is None or isinstance(given, str):
        given = range_of(model, "effective_range" if given is None else given, name=name)
    return check_number(given, name=name, at_least=0.0, unit="km")
