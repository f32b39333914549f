"""Plots. Every function takes ``ax`` and returns it."""

from variogeo.plotting._axes import to_png
from variogeo.plotting._cloud import plot_cloud
from variogeo.plotting._comparison import plot_comparison
from variogeo.plotting._direction import plot_rose, plot_sectors
from variogeo.plotting._envelope import plot_envelope
from variogeo.plotting._groups import plot_groups
from variogeo.plotting._maps import plot_excess, plot_pairs
from variogeo.plotting._regions import plot_regions
from variogeo.plotting._training import plot_training
from variogeo.plotting._variogram import plot_variogram
from variogeo.plotting._weights import plot_weights

__all__ = [
    "plot_cloud",
    "plot_comparison",
    "plot_envelope",
    "plot_excess",
    "plot_groups",
    "plot_pairs",
    "plot_regions",
    "plot_rose",
    "plot_sectors",
    "plot_training",
    "plot_variogram",
    "plot_weights",
    "to_png",
]
