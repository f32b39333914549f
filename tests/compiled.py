"""The cache of compiled loops: numba looks at the file of a function only, and not at what it calls."""

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "variogeo"
_STAMP = PACKAGE / "__pycache__" / "compiled-from"


def discard_outdated() -> None:
    """Remove what was compiled from other sources than those of now."""
    digest = hashlib.sha256()
    for file in sorted((PACKAGE / "_engine").rglob("*.py")):
        digest.update(file.read_bytes())
    if _STAMP.exists() and _STAMP.read_text() == digest.hexdigest():
        return
    for file in PACKAGE.rglob("*.nb[ci]"):
        file.unlink(missing_ok=True)
    _STAMP.parent.mkdir(exist_ok=True)
    _STAMP.write_text(digest.hexdigest())
