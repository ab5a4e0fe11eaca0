"""What other programs, or years of sums, leave in a store: it is read, exported and imported."""

import json
from pathlib import Path

import pytest
from sqlalchemy import insert
from stored import change, connected, rows
from support import only_sqlite

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import InvalidArgumentError, StoreUnavailableError
from hermes_store.models import Message

GREATEST = 2**63 - 1
COUNTERS = (
    "tool_call_count",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "api_call_count",
)
USED = ("calls", "input_tokens", "output_tokens", "cache_write_tokens", "reasoning_tokens")
NO_OBJECTS = ["not json", "", "[1", "[1, 2]", '"text"', "7", "0", "false", '{"a": 1}']


@pytest.fixture
def filled(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "hello")
    repository.record_usage("s", model="m", task="t", provider="p")
    return repository


@pytest.fixture
def other(tmp_path: Path):
    with SessionRepository(tmp_path / "other.db") as repository:
        yield repository


def goes_and_comes(repository, other):
    exported = repository.export_all()
    other.import_sessions(exported)
    assert other.export_all() == exported
    assert other.check() == []


# --- sums -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2**53 + 1, GREATEST, -(2**53) - 1, -GREATEST])
def test_sums_beyond_those_that_a_call_may_add_survive_export_and_import(
    filled, database, other, number
):
    change(
        database, f"UPDATE sessions SET {' = ?, '.join(COUNTERS)} = ?", *[number] * len(COUNTERS)
    )
    change(database, f"UPDATE usage SET {' = ?, '.join(USED)} = ?", *[abs(number)] * len(USED))
    change(database, "UPDATE messages SET token_count = ?", number)
    exported = filled.export_all()
    other.import_sessions(exported)
    [session] = other.export_all()
    assert {session[name] for name in COUNTERS} == {number}
    assert {session["usage"][0][name] for name in USED} == {abs(number)}
    assert session["messages"][0]["token_count"] == number
    assert [session] == exported


SUMMED = USED[:3]
GROUPS = ("model", "provider", "source", "user", "task", "day", "week", "month", "hour")


def used_by_two(repository, database, *numbers):
    """Two sessions with these counters, which another tool wrote."""
    for session_id, number in zip("ab", numbers, strict=True):
        repository.create_session(session_id, "cli")
        repository.record_usage(session_id, model="m", task="t", provider="p")
        for table, key in (("sessions", "id"), ("usage", "session_id")):
            columns = ("input_tokens", "output_tokens")
            sets = ", ".join(f"{name} = ?" for name in columns)
            change(
                database, f"UPDATE {table} SET {sets} WHERE {key} = ?", number, number, session_id
            )
    change(database, "UPDATE usage SET calls = input_tokens")


TOO_GREAT = [
    ((GREATEST, GREATEST), GREATEST),
    ((GREATEST, 1), GREATEST),
    ((GREATEST - 1, 1), GREATEST),
    ((2**62 + 1, 2**61 + 1), 2**62 + 2**61 + 2),
]


@pytest.mark.parametrize(("numbers", "total"), TOO_GREAT)
@pytest.mark.parametrize("which", [None, SessionFilter(source="cli"), SessionFilter(title="x")])
def test_reports_of_counters_that_no_column_holds_the_sum_of_answer_with_the_greatest_one(
    repository, database, numbers, total, which
):
    used_by_two(repository, database, *numbers)
    repository.set_session_title("a", "x one")
    repository.set_session_title("b", "x two")
    [by_source] = repository.usage_by_source(filter=which)
    assert by_source["input_tokens"] == by_source["output_tokens"] == total
    for by in GROUPS:
        [group] = repository.usage_report(by, filter=which)
        assert {group[name] for name in SUMMED} == {total}
        assert {type(group[name]) for name in USED} == {int}
        assert json.loads(json.dumps(group)) == group


def test_groups_whose_sum_no_column_holds_come_first_and_others_are_told_exactly(
    repository, database
):
    used_by_two(repository, database, GREATEST, GREATEST)
    repository.create_session("c", "cli")
    repository.record_usage("c", model="few", input_tokens=2**53, output_tokens=1)
    repository.record_usage("c", model="few", input_tokens=1)
    found = repository.usage_report("model")
    assert [(each["group"], each["input_tokens"]) for each in found] == [
        ("m", GREATEST),
        ("few", 2**53 + 1),
    ]


def test_counters_below_nothing_are_summed_down_to_the_least_number_of_a_column(
    repository, database
):
    repository.create_session("a", "cli")
    repository.create_session("b", "cli")
    change(database, "UPDATE sessions SET input_tokens = ?", -GREATEST)
    [by_source] = repository.usage_by_source()
    assert by_source["input_tokens"] == -GREATEST - 1


