"""What is wrong usage, which the parser by itself cannot tell."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SUFFIXES = {".parquet", ".geoparquet", ".npz", ".npy", ".json"}
"""Of the files that commands read."""


class UsageError(Exception):
    """A call that is wrong whatever the files hold: exit code 2."""


class Extend(argparse.Action):
    """An option of several words: given again, it adds to what was given before, and not to its default."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the signature of argparse
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Add the words."""
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*([] if before is self.default else before), *(values or ())])


def file_first(word: str, option: str) -> str:
    """Return what to do where an option of several words has taken a file for one more of them, or nothing."""
    return f"; files go before {option}" if Path(word).suffix.lower() in _SUFFIXES else ""
