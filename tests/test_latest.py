"""Values that are made on demand and shared by threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from variogeo._engine._latest import Latest


def test_a_value_is_made_once_for_all_threads():
    made = []

    def make(key):
        made.append(key)
        time.sleep(0.02)
        return [key]

    latest = Latest(make, 3)
    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(latest.__getitem__, [1, 2, 1, 2, 1, 2, 1, 2]))
    assert sorted(made) == [1, 2]
    assert all(one is values[0] for one in values[::2])


def test_a_value_is_waited_for_by_those_who_ask_for_it_only():
    begun, go_on = threading.Event(), threading.Event()

    def make(key):
        if key == "slow":
            begun.set()
            assert go_on.wait(5)
        return key

    latest = Latest(make, 2)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(latest.__getitem__, "slow")
        assert begun.wait(5)
        assert latest["quick"] == "quick"
        go_on.set()
        assert slow.result() == "slow"


def test_only_the_latest_are_kept():
    made = []
    latest = Latest(lambda key: made.append(key) or key, 2)
    for key in (1, 2, 1, 3, 1, 2):
        assert latest[key] == key
    assert made == [1, 2, 3, 2]


def test_what_could_not_be_made_is_tried_again():
    failures = [OSError("not now")]

    def make(key):
        if failures:
            raise failures.pop()
        return key

    latest = Latest(make, 2)
    with pytest.raises(OSError, match="not now"):
        latest[1]
    assert latest[1] == 1
