"""NegativeWeights: a weighting scheme as a torch module over the coordinates of a batch."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from variogeo._checks import check_choice, check_whole
from variogeo._weighting import Weighting, row_mean_one
from variogeo.nn._cards import module_html
from variogeo.nn._coordinates import SAME_PLACE, Coordinates, Order, Units, on_host
from variogeo.nn._sides import Sides, check_feature_space, check_negatives, on_the_host, prepare_sides
from variogeo.nn._state import dump_state, scheme_of_state
from variogeo.nn._summary import WeightSummary, summarise

Coincident = Literal["mask", "weight"]

_BLOCK = 2**19
"""Pairs that are weighed at once in eager mode on the CPU: their temporaries stay in the cache."""


class NegativeWeights(nn.Module):
    """Log-weights of the negatives of a contrastive loss, from coordinates and frozen features.

    Add the result to the logits, or pass both to `weighted_cross_entropy`.

    Parameters
    ----------
    scheme : Weighting
        E.g. ``ResidualWeighting(fit.model)``. Its parameters are Python floats inside a frozen value:
        no ``.half()``, ``.to(torch.bfloat16)`` or autocast changes them.
    order : {"lonlat", "latlon"}
        Order of the two coordinate columns. Required: it is never guessed. GeoCLIP writes latlon, SatCLIP lonlat.
    units : {"deg", "rad", "e7", "xyz"}
        Degrees; radians (OSV5M, latlon); int32 of 1e-7 degrees, which survive trainers that cast floats to half
        precision; or unit vectors as `unpack` returns them, for which ``order`` is left out. Required.
    coincident : {"mask", "weight"}
        Another sample at the very same place (within 1 mm): ``"mask"`` takes it out (-inf), since
        it is no negative for a geolocalisation loss; ``"weight"`` leaves it to the scheme.
    row_mean_one : bool
        Hold the mean weight of each row's negatives that are left at 1, so that the temperature does not move: see
        `variogeo.row_mean_one`.
    feature_width : int, optional
        Columns of the features that the curve was fitted on: others are refused.

    Notes
    -----
    Lags are great-circle distances in float32, right to 4e-7 of the lag (3e-5 mm at least) and within 0.56 % of the
    geodesic that the curve was fitted on. A checkpoint brings its own curve back: its state holds it as JSON text.

    With a queue or the other ranks the columns are the batch and then the rest: ``log_weights(gps,
    torch.cat([gps, queue]))``; where the positives stand elsewhere, pass ``positives``. For the direction
    from location to image of a symmetric loss, swap the two sides: ``log_weights(gps_all, gps)``.

    On the CPU in eager mode values are checked, and errors name the rows. Nothing is read back from an accelerator or
    within a compiled graph: there coordinates out of range fail an assertion with the same text, and a row whose
    negatives are all masked is left to the loss, which counts it as 0. ``print(weights.summary(...))`` makes all checks
    on any device, and tells the mean weight, which far from 1 acts like another temperature.

    Fastest under ``torch.compile``, which makes one kernel of it. On the CPU it forms ``expm1`` from ``exp``: the
    log-weight of a curve without a nugget loses digits where the weight itself is near 0; the weight does not.

    Examples
    --------
    >>> import torch
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> weights = NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg")
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
        order: Order | None = None,
        units: Units | None = None,
        coincident: Coincident = "mask",
        row_mean_one: bool = False,
        feature_width: int | None = None,
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
        self.coincident: Coincident = coincident
        if not isinstance(row_mean_one, bool):
            msg = f"Invalid row_mean_one {row_mean_one!r}. Must be True or False."
            raise TypeError(msg)
        self.row_mean_one = row_mean_one
        self.feature_width = (
            None if feature_width is None else check_whole(feature_width, name="feature_width", at_least=1)
        )
        self._same_space = False

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
        coords_a : (B, 2) tensor, or (B, 3)
            Places of the rows of the logits, in the module's order and units.
        coords_b : (M, 2) tensor, or (M, 3)
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
            For shapes that do not fit; on the CPU in eager mode for NaN coordinates, latitudes beyond 90 degrees,
            longitudes beyond 540, positives that are no column, and rows whose negatives are all masked; there at the
            first call with features for a mean dissimilarity that the curve does not expect, by a factor of two.
        TypeError
            For half-precision coordinates, or without the features that the scheme needs.
        """
        sides = self._sides((coords_a, coords_b), (feats_a, feats_b), positives)
        if not on_host(coords_a):
            return self._of_rows(sides, slice(None))
        log_weights = torch.empty(coords_a.shape[0], coords_b.shape[0], dtype=torch.float32, device=coords_a.device)
        for rows in sides.blocks(_BLOCK):
            log_weights[rows] = self._of_rows(sides, rows)
        return log_weights

    @torch.no_grad()
    def by_rows(
        self,
        coords_a: Tensor,
        coords_b: Tensor,
        feats_a: Tensor | None = None,
        feats_b: Tensor | None = None,
        *,
        positives: Tensor | None = None,
    ) -> Callable[[slice], Tensor]:
        """Return a function of a slice of rows that returns their log-weights, for chunked losses.

        Arguments are those of `log_weights`. Unit vectors and unit features are made and checked once, and the (B, M)
        matrix is never held: each call returns the (rows, M) part of what `log_weights` returns.

        Examples
        --------
        >>> import torch
        >>> from variogeo import NearWeighting
        >>> weights = NegativeWeights(NearWeighting(1.0, 100.0), order="lonlat", units="deg")
        >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
        >>> rows = weights.by_rows(lonlat, lonlat)
        >>> torch.equal(rows(slice(1, 3)), weights(lonlat, lonlat)[1:3])
        True
        """
        return partial(self._alone, self._sides((coords_a, coords_b), (feats_a, feats_b), positives))

    @torch.no_grad()
    def summary(
        self,
        coords_a: Tensor,
        coords_b: Tensor,
        feats_a: Tensor | None = None,
        feats_b: Tensor | None = None,
        *,
        positives: Tensor | None = None,
    ) -> WeightSummary:
        """Return what the scheme does to one batch; reads it back to the host and makes every check there.

        Parameters
        ----------
        coords_a, coords_b, feats_a, feats_b, positives
            As for `log_weights`, on any device.

        Raises
        ------
        ValueError, TypeError
            All that `log_weights` raises on the CPU: look at one batch before a training on an accelerator.

        Examples
        --------
        >>> import torch
        >>> from variogeo import DecorrelationWeighting, Exponential
        >>> scheme = DecorrelationWeighting(Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0))
        >>> lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
        >>> print(NegativeWeights(scheme, order="lonlat", units="deg").summary(lonlat, lonlat))
        6 negatives in 3 rows, 0.0 % masked
        mean weight 0.745 (rows 0.617 to 1)
        2 negatives (33.3 %) up to 500 km, the scheme's effective range
        """
        coords_a, coords_b, feats_a, feats_b, columns = on_the_host(coords_a, coords_b, feats_a, feats_b, positives)
        coords, feats, self._same_space = (coords_a, coords_b), (feats_a, feats_b), False
        sides = self._sides(coords, feats, columns)
        if not self.scheme.needs_dissimilarity:
            sides = prepare_sides(self.coordinates, coords, feats, columns, width=self.feature_width)
        return summarise(sides, partial(self._of_rows, sides), self.scheme)

    def _sides(
        self, coords: tuple[Tensor, Tensor], feats: tuple[Tensor | None, Tensor | None], positives: Tensor | None
    ) -> Sides:
        """Return both sides of the batch, with features where the scheme reads them."""
        needed = self.scheme.needs_dissimilarity
        if needed and (feats[0] is None or feats[1] is None):
            msg = "The scheme needs feats_a and feats_b: the frozen features in which its curve was fitted. Pass both."
            raise TypeError(msg)
        used = feats if needed else (None, None)
        sides = prepare_sides(self.coordinates, coords, used, positives, width=self.feature_width)
        curve = self.scheme.curve_of_features
        if curve is not None and on_host(coords[0]) and not self._same_space:
            self._same_space = check_feature_space(sides, curve)
        return sides

    @torch.no_grad()
    def _alone(self, sides: Sides, rows: slice) -> Tensor:
        """Return `_of_rows` for a caller who has gradients on: within one no_grad another cannot be exported."""
        return self._of_rows(sides, rows)

    def _of_rows(self, sides: Sides, rows: slice) -> Tensor:
        """Return the log-weights of some rows."""
        part = sides[rows]
        columns = part.positives[:, None]
        with torch.autocast(device_type=columns.device.type, enabled=False):
            lag = part.lag()
            dissimilarity = part.dissimilarity() if self.scheme.needs_dissimilarity else None
            log_weight = self.scheme(lag, dissimilarity).to(torch.float32)
            if self.coincident == "mask":
                log_weight = torch.where(lag <= SAME_PLACE, -torch.inf, log_weight)
            if self.row_mean_one:
                log_weight = row_mean_one(log_weight, ~part.is_positive())
            if not on_host(log_weight):
                return log_weight.scatter(1, columns, 0.0)
            negatives = log_weight.scatter(1, columns, -torch.inf)
            check_negatives(negatives, range(len(sides.positives))[rows])
            return negatives.scatter_(1, columns, 0.0)

    def get_extra_state(self) -> str:
        """Return scheme and settings as JSON text, for the state dict; a scheme of the user's own class is left out."""
        return dump_state(self.scheme, self._settings)

    def set_extra_state(self, state: str) -> None:
        """Take the scheme of a state dict, after checking that coordinates are written the same way."""
        self.scheme = scheme_of_state(state, self._settings) or self.scheme
        self._same_space = False

    @property
    def _settings(self) -> dict[str, Any]:
        return {
            "order": self.coordinates.order,
            "units": self.coordinates.units,
            "coincident": self.coincident,
            "row_mean_one": self.row_mean_one,
            "feature_width": self.feature_width,
        }

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings.items())
        return f"{self.scheme!r}, {settings}"

    def _repr_html_(self) -> str:
        return module_html(self, self._settings, self.scheme)
