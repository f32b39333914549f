"""The command line: one module for each command, and `main`, which is its entry point."""

from variogeo.cli._main import main

__all__ = ["main"]
