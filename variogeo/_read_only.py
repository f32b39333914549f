"""Arrays of values that nobody may change."""

from typing import Any

import numpy as np


class ReadOnlyArrays:
    """Base of values with read-only arrays: of what is copied and unpickled, numpy forgets that they are."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what was copied or pickled, read-only as before."""
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)
