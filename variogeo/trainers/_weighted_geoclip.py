"""WeightedGeoCLIP: the model that geoclip's own ``train()`` trains with weighted negatives."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from variogeo._checks import check_choice, check_number
from variogeo._weighting import ThesisMultiplier
from variogeo.nn import AlignedQueue, NegativeWeights, coordinate_noise
from variogeo.trainers._geoclip_parts import check_weights, logits_and_features, sizes_of, thesis_multipliers

Start = Literal["at_once", "full"]


class WeightedGeoCLIP(nn.Module):
    r"""A GeoCLIP whose logits carry the weights of their negatives while it is trained.

    .. math:: l_{ij} + \log w_{ij}, \quad j \ne i; \qquad l_{ii}

    Give it to geoclip's own ``train()`` in place of the model: the loss there, a cross entropy on the diagonal, is then
    the one with the weighted denominator. The model inside is trained in place; afterwards go on with it.

    Parameters
    ----------
    model : GeoCLIP
        Of the package geoclip, or of a checkout of its repository.
    weights : NegativeWeights or ThesisMultiplier
        ``NegativeWeights(scheme, order="latlon", units="deg")``, as GeoCLIP writes places. A `ThesisMultiplier`
        multiplies the logits instead of adding to them: for reproduction only.
    start : {"at_once", "full"}
        ``"at_once"``: what is in the queue is weighted from the first batch on, and the places of the queue that have
        not been written are no negatives (-inf). GeoCLIP fills them with points near (0, 0) that were never
        photographed. ``"full"``: the rule of the thesis. Until every place of the queue has been written the logits are
        GeoCLIP's own, those points included.
    batch_noise, queue_noise : float, m
        Standard deviation of the noise (`coordinate_noise`) that the location encoder sees, new in each step.
        Distances are those of the clean places. GeoCLIP: 150 m and 1 000 m.

    Raises
    ------
    ValueError
        For weights of another order or unit, and another ``start``. From ``forward``: when the locations are
        neither the batch nor the batch and the queue, and when the queue was not told about the batch.
    TypeError
        For other weights, and a model without the parts of a GeoCLIP.

    Notes
    -----
    Weights act in training mode only. After ``weighted.eval()`` the logits are GeoCLIP's own, for any gallery, so
    geoclip's ``eval_images`` works as it is.

    The queue lives here, places and frozen features side by side (`AlignedQueue`); the model's own ``gps_queue``
    stays as it was. ``state_dict()`` of the wrapper brings the queue back as well, that of the model inside is one of
    a plain GeoCLIP. Nothing is read back from the device, which GeoCLIP's own queue does in each step.

    The frozen features are what enters ``model.image_encoder.mlp``, so CLIP runs once. The curve must have been fitted
    on such features: CLIP's projected image features, before the trainable head. Random crops and colours change them:
    fit the curve on features made in the same way.

    Where locations are as many as images there is no queue, and weights act at once.

    References
    ----------
    .. [1] Vivanco Cepeda et al. (2023). GeoCLIP, arXiv 2309.16020.
    .. [2] Chen, B. et al. (2025). Enhancing contrastive learning for geolocalization by discovering hard negatives on
       semivariograms, arXiv 2509.21573.

    Examples
    --------
    In the training script::

        weights = NegativeWeights(scheme, order="latlon", units="deg")
        weighted = WeightedGeoCLIP(model, weights, batch_noise=150, queue_noise=1000)
        train(loader, weighted, optimizer, epoch, batch_size, device)

    GeoCLIP's order of columns is not the usual one here:

    >>> from torch import nn
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.geoclip import WeightedGeoCLIP
    >>> scheme = DecorrelationWeighting(Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0))
    >>> WeightedGeoCLIP(nn.Module(), NegativeWeights(scheme, order="lonlat", units="deg"))
    Traceback (most recent call last):
        ...
    ValueError: Invalid weights with order 'lonlat' and units 'deg'. GeoCLIP writes latitude, longitude in degrees:
    make them with NegativeWeights(scheme, order='latlon', units='deg').
    """

    def __init__(
        self,
        model: Any,
        weights: NegativeWeights | ThesisMultiplier,
        *,
        start: Start = "at_once",
        batch_noise: float = 0.0,
        queue_noise: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice(start, Start, name="start")
        needs_features = check_weights(weights)
        self.start = start
        self.batch_noise = check_number(batch_noise, name="batch_noise", at_least=0.0, unit="m")
        self.queue_noise = check_number(queue_noise, name="queue_noise", at_least=0.0, unit="m")
        width, size, device = sizes_of(model)
        self.model: Any = model
        self.weights = weights
        self.queue = AlignedQueue(size, feature_width=width if needs_features else 0).to(device)
        self._announced: int | None = None

    @property
    def gps_gallery(self) -> Tensor:
        """The model's gallery, (m, 2) latitude, longitude: what geoclip's ``eval_images`` asks for."""
        return self.model.gps_gallery

    @property
    def image_encoder(self) -> nn.Module:
        """The model's image encoder."""
        return self.model.image_encoder

    @property
    def location_encoder(self) -> nn.Module:
        """The model's location encoder."""
        return self.model.location_encoder

    def get_gps_queue(self) -> Tensor:
        """Return the (size, 2) places of the queue; GeoCLIP's own points where it has not been written."""
        if self.queue.is_full:
            return self.queue.coords
        return torch.cat([self.queue.coords, self.model.get_gps_queue()[self.queue.filled :]])

    def dequeue_and_enqueue(self, gps: Tensor) -> None:
        """Announce a batch (B, 2): ``forward`` takes it into the queue, with its features."""
        self._announced = gps.shape[0]

    def forward(self, image: Tensor, location: Tensor) -> Tensor:
        """Return the (B, M) logits, in training mode with the weights of their negatives.

        Parameters
        ----------
        image : (B, ...) tensor
            What the model's image encoder takes.
        location : (M, 2) tensor, degrees
            Latitude, longitude: the places of the batch, row by row those of ``image``, and then those of the queue.
            In evaluation mode any places.
        """
        if not self.training:
            return self.model(image, location)
        rows = image.shape[0]
        has_queue = self._has_queue(rows, location.shape[0])
        encoded = self._with_noise(location, rows)
        if self.queue.feature_width:
            logits, feats = logits_and_features(self.model, image, encoded)
        else:
            logits, feats = self.model(image, encoded), None
        batch = location[:rows].detach()
        if not (has_queue and self.start == "full" and not self.queue.is_full):
            logits = self._weighted(logits, batch, feats, has_queue)
        if has_queue:
            self.queue.enqueue(batch, feats)
            self._announced = None
        return logits

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"start={self.start!r}, batch_noise={self.batch_noise}, queue_noise={self.queue_noise}"

    def _has_queue(self, rows: int, columns: int) -> bool:
        """Whether the locations are the batch and the queue; a ValueError where they are neither that nor the batch."""
        if columns == rows:
            return False
        if columns != rows + self.queue.size:
            msg = (
                f"location has {columns} rows for {rows} images. In training mode it must be the places of the batch, "
                f"or these and the queue of {self.queue.size} that get_gps_queue returns. For a gallery call .eval()."
            )
            raise ValueError(msg)
        if self._announced != rows:
            known = "no batch" if self._announced is None else f"one of {self._announced}"
            msg = (
                f"The batch of {rows} was not announced: the queue knows of {known}. Call dequeue_and_enqueue(gps) "
                "once before each forward, as geoclip's train() does."
            )
            raise ValueError(msg)
        return True

    def _with_noise(self, location: Tensor, rows: int) -> Tensor:
        """Return what the location encoder is to see."""
        parts = ((location[:rows], self.batch_noise), (location[rows:], self.queue_noise))
        if not any(metres for _, metres in parts):
            return location
        return torch.cat([coordinate_noise(part, metres, order="latlon", units="deg") for part, metres in parts])

    def _weighted(self, logits: Tensor, batch: Tensor, feats: Tensor | None, has_queue: bool) -> Tensor:
        """Return the logits with the weights of the batch and of what is in the queue, and without the rest of it."""
        places, all_feats = batch, feats
        if has_queue:
            places = torch.cat([batch, self.queue.coords])
            all_feats = None if feats is None else torch.cat([feats, self.queue.feats])
        seen = logits[:, : places.shape[0]]
        if isinstance(self.weights, NegativeWeights):
            weighted = seen + self.weights.log_weights(batch, places, feats, all_feats)
        else:
            weighted = seen * thesis_multipliers(self.weights, (batch, places), (feats, all_feats))
        return functional.pad(weighted, (0, logits.shape[1] - places.shape[0]), value=-torch.inf)
