"""NegativeWeights: a weighting scheme as a torch module over the coordinates of a batch."""

from typing import Literal

import torch
from torch import Tensor, nn

from variogeo._checks import check_choice
from variogeo._loading import made
from variogeo._storage import dump_document, encode, parse_document
from variogeo._weighting import WEIGHTINGS, Weighting
from variogeo.nn._coordinates import SAME_PLACE, Coordinates, Order, Units, positive_columns

Coincident = Literal["mask", "weight"]


class NegativeWeights(nn.Module):
    """Log-weights of the negatives of a contrastive loss, from coordinates and frozen features.

    Add the result to the logits, or pass both to `weighted_cross_entropy`.

    Parameters
    ----------
    scheme : Weighting
        E.g. ``ResidualWeighting(fit.model)``. Its parameters are Python floats inside a frozen value:
        no ``.half()``, ``.to(torch.bfloat16)`` or autocast changes them.
    order : {"lonlat", "latlon"}
        Order of the two coordinate columns (GeoCLIP: latlon; SatCLIP: lonlat). Never guessed.
    units : {"deg", "rad", "e7"}
        Degrees, radians (OSV5M), or int32 of 1e-7 degrees.
    coincident : {"mask", "weight"}
        Another sample at the very same place (within 1 mm): ``"mask"`` takes it out (-inf), since
        it is no negative for a geolocalisation loss; ``"weight"`` leaves it to the scheme.

    Notes
    -----
    Lags are great-circle distances, within 0.56 % of the geodesic that the curve was fitted on. The
    state dict holds the scheme as JSON text, so a checkpoint brings its own curve back. Coordinates are
    not read back to the host, so places out of range or swapped columns are not noticed here.

    With a queue or the other ranks the columns are the batch and then the rest: ``log_weights(gps,
    torch.cat([gps, queue]))``; where the positives stand elsewhere, pass ``positives``. For the direction
    from location to image of a symmetric loss, swap the two sides: ``log_weights(gps_all, gps)``.

    A mean weight far from 1 acts like another temperature: look at ``log_weights(...).exp().mean()``.

    Examples
    --------
    >>> import torch
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> weights = NegativeWeights(DecorrelationWeighting(curve))
    >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
    >>> weights.log_weights(lonlat, lonlat).exp().round(decimals=2)
    tensor([[1.0000, 0.2300, 1.0000],
            [0.2300, 1.0000, 1.0000],
            [1.0000, 1.0000, 1.0000]])
    """

    def __init__(
        self,
        scheme: Weighting,
        *,
        order: Order = "lonlat",
        units: Units = "deg",
        coincident: Coincident = "mask",
    ) -> None:
        super().__init__()
        if not isinstance(scheme, Weighting):
            msg = (
                f"Invalid scheme of type {type(scheme).__name__}. Must be a Weighting. "
                "ThesisMultiplier is none: call it on lag and dissimilarity, and multiply the logits."
            )
            raise TypeError(msg)
        check_choice(coincident, Coincident, name="coincident")
        self.scheme = scheme
        self.coordinates = Coordinates(order, units)
        self.coincident = coincident

    def forward(
        self,
        coords_a: Tensor,
        coords_b: Tensor,
        feats_a: Tensor | None = None,
        feats_b: Tensor | None = None,
        *,
        positives: Tensor | None = None,
    ) -> Tensor:
        """Return `log_weights`."""
        return self.log_weights(coords_a, coords_b, feats_a, feats_b, positives=positives)

    @torch.no_grad()
    def log_weights(
        self,
        coords_a: Tensor,
        coords_b: Tensor,
        feats_a: Tensor | None = None,
        feats_b: Tensor | None = None,
        *,
        positives: Tensor | None = None,
    ) -> Tensor:
        """Return the log-weight of each negative; exactly 0 at the positives.

        Parameters
        ----------
        coords_a : (B, 2) tensor
            Places of the rows of the logits, in the module's order and units.
        coords_b : (M, 2) tensor
            Places of the columns: the same batch, then maybe a queue or the other ranks.
        feats_a, feats_b : (B, d), (M, d) tensor, optional
            Features in the frozen space in which the curve was fitted; a row of NaN (or of zeros) is
            a place without an image. Not read by schemes of the lag alone.
        positives : (B,) int64 tensor, optional
            Column of each row's positive; the diagonal by default.

        Returns
        -------
        (B, M) float32 tensor
            Finite or -inf, without gradient.

        Raises
        ------
        ValueError
            For shapes that do not fit.
        TypeError
            For half-precision coordinates, or without the features that the scheme needs.

        Notes
        -----
        Nothing is read back to the host, so NaN coordinates cannot be refused here: they give NaN.
        """
        columns = positive_columns(positives, coords_a, coords_b)
        with torch.autocast(device_type=coords_a.device.type, enabled=False):
            lag = self.coordinates.pairwise_lag(coords_a, coords_b)
            dissimilarity = None
            if self.scheme.needs_dissimilarity:
                dissimilarity = _dissimilarity(feats_a, feats_b, coords_a, coords_b)
            log_weight = self.scheme(lag, dissimilarity).to(torch.float32)
            if self.coincident == "mask":
                log_weight = torch.where(lag <= SAME_PLACE, -torch.inf, log_weight)
            return log_weight.scatter(1, columns[:, None], 0.0)

    def get_extra_state(self) -> str:
        """Return the scheme and the settings as JSON text, for the state dict.

        A scheme of the user's own class is left out: it stays the one of the constructor.
        """
        known = WEIGHTINGS.get(type(self.scheme).__name__) is type(self.scheme)
        value = encode(self.scheme) if known else None
        return dump_document("negative_weights", {"value": value, **self._settings})

    def set_extra_state(self, state: str) -> None:
        """Take the scheme of a state dict, after checking that coordinates are written the same way."""
        kind, content = parse_document(state.encode(), "the state of NegativeWeights")
        settings = {name: content.pop(name, None) for name in self._settings}
        if kind != "negative_weights" or settings != self._settings:
            msg = f"The state was saved with {kind} {settings}, this module has {self._settings}. Make it the same way."
            raise ValueError(msg)
        if content["value"] is not None:
            self.scheme = made("weighting", content, "the state of NegativeWeights")

    @property
    def _settings(self) -> dict[str, str]:
        return {
            "order": self.coordinates.order,
            "units": self.coordinates.units,
            "coincident": self.coincident,
        }

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings.items())
        return f"{self.scheme!r}, {settings}"


