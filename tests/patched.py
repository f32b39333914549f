"""Variograms with patches that are made by hand."""

import dataclasses

import numpy as np

from variogeo import LagBins, variogram_from_pairs
from variogeo._engine import ClassSums
from variogeo._patch_sums import PatchSums


def of_separate_patches(curves, bins, npairs=10):
    """Return the variogram of patches that share no pair, from the curve of each: (patches, bins).

    Each patch has so many pairs in each bin, at its middle.
    """
    curves = np.asarray(curves, dtype=float)
    count, middle = len(curves), (bins.low + bins.high) / 2
    patch, place = (index.ravel() for index in np.indices(curves.shape))
    pairs = np.full(curves.size, npairs)
    cells = ClassSums.of(patch, patch, place + 1, pairs, pairs, pairs * middle[place], pairs * curves.ravel())
    whole = variogram_from_pairs(np.repeat(middle, count * npairs), np.repeat(curves.T.ravel(), npairs), bins)
    return dataclasses.replace(whole, patches=PatchSums(count, len(bins), cells))


def standard_bins(count=5):
    return LagBins.linear(0, 100 * count, count)
