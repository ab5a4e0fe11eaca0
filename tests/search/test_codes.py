"""Characters that are written as codes: the words behind them, and the text that is shown."""

import json

import pytest

from hermes_store.search.codes import decoded, decoded_words
from hermes_store.search.ddl import LONGEST_TEXT
from hermes_store.search.texts import undone

CODED = [
    (r'"src\/\u00e4ndern.py"', ["src/ändern.py"], '"src/ändern.py"'),
    (r'"\ncaf\u00e9 \ud83d\ude80go"', ["\ncafé", "🚀go"], '"\ncafé 🚀go"'),
    (r"'Gr\\u00fc\\u00dfe'", ["Grüße"], "'Grüße'"),
    (
        r'modified: "docs/\303\274bersicht.md"',
        ["docs/übersicht.md"],
        'modified: "docs/übersicht.md"',
    ),
    (r"b'K\xc3\xb6ln' 'b\xfcro'", ["Köln", "büro"], "b'Köln' 'büro'"),
    ("<p>Caf&eacute; f&#252;r&nbsp;G&#xE4;ste", ["Café", "für\xa0Gäste"], "<p>Café für\xa0Gäste"),
    ("don&rsquo;t AT&amp;T &lt;b&gt;", ["don’t", "AT&T"], "don’t AT&T <b>"),
    ("/wiki/Z%C3%BCrich", [], "/wiki/Zürich"),
]


@pytest.mark.parametrize(("text", "words", "shown"), CODED)
def test_codes_are_decoded_in_words_and_in_what_is_shown(text, words, shown):
    assert list(decoded_words(text)) == words
    assert decoded(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        r"C:\Users\ada \d+ \033[31m",
        "a && b; c &nothing; &",
        "100% of %zz %C3 %FF",
        r'"\u00" "\xg" "\8"',
        "&#99999999;",
        "\\" * 50,
    ],
)
def test_what_is_no_code_stays(text):
    assert list(decoded_words(text)) == []
    assert decoded(text).replace("\\", "") == text.replace("\\", "")


def in_content(text):
    return {"content": text}


def in_a_result(text):
    return {"content": json.dumps({"output": text, "exit_code": 0})}


def in_arguments(text):
    call = {"function": {"name": "write_file", "arguments": json.dumps({"text": text})}}
    return {"tool_calls": [call]}


@pytest.mark.parametrize("place", [in_content, in_a_result, in_arguments])
@pytest.mark.parametrize(
    ("stored", "typed", "shown"),
    [
        ("see /wiki/Z%C3%BCrich now", "zurich", "see /wiki/[Zürich] now"),
        (r'cut "caf\u00e9 au lait', "café", 'cut "[café] au lait'),
        (r'modified: "docs/\303\274bersicht.md"', "übersicht.md", '"docs/[übersicht.md]"'),
        ("<p>Gr&uuml;&szlig;e", "grüße", "<p>[Grüße]"),
        ("at 2026-04-28T23:15:07.250Z", '"2026-04-28 23:15"', "at [2026-04-28T23:15]:07.250Z"),
        ("at 2026-04-28T23:15:07.250Z", "23:15:07.250", "at 2026-04-28T[23:15:07.250]Z"),
        (r"open C:\AppData", '"app data"', r"open C:\[AppData]"),
        ('{"a": "x\\ny"}\n{"b": "Gr\\u00fc\\u00dfe"}', "grüße", "{b: [Grüße]}"),
    ],
)
def test_a_hit_is_marked_where_it_is_and_decoded(repository, place, stored, typed, shown):
    repository.create_session("s", "cli")
    repository.append_message("s", "assistant", **place(stored))
    (hit,) = repository.search_messages(typed, markers=("[", "]"))
    assert hit["matched_in"] == ("tool_calls" if place is in_arguments else "content")
    assert shown in hit["snippet"]


CUT = [
    '{"path": "src\\/\\u00e4ndern.py", "body": "def f():\\n\\treturn 1',
    '[{"path": "src\\/\\u00e4ndern.py", "body": "def f():\\n\\treturn 1\\u00',
    '{"path": "src\\/\\u00e4ndern.py", "body": "def f():\\n\\treturn 1\\',
    '{"path": "src\\/\\u00e4ndern.py", "body": "def f():\\n\\treturn 1"',
    '{"path": "src\\/\\u00e4ndern.py", "body": "def f():\\n\\treturn 1\n\n[cut off here]',
]


def cut_arguments(text):
    return {"tool_calls": [{"function": {"name": "write_file", "arguments": text}}]}


@pytest.mark.parametrize("place", [in_content, in_a_result, in_arguments, cut_arguments])
@pytest.mark.parametrize("text", CUT)
def test_json_that_was_cut_off_reads_like_json(repository, place, text):
    repository.create_session("s", "cli")
    repository.append_message("s", "assistant", **place(text))
    for typed in ("src/ändern.py", '"f return 1"', "def"):
        (hit,) = repository.search_messages(typed)
        assert "ändern.py" in hit["snippet"]
        assert "\\n" not in hit["snippet"]
    assert repository.search_messages("treturn") == []
    assert repository.check() == []


def test_of_lines_of_json_those_are_read_that_are_searched():
    lines = '{"a": "x\\ny"}\n' * 100_000
    read, is_the_view_s = undone(lines)
    assert read.startswith("{a: x\ny}\n{a: x\ny}\n")
    assert len(read) <= LONGEST_TEXT < len(lines)
    assert not is_the_view_s


@pytest.mark.parametrize(
    "text", [r"[build] C:\new\café", r"{C:\new", r'{"a": C:\new', r'["a" b "\new']
)
def test_what_only_begins_like_json_is_searched_as_it_is(repository, text):
    repository.create_session("s", "cli")
    repository.append_message("s", "tool", text)
    (hit,) = repository.search_messages("new")
    assert hit["snippet"].replace(">>>", "").replace("<<<", "") == text
