"""How large the report of 5 000 points is, and how long it takes: `python docs/scripts/report_size.py`.

Twice in one process: the first time imports and loads compiled code as well. Processor seconds are those of all
threads together.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

import variogeo

POINTS = 5_000


def main() -> None:
    """Print bytes and seconds of the report of the bundled photos, each at two places, with noise of its own."""
    photos = variogeo.datasets.geoclip_photos()
    random = np.random.default_rng(0)
    lonlat = np.repeat(photos.lonlat, 2, axis=0)
    lonlat[1::2] = np.clip(lonlat[1::2] + random.normal(0, 0.05, photos.lonlat.shape), (-180, -90), (180, 90))
    embeddings = np.repeat(photos.embeddings, 2, axis=0) + random.normal(0, 0.005, (POINTS, 512)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first", "second"):
            start, used = time.perf_counter(), time.process_time()
            file = variogeo.report(lonlat, embeddings, Path(folder) / f"{run}.html")
            seconds, used = time.perf_counter() - start, time.process_time() - used
            print(
                f"{run} report of {len(lonlat):,} points: {file.stat().st_size / 1e6:.2f} MB, "
                f"{seconds:.1f} s, {used:.1f} s of processors"
            )
        same = (Path(folder) / "first.html").read_bytes() == (Path(folder) / "second.html").read_bytes()
        print(f"equal bytes: {same}")


if __name__ == "__main__":
    main()
