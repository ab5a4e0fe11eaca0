"""The ORM door keeps counters, index, JSON and rules as the repository's own methods do."""

import time

import pytest
from sqlalchemy import create_engine, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased, joinedload, load_only, selectinload
from stored import change, rows
from support import Caller, only_sqlite

from hermes_store.database.address import url_of
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError, TitleInUseError
from hermes_store.models import Message, Meta, Session, Usage, stored

CALLS = [{"id": "call_1", "function": {"name": "terminal", "arguments": "{}"}}, {"id": "call_2"}]
PARTS = [{"type": "text", "text": "a picture of pelicans"}, {"type": "image_url"}]


@pytest.fixture
def repo(repository):
    """A store with sessions a and b, two messages each, that is sound after the test."""
    for session_id in "ab":
        repository.create_session(session_id, "cli")
        repository.append_message(session_id, "user", f"first in {session_id}")
        repository.append_message(session_id, "assistant", PARTS, tool_calls=CALLS)
    yield repository
    assert repository.check() == []
    for session in repository.search_sessions():
        assert counters(repository, session["id"]) == recounted(repository, session["id"])


def counters(repo, session_id):
    session = repo.get_session(session_id)
    return session["message_count"], session["tool_call_count"], session["last_active"]


def recounted(repo, session_id):
    messages = repo.get_messages(session_id)
    times = [message["timestamp"] for message in messages]
    started = repo.get_session(session_id)["started_at"]
    calls = sum(len(message["tool_calls"] or ()) for message in messages)
    return len(messages), calls, max([started, *times])


def found(repo, word):
    return [hit["session_id"] for hit in repo.search_messages(word)]


def contents(repo, session_id):
    return [message["content"] for message in repo.get_messages(session_id)]


def ids(repo, session_id):
    return [message["id"] for message in repo.get_messages(session_id)]


# --- the unit of work ---------------------------------------------------------------------------


def test_an_added_message_is_stored_as_an_appended_one(repo):
    given = {
        "role": "assistant", "content": PARTS, "tool_name": "terminal", "tool_calls": CALLS,
        "tool_call_id": "call_0", "token_count": 12, "finish_reason": "stop", "reasoning": "think",
        "reasoning_details": [{"type": "reasoning.text"}], "codex_reasoning_items": {"id": "rs_1"},
        "timestamp": 4e9,
    }  # fmt: skip
    repo.append_message("a", **given)
    with repo.orm_session() as orm:
        orm.add(Message(session_id="b", **given))
    appended, added = repo.get_messages("a")[-1], repo.get_messages("b")[-1]
    different = {"id": added["id"], "session_id": "b"}
    assert added == {**appended, **different}
    assert counters(repo, "a") == counters(repo, "b") == (3, 4, 4e9)
    assert found(repo, "pelicans") == found(repo, "pelican*") != []


def test_a_message_without_a_time_is_of_now(repo):
    before = time.time()
    with repo.orm_session() as orm:
        orm.add_all([Message(session_id="a", role="user", content=word) for word in ("x", "y")])
    assert contents(repo, "a")[2:] == ["x", "y"]
    assert all(before <= m["timestamp"] <= time.time() for m in repo.get_messages("a")[2:])
    assert counters(repo, "a")[2] >= before


def test_a_session_begins_now_and_was_last_active_then(repo):
    before = time.time()
    with repo.orm_session() as orm:
        orm.add(Session(id="new", source="cli"))
    session = repo.get_session("new")
    assert before <= session["started_at"] == session["last_active"] <= time.time()
    assert (session["message_count"], session["input_tokens"]) == (0, 0)


def test_a_session_comes_with_its_messages_and_children(repo):
    with repo.orm_session() as orm:
        new = Session(id="new", source="cli", model_config={"temperature": 0.5})
        new.messages = [Message(role="user", content="walrus"), Message(role="tool", content=None)]
        new.children = [Session(id="child", source="cli")]
        orm.add(new)
    assert contents(repo, "new") == ["walrus", None]
    assert repo.get_session("new")["model_config"] == {"temperature": 0.5}
    assert repo.get_session("child")["parent_session_id"] == "new"
    assert found(repo, "walrus") == ["new"]


