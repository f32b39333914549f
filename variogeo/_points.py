"""Points with one embedding each: what the doors return and the verbs take."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from variogeo._cards import points_html
from variogeo._checks import check_same_length, check_text, check_whole, listed_rows, values_in_place
from variogeo._label_codes import label_array
from variogeo._lonlat import check_lonlat
from variogeo._read_only import ReadOnlyArrays
from variogeo._rows import RowSource


@dataclass(frozen=True, eq=False, repr=False)
class PointEmbeddings(ReadOnlyArrays):
    """Points with one embedding each, and what is known about where they came from.

    Iterating gives the two arrays, so ``lonlat, embeddings = points`` and
    ``variogeo.empirical_variogram(*points)`` work; ``len(points)`` is the number of points.

    Parameters
    ----------
    lonlat : (n, 2) float64 array, degrees
        Longitude then latitude, WGS84. Kept as a read-only copy, with longitudes in -180..180.
    embeddings : (n, d) float array, memory map or row source
        One row per point, in the same order. Kept as a read-only view, without a copy. A row source, which
        `variogeo.io.open_points` returns, stays in its files: it has ``shape`` and ``dtype``, and its slices
        ``embeddings[start:stop]`` are arrays. `empirical_variogram` reads both in blocks; ``embeddings[:]`` reads all.
    groups : (n,) array, optional
        A label per point, such as the sequence that a photo belongs to. Masked ones become None.
    model_id : str, optional
        Name of the model that made the embeddings. Results of two known, different models do not merge.
    crs : str, optional
        Name of the coordinate reference system that the coordinates came from, where it was said.
    dropped : tuple of int
        Row numbers of the source that ``missing="drop"`` left out, increasing.

    Raises
    ------
    ValueError
        For coordinates that are none, embeddings that are not (n, d), labels that are not (n,), different numbers of
        rows, and labels that are infinite or floats too large to tell whole numbers apart (float64: from 2^53 on).
    TypeError
        For coordinates that are no real numbers, embeddings that are no floats, labels that are one text or lists, and
        names that are no text.

    Notes
    -----
    The entries of the embeddings are not looked at here: the doors of `variogeo.io` and the verbs do that.
    `torch.from_numpy` warns about a read-only array; ``torch.tensor(points.embeddings)`` copies it.

    Examples
    --------
    >>> import numpy as np
    >>> points = PointEmbeddings(np.zeros((3, 2)), np.ones((3, 8)), model_id="clip-vit-l-14")
    >>> points
    <PointEmbeddings: 3 points, embeddings (3, 8) float64, model_id='clip-vit-l-14'>
    >>> lonlat, embeddings = points
    >>> len(points), embeddings.shape
    (3, (3, 8))
    """

    lonlat: npt.NDArray[np.float64]
    embeddings: npt.NDArray[np.floating[Any]]
    groups: npt.NDArray[Any] | None = field(default=None, kw_only=True)
    model_id: str | None = field(default=None, kw_only=True)
    crs: str | None = field(default=None, kw_only=True)
    dropped: tuple[int, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        lonlat = check_lonlat(self.lonlat)
        embeddings = _in_place(self.embeddings)
        check_same_length(lonlat, embeddings, names=("lonlat", "embeddings"), item="photo")
        groups = None if self.groups is None else _read_only(label_array(self.groups, len(lonlat), name="groups"))
        for name in ("model_id", "crs"):
            check_text(getattr(self, name), name=name)
        fields = {
            "lonlat": _read_only(lonlat),
            "embeddings": embeddings if isinstance(embeddings, RowSource) else _read_only(embeddings),
            "groups": groups,
            "dropped": _row_numbers(self.dropped),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        """Yield ``lonlat``, then ``embeddings``."""
        yield self.lonlat
        yield self.embeddings

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.lonlat)

    def __repr__(self) -> str:
        shown = [f"{len(self)} points", f"embeddings {tuple(self.embeddings.shape)} {self.embeddings.dtype}"]
        shown += ["groups"] if self.groups is not None else []
        shown += [f"{name}={value!r}" for name in ("model_id", "crs") if (value := getattr(self, name)) is not None]
        shown += [f"{len(self.dropped)} rows dropped"] if self.dropped else []
        return f"<PointEmbeddings: {', '.join(shown)}>"

    _repr_html_ = points_html


def _in_place(embeddings: Any) -> Any:
    """Return embeddings as an (n, d) array without a copy, a row source as it is."""
    array = values_in_place(embeddings, "embeddings")
    if array.ndim != 2 or array.shape[1] == 0:
        msg = f"Invalid embeddings of shape {tuple(array.shape)}. Must be (n, d): one row per point."
        raise ValueError(msg)
    if array.dtype.kind != "f":
        msg = f"Invalid embeddings of dtype {array.dtype}. Must be floats; variogeo.io.points_from_arrays converts."
        raise TypeError(msg)
    return array


def _row_numbers(dropped: Sequence[int]) -> tuple[int, ...]:
    """Return row numbers as increasing whole numbers."""
    if not isinstance(dropped, Iterable):
        msg = f"Invalid dropped of type {type(dropped).__name__}. Must be row numbers, increasing."
        raise TypeError(msg)
    rows = tuple(check_whole(row, name="dropped", at_least=0) for row in dropped)
    if any(low >= high for low, high in zip((-1, *rows), rows, strict=False)):
        msg = f"Invalid dropped {listed_rows(rows)}. Must be row numbers, increasing."
        raise ValueError(msg)
    return rows


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a view that cannot be written to."""
    view = array.view()
    view.setflags(write=False)
    return view
