"""Weighting: what every scheme is and does; SumWeighting: several at once."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, TypeVar, cast

from variogeo._cards import scheme_html
from variogeo._model import VariogramModel
from variogeo._storage import encode, write_document

WEIGHTINGS: dict[str, type] = {}
"""Every final scheme by its name: what a saved document may hold."""

_Scheme = TypeVar("_Scheme", bound=type)


def listed(scheme: _Scheme) -> _Scheme:
    """Add a final class to those that a saved document may hold."""
    WEIGHTINGS[scheme.__name__] = scheme
    return scheme


class Weighting(ABC):
    """A scheme: a frozen callable ``(lag, dissimilarity) -> log_weight``.

    The weight multiplies ``exp(logit)`` of a negative in the denominator of the loss, so its
    logarithm is added to the logit: 0 leaves a negative as it is, -inf takes it out. Works on numpy arrays and torch
    tensors that broadcast.

    Schemes add: ``a + b`` is the scheme whose log-weight is the sum of both, that is the product of the weights.

    Notes
    -----
    A scheme of your own needs `needs_dissimilarity` and ``__call__``. It works in `variogeo.nn.NegativeWeights`, in
    sums and in plots, but is not saved: only the classes of this library are ever made from a file.

    A NaN lag stays NaN, because it is a broken coordinate. A NaN dissimilarity is a place without an image: what reads
    it gives weight 1.

    Examples
    --------
    >>> from variogeo import MaskWeighting, NearWeighting
    >>> scheme = NearWeighting(strength=1.0, scale=100.0) + MaskWeighting(within=5.0)
    >>> scheme([2.0, 100.0, 5000.0]).round(3)
    array([ -inf, 0.313, 0.   ])
    """

    @property
    @abstractmethod
    def needs_dissimilarity(self) -> bool:
        """Whether the scheme reads the dissimilarity of the images, not the lag alone."""

    @abstractmethod
    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the log-weight, finite or -inf.

        Parameters
        ----------
        lag : float, array or tensor, km
            Not negative.
        dissimilarity : float, array or tensor, optional
            ``1 - cos`` in the feature space in which the curve was fitted. NaN for a place without an image.
        """

    @property
    def curve(self) -> VariogramModel | None:
        """The variogram model that the scheme is made from; None where it has none."""
        return None

    @property
    def curve_of_features(self) -> VariogramModel | None:
        """The curve that the dissimilarity is held against; None for schemes of the lag alone."""
        return self.curve if self.needs_dissimilarity else None

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """Lags at which the weight turns, with their names: thresholds and scales. Units: km."""
        return ()

    def __add__(self, other: "Weighting") -> "SumWeighting":
        """Return the scheme that multiplies the weights of both: their log-weights add."""
        if not isinstance(other, Weighting):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return SumWeighting((self, other))

    def __radd__(self, other: object) -> "Weighting":
        """Let ``sum`` start from 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save as JSON with a checksum, numbers in full: ``variogeo.load(path) == self``.

        Raises
        ------
        TypeError
            For a scheme of your own class, or a sum that holds one: it could not be loaded.
        """
        if not is_listed(self):
            msg = (
                f"{self!r} is, or holds, a scheme of a class of your own, which load would not make. Save its "
                "arguments yourself."
            )
            raise TypeError(msg)
        write_document(path, "weighting", {"value": encode(self)}, overwrite=overwrite)

    _repr_html_ = scheme_html


def landmarks_by_lag(landmarks: Iterable[tuple[str, float]]) -> dict[float, str]:
    """Return landmarks from the nearest to the farthest, those at one lag as one."""
    names: dict[float, list[str]] = {}
    for name, lag in sorted(landmarks, key=lambda landmark: landmark[1]):
        known = names.setdefault(lag, [])
        known.extend([name] if name not in known else [])
    return {lag: ", ".join(called) for lag, called in names.items()}


@listed
@dataclass(frozen=True)
class SumWeighting(Weighting):
    r"""Several schemes at once: log-weights add, so weights multiply. Made by ``a + b``.

    .. math:: \log w = \sum_k \log w_k

    Parameters
    ----------
    parts : tuple of Weighting
        Two or more. The parts of a sum among them take its place.

    Raises
    ------
    TypeError
        For a part that is no `Weighting`; `ThesisMultiplier` is none.
    ValueError
        For fewer than two parts.

    Notes
    -----
    Where one part takes a negative out (-inf) it is out. Two schemes that both raise the same negatives multiply, and
    so does the mean weight: `row_mean_one` holds it. ``curve`` is that of the first part that has one.

    Examples
    --------
    >>> from variogeo import Exponential, MaskWeighting, ResidualWeighting
    >>> curve = Exponential(nugget=0.1, partial_sill=0.2, effective_range=1000.0)
    >>> scheme = ResidualWeighting.hard_negatives(curve, 2.0) + MaskWeighting(within=25.0)
    >>> scheme([10.0, 500.0, 5000.0], [0.05, 0.05, 0.05]).round(3)
    array([-inf,  0. ,  0.5])
    """

    parts: tuple[Weighting, ...]

    def __post_init__(self) -> None:
        given: Any = self.parts
        if isinstance(given, Weighting) or not isinstance(given, Iterable):
            msg = f"Invalid parts of type {type(given).__name__}. Must be a tuple of schemes: a + b makes one."
            raise TypeError(msg)
        flat: list[Weighting] = []
        for number, part in enumerate(cast("Iterable[Any]", given)):
            if not isinstance(part, Weighting):
                kind = f"{part.__name__}: a class" if isinstance(part, type) else f"of type {type(part).__name__}"
                msg = f"Invalid part {number} {kind}. Must be the value of a Weighting, which gives log-weights."
                raise TypeError(msg)
            flat.extend(part.parts if isinstance(part, SumWeighting) else [part])
        if len(flat) < 2:
            msg = f"Invalid parts with {len(flat)} schemes. Must be two or more: one scheme needs no sum."
            raise ValueError(msg)
        object.__setattr__(self, "parts", tuple(flat))

    @property
    def needs_dissimilarity(self) -> bool:
        """Whether any part reads the dissimilarity of the images."""
        return any(part.needs_dissimilarity for part in self.parts)

    @property
    def curve(self) -> VariogramModel | None:
        """The curve of the first part that has one; None where none has."""
        return next((part.curve for part in self.parts if part.curve is not None), None)

    @property
    def curve_of_features(self) -> VariogramModel | None:
        """The curve of the first part that holds the dissimilarity against one."""
        curves = (part.curve_of_features for part in self.parts)
        return next((curve for curve in curves if curve is not None), None)

    @property
    def landmarks(self) -> tuple[tuple[str, float], ...]:
        """Lags at which the weight of a part turns, with their names. Units: km."""
        return tuple(landmark for part in self.parts for landmark in part.landmarks)

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the sum of the parts' log-weights."""
        return reduce(add, (part(lag, dissimilarity) for part in self.parts))


def is_listed(scheme: Any) -> bool:
    """Whether a scheme, and all parts of a sum, are of classes that a saved document may hold."""
    parts = scheme.parts if isinstance(scheme, SumWeighting) else ()
    return WEIGHTINGS.get(type(scheme).__name__) is type(scheme) and all(is_listed(part) for part in parts)
