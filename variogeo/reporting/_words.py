"""In which words a page names a cure: those of Python, or of who has the page made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_WORDS: ContextVar[Callable[[str], str]] = ContextVar("words of a report", default=str)


def in_words(text: str) -> str:
    """Return a text as this page says it."""
    return _WORDS.get()(text)


@contextmanager
def page_words(words: Callable[[str], str]) -> Iterator[None]:
    """Let pages that are made meanwhile say cures in other words, such as the options of the command line."""
    before = _WORDS.set(words)
    try:
        yield
    finally:
        _WORDS.reset(before)
