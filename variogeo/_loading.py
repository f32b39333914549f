"""Make values from saved documents: `load`."""

import os
from typing import Any

from variogeo._checks import DataError
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import ClassSums, LagSums, TermHistogram
from variogeo._files import EXPORT_MODEL, check_no_code, existing_file
from variogeo._lags import LagBins
from variogeo._models import MODELS
from variogeo._nested import Nested
from variogeo._pairs import PairSampling, StratifiedPairs
from variogeo._patch_sums import PatchSums
from variogeo._storage import Document, decode, dump_document, encode, read_document
from variogeo._weighting import WEIGHTINGS, LagSpread

_MODELS: dict[str, type] = {**MODELS, "Nested": Nested}

_VALUES: dict[str, dict[str, type]] = {
    "empirical_variogram": {
        "EmpiricalVariogram": EmpiricalVariogram,
        "LagBins": LagBins,
        "LagSums": LagSums,
        "TermHistogram": TermHistogram,
        "PatchSums": PatchSums,
        "ClassSums": ClassSums,
        "PairSampling": PairSampling,
        "StratifiedPairs": StratifiedPairs,
    },
    "model": _MODELS,
    "weighting": {**_MODELS, **WEIGHTINGS, "LagSpread": LagSpread},
}
"""The classes that each kind of document may hold: nothing else is ever made from a file."""

_OUTERMOST: dict[str, dict[str, type]] = {
    "empirical_variogram": {"EmpiricalVariogram": EmpiricalVariogram},
    "model": _MODELS,
    "weighting": dict(WEIGHTINGS),
}
"""The classes that each kind of document is of; the others are fields of theirs."""


def load(path: str | os.PathLike[str]) -> Any:
    """Return the value that was saved at ``path``, equal to the last bit.

    Parameters
    ----------
    path : path
        A JSON document written by ``save`` of a variogram, a model or a weighting.

    Raises
    ------
    DataError
        For a file that is no such document, was changed since, or is from a newer version.

    Examples
    --------
    >>> import tempfile, pathlib, variogeo
    >>> model = variogeo.Exponential(nugget=0.1, partial_sill=0.2, effective_range=300.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.json"
    ...     model.save(path)
    ...     variogeo.load(path) == model
    True
    """
    check_no_code(existing_file(path), export=EXPORT_MODEL)
    return made(read_document(path), str(path))


def made(document: Document, name: str) -> Any:
    """Return the value of a checked document."""
    kind, content, _ = document
    if kind not in _VALUES or set(content) != {"value"}:
        msg = f"{name} holds a {kind!r}. This version reads {', '.join(_VALUES)}."
        raise DataError(msg)
    value = decode(content["value"], _VALUES[kind], name)
    if type(value) not in _OUTERMOST[kind].values():
        msg = f"{name} holds a {type(value).__name__} as {kind!r}. Must be one of {', '.join(_OUTERMOST[kind])}."
        raise DataError(msg)
    # A number written as text, or a count with decimals, would be taken for another value in silence.
    written = encode(value)
    if document.is_older:
        written = _as_far_as(written, content["value"])
    if dump_document(kind, {"value": written}) != dump_document(kind, content):
        msg = (
            f"{name} does not hold what {type(value).__name__}.save writes: a number of another type, or a field is "
            "missing. Save it again."
        )
        raise DataError(msg)
    return value


def _as_far_as(written: Any, document: Any) -> Any:
    """Return what a value is written as, without the fields that an older document does not have."""
    if isinstance(written, dict) and isinstance(document, dict):
        return {key: _as_far_as(entry, document[key]) for key, entry in written.items() if key in document}
    if isinstance(written, list) and isinstance(document, list) and any(isinstance(entry, dict) for entry in written):
        return [_as_far_as(*entries) for entries in zip(written, document, strict=False)]
    return written
