"""Finding: one thing that a checkup has to say, with its rows."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from variogeo._cards import text_html
from variogeo._checks import check_choice, listed_rows
from variogeo._read_only import ReadOnlyArrays

Level = Literal["error", "warning", "note"]

_JSON_ROWS = 20
"""Row numbers that JSON holds of each finding: enough to look at some, and no list of a million."""

DROP_THEM = 'Drop them: missing="drop" in variogeo.io.'
"""The cure of rows that a door can leave out."""


@dataclass(frozen=True, eq=False, repr=False)
class Finding(ReadOnlyArrays):
    """One thing that `variogeo.check` has found.

    Parameters
    ----------
    level : {"error", "warning", "note"}
        An error is what verbs refuse by default, or what leaves no pair at a lag. A warning gives a result that may
        mean something else than it seems to. A note is good to know.
    name : str
        What kind of finding it is: one of the names that `variogeo.check` lists.
    text : str
        What was found, the rule, the cure.
    rows : (m,) int array
        Numbers of the rows that it is about, from 0; empty where it is about all.

    Examples
    --------
    >>> print(Finding("error", "zero vectors", "1 zero vector, in row 7. Drop it.", [7]))
    error: zero vectors: 1 zero vector, in row 7. Drop it.
    """

    level: Level
    name: str
    text: str
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __init__(self, level: Level, name: str, text: str, rows: ArrayLike = ()) -> None:
        check_choice(level, Level, name="level")
        numbers = np.array(rows, dtype=np.int64).reshape(-1)
        numbers.setflags(write=False)
        for field_name, value in (("level", level), ("name", name), ("text", text), ("rows", numbers)):
            object.__setattr__(self, field_name, value)

    def __str__(self) -> str:
        return f"{self.level}: {self.name}: {self.text}"

    def __repr__(self) -> str:
        return f"<Finding {self}>"

    def to_json(self) -> dict[str, Any]:
        """Return ``level``, ``name``, ``text``, ``count`` (of rows) and ``rows`` (the first 20)."""
        shown = self.rows[:_JSON_ROWS].tolist()
        return {"level": self.level, "name": self.name, "text": self.text, "count": len(self.rows), "rows": shown}

    _repr_html_ = text_html


def about_rows(rows: NDArray[Any]) -> str:
    """Return the rows as the end of a sentence: ``"in row 7"``, ``"in rows 3, 7, 9"``."""
    return f"in row{'s' if len(rows) > 1 else ''} {listed_rows(rows)}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``"1 row"``, ``"2 rows"``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
