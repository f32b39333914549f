"""The state of NegativeWeights as checked text: the scheme and the settings."""

from typing import Any

from variogeo._loading import made
from variogeo._storage import Document, dump_document, encode, parse_document
from variogeo._weighting import Weighting, is_listed

_NAME = "the state of NegativeWeights"
_BEFORE = {"row_mean_one": False}
"""What a state without a setting was made with: it is from a version that had none."""


def dump_state(scheme: Weighting, settings: dict[str, Any]) -> str:
    """Return scheme and settings as JSON text; a scheme of the user's own class is left out."""
    value = encode(scheme) if is_listed(scheme) else None
    return dump_document("negative_weights", {"value": value, **settings})


def scheme_of_state(state: str, settings: dict[str, Any]) -> Weighting | None:
    """Return the scheme of a state, or None where it holds none; other settings are refused."""
    kind, content, schema = parse_document(state.encode(), _NAME)
    saved = {name: content.pop(name, _BEFORE.get(name)) for name in settings}
    if kind != "negative_weights" or saved != settings:
        msg = f"The state was saved with {kind} {saved}, this module has {settings}. Make it the same way."
        raise ValueError(msg)
    return None if content["value"] is None else made(Document("weighting", content, schema), _NAME)
