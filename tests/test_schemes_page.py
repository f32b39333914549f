"""The page on schemes: its code runs, it names every scheme, and its picture can be drawn again."""

import re
import runpy
from pathlib import Path

from variogeo._weighting import WEIGHTINGS

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "schemes.md").read_text()


def test_the_code_of_the_page_runs():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert names["scheme"]


def test_the_table_has_every_scheme():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    named = {re.match(r"\| `(\w+)", row)[1] for row in rows}
    assert named == set(WEIGHTINGS) - {"SumWeighting"}
    assert all(row.count("|") == 7 for row in rows)


def test_the_picture_is_drawn_small_and_with_every_scheme(tmp_path):
    script = runpy.run_path(str(DOCS / "scripts" / "scheme_surfaces.py"))
    script["main"](["--out", str(tmp_path / "schemes.png")])
    drawn = (tmp_path / "schemes.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) < 150_000
    assert (DOCS / "images" / "schemes.png").stat().st_size < 150_000
    parts = [part for scheme in script["schemes"]().values() for part in getattr(scheme, "parts", (scheme,))]
    assert {type(part).__name__ for part in parts} == set(WEIGHTINGS) - {"SumWeighting"}
