"""Which columns hold longitude, latitude and embeddings: exact names in any case, never a guess from values."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from variogeo._checks import DataError
from variogeo._files import check_named, listed_names

PLACE_COLUMNS = (
    ("lon", "lat"),
    ("lng", "lat"),
    ("long", "lat"),
    ("longitude", "latitude"),
    ("centre_lon", "centre_lat"),
    ("center_lon", "center_lat"),
    ("decimallongitude", "decimallatitude"),
)
"""Pairs of names that say what they are, in lower case: x and y may be anything."""

EMBEDDING_COLUMNS = ("embedding", "embeddings")


def place_candidates(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return all pairs of columns that are known as longitude and latitude."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.lower(), []).append(name)
    pairs = [itertools.product(alike.get(lon, ()), alike.get(lat, ())) for lon, lat in PLACE_COLUMNS]
    return list(itertools.chain.from_iterable(pairs))


def only_pair(names: Sequence[str], *, otherwise: str, what: str = "column") -> tuple[str, str]:
    """Return the one pair of columns that is known as longitude and latitude; none and several are refused."""
    pairs = place_candidates(names)
    if len(pairs) > 1:
        listed = "; ".join(f"{lon}, {lat}" for lon, lat in pairs)
        msg = f"It has {len(pairs)} pairs of {what}s for the places: {listed}. Name those that count: lon=, lat=."
        raise DataError(msg)
    if not pairs:
        msg = f"{otherwise}; its {what}s are {listed_names(names)}. Name those of longitude and latitude: lon=, lat=."
        raise DataError(msg)
    return pairs[0]


def embedding_names(embedding: str | Sequence[str] | None, names: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the names of the columns (or arrays) of the embeddings: those given, or the one that is known."""
    if embedding is None:
        known = [name for name in names if name.lower() in EMBEDDING_COLUMNS]
        if len(known) == 1:
            return (known[0],)
        if not names:
            msg = f"No {what} has a name that is text. Rename them, e.g. frame.columns = [*map(str, frame.columns)]."
            raise DataError(msg)
        found = f"Both {' and '.join(known)} may be" if known else f"None of its {what}s is known as"
        msg = f"{found} the embeddings. It has {listed_names(names)}. Name the {what}: embedding=."
        raise DataError(msg)
    are_many = isinstance(embedding, Iterable) and not isinstance(embedding, str)
    chosen: tuple[Any, ...] = tuple(embedding) if are_many else (embedding,)
    if not chosen or not all(isinstance(name, str) for name in chosen) or len(set(chosen)) < len(chosen):
        msg = f"Invalid embedding {embedding!r}. Must name one {what}, or different columns of numbers."
        raise ValueError(msg)
    for name in chosen:
        check_named(name, names, what)
    return chosen
