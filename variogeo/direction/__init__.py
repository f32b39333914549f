"""Direction: variograms by azimuth sector, and the anisotropy that they show."""

from variogeo.direction._anisotropy import Anisotropy, fit_anisotropy, fit_sectors
from variogeo.direction._directional import DirectionalVariogram, directional_variogram
from variogeo.direction._sectors import AzimuthSector

__all__ = [
    "Anisotropy",
    "AzimuthSector",
    "DirectionalVariogram",
    "directional_variogram",
    "fit_anisotropy",
    "fit_sectors",
]
