"""Stored text stays text: no element, no attribute, no address comes out of it."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from stored import change
from support import only_sqlite

pytestmark = only_sqlite

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a>"
    "{{ 7*1234567 }}{% raw %}</p></article>\u202etxt.exe\u2066\u0007\x1b[31m\U000e0041]]><!--"
)
NEVER = "\u202e\u2066\u0007\x1b\U000e0041"


class Elements(HTMLParser):
    """What a browser would make of a page: its elements, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def hostile(stored, repository):
    """A session of which every text is hostile."""
    call = {"type": "function", "function": {"name": HOSTILE, "arguments": HOSTILE}}
    address = {"type": "image_url", "image_url": {"url": f"https://x.example/{HOSTILE}"}}
    found = stored(
        {"role": HOSTILE, "content": f"needle {HOSTILE}", "name": HOSTILE},
        {"role": "tool", "content": HOSTILE, "tool_name": HOSTILE},
        {
            "role": "assistant",
            "content": [HOSTILE, address, {HOSTILE: HOSTILE}],
            "tool_calls": [call, HOSTILE],
            "reasoning": HOSTILE,
        },
        session_id=f"s{HOSTILE}",
        source=HOSTILE,
        model=HOSTILE,
        user_id=HOSTILE,
    )
    child = f"t{HOSTILE}"
    repository.create_session(child, HOSTILE, parent_session_id=f"s{HOSTILE}", link="branch")
    repository.set_session_title(child, HOSTILE.replace("\x1b", "").replace("\u0007", "")[:80])
    return found


def pages(client):
    """Each page that the list leads to."""
    seen, left = (
        {},
        [
            "/",
            "/search?q=needle",
            f"/search?q={HOSTILE[:60]}",
            f"/s/{HOSTILE[:20]}",
            f"/?source={HOSTILE[:9]}",
        ],
    )
    while left:
        page = left.pop()
        if page not in seen:
            seen[page] = client.get(page).text
            addresses = (a.get("href") or a.get("src") for _, a in Elements(seen[page]).found)
            places = [a.partition("#")[0] for a in addresses if a and "static" not in a]
            left += [urljoin(page, place) for place in places if place[:1] in {"/", "?"}]
    return seen


def test_hostile_text_makes_no_element_attribute_or_address(client, hostile):
    found = pages(client)
    assert len(found) > 15
    for page, text in found.items():
        assert not set(NEVER) & set(text), page
        assert "{{ 7*1234567 }}" in text or "8641969" not in text, page
        for tag, attributes in Elements(text).found:
            assert tag != "script" or attributes["src"] == "/static/follow.js", page
            assert not [name for name in attributes if name.startswith("on")], page
            assert (attributes.get("href") or "/").startswith(
                ("/", "?m=", "#content", "#choose", "https://x.example/")
            ), page
            assert (attributes.get("src") or "/")[0] in "/?", page


def test_what_steers_a_screen_is_a_picture(client, stored):
    stored({"role": "user", "content": "a\x1bb\u202ec\x00d"})
    assert "a\u241bb&lt;U+202E&gt;c\u2400d" in client.get("/s/s").text


@pytest.mark.parametrize("odd", ["'odd\u202e' || char(7)", "x'ff00'", "9e999"])
def test_pages_show_what_another_program_stored_as_numbers(
    client, stored, repository, database, odd
):
    stored({"role": "user", "content": "needle"})
    repository.record_usage("s", model="m")
    columns = "started_at", "last_active", "message_count", "input_tokens", "estimated_cost_usd"
    change(database, f"UPDATE sessions SET {', '.join(f'{name} = {odd}' for name in columns)}")
    change(database, f"UPDATE messages SET timestamp = {odd}, token_count = {odd}")
    change(database, f"UPDATE usage SET calls = {odd}, estimated_cost_usd = {odd}")
    for page in ("/", "/s/s", "/search?q=needle", "/usage", "/usage/longest", "/usage.csv"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert not any(each in answer.text for each in NEVER)
