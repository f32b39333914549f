"""What the user wants of a file: which columns, and how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass

from variogeo._checks import check_choice
from variogeo._columns import EmbeddingColumns
from variogeo._geometry import PointOf
from variogeo._missing import Dequantize, Missing
from variogeo.io._names import embedding_names
from variogeo.io._units import Units


@dataclass(frozen=True)
class Wanted:
    """The arguments of a door for files, after a look at what contradicts."""

    embedding: str | Sequence[str] | None
    lon: str | None
    lat: str | None
    point: PointOf | None
    group: str | None
    units: Units | None
    missing: Missing
    dequantize: Dequantize | None

    def __post_init__(self) -> None:
        check_choice(self.missing, Missing, name="missing")
        if self.point is not None:
            check_choice(self.point, PointOf, name="point")
        if self.units is not None:
            check_choice(self.units, Units, name="units")
        if (self.lon is None) != (self.lat is None) or (self.lon is not None and self.lon == self.lat):
            msg = f"Invalid lon {self.lon!r} with lat {self.lat!r}. Name two columns, or neither."
            raise ValueError(msg)
        if self.named is not None and self.point is not None:
            msg = f"Invalid point {self.point!r} with lon and lat. Columns of numbers hold points already."
            raise ValueError(msg)

    @property
    def named(self) -> tuple[str, str] | None:
        """The names of longitude and latitude, where they were given."""
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)

    @property
    def listed(self) -> bool:
        """Whether the embeddings are in one column or array, not in one for each entry."""
        return self.embedding is None or isinstance(self.embedding, str)

    def columns(self, names: Sequence[str]) -> EmbeddingColumns:
        """Return which columns of a table hold the embeddings, and how they are read."""
        return EmbeddingColumns(
            embedding_names(self.embedding, names, "column"), self.listed, self.missing, self.dequantize
        )