def test_sessions_are_chosen_by_tokens_that_no_column_holds_the_sum_of(repository, database):
    used_by_two(repository, database, GREATEST, 1)
    many = repository.search_sessions(filter=SessionFilter(min_tokens=2**53))
    assert [each["id"] for each in many] == ["a"]


TALK = [{"role": "user", "content": "next"}] * 2


def added(repository):
    with repository.orm_session() as session:
        session.add(Message(session_id="s", role="user", content="next"))


def inserted(repository):
    with repository.orm_session() as session:
        session.execute(insert(Message), [{"session_id": "s", **each} for each in TALK])


def imported(repository):
    session = {"id": "i", "source": "cli", "started_at": 1.0, "messages": TALK}
    repository.import_sessions([session])


APPENDS = {
    "append_message": lambda repo: repo.append_message("s", "user", "next"),
    "append_messages": lambda repo: repo.append_messages("s", TALK),
    "added to an ORM session": added,
    "inserted by an ORM session": inserted,
    "imported": imported,
}


@only_sqlite
@pytest.mark.parametrize("moved", [False, True], ids=["inserted", "moved there"])
@pytest.mark.parametrize("append", APPENDS)
def test_what_appends_says_that_no_id_is_left_and_that_which_helps_does(
    filled, database, append, moved
):
    columns = "messages(id, session_id, role, content, timestamp)"
    given = 3 if moved else GREATEST
    change(database, f"INSERT INTO {columns} VALUES (?, 's', 'user', 'last', 1)", given)
    change(database, "UPDATE messages SET id = ? WHERE content = 'last'", GREATEST)
    with pytest.raises(StoreUnavailableError, match="no id is left") as caught:
        APPENDS[append](filled)
    assert filled.count_messages("s") == 2
    change(database, "UPDATE messages SET id = 7 WHERE id = ?", GREATEST)
    change(database, caught.value.remedy.partition("SQLite: ")[2])
    APPENDS[append](filled)
    assert filled.append_message("s", "user", "behind") in {9, 10}
    assert [hit["id"] for hit in filled.search_messages("last")] == [7]
    assert 8 in [hit["id"] for hit in filled.search_messages("next")]


@only_sqlite
def test_behind_a_message_that_had_the_greatest_id_every_new_one_is_found(filled, database):
    columns = "messages(id, session_id, role, content, timestamp)"
    change(database, f"INSERT INTO {columns} VALUES (?, 's', 'user', 'last', 1)", GREATEST)
    change(database, "DELETE FROM messages WHERE id = ?", GREATEST)
    change(database, "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'messages'")
    for number in range(100):  # of a long run most would wait
        filled.append_message("s", "user", f"text{number}")
    filled.append_messages("s", [{"role": "user", "content": f"list{n}"} for n in range(40)])
    for word in (*(f"text{n}" for n in range(100)), *(f"list{n}" for n in range(40))):
        assert len(filled.search_messages(word)) == 1
    assert filled.check() == []
    filled.reindex()
    assert rows(database, "SELECT indexed_upto FROM search_index") == [(141,)]


@only_sqlite
def test_an_append_that_finds_no_room_on_the_disk_says_so_and_speaks_of_no_ids(filled):
    with filled.transaction() as tx:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        filled.append_message("s", "user", "x" * 1_000_000)


# --- what is no number ----------------------------------------------------------------------------

NUMBERS = [
    *[f"sessions SET {name}" for name in ("started_at", "ended_at", "actual_cost_usd", "archived")],
    *[f"messages SET {name}" for name in ("timestamp", "token_count")],
    *[f"usage SET {name}" for name in ("hour", "calls", "estimated_cost_usd", "first_at")],
]


@only_sqlite
@pytest.mark.parametrize(
    "odd", [b"\xff\0", "soon", 9e999, 1.5], ids=["bytes", "text", "inf", "1.5"]
)
@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_no_number_is_exported_as_json_has_it_and_comes_back(
    filled, database, other, number, odd
):
    change(database, f"UPDATE {number} = ?", odd)
    [exported] = json.loads(json.dumps(list(filled.iter_export()), allow_nan=False))
    other.import_sessions([exported])
    [session] = other.export_all()
    assert session["messages"][0]["content"] == "hello"
    assert (session, other.check()) == (exported, [])


TIMES = {
    "sessions SET started_at": 0.0,
    "sessions SET ended_at": None,
    "sessions SET last_active": None,
    "sessions SET archived": None,
    "messages SET timestamp": 0.0,
    "usage SET first_at": 0.0,
    "usage SET last_at": 0.0,
    "usage SET hour": 0,
}


def found_in(exported, name):
    """What an export has of a column that one of its records has."""
    records = [exported, *exported["messages"], *exported["usage"]]
    return next(record[name] for record in reversed(records) if name in record)


