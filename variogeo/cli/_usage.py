"""What is wrong usage, which the parser by itself cannot tell."""

from pathlib import Path

_SUFFIXES = {".parquet", ".geoparquet", ".npz", ".npy", ".json"}
"""Of the files that commands read."""


class UsageError(Exception):
    """A call that is wrong whatever the files hold: exit code 2."""


def file_first(word: str, option: str) -> str:
    """Return what to do where an option of several words has taken a file for one more of them, or nothing."""
    return f"; files go before {option}" if Path(word).suffix.lower() in _SUFFIXES else ""
