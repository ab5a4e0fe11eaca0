"""Lists of sessions: order, filters, pages, previews."""

from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest
from stored import change
from support import only_sqlite

from hermes_store import SessionFilter, SessionRepository
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries import paging
from hermes_store.queries.listing import Shape, _rich_statement, _search_statement
from hermes_store.queries.sessions import NAMES

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def three(repository, database):
    """Started in the order a, b, c; last active in the order b, c, a."""
    for number, (name, source) in enumerate((("a", "cli"), ("b", "telegram"), ("c", "cron"))):
        repository.create_session(name, source, system_prompt=f"prompt {name}")
        change(database, "UPDATE sessions SET started_at = ?, last_active = ? WHERE id = ?",
               1000.0 + number, 1000.0 + number, name)  # fmt: skip
    for number, name in enumerate("bca"):
        repository.append_message(name, "user", f"hello from {name}", timestamp=2000.0 + number)
    return repository


def ids(sessions):
    return [session["id"] for session in sessions]


def test_the_last_started_comes_first(three):
    assert ids(three.list_sessions_rich()) == ids(three.search_sessions()) == ["c", "b", "a"]


def test_the_last_active_comes_first_when_asked(three):
    assert ids(three.list_sessions_rich(order_by_last_active=True)) == ["a", "c", "b"]
    assert ids(three.search_sessions(order_by_last_active=True)) == ["a", "c", "b"]
    assert [s["last_active"] for s in three.search_sessions()] == [2001.0, 2000.0, 2002.0]


def test_an_older_message_does_not_turn_the_last_activity_back(three):
    three.append_message("a", "user", "imported late", timestamp=5.0)
    three.append_messages("a", [{"role": "user", "content": "x", "timestamp": 6.0}])
    assert three.get_session("a")["last_active"] == 2002.0


def test_sessions_of_equal_time_have_one_order_so_that_pages_do_not_overlap(repository, database):
    names = [f"s{number}" for number in range(9)]
    for name in names:
        repository.create_session(name, "cli")
    change(database, "UPDATE sessions SET started_at = 1.0, last_active = 1.0")
    for by_last_active in (False, True):
        pages = [
            repository.list_sessions_rich(
                limit=2, offset=offset, order_by_last_active=by_last_active
            )
            for offset in range(0, 10, 2)
        ]
        assert ids(chain(*pages)) == names[::-1]  # the greater id comes first


def test_a_page_is_cut_by_limit_and_offset(three):
    assert ids(three.list_sessions_rich(limit=2)) == ["c", "b"]
    assert ids(three.list_sessions_rich(limit=2, offset=2)) == ["a"]
    assert ids(three.search_sessions(None, 1, 1)) == ["b"]
    assert ids(three.list_sessions_rich(None, None, 1, 1)) == ["b"]
    assert three.list_sessions_rich(limit=0) == three.search_sessions(offset=9) == []
    assert len(three.list_sessions_rich(limit=None)) == len(three.search_sessions(limit=None)) == 3


def test_sources_filter_in_and_out(three):
    assert ids(three.list_sessions_rich(source="cli")) == ids(three.search_sessions("cli")) == ["a"]
    assert ids(three.list_sessions_rich(exclude_sources=["cli"])) == ["c", "b"]
    assert ids(three.list_sessions_rich(exclude_sources=("cli", "cron"))) == ["b"]
    assert three.list_sessions_rich("cli", ["cli"]) == []
    assert ids(three.list_sessions_rich("cli", order_by_last_active=True)) == ["a"]


@pytest.mark.parametrize("nothing", [None, [], (), ""])
def test_an_empty_filter_filters_nothing(three, nothing):
    assert len(three.list_sessions_rich(exclude_sources=nothing or None)) == 3
    assert len(three.list_sessions_rich(exclude_sources=list(nothing or []))) == 3
    assert len(three.list_sessions_rich(source=nothing or "")) == 3
    assert len(three.search_sessions(source=nothing or "")) == 3


def test_a_list_leaves_system_prompts_out_unless_asked(three):
    assert all("system_prompt" not in session for session in three.list_sessions_rich())
    asked = three.list_sessions_rich(include_system_prompt=True)
    assert [session["system_prompt"] for session in asked] == ["prompt c", "prompt b", "prompt a"]
    assert [session["system_prompt"] for session in three.search_sessions("cli")] == ["prompt a"]


def test_a_listed_session_has_all_other_columns_and_a_preview(three):
    for session in three.list_sessions_rich():
        whole = three.get_session(session["id"])
        del whole["system_prompt"]
        assert session == {**whole, "preview": f"hello from {session['id']}"}


def test_a_session_without_an_id_as_the_original_stored_them_is_not_listed(tmp_path):
    path = tmp_path / "legacy.db"
    with closing(sqlite_driver().connect(path)) as connection:
        connection.executescript((GOLDEN / "v6.sql").read_text(encoding="utf-8"))
        connection.execute("UPDATE sessions SET ended_at = 2e9 WHERE ended_at IS NULL")
        connection.execute("INSERT INTO sessions (source, started_at, ended_at) VALUES ('x', 1, 2)")
        connection.commit()
    with SessionRepository(path) as repository:
        for found in (
            repository.list_sessions_rich(),
            repository.search_sessions(order_by_last_active=True),
            repository.export_all(),
            repository.list_prune_candidates(0),
        ):
            assert None not in ids(found)
            assert len(found) > 0
        assert repository.prune_sessions(0) > 0
        assert repository.prune_sessions(0) == 0


