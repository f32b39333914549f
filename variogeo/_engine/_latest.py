"""Latest: values that are made when they are asked for, the latest of which are kept for all threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Latest:
    """The values of ``make``, the last ``most`` of which are kept.

    Threads that ask for a value while it is kept get the same one, which is made once; others do not wait for it.

    Parameters
    ----------
    make : callable
        From a key to its value.
    most : int
    """

    def __init__(self, make: Callable[[int], Any], most: int) -> None:
        self._make, self._most = make, most
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, _Entry] = OrderedDict()

    def __getitem__(self, key: int) -> Any:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        with entry.lock:
            if not entry.made:
                entry.value, entry.made = self._make(key), True
        return entry.value


class _Entry:
    """A value, once it is made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made = False
        self.value: Any = None
