"""What a look at points and their embeddings finds: the values that `variogeo.check` returns."""

from variogeo._usable_lags import Extent, UsableLags
from variogeo.checkup._checkup import Checkup, Norms
from variogeo.checkup._findings import Finding
from variogeo.checkup._groups import GroupSizes
from variogeo.checkup._ways import Way

__all__ = ["Checkup", "Extent", "Finding", "GroupSizes", "Norms", "UsableLags", "Way"]
