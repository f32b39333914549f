"""Check the built pages: nothing is fetched from elsewhere, and every link within them leads somewhere.

Run it on the folder that Sphinx wrote. Links that a reader follows may lead out; what a page loads by itself may not.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src",
    "object": "data", "link": "href", "input": "src", "track": "src",
}  # fmt: skip

# Links that only name something: nothing is loaded.
NAMING = frozenset({"canonical", "search", "author", "index", "next", "prev", "license"})


class Page(HTMLParser):
    """What a page loads, where it links to, and the places within it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one tag loads, links to or names."""
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        names = set(given.get("rel", "").split())
        if tag in LOADING and LOADING[tag] in given and not names & NAMING:
            self.loads.append(given[LOADING[tag]])
        for name in ("srcset", "poster"):
            self.loads.extend(part.split()[0] for part in given.get(name, "").split(",") if part.strip())
        self.loads.extend(in_style(given.get("style", "")))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


def in_style(text: str) -> list[str]:
    """Return the addresses that a style sheet loads."""
    return re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)


def is_elsewhere(address: str) -> bool:
    """Return whether an address leads out of the pages."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def faults(site: Path) -> list[str]:
    """Return what is wrong with the pages of a folder, a line for each."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = [
        f"{path.relative_to(site)} loads {address}"
        for path, page in pages.items()
        for address in page.loads
        if is_elsewhere(address)
    ]
    for sheet in sorted(site.rglob("*.css")):
        found += [
            f"{sheet.relative_to(site)} loads {address}"
            for address in in_style(sheet.read_text(encoding="utf-8"))
            if is_elsewhere(address)
        ]
    for path, page in pages.items():
        found += [f"{path.relative_to(site)} links to {link}" for link in page.links if not _leads(link, path, pages)]
    return found


def _leads(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    """Return whether a link within the pages leads to a file, and to a place in it that exists."""
    if is_elsewhere(link):
        return True
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return False
    return not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].places


def main(arguments: list[str]) -> int:
    """Print what is wrong, and return 1 if anything is."""
    site = Path(arguments[0]).resolve()
    found = faults(site)
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(list(site.rglob('*.html')))} pages, {len(found)} faults")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
