"""Refuses connections and look-ups beyond this machine, in each Python process that finds this file first.

An audit hook sees what is done through sockets below any library, and cannot be removed again.
"""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

LOG = "VARIOGEO_TESTS_REFUSED"
"""Environment variable with the file in which refusals are listed, because a library may swallow the error."""

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_HERE = {"", "localhost", "localhost.localdomain", "0.0.0.0", "::", "::1", socket.gethostname()}


class BeyondThisMachine(RuntimeError):
    """A test reached for the network."""


def _is_here(host: object) -> bool:
    """Whether a host is this machine, told without a look-up."""
    name = host.decode() if isinstance(host, bytes) else host
    return name is None or name in _HERE or (isinstance(name, str) and name.startswith("127."))


def _refuse(what: str) -> None:
    """Note a refusal, and raise it."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "outside any test")
    text = f"Refused {what}. Tests use this machine alone: {test}"
    with suppress(KeyError, OSError), Path(os.environ[LOG]).open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    raise BeyondThisMachine(text)


def _watch(event: str, given: tuple) -> None:
    """Look at what is about to be done, named by Python's table of audit events."""
    if event in ("socket.connect", "socket.sendto"):
        own, address = given
        # Dask connects a datagram socket, which sends nothing, to learn the address of this machine.
        asks = event == "socket.connect" and own.type == socket.SOCK_DGRAM
        if own.family in _FAMILIES and not asks and not _is_here(address[0]):
            _refuse(f"a connection to {address[0]}, port {address[1]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not _is_here(given[0]):
        _refuse(f"a look-up of {given[0]}")


sys.addaudithook(_watch)