@pytest.mark.parametrize("odd", [-5, 1_700_000_000_000], ids=["before 1970", "milliseconds"])
@pytest.mark.parametrize("time", TIMES)
def test_what_cannot_be_a_time_is_left_out_of_an_export_which_can_be_imported(
    filled, database, other, time, odd
):
    change(database, f"UPDATE {time} = ?", odd)
    [exported] = filled.export_all()
    assert found_in(exported, time.split()[-1]) == TIMES[time]
    other.import_sessions([exported])
    [session] = other.export_all()
    assert other.check() == []
    assert session | {"last_active": None} == exported | {"last_active": None}


@only_sqlite
@pytest.mark.parametrize("time", [time for time in TIMES if TIMES[time] is not None])
def test_a_time_that_is_null_is_left_out_of_an_export_which_can_be_imported(
    filled, database, other, time
):
    table, name = time.split(" SET ")
    with connected(database) as connection:
        connection.execute("PRAGMA writable_schema=1")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')"
                           " WHERE name = ?", (table,))  # fmt: skip
    change(database, f"UPDATE {time} = NULL")
    [exported] = filled.export_all()
    assert found_in(exported, name) == 0
    goes_and_comes(filled, other)


@pytest.mark.parametrize("name", ["calls", "input_tokens", "estimated_cost_usd", "actual_cost_usd"])
def test_usage_below_nothing_is_left_out_of_an_export_which_can_be_imported(
    filled, database, other, name
):
    change(database, f"UPDATE usage SET {name} = -1")
    goes_and_comes(filled, other)


@only_sqlite
def test_usage_of_hours_that_are_none_is_added_up_in_an_export(filled, database, other):
    change(database, "UPDATE usage SET hour = 'noon'")
    filled.record_usage("s", model="m", task="t", provider="p", calls=2, input_tokens=5)
    change(database, "UPDATE usage SET hour = -3 WHERE typeof(hour) = 'integer'")
    [exported] = filled.export_all()
    [record] = exported["usage"]
    assert (record["hour"], record["calls"], record["input_tokens"]) == (0, 3, 5)
    goes_and_comes(filled, other)


# --- hours of usage -------------------------------------------------------------------------------


@only_sqlite
@pytest.mark.parametrize(
    "hour", ["noon", "", b"\xff", -5, 1.5, 1e300, GREATEST], ids=lambda hour: repr(hour)[:8]
)
def test_an_hour_that_is_none_ends_no_report_and_no_export(filled, database, hour):
    change(database, "UPDATE usage SET hour = ?", hour)
    filled.record_usage("s", model="m")
    [now] = [row[0] for row in rows(database, "SELECT hour FROM usage WHERE model = 'm'"
                                    " AND hour BETWEEN 400000 AND 40000000")]  # fmt: skip
    for by in ("day", "week", "month", "hour", "model", "user"):
        assert sum(row["calls"] for row in filled.usage_report(by)) in {1, 2}
    assert filled.usage_report("hour", since=now * 3_600)[0]["group"] == f"{now % 24:02}:00"
    assert filled.newest_usage_since(0) in {None, now * 3_600}
    assert len(filled.export_all()[0]["usage"]) == 2


@only_sqlite
def test_half_an_hour_counts_to_its_hour(filled, database):
    change(database, "UPDATE usage SET hour = 25.5")
    assert [row["group"] for row in filled.usage_report("hour")] == ["01:00"]
    assert [row["group"] for row in filled.usage_report("day")] == ["1970-01-02"]


# --- what is no object ----------------------------------------------------------------------------


@pytest.mark.parametrize("stored", NO_OBJECTS)
@pytest.mark.parametrize("table", ["sessions", "messages"])
def test_an_extra_that_is_no_object_survives_export_and_import(
    filled, database, other, table, stored
):
    change(database, f"UPDATE {table} SET extra = ?", stored)
    goes_and_comes(filled, other)


def test_empty_keys_survive_export_and_import(filled, database, other):
    change(database, "UPDATE sessions SET key = ''")
    change(database, "UPDATE messages SET external_id = ''")
    goes_and_comes(filled, other)


# --- ids that no call takes -----------------------------------------------------------------------


@only_sqlite
@pytest.mark.parametrize("odd", ["", "a\0b"], ids=repr)
def test_sessions_whose_id_no_call_takes_are_named_and_come_along_with_another_id(
    filled, database, other, odd
):
    change(database, "INSERT INTO sessions (id, source, started_at, message_count)"
                     " VALUES (?, 'cli', 1, 0)", odd)  # fmt: skip
    shown = odd or "''"
    assert filled.check() == [
        "sessions whose id no call takes (export them, and import the lines with other ids): "
        + shown
    ]
    exported = filled.export_all()
    with pytest.raises(InvalidArgumentError, match=r"is not an id|holds a NUL"):
        other.import_sessions(exported)
    new = {odd: "new", "s": "s"}
    other.import_sessions([each | {"id": new[each["id"]]} for each in exported])
    assert sorted(each["id"] for each in other.export_all()) == ["new", "s"]


