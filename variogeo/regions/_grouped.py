"""Variograms of groups of points, each from its own points, and of all groups together: `grouped_variogram`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import groups_html
from variogeo._checks import Dissimilarity, check_choice, check_same_length, check_values
from variogeo._distances import Metric, SpherePoints, prepare_points
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import ClassSums, Terms, accumulate, check_cost_alone, no_classes
from variogeo._from_pairs import check_bins
from variogeo._label_codes import label_codes
from variogeo._lags import LagBins
from variogeo._lonlat import check_lonlat
from variogeo._patch_sums import PatchSums
from variogeo._point_marks import marks_of
from variogeo._rows import some_rows

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class GroupedVariogram:
    """One empirical variogram for each group of points. Made by `grouped_variogram`.

    Iteration yields pairs of label and variogram; ``grouped["alpine"]`` is the variogram of a group.

    Attributes
    ----------
    labels : tuple of str
    variograms : tuple of EmpiricalVariogram
        One for each label, from the pairs within the group.
    skipped : tuple of (str, str)
        Groups without a variogram, and why.
    patch_numbers : tuple of tuple of int, optional
        For each group the numbers, among the patches of all points, of the patches of its variogram.
    """

    labels: tuple[str, ...]
    variograms: tuple[EmpiricalVariogram, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    patch_numbers: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.labels) == len(self.variograms):
            msg = f"Invalid variograms: {len(self.variograms)} for {len(self.labels)} labels. Must be one for each."
            raise ValueError(msg)
        counts = [0 if variogram.patches is None else variogram.patches.count for variogram in self.variograms]
        if counts != [len(numbers) for numbers in self.patch_numbers or [()] * len(self)]:
            msg = f"Invalid patch_numbers for variograms of {counts} patches. Must be one number for each."
            raise ValueError(msg)

    @property
    def pooled(self) -> EmpiricalVariogram:
        """The variogram of all pairs within a group: what varies where the groups' means do not matter.

        Definition: the sum of the groups' variograms. A patch that reaches into several groups is one patch.
        """
        total = reduce(add, [replace(variogram, patches=None) for variogram in self.variograms])
        return total if self.patch_numbers is None else replace(total, patches=self._pooled_patches(self.patch_numbers))

    def _pooled_patches(self, patch_numbers: tuple[tuple[int, ...], ...]) -> PatchSums:
        """Return the sums of the groups per pair of patches, in the numbers of all patches."""
        used, numbers = np.unique(np.concatenate(patch_numbers), return_inverse=True)
        ends = np.cumsum([len(some) for some in patch_numbers])[:-1]
        every = [cast("PatchSums", variogram.patches).cells for variogram in self.variograms]
        moved = [
            replace(cells, first=own[cells.first], second=own[cells.second])
            for cells, own in zip(every, np.split(numbers, ends), strict=True)
        ]
        return PatchSums(len(used), len(self.variograms[0].bins), ClassSums.sum_of(moved))

    def __getitem__(self, label: str) -> EmpiricalVariogram:
        if label not in self.labels:
            why = dict(self.skipped).get(label)
            listed = ", ".join(map(repr, self.labels))
            msg = (
                f"Group {label!r} was skipped: {why}. Must be one of {listed}."
                if why
                else f"Invalid label {label!r}. Must be one of {listed}."
            )
            raise KeyError(msg)
        return self.variograms[self.labels.index(label)]

    def __iter__(self) -> Iterator[tuple[str, EmpiricalVariogram]]:
        return iter(zip(self.labels, self.variograms, strict=True))

    def __len__(self) -> int:
        return len(self.labels)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per group and bin: the label, then the columns of a variogram."""
        import pandas as pd

        table = pd.concat([variogram.to_frame() for variogram in self.variograms], ignore_index=True)
        table.insert(0, "label", np.repeat(self.labels, len(self.variograms[0].bins)))
        return table

    def __repr__(self) -> str:
        return (
            f"<GroupedVariogram: {len(self)} groups, {len(self.skipped)} skipped, {len(self.variograms[0].bins)} bins>"
        )

    def __str__(self) -> str:
        width = max(map(len, self.labels))
        lines = [
            repr(self),
            f"{'label':{width}s}      npairs  a-priori sill  semivariance of the first and last filled bin",
        ]
        for label, variogram in self:
            filled = np.flatnonzero(variogram.npairs)
            first, last = variogram.semivariance[filled[[0, -1]]]
            lines.append(
                f"{label:{width}s}{variogram.npairs.sum():12d}{variogram.sill_apriori:15.5g}{first:14.5g}{last:12.5g}"
            )
        lines += [f"{label}: skipped, {why}" for label, why in self.skipped]
        return "\n".join(lines)

    _repr_html_ = groups_html


