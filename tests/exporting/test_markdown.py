"""Markdown for people: whatever is stored, the document has our structure and none of its own."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support import CHARACTERS

from hermes_store.cli.markdown import markdown
from hermes_store.cli.output import when

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MESSAGE = {
    "id": 1, "role": "assistant", "name": None, "content": None, "timestamp": 1772359200.0,
    "state": None, "reasoning": None, "tool_calls": None, "tool_name": None,
}  # fmt: skip
SESSION = {
    "id": "s1", "title": "Title", "source": "cli", "model": "m", "started_at": 1772359200.0,
    "ended_at": None, "end_reason": None, "message_count": 1, "tool_call_count": 0,
    "input_tokens": 1, "output_tokens": 2, "estimated_cost_usd": None, "actual_cost_usd": None,
    "parent_session_id": None, "link": None, "system_prompt": None,
}  # fmt: skip


def document(*messages, lineage=(), **session) -> str:
    rows = [{**MESSAGE, **message} for message in messages]
    return "".join(markdown([({**SESSION, **session, "messages": rows}, list(lineage))]))


def tokens(text):
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def structure(text) -> tuple[int, int, int]:
    """Headings of our levels, and parts that are folded; raises for any foreign HTML or picture."""
    headings = [
        token.tag for token in tokens(text) if token.type == "heading_open" and not token.level
    ]
    folded = 0
    for token in tokens(text):
        assert token.type not in {"html_inline", "image"}, token.content
        if token.type == "html_block":
            assert re.fullmatch(
                r"<details><summary>[^<>]*</summary>|</details>", token.content.strip()
            )
            folded += 1
    return headings.count("h1"), headings.count("h2"), folded // 2


TEXTS = st.lists(
    st.sampled_from([
        "```", "````", "~~~", "`", "``", "<script>", "</details>", "<!--", "<b", ">", "- ", "1. ",
        "# ", "## x", "===", "---", "\n", "\n\n", "    ", "\t", " ", "|", "|-|\n", "![a](b)", "[a]: b",
        "\\", "\r", "&lt;", "word", "<https://a.b>", "<?", "<![CDATA[", "* ", "\0", "\u2028", "é", "![a]",
    ]) | st.text(CHARACTERS, max_size=4),
    max_size=14,
).map("".join)  # fmt: skip


@given(TEXTS, TEXTS)
@example("\t<script>", "-\t\t<b>\n")
@example("- ```\n  <b>\n  ```\n<script>", "a ` b\nc ` <script> `")
@example("|a|b|\n|-|-|\n|`|<script>|`|", "```` <b>\n```\n</details>")
@example("100. ```\n\t<script>\n```\n<b>", "\t```\n<i>")
def test_no_text_breaks_the_structure(one, two):
    text = document(
        {"content": one, "reasoning": two},
        {"content": two, "role": one or "user", "name": two},
        {"content": one, "role": "tool", "tool_name": two},
        {"tool_calls": [{"function": {"name": one, "arguments": two}}, one]},
        title=two,
        system_prompt=one or "p",
        model=one,
        lineage=[one, two],
    )
    assert structure(text) == (1, 4, 4 + bool(two))


def test_code_in_a_text_stays_as_it_was_written():
    given = "Use `Vec<T>` and `a<b`:\n\n```html\n<b>\tx</b>\n```\n\n    <indented>\n\nnot <b>code</b> ![x](y)"
    text = document({"content": given})
    html = PARSER.render(text)
    assert "<code>Vec&lt;T&gt;</code> and <code>a&lt;b</code>" in html
    assert "&lt;b&gt;\tx&lt;/b&gt;\n</code></pre>" in html
    assert "&lt;indented&gt;\n</code></pre>" in html
    assert "not &lt;b&gt;code&lt;/b&gt; !<a" in html


def test_lists_headings_and_emphasis_in_a_text_work_inside_its_quotation():
    html = PARSER.render(document({"content": "# Plan\n\n1. **first**\n2. second\n"}))
    quoted = html[html.index("<blockquote>") : html.index("</blockquote>")]
    assert "<h1>Plan</h1>" in quoted
    assert "<li><strong>first</strong></li>" in quoted


def test_a_fence_is_longer_than_any_fence_within():
    text = document({"role": "tool", "tool_name": "cat", "content": "````\n```\nx"})
    assert "\n`````\n````\n```\nx\n`````\n" in text


def test_calls_results_and_reasoning_are_folded_and_arguments_are_laid_out():
    call = {"function": {"name": "terminal", "arguments": '{"command": "ls <a>", "n": 1}'}}
    text = document(
        {"reasoning": "Let me *look*.", "tool_calls": [call]},
        {"role": "tool", "tool_name": "terminal", "content": "a  b\n"},
    )
    assert "<details><summary>reasoning</summary>\n\n> Let me *look*.\n\n</details>" in text
    assert '<details><summary>call terminal</summary>\n\n```json\n{\n  "command": "ls <a>",' in text
    assert "<details><summary>result terminal</summary>\n\n```\na  b\n```\n\n</details>" in text


@pytest.mark.parametrize("calls", [7, "x", {"a": 1}, [None], [{"function": None}], [[]]])
def test_calls_of_any_form_are_shown(calls):
    assert structure(document({"tool_calls": calls}))[2] >= 1


def test_the_head_tells_times_model_sums_and_lineage():
    text = document(
        lineage=["a", "s1", "c_d"], parent_session_id="a", link="compression", title=None,
        ended_at=1772362800.0, end_reason="compression", actual_cost_usd=1.5,
    )  # fmt: skip
    begun = when(SESSION["started_at"])
    assert text.startswith(f"# s1\n\n- s1 · cli · m\n- {begun} · ended after 1 h: compression\n")
    assert "1 message · 0 tool calls · 1 tokens in · 2 out · \\$1.50" in text
    assert "- continues a\n- conversation: a → **s1** → c_d\n" in text


def test_a_message_that_is_not_live_says_so():
    text = document({"state": "rewound", "content": "x"}, {"state": "compacted", "content": "y"})
    assert re.findall(r"message 1 · (\w+)$", text, re.MULTILINE) == ["rewound", "compacted"]


def test_what_steers_a_terminal_or_turns_text_is_a_picture():
    text = document({"content": "a\x1b[31m\u202eb\x00", "role": "us\x07er"}, title="\x9b\u2066")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
    assert "a␛[31m<U+202E>b␀".replace("<", "&lt;") in text


@pytest.mark.parametrize("content", [None, "", [], {}, 7, [{"type": "image_url"}], [{"text": "t"}]])
def test_contents_of_any_form_are_shown(content):
    assert structure(document({"content": content}))[:2] == (1, 1)
