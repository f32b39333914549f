"""What versions of other packages cannot do."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NULL_OF_FIXED_SIZE = pytest.mark.skipif(
    int(pa.__version__.split(".")[0]) < 26,
    reason="pyarrow before 26 neither writes nor reads a null among lists of fixed size",
)
METADATA_OF_ANOTHER = pytest.mark.skipif(
    not hasattr(pq.ParquetWriter, "add_key_value_metadata"),
    reason="this pyarrow writes no metadata of another schema",
)
