"""``python -m variogeo.cli``."""

import sys

from variogeo.cli._main import main

if __name__ == "__main__":
    sys.exit(main())
