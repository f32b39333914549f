"""The parser of all commands, and what becomes of an error: `main`."""

import argparse
from collections.abc import Sequence

from variogeo import __version__
from variogeo.cli import _check, _demo, _experiment, _fit, _merge, _report, _weights
from variogeo.cli._lines import leave_stdout, say, warnings_on_stderr
from variogeo.cli._usage import UsageError

_COMMANDS = (_check, _fit, _report, _merge, _weights, _demo, _experiment)

_CODES = """\
exit codes: 0 done; 1 the data or a file cannot be used, said in one line; 2 wrong usage; 130 interrupted.
Results are on stdout, with --json as one line; progress and warnings are on stderr."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the name of the program; those of the process by default.

    Returns
    -------
    int
        0: done; 1: the data or a file cannot be used, said in one line on stderr; 130: interrupted.

    Raises
    ------
    SystemExit
        With 2 for wrong usage, with 0 after ``--help`` and ``--version``: as argparse does.

    Examples
    --------
    >>> from variogeo.cli import main
    >>> main(["merge", "absent.json", "absent.json", "--out", "all.json"])
    1
    """
    arguments, unknown = _parser().parse_known_args(argv)
    if unknown:
        # The parser itself would show the usage of no command.
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        with warnings_on_stderr():
            return arguments.run(arguments) or 0
    except UsageError as error:
        return arguments.parser.error(str(error))
    except BrokenPipeError:
        leave_stdout()
        say("nobody reads the output any more, so the rest was not done.")
        return 1
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError) as error:
        say(_with_notes(str(error) or "not enough memory.", error))
        return 1
    except KeyboardInterrupt as error:
        say(_with_notes("interrupted.", error))
        return 130


def _with_notes(text: str, error: BaseException) -> str:
    """Return what happened and, of a run with a folder, how to go on."""
    return " ".join([text, *getattr(error, "__notes__", [])])


def _parser() -> argparse.ArgumentParser:
    """Return the parser; the namespace it makes has ``run`` and the ``parser`` of the command."""
    parser = argparse.ArgumentParser(
        prog="variogeo",
        description="Semivariograms of image embeddings on Earth, and the weights they imply.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in _COMMANDS:
        command = module.add_to(commands)
        # An abbreviation would change its meaning with the next option that begins like it.
        command.allow_abbrev = False
        command.set_defaults(run=module.run, parser=command)
    return parser
