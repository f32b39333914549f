"""What holds for all tests and doctests: no network, and `--core` where the extras are not installed."""

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
TESTS = HERE / "tests"
IMPORTS = re.compile(r"^([ .>]*)(?:from ([\w.]+) import |import ([\w.]+))", flags=re.MULTILINE)
NEED_TORCH = ("variogeo.nn", "variogeo.trainers", "variogeo.experiments")
NEED_OPEN_CLIP = ("open_clip.py", "_siglip_loss.py")

_left_out: dict[str, None] = {}


def _load_offline() -> ModuleType:
    """Return the module that refuses connections, and has it found by the processes that tests start."""
    folder = TESTS / "offline"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    sys.path.append(str(folder))  # some tests hand their own path on
    spec = importlib.util.spec_from_file_location("offline", folder / "sitecustomize.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


offline = _load_offline()

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # The index of numba's cache is not safe with two processes that compile one function at a time.
    os.environ["NUMBA_CACHE_DIR"] = str(HERE / "variogeo" / "__pycache__" / worker)


@pytest.fixture(scope="session")
def refusals() -> Callable[[], list[str]]:
    """Return the function that lists the connections that were refused since it was last called."""
    return _refusals


def _refusals() -> list[str]:
    log = Path(os.environ[offline.LOG])
    lines = log.read_text(encoding="utf-8").splitlines()
    if lines:
        log.write_text("", encoding="utf-8")
    return lines


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Fail a test that reached for the network, though what it called may have swallowed the error."""
    result = yield
    refused = _refusals()
    if refused:
        pytest.fail("\n".join(refused), pytrace=False)
    return result


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--core``."""
    parser.addoption("--core", action="store_true", help="leave out files that import packages that are not installed")


def pytest_configure(config: pytest.Config) -> None:
    """Make the file in which refused connections are listed, one for each process that runs tests."""
    number, path = tempfile.mkstemp(prefix="variogeo-refused-")
    os.close(number)
    os.environ[offline.LOG] = path
    config.add_cleanup(lambda: Path(path).unlink())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out with ``--core`` what cannot be imported here; without it a missing package is an error."""
    if not config.getoption("--core") or collection_path.suffix != ".py":
        return None
    missing = _missing(collection_path)
    if not missing:
        return None
    _left_out[f"{collection_path.relative_to(HERE)} ({', '.join(sorted(missing))})"] = None
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which files were left out, and for the want of what."""
    if _left_out:
        terminalreporter.section("left out: packages that are not installed")
        terminalreporter.write_line("\n".join(_left_out))


@cache
def _missing(file: Path) -> frozenset[str]:
    """Return the absent packages that are imported: at the top of tests and their helpers, anywhere in the package."""
    in_package = TESTS not in file.parents
    dotted = ".".join(file.relative_to(HERE).with_suffix("").parts)
    found: set[str] = set(_absent("torch")) if dotted.startswith(NEED_TORCH) else set()
    for indent, origin, module in IMPORTS.findall(file.read_text(encoding="utf-8")):
        name = origin or module
        root = name.split(".")[0]
        if indent and not in_package:
            continue
        if (TESTS / f"{root}.py").exists():
            found |= _missing(TESTS / f"{root}.py")
        elif name.startswith(NEED_TORCH):
            found |= _absent("torch")
        else:
            found |= _absent(root)
    return frozenset(found)


@cache
def _absent(package: str) -> frozenset[str]:
    return frozenset() if importlib.util.find_spec(package) else frozenset({package})


def pytest_collect_file(file_path: Path) -> None:
    """Import open_clip with stand-ins for torchvision before a module that imports it is collected."""
    if file_path.parent.name == "trainers" and file_path.name in NEED_OPEN_CLIP:
        from torchvision_stub import import_open_clip

        import_open_clip()
