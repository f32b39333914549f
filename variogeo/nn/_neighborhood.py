"""Neighbourhood consistency: the embeddings of near samples stay near each other."""

from typing import Literal

import torch
from torch import Tensor, nn

from variogeo._checks import check_choice, check_number, check_whole
from variogeo.nn._cards import module_html
from variogeo.nn._coordinates import Coordinates, Order, Units, check_tensor, on_host, pairwise_lag
from variogeo.nn._kernel_rows import Kernel, check_cutoff, kernel_of, kernel_rows

Form = Literal["laplacian", "kl"]

_DIAGONAL = 1e-6
"""Weight that a sample may have of itself: the rounding of a row's sum."""


class NeighborWeights(nn.Module):
    r"""Weights of each sample's nearest neighbours in a batch, for `neighborhood_consistency`.

    .. math:: a_{ij} = \frac{K(h_{ij})}{\sum_{k \in N(i)} K(h_{ik})} \text{ for } j \in N(i), \quad 0 \text{ otherwise}

    where ``N(i)`` are the nearest other samples of the batch.

    Parameters
    ----------
    kernel : DistanceKernel, VariogramModel or callable
        As for `SoftTargets`.
    neighbors : int
        Number of nearest samples, without the sample itself.
    order, units : str
        As for `SoftTargets`.
    cutoff : float, optional, km
        Samples beyond it are no neighbours.

    Raises
    ------
    TypeError
        Without order or units, and for a kernel that is none.
    ValueError
        For numbers out of bounds.

    Notes
    -----
    A sample whose neighbours all have a kernel of 0 (beyond the cut-off, or so far that it underflows) has a row of
    zeros: it adds nothing to the loss.

    The rows are divided by their sum, so the nearest sample counts in full even where it is far: in a random batch of
    photos of the whole Earth it often is in another country. Give ``cutoff``, or batches drawn from few places.
    Samples as far as the last neighbour are all kept, as in `SoftTargets`.

    Examples
    --------
    >>> import torch
    >>> from variogeo import ExponentialKernel
    >>> from variogeo.nn import NeighborWeights
    >>> weights = NeighborWeights(ExponentialKernel(35.0), neighbors=1, cutoff=100.0, order="lonlat", units="deg")
    >>> weights(torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]]))
    tensor([[0., 1., 0.],
            [1., 0., 0.],
            [0., 0., 0.]])
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        neighbors: int,
        order: Order | None = None,
        units: Units | None = None,
        cutoff: float | None = None,
    ) -> None:
        super().__init__()
        self._given = kernel
        self.kernel = kernel_of(kernel)
        self.neighbors = check_whole(neighbors, name="neighbors", at_least=1)
        self.cutoff = check_cutoff(cutoff)
        self.coordinates = Coordinates(order, units)

    def extra_repr(self) -> str:
        """Return the constructor's arguments. The module has no state."""
        order, units = self.coordinates.order, self.coordinates.units
        return f"{self._given!r}, neighbors={self.neighbors}, order={order!r}, units={units!r}, cutoff={self.cutoff}"

    def _repr_html_(self) -> str:
        order, units = self.coordinates.order, self.coordinates.units
        settings = {"neighbors": self.neighbors, "order": order, "units": units, "cutoff (km)": self.cutoff}
        return module_html(self, settings, self.kernel)

    @torch.no_grad()
    def forward(self, coords: Tensor) -> Tensor:
        """Return the weights of a batch.

        Parameters
        ----------
        coords : (B, 2) tensor
            Places in the module's order and units.

        Returns
        -------
        (B, B) float32 tensor
            Rows sum to 1, or are 0 where there is no neighbour; 0 on the diagonal. Without gradient.

        Raises
        ------
        ValueError
            For a batch that has fewer other samples than ``neighbors``.
        TypeError
            For an array in the place of a tensor.
        """
        check_tensor(coords, name="coords")
        with torch.autocast(device_type=coords.device.type, enabled=False):
            places = self.coordinates.places(coords, "coords")
            if places.number <= self.neighbors:
                msg = (
                    f"coords has {places.number} rows: no sample has {self.neighbors} others. Use neighbors <= "
                    f"{places.number - 1} or larger batches (drop_last=True for the last one)."
                )
                raise ValueError(msg)
            itself = torch.eye(places.number, dtype=torch.bool, device=coords.device)
            # At an infinite lag a sample is not among its own neighbours, not even where all others are at its place.
            lag = pairwise_lag(places, places).masked_fill(itself, torch.inf)
            value = kernel_rows(self.kernel, lag, cutoff=self.cutoff, nearest=self.neighbors).masked_fill(itself, 0.0)
            total = value.sum(dim=1, keepdim=True)
            return torch.where(total > 0, value / torch.where(total > 0, total, 1.0), 0.0).to(torch.float32)


