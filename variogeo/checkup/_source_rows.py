"""SourceRows: which rows of the user's table some points are, where others were left out before."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_whole, listed_rows
from variogeo.checkup._findings import Finding, about_rows


@dataclass(frozen=True, eq=False)
class SourceRows:
    """Row numbers of a table, from 0.

    Attributes
    ----------
    kept : (n,) int array
        Of the points, increasing.
    dropped : (m,) int array
        Of what was left out, increasing.
    """

    kept: NDArray[np.intp]
    dropped: NDArray[np.intp]

    @classmethod
    def of(cls, npoints: int, dropped: Any) -> "SourceRows":
        """Return the rows of so many points, beside those that were left out."""
        if not isinstance(dropped, Iterable):
            msg = f"Invalid dropped of type {type(dropped).__name__}. Must be row numbers, as points.dropped has them."
            raise TypeError(msg)
        out = sorted({check_whole(row, name="dropped", at_least=0) for row in dropped})
        total = npoints + len(out)
        if out and out[-1] >= total:
            msg = (
                f"Invalid dropped '{out[-1]}'. Must be below {total}, the {npoints} points and the {len(out)} rows "
                "that were left out: pass dropped of the same points."
            )
            raise ValueError(msg)
        left_out = np.array(out, dtype=np.intp)
        return cls(np.delete(np.arange(total), left_out), left_out)

    @property
    def total(self) -> int:
        """Rows of the table."""
        return len(self.kept) + len(self.dropped)

    @property
    def left_out(self) -> str:
        """What was left out, as the end of a sentence; empty without any."""
        if not self.dropped.size:
            return ""
        return f"{len(self.dropped):,} left out ({about_rows(self.dropped).removeprefix('in ')})"

    def finding(self) -> list[Finding]:
        """Return what to know of the rows that were left out, if there are any."""
        if not self.dropped.size:
            return []
        count = len(self.dropped)
        text = (
            f"{count:,} of {self.total:,} rows {'was' if count == 1 else 'were'} left out before: "
            f"{listed_rows(self.dropped)}. Row numbers here are those of the table with them."
        )
        return [Finding("note", "rows left out", text, self.dropped)]

    def numbered(self, finding: Finding) -> Finding:
        """Return a finding about points with the row numbers of the table, in its text as well."""
        rows = self.kept[finding.rows]
        text = finding.text.replace(about_rows(finding.rows), about_rows(rows)) if rows.size else finding.text
        return Finding(finding.level, finding.name, text, rows)
