"""`/s/{id}`: windows of messages, permalinks, lineage, what is gone."""

import pytest
from support import only_sqlite
from web.conftest import ids, links, main_of, over_asgi

pytestmark = only_sqlite  # what differs between databases is tested with lists and searches


def talk(number):
    return [{"role": "user", "content": f"message {each}"} for each in range(number)]


def test_a_session_opens_at_its_end(client, stored):
    stored_ids = stored(*talk(130))
    answer = client.get("/s/s")
    assert ids(answer) == stored_ids[30:]
    assert "30 messages before" in main_of(answer)
    assert "after</a>" not in main_of(answer)


def test_a_permalink_shows_the_window_around_its_message(client, stored):
    stored_ids = stored(*talk(300))
    anchor = stored_ids[150]
    answer = client.get(f"/s/s?m={anchor}")
    assert ids(answer) == stored_ids[100:200]
    assert f'<a href="?m={anchor}#m{anchor}">#{anchor}</a>' in main_of(answer)
    assert "100 messages before" in main_of(answer)
    assert "100 messages after" in main_of(answer)


def test_links_before_and_after_show_every_message_once(client, stored):
    stored_ids = stored(*talk(250))
    for begin, marker in (("/s/s?after=0", "after="), ("/s/s", "before=")):
        page, found = begin, []
        while page:
            answer = client.get(page)
            found += ids(answer)
            further = [x for x in links(answer) if marker in x and not x.endswith("after=0")]
            page = further[0] if further else ""
        assert sorted(found) == stored_ids


def test_reasoning_calls_and_results_of_tools_are_folded(client, stored):
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "read_file", "arguments": '{"path": "a.py"}'},
    }
    stored(
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning": "First the file.",
            "tool_calls": [call],
        },
        {"role": "tool", "content": "line 1\nline 2", "tool_name": "read_file"},
    )
    said = main_of(client.get("/s/s"))
    assert (
        '<details><summary>Reasoning</summary><p class="text" dir="auto">First the file.</p>'
        in said
    )
    assert "<details><summary>→ <b>read_file</b> {&#34;path&#34;: &#34;a.py&#34;}</summary>" in said
    assert (
        '<details><summary>line 1 line 2</summary>\n<p class="text" dir="auto">line 1\nline 2</p>'
        in said
    )
    assert '<p class="text" dir="auto">I look.</p>' in said
    assert said.count("<details") == 3
    assert "<details open" not in said


def test_other_forms_of_calls_and_parts_are_shown_as_they_are(client, stored):
    stored(
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "one"}, "two", {"type": "audio", "id": 7}, 3],
            "tool_calls": [{"name": "run", "input": {"a": 1}}, "odd", {"function": {"name": None}}],
        }
    )
    said = main_of(client.get("/s/s"))
    for text in (
        ">one<",
        ">two<",
        "&#34;type&#34;: &#34;audio&#34;",
        ">3<",
        "<b>run</b>",
        "odd",
        "null",
    ):
        assert text in said


def test_messages_that_were_set_aside_are_shown_when_asked_for_and_say_so(
    client, stored, repository
):
    old = stored(*talk(3))
    [summary] = repository.compact("s", [{"role": "system", "content": "a summary"}])
    assert ids(answer := client.get("/s/s")) == [summary]
    assert "/s/s?include=all" in links(answer)
    everything = client.get("/s/s?include=all")
    assert ids(everything) == [*old, summary]
    assert main_of(everything).count("<b>compacted</b>") == 3


def test_a_permalink_finds_a_message_that_was_set_aside(client, stored, repository):
    old = stored(*talk(3))
    repository.rewind("s", old[1])
    assert ids(client.get(f"/s/s?m={old[2]}")) == old


def test_the_lineage_is_a_strip_with_this_session_marked(client, repository):
    repository.create_session("a", "cli")
    repository.create_session("b", "cli", parent_session_id="a", link="compression")
    repository.create_session("c", "cli", parent_session_id="b", link="branch")
    strip = main_of(client.get("/s/b")).partition('class="strip"')[2].partition("</nav>")[0]
    assert 'href="/s/a" dir="auto">' in strip
    assert '<i>goes on</i> <a href="/s/b" aria-current="page"' in strip
    assert '<i>branch</i> <a href="/s/c" dir="auto">' in strip