def test_a_changed_message_is_counted_and_found_as_it_is_now(repo):
    first, second = ids(repo, "a")
    with repo.orm_session() as orm:
        orm.get(Message, first).content = [{"type": "text", "text": "ocelot"}]
        orm.get(Message, second).content = "plain"
        orm.get(Message, second).tool_calls = None
        orm.get(Message, second).timestamp = 4e9
    assert contents(repo, "a") == [[{"type": "text", "text": "ocelot"}], "plain"]
    assert counters(repo, "a") == (2, 0, 4e9)
    assert (found(repo, "ocelot"), found(repo, "pelicans")) == (["a"], ["b"])


def test_a_message_that_moves_is_counted_where_it_is(repo):
    with repo.orm_session() as orm:
        orm.get(Message, ids(repo, "a")[1]).session_id = "b"
    assert (counters(repo, "a")[:2], counters(repo, "b")[:2]) == ((1, 0), (3, 4))


def test_a_message_that_moves_between_collections_is_counted_where_it_is(repo):
    with repo.orm_session() as orm:
        every = select(Session).options(selectinload(Session.messages)).order_by(Session.id)
        a, b = orm.scalars(every)
        b.messages.append(a.messages[1])
        a.messages.pop(0)
    assert (counters(repo, "a")[:2], counters(repo, "b")[:2]) == ((0, 0), (3, 4))
    assert counters(repo, "a")[2] == repo.get_session("a")["started_at"]


def test_a_deleted_message_is_neither_counted_nor_found(repo):
    with repo.orm_session() as orm:
        orm.delete(orm.get(Message, ids(repo, "a")[1]))
    assert counters(repo, "a")[:2] == (1, 0)
    assert found(repo, "pelicans") == ["b"]


def test_a_deleted_session_takes_its_messages_and_leaves_its_children(repo):
    repo.create_session("child", "cli", parent_session_id="a")
    repo.create_session("other child", "cli", parent_session_id="a")
    with repo.orm_session() as orm:
        child = orm.get(Session, "child")
        message = orm.scalars(select(Message).where(Message.session_id == "a")).first()
        orm.delete(orm.get(Session, "a"))
        orm.flush()
        assert child.parent_session_id is None
        assert message not in orm
    assert repo.get_session("a") is None
    assert repo.get_session("other child")["parent_session_id"] is None
    assert (found(repo, "pelicans"), repo.message_count()) == (["b"], 2)


def test_a_session_is_merged_into_another(repo):
    with repo.orm_session() as orm:
        for message in orm.scalars(select(Message).where(Message.session_id == "a")):
            message.session_id = "b"
        orm.delete(orm.get(Session, "a"))
    assert (counters(repo, "b")[:2], repo.session_count()) == ((4, 4), 1)


def test_a_deleted_session_takes_its_loaded_messages_and_its_deleted_children(repo):
    repo.create_session("child", "cli", parent_session_id="a")
    with repo.orm_session() as orm:
        a = orm.get(Session, "a", options=[selectinload(Session.messages)])
        a.messages[0].content = "changed"
        orm.add(Message(session_id="child", role="user", content="x"))
        orm.flush()
        orm.delete(orm.get(Session, "child"))
        orm.delete(a)
    assert (repo.session_count(), repo.message_count()) == (1, 2)


def test_counters_that_are_set_by_hand_are_put_right(repo):
    with repo.orm_session() as orm:
        a = orm.get(Session, "a")
        orm.add(Message(session_id="a", role="user", content="x"))
        a.message_count += 7
        a.tool_call_count = None
        orm.add(Session(id="new", source="cli", message_count=5))
    assert (counters(repo, "a")[:2], counters(repo, "new")[:2]) == ((3, 2), (0, 0))


