"""What is left of embeddings after a linear regression on covariates: their trend taken out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array, check_same_length, check_values, listed_rows
from variogeo._rows import row_blocks

_DEPENDENT = 1e-10
"""A column of which less than this share is its own is a combination of the columns before it."""


def residuals(values: Any, covariates: Any) -> NDArray[np.floating[Any]]:
    r"""Return the residuals of a multivariate linear regression of values on covariates, with an intercept.

    .. math:: E = Z - X (X^\top X)^{-1} X^\top Z, \qquad X = [1, \text{covariates}]

    The variogram of residuals, with ``dissimilarity="half_squared"``, says what the covariates leave unexplained:
    latitude, altitude, season, or the population nearby.

    Parameters
    ----------
    values : (n, d) float array or (n,) array
        Embeddings or scalars, never modified. Memory maps and row sources are read in blocks, twice.
    covariates : (n, p) array, (n,) array or pandas.DataFrame
        Numbers. Code a category by a column of 0 and 1 for each of its values but one.

    Returns
    -------
    (n, d) or (n,) float array
        float64; float32 for embeddings of float32 and float16. Computed in float64.

    Raises
    ------
    ValueError
        For NaN and infinity, different numbers of rows, fewer than p + 2 rows, and covariates that are constant or
        combinations of others; the message names the columns.
    TypeError
        For covariates that are not numbers.

    Notes
    -----
    Residuals have no length that would mean anything, so the cosine dissimilarity does not suit them. To regress what
    the cosine compares, normalise the rows first. The regression is ordinary least squares: it takes no account of
    the correlation of near points, and it takes some of the variation at long lags for trend: there the residual
    variogram is too low, at short lags hardly so (Cressie 1993).

    References
    ----------
    .. [1] Cressie, N. (1993). Statistics for Spatial Data. Wiley, section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> altitude = np.array([0.0, 1.0, 2.0, 3.0])
    >>> residuals(5.0 + 2.0 * altitude + np.array([1.0, -1.0, -1.0, 1.0]), altitude).round(12)
    array([ 1., -1., -1.,  1.])
    """
    checked = check_values(values, dissimilarity="half_squared")
    names, columns = _covariates(covariates)
    check_same_length(checked, columns, names=("values", "covariates"), item="photo")
    basis = _basis(columns, names)
    width = checked.shape[1] if checked.ndim == 2 else 1
    along = np.zeros((basis.shape[1], width))
    for start, block in row_blocks(checked):
        along += basis[start : start + len(block)].T @ _rows(block)
    short = checked.dtype.kind == "f" and checked.dtype.itemsize <= 4
    out = np.empty((len(checked), width), np.float32 if short else np.float64)
    for start, block in row_blocks(checked):
        stop = start + len(block)
        out[start:stop] = _rows(block) - basis[start:stop] @ along
    return out.reshape(checked.shape)


def _rows(block: NDArray[Any]) -> NDArray[np.float64]:
    """Return a block of embeddings or scalars as rows of float64."""
    return np.asarray(block, dtype=np.float64).reshape(len(block), -1)


def _covariates(covariates: Any) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names of the columns and the columns as (n, p) float64, or refuse them."""
    given = np.asarray(covariates)
    if given.dtype.kind == "O":
        given = _table(covariates)
    array = as_real_array(given.astype(np.float64) if given.dtype.kind == "b" else given, name="covariates")
    array = array.astype(np.float64)
    if array.ndim not in (1, 2) or array.size == 0:
        msg = f"Invalid covariates of shape {array.shape}. Must be (n, p) or (n,), with at least one of each."
        raise ValueError(msg)
    columns = array.reshape(len(array), -1)
    numbered = [str(k) for k in range(columns.shape[1])]
    names = [str(name) for name in getattr(covariates, "columns", numbered)]
    broken = ~np.isfinite(columns)
    if broken.any():
        rows = np.flatnonzero(broken.any(axis=1))
        listed = _listed(names, broken.max(axis=0))
        msg = (
            f"covariates has NaN or infinite entries in column {listed}, in {len(rows)} rows: {listed_rows(rows)}. "
            "Drop these rows first, or leave the column out."
        )
        raise ValueError(msg)
    return names, columns


def _table(covariates: Any) -> NDArray[np.float64]:
    """Return a table of numbers and truth values as floats, or refuse columns of something else."""
    import pandas as pd

    table = pd.DataFrame(covariates)
    odd = [str(name) for name, kind in table.dtypes.items() if kind.kind not in "biuf"]
    if odd:
        msg = (
            f"Invalid covariates: column {', '.join(odd)} holds no numbers. "
            "Make 0 and 1 of categories, e.g. with pandas.get_dummies, or leave the column out."
        )
        raise TypeError(msg)
    return table.to_numpy(dtype=np.float64)


def _basis(columns: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    """Return an orthonormal basis (n, p + 1) of intercept and covariates, or refuse columns that add nothing."""
    n, p = columns.shape
    if n < p + 2:
        msg = f"covariates has {p} columns but {n} rows, which leaves nothing over. Use at least {p + 2} rows."
        raise ValueError(msg)
    largest = np.abs(columns).max(axis=0)
    scaled = columns / np.where(largest > 0, largest, 1.0)
    # Less the first row before the mean, so that a constant column is exactly 0.
    scaled -= scaled[0]
    centred = scaled - scaled.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    constant = length == 0
    if constant.any():
        msg = (
            f"covariates is constant in column {_listed(names, constant)}, which the intercept has already. "
            "Leave the column out."
        )
        raise ValueError(msg)
    own, triangle = np.linalg.qr(centred / length)
    dependent = np.abs(np.diag(triangle)) <= _DEPENDENT
    if dependent.any():
        msg = (
            f"covariates has column {_listed(names, dependent)}, a linear combination of the columns before it. "
            "Leave the column out."
        )
        raise ValueError(msg)
    return np.column_stack([np.full(n, 1 / np.sqrt(n)), own])


def _listed(names: list[str], chosen: NDArray[np.bool_]) -> str:
    """Return the names of some columns as text."""
    return ", ".join(name for name, one in zip(names, chosen, strict=True) if one)