def _dissimilarity(feats_a: Tensor | None, feats_b: Tensor | None, coords_a: Tensor, coords_b: Tensor) -> Tensor:
    """Return ``1 - cos`` of all pairs in float32."""
    if not isinstance(feats_a, Tensor) or not isinstance(feats_b, Tensor):
        msg = "The scheme needs feats_a and feats_b: the frozen features in which its curve was fitted."
        raise TypeError(msg)
    for feats, coords, side in ((feats_a, coords_a, "a"), (feats_b, coords_b, "b")):
        if feats.ndim != 2 or feats.shape[0] != coords.shape[0]:
            msg = (
                f"Invalid feats_{side} of shape {tuple(feats.shape)} with {coords.shape[0]} rows in coords_{side}. "
                "Must be (n, d): one row per place."
            )
            raise ValueError(msg)
    if feats_a.shape[1] != feats_b.shape[1]:
        msg = f"feats_a has {feats_a.shape[1]} columns but feats_b has {feats_b.shape[1]}. Must be one feature space."
        raise ValueError(msg)
    return torch.clamp(1.0 - _unit(feats_a) @ _unit(feats_b).T, 0.0, 2.0)


def _unit(feats: Tensor) -> Tensor:
    """Return unit rows in float32; scaled first, so that no square under- or overflows. Zeros become NaN."""
    scaled = (feats / feats.abs().amax(dim=1, keepdim=True)).float()
    return scaled / scaled.norm(dim=1, keepdim=True)