def test_counters_are_right_inside_the_block_too(repo):
    with repo.orm_session() as orm:
        a = orm.get(Session, "a")
        orm.add(Message(session_id="a", role="user", content="x"))
        assert orm.scalar(select(Session.message_count).where(Session.id == "a")) == 3
        assert a.message_count == 3
        orm.execute(delete(Message))
        orm.refresh(a)
        assert (a.message_count, a.last_active) == (0, a.started_at)


def test_a_nested_transaction_that_is_rolled_back_leaves_the_counters_right(repo):
    with repo.orm_session() as orm:
        a = orm.get(Session, "a")
        with pytest.raises(ZeroDivisionError), orm.begin_nested():
            orm.add(Message(session_id="a", role="user", content="x"))
            orm.execute(delete(Message).where(Message.session_id == "b"))
            assert orm.scalar(select(func.sum(Session.message_count))) == 3
            raise ZeroDivisionError
        assert a.message_count == 2
        orm.add(Message(session_id="b", role="user", content="x"))
        orm.commit()
        orm.add(Message(session_id="b", role="user", content="y"))
    assert (counters(repo, "a")[0], counters(repo, "b")[0]) == (2, 4)


def test_messages_added_before_a_rolled_back_savepoint_are_counted_once(repo):
    with repo.orm_session() as orm:
        orm.add(Message(session_id="a", role="user", content="x", tool_calls=func.lower("[1]")))
        orm.add(Message(session_id="b", role="user", content="x", tool_calls=[1]))
        orm.flush()
        with pytest.raises(ZeroDivisionError), orm.begin_nested():
            orm.add(Message(session_id="b", role="user", content="y"))
            orm.flush()
            raise ZeroDivisionError
        orm.add(Message(session_id="b", role="user", content="z"))
    assert (counters(repo, "a")[:2], counters(repo, "b")[:2]) == ((3, 3), (4, 3))


def test_a_message_that_is_added_and_goes_with_its_session_is_no_error(repo):
    with repo.orm_session() as orm:
        orm.add(Message(session_id="a", role="user", content="x"))
        orm.flush()
        orm.delete(orm.get(Session, "a"))
        orm.execute(insert(Message), [{"session_id": "b", "role": "user"}])
        orm.execute(delete(Session))
    assert repo.message_count() == 0


def test_objects_stay_readable_after_the_block(repo):
    with repo.orm_session() as orm:
        message = Message(session_id="a", role="user", content=PARTS)
        orm.add_all([message, session := Session(id="new", source="cli")])
        a = orm.get(Session, "a")
    assert (message.id, message.content, message.tool_name) == (ids(repo, "a")[2], PARTS, None)
    assert (session.message_count, session.input_tokens, session.title) == (0, 0, None)
    assert a.message_count == 3


def test_a_block_goes_on_after_a_rollback(repo):
    with repo.orm_session() as orm:
        a = orm.get(Session, "a")
        orm.add(Message(session_id="a", role="user", content="x"))
        orm.flush()
        orm.rollback()
        assert a.message_count == 2
        orm.add(Message(session_id="a", role="user", content="y"))
    assert contents(repo, "a")[2:] == ["y"]


def test_an_append_on_another_connection_is_counted_once(repo):
    with repo.orm_session() as orm:
        orm.execute(delete(Message).where(Message.role == "user"))
        others = [Caller(lambda: repo.append_message("a", "user", "x")) for _ in range(4)]
        orm.scalars(select(Message.id)).all()
        orm.add(Message(session_id="a", role="user", content="y"))
    for other in others:
        other.finish()
    assert counters(repo, "a")[:2] == (6, 2)


# --- bulk statements ----------------------------------------------------------------------------