def neighborhood_consistency(
    embeddings: Tensor, weights: Tensor, *, form: Form = "laplacian", temperature: float | None = None
) -> Tensor:
    r"""Return how far the embeddings of neighbours are apart: a regulariser to add to the loss.

    .. math:: \text{laplacian:}\; \frac1B \sum_{ij} a_{ij} \|v_i - v_j\|^2 \qquad
       \text{kl:}\; \frac1B \sum_i \text{KL}\big(a_i \,\|\, \text{softmax}_{j \ne i}(v_i \cdot v_j / \tau)\big)

    Parameters
    ----------
    embeddings : (B, d) tensor
        ``v``, as the loss uses them: normally of unit length. They are not normalised here.
    weights : (B, B) tensor
        ``a``, as `NeighborWeights` makes them of the batch's places.
    form : {"laplacian", "kl"}
        The first pulls neighbours together. The second asks for more: that similarities fall with the lag as the
        kernel does, so it also pushes apart what is far.
    temperature : float, optional
        ``tau`` of the similarities: for the form "kl" only, which needs it (e.g. 0.07).

    Returns
    -------
    () tensor
        Not negative but for rounding; float32, or float64 for float64 embeddings.

    Raises
    ------
    TypeError
        For a temperature that is missing, or given without use, and arrays in the place of tensors.
    ValueError
        For shapes that do not fit, and, on the CPU in eager mode, for weights of samples to themselves.

    Notes
    -----
    The Laplacian form alone is smallest when all embeddings are equal: keep its factor small beside the contrastive
    loss. It harms where neighbours look different for good reason, e.g. indoors beside outdoors.

    References
    ----------
    .. [1] Spatially-Weighted CLIP, arXiv 2604.04357, names such a term. Its formula was not used; these are the
       two usual ones.
    .. [2] Belkin, Niyogi. "Laplacian Eigenmaps for Dimensionality Reduction", Neural Computation 15(6), 2003.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import neighborhood_consistency
    >>> embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> weights = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])
    >>> neighborhood_consistency(embeddings, weights)  # (2 + (2 + 2) / 2 + 0) / 3
    tensor(1.3333)
    """
    check_choice(form, Form, name="form")
    _check_matrices(embeddings, weights)
    if form == "laplacian":
        if temperature is not None:
            msg = f"Invalid temperature '{temperature}' with form 'laplacian'. Leave it out: only form 'kl' has one."
            raise TypeError(msg)
        return _laplacian(embeddings, weights)
    if temperature is None:
        msg = "temperature is not given. The form 'kl' needs that of its similarities, e.g. temperature=0.07."
        raise TypeError(msg)
    return _divergence(embeddings, weights, check_number(temperature, name="temperature", above=0.0))


def _laplacian(embeddings: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over i of ``sum_j a_ij |v_i - v_j|^2`` from products, without a (B, B, d) tensor."""
    with torch.autocast(device_type=embeddings.device.type, enabled=False):
        v = embeddings.to(_wide(embeddings))
        a = weights.to(v.dtype)
        # Differences do not know the origin: near the mean, nearly equal embeddings keep their digits.
        v = v - v.detach().mean(dim=0)
        degree = a.sum(dim=1) + a.sum(dim=0)
        return (degree @ (v * v).sum(dim=1) - 2 * (v * (a @ v)).sum()) / len(v)


def _divergence(embeddings: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """Return the mean over i of the divergence of a row from the softmax of its similarities."""
    with torch.autocast(device_type=embeddings.device.type, enabled=False):
        v = embeddings.to(_wide(embeddings))
        a = weights.to(v.dtype)
        itself = torch.eye(len(v), dtype=torch.bool, device=v.device)
        logits = (v @ v.T / temperature).masked_fill(itself, -torch.inf)
        log_share = torch.log_softmax(logits, dim=1).masked_fill(itself, 0.0)
        return (torch.xlogy(a, a) - a * log_share).sum() / len(v)


def _wide(embeddings: Tensor) -> torch.dtype:
    """Return float32 at least."""
    return torch.promote_types(embeddings.dtype, torch.float32)


def _check_matrices(embeddings: Tensor, weights: Tensor) -> None:
    """Refuse embeddings and weights that do not belong together."""
    check_tensor(embeddings, name="embeddings")
    check_tensor(weights, name="weights", instead="what NeighborWeights makes of the places of the batch")
    if embeddings.ndim != 2 or not embeddings.is_floating_point():
        msg = f"Invalid embeddings of shape {tuple(embeddings.shape)} and {embeddings.dtype}. Must be (B, d) floats."
        raise ValueError(msg)
    rows = embeddings.shape[0]
    if weights.shape != (rows, rows):
        msg = (
            f"Invalid weights of shape {tuple(weights.shape)} for {rows} embeddings. Must be ({rows}, {rows}), as "
            "NeighborWeights makes them of the places of the same batch."
        )
        raise ValueError(msg)
    if on_host(weights) and (weights.detach().diagonal() > _DIAGONAL).any():
        msg = "Invalid weights: a sample is its own neighbour. Must be 0 on the diagonal, as of NeighborWeights."
        raise ValueError(msg)
