"""The compiled products of leaves: of all their pairs, or of four points with four at once."""

import platform

import llvmlite.binding
import numpy as np

from variogeo._engine._blocks import LEAF
from variogeo._engine.cpu._compiled import compiled

QUARTET = 4
"""Points of half a leaf. Their products with four others are sums that stay in registers."""

_SMALL = 1e-3
"""Share of the squared lengths below which a sum of terms is formed again in float64."""

_MANY_REGISTERS = llvmlite.binding.get_host_cpu_features().get("avx512f", False) or platform.machine().lower() in (
    "aarch64",
    "arm64",
)
"""Whether there are 32 vector registers: with 16, as of AVX2, sixteen sums and their factors do not fit."""

_1, _2, _3 = np.uint64(1), np.uint64(2), np.uint64(3)


@compiled
def _sixteen(a, i, b, j, out, row, at):
    """Write the products of four rows with four."""
    i, j = np.uint64(i), np.uint64(j)
    zero = a.dtype.type(0)
    c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = zero
    c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = zero
    for k in range(np.uint64(a.shape[1])):
        x0, x1, x2, x3 = a[i, k], a[i + _1, k], a[i + _2, k], a[i + _3, k]
        y0, y1, y2, y3 = b[j, k], b[j + _1, k], b[j + _2, k], b[j + _3, k]
        c00, c01, c02, c03 = c00 + x0 * y0, c01 + x0 * y1, c02 + x0 * y2, c03 + x0 * y3
        c10, c11, c12, c13 = c10 + x1 * y0, c11 + x1 * y1, c12 + x1 * y2, c13 + x1 * y3
        c20, c21, c22, c23 = c20 + x2 * y0, c21 + x2 * y1, c22 + x2 * y2, c23 + x2 * y3
        c30, c31, c32, c33 = c30 + x3 * y0, c31 + x3 * y1, c32 + x3 * y2, c33 + x3 * y3
    out[row, at], out[row, at + 1], out[row, at + 2], out[row, at + 3] = c00, c01, c02, c03
    row += 1
    out[row, at], out[row, at + 1], out[row, at + 2], out[row, at + 3] = c10, c11, c12, c13
    row += 1
    out[row, at], out[row, at + 1], out[row, at + 2], out[row, at + 3] = c20, c21, c22, c23
    row += 1
    out[row, at], out[row, at + 1], out[row, at + 2], out[row, at + 3] = c30, c31, c32, c33


@compiled
def _eight(a, i, b, j, out, row, at):
    """Write the products of two rows with four."""
    i, j = np.uint64(i), np.uint64(j)
    zero = a.dtype.type(0)
    c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = zero
    for k in range(np.uint64(a.shape[1])):
        x0, x1 = a[i, k], a[i + _1, k]
        y0, y1, y2, y3 = b[j, k], b[j + _1, k], b[j + _2, k], b[j + _3, k]
        c00, c01, c02, c03 = c00 + x0 * y0, c01 + x0 * y1, c02 + x0 * y2, c03 + x0 * y3
        c10, c11, c12, c13 = c10 + x1 * y0, c11 + x1 * y1, c12 + x1 * y2, c13 + x1 * y3
    out[row, at], out[row, at + 1], out[row, at + 2], out[row, at + 3] = c00, c01, c02, c03
    row += 1
    out[row, at], out[row, at + 1], out[row, at + 2], out[row, at + 3] = c10, c11, c12, c13


@compiled
def _twice_eight(a, i, b, j, out, row, at):
    """Write the products of four rows with four."""
    _eight(a, i, b, j, out, row, at)
    _eight(a, i + 2, b, j, out, row + 2, at)


# Chosen here and not in a function, which would cost another call.
_products = _sixteen if _MANY_REGISTERS else _twice_eight


@compiled
def _in_one(interval, first, count):
    """Whether four pairs in each of four rows of ``count`` are all in one interval."""
    one = interval[first]
    for i in range(QUARTET):
        for j in range(QUARTET):
            if interval[first + i * count + j] != one:
                return False
    return True


@compiled
def leaf_products(a, first, b, column, count, summed, interval, out, quartet):
    """Write the products of a leaf of ``a`` with ``count`` points of ``b``, leaf by leaf in ``column``.

    With ``summed`` not where four points have all their lags with four others in one interval. There the products are
    0, and the place of the first pair goes into ``quartet``. Returns how many there are.
    """
    factors_a, factors_b, quartets = a.factors, b.factors, 0
    for leaf in range(0, count, LEAF):
        for i in range(0, LEAF, QUARTET):
            for at in range(leaf, leaf + LEAF, QUARTET):
                # A leaf that is not full has no four points at its end.
                if summed and at + QUARTET <= count and _in_one(interval, i * count + at, count):
                    for row in range(i, i + QUARTET):
                        for k in range(at, at + QUARTET):
                            out[row, k] = 0
                    quartet[quartets] = i * count + at
                    quartets += 1
                else:
                    _products(factors_a, first + i, factors_b, column[leaf] + at - leaf, out, i, at)
    return quartets


@compiled
def quartet_terms(a, first, b, column, count, quartet, quartets, term):
    """Write the terms of four points with four others: their sum as that of the first pair, and nothing as the rest."""
    sums_a, sums_b, half_a, half_b = a.quartet_sums, b.quartet_sums, a.quartet_half_squares, b.quartet_half_squares
    for w in range(quartets):
        i, at = quartet[w] // count, quartet[w] % count
        p, q = np.uint64((first + i) // QUARTET), np.uint64(column[at] // QUARTET)
        both, product = QUARTET * (half_a[p] + half_b[q]), sums_a.dtype.type(0)
        for k in range(np.uint64(sums_a.shape[1])):
            product += sums_a[p, k] * sums_b[q, k]
        total = both - product
        if total < _SMALL * both:
            # Of nearly equal vectors: the rounding of short floats would be all that is left.
            exact = 0.0
            for k in range(np.uint64(sums_a.shape[1])):
                exact += np.float64(sums_a[p, k]) * np.float64(sums_b[q, k])
            total = both - exact
        for row in range(QUARTET):
            for k in range(QUARTET):
                term[quartet[w] + row * count + k] = 0.0
        term[quartet[w]] = max(total, 0.0)


@compiled
def quartets_of(factors, half_squares):
    """Return the sums of four rows of factors after the other, and of half their squared lengths."""
    count = half_squares.shape[0] // QUARTET
    sums, halves = np.empty((count, factors.shape[1]), factors.dtype), np.empty(count)
    for q in range(count):
        i = QUARTET * q
        for k in range(factors.shape[1]):
            sums[q, k] = (factors[i, k] + factors[i + 1, k]) + (factors[i + 2, k] + factors[i + 3, k])
        halves[q] = half_squares[i] + half_squares[i + 1] + half_squares[i + 2] + half_squares[i + 3]
    return sums, halves