def grouped_variogram(
    lonlat: Any,
    values: Any,
    bins: LagBins,
    by: Any,
    *,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
    patches: Any = None,
) -> GroupedVariogram:
    """Return the empirical variogram of each group of points, from the pairs within it.

    Where curves differ from region to region, one curve for all describes none of them.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    values : (n, d) float array or (n,) array
        As for `variogeo.empirical_variogram`.
    bins : LagBins
        The same for all groups.
    by : (n,) array of labels
        The group of each point, of any type; None, NaN and ``""`` for none. A column, `labels_in_polygons` or
        `latitude_bands`.
    dissimilarity : {"cosine", "half_squared"}
    metric : {"geodesic", "great_circle", "chord"}
    patches : (n,) array of labels, optional
        As for `variogeo.empirical_variogram`. The variogram of a group has the patches of its points.

    Returns
    -------
    GroupedVariogram

    Raises
    ------
    ValueError
        When no group has a pair in the bins, and for whatever `variogeo.empirical_variogram` refuses.

    Notes
    -----
    Labels that begin with a number are sorted by it, before all others. Groups with fewer than two points, with all
    points at one place or in one patch, and without a pair in the bins are skipped, and listed with the reason.
    Groups that border each other are not independent, which `variogeo.inference.compare_groups` takes them for.

    Examples
    --------
    >>> from variogeo import LagBins, datasets
    >>> from variogeo.regions import grouped_variogram, latitude_bands
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> bands = latitude_bands(lonlat, [-60, -30, 0, 30, 60])
    >>> grouped = grouped_variogram(lonlat, embeddings, LagBins.logarithmic(10, 1000, 5), bands)
    >>> grouped.labels
    ('-60..-30', '-30..0', '0..30', '30..60')
    >>> bool(grouped.pooled.npairs.sum() == sum(variogram.npairs.sum() for _, variogram in grouped))
    True
    """
    check_choice(dissimilarity, Dissimilarity, name="dissimilarity")
    check_choice(metric, Metric, name="metric")
    check_bins(bins)
    places = check_lonlat(lonlat)
    checked: Any = check_values(values, dissimilarity=dissimilarity)
    check_same_length(places, checked, names=("lonlat", "values"), item="photo")
    names, group = label_codes(by, len(places), name="by")
    patch = None if patches is None else marks_of(len(places), patches=patches, exclude=None, weights=None).patch
    points = prepare_points(places, metric)
    found: dict[str, EmpiricalVariogram] = {}
    numbers: list[tuple[int, ...]] = []
    skipped: list[tuple[str, str]] = []
    for k, name in enumerate(names):
        rows = np.flatnonzero(group == k)
        own = None if patch is None else patch[rows]
        why = _reason(points.lonlat[rows], own)
        variogram = None if why else _variogram(points, rows, checked, bins, dissimilarity, own)
        if variogram is None:
            skipped.append((name, why or "no pair in the bins"))
            continue
        found[name] = variogram
        numbers.append(() if own is None else tuple(np.unique(own).tolist()))
    if not found:
        listed = "; ".join(f"{name}: {why}" for name, why in skipped[:5]) or "by has no label"
        listed += f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        msg = f"No group has a pair in the bins ({listed}). Use other bins or larger groups."
        raise ValueError(msg)
    return GroupedVariogram(
        tuple(found), tuple(found.values()), tuple(skipped), None if patch is None else tuple(numbers)
    )


def _reason(places: NDArray[np.float64], patch: NDArray[np.integer[Any]] | None) -> str:
    """Return why some points have no variogram, or nothing."""
    if len(places) < 2:
        return "fewer than 2 points"
    if (places == places[0]).all():
        return f"all {len(places)} points at one place"
    if patch is not None and (patch == patch[0]).all():
        return f"all {len(places)} points in one patch"
    return ""


def _variogram(
    points: SpherePoints,
    rows: NDArray[np.intp],
    values: Any,
    bins: LagBins,
    dissimilarity: Dissimilarity,
    patch: NDArray[np.integer[Any]] | None,
) -> EmpiricalVariogram | None:
    """Return the variogram of some of the points, None where no pair is in the bins."""
    own = SpherePoints(points.lonlat[rows], points.unit[rows], points.metric)
    marks = marks_of(len(rows), patches=patch, exclude=None, weights=None)
    terms = Terms.of(some_rows(values, rows), dissimilarity)
    check_cost_alone(len(rows), terms.width)
    sums = accumulate(own, terms, bins, marks)
    if not sums.npairs[1:].any():
        return None
    kept = None if patch is None else PatchSums(len(np.unique(patch)), len(bins), sums.classes)
    plain = replace(sums, classes=no_classes())
    return EmpiricalVariogram(
        bins, plain, dissimilarity, "matheron", points.metric, patches=kept, width=int(terms.width)
    )