def test_bulk_inserted_messages_are_counted_found_and_decoded(repo):
    given = [
        {"session_id": "a", "role": "user", "content": PARTS},
        {"session_id": "b", "role": "assistant", "content": "ibis", "tool_calls": CALLS},
        {"session_id": "b", "role": "user", "content": None, "timestamp": 4e9},
    ]
    with repo.orm_session() as orm:
        orm.execute(insert(Message), given)
    assert contents(repo, "a")[2:] == [PARTS]
    assert contents(repo, "b")[2:] == ["ibis", None]
    assert counters(repo, "b") == (4, 4, 4e9)
    assert found(repo, "ibis") == ["b"]


def test_inserted_messages_come_back_when_they_are_asked_for(repo):
    given = [{"session_id": "a", "role": "user", "content": each} for each in (PARTS, "x")]
    with repo.orm_session() as orm:
        statement = insert(Message).returning(Message, sort_by_parameter_order=True)
        added = orm.scalars(statement, given).all()
        assert [message.content for message in added] == [PARTS, "x"]
        columns = insert(Message).returning(Message.content, Message.content_format)
        assert orm.execute(columns, given[:1]).all() == [(PARTS, "json")]
    assert ids(repo, "a")[2:4] == [message.id for message in added]


def test_values_in_the_statement_are_counted_and_decoded(repo):
    with repo.orm_session() as orm:
        orm.execute(insert(Message).values(session_id="a", role="user", content=PARTS))
        orm.execute(
            insert(Message).values(
                [
                    {"session_id": "a", "role": "user", "content": PARTS},
                    {"session_id": "b", "role": "user", "content": "text"},
                ]
            )
        )
        orm.execute(insert(Message).values(session_id="b"), [{"role": "user", "content": PARTS}])
        orm.execute(insert(Message), {"session_id": "b", "role": "user", "content": "one"})
    assert contents(repo, "a")[2:] == [PARTS, PARTS]
    assert contents(repo, "b")[2:] == ["text", PARTS, "one"]


def test_messages_that_are_copied_by_a_select_are_counted(repo):
    copied = ["session_id", "role", "content", "content_format", "tool_calls", "timestamp"]
    table = stored.messages
    given = select(*(table.c[name] for name in copied)).where(table.c.session_id == "a")
    with repo.orm_session() as orm:
        orm.execute(insert(Message).from_select(copied, given, include_defaults=False))
    assert contents(repo, "a") == ["first in a", PARTS] * 2


def test_statements_of_core_are_counted_too(repo):
    with repo.orm_session() as orm:
        encoded = {"session_id": "a", "role": "user", "content": "[1]", "content_format": "json"}
        orm.execute(insert(stored.messages), [{**encoded, "tool_calls": "[1, 2, 3]"}])
        orm.execute(delete(stored.messages).where(stored.messages.c.session_id == "b"))
    assert contents(repo, "a")[2:] == [[1]]
    assert counters(repo, "b")[0] == 0


def test_a_bulk_update_of_messages_is_counted_found_and_decoded(repo):
    first, second = ids(repo, "a")
    with repo.orm_session() as orm:
        loaded = orm.get(Message, first)
        of_a = update(Message).where(Message.session_id == "a")
        orm.execute(of_a.where(Message.role == "user").values(content=["heron"], timestamp=4e9))
        assert loaded.content == ["heron"]
        orm.execute(of_a.where(Message.id == second), {"content": "plain", "tool_calls": None})
    assert contents(repo, "a") == [["heron"], "plain"]
    assert counters(repo, "a") == (2, 0, 4e9)
    assert found(repo, "heron") == ["a"]


def test_a_bulk_update_by_key_is_counted_and_decoded(repo):
    first, second = ids(repo, "a")
    with repo.orm_session() as orm:
        changes = [{"id": first, "content": PARTS}, {"id": second, "content": "plain"}]
        orm.execute(update(Message), changes)
        orm.execute(update(Message), [{"id": second, "session_id": "b", "tool_calls": [1]}])
    assert contents(repo, "a") == [PARTS]
    assert contents(repo, "b")[0] == "plain" or contents(repo, "b")[-1] == "plain"
    assert (counters(repo, "a")[:2], counters(repo, "b")[:2]) == ((1, 0), (3, 3))


