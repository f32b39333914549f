"""Hostile values are refused in our words, or give what a double loop gives.

``VARIOGEO_FUZZ=50000 python -m pytest tests/test_fuzz_values.py`` runs the long profile.
"""

import os
import time

import pytest
from fuzzing_values import KINDS, fuzz

LONG = int(os.environ.get("VARIOGEO_FUZZ", "0"))


@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_value_is_refused_in_our_words_or_means_what_it_says(name):
    found = fuzz(name, 400, seed=0)
    assert found["wrong"] == []
    assert found["counts"]["equal"] > 5
    assert found["counts"]["refused"] > 200


@pytest.mark.skipif(not LONG, reason="the long profile: set VARIOGEO_FUZZ to a number of values")
@pytest.mark.parametrize("name", KINDS)
def test_many_hostile_values_never_raise_what_is_not_ours(name, capsys):
    seed = time.time_ns() % 1_000_000
    found = fuzz(name, -(-LONG // len(KINDS)), seed)
    with capsys.disabled():
        print(f"\nseed {seed}: {found['kind']}: {found['counts']}")
    assert found["wrong"] == []
