"""What a command says: results on stdout, and everything else on stderr, each in one line."""

import json
import logging
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PHRASES = (
    (
        "a folder to go on from after a stop, and more machines: resume=folder, executor=client",
        "a folder to go on from after a stop: --resume DIR",
    ),
    ("pairs=StratifiedPairs(2_000_000, seed=0)", "--sample 2000000"),
    ("pairs='all'", "--all-pairs"),
    ("spread=False", "--no-spread"),
    ("check_land=False", "--no-check-land"),
    ("overwrite=True", "--overwrite"),
    ("fixed=", "--fix"),
    (" (--point on the command line)", ""),
)
"""What messages of the library name, and the option that stands for it."""

_ARGUMENT = re.compile(
    r"(?<![^\s(])(embedding|lon|lat|point|group|table|units|missing|dequantize|dissimilarity|dimension|metric|resume)="
    r"(?:([\"'])(.+?)\2)?"
)
"""An argument that the library names and that is an option of the same name."""


def say(text: str) -> None:
    """Print one line on stderr, in the words of the command line."""
    print("variogeo:", naming_options(" ".join(text.split())), file=sys.stderr)


def naming_options(message: str) -> str:
    """Return a message of the library with options in the place of arguments."""
    for phrase, option in PHRASES:
        message = message.replace(phrase, option)
    return _ARGUMENT.sub(lambda found: shlex.join([f"--{found[1]}", *([found[3]] if found[3] else [])]), message)


def print_result(text: str) -> None:
    """Print a result on stdout. A reader that has gone away, such as ``head``, is no failure of the work."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        leave_stdout()
    except OSError:
        leave_stdout()
        raise


def print_json(result: dict[str, Any]) -> None:
    """Print a result on stdout as one line of JSON."""
    print_result(json.dumps(result, allow_nan=False))


def leave_stdout() -> None:
    """Let what is left to be written go nowhere: the interpreter would fail on it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Print warnings and log records of the library as one line each."""
    handler = _OneLine(logging.WARNING)
    logger = logging.getLogger("variogeo")
    with warnings.catch_warnings():
        warnings.showwarning = _show
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning as one line, without the line of code that it comes from."""
    say(f"warning: {message}")


class _OneLine(logging.Handler):
    """Prints records as one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        say(f"{record.levelname.lower()}: {record.getMessage()}")