@pytest.mark.parametrize("target", ["b", func.lower("B")], ids=["value", "expression"])
def test_messages_that_are_moved_in_bulk_are_counted_where_they_are(repo, target):
    with repo.orm_session() as orm:
        moved = update(Message).where(Message.session_id == "a").values(session_id=target)
        orm.execute(moved, execution_options={"synchronize_session": False})
    assert (counters(repo, "a")[:2], counters(repo, "b")[:2]) == ((0, 0), (4, 4))


def test_messages_deleted_in_bulk_are_neither_counted_nor_found(repo):
    with repo.orm_session() as orm:
        assert orm.execute(delete(Message).where(Message.role == "assistant")).rowcount == 2
    assert [counters(repo, each)[:2] for each in "ab"] == [(1, 0), (1, 0)]
    assert found(repo, "pelicans") == []


def test_sessions_deleted_in_bulk_take_their_messages_and_leave_their_children(repo):
    repo.create_session("child", "cli", parent_session_id="a")
    with repo.orm_session() as orm:
        child = orm.get(Session, "child")
        message = orm.get(Message, ids(repo, "a")[0])
        assert orm.execute(delete(Session).where(Session.id == "a")).rowcount == 1
        assert child.parent_session_id is None
        assert message not in orm
    assert repo.get_session("child")["parent_session_id"] is None
    assert (repo.session_count(), repo.message_count()) == (2, 2)


def test_sessions_inserted_and_updated_in_bulk_are_right(repo):
    with repo.orm_session() as orm:
        given = [
            {"id": "p", "source": "cli", "model_config": {"x": 1}, "message_count": 9},
            {"id": "c", "source": "cli", "started_at": 5.0, "parent_session_id": "p"},
        ]
        orm.execute(insert(Session), given)
        orm.execute(update(Session).values(message_count=7, model_config=["y"]))
        orm.execute(update(Session).where(Session.id == "a").values(title="  tidy\n me "))
    assert repo.get_session("p")["model_config"] == ["y"]
    assert (repo.get_session("c")["last_active"], counters(repo, "a")[0]) == (5.0, 2)
    assert repo.get_session_title("a") == "tidy me"


def test_the_bulk_methods_of_old_count_too(repo):
    first = ids(repo, "a")[0]
    with repo.orm_session() as orm:
        orm.bulk_save_objects([Message(session_id="a", role="user", content=PARTS)])
        orm.bulk_insert_mappings(Message, [{"session_id": "b", "role": "user", "content": "x"}])
        orm.bulk_update_mappings(Message, [{"id": first, "tool_calls": CALLS}])
    assert contents(repo, "a")[2:] == [PARTS]
    assert (counters(repo, "a")[:2], counters(repo, "b")[:2]) == ((3, 4), (3, 2))


# --- JSON ---------------------------------------------------------------------------------------


def test_json_is_read_as_python_values_however_it_is_selected(repo):
    with repo.orm_session() as orm:
        assistant = select(Message).where(Message.role == "assistant", Message.session_id == "a")
        message = orm.scalars(assistant).one()
        assert (message.content, message.tool_calls) == (PARTS, CALLS)
        other = aliased(Message)
        assert orm.scalars(select(other.content).order_by(other.id)).all()[:2] == [
            "first in a",
            PARTS,
        ]
        inner = select(Message).where(Message.session_id == "a").limit(5).subquery()
        again = aliased(Message, inner)
        assert orm.scalars(select(again).order_by(again.id)).all()[1] is message
        eager = select(Session).options(joinedload(Session.messages)).limit(1).order_by(Session.id)
        assert [m.content for m in orm.scalars(eager).unique().one().messages] == [
            "first in a",
            PARTS,
        ]
        assert orm.scalar(select(func.length(Message.content)).limit(1)) == len("first in a")
        assert orm.scalar(select(func.lower(Message.content)).limit(1)) == "first in a"


