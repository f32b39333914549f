"""Peak memory of the doors for Parquet: python docs/scripts/parquet_memory.py [rows] [width] [float16|float32].

Writes a file of random vectors in row groups of 8 192 rows into a temporary folder, with checksums of its pages, then
opens it in a process of its own for each door, and prints by how much the resident memory of that process rose at most
over that after the imports. What is read whole needs one array of its size ("block"); what is beyond it is the door's.
"""

import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 8192


def write(path: Path, rows: int, width: int, dtype: str) -> None:
    """Write the file row group by row group."""
    random = np.random.default_rng(0)
    kind = pa.from_numpy_dtype(np.dtype(dtype))
    schema = pa.schema([("lon", pa.float64()), ("lat", pa.float64()), ("embedding", pa.list_(kind))])
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    with pq.ParquetWriter(path, schema, **options) as writer:
        for start in range(0, rows, GROUP):
            count = min(GROUP, rows - start)
            vectors = random.standard_normal((count, width), dtype=np.float32).astype(dtype)
            offsets = pa.array(np.arange(0, count * width + 1, width, dtype=np.int32))
            lists = pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel()))
            places = random.uniform((-180, -60), (180, 70), (count, 2))
            writer.write_table(pa.table([places[:, 0], places[:, 1], lists], schema=schema))


def resident() -> float:
    """Return the resident memory of this process now (MB)."""
    status = Path("/proc/self/statm").read_text().split()
    return int(status[1]) * resource.getpagesize() / 1e6


def measured(path: Path, door: str, answer: "multiprocessing.connection.Connection") -> None:
    """Send the rise of the resident memory, that of the array returned, and the seconds."""
    import geopandas  # noqa: F401

    from variogeo import io

    before, most, stop = resident(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not stop.wait(0.005):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    block = 0.0
    if door == "read_points":
        points = io.read_points(path, check_land=False)
        block = points.embeddings.nbytes / 1e6
    else:
        points = io.open_points(path, check_land=False)
        for first in range(0, len(points), GROUP):
            points.embeddings[first : first + GROUP].sum()
    seconds = time.perf_counter() - start
    stop.set()
    watcher.join()
    answer.send((max(most, resident()) - before, block, seconds))


def main(rows: int = 1_000_000, width: int = 512, dtype: str = "float16") -> None:
    """Print one line per door."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photos.parquet"
        write(path, rows, width, dtype)
        print(f"{rows} x {width} {dtype}, {path.stat().st_size / 1e6:.0f} MB on disk, row groups of {GROUP}")
        for door in ("read_points", "open_points"):
            mine, theirs = spawn.Pipe()
            process = spawn.Process(target=measured, args=(path, door, theirs))
            process.start()
            rise, block, seconds = mine.recv()
            process.join()
            print(
                f"{door:12s} rise {rise:6.0f} MB, block {block:6.0f} MB, beyond {rise - block:5.0f} MB, {seconds:.0f} s"
            )


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:3]), *sys.argv[3:])
