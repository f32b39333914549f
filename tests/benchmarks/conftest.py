"""The store of measurements."""

import pytest

from benchmarks import settings
from benchmarks.measure import Store


@pytest.fixture(scope="session")
def store():
    kept = Store(settings.RESULTS)
    if settings.FRESH:
        kept.discard()
    return kept