def test_contents_are_grouped_by_an_expression(repo):
    said = func.coalesce(Message.content, "").label("said")
    with repo.orm_session() as orm:
        orm.add(Message(session_id="b", role="user", content="first in b"))
        grouped = orm.execute(select(said, func.count()).group_by("said")).all()
    assert ("first in b", 2) in grouped


@pytest.mark.parametrize(
    "content",
    ["[1]", "{}", "null", "\x01content:json:[1]", "\x01content:", "\x01", "", None, [], {}],
)
def test_a_content_comes_back_as_it_was_given(repo, content):
    with repo.orm_session() as orm:
        orm.add(message := Message(session_id="a", role="user", content=content))
        orm.flush()
        orm.expire(message)
        assert message.content == content
        assert orm.scalars(select(Message.content).order_by(Message.id.desc())).first() == content
    assert contents(repo, "a")[2] == content


def test_text_that_is_not_json_is_read_as_it_is(repo):
    with repo.orm_session() as orm:
        orm.execute(text("UPDATE messages SET tool_calls = 'not JSON' WHERE session_id = 'a'"))
        assert set(orm.scalars(select(Message.tool_calls).where(Message.session_id == "a"))) == {
            "not JSON"
        }
        orm.execute(update(Message).where(Message.session_id == "a").values(tool_calls=None))


def test_the_models_read_with_an_engine_of_the_callers_own(repo, database):
    url = url_of(database)
    # Two SQLite libraries in one process break each other's locks.
    same_library = {} if url.host else {"module": sqlite_driver()}
    engine = create_engine(url, **same_library)
    with OrmSession(engine) as orm:
        a = orm.get(Session, "a", options=[selectinload(Session.messages)])
        assert [message.content for message in a.messages] == ["first in a", PARTS]
        assert a.messages[1].tool_calls == CALLS
    engine.dispose()


# --- rules --------------------------------------------------------------------------------------


def test_a_lone_surrogate_becomes_the_replacement_character(repo):
    with repo.orm_session() as orm:
        orm.add(Message(session_id="a", role="user", content="x\ud800", tool_calls=["\udfff"]))
        orm.execute(insert(Message), [{"session_id": "a", "role": "user", "content": ["\ud800"]}])
        orm.get(Session, "a").user_id = "\ud83d\ude00"
        assert orm.scalars(select(Message).where(Message.content == "x\ud800")).one()
    assert contents(repo, "a")[2:] == ["x\ufffd", ["\ufffd"]]
    assert repo.get_messages("a")[2]["tool_calls"] == ["\ufffd"]
    assert repo.get_session("a")["user_id"] == "\U0001f600"


@pytest.mark.parametrize(
    "write",
    [
        lambda orm: orm.add(Message(session_id="ghost", role="user")),
        lambda orm: setattr(orm.scalars(select(Message)).first(), "session_id", "ghost"),
        lambda orm: orm.execute(insert(Message), [{"session_id": "ghost", "role": "user"}]),
        lambda orm: orm.execute(insert(Message).values(session_id="ghost", role="user")),
        lambda orm: orm.execute(update(Message).values(session_id="ghost")),
        lambda orm: orm.add(Session(id="new", source="cli", parent_session_id="ghost")),
        lambda orm: orm.execute(update(Session).values(parent_session_id="ghost")),
    ],
)
def test_an_unknown_session_is_refused_by_name(repo, write):
    with pytest.raises(SessionNotFoundError, match="ghost"), repo.orm_session() as orm:
        write(orm)
    assert (repo.session_count(), repo.message_count()) == (2, 4)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("session_id", ""),
        ("session_id", "\ud800"),
        ("session_id", None),
        ("role", ""),
        ("role", None),
        ("content", 5),
        ("tool_calls", {1, 2}),
        ("reasoning_details", [float("nan")]),
        ("timestamp", 1.7e12),
        ("token_count", -1),
        ("tool_name", 5),
        ("extra", ["no object"]),
        ("external_id", ""),
        ("external_id", "x" * 501),
        ("external_id", "a\0b"),
    ],
)
def test_what_append_message_refuses_is_refused(repo, column, value):
    row = {"session_id": "a", "role": "user", column: value}
    writes = [
        lambda orm: orm.add(Message(**row)),
        lambda orm: orm.execute(insert(Message), [row]),
        lambda orm: setattr(orm.scalars(select(Message)).first(), column, value),
    ]
    for write in writes:
        with pytest.raises(InvalidArgumentError, match=column), repo.orm_session() as orm:
            write(orm)


