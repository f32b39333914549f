"""The slow and obvious way: double loops over pairs, with an outside library for the geodesic."""

import math

import numpy as np
from pyproj import Geod

_GEOD = Geod(ellps="WGS84")
_RADIUS = 6371.0088


def lag(metric, a, b):
    """Lag of one pair in km, from textbook formulas."""
    if metric == "geodesic":
        return _GEOD.inv(a[0], a[1], b[0], b[1])[2] / 1000
    (lon1, lat1), (lon2, lat2) = np.radians(a), np.radians(b)
    haversine = math.sin((lat2 - lat1) / 2) ** 2
    haversine += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    arc = 2 * math.asin(min(1.0, math.sqrt(haversine)))
    return _RADIUS * (arc if metric == "great_circle" else 2 * math.sin(arc / 2))


def term(dissimilarity, u, v):
    """Dissimilarity of one pair."""
    u, v = np.atleast_1d(u).astype(float), np.atleast_1d(v).astype(float)
    if dissimilarity == "cosine":
        return 1 - float(u @ v) / math.sqrt(float(u @ u) * float(v @ v))
    return float((u - v) @ (u - v)) / 2


def variogram(lonlat, values, edges, metric, dissimilarity):
    """Return counts, mean lags, semivariances and spreads per bin, and the count at zero lag."""
    lags, terms, zero = [[] for _ in edges[1:]], [[] for _ in edges[1:]], 0
    for i in range(len(lonlat)):
        for j in range(i + 1, len(lonlat)):
            h = lag(metric, lonlat[i], lonlat[j])
            if h == 0 or tuple(place(lonlat[i])) == tuple(place(lonlat[j])):
                zero += 1
                continue
            for k in range(len(edges) - 1):
                if edges[k] < h <= edges[k + 1]:
                    lags[k].append(h)
                    terms[k].append(term(dissimilarity, values[i], values[j]))

    def per_bin(function, lists):
        return np.array([function(entries) if entries else np.nan for entries in lists])

    counts = np.array([len(entries) for entries in lags])
    return counts, per_bin(np.mean, lags), per_bin(np.mean, terms), per_bin(np.std, terms), zero


def place(point):
    """One spelling for a place at a pole or on the antimeridian."""
    longitude, latitude = point
    return (0.0 if abs(latitude) == 90 else (-180.0 if longitude == 180 else longitude)), latitude


def lags_of_all_pairs(lonlat, metric):
    """Return the lag (km) of each pair of rows, in the order of ``np.triu_indices``; 0 for one place."""
    places = np.array([place(point) for point in lonlat])
    first, second = np.triu_indices(len(places), 1)
    (lon1, lat1), (lon2, lat2) = places[first].T, places[second].T
    if metric == "geodesic":
        lags = _GEOD.inv(lon1, lat1, lon2, lat2)[2] / 1000
    else:
        lon1, lat1, lon2, lat2 = np.radians([lon1, lat1, lon2, lat2])
        haversine = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
        half = np.sqrt(np.minimum(haversine, 1))
        lags = 2 * _RADIUS * (np.arcsin(half) if metric == "great_circle" else half)
    same = (places[first] == places[second]).all(axis=1)
    return np.where(same, 0.0, np.maximum(lags, np.nextafter(0, 1)))


def terms_of_all_pairs(values, dissimilarity):
    """Return the dissimilarity of each pair of rows, in the order of ``np.triu_indices``, from differences."""
    rows = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    if dissimilarity == "cosine":
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.concatenate([np.square(rows[k + 1 :] - rows[k]).sum(axis=1) for k in range(len(rows))]) / 2


def counts_and_means(lags, terms, edges):
    """Return counts, mean lags and mean terms of all pairs: at zero lag, then per bin; 0 for a mean of nothing."""
    position = np.searchsorted(edges, lags, side="left")
    position[(position == 0) & (lags > 0)] = len(edges)
    counts, lag, term = (np.bincount(position, weights, len(edges) + 1)[:-1] for weights in (None, lags, terms))
    return counts, lag / np.maximum(counts, 1), term / np.maximum(counts, 1)
