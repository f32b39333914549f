"""SoftTargets: labels that decay with distance, for the losses of SW-CLIP."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from variogeo._checks import check_number
from variogeo._model import VariogramModel
from variogeo.nn._coordinates import Coordinates, Order, Units, positive_columns


class SoftTargets(nn.Module):
    r"""Soft labels of a batch from the distances between its samples.

    .. math:: q_{ij} = (1 - \lambda)\, 1[j = p_i] + \lambda \frac{K(h_{ij})}{\sum_k K(h_{ik})}

    Parameters
    ----------
    kernel : VariogramModel or callable
        A model stands for its correlogram: 1 at lag 0, decaying with the fitted range. A callable
        takes the (B, M) lags in km and returns values of at least 0, above 0 at lag 0.
    mixing : float
        ``lambda`` in 0..1: 1 for the kernel alone, 0 for one-hot labels.
    order, units : str
        See `NegativeWeights`.

    References
    ----------
    .. [1] Spatially-Weighted CLIP, arXiv 2604.04357: one-hot targets replaced by distance-decayed
       labels. Its formula is not available; this is the family that covers it.

    Examples
    --------
    >>> import torch
    >>> from variogeo import Exponential
    >>> from variogeo.nn import SoftTargets
    >>> targets = SoftTargets(Exponential(nugget=0.0, partial_sill=1.0, effective_range=100.0))
    >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
    >>> targets(lonlat, lonlat).round(decimals=2)
    tensor([[0.5500, 0.4500, 0.0000],
            [0.4500, 0.5500, 0.0000],
            [0.0000, 0.0000, 1.0000]])
    """

    def __init__(
        self,
        kernel: VariogramModel | Callable[[Tensor], Tensor],
        *,
        mixing: float = 1.0,
        order: Order = "lonlat",
        units: Units = "deg",
    ) -> None:
        super().__init__()
        self.mixing = check_number(mixing, name="mixing", at_least=0.0)
        if self.mixing > 1:
            msg = f"Invalid mixing '{mixing}'. Must be at most 1."
            raise ValueError(msg)
        if not callable(kernel) or isinstance(kernel, type):
            msg = f"Invalid kernel {kernel!r}. Must be a variogram model (not its class) or a function of the lag."
            raise TypeError(msg)
        self._given = kernel
        self.kernel = kernel.correlogram if isinstance(kernel, VariogramModel) else kernel
        self.coordinates = Coordinates(order, units)

    def extra_repr(self) -> str:
        """Return the constructor's arguments. The module has no state: checkpoints do not hold it."""
        order, units = self.coordinates.order, self.coordinates.units
        return f"{self._given!r}, mixing={self.mixing}, order={order!r}, units={units!r}"

    @torch.no_grad()
    def forward(self, coords_a: Tensor, coords_b: Tensor, *, positives: Tensor | None = None) -> Tensor:
        """Return the (B, M) float32 labels; each row sums to 1.

        Parameters
        ----------
        coords_a : (B, 2) tensor
            Places of the rows, in the module's order and units.
        coords_b : (M, 2) tensor
            Places of the columns. For the other direction swap the two.
        positives : (B,) int64 tensor, optional
            Column of each row's positive; the diagonal by default. Its lag counts as 0.
        """
        columns = positive_columns(positives, coords_a, coords_b)[:, None]
        with torch.autocast(device_type=coords_a.device.type, enabled=False):
            lag = self.coordinates.pairwise_lag(coords_a, coords_b).scatter(1, columns, 0.0)
            kernel = self.kernel(lag)
            soft = kernel / kernel.sum(dim=1, keepdim=True)
            hard = torch.zeros_like(soft).scatter(1, columns, 1.0)
            return ((1.0 - self.mixing) * hard + self.mixing * soft).to(torch.float32)
