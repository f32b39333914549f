"""How many cores there are for us."""

import os


def usable_cores() -> int:
    """Return the number of cores that this process may use, where the system tells it, or else of all."""
    # Not on macOS and Windows.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
