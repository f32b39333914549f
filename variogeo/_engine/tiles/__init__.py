"""Pairs in tiles: bin, lag and dissimilarity of every pair, for what cannot be had from sums."""

from variogeo._engine.tiles._tiles import Tile, Tiles

__all__ = ["Tile", "Tiles"]
