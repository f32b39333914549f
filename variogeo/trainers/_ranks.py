"""What belongs to the rows and to the columns of logits over several ranks."""

from torch import Tensor

from variogeo.nn import all_gather_rows


def rows_and_columns(own: Tensor, *, all_rows: bool, all_columns: bool) -> tuple[Tensor, Tensor]:
    """Return what belongs to the rows and to the columns: the samples of this rank, or those of all ranks."""
    if not all_columns:
        return own, own
    gathered = all_gather_rows(own)
    return (gathered if all_rows else own), gathered