@only_sqlite
def test_a_session_whose_parent_is_gone_can_still_be_changed(repo, database):
    change(database, "UPDATE sessions SET parent_session_id = 'gone' WHERE id = 'a'")
    with repo.orm_session() as orm:
        orm.get(Session, "a").user_id = "ada"
    assert repo.get_session("a")["user_id"] == "ada"
    change(database, "UPDATE sessions SET parent_session_id = NULL")


def test_a_parent_that_descends_from_the_session_is_refused(repo):
    repo.create_session("child", "cli", parent_session_id="a")
    with pytest.raises(InvalidArgumentError, match="circle"), repo.orm_session() as orm:
        orm.get(Session, "a").parent_session_id = "child"
    with pytest.raises(InvalidArgumentError, match="circle"), repo.orm_session() as orm:
        orm.execute(update(Session).where(Session.id == "a").values(parent_session_id="child"))


def test_a_title_is_made_tidy_and_names_one_session(repo):
    with repo.orm_session() as orm:
        orm.get(Session, "a").title = "  my\ntitle "
    assert repo.get_session_title("a") == "my title"
    with pytest.raises(TitleInUseError), repo.orm_session() as orm:
        orm.get(Session, "b").title = "my title"
    with pytest.raises(InvalidArgumentError, match="title"), repo.orm_session() as orm:
        orm.get(Session, "b").title = "x" * 101


def test_a_refused_flush_can_be_left_behind(repo):
    with repo.orm_session() as orm:
        with pytest.raises(SessionNotFoundError), orm.begin_nested():
            orm.add(Message(session_id="ghost", role="user"))
        with pytest.raises(IntegrityError), orm.begin_nested():
            orm.execute(insert(Session), [{"id": "a", "source": "cli"}])
        orm.add(Message(session_id="a", role="user", content="x"))
    assert counters(repo, "a")[0] == 3


# --- what is shown ------------------------------------------------------------------------------


def test_sessions_and_messages_show_what_they_are(repo):
    long = Message(session_id="a", role="user", content="x" * 1000)
    assert len(repr(long)) < 120
    with repo.orm_session() as orm:
        message = orm.get(Message, ids(repo, "a")[0])
        shown = f"Message(id={message.id}, session_id='a', role='user', content='first in a')"
        assert repr(message) == shown
        a = orm.get(Session, "a")
        assert repr(a) == "Session(id='a', source='cli', title=None, message_count=2)"
        orm.expire(a)
        assert repr(a) == "Session()"


def test_what_is_stored_is_what_the_repository_stores(repo, database):
    with repo.orm_session() as orm:
        orm.add(Message(session_id="a", role="assistant", content=PARTS, tool_calls=CALLS))
    columns = "role, content, content_format, tool_calls, reasoning_details, finish_reason"
    appended, added = rows(
        database, f"SELECT {columns} FROM messages WHERE session_id = 'a' AND role = 'assistant'"
    )
    assert appended == added


