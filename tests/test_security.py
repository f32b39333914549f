"""What the package never does: run what it reads, reach a network, or start a shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "variogeo"
SOURCES = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN_MODULES = {
    "_pickle", "aiohttp", "cloudpickle", "code", "dill", "fsspec", "ftplib", "http", "httpx", "joblib", "marshal",
    "pickle", "requests", "shelve", "smtplib", "socket", "ssl", "subprocess", "telnetlib", "urllib", "urllib3",
    "webbrowser", "yaml",
}  # fmt: skip
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_NAMES = {("numpy", "load"), ("torch", "load"), ("builtins", "eval"), ("builtins", "exec")}
FORBIDDEN_METHODS = {"extractall", "read_pickle", "to_pickle", "system", "popen", "unsafe_load"}


def violations(source: str) -> Iterator[str]:
    """Yield what a source does that it must not, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (f"{node.lineno}: import {name}" for name in names if name.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
                yield f"{node.lineno}: from {node.module}"
            # Under a name of its own a call is no longer seen for what it is.
            yield from (f"{node.lineno}: from {node.module} import {alias.name}" for alias in node.names
                        if alias.name in FORBIDDEN_METHODS or (node.module, alias.name) in FORBIDDEN_NAMES)  # fmt: skip
        elif isinstance(node, ast.Call):
            yield from (f"{node.lineno}: {wrong}" for wrong in _wrong_call(node))


def _wrong_call(call: ast.Call) -> Iterator[str]:
    """Yield what is wrong with a call."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    false = {name for name, value in given.items() if isinstance(value, ast.Constant) and value.value is False}
    if isinstance(call.func, ast.Name) and call.func.id in FORBIDDEN_CALLS:
        yield call.func.id
    if isinstance(call.func, ast.Attribute):
        owner = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
        if call.func.attr in FORBIDDEN_METHODS:
            yield call.func.attr
        if (owner, call.func.attr) == ("np", "load") and "allow_pickle" not in false:
            yield "np.load without allow_pickle=False"
        if (owner, call.func.attr) == ("torch", "load"):
            yield "torch.load"
    if "shell" in given and "shell" not in false:
        yield "shell="


@pytest.mark.parametrize(
    "source",
    [
        "from os import system", "from numpy import load", "from builtins import eval as value",
        "import pickle", "from pickle import loads", "import urllib.request", "eval('1')", "exec(text)", "os.system(x)",
        "np.load(path)", "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=flag)", "torch.load(path)",
        "archive.extractall(folder)", "run(x, shell=True)", "pd.read_pickle(path)", "yaml.unsafe_load(text)",
    ],
)  # fmt: skip
def test_the_rule_sees_what_it_forbids(source):
    assert list(violations(source))


@pytest.mark.parametrize(
    "source", ["np.load(path, allow_pickle=False)", "from os import fsync", "model.eval()", "re.compile(text)"]
)
def test_the_rule_lets_the_rest_pass(source):
    assert not list(violations(source))


def test_nothing_in_the_package_unpickles_evaluates_or_reaches_a_network():
    found = {
        f"{file.relative_to(PACKAGE)}:{line}": None for file in SOURCES for line in violations(file.read_text("utf-8"))
    }
    assert list(found) == []
    assert len(SOURCES) > 100


def test_no_address_is_fetched_by_a_page_or_a_plot():
    """An address may stand in a text, as a reference; a namespace of SVG is none that is fetched."""
    tags = ('src="http', "src='http", 'href="http', "url(http", "@import", "<link", "fetch(", "XMLHttpRequest")
    found = [
        (str(file.relative_to(PACKAGE)), tag) for file in SOURCES for tag in tags if tag in file.read_text("utf-8")
    ]
    assert found == []