# --- bytes in place of texts ----------------------------------------------------------------------


@only_sqlite
@pytest.mark.parametrize(
    ("by", "table", "column"),
    [
        ("tool", "messages", "tool_name"),
        ("tool", "messages", "tool_calls"),
        ("source", "sessions", "source"),
        ("user", "sessions", "user_id"),
        ("model", "usage", "model"),
        ("provider", "usage", "provider"),
        ("task", "usage", "task"),
    ],
)
def test_a_report_reads_bytes_as_text_and_adds_both_up(filled, database, by, table, column):
    odd = '[{"name": "odd"}]' if column == "tool_calls" else "odd"
    filled.create_session("text", "odd", user_id="odd")
    filled.append_message("text", "tool", "x", tool_name="odd")
    filled.record_usage("text", model="odd", task="odd", provider="odd")
    which = "id" if table == "sessions" else "session_id"
    change(database, f"UPDATE {table} SET {column} = CAST(? AS BLOB) WHERE {which} = 's'", odd)
    [row] = filled.usage_report(by)
    assert (row["group"], row["sessions"]) == ("odd", 2)


@only_sqlite
def test_sums_by_source_read_bytes_as_text(filled, database):
    filled.create_session("text", "odd")
    change(database, "UPDATE sessions SET source = CAST('odd' AS BLOB) WHERE id = 's'")
    assert [(row["source"], row["sessions"]) for row in filled.usage_by_source()] == [("odd", 2)]


@only_sqlite
@pytest.mark.parametrize(
    ("table", "column"),
    [("sessions", "model"), ("sessions", "title"), ("messages", "content"), ("usage", "model")],
)
def test_bytes_are_exported_as_text(filled, database, other, table, column):
    change(database, f"UPDATE {table} SET {column} = CAST('odd' AS BLOB)")
    [session] = filled.export_all()
    row = {"sessions": session, "messages": session["messages"][0], "usage": session["usage"][0]}
    assert row[table][column] == "odd"
    goes_and_comes(filled, other)


@only_sqlite
def test_meta_reads_bytes_as_text(filled, database):
    filled.meta.set("k", 1)
    change(database, "UPDATE meta SET key = CAST(key AS BLOB), value = CAST('odd' AS BLOB)")
    assert filled.meta.items() == [("k", "odd")]


NOT_TEXT = {"id", "session_id", "folded", "parent_session_id", "link", "state", "content_format"}
READERS = {
    "get_session": lambda r: r.get_session("s"),
    "get_session_title": lambda r: r.get_session_title("s"),
    "get_messages": lambda r: r.get_messages("s"),
    "a page": lambda r: r.get_messages("s", limit=1),
    "conversation": lambda r: r.get_messages_as_conversation("s"),
    "list": lambda r: r.list_sessions_rich(),
    "conversations": lambda r: r.list_lineage("s"),
    "search_sessions": lambda r: r.search_sessions(),
    "usage": lambda r: r.usage_report("model"),
    "export": lambda r: r.export_all(),
    "iter_export": lambda r: list(r.iter_export()),
    "pop": lambda r: r.pop_message("s"),
}


def values_in(found):
    if isinstance(found, (dict, list, tuple)):
        for each in found.values() if isinstance(found, dict) else found:
            yield from values_in(each)
    else:
        yield found


@only_sqlite
@pytest.mark.parametrize("reader", READERS)
def test_every_record_has_text_where_bytes_are_stored(filled, database, reader):
    known = dict.fromkeys(("tool_name", "tool_call_id", "finish_reason", "reasoning", "name"), "x")
    filled.append_message(
        "s",
        "assistant",
        "hello",
        **known,
        tool_calls=[{"id": "c"}],
        external_id="e",
        extra={"a": 1},
    )
    filled.update_session("s", model="m", user_id="u", cwd="/x", key="k")
    filled.set_session_title("s", "title")
    for table in ("sessions", "messages", "usage"):
        for _, name, kind, *_ in rows(database, f"PRAGMA table_info({table})"):
            if kind == "TEXT" and name not in NOT_TEXT:
                change(database, f"UPDATE {table} SET {name} = CAST({name} || x'ff' AS BLOB)")
    found = list(values_in(READERS[reader](filled)))
    assert bytes not in map(type, found)
    assert any(str(each).endswith("\ufffd") for each in found)
