"""SoftTargets: labels that decay with distance, for the losses of SW-CLIP."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from variogeo._checks import check_number, check_whole
from variogeo.nn._cards import module_html
from variogeo.nn._coordinates import Coordinates, Order, Places, Units, check_tensor, pairwise_lag, positive_columns
from variogeo.nn._kernel_rows import Kernel, check_cutoff, kernel_of, kernel_rows


class SoftTargets(nn.Module):
    r"""Soft labels of a batch from the distances between its samples.

    .. math:: q_{ij} = (1 - \lambda)\, 1[j = p_i] + \lambda \frac{K(h_{ij})}{\sum_k K(h_{ik})}

    with the column ``p_i`` of the positive of row ``i``, whose lag counts as 0.

    Parameters
    ----------
    kernel : DistanceKernel, VariogramModel or callable
        E.g. ``ExponentialKernel(75.0)``. A model stands for its correlogram, `CorrelogramKernel`. A function takes
        the (B, M) lags in km and returns values of at least 0, above 0 at lag 0; it is tried once on a few lags.
    order : {"lonlat", "latlon"}
        Order of the two coordinate columns. Never guessed.
    units : {"deg", "rad", "e7", "xyz"}
        Degrees, radians, int32 of 1e-7 degrees, or unit vectors as `unpack` returns them (then without ``order``).
    mixing : float
        ``lambda`` in 0..1: 1 for the kernel alone, 0 for one-hot labels.
    cutoff : float, optional, km
        Samples beyond it get no label.
    top_k : int, optional
        Only the ``top_k`` nearest samples of a row get a label, the positive first among them.

    Raises
    ------
    TypeError
        Without order or units, and for a kernel that is none.
    ValueError
        For numbers out of bounds, and for a function that is negative or not finite at a lag, or 0 at lag 0.

    Notes
    -----
    ``cutoff`` and ``top_k`` come before the division by the sum, so rows sum to 1 whatever is left out; the positive
    never is. Samples as far as the ``top_k``-th are all kept: then more than ``top_k`` have a label, and the order of
    the columns never matters. In a batch with fewer columns all are kept.

    Samples at one place (within 1 mm) have lag 0: each counts as much as the positive.

    Labels come from geography and are fixed: unlike labels from the model's own similarities they cannot collapse.
    They harm fine accuracy where the kernel is wide beside what the model can tell apart; print `self_mass`.

    The module has no parameters and no state. It reads nothing back from a device, and compiles to one graph.
    Coordinates that are NaN or out of range are a ValueError in eager mode on the CPU, elsewhere a failed assertion.

    References
    ----------
    .. [1] Spatially-Weighted CLIP, arXiv 2604.04357: one-hot targets replaced by distance-decayed
       labels. Its formula was not used; this is the family that covers it.

    Examples
    --------
    >>> import torch
    >>> from variogeo import ExponentialKernel
    >>> from variogeo.nn import SoftTargets
    >>> targets = SoftTargets(ExponentialKernel(35.0), order="lonlat", units="deg")
    >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
    >>> image_to_text, text_to_image = targets.both(lonlat)
    >>> image_to_text.round(decimals=2)
    tensor([[0.5500, 0.4500, 0.0000],
            [0.4500, 0.5500, 0.0000],
            [0.0000, 0.0000, 1.0000]])
    >>> targets.self_mass(image_to_text)
    tensor(0.7006)
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        order: Order | None = None,
        units: Units | None = None,
        mixing: float = 1.0,
        cutoff: float | None = None,
        top_k: int | None = None,
    ) -> None:
        super().__init__()
        self.mixing = check_number(mixing, name="mixing", at_least=0.0)
        if self.mixing > 1:
            msg = f"Invalid mixing '{mixing}'. Must be at most 1."
            raise ValueError(msg)
        self._given = kernel
        self.kernel = kernel_of(kernel)
        self.cutoff = check_cutoff(cutoff)
        self.top_k = None if top_k is None else check_whole(top_k, name="top_k", at_least=1)
        self.coordinates = Coordinates(order, units)

    def extra_repr(self) -> str:
        """Return the constructor's arguments. The module has no state: checkpoints do not hold it."""
        order, units = self.coordinates.order, self.coordinates.units
        return (
            f"{self._given!r}, order={order!r}, units={units!r}, mixing={self.mixing}, cutoff={self.cutoff}, "
            f"top_k={self.top_k}"
        )

    def _repr_html_(self) -> str:
        settings = {
            "order": self.coordinates.order,
            "units": self.coordinates.units,
            "mixing": self.mixing,
            "cutoff (km)": self.cutoff,
            "top_k": self.top_k,
        }
        return module_html(self, settings, self.kernel)

    def forward(self, coords_a: Tensor, coords_b: Tensor, *, positives: Tensor | None = None) -> Tensor:
        """Return the labels of one direction.

        Parameters
        ----------
        coords_a : (B, 2) tensor
            Places of the rows, in the module's order and units.
        coords_b : (M, 2) tensor
            Places of the columns: the same batch, then maybe a queue or the other ranks.
        positives : (B,) int64 tensor, optional
            Column of each row's positive; the diagonal by default.

        Returns
        -------
        (B, M) float32 tensor
            Rows sum to 1; without gradient.

        Notes
        -----
        Over several ranks the two directions are two calls with the gathered places as columns:
        ``targets(coords_a, all_b, positives=p)`` and ``targets(coords_b, all_a, positives=p)``, where ``p`` are the
        columns at which the rank's own rows stand.
        """
        return self.by_rows(coords_a, coords_b, positives=positives)(slice(None))

    def both(self, coords_a: Tensor, coords_b: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the labels of both directions: rows a over columns b, and rows b over columns a.

        Each has rows that sum to 1. The second is *not* the transpose of the first, whose columns sum to anything:
        the kernel is transposed and divided by its own row sums.

        Parameters
        ----------
        coords_a : (B, 2) tensor
            Places of one side, e.g. of the images.
        coords_b : (B, 2) tensor, optional
            Places of the other, in the same order of samples; those of ``coords_a`` by default.

        Returns
        -------
        (B, B), (B, B) float32 tensors
            For ``logits`` and for ``logits.T``.

        Raises
        ------
        ValueError
            For sides of different lengths, e.g. with a queue: a column without a row has no positive.

        Examples
        --------
        >>> import torch
        >>> from variogeo import ExponentialKernel
        >>> from variogeo.nn import SoftTargets, soft_cross_entropy
        >>> targets = SoftTargets(ExponentialKernel(35.0), order="latlon", units="deg")
        >>> logits, gps = torch.zeros(4, 4), torch.zeros(4, 2)
        >>> image_to_text, text_to_image = targets.both(gps)
        >>> (soft_cross_entropy(logits, image_to_text) + soft_cross_entropy(logits.T, text_to_image)) / 2
        tensor(1.3863)
        """
        coords_b = coords_a if coords_b is None else coords_b
        places_a, places_b = self._places(coords_a, coords_b)
        if places_a.number != places_b.number:
            msg = (
                f"coords_b has {places_b.number} rows but coords_a has {places_a.number}. With a queue there is no "
                "second direction: its entries have no rows of their own. Use targets(coords_a, coords_b), or both() "
                "on the batch alone; over several ranks call targets once per direction with positives=."
            )
            raise ValueError(msg)
        diagonal = positive_columns(None, coords_a, coords_b)
        with torch.no_grad(), torch.autocast(device_type=coords_a.device.type, enabled=False):
            lag = pairwise_lag(places_a, places_b)
            return self._of_lag(lag, diagonal), self._of_lag(lag.T, diagonal)

    def by_rows(
        self, coords_a: Tensor, coords_b: Tensor, *, positives: Tensor | None = None
    ) -> Callable[[slice], Tensor]:
        """Return a function of a slice of rows that returns their labels, for chunked losses.

        Parameters
        ----------
        coords_a, coords_b, positives
            As for calling the module. For the other direction swap the two sides.

        Returns
        -------
        callable
            ``slice -> (rows, M)`` float32 tensor. The (B, M) labels are never whole in memory.

        Examples
        --------
        >>> import torch
        >>> from variogeo import ExponentialKernel
        >>> from variogeo.nn import SoftTargets
        >>> targets = SoftTargets(ExponentialKernel(75.0), order="lonlat", units="deg")
        >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
        >>> targets.by_rows(lonlat, lonlat)(slice(2, 3))
        tensor([[0., 0., 1.]])
        """
        columns = positive_columns(positives, coords_a, coords_b)
        return partial(self._of_rows, *self._places(coords_a, coords_b), columns)

    @staticmethod
    def self_mass(targets: Tensor, *, positives: Tensor | None = None) -> Tensor:
        """Return the mean label at the positives: 1 for one-hot labels, near 0 where neighbours drown the positive.

        Parameters
        ----------
        targets : (B, M) tensor
            Labels as this module makes them.
        positives : (B,) int64 tensor, optional
            Column of each row's positive; the diagonal by default.

        Returns
        -------
        () tensor

        Examples
        --------
        >>> import torch
        >>> from variogeo.nn import SoftTargets
        >>> SoftTargets.self_mass(torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
        tensor(0.7500)
        """
        check_tensor(targets, name="targets")
        if positives is None:
            return targets.diagonal().mean()
        return targets.gather(1, positives[:, None]).mean()

    def _places(self, coords_a: Tensor, coords_b: Tensor) -> tuple[Places, Places]:
        """Return the checked places of both sides."""
        with torch.no_grad():
            return self.coordinates.places(coords_a, "coords_a"), self.coordinates.places(coords_b, "coords_b")

    def _of_rows(self, places_a: Places, places_b: Places, positives: Tensor, rows: slice) -> Tensor:
        """Return the labels of some rows."""
        with torch.no_grad(), torch.autocast(device_type=positives.device.type, enabled=False):
            return self._of_lag(pairwise_lag(places_a[rows], places_b), positives[rows])

    def _of_lag(self, lag: Tensor, positives: Tensor) -> Tensor:
        """Return the labels of rows of lags."""
        columns = positives[:, None]
        value = kernel_rows(self.kernel, lag.scatter(1, columns, 0.0), cutoff=self.cutoff, nearest=self.top_k)
        soft = value / value.sum(dim=1, keepdim=True)
        hard = torch.zeros_like(soft).scatter(1, columns, 1.0)
        return ((1.0 - self.mixing) * hard + self.mixing * soft).to(torch.float32)
