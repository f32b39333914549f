"""The engines of this machine: all moments tile by tile, and the dual tree; their loops are compiled."""
