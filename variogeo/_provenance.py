"""Which model made the embeddings of a variogram, and how wide they are: what a sum of two knows of it."""

from typing import Any

from variogeo._checks import check_text, check_whole


def checked_width(model_id: Any, width: Any) -> int | None:
    """Return the number of entries of an embedding, or None where it is not known, after a look at the model."""
    check_text(model_id, name="model_id")
    return None if width is None else check_whole(width, name="width", at_least=1)


def known_of_both(one: Any, other: Any) -> dict[str, Any]:
    """Return model and width of a sum: what either knows, and where both know, the same."""
    known = {}
    for name in ("model_id", "width"):
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine is not None and theirs is not None and mine != theirs:
            msg = f"Variograms with different {name} do not add: {mine!r} and {theirs!r}. Embeddings of one model only."
            raise ValueError(msg)
        known[name] = theirs if mine is None else mine
    return known