def test_a_session_that_stands_alone_has_no_strip(client, stored):
    stored(*talk(1))
    assert "strip" not in client.get("/s/s").text


@pytest.mark.parametrize(
    "session_id", ["a/b", "a?b#c", "a b", "記憶", "%2F", "a\\b", '"><x', "a//b", "a\nb"]
)
def test_any_id_has_an_address(client, repository, stored, session_id):
    [message] = stored({"role": "user", "content": "here"}, session_id=session_id)
    page = next(link for link in links(client.get("/")) if link.startswith("/s/"))
    answer = over_asgi(repository, page)
    assert ">here</p>" in main_of(answer)
    assert ids(answer) == [message]


def test_a_long_text_is_cut_and_shown_whole_by_a_link(client, stored):
    [message] = stored({"role": "user", "content": "x" * 20_000 + "the end"})
    answer = client.get("/s/s")
    assert "the end" not in answer.text
    assert "12,007 characters left out" in main_of(answer)
    assert f"?whole={message}" in links(answer)
    assert "the end" in client.get(f"/s/s?whole={message}").text


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "記憶" * 500},
        {"role": "user", "content": "<" * 2_000},
        {"role": "user", "content": "\u202e" * 1_000},
        {"role": "user", "content": [{"type": "text", "text": "<b>" * 90}] * 50},
        {"role": "tool", "content": "<" * 5_000, "tool_name": "<" * 2_000},
        {
            "role": "assistant",
            "content": "x",
            "reasoning": "'" * 2_000,
            "tool_calls": [{"name": "<" * 999, "input": "\u202e" * 99}] * 12,
        },
    ],
    ids=["wide", "escaped", "pictures", "parts", "results", "calls"],
)
def test_a_full_page_stays_below_100_kilobytes_whatever_is_stored(client, stored, message):
    stored(*[message] * 100)
    assert len(client.get("/s/s").content) < 100_000


def test_a_message_of_many_parts_says_how_many_are_left_out(client, stored):
    [message, *_] = stored(
        *[{"role": "user", "content": [{"type": "text", "text": "p"}] * 9}] * 100
    )
    answer = client.get("/s/s")
    assert "6 parts left out" in main_of(answer)
    assert main_of(client.get(f"/s/s?whole={message}")).count(">p</p>") == 9


GONE = {
    "/s/none": "There is no session &#39;none&#39;: it was deleted, or never stored.",
    "/s/": "There is no session &#39;&#39;",
    "/s/s?m=999999": "Session &#39;s&#39; has no message 999999.",
    "/s/s?whole=999999": "Session &#39;s&#39; has no message 999999.",
    "/s/none?whole=1": "There is no session &#39;none&#39;",
    "/live/none": "There is no session &#39;none&#39;",
    "/s/none?m=1&image=0": "There is no session &#39;none&#39;",
}


@pytest.mark.parametrize("page", GONE)
def test_what_is_gone_is_told_with_a_way_back(client, stored, page):
    stored(*talk(1))
    answer = client.get(page)
    assert answer.status_code == 404
    assert GONE[page] in main_of(answer)
    assert links(answer) == ["/"]


WRONG = {
    "/s/s?m=x": "m: &#39;x&#39; is not a whole number; give one from 0 on.",
    "/s/s?m=1&after=2": "m: excludes after; give one of them.",
    "/s/s?include=some": "include: &#39;some&#39; is not known; use one of live, all.",
    "/s/s?image=0": "m: is missing; give the id of a message.",
    "/live/s?after=x": "after: &#39;x&#39; is not a whole number; give one from 0 on.",
    "/s/%00": "session_id: ",
}


@pytest.mark.parametrize("page", WRONG)
def test_a_wrong_parameter_is_a_sentence_with_the_remedy(client, stored, page):
    stored(*talk(1))
    answer = client.get(page)
    assert answer.status_code == 400
    assert WRONG[page] in main_of(answer)


def test_a_session_without_messages_says_so(client, stored):
    stored()
    assert "There are no messages here." in main_of(client.get("/s/s"))
