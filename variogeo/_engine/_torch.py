"""The device engine: all pairs of rows that stay on their GPU, block by block; sums per bin leave it.

A lag comes from a float64 product of unit vectors seen from a middle between two blocks, or from a difference where it
is too short for a product. A geodesic is its arc times a ratio near one, for which float32 is enough. Pairs whose bin
the error of all that leaves open are settled by the exact formula on the host: their row numbers and terms go there.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from variogeo._checks import Dissimilarity
from variogeo._distances import EARTH_RADIUS, WGS84_FLATTENING, WGS84_SEMI_MAJOR, Metric, SpherePoints, lag_of_pairs
from variogeo._engine import _device_plan as plan
from variogeo._engine._blocks import Blocks, blocks_of
from variogeo._engine._device_terms import DeviceTerms, check_device_values
from variogeo._engine._histogram import CELLS, SHIFT, TermHistogram, first_cell_around
from variogeo._engine._sums import LagSums, no_histogram, no_sums, sums_of_pairs
from variogeo._lags import LagBins
from variogeo._progress import progress_bar

_EXACT_FIRST = 32
"""Pairs of a bin whose terms are exact, so that a float32 product cannot spoil a bin of few pairs."""

_SHORT = 1e-7
"""Share of the squared reach of two blocks below which the product form of a chord has lost too many digits."""

_NO_SHORT_PAIRS = 10.0
"""Blocks further apart than this (km) hold no such chord: 8 km is the longest."""

_LEAST = 1e-30
"""Stands for a chord of zero: a lag far below what the cuts take for zero."""

_OTHER_FREE_BYTES = 2**31
"""Memory taken to be free where torch cannot tell."""

_LANES, _HISTOGRAM_LANES = 4096, 32
_HALF_ARC_UNIT: dict[Metric, float] = {
    "geodesic": 2 * WGS84_SEMI_MAJOR,
    "great_circle": 2 * EARTH_RADIUS,
    "chord": 2 * EARTH_RADIUS,
}
"""Kilometres of a lag of one on the device, where lags are half arcs or half chords."""


def accumulate_on_device(
    points: SpherePoints, values: torch.Tensor, dissimilarity: Dissimilarity, bins: LagBins, *, spread: bool
) -> LagSums:
    """Return the exact sums per bin over all unordered pairs of points; the values stay on their device.

    Counts are those of every other engine. Sums agree within rounding: of float64 products for float64 values, of
    float32 products (never TF32) for float32 and less, where `_EXACT_FIRST` keeps bins of few pairs exact. Atomic
    additions change the last bits of a sum, never a count.

    Raises
    ------
    ValueError, TypeError
        For values that cannot be used, as `check_values`, and for a device without float64.
    MemoryError
        When not even two small blocks fit. Nothing is moved to the host instead.
    """
    _check_device(values.device)
    check_device_values(values, dissimilarity)
    width = values.shape[1] if values.ndim == 2 else 1
    rows = plan.rows_per_block(_free_bytes(values.device), width, len(points))
    with _full_precision(values.device):
        while True:
            sums = _sums_or_none(points, values, dissimilarity, bins, rows, spread=spread)
            if sums is not None:
                return sums
            if rows <= plan.LEAST_ROWS:
                msg = (
                    f"values on device '{values.device}' leave too little memory: two blocks of {rows} rows of "
                    f"{width} entries did not fit. Free memory there, or pass values.cpu()."
                )
                raise MemoryError(msg)
            rows = max(plan.LEAST_ROWS, rows // 2)
            # What the last try left in torch's cache is in pieces of the wrong size. Does nothing without CUDA.
            torch.cuda.empty_cache()


def _sums_or_none(
    points: SpherePoints,
    values: torch.Tensor,
    dissimilarity: Dissimilarity,
    bins: LagBins,
    rows: int,
    *,
    spread: bool,
) -> LagSums | None:
    """Return the sums by blocks of ``rows``, or None when the device has too little memory for them."""
    try:
        blocks = blocks_of(points.unit, None, rows)
        tiles = plan.tiles_within(points, blocks, float(bins.edges[-1]))
        run = _Run(points, DeviceTerms.of(values, dissimilarity), bins, blocks, spread=spread)
        with progress_bar(len(tiles), doing="pairs", unit="tile") as bar:
            for i, j, least_lag in tiles:
                run.add(i, j, short_pairs=least_lag < _NO_SHORT_PAIRS)
                bar.update()
        return run.sums()
    except torch.OutOfMemoryError:
        return None


@contextmanager
def _full_precision(device: torch.device) -> Iterator[None]:
    """Multiply float32 in float32 here: no TF32, no autocast, whatever is set outside. No gradients either."""
    matmul = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    matmul.fp32_precision = "ieee"
    try:
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        matmul.fp32_precision = before


def _check_device(device: torch.device) -> None:
    """Refuse a device that cannot add in float64."""
    if device.type == "mps":
        msg = (
            f"Invalid values on device '{device}'. Must be on one with float64, which the sums need: pass values.cpu()."
        )
        raise ValueError(msg)


def _free_bytes(device: torch.device) -> int:
    """Return the free memory of a device."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _OTHER_FREE_BYTES


