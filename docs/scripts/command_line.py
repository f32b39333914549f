"""Write the options of every command into docs/command_line.md, from the parser itself.

What stands above the first marker of the page is written by hand. ``--check`` writes nothing and fails when the page is
out of date.
"""

import argparse
import os
import sys
from pathlib import Path
from unittest import mock

PAGE = Path(__file__).parents[1] / "command_line.md"
MARKER = "<!-- From here on written by docs/scripts/command_line.py -->\n"


def helps() -> dict[str, str]:
    """Return the help of each command, as a terminal of 100 columns shows it."""
    from variogeo.cli._main import _parser

    with mock.patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1"}):
        parser = _parser()
        (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        return {name: command.format_help() for name, command in commands.choices.items()}


def page(text: str) -> str:
    """Return the text of the page with the options as they are now."""
    above = text.partition(MARKER)[0]
    parts = [f"## variogeo {name}\n\n```text\n{shown.rstrip()}\n```\n" for name, shown in helps().items()]
    return above + MARKER + "\n" + "\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or hold it against the parser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is out of date")
    text = PAGE.read_text()
    if parser.parse_args(arguments).check:
        return int(page(text) != text)
    PAGE.write_text(page(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
