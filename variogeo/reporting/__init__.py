"""A report in one file: the curve, the cloud of pairs linked with a map, and what both come from."""

from variogeo.reporting._report import report

__all__ = ["report"]
