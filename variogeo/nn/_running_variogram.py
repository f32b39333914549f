"""RunningVariogram: the curve of a space that is being trained, from the batches of the training itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from variogeo._checks import DataError, check_number
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import no_sums
from variogeo._lags import LagBins
from variogeo._storage import dump_document, parse_document
from variogeo._tables import FEW_PAIRS
from variogeo._weighting._lag_spread import LagSpread, varies
from variogeo.nn._cards import module_html
from variogeo.nn._coordinates import (
    SAME_PLACE,
    Coordinates,
    Order,
    Places,
    Units,
    check_tensor,
    float64_device,
    pairwise_lag,
)
from variogeo.nn._sides import unit_rows

_COUNT, _WEIGHT, _LAG, _TERM, _SQUARE = range(5)
"""Rows of the sums: pairs, then their decayed number and decayed sums of lag, dissimilarity and its square."""

_ROWS = 256
"""Rows whose pairs are held at once."""

_NO_WIDTH = 2**31
"""Stands for the width of a process that has had no batch: wider than any."""


class RunningVariogram(nn.Module):
    r"""Sums per lag bin over the pairs within each batch, with older batches counting less.

    After batch t each sum is :math:`S_t = \alpha S_{t-1} + s_t`, and its mean is that of pairs with weight
    :math:`\alpha^{\text{age}}`. `empirical` gives the variogram at any time: fit it, or hold it against an earlier one.

    Parameters
    ----------
    bins : LagBins
        Of great-circle lags.
    decay : float
        ``alpha`` in (0, 1]: 1 keeps all batches alike, 0.99 remembers some hundred.
    order, units : str
        See `NegativeWeights`.

    Notes
    -----
    `update` reads nothing back to the host. Only pairs within a batch count, so the shortest lags of a random batch
    hold few of them: they fill over many batches. The sums are no buffers: ``.half()`` and ``.to(torch.bfloat16)`` do
    not reach them. The state dict holds the sums of this rank, as checked text: save one for each rank. A single one
    that all ranks load counts once for each of them.

    Examples
    --------
    >>> import torch
    >>> from variogeo import Exponential, LagBins, fit_variogram
    >>> from variogeo.datasets import geoclip_photos
    >>> from variogeo.nn import RunningVariogram
    >>> lonlat, embeddings = (torch.tensor(column) for column in geoclip_photos())
    >>> running = RunningVariogram(LagBins.logarithmic(10, 10_000, 8), order="lonlat", units="deg")
    >>> for rows in torch.randperm(2500, generator=torch.Generator().manual_seed(0)).split(500):
    ...     running.update(lonlat[rows], embeddings[rows])
    >>> empirical = running.empirical()
    >>> int(empirical.sums.total_npairs)  # five batches, each photo of a batch with each
    1250000
    >>> fit_variogram(empirical, Exponential, weights="equal").outcome
    'fitted'
    """

    def __init__(
        self,
        bins: LagBins,
        *,
        order: Order | None = None,
        units: Units | None = None,
        decay: float = 1.0,
    ) -> None:
        super().__init__()
        if not isinstance(bins, LagBins):
            msg = (
                f"Invalid bins of type {type(bins).__name__}. Must be LagBins, e.g. LagBins.logarithmic(1, 20000, 20)."
            )
            raise TypeError(msg)
        self.decay = check_number(decay, name="decay", above=0.0)
        if self.decay > 1:
            msg = f"Invalid decay '{decay}'. Must be at most 1: older batches cannot count more than new ones."
            raise ValueError(msg)
        self.bins = bins
        self.coordinates = Coordinates(order, units)
        self._sums = torch.zeros((5, len(bins) + 2), dtype=torch.float64)
        self._totals = torch.zeros(3, dtype=torch.float64)
        self._edges = torch.tensor(bins.edges)
        self.batches = 0
        self._width = 0

    @torch.no_grad()
    def update(self, coords: Tensor, feats: Tensor) -> None:
        """Add the pairs of a batch.

        Parameters
        ----------
        coords : (B, 2) tensor
            Places, in the module's order and units.
        feats : (B, d) tensor
            Embeddings in the space whose curve is wanted; a row of NaN or zeros is a place without one, and left out.

        Raises
        ------
        ValueError, TypeError
            For coordinates or features that `NegativeWeights` would refuse, fewer than two rows, and features of
            another width than those of the first batch.
        """
        check_tensor(coords, name="coords")
        if len(coords) < 2:
            msg = f"Invalid batch of {len(coords)}. Must hold at least two samples to have a pair."
            raise ValueError(msg)
        places = self.coordinates.places(coords, "coords")
        exact = float64_device(coords.device)
        with torch.autocast(device_type=coords.device.type, enabled=False):
            unit = unit_rows(feats, len(coords), names=("feats", "coords"), width=None).to(exact, torch.float64)
        self._width = self._width or unit.shape[1]
        if unit.shape[1] != self._width:
            msg = (
                f"Invalid feats of {unit.shape[1]} columns: the batches before had {self._width}. A curve is of "
                "one feature space: make another RunningVariogram for the other features."
            )
            raise ValueError(msg)
        known = ~unit.isnan().any(dim=1)
        unit = torch.where(known[:, None], unit, 0.0)
        ordered = known.sum().to(torch.float64) ** 2
        total = torch.stack([ordered, ordered, ordered - unit.sum(dim=0).square().sum()])
        added = torch.zeros_like(self._sums, device=exact)
        for start in range(0, len(coords), _ROWS):
            self._add_rows(added, start, places, unit, known)
        self._sums = self._sums.to(exact)
        self._sums[_WEIGHT:] *= self.decay
        self._sums += added
        self._totals = self._totals.to(exact)
        self._totals[1:] *= self.decay
        self._totals += total
        self.batches += 1

    def _add_rows(self, sums: Tensor, start: int, places: Places, unit: Tensor, known: Tensor) -> None:
        """Add the pairs of some rows with the rows after them."""
        rows = slice(start, start + _ROWS)
        lag = pairwise_lag(places[rows], places[start:]).to(sums)
        term = torch.clamp(1.0 - unit[rows] @ unit[start:].T, 0.0, 2.0)
        is_pair = (known[rows, None] & known[None, start:]).triu(diagonal=1)
        position = torch.where(is_pair, self._positions(lag), len(self.bins) + 1).ravel()
        for row, column in ((_COUNT, torch.ones_like(term)), (_LAG, lag), (_TERM, term), (_SQUARE, term.square())):
            sums[row].index_add_(0, position, column.ravel())
        sums[_WEIGHT] = sums[_COUNT]

    def empirical(self) -> EmpiricalVariogram:
        """Return the empirical variogram of the batches so far, over all ranks.

        Returns
        -------
        EmpiricalVariogram
            Of cosine dissimilarity and great-circle lags, without spread. With a decay below 1 its pairs have
            weights, and ``npairs`` still counts all that were seen.

        Raises
        ------
        ValueError
            Before the first `update`.

        Notes
        -----
        With a process group of `torch.distributed` the sums are added over the ranks: every rank must call it.
        """
        return self._empirical(*self._over_ranks())

    def _empirical(self, sums: NDArray[np.float64], totals: NDArray[np.float64], width: int) -> EmpiricalVariogram:
        """Return the empirical variogram of sums and totals, of features of some width."""
        if totals[0] < 1:
            msg = "The running variogram has no pairs yet. Call update(coords, feats) with each batch first."
            raise ValueError(msg)
        # A bin whose last pair is so old that its weight is 0 in float64 is empty.
        kept = np.where(sums[_WEIGHT] > 0, sums, 0.0)[:, :-1]
        has_weights = self.decay < 1
        state = replace(
            no_sums(self.bins, spread=False),
            npairs=np.rint(kept[_COUNT]),
            lag=kept[_LAG],
            term=kept[_TERM],
            total_npairs=int(np.rint(totals[0])),
            total_term=float(totals[2]),
            weight=kept[_WEIGHT] if has_weights else np.zeros(0),
            total_weight=float(totals[1]) if has_weights else 0.0,
        )
        return EmpiricalVariogram(self.bins, state, "cosine", "matheron", "great_circle", width=width)

    def lag_spread(self) -> LagSpread:
        """Return the standard deviation of the dissimilarity per lag, for `ResidualWeighting`.

        Raises
        ------
        ValueError
            Before the first `update`, and where no bin has a spread.
        """
        sums, totals, width = self._over_ranks()
        empirical = self._empirical(sums, totals, width)
        empty = np.full(sums.shape[1], np.nan)
        mean_square = np.divide(sums[_SQUARE], sums[_WEIGHT], out=empty, where=sums[_WEIGHT] > 0)
        spread = np.sqrt(np.clip(mean_square[1:-1] - empirical.semivariance**2, 0.0, None))
        usable = (empirical.npairs >= FEW_PAIRS) & varies(spread, empirical.semivariance)
        if not usable.any():
            msg = f"No bin has {FEW_PAIRS} pairs that differ. Update with more batches, or use wider bins."
            raise ValueError(msg)
        return LagSpread(tuple(empirical.lag[usable].tolist()), tuple(spread[usable].tolist()))

    def get_extra_state(self) -> str:
        """Return settings, sums and the width of the features as JSON text, for the state dict."""
        return dump_document("running_variogram", {**self._settings, **self._state})

    def set_extra_state(self, state: str) -> None:
        """Take the sums of a state dict, after checking that they were made with the same settings."""
        if not isinstance(state, str):
            msg = f"Invalid state of RunningVariogram: {state!r}. Must be what get_extra_state() of one returned."
            raise DataError(msg)
        kind, content, _ = parse_document(state.encode(), "the state of RunningVariogram")
        settings = {name: content.get(name) for name in self._settings}
        if kind != "running_variogram" or settings != self._settings:
            msg = f"The state was saved with {kind} {settings}, this module has {self._settings}. Make it the same way."
            raise ValueError(msg)
        shapes = {name: np.shape(value) for name, value in self._state.items()}
        if {name: np.shape(content.get(name, ())) for name in shapes} != shapes:
            msg = "The state of RunningVariogram has other sums than its bins need. It was not written by this version."
            raise DataError(msg)
        self._sums = torch.tensor(content["sums"], dtype=torch.float64)
        self._totals = torch.tensor(content["totals"], dtype=torch.float64)
        self.batches, self._width = int(content["batches"]), int(content["feature_width"])

    @property
    def _settings(self) -> dict[str, Any]:
        order, units = self.coordinates.order, self.coordinates.units
        return {"edges": self.bins.edges.tolist(), "decay": self.decay, "order": order, "units": units}

    @property
    def _state(self) -> dict[str, Any]:
        counts = {"batches": self.batches, "feature_width": self._width}
        return {"sums": self._sums.tolist(), "totals": self._totals.tolist(), **counts}

    def extra_repr(self) -> str:
        """Return the constructor's arguments."""
        order, units = self.coordinates.order, self.coordinates.units
        return f"{self.bins!r}, order={order!r}, units={units!r}, decay={self.decay}"

    def _repr_html_(self) -> str:
        # The curve of this rank alone: showing a value must not wait for other processes.
        sums, totals = self._sums.cpu().numpy(), self._totals.cpu().numpy()
        order, units = self.coordinates.order, self.coordinates.units
        settings = {"batches of this process": self.batches, "decay": self.decay, "order": order, "units": units}
        return module_html(self, settings, self._empirical(sums, totals, self._width) if totals[0] >= 1 else self.bins)

    def _positions(self, lag: Tensor) -> Tensor:
        """Return the position of each pair in the sums: 0 at one place, k in the k-th bin, the last one outside."""
        self._edges = self._edges.to(lag.device)
        position = torch.bucketize(lag, self._edges)
        outside = len(self.bins) + 1
        return torch.where(lag <= SAME_PLACE, 0, torch.where(position == 0, outside, position))

    def _over_ranks(self) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """Return the sums and the totals of all ranks, on the host, and the width of their features, which is one."""
        merged = torch.cat([self._sums.ravel(), self._totals])
        # The largest, and minus the smallest of those that have had a batch.
        widths = torch.tensor([self._width, -self._width or -_NO_WIDTH], device=merged.device)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(merged)
            torch.distributed.all_reduce(widths, torch.distributed.ReduceOp.MAX)
        most, least = widths[0].item(), -widths[1].item()
        if most != least and most:
            msg = f"Processes have features of {least} and of {most} columns. A curve is of one feature space."
            raise ValueError(msg)
        merged = merged.cpu().numpy()
        return merged[: self._sums.numel()].reshape(self._sums.shape), merged[self._sums.numel() :], int(most)
