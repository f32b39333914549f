"""Versioned JSON documents with a checksum: how variogeo's values are saved and read back.

A document is one line of JSON with sorted keys. `format` names the kind of value, `schema` the
version of its layout, `sha256` the checksum of the rest. A document that differs in any byte from
what its own content would be written as is refused.
"""

import dataclasses
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from variogeo._checks import DataError, checked_path

SCHEMA = 5
"""The newest layout that this version reads, and the one it writes."""

_OLDEST = {"empirical_variogram": 3}
"""The oldest layout that this version reads, by kind where it is not 1: a variogram of 2 has no patches, no weights.
Schema 4 has sums of weightings and spreads per lag, which version 3 cannot read; 5 has the model and the width of
embeddings, which older documents do not know."""

_LARGEST = 64 * 2**20
"""Bytes that a document may have: a million bins of few pairs, five thousand with all cells of their histogram."""

_MOST_BRACKETS = 100
"""Lists and objects that a document may hold; the largest value of today has seventeen."""


class Document(NamedTuple):
    """A checked document: the kind of its value, what it holds, and the version of its layout."""

    kind: str
    content: dict[str, Any]
    schema: int

    @property
    def is_older(self) -> bool:
        """Whether an older version wrote it, which knew fewer fields."""
        return self.schema < SCHEMA


def write_document(path: str | os.PathLike[str], kind: str, content: dict[str, Any], *, overwrite: bool) -> None:
    """Write ``content`` as a document of format ``variogeo.<kind>``; whole or not at all."""
    raw = dump_document(kind, content).encode()
    if len(raw) > _LARGEST:
        msg = f"{path} would have more than {_LARGEST // 2**20} MB, which load refuses. Use fewer bins."
        raise ValueError(msg)
    write_bytes(path, raw, overwrite=overwrite)


def dump_document(kind: str, content: dict[str, Any]) -> str:
    """Return ``content`` as the text of a document."""
    raw = _dump(_sealed({"format": f"variogeo.{kind}", "schema": SCHEMA, **content}))
    if _brackets(raw) > _MOST_BRACKETS:
        msg = f"This {kind} has more than {_MOST_BRACKETS} lists and objects, which load refuses. Add fewer schemes."
        raise ValueError(msg)
    return raw.decode()


def read_document(path: str | os.PathLike[str]) -> Document:
    """Return the checked document of a file."""
    with checked_path(path).open("rb") as stream:
        raw = stream.read(_LARGEST + 1)
    return parse_document(raw, str(path))


def parse_document(raw: bytes, name: str) -> Document:
    """Return the checked document of some bytes."""
    if len(raw) > _LARGEST:
        msg = f"{name} has more than {_LARGEST // 2**20} MB. Not a document of variogeo."
        raise DataError(msg)
    if _brackets(raw) > _MOST_BRACKETS:
        msg = f"{name} holds more than {_MOST_BRACKETS} lists and objects. Not a document of variogeo."
        raise DataError(msg)
    try:
        document = json.loads(raw, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique)
    except ValueError as error:
        msg = f"{name} is not a JSON document of variogeo: {error}. Must be a file that save() wrote."
        raise DataError(msg) from None
    kind = document.get("format") if isinstance(document, dict) else None
    if not isinstance(kind, str) or not kind.startswith("variogeo."):
        msg = (
            f"{name} is not a document of variogeo: it has no 'format' that starts with 'variogeo.'. Must be a file "
            "that save() wrote."
        )
        raise DataError(msg)
    schema = document.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        msg = f"{name} has schema {schema!r}. Must be a whole number of at least 1."
        raise DataError(msg)
    if schema > SCHEMA:
        msg = f"{name} was written by schema {schema}; this version reads up to {SCHEMA}. Upgrade variogeo."
        raise DataError(msg)
    if not _is_as_written(document, raw):
        msg = f"{name} does not match its checksum: it was changed after it was saved. Save it again from its source."
        raise DataError(msg)
    del document["sha256"]
    kind = kind.removeprefix("variogeo.")
    oldest = _OLDEST.get(kind, 1)
    if schema < oldest:
        msg = f"{name} was written by schema {schema}; this version reads {kind} from {oldest} on. Make it again."
        raise DataError(msg)
    return Document(kind, {k: v for k, v in document.items() if k not in ("format", "schema")}, schema)


def write_bytes(path: str | os.PathLike[str], raw: bytes, *, overwrite: bool) -> None:
    """Write ``raw`` under a temporary name and rename it, so that no reader sees half a file."""
    file = checked_path(path)
    if file.exists() and not overwrite:
        msg = f"{file} exists. Pass overwrite=True or choose another name."
        raise FileExistsError(msg)
    if not file.parent.is_dir():
        msg = f"{file.parent} is not a folder. Make it first."
        raise FileNotFoundError(msg)
    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def encode(value: Any) -> Any:
    """Return a frozen value as JSON: its class name and its fields; arrays as lists, in full."""
    if dataclasses.is_dataclass(value):
        fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [encode(entry) for entry in value]
    # JSON has neither, but a threshold of infinity (a side switched off) and a sill that is not known are legal values.
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def decode(encoded: Any, classes: dict[str, type], name: str) -> Any:
    """Return the frozen value of `encode`; only the given classes are made, by their constructors."""
    if isinstance(encoded, list) and any(isinstance(entry, dict) for entry in encoded):
        return [decode(entry, classes, name) for entry in encoded]
    if not isinstance(encoded, dict):
        return float(encoded) if encoded in ("inf", "-inf", "nan") else encoded
    arguments = {k: decode(v, classes, name) for k, v in encoded.items() if k != "class"}
    made = classes.get(str(encoded.get("class")))
    if made is None:
        msg = f"{name} holds a {encoded.get('class')!r}. This version knows {', '.join(sorted(classes))}."
        raise DataError(msg)
    try:
        return made(**arguments)
    except (TypeError, ValueError, OverflowError) as error:
        msg = f"{name} holds a {made.__name__} that cannot be made: {error}"
        raise DataError(msg) from None


def _brackets(raw: bytes) -> int:
    """Return how many lists and objects begin in a document."""
    return raw.count(b"[") + raw.count(b"{")


def _is_as_written(document: dict[str, Any], raw: bytes) -> bool:
    """Whether ``raw`` is, byte for byte, what the document's own content is written as."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    try:
        return _dump(_sealed(content)) == raw
    except ValueError:  # a lone surrogate has no bytes
        return False


def _sealed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with its checksum."""
    return {**document, "sha256": hashlib.sha256(_dump(document)).hexdigest()}


def _dump(document: dict[str, Any]) -> bytes:
    """Return the one spelling of a document: sorted keys, no spaces, a newline at the end."""
    text = json.dumps(document, sort_keys=True, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.encode() + b"\n"


def _refuse_constant(constant: str) -> None:
    msg = f"it holds {constant}, which is not a number"
    raise ValueError(msg)


def _finite(number: str) -> float:
    """Return a number of a document, refusing those that a float cannot hold."""
    if abs(float(number)) == float("inf"):
        msg = f"it holds {number}, which is too large"
        raise ValueError(msg)
    return float(number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, refusing keys that stand twice."""
    names = [key for key, _ in pairs]
    if len(set(names)) != len(names):
        msg = "it has the same key twice"
        raise ValueError(msg)
    return dict(pairs)
