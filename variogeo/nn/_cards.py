"""What notebooks show of a torch module: its settings, and the scheme, the kernel or the curve that it holds."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from variogeo._html import Html, card, table_html


def module_html(module: nn.Module, settings: Mapping[str, Any], held: Any = None) -> Html:
    """Return a card of a module; settings that are not given are left out, and what has no card of its own is named."""
    shown = getattr(held, "_repr_html_", None)
    rows = [(name, value) for name, value in settings.items() if value is not None]
    if held is not None and shown is None:
        rows.insert(0, ("of", repr(held)))
    return card(type(module).__name__, table_html((), rows), "" if shown is None else Html(shown()))
