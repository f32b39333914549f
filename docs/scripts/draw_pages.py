"""Draw the pages of a checkup and of a report in chromium, as docs/images has them: `draw_pages.py FOLDER`."""

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

import variogeo

WIDTH = 1200
"""Pixels of a picture."""

MARGIN = 16

COLOURS = 128
"""Of a picture: a page has few, and the file is a third as large."""


def main(folder: str) -> None:
    """Write check.png and report.png."""
    out, photos = Path(folder), variogeo.datasets.geoclip_photos()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        check, report = Path(temporary) / "check.html", Path(temporary) / "report.html"
        check.write_text(variogeo.check(*photos).to_html(), encoding="utf-8")
        variogeo.report(photos.lonlat, photos.embeddings, report, title="2 500 photos", model_id="GeoCLIP")
        draw(browser, check, out / "check.png", until="body > *")
        draw(browser, report, out / "report.png", until=".views")
        browser.close()


def draw(browser: Browser, page: Path, picture: Path, *, until: str) -> None:
    """Draw a page from its top to the end of an element; of a report the hard negatives are selected."""
    shown = browser.new_page(viewport={"width": WIDTH, "height": 900})
    shown.goto(page.as_uri())
    if shown.locator("#cloud").count():
        shown.wait_for_function("document.documentElement.dataset.view === 'ready'")
        shown.click("button[data-kind='0']")
        shown.wait_for_timeout(500)
    shown.evaluate("window.scrollTo(0, 0)")
    right, bottom = shown.evaluate(
        "name => { const box = document.querySelector(name).getBoundingClientRect(); return [box.right, box.bottom] }",
        until,
    )
    drawn = Image.open(BytesIO(shown.screenshot(full_page=True)))
    drawn = drawn.crop((0, 0, min(int(right) + MARGIN, WIDTH), int(bottom) + MARGIN))
    drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)
    shown.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
