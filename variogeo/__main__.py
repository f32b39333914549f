"""``python -m variogeo``: the command line."""

import sys

from variogeo.cli import main

if __name__ == "__main__":
    sys.exit(main())
