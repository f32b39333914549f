"""Regional fairness: a loss that does not give up on regions with few photos."""

from typing import Literal

import torch
from torch import Tensor

from variogeo._checks import check_choice, check_whole, listed_rows
from variogeo.nn._coordinates import check_tensor, on_host

FairnessForm = Literal["variance", "maximum"]


def regional_fairness(
    losses: Tensor, region: Tensor, *, form: FairnessForm = "variance", regions: int | None = None
) -> Tensor:
    r"""Return how unequal the mean loss of regions is: a regulariser to add to the loss.

    .. math:: \text{variance:}\; \frac1R \sum_r (L_r - \bar L)^2 \qquad \text{maximum:}\; \max_r L_r

    with the mean loss ``L_r`` over the samples of region ``r`` and the mean ``L`` over the R regions of the batch.

    Parameters
    ----------
    losses : (B,) tensor
        Loss of each sample, e.g. ``soft_cross_entropy(..., reduction="none")``.
    region : (B,) integer tensor
        Label of each sample's region: any whole numbers, or 0..regions-1 where ``regions`` is given.
    form : {"variance", "maximum"}
        The spread between regions, or the worst of them.
    regions : int, optional
        Number of regions there are. With it nothing is read back from a device, and the function compiles to one graph.

    Returns
    -------
    () tensor
        float32, or float64 for float64 losses. 0 for the variance of a single region.

    Raises
    ------
    ValueError
        For shapes that do not fit, an empty batch, and, on the CPU in eager mode, losses that are not finite and
        labels out of 0..regions-1.
    TypeError
        For arrays and lists, with the line that makes a tensor of them, also of labels of text.

    Notes
    -----
    Regions without a sample in the batch do not count. The variance is over the regions that there are, divided by
    their number. It holds the noise of means of few samples as well: with one or two samples to a region it mostly
    punishes hard photos, not hard regions. Use few regions or large batches. Over several ranks gather losses (with
    gradient) and regions first: means of a rank are not means of the batch.

    Labels from `variogeo.regions` are text: ``torch.as_tensor(numpy.unique(labels, return_inverse=True)[1])``.

    References
    ----------
    .. [1] Spatially-Weighted CLIP, arXiv 2604.04357: a summary names such a term; this formula is our own.
    .. [2] Krueger et al. "Out-of-Distribution Generalization via Risk Extrapolation", arXiv 2003.00688: the variance.
    .. [3] Sagawa et al. "Distributionally Robust Neural Networks for Group Shifts", arXiv 1911.08731: the maximum.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import regional_fairness
    >>> losses, region = torch.tensor([1.0, 3.0, 6.0]), torch.tensor([7, 7, 2])
    >>> regional_fairness(losses, region)  # means 2 and 6
    tensor(4.)
    >>> regional_fairness(losses, region, form="maximum")
    tensor(6.)
    """
    check_choice(form, FairnessForm, name="form")
    _check_losses(losses, region)
    number, count = _numbered(region, regions)
    losses = losses.to(torch.promote_types(losses.dtype, torch.float32))
    size = _sizes(number, count, losses.dtype)
    total = torch.zeros(count, dtype=losses.dtype, device=losses.device).scatter_add(0, number, losses)
    present = size > 0
    mean = total / size.clamp(min=1.0)
    if form == "maximum":
        return mean.masked_fill(~present, -torch.inf).amax()
    share = present.to(losses.dtype) / present.sum()
    centre = (share * mean).sum()
    return (share * (mean - centre) ** 2).sum()


def inverse_frequency_weights(region: Tensor, *, regions: int | None = None) -> Tensor:
    r"""Return weights of samples that make every region of a batch count the same.

    .. math:: w_i = \frac{B}{R\, n_{r(i)}}

    with ``n`` samples of the region in the batch and R regions in it. ``(w * losses).mean()`` is the mean over regions
    of their mean losses; the mean weight is 1.

    Parameters
    ----------
    region : (B,) integer tensor
        As for `regional_fairness`.
    regions : int, optional
        As for `regional_fairness`.

    Returns
    -------
    (B,) float32 tensor
        Without gradient.

    Raises
    ------
    ValueError, TypeError
        As `regional_fairness`.

    Notes
    -----
    A lone sample of a region weighs as much as a whole crowded region: gradients become noisier. Frequencies are those
    of the batch. Those of all photos are ``inverse_frequency_weights(all_regions)[rows_of_the_batch]``.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import inverse_frequency_weights
    >>> inverse_frequency_weights(torch.tensor([7, 7, 7, 2]))
    tensor([0.6667, 0.6667, 0.6667, 2.0000])
    """
    _check_region(region)
    number, count = _numbered(region, regions)
    size = _sizes(number, count, torch.float32)
    return len(region) / ((size > 0).sum() * size[number])


def _numbered(region: Tensor, regions: int | None) -> tuple[Tensor, int]:
    """Return region numbers from 0 on and how many there may be."""
    if regions is None:
        labels, number = torch.unique(region, return_inverse=True)
        return number, len(labels)
    count = check_whole(regions, name="regions", at_least=1)
    if on_host(region):
        outside = torch.nonzero((region < 0) | (region >= count)).flatten().tolist()
        if outside:
            msg = (
                f"region has labels out of 0..{count - 1} in {len(outside)} rows: {listed_rows(outside)}. "
                "Leave regions out for labels of any kind, or number them from 0."
            )
            raise ValueError(msg)
    return region.long(), count


def _sizes(number: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """Return how many samples each region has."""
    ones = torch.ones(len(number), dtype=dtype, device=number.device)
    return torch.zeros(count, dtype=dtype, device=number.device).scatter_add(0, number, ones)


def _check_losses(losses: Tensor, region: Tensor) -> None:
    """Refuse losses that are no numbers, one for each sample."""
    _check_region(region)
    check_tensor(losses, name="losses")
    if losses.shape != region.shape or not losses.is_floating_point():
        msg = (
            f"Invalid losses of shape {tuple(losses.shape)} and {losses.dtype}. Must be {tuple(region.shape)} floats, "
            'one for each sample: reduction="none".'
        )
        raise ValueError(msg)
    if on_host(losses) and not losses.detach().isfinite().all():
        rows = torch.nonzero(~losses.detach().isfinite()).flatten().tolist()
        msg = (
            f"losses is NaN or infinite in {len(rows)} rows: {listed_rows(rows)}. Look at the embeddings of these "
            "samples."
        )
        raise ValueError(msg)


def _check_region(region: Tensor) -> None:
    """Refuse labels that are no whole numbers, one for each sample."""
    numbers = "torch.as_tensor(numpy.unique(region, return_inverse=True)[1])"
    check_tensor(region, name="region", instead=f"torch.as_tensor(region), for labels of text {numbers}")
    if region.ndim != 1 or region.dtype.is_floating_point or region.dtype == torch.bool or len(region) == 0:
        msg = (
            f"Invalid region of shape {tuple(region.shape)} and {region.dtype}. Must be (B,) whole numbers, B > 0: "
            "the label of each sample's region."
        )
        raise ValueError(msg)
