"""How the pages look: narrow and wide, dark and light, for everybody; pictures for the manual."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RACE = "20260210_091204_3f9ac1"

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
WIDE, NARROW = {"width": 1100, "height": 800}, {"width": 360, "height": 640}


def visit(page: Page, store) -> dict[str, str]:
    """The address of each kind of page."""
    at = page.url.rstrip("/")
    message = store.get_messages(RACE)[2]["id"]
    for model, tokens in (("large", 90_000), ("small", 20_000)):
        store.record_usage(RACE, model=model, input_tokens=tokens, output_tokens=tokens // 9,
                           estimated_cost_usd=tokens / 50_000, actual_cost_usd=tokens / 60_000)  # fmt: skip
    return {
        "sessions": f"{at}/",
        "chosen": f"{at}/?source=cli",
        "session": f"{at}/s/{RACE}",
        "message": f"{at}/s/{RACE}?whole={message}",
        "search": f"{at}/search?q=token+refresh",
        "usage": f"{at}/usage?by=model&of=cost",
        "usage by day": f"{at}/usage",
        "longest": f"{at}/usage/longest",
        "gone": f"{at}/s/none",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_is_accessible(opened, store, scheme):
    page = opened(color_scheme=scheme)
    for name, address in visit(page, store).items():
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"


def test_at_360_pixels_nothing_is_wider_than_the_window(opened, store):
    long = "x" * 300
    store.create_session("long", long, long)
    store.append_message("long", "user", f"{long}\n{long}")
    store.set_session_title("long", long[:100])
    page = opened(viewport=NARROW)
    addresses = visit(page, store)
    for address in [*addresses.values(), f"{addresses['sessions']}s/long"]:
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, address


PICTURES = {
    "web-sessions": ("chosen", WIDE, "light"),
    "web-session": ("session", WIDE, "dark"),
    "web-search": ("search", WIDE, "light"),
    "web-usage": ("usage", WIDE, "light"),
    "web-narrow": ("session", NARROW, "light"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_manual_shows_pictures_of_these_pages(opened, store, request, tmp_path, name):
    kind, size, scheme = PICTURES[name]
    page = opened(viewport=size, color_scheme=scheme)
    page.goto(visit(page, store)[kind])
    folder = IMAGES if request.config.getoption("pictures") else tmp_path
    picture = page.screenshot(path=folder / f"{name}.png")
    assert len(picture) < 150_000
    assert (IMAGES / f"{name}.png").exists(), "make test-browser ARGS=--pictures writes them"
