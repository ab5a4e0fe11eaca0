"""Say which pages of a built documentation site load something from another host.

`python tools/site_is_offline.py site` prints a line for each such address and exits with 1. Links
that a reader follows are no matter; what a browser fetches by itself is.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FETCHED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
"""The elements that a browser fetches for, and the attribute that says from where."""

NOT_FETCHED = {"canonical", "next", "prev", "alternate"}
"""Relations of a `<link>` that only tell."""

NEEDS_A_SCRIPT = {"mermaid", "arithmatex"}
"""Classes of elements that the theme draws with a script of another host."""


class Page(HTMLParser):
    """Collects what a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        given = dict(attrs)
        address = given.get(FETCHED.get(tag, "")) or ""
        if address.startswith(("http:", "https:", "//")) and given.get("rel") not in NOT_FETCHED:
            self.elsewhere.append(address)
        drawn = NEEDS_A_SCRIPT & set((given.get("class") or "").split())
        self.elsewhere.extend(f"a script for {each}" for each in sorted(drawn))


def elsewhere(site: Path) -> Iterator[str]:
    """Yield "page: address" for all that the pages of a site load from other hosts."""
    for path in sorted(site.rglob("*.html")):
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        yield from (f"{path.relative_to(site)}: {address}" for address in page.elsewhere)
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        if "url(http" in text or "url(//" in text or "@import" in text:
            yield f"{path.relative_to(site)}: a style sheet or a font"


if __name__ == "__main__":
    sys.exit("\n".join(elsewhere(Path(sys.argv[1]))) or None)
