"""pytorch-metric-learning: a distance that weights the negatives of its losses."""

import torch
from torch import Tensor

from variogeo._checks import check_number
from variogeo._weighting import row_mean_one
from variogeo.nn import NegativeWeights, pack, unpack
from variogeo.nn._coordinates import check_tensor, on_host
from variogeo.nn._sides import check_negatives
from variogeo.trainers._arguments import checked_weights
from variogeo.trainers._riding_weights import RidingWeights

try:
    from pytorch_metric_learning.distances import BaseDistance
except ImportError:
    _msg = (
        "pytorch-metric-learning is not installed. Its extra: pip install 'variogeo[metric-learning]' "
        "(in a checkout '.[metric-learning]')."
    )
    raise ImportError(_msg) from None

_MASKED = -1e4
"""Log-weight of a masked negative. Finite, because losses multiply what they leave out by 0; its exp is 0."""

_LARGEST_LABEL = 2**24
"""Labels ride along as float32, which has whole numbers up to here."""


class GeoWeightedDistance(BaseDistance):
    r"""A distance or similarity with the log-weight of each negative added.

    .. math:: s_{ij} + T \log w_{ij} \quad \text{or} \quad d_{ij} - T \log w_{ij}

    for similarities and for distances, with :math:`\log w = 0` where both rows have one label. With the temperature
    ``T`` of the loss, :math:`e^{s/T}` becomes :math:`w\, e^{s/T}`: a weighted denominator.

    Parameters
    ----------
    distance : BaseDistance
        What the loss would use, e.g. ``CosineSimilarity()``.
    weights : NegativeWeights
        The scheme, and how the coordinates are written; with ``feature_width`` where the scheme reads features.
    temperature : float
        ``T``: that of `NTXentLoss` or `SupConLoss`; ``1 / softmax_scale`` of `NCALoss`.

    Raises
    ------
    TypeError
        For anything but a distance and `NegativeWeights`, and a scheme that reads features of unknown width.
    ValueError
        For a temperature that is not above zero; from the loss for embeddings that `ride_along` did not make, and on
        the CPU for a row that has negatives, all of which are masked.

    Notes
    -----
    Losses and their wrappers pass embeddings and nothing else on, so places, labels and frozen features ride along
    with them: see `ride_along`. They survive `CrossBatchMemory` (with ``embedding_size=d + distance.extra_columns``),
    `SelfSupervisedLoss` and `DistributedLossWrapper`. A miner gets the same embeddings, so give it this distance too.

    In margin losses (`TripletMarginLoss`, `ContrastiveLoss`) the term shifts the margin by ``T log w``: no weight,
    but the same order of negatives. Embedding regularisers would see the extra columns: use none. Losses that ask for
    an `LpDistance` (`AngularLoss`, `FastAPLoss`) refuse this one.

    A masked negative has a log-weight of -1e4 instead of -inf. In evaluation mode, ``loss.eval()``, negatives are not
    weighted: losses of different schemes compare.

    Examples
    --------
    >>> import torch
    >>> from pytorch_metric_learning.distances import CosineSimilarity
    >>> from pytorch_metric_learning.losses import NTXentLoss
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.metric_learning import GeoWeightedDistance
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> weights = NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg")
    >>> distance = GeoWeightedDistance(CosineSimilarity(), weights, temperature=0.1)
    >>> loss = NTXentLoss(temperature=0.1, distance=distance)
    >>> embeddings, labels = torch.eye(4), torch.tensor([0, 0, 1, 1])
    >>> near = torch.tensor([[8.0, 50.0], [8.0, 50.0], [8.1, 50.0], [8.1, 50.0]])
    >>> far = torch.tensor([[8.0, 50.0], [8.0, 50.0], [100.0, 0.0], [100.0, 0.0]])
    >>> ride = distance.ride_along
    >>> loss(ride(embeddings, near, labels), labels) < loss(ride(embeddings, far, labels), labels)
    tensor(True)
    """

    def __init__(self, distance: BaseDistance, weights: NegativeWeights, temperature: float) -> None:
        if not isinstance(distance, BaseDistance):
            msg = f"Invalid distance of type {type(distance).__name__}. Must be a distance, e.g. CosineSimilarity()."
            raise TypeError(msg)
        checked_weights(weights)
        if weights.scheme.needs_dissimilarity and weights.feature_width is None:
            msg = (
                f"{type(weights.scheme).__name__} reads frozen features, which ride along with the embeddings, so "
                "their number must be known. Pass NegativeWeights(..., feature_width=768), or what your features have."
            )
            raise TypeError(msg)
        # The inner distance normalises, because it alone sees the embeddings without what rides along.
        super().__init__(normalize_embeddings=False, is_inverted=distance.is_inverted)
        self.distance = distance
        self.weights = weights
        self.temperature = check_number(temperature, name="temperature", above=0.0)
        self._riding = RidingWeights()

    @property
    def extra_columns(self) -> int:
        """Columns that `ride_along` appends. Definition: features that the scheme reads + 1 label + 3 of the place."""
        return self._feature_columns + 4

    @property
    def _feature_columns(self) -> int:
        """Width of the frozen features that ride along."""
        return self.weights.feature_width or 0 if self.weights.scheme.needs_dissimilarity else 0

    def ride_along(
        self, embeddings: Tensor, coords: Tensor, labels: Tensor, *, features: Tensor | None = None
    ) -> Tensor:
        """Return embeddings with frozen features, labels and places appended, for the loss.

        Parameters
        ----------
        embeddings : (n, d) float tensor
            Trained embeddings; half precision becomes float32.
        coords : (n, 2) tensor
            Places of the rows, in the order and units of the weights.
        labels : (n,) int64 tensor
            The labels that the loss gets: rows of one label are positives. For `SelfSupervisedLoss` ``torch.arange(n)``
            on both sides.
        features : (n, feature_width) float tensor, optional
            Frozen features, for schemes that read the dissimilarity; other schemes leave them out.

        Returns
        -------
        (n, d + extra_columns) tensor
            float32, or float64 for float64 embeddings, with the gradient of the embeddings.

        Raises
        ------
        TypeError
            Without the features that the scheme reads, and for arrays in the place of tensors.
        ValueError
            For shapes that do not fit, and labels of 2^24 (16.8 million) and more.
        """
        check_tensor(embeddings, name="embeddings")
        check_tensor(labels, name="labels")
        if labels.shape != embeddings.shape[:1]:
            msg = (
                f"Invalid labels of shape {tuple(labels.shape)} for {len(embeddings)} embeddings. "
                f"Must be ({len(embeddings)},)."
            )
            raise ValueError(msg)
        if labels.device.type == "cpu" and bool((labels.abs() >= _LARGEST_LABEL).any()):
            msg = (
                f"labels has values up to {labels.abs().max()}. Must be below {_LARGEST_LABEL}, as they ride along in "
                "float32: number them anew, torch.unique(labels, return_inverse=True)[1] over the whole data."
            )
            raise ValueError(msg)
        parts = [embeddings, *self._checked_features(features, len(embeddings)), labels[:, None]]
        full = torch.promote_types(embeddings.dtype, torch.float32)
        packed = torch.cat([part.to(embeddings.device, full) for part in parts], dim=1)
        coordinates = self.weights.coordinates
        return pack(packed, coords, order=coordinates.order, units=coordinates.units)

    def compute_mat(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        """Return the (N, M) distances, in training mode with weights; called by the losses."""
        query, ref = self._split(query_emb), self._split(ref_emb)
        plain = self.distance(query[0], ref[0])
        if not self.training:
            return plain
        signed = self.temperature if self.is_inverted else -self.temperature
        return plain + signed * self._log_weights(query[1:], ref[1:])

    def pairwise_distance(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        """Refuse: a weight belongs to a matrix of negatives, not to rows side by side."""
        msg = "GeoWeightedDistance has no distance of rows side by side. Use the inner one: distance.distance."
        raise NotImplementedError(msg)

    def _checked_features(self, features: Tensor | None, rows: int) -> list[Tensor]:
        """Return the features that ride along, none for schemes of the lag alone."""
        width = self._feature_columns
        if not width:
            return []
        if features is None:
            msg = (
                f"{type(self.weights.scheme).__name__} needs features: the frozen ones in which its curve was fitted. "
                "Pass features=."
            )
            raise TypeError(msg)
        check_tensor(features, name="features")
        if features.shape != (rows, width):
            msg = (
                f"Invalid features of shape {tuple(features.shape)}. Must be ({rows}, {width}): feature_width columns."
            )
            raise ValueError(msg)
        return [features.detach()]

    def _split(self, rows: Tensor) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """Return embeddings, features, labels and unit vectors of rows that ride along."""
        width = rows.shape[1] - self.extra_columns
        places = rows[:, -3:].detach()
        # On a device the weights check the places without reading them back.
        carried = width > 0 and (
            rows.device.type != "cpu" or bool((torch.linalg.vector_norm(places, dim=1) - 1).abs().lt(1e-3).all())
        )
        if not carried:
            msg = (
                f"The embeddings of shape {tuple(rows.shape)} carry no places. Pass distance.ride_along(embeddings, "
                "coords, labels) to the loss and to the miner."
            )
            raise ValueError(msg)
        carrying, xyz = unpack(rows)
        features = carrying[:, width:-1].detach() if self._feature_columns else None
        return carrying[:, :width], features, carrying[:, -1].detach(), xyz

    def _log_weights(
        self, query: tuple[Tensor | None, Tensor, Tensor], ref: tuple[Tensor | None, Tensor, Tensor]
    ) -> Tensor:
        """Return the log-weights between two sides of (features, labels, unit vectors): 0 for pairs of one label."""
        log_weights = self._riding(self.weights, (query[2], ref[2]), (query[0], ref[0]))
        is_negative = query[1][:, None] != ref[1]
        if self.weights.row_mean_one:
            log_weights = row_mean_one(log_weights, is_negative)
        if on_host(log_weights):
            # A row that has no negatives at all is none whose negatives are masked: the losses leave it out.
            instead = torch.where(is_negative.any(dim=1, keepdim=True), -torch.inf, 0.0)
            check_negatives(torch.where(is_negative, log_weights, instead), range(len(log_weights)))
        return torch.where(is_negative, log_weights.clamp(min=_MASKED), 0.0)