def test_other_forms_of_words_are_found_whichever_way_a_message_came(repository):
    repository.create_session("s", "cli")
    with repository.orm_session() as orm:
        orm.add(Message(session_id="s", role="user", content="see parseHttpHeader"))
        orm.execute(
            insert(Message),
            [{"session_id": "s", "role": "tool", "content": "\x1b[31mcolouredWord\x1b[0m"}],
        )
    for word in ("header", "word", "colouredWord"):
        assert len(repository.search_messages(word)) == 1, word
    with repository.orm_session() as orm:
        message = orm.scalars(select(Message).where(Message.role == "user")).one()
        message.content = "see anotherIdentifier"
    assert repository.search_messages("header") == []
    assert len(repository.search_messages("identifier")) == 1
    assert repository.check() == []


RED = "\x1b[31mpelican\x1b[0m"


@pytest.mark.parametrize(
    "write",
    [
        lambda orm: orm.execute(update(Message).values(content=RED)),
        lambda orm: orm.execute(update(Message), [{"id": 1, "content": RED}]),
        lambda orm: orm.execute(insert(Message).values(session_id="s", role="x", content=RED)),
        lambda orm: orm.execute(
            insert(Message).values([{"session_id": "s", "role": "x", "content": RED}])
        ),
        lambda orm: orm.execute(
            insert(Message).values(session_id="s", role="x", content=func.trim(RED))
        ),
        lambda orm: orm.execute(
            insert(stored.messages), [{"session_id": "s", "role": "x", "content": RED}]
        ),
        lambda orm: setattr(orm.get(Message, 1), "content", func.trim(RED)),
        lambda orm: orm.add(Message(session_id="s", role="x", content=func.trim(RED))),
    ],
    ids=[
        "update",
        "by key",
        "values",
        "rows",
        "values of SQL",
        "core",
        "set to SQL",
        "added as SQL",
    ],
)
def test_what_a_statement_wrote_is_found_as_an_appended_message_is(repository, write):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "before")
    with repository.orm_session() as orm:
        write(orm)
    assert [hit["session_id"] for hit in repository.search_messages("pelican")] == ["s"]
    assert repository.check() == []


def test_a_message_that_is_loaded_in_part_stays_found_when_it_is_changed(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "tool", RED)
    with repository.orm_session() as orm:
        message = orm.scalars(select(Message).options(load_only(Message.role))).one()
        message.tool_name = "getWeather"
    assert [len(repository.search_messages(word)) for word in ("pelican", "weather")] == [1, 1]


def test_a_message_stays_found_when_only_its_colours_change(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "tool", RED)
    with repository.orm_session() as orm:
        orm.scalars(select(Message)).one().content = RED.replace("31", "32")
    assert len(repository.search_messages("pelican")) == 1


REFUSED = {
    "a key that is too long": lambda: Session(id="c", source="cli", key="k" * 9_000),
    "a link without a parent": lambda: Session(id="c", source="cli", link="branch"),
    "calls below 0": lambda: Usage(session_id="a", hour=1, calls=-3, first_at=1.0, last_at=1.0),
    "a model that is too long": lambda: Usage(
        session_id="a", hour=1, model="m" * 9_000, first_at=1.0, last_at=1.0
    ),
    "an empty key": lambda: Meta(key="", value=1),
    "a value that is not JSON": lambda: Meta(key="k", value={1}),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_the_methods_refuse_the_orm_refuses(repo, wrong):
    before = repo.export_all()
    with pytest.raises(InvalidArgumentError, match="; "), repo.orm_session() as orm:
        orm.add(REFUSED[wrong]())
    assert (repo.export_all(), repo.meta.items()) == (before, [])


def test_what_the_methods_take_the_orm_stores(repo):
    with repo.orm_session() as orm:
        parent = orm.get(Session, "a")
        orm.add(Session(id="c", source="cli", link="branch", parent=parent, key="chat"))
        orm.add(Usage(session_id="a", hour=1, model="m", calls=2, first_at=1.0, last_at=1.0))
        orm.add(Meta(key="k", value={"a": 1}))
    assert repo.get_session("c")["link"] == "branch"
    assert [(row["group"], row["calls"]) for row in repo.usage_report(by="model")] == [("m", 2)]
    assert repo.meta.items() == [("k", {"a": 1})]
