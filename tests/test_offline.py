"""The tests use this machine alone: what reaches beyond it is refused, here and in processes that a test starts."""

import os
import socket
import subprocess
import sys

import pytest

BEYOND = "192.0.2.1"  # reserved for documentation: nobody is there


def datagram():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (lambda: socket.socket().connect((BEYOND, 80)), "a connection to 192.0.2.1, port 80"),
        (lambda: socket.create_connection(("example.org", 443)), "a look-up of example.org"),
        (lambda: socket.gethostbyname("example.org"), "a look-up of example.org"),
        (lambda: datagram().sendto(b"", (BEYOND, 53)), "a connection to 192.0.2.1, port 53"),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_reaches_beyond_this_machine_is_refused_and_listed(reach, words, refusals):
    with pytest.raises(RuntimeError, match=f"^Refused {words}. Tests use this machine alone: .*is_refused_and_listed"):
        reach()
    (line,) = refusals()
    assert line.startswith(f"Refused {words}")
    assert not refusals()


def test_this_machine_can_be_reached(refusals):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(b"here")
        with server.accept()[0] as accepted:
            assert accepted.recv(4) == b"here"
    assert socket.getaddrinfo("localhost", 80)
    assert socket.getaddrinfo(socket.gethostname(), 80)
    with datagram() as asks_for_its_own_address:
        asks_for_its_own_address.connect(("127.0.0.1", 9))
    assert not refusals()


def test_a_process_that_a_test_starts_is_watched_even_when_it_swallows_the_error(refusals):
    code = f"import socket, contextlib\nwith contextlib.suppress(Exception): socket.socket().connect(('{BEYOND}', 80))"
    subprocess.run([sys.executable, "-c", code], check=True)
    (line,) = refusals()
    assert os.environ["PYTEST_CURRENT_TEST"] in line
