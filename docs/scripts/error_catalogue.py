"""Write docs/errors.md: every error that variogeo raises, from its own code.

The pieces of a message that are only known when it is raised stand in braces. The first sentence of a message is the
cause, the others are the rule and the cure. ``--check`` writes nothing and fails when the page is out of date.
"""

import argparse
import ast
import builtins
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

DOCS = Path(__file__).parents[1]
PACKAGE = DOCS.parent / "variogeo"
PAGE = DOCS / "errors.md"

# Messages to the interpreter or to the code around them, not to a user.
PROTOCOL = frozenset({"AttributeError", "CancelledError", "StopIteration", "NotImplementedError", "SystemExit"})

# Functions that raise the text that they are given, and add the rows.
CARRIERS = {"require_rows": "ValueError"}

INTRODUCTION = """# Errors

Every error that variogeo raises by itself. `docs/scripts/error_catalogue.py` reads them from the code, and a test holds
this page against it. Braces stand for what is only known when the error is raised: names, numbers, the first rows.

Bad input never yields a number. An error names the argument, what was found and in which rows, the rule, and what to do
instead. `ValueError` is about values, `TypeError` about types, `DataError` (a `ValueError`) about files and tables, and
`ImportError` tells the extra to install. Inputs are never written to, and no half-written file stays behind.
"""


@dataclass(frozen=True)
class Site:
    """One message of one raise: where it is, its type, and the message with braces for what is filled in."""

    module: str
    function: str
    kind: str
    message: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences of the message: the cause, then the rule and the cure."""
        return tuple(re.split(r"(?<=[.?!])(?<!e\.g\.)\s+|(?<={error})\s+(?=[A-Z])", self.message.strip()))

    @property
    def part_of_another(self) -> bool:
        """Whether another error carries it on: a clause, or nothing but what another error said."""
        return self.message.startswith("it ") or not re.search(r"\w", re.sub(r"{[^}]*}", "", self.message))

    @property
    def ends_with_another(self) -> bool:
        """Whether the message of another error, with its own rule and cure, is its end."""
        return self.message.endswith((": {error}", ": {error}."))


def sites(package: Path = PACKAGE) -> list[Site]:
    """Return every message that is raised in a package, in the order of its modules."""
    found = []
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        found.extend(_sites_of(ast.parse(file.read_text()), module))
    return found


def _sites_of(tree: ast.Module, module: str) -> Iterator[Site]:
    """Yield the messages that one module raises."""
    for scope, function in _scopes(tree):
        for node in _own_nodes(scope):
            kind, said = _raised(node)
            if said is None or function in CARRIERS:
                continue
            for message in _resolved(said, node.lineno, scope, tree):
                yield Site(module, function, kind, re.sub(r"\s+", " ", message))


def _raised(node: ast.AST) -> tuple[str, ast.expr | None]:
    """Return the type and the message of what a statement raises, or of a call that does it."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
        kind = ast.unparse(node.exc.func)
        if kind not in PROTOCOL and _is_error(kind):
            return kind, node.exc.args[-1]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CARRIERS:
        return CARRIERS[node.func.id], node.args[-1]
    return "", None


def _is_error(kind: str) -> bool:
    """Return whether a name is that of an exception class."""
    known = getattr(builtins, kind, None)
    return kind == "DataError" or (isinstance(known, type) and issubclass(known, Exception))


def _scopes(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the module, and each function with its name within the module."""
    yield tree, ""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        parent, prefix = waiting.pop(0)
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{node.name}"
                if not isinstance(node, ast.ClassDef):
                    yield node, name
                waiting.append((node, f"{name}."))
            else:
                waiting.append((node, prefix))


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope in the order of the text, without those of the functions inside it."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        yield from _own_nodes(node)


def _resolved(node: ast.expr, line: int, scope: ast.AST, tree: ast.Module) -> list[str]:
    """Return the messages that an expression may stand for; names are looked up where they were given a value."""
    if isinstance(node, ast.Name):
        value = _value_of(node.id, line, scope) or _value_of(node.id, line, tree)
        return [f"{{{node.id}}}"] if value is None else _resolved(value, value.lineno, scope, tree)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        returned = _returned(node.func.id, tree)
        if returned is not None:
            return _resolved(returned[1], returned[1].lineno, returned[0], tree)
    return _texts(node)


def _value_of(name: str, line: int, scope: ast.AST) -> ast.expr | None:
    """Return what a name was last given above a line, in one scope."""
    value = None
    for node in _own_nodes(scope):
        if isinstance(node, ast.Assign) and node.lineno < line:
            named = any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
            value = node.value if named else value
    return value


def _returned(name: str, tree: ast.Module) -> tuple[ast.FunctionDef, ast.expr] | None:
    """Return the function of a name, when all that it does is to return a text, and that text."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            last = node.body[-1]
            if isinstance(last, ast.Return) and isinstance(last.value, ast.JoinedStr | ast.Constant | ast.Name):
                return node, last.value
    return None


def _texts(node: ast.expr) -> list[str]:
    """Return the texts of an expression: one for each branch of a conditional, braces for what is filled in."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        return _joined([_texts(part) for part in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([_texts(node.left), _texts(node.right)])
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    if isinstance(node, ast.FormattedValue):
        return [f"{{{_label(node.value)}}}"]
    return [f"{{{_label(node)}}}"]


def _joined(parts: list[list[str]]) -> list[str]:
    """Return every way to take one text of each part."""
    return ["".join(chosen) for chosen in product(*parts)]


def _label(node: ast.expr) -> str:
    """Return a short name for what is filled in: ``rows`` for listed rows, a number for a length."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).split(".")[-1].lstrip("_")
        if called == "listed_rows":
            return "rows"
        if called == "len":
            return "number"
        if called == "join":
            return "list"
        return called.replace("_", " ")
    if isinstance(node, ast.Attribute):
        known = {"__name__": "type", "st_size": "number"}
        return known.get(node.attr, node.attr.lstrip("_").replace("_", " "))
    if isinstance(node, ast.Name):
        return node.id.lstrip("_").lower().replace("_", " ")
    if isinstance(node, ast.Subscript):
        return _label(node.value)
    return "value" if isinstance(node, ast.IfExp | ast.BoolOp) else "number"


def without_cure(found: list[Site]) -> list[Site]:
    """Return the messages that say what is wrong, but neither a rule nor a cure."""
    alone = (site for site in found if not site.part_of_another and not site.ends_with_another)
    return [site for site in alone if len(site.sentences) < 2]


def page(found: list[Site]) -> str:
    """Return the text of docs/errors.md: a table for each module."""
    whole = [site for site in found if not site.part_of_another]
    parts = [INTRODUCTION, f"{len(whole)} messages, by the module that raises them.\n"]
    for module, of_module in groupby(whole, key=lambda site: site.module):
        rows = sorted({_row(site) for site in of_module})
        parts.append(
            f"## {module}\n\n| error | cause | rule and cure | in |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def _row(site: Site) -> str:
    """Return one line of the table."""
    cause, *cure = site.sentences
    function = f"`{site.function}`" if site.function else "import"
    return f"| {site.kind} | {_cell(cause)} | {_cell(' '.join(cure))} | {function} |"


def _cell(text: str) -> str:
    """Return a message as the content of a cell, with what Markdown would take for its own marked as text."""
    return re.sub(r"([\\|*_`<>\[\]$~#])", r"\\\1", text)


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or hold it against the code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is out of date")
    chosen = parser.parse_args(arguments)
    text = page(sites())
    if chosen.check:
        return int(not PAGE.exists() or PAGE.read_text() != text)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
