"""PostgreSQL: the words that come with a message are those that the server would make of it."""

import json

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.search.postgresql_ddl import MADE
from hermes_store.search.postgresql_words import words_of

pytestmark = pytest.mark.postgresql

COLUMNS = ("content", "content_format", "tool_name", "tool_calls", "folded")
STORE = sa.text(
    "INSERT INTO messages (session_id, role, timestamp, content, content_format, tool_name,"
    " tool_calls, folded, search) VALUES ('s', 'user', 1, :content, :content_format, :tool_name,"
    " :tool_calls, :folded, CAST(:words AS tsvector))"
    f" RETURNING search = {MADE} AND position(:digest in CAST(search AS text)) = 0"
)
PLAIN = st.text(
    st.sampled_from("aZ09 .'\\\"[{:&|!*\n\t\x01\x1b\x7f“”‘’–—…•·«»°§é記\x1c"), max_size=60
)
MESSAGES = st.fixed_dictionaries(
    {"content": st.none() | PLAIN},
    optional={
        "tool_name": PLAIN,
        "folded": PLAIN | PLAIN.map(lambda text: json.dumps({"forms": text}, ensure_ascii=False)),
        "content_format": st.just("json"),
        "tool_calls": st.just("[]"),
    },
)


@pytest.fixture
def server(postgresql_database: URL):
    engine = sa.create_engine(postgresql_database)
    with engine.connect() as connection:
        connection.execute(
            sa.text("INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1)")
        )
        yield connection
    engine.dispose()


@settings(max_examples=300)
@given(message=MESSAGES)
@example(message={"content": None})
@example(message={"content": "(a"})
@example(message={"content": "x " * 254})
@example(message={"content": "x " * 255})
@example(message={"content": " ".join(map(str, range(16_001)))})
@example(message={"content": "y" * 501})
@example(message={"content": "y" * 200_000})
@example(message={"content": "".join(map(chr, range(1, 128)))})
def test_they_are_equal_or_left_to_the_server(server, message):
    words = words_of(message)
    if words is not None:
        columns = dict.fromkeys(COLUMNS) | message
        given_words = {"words": words, "digest": words.rpartition(" ")[2][:-1]}
        assert server.execute(STORE, {**columns, **given_words}).scalar_one()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Read foo/bar.py:42", "read:1 foo:2 bar:3 py:4 42:5"),
        ("don’t — ever", "don:1 t:2 ever:3"),
        ("記憶", None),
        ('{"a": "\\n"}', None),
        ([{"type": "text", "text": "parts"}], None),
    ],
)
def test_most_messages_need_nothing_of_the_server(content, expected):
    structured = not isinstance(content, str)
    stored = {"content": json.dumps(content) if structured else content}
    words = words_of(stored | {"content_format": "json" if structured else None})
    assert (words and words.rpartition(" ' ")[0]) == expected


def test_words_of_other_texts_are_made_anew(postgresql_database, server):
    others = words_of({"content": "another"})
    for words in (None, "given:1", others):
        message = {"content": "needle", "words": words, "digest": "-"}
        assert server.execute(STORE, dict.fromkeys(COLUMNS) | message).scalar_one()


def test_they_are_taken_from_an_append_and_a_list(postgresql_database, server):
    rename = "ALTER FUNCTION {} RENAME TO {}".format
    server.rollback()
    server.execute(sa.text(rename("hermes_search_of_message", "gone")))
    server.commit()
    with SessionRepository(postgresql_database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "one needle")
        repository.append_messages("s", [{"role": "tool", "content": "two", "name": "needle"}] * 2)
    found = server.execute(sa.text("SELECT search FROM messages ORDER BY id")).scalars()
    assert [*found] == ["'needle':2 'one':1", *["'needle':3 'two':1"] * 2]
    server.execute(sa.text(rename("gone", "hermes_search_of_message")))
    server.commit()
