"""HTML in one file: it fetches nothing and runs nothing, whatever is stored."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from exporting.test_markdown import MESSAGE, SESSION, TEXTS
from hypothesis import given
from hypothesis import strategies as st

from hermes_store.web.exported import exported

PIXEL = "data:image/png;base64,iVBORw0KGgo="
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "p", "nav", "ol",
    "li", "article", "a", "time", "b", "details", "summary", "img",
}  # fmt: skip


class Page(HTMLParser):
    """Notes what a browser would do."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.texts, self.attributes = [], [], [], set()
        self.policy = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        given = dict(attributes)
        self.attributes |= given.keys()
        self.addresses += [(tag, given[name]) for name in ("href", "src") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, data):
        self.texts.append(data)


def document(*messages, lineage=(), **session) -> str:
    rows = [
        {**MESSAGE, "reasoning_details": None, "codex_reasoning_items": None, **each}
        for each in messages
    ]
    whole = {**SESSION, "last_active": 1772359200.0, **session, "messages": rows}
    return "".join(exported([(whole, list(lineage))]))


@given(
    TEXTS | st.sampled_from(["javascript:alert(1)", '" onload="x', "</style><script>", "{{ 1 }}"])
)
def test_no_text_becomes_markup_or_an_address(text):
    parts = [
        {"type": "text", "text": text},
        {"type": "image_url", "image_url": {"url": text}},
        text,
    ]
    page = Page(
        document(
            {"content": text, "reasoning": text, "name": text, "role": text or "user"},
            {"content": parts, "role": "tool", "tool_name": text, "state": "rewound"},
            {"tool_calls": [{"function": {"name": text, "arguments": text}}, text]},
            title=text,
            id=text or "i",
            system_prompt=text,
            model=text,
            parent_session_id=text,
            link="branch",
            lineage=[text, text],
        )
    )
    assert set(page.tags) <= ALLOWED
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert {address for _, address in page.addresses if not address.startswith("https://")} == {
        "#m1"
    }


def test_its_policy_allows_its_own_style_and_images_that_it_holds_and_nothing_else():
    text = document({"content": "x"})
    style = re.search("<style>(.*)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert Page(text).policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style


def test_images_of_messages_are_in_the_file_and_those_elsewhere_are_links():
    urls = [PIXEL, "https://example.org/x.png", "data:image/svg+xml;base64,AAAA", "javascript:x"]
    page = Page(document({"content": [{"image_url": {"url": url}} for url in urls]}))
    assert page.addresses == [("a", "#m1"), ("img", PIXEL), ("a", urls[1])]


def test_a_message_has_its_time_state_reasoning_and_calls():
    call = {"function": {"name": "terminal", "arguments": '{"command": "ls"}'}}
    text = " ".join(
        Page(
            document(
                {"reasoning": "hm", "tool_calls": [call], "state": "compacted", "content": "Yes"},
                title="Talk",
                system_prompt="Be brief",
                parent_session_id="p1",
                lineage=["p1", "s1"],
            )
        ).texts
    )
    for said in (
        "Talk",
        "Be brief",
        "2026-03-01",
        "compacted",
        "hm",
        "terminal",
        '"ls"',
        "p1",
        "Yes",
    ):
        assert said in text


def test_a_long_text_is_whole():
    assert "x" * 100_000 in document({"content": "x" * 100_000})


def test_sessions_are_written_one_at_a_time():
    def sessions():
        for number in range(3):
            begun.append(number)
            yield {**SESSION, "id": f"s{number}", "last_active": 1.0, "messages": []}, []

    begun = []
    seen = [(len(begun), piece) for piece in exported(sessions())]
    assert next(n for n, piece in seen if piece == "s1") == 2


def test_an_export_of_nothing_is_a_page_too():
    assert "<title>No sessions</title>" in "".join(exported([]))