# --- previews -----------------------------------------------------------------------------------

SIXTY = "x" * 60
PREVIEWS = {
    "short": ("hello", "hello"),
    "sixty characters": (SIXTY, SIXTY),
    "sixty-one": (SIXTY + "y", SIXTY + "..."),
    "a blank at sixty-one": (SIXTY + " and more", SIXTY + "..."),
    "blanks after sixty": (SIXTY + " \n ", SIXTY),
    "leading blanks": (" " * 70 + "\n\t\u3000 hello", "hello"),
    "every blank": ("".join(filter(str.isspace, map(chr, range(0x3001)))) * 10 + "hello", "hello"),
    "the last of ASCII": ("~ \n", "~"),
    "no blank": ("\x7f hello", "\x7f hello"),
    "a byte in octal": ("\\040", "\\040"),
    "lines": ("one\ntwo\r\nthree", "one two  three"),
    "only blanks": (" \n ", ""),
    "empty": ("", ""),
    "Chinese": ("记" * 61, "记" * 60 + "..."),
    "emoji": ("😀" * 60, "😀" * 60),
    "text parts": ([{"type": "text", "text": " look\nat"}, {"type": "text", "text": "this"}], "look at this"),
    "image first": ([{"type": "image_url", "image_url": {"url": "data:x"}}, {"type": "text", "text": "what is it?"}], "what is it?"),
    "no text": ([{"type": "image_url"}, 7, None], ""),
    "strings": (["a", "b"], "a b"),
    "a dict": ({"type": "text", "text": "alone"}, "alone"),
    "long parts": ([{"text": SIXTY}, {"text": "more"}], SIXTY + "..."),
}  # fmt: skip


@pytest.mark.parametrize(("content", "preview"), PREVIEWS.values(), ids=PREVIEWS)
def test_a_preview_is_the_first_sixty_characters_in_one_line(repository, content, preview):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", content)
    assert repository.list_sessions_rich()[0]["preview"] == preview


def test_the_preview_is_of_the_first_user_message_that_says_something(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "system", "rules")
    repository.append_message("s", "user", None)
    repository.append_message("s", "user", "the question", timestamp=2.0)
    repository.append_message("s", "user", "the next one", timestamp=1.0)
    assert repository.list_sessions_rich()[0]["preview"] == "the question"


def test_a_session_without_user_messages_has_an_empty_preview(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "assistant", "hello?")
    assert repository.list_sessions_rich()[0]["preview"] == ""


def test_broken_structured_content_previews_as_its_text(repository, database):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", ["x"])
    change(database, "UPDATE messages SET content = '[broken'")
    assert repository.list_sessions_rich()[0]["preview"] == "[broken"


# --- what a list costs --------------------------------------------------------------------------


@only_sqlite
@pytest.mark.parametrize("by_last_active", [False, True])
def test_a_page_is_read_from_an_index_and_not_sorted(repository, by_last_active):
    shape = Shape((("archived", 0),), paging.Shape(by_last_active=by_last_active))
    index = "idx_sessions_last_active" if by_last_active else "idx_sessions_started"
    for statement in (_search_statement(shape), _rich_statement(shape, NAMES)):
        plan = explain(repository, statement)
        assert f"SCAN sessions USING INDEX {index}" in plan
        assert "TEMP B-TREE" not in plan


def explain(repository, statement):
    """What SQLite would do for `statement`, a line per step."""
    with repository.transaction() as transaction:
        sql, constants = statement._compile("sqlite", transaction.connection.dialect)
        given = {"limit": 20, "offset": 0, "blanks": " ", **constants}
        driver = transaction.connection.connection.dbapi_connection
        return "\n".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", given))


def test_a_filter_of_too_many_names_is_refused_and_many_are_not(three):
    many = [f"source {number}" for number in range(500)]
    assert len(three.list_sessions_rich(exclude_sources=many)) == 3
    with pytest.raises(InvalidArgumentError, match="exclude_sources: 501 names"):
        three.list_sessions_rich(exclude_sources=[*many, "one more"])


def test_the_longest_sessions_come_first_by_their_last_activity(repository):
    for session_id, seconds in (("short", 5), ("long", 500), ("silent", None)):
        repository.create_session(session_id, "cli" if seconds else "cron")
        if seconds:
            begun = repository.get_session(session_id)["started_at"]
            repository.append_message(session_id, "user", session_id, timestamp=begun + seconds)
    repository.set_archived("long")
    longest = repository.longest_sessions()
    assert [row["id"] for row in longest] == ["long", "short", "silent"]
    assert (longest[0]["preview"], "system_prompt" in longest[0]) == ("long", False)
    assert [row["id"] for row in repository.longest_sessions(1)] == ["long"]
    only = SessionFilter(source="cron")
    assert [row["id"] for row in repository.longest_sessions(None, filter=only)] == ["silent"]
    with pytest.raises(InvalidArgumentError, match=r"^limit: "):
        repository.longest_sessions(-1)
