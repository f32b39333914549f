"""The catalogue of errors is current and complete, and the check of the built pages finds what it should."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
ERRORS = runpy.run_path(str(DOCS / "scripts" / "error_catalogue.py"))


@pytest.fixture(scope="module")
def raised():
    """Every message that the package raises."""
    return ERRORS["sites"]()


def test_the_catalogue_of_errors_is_current(raised):
    assert (DOCS / "errors.md").read_text() == ERRORS["page"](raised), "run python docs/scripts/error_catalogue.py"
    assert len(raised) > 450


def test_every_error_says_what_is_wrong_and_then_the_rule_or_the_cure(raised):
    assert [f"{site.module}: {site.message}" for site in ERRORS["without_cure"](raised)] == []


def test_every_class_of_errors_that_is_raised_is_one_that_users_know(raised):
    known = {
        "ValueError", "TypeError", "DataError", "ImportError", "RuntimeError", "OSError", "KeyError", "IndexError",
        "MemoryError", "FileNotFoundError", "FileExistsError", "NotADirectoryError", "PermissionError",
        "IsADirectoryError",
    }  # fmt: skip
    assert {site.kind for site in raised} <= known


def test_the_catalogue_reads_messages_from_names_branches_sums_and_functions(tmp_path):
    module = tmp_path / "package" / "part.py"
    module.parent.mkdir()
    module.write_text(
        "LIMIT = 'Too large. Use less.'\n"
        "def _text(value):\n    return f'Invalid value {value!r}. Must be one.'\n"
        "class Thing:\n"
        "    def check(self, rows, size):\n"
        "        if size:\n            msg = f'Has {len(rows)} rows: {listed_rows(rows)}. Drop them.'\n"
        "            raise ValueError(msg)\n"
        "        msg = 'Wrong. ' + ('Add.' if size else 'Remove.')\n        raise TypeError(msg) from None\n"
        "def other(error):\n    try:\n        raise ValueError(LIMIT)\n    except ValueError:\n        raise\n"
        "    raise DataError(_text(error))\n    raise NotImplementedError\n    raise OSError(error.errno, f'{error}')\n"
    )
    found = [(site.function, site.kind, site.message) for site in ERRORS["sites"](module.parent)]
    assert found == [
        ("other", "ValueError", "Too large. Use less."),
        ("other", "DataError", "Invalid value {value}. Must be one."),
        ("other", "OSError", "{error}"),
        ("Thing.check", "ValueError", "Has {number} rows: {rows}. Drop them."),
        ("Thing.check", "TypeError", "Wrong. Add."),
        ("Thing.check", "TypeError", "Wrong. Remove."),
    ]
    (passed_on,) = [site for site in ERRORS["sites"](module.parent) if site.part_of_another]
    assert passed_on.kind == "OSError"


def test_a_message_of_one_sentence_is_found():
    site = ERRORS["Site"]("m", "f", "ValueError", "It is empty.")
    assert ERRORS["without_cure"]([site]) == [site]
    assert "| ValueError | It is \\| \\_empty\\_. |  | `f` |" in ERRORS["page"](
        [ERRORS["Site"]("m", "f", "ValueError", "It is | _empty_.")]
    )


SITE = runpy.run_path(str(DOCS / "scripts" / "check_site.py"))


def test_the_check_of_the_built_pages_finds_what_is_loaded_from_elsewhere_and_links_that_lead_nowhere(tmp_path, capsys):
    (tmp_path / "other.html").write_text('<h1 id="here">x</h1>')
    good = '<link rel="canonical" href="https://x.org"><a href="https://x.org">out</a><a href="other.html#here">in</a>'
    (tmp_path / "index.html").write_text(f'{good}<img src="data:image/png;base64,aa"><script src="a.js"></script>')
    assert SITE["main"]([str(tmp_path)]) == 0
    (tmp_path / "bad.html").write_text(
        '<script src="https://cdn.org/a.js"></script><img srcset="//x.org/a.png 2x">'
        '<p style="background: url(http://x.org/b)"><link rel="stylesheet" href="https://x.org/s.css">'
        '<a href="gone.html"></a><a href="other.html#gone"></a><a href="#no"></a>'
    )
    (tmp_path / "sheet.css").write_text('@import "https://x.org/t.css"; p { background: url("local.png") }')
    assert SITE["main"]([str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "bad.html loads https://cdn.org/a.js",
        "bad.html loads //x.org/a.png",
        "bad.html loads http://x.org/b",
        "bad.html loads https://x.org/s.css",
        "sheet.css loads https://x.org/t.css",
        "bad.html links to gone.html",
        "bad.html links to other.html#gone",
        "bad.html links to #no",
    ]
