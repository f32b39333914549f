"""The debiased contrastive loss with hard negatives."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from variogeo._checks import check_number
from variogeo.nn.losses._row_terms import (
    Logits,
    RowTerms,
    check_log_weights,
    check_logits,
    check_row_terms,
    check_target,
    row_terms,
)
from variogeo.nn.losses._weighted import as_matrix


def debiased_cross_entropy(
    logits: Logits,
    target: Tensor,
    *,
    concentration: float = 0.0,
    class_prior: float = 0.0,
    temperature: float | Tensor,
    log_weights: RowTerms | None = None,
) -> Tensor:
    r"""Return the contrastive loss with negatives weighted by similarity and corrected for false ones.

    .. math:: L &= -\frac1B \sum_i \log \frac{e^{l_{ip}}}{e^{l_{ip}} + G_i}, \qquad
       G_i = \max\Big(\frac{R_i - \tau^+ N_i e^{l_{ip}}}{1 - \tau^+},\; N_i e^{-1/\tau}\Big)

       R_i &= N_i \frac{\sum_j w_{ij} e^{\beta l_{ij}} e^{l_{ij}}}{\sum_j w_{ij} e^{\beta l_{ij}}}, \qquad
       N_i = \sum_j w_{ij}, \qquad j \ne p

    Parameters
    ----------
    logits : (B, M) tensor or PairLogits
        Similarities over the temperature.
    target : (B,) int64 tensor
        Column of each row's positive.
    concentration : float
        ``beta >= 0``: how much more a negative counts the more similar it is.
    class_prior : float
        ``tau+`` in [0, 1): the share of negatives that are of the positive's own class, and that the loss takes
        for negatives wrongly. For a geolocalisation: about the share of the batch within the wanted distance.
    temperature : float or one-element tensor
        ``tau``, by which the similarities were divided. Only the bound of ``G`` needs it: the logits do not tell.
    log_weights : (B, M) tensor or callable, optional
        ``log w`` as `NegativeWeights` makes it: a negative of weight 2 counts as two, one of weight 0 as none. The
        entry at the target counts for nothing. By default 0.

    Returns
    -------
    () tensor
        The mean over the rows; float32, or float64 for float64 logits.

    Raises
    ------
    ValueError
        For shapes that do not fit and numbers outside of their bounds. On the CPU also for NaN log-weights, a
        target that is no column, and rows all of whose negatives are masked (elsewhere these have loss 0).

    Notes
    -----
    The difference in ``G`` can be negative: the estimate is noisy, and the positive may be very similar. The
    bound is the least value that it can have for cosines, since none is below -1. It holds for **normalised**
    features only, and with another temperature than that of the logits it takes hold too early or never. Without
    ``class_prior`` there is no difference, and no bound.

    With ``concentration=0`` this is the debiased loss of [2]_; with ``class_prior=0`` too it is
    `weighted_cross_entropy`. Similar negatives are more often false ones: on photos of the same city, a large
    ``concentration`` alone pushes neighbours apart. Sums are taken as logarithms, so no logit overflows.

    References
    ----------
    .. [1] Robinson et al. 2021, Contrastive learning with hard negative samples, arXiv 2010.04592.
    .. [2] Chuang et al. 2020, Debiased contrastive learning, arXiv 2007.00224.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import debiased_cross_entropy
    >>> logits, target = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([0])
    >>> debiased_cross_entropy(logits, target, temperature=1.0)  # log(e + 1 + 1/e) - 1
    tensor(0.4076)
    >>> debiased_cross_entropy(logits, target, concentration=1.0, class_prior=0.1, temperature=1.0)
    tensor(0.3759)
    """
    check_logits(logits)
    check_target(target, logits)
    beta = check_number(concentration, name="concentration", at_least=0.0)
    prior = check_number(class_prior, name="class_prior", at_least=0.0)
    if prior >= 1:
        msg = f"Invalid class_prior '{prior}'. Must be below 1: some negatives have to be true ones."
        raise ValueError(msg)
    floor = -1.0 / _checked_temperature(temperature)
    full = as_matrix(logits)
    log_weight, log_count, empty = _negatives(full, target[:, None], log_weights)
    positive = full.gather(1, target[:, None]).squeeze(1)
    log_sum = log_count + _log_mean(full, log_weight, beta)
    if prior > 0:
        log_sum = _log_corrected(log_sum, math.log(prior) + log_count + positive, log_count + floor, prior)
    return -functional.logsigmoid(positive - log_sum.masked_fill(empty, -torch.inf)).mean()


def _negatives(full: Tensor, columns: Tensor, log_weights: RowTerms | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return log-weights without the positives, the logarithm of their number, and which rows have none."""
    weights = torch.zeros_like(full)
    if log_weights is not None:
        rows = slice(0, len(full))
        check_row_terms(log_weights, full, name="log_weights", chunk=None)
        weights = row_terms(log_weights, rows, full, name="log_weights")
        check_log_weights(weights, columns, rows)
    weights = weights.to(full.dtype).scatter(1, columns, -torch.inf)
    empty = (weights == -torch.inf).all(dim=1)
    # Any finite number does for rows without negatives: their sum is replaced, and NaN would reach the gradient.
    weights = weights.masked_fill(empty[:, None], 0.0)
    return weights, weights.logsumexp(dim=1), empty


def _log_mean(full: Tensor, log_weight: Tensor, beta: float) -> Tensor:
    """Return the logarithm of the mean of ``e^l``, weighted by ``w e^(beta l)``."""
    return (log_weight + (1 + beta) * full).logsumexp(dim=1) - (log_weight + beta * full).logsumexp(dim=1)


def _log_corrected(log_sum: Tensor, log_false: Tensor, log_floor: Tensor, prior: float) -> Tensor:
    """Return ``log max((e^log_sum - e^log_false) / (1 - prior), e^log_floor)``, with gradients that are finite."""
    gap = log_false - log_sum
    kept = math.log1p(-prior)
    with torch.no_grad():
        # NaN, where the difference is negative, is not above.
        above = log_sum + torch.log(-torch.expm1(gap)) - kept > log_floor
    # Rows at the floor get a gap of their own: the gradient of theirs may be infinite, and 0 times that is NaN.
    return torch.where(above, log_sum + torch.log(-torch.expm1(torch.where(above, gap, -1.0))) - kept, log_floor)


def _checked_temperature(temperature: float | Tensor) -> float | Tensor:
    """Return the temperature as a number above 0, or as a tensor without dimensions."""
    if not isinstance(temperature, Tensor):
        return check_number(temperature, name="temperature", above=0.0)
    if temperature.numel() != 1:
        msg = f"Invalid temperature of shape {tuple(temperature.shape)}. Must hold one number."
        raise ValueError(msg)
    return temperature.reshape(())
