"""Where curves differ: labels of points by polygon or latitude, and a variogram for each group."""

from variogeo.regions._grouped import GroupedVariogram, grouped_variogram
from variogeo.regions._labels import labels_in_polygons, latitude_bands

__all__ = ["GroupedVariogram", "grouped_variogram", "labels_in_polygons", "latitude_bands"]
