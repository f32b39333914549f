"""The effective dimension of embeddings: in how many directions they vary."""

from typing import Any

import numpy as np

from variogeo._checks import Dissimilarity, check_choice, check_values
from variogeo._engine import Terms


def effective_dimension(values: Any, *, dissimilarity: Dissimilarity = "cosine") -> float:
    r"""Return the number of independent directions in which embeddings vary.

    .. math:: D = \frac{(\operatorname{tr} S)^2}{\operatorname{tr}(S^2)}

    with the covariance S of the rows, which are normalised first for the cosine dissimilarity. It is what the
    constants of Cressie and Hawkins and of Dowd depend on.

    Parameters
    ----------
    values : (n, d) float array or (n,) array
        As for `empirical_variogram`; scalars with ``dissimilarity="half_squared"``. Memory maps and row sources are
        read in blocks.
    dissimilarity : {"cosine", "half_squared"}

    Returns
    -------
    float
        Between 1 and the smaller of d and n - 1: d where all directions vary alike, 1 for scalars.

    Raises
    ------
    ValueError
        For values without variation, fewer than two rows, and whatever `empirical_variogram` refuses.

    Notes
    -----
    Half the squared distance of two Gaussian vectors is a sum of chi-squared variables, one for each eigenvalue of
    the covariance of their difference. D is the number of equal ones with the same mean and variance [1]_. Memory is
    of the order of the smaller of n and d, squared, and one block. Of n independent Gaussian rows the estimate is
    about ``1 / (1 / D + 1 / n)``.

    References
    ----------
    .. [1] Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. Biometrics
       Bulletin 2, 110-114.

    Examples
    --------
    Three directions, one of which varies less:

    >>> import numpy as np
    >>> from variogeo import effective_dimension
    >>> values = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0], [0, 0, 0.5], [0, 0, -0.5]])
    >>> round(effective_dimension(values, dissimilarity="half_squared"), 3)
    2.455
    """
    check_choice(dissimilarity, Dissimilarity, name="dissimilarity")
    checked = check_values(values, dissimilarity=dissimilarity)
    if len(checked) < 2:
        msg = f"values has {len(checked)} rows: no variation to measure. Use at least two."
        raise ValueError(msg)
    terms = Terms.of(checked, dissimilarity)
    if terms.largest == 0:
        msg = "values has no variation: all rows are equal. Check the values, or choose other rows."
        raise ValueError(msg)
    n, d = len(terms), terms.width
    mean = sum(rows.sum(axis=0) for _, rows in terms.centred_blocks()) / n
    if n < d:
        # The products of rows have the same trace and the same sum of squares as those of columns.
        centred = (terms.rows(slice(None)) - terms.centre - mean) / terms.scale
        products = centred @ centred.T
    else:
        products = np.zeros((d, d))
        for _, rows in terms.centred_blocks():
            centred = (rows - mean) / terms.scale
            products += centred.T @ centred
    share = products / np.trace(products)
    return 1.0 / float(np.square(share).sum())
