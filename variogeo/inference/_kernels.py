"""The compiled loops of the permutation test."""

import numpy as np

from variogeo._engine.cpu._compiled import compiled


@compiled
def bins_of_rows(position, own, first, bins, starts, columns):
    """Write the columns of each row after its ``own`` place, bin by bin; return how many.

    The columns of bin k of row i, a place in the order of all, are from ``starts[i, k]`` to ``starts[i, k + 1]``.
    """
    at = first
    for i in range(position.shape[0]):
        place, row = own + i, position[i]
        count = np.zeros(bins + 2, np.int64)
        for j in range(place + 1, row.shape[0]):
            count[row[j]] += 1
        for k in range(bins):
            starts[i, k] = at
            at += count[k + 1]
            count[k + 1] = starts[i, k]
        starts[i, bins] = at
        for j in range(place + 1, row.shape[0]):
            k = row[j]
            if 1 <= k <= bins:
                columns[count[k] - first] = j
                count[k] += 1
    return at


@compiled
def add_permuted(gram, starts, columns, permutation, inverse, sums):
    """Add the sum of ``gram[p[i], p[j]]`` over the pairs of each bin, for each permutation p.

    One row of the matrix after the other, for all permutations: so it stays in the nearest cache, where entries are
    picked from it. Four sums side by side, so that an addition need not wait for the last one.
    """
    bins, one, two, three, four = sums.shape[1], np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    for a in range(gram.shape[0]):
        row = gram[a]
        for p in range(permutation.shape[0]):
            order, i = permutation[p], np.uint64(inverse[p, a])
            c = np.uint64(starts[i, 0])
            for k in range(bins):
                stop = np.uint64(starts[i, k + 1])
                s0 = s1 = s2 = s3 = 0.0
                while c + four <= stop:
                    s0 += np.float64(row[order[columns[c]]])
                    s1 += np.float64(row[order[columns[c + one]]])
                    s2 += np.float64(row[order[columns[c + two]]])
                    s3 += np.float64(row[order[columns[c + three]]])
                    c += four
                while c < stop:
                    s0 += np.float64(row[order[columns[c]]])
                    c += one
                sums[p, k] += (s0 + s1) + (s2 + s3)


@compiled
def add_counts(photos, starts, columns, permutation, counts):
    """Add the number of pairs of photos of each bin, for each permutation: places have several photos."""
    moved = np.empty(photos.shape[0], np.int64)
    for p in range(permutation.shape[0]):
        for i in range(photos.shape[0]):
            moved[i] = photos[permutation[p, i]]
        for i in range(photos.shape[0]):
            for k in range(counts.shape[1]):
                total = 0
                for c in range(np.uint64(starts[i, k]), np.uint64(starts[i, k + 1])):
                    total += moved[columns[c]]
                counts[p, k] += moved[i] * total
