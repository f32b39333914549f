"""What versions of other packages cannot do."""

import pyarrow as pa
import pytest

NULL_OF_FIXED_SIZE = pytest.mark.skipif(
    int(pa.__version__.split(".")[0]) < 26,
    reason="pyarrow before 26 neither writes nor reads a null among lists of fixed size",
)