class _Run:
    """The sums of the pairs of blocks added so far, one for each zone of the lag and in copies (lanes) on the device.

    In lanes, because atomic additions to one number wait for each other.
    """

    def __init__(
        self, points: SpherePoints, terms: DeviceTerms, bins: LagBins, blocks: Blocks, *, spread: bool
    ) -> None:
        self._points, self._terms, self._bins, self._blocks, self._spread = points, terms, bins, blocks, spread
        device = terms.centre.device
        self._order = torch.tensor(blocks.order, device=device)
        self._unit = torch.tensor(points.unit[blocks.order], device=device)
        self._km = _HALF_ARC_UNIT[points.metric]
        cuts = plan.cuts_of(bins, points.metric)
        self._cuts, self._bin_of = torch.tensor(cuts.lag / self._km, device=device), cuts.bins
        zones = len(cuts.bins)
        self._npairs = np.zeros(zones, np.int64)
        self._exact_left = np.where(cuts.bins > 0, _EXACT_FIRST if terms.in_float32 else 0, 0)
        shape = zones, plan.lanes_for(zones, _LANES)
        self._moments = [torch.zeros(shape, dtype=torch.float64, device=device) for _ in range(4 if spread else 2)]
        # The histogram's cells are of terms with their scale, a power of four: an even number of octaves.
        self._first_cell = first_cell_around(terms.typical) - 64 * int(math.log2(terms.scale))
        cells = zones * CELLS if spread else 0
        self._cells = torch.zeros(
            (cells, plan.lanes_for(max(1, cells), _HISTOGRAM_LANES)), dtype=torch.int64, device=device
        )
        self._settled = no_sums(bins, spread=spread)
        self._kept: tuple[int, tuple[torch.Tensor, torch.Tensor]] | None = None

    def add(self, i: int, j: int, *, short_pairs: bool) -> None:
        """Add all pairs of two blocks, or within one when both are the same."""
        a, b = self._part(i), self._part(j)
        lag = _lags(self._points.metric, self._unit[a], self._unit[b], short_pairs=short_pairs)
        zone = torch.bucketize(lag, self._cuts)
        if i == j:
            zone.masked_fill_(torch.ones_like(zone, dtype=torch.bool).tril_(), 0)
        rows_a, rows_b = self._order[a], self._order[b]
        if self._kept is None or self._kept[0] != i:
            self._kept = i, self._terms.factors(rows_a)
        left = self._kept[1]
        term = self._terms.between(left, left if i == j else self._terms.factors(rows_b), rows_a, rows_b)
        npairs = self._counts(zone)
        apart = self._apart(npairs)
        if apart.any():
            first, second = torch.tensor(apart, device=zone.device)[zone].nonzero(as_tuple=True)
            zone[first, second] = 0
            npairs[apart] = 0
            self._settle(rows_a[first], rows_b[second])
        self._npairs += npairs
        self._add_sums(zone, lag, term)

    def sums(self) -> LagSums:
        """Return the sums of all pairs added."""
        n, terms = len(self._points), self._terms
        lag, term, *more = (self._of_bins(moment.sum(dim=1).cpu().numpy()) for moment in self._moments)
        kept, histogram = (np.zeros(0), np.zeros(0)), no_histogram(self._bins)
        if self._spread:
            cells = self._cells.sum(dim=1).view(-1, CELLS).cpu().numpy()
            histogram = TermHistogram.of_counts(self._of_bins(cells), first_cell_around(terms.typical))
            kept = more[0] * terms.scale**4, more[1] * math.sqrt(terms.scale)
        npairs = self._of_bins(self._npairs)
        decided = LagSums(
            npairs, lag * self._km, term * terms.scale**2, *kept, histogram, total_npairs=n * n, total_term=terms.total
        )
        return decided + self._settled

    def _part(self, block: int) -> slice:
        """Return where a block lies in the order."""
        return slice(int(self._blocks.starts[block]), int(self._blocks.starts[block + 1]))

    def _counts(self, zone: torch.Tensor) -> NDArray[np.int64]:
        """Return the number of pairs in each zone."""
        lanes = math.gcd(zone.numel(), self._moments[0].shape[1])
        index = zone.view(-1, lanes)
        counts = torch.zeros((len(self._bin_of), lanes), dtype=torch.int64, device=zone.device)
        counts.scatter_add_(0, index, counts.new_ones(1).expand_as(index))
        return counts.sum(dim=1).cpu().numpy()

    def _apart(self, npairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return the zones whose pairs are settled one by one: open ones, and those of bins with few pairs so far."""
        few = (npairs > 0) & (npairs <= _EXACT_FIRST) & (self._exact_left > 0)
        self._exact_left[few] -= npairs[few]
        self._exact_left[npairs > _EXACT_FIRST] = 0
        return few | ((npairs > 0) & (self._bin_of == plan.SETTLE))

    def _settle(self, first: torch.Tensor, second: torch.Tensor) -> None:
        """Add pairs of rows by their exact lags and terms."""
        lag = lag_of_pairs(self._points, first.cpu().numpy(), second.cpu().numpy())
        edges = self._bins.edges
        inside = np.flatnonzero((lag == 0) | ((lag > edges[0]) & (lag <= edges[-1])))
        wanted = torch.tensor(inside, device=first.device)
        term = self._terms.of_pairs(first[wanted], second[wanted]).cpu().numpy()
        self._settled = self._settled + sums_of_pairs(lag[inside], term, self._bins, spread=self._spread)

    def _add_sums(self, zone: torch.Tensor, lag: torch.Tensor, term: torch.Tensor) -> None:
        """Add lags, terms and what the spread needs to the lanes of their zones."""
        lanes = math.gcd(zone.numel(), self._moments[0].shape[1])
        index = zone.view(-1, lanes)
        self._moments[0][:, :lanes].scatter_add_(0, index, lag.view(-1, lanes))
        self._moments[1][:, :lanes].scatter_add_(0, index, term.view(-1, lanes))
        if not self._spread:
            return
        self._moments[2][:, :lanes].scatter_add_(0, index, term.square().view(-1, lanes))
        self._moments[3][:, :lanes].scatter_add_(0, index, term.sqrt().sqrt_().view(-1, lanes))
        cell = (term.view(torch.int64) >> SHIFT).sub_(self._first_cell).clamp_(0, CELLS - 1).add_(zone, alpha=CELLS)
        lanes = math.gcd(zone.numel(), self._cells.shape[1])
        index = cell.view(-1, lanes)
        self._cells[:, :lanes].scatter_add_(0, index, self._cells.new_ones(1).expand_as(index))

    def _of_bins(self, zones: NDArray[Any]) -> NDArray[Any]:
        """Return what zones hold as bins, with nothing at zero lag."""
        out = np.zeros((len(self._bins) + 1, *zones.shape[1:]), zones.dtype)
        out[self._bin_of[self._bin_of > 0]] = zones[self._bin_of > 0]
        return out


def _lags(metric: Metric, a: torch.Tensor, b: torch.Tensor, *, short_pairs: bool) -> torch.Tensor:
    """Return the lags of all pairs of unit vectors, in units of `_HALF_ARC_UNIT`."""
    middle = (a.mean(dim=0) + b.mean(dim=0)) / 2
    u, v = a - middle, b - middle
    uu, vv = u.square().sum(dim=1, keepdim=True), v.square().sum(dim=1, keepdim=True)
    # A quarter of |u - v|^2 in one product, and so in one pass over the pairs.
    near = (
        torch.cat([u / -2, uu / 4, torch.ones_like(uu)], dim=1) @ torch.cat([v, torch.ones_like(vv), vv / 4], dim=1).T
    )
    if short_pairs:
        first, second = (near < _SHORT * (uu.max() + vv.max())).nonzero(as_tuple=True)
        near[first, second] = (a[first] - b[second]).square_().sum(dim=1) / 4
    # No division by zero at zero lag or at the antipode, where the pairs are settled exactly.
    near.clamp_(_LEAST, 1 - 1e-6 if metric == "geodesic" else 1)
    if metric == "chord":
        return near.sqrt_()
    half_arc = near.sqrt().asin_()
    return half_arc if metric == "great_circle" else _to_geodesic(half_arc, near, a[:, 2], b[:, 2])


def _to_geodesic(half_arc: torch.Tensor, near: torch.Tensor, z_a: torch.Tensor, z_b: torch.Tensor) -> torch.Tensor:
    """Turn half arcs on the sphere of reduced latitudes into Thomas' geodesic, in place: see `_series_geodesic`.

    The two differ by the flattening and less, so that float32 leaves the geodesic a relative error near 1e-9. Few
    passes over the pairs, because memory is what takes time: ``total`` and ``gap`` are twice those of the series.
    """
    small = near.float()
    far = 1 - small
    t = torch.div(half_arc, (small * far).sqrt_(), out=torch.empty_like(small))
    u = (z_a.float()[:, None] + z_b.float()).square_().div_(far)
    v = torch.sub(z_a[:, None], z_b, out=torch.empty_like(small)).square_().div_(small)
    total, gap = u + v, u.sub_(v)
    e = torch.rsub(small, 2, alpha=4)
    d = t.square().mul_(4)
    a = d * e
    second = torch.add(t, e, alpha=0.5).sub_(a, alpha=0.5).mul_(total).add_(a, alpha=2).mul_(total)
    second.addcmul_(gap, e.mul_(gap).addcmul_(d, 4 - total), value=-1)
    first = total.addcdiv_(gap, t, value=-1)
    f = WGS84_FLATTENING
    return half_arc.addcmul_(half_arc, first.addcdiv_(second, t, value=-f / 32), value=-f / 8)
