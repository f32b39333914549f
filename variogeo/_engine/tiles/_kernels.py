"""The compiled loop from coordinates to lags and positions."""

import numpy as np

from variogeo._engine.cpu._compiled import compiled, row_lags


@compiled
def tile_lags(metric, a, b, breaks, zone_position, lag, position):
    """Write the lags (km) of points ``a``, (3, rows), to points ``b``, (3, columns), and the positions of their zones.

    Returns how many positions are negative: open.
    """
    count = np.uint64(lag.shape[1])
    opened, zones = 0, np.uint64(breaks.shape[0])
    for i in range(lag.shape[0]):
        row, places = lag[i], position[i]
        row_lags(metric, a[0, i], a[1, i], a[2, i], b[0], b[1], b[2], row)
        for j in range(count):
            low, left = np.uint64(0), zones
            # The number of breaks below the lag, by halving without a branch.
            while left > 0:
                half = left >> np.uint64(1)
                above = breaks[low + half] < row[j]
                low = low + half + np.uint64(1) if above else low
                left = left - half - np.uint64(1) if above else half
            places[j] = zone_position[low]
            opened += np.int64(places[j] < 0)
    return opened
