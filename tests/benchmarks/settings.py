"""What the environment asks for, and where measurements lie.

BENCH_SHORT=1 stops at 5 000 points, BENCH_LARGE=1 adds a million points and all of pyproj's pairs, BENCH_FRESH=1
discards earlier measurements; without it an interrupted run goes on where it stopped. BENCH_OFFLINE=1 fetches nothing:
positions are uniform on the sphere.
"""

import os
from pathlib import Path

SHORT = os.environ.get("BENCH_SHORT") == "1"
LARGE = os.environ.get("BENCH_LARGE") == "1"
FRESH = os.environ.get("BENCH_FRESH") == "1"
OFFLINE = os.environ.get("BENCH_OFFLINE") == "1"

SLOW_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Either of them, preset, may halve the speed of numpy's product; they are unset before numpy is imported."""

REPO = Path(__file__).parents[2]
CACHE = REPO / ".bench"
"""The downloaded positions and, by case, the measurements. Ignored by git."""

RESULTS = CACHE / ("short" if SHORT else "results")
