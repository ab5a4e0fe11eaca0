"""Datasette on a store's file, with the metadata that the documentation names."""

import asyncio
import re
import shlex
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from datasette.app import Datasette
from pages import ROOT
from support import until

from hermes_store import SessionRepository
from hermes_store.search.alphabet import APART
from hermes_store.search.folding import fold

METADATA = ROOT / "docs" / "datasette.yaml"
PAGE = (ROOT / "docs" / "datasette.md").read_text(encoding="utf-8")
QUERY = yaml.safe_load(METADATA.read_text(encoding="utf-8"))["databases"]["state"]["queries"][
    "search"
]["sql"]


@pytest.fixture
def store(sqlite_database):
    with SessionRepository(sqlite_database) as repo:
        repo.create_session("s", "cli")
        repo.set_session_title("s", "Fix the parser")
        for text in ("don't panic", "Straße nach Łódź", "記憶の箱", "Café au lait", "see foo/bar.py:42",
                     "call parseHTTPResponse", "<script>alert('needle')</script>"):  # fmt: skip
            repo.append_message("s", "user", text)
        repo.append_message("s", "assistant", [{"type": "text", "text": "a structured needle"}])
        repo.rewind("s", repo.append_message("s", "user", "a needle that was taken back"))
        repo.search_messages("needle")  # which puts the newest into the index
        yield repo


def asked(store, path, **parameters):
    """The answers of Datasette, in this process, to one request."""

    async def ask():
        read = yaml.safe_load(METADATA.read_text(encoding="utf-8"))
        datasette = Datasette([store.url.database], metadata=read)
        await datasette.invoke_startup()
        return await datasette.client.get(f"/state{path}", params=parameters)

    return asyncio.run(ask())


def rows(answer):
    assert answer.status_code == 200, answer.text
    return [row["content"] for row in answer.json()]


def found(store, words):
    return rows(asked(store, "/search.json", words=words, _shape="array"))


@pytest.mark.parametrize(
    "typed",
    ["panic", "PANIC", "don't", "panic don't", "straße", "STRASSE", "ŁÓDŹ", "lodz nach", "記憶", "憶", "箱 記憶",
     "cafe", "Café", "foo/bar.py:42", "http response", '"panic', "  panic  "],
)  # fmt: skip
def test_the_query_finds_what_the_command_finds(store, typed):
    expected = [hit["id"] for hit in store.search_messages(typed, limit=None)]
    assert expected
    answer = asked(store, "/search.json", words=typed, _shape="array")
    assert [row["id"] for row in answer.json()] == expected


@pytest.mark.parametrize(
    "typed", ["", '"', "nowhere", "panic nowhere", "AND", "*", "' OR 1=1 --", "NEAR(", "x" * 900]
)
def test_what_is_not_there_is_no_error(store, typed):
    assert found(store, typed) == []


def test_signs_beside_words_are_not_told_apart_as_the_page_says(store):
    for text in ("plan C", "written in C#"):
        store.append_message("s", "user", text)
    store.search_messages("C#")  # which puts the newest into the index
    assert sorted(found(store, "C#")) == ["plan C", "written in C#"]
    assert "`C#` finds `C` too" in PAGE


def test_the_query_leaves_out_what_was_taken_back_and_says_whose_message_it_is(store):
    answer = asked(store, "/search.json", words="needle", _shape="array").json()
    assert {(row["title"], row["session_id"], row["role"]) for row in answer} == {
        ("Fix the parser", "s", "user"), ("Fix the parser", "s", "assistant"),
    }  # fmt: skip


def test_the_search_field_of_the_table_finds_messages(store):
    page = asked(store, "/messages")
    assert 'name="_search"' in page.text
    messages = rows(asked(store, "/messages.json", _search="panic", _shape="array"))
    assert messages == ["don't panic"]
    assert len(rows(asked(store, "/messages.json", _search="cafe", _shape="array"))) == 1


def test_what_is_stored_is_text_on_the_page(store):
    for page in (
        asked(store, "/search", words="needle"),
        asked(store, "/messages", _search="needle"),
    ):
        assert "&lt;script&gt;alert" in page.text
        assert "<script>alert" not in page.text


def test_the_letters_and_scripts_of_the_query_are_those_of_the_index():
    pairs = re.findall(r"\('(\w+)', '(\w+)'\)", QUERY)
    assert len(pairs) > 10
    assert [(typed, indexed) for typed, indexed in pairs if fold(typed) != indexed] == []
    assert f"GLOB '[{APART}]'" in QUERY


# --- the program ----------------------------------------------------------------------------------


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def answers(url):
    try:
        return bool(get(url))
    except urllib.error.URLError:
        return False


@pytest.fixture
def served(store):
    """Datasette as the page starts it, beside a store that is open to write."""
    [line] = re.findall(r"^datasette serve .*$", PAGE, re.MULTILINE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = shlex.split(line, comments=True)[1:]
    arguments[arguments.index("docs/datasette.yaml")] = str(METADATA)
    command = [sys.executable, "-m", "datasette", *arguments, "--port", str(port)]
    with subprocess.Popen(
        command, cwd=Path(store.url.database).parent, stderr=subprocess.DEVNULL
    ) as process:
        url = f"http://127.0.0.1:{port}/state"
        until(lambda: answers(url))
        yield url
        process.terminate()


def test_beside_a_program_that_writes_it_shows_what_was_committed_and_changes_nothing(
    store, served
):
    newest = f"{served}.json?sql=SELECT+content+FROM+messages+ORDER+BY+id+DESC+LIMIT+1"
    for number in range(20):
        store.append_message("s", "user", f"straw {number}")
        assert f"straw {number}" in get(newest)
    assert len(store.search_messages("straw", limit=None)) == 20
    shown = get(f"{served}/search.json?words=straw&_shape=array")
    assert all(f"straw {number}" in shown for number in range(20))
    assert store.check() == []
    with pytest.raises(urllib.error.HTTPError):
        get(f"{served}?sql=DELETE+FROM+messages")
    assert store.message_count() > 20
