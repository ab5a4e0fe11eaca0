"""Whatever stands in a column of a Hermes file: no row is left out for it, and each is counted."""

from itertools import count

import pytest
from hermes_schema import HermesDatabase

from hermes_store import SessionRepository
from hermes_store.transfer.importers.hermes import import_hermes_file

ODD = (
    *(0, -1, 2**63 - 1, 1e308, float("inf"), 0.5, 99_999_999_999_999, "", "text", "nan", "1e999"),
    *("a\0b", "\0json:[1]", "\0json:{broken", "\0json:[NaN]", b"", b"\xff\xfe", "x" * 10_000),
    *("[" * depth + "]" * depth for depth in (199, 200, 960, 5_000)),
    *(
        "[NaN]",
        '{"a": 1, "a": 2}',
        '{"_delegate_from": "s0"}',
        "null",
        '"text"',
        "\U0001f44d" * 300,
    ),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def target(request, tmp_path):
    if request.param == "sqlite":
        return tmp_path / "new.db"
    return request.getfixturevalue("postgresql_database")


@pytest.fixture
def odd_file(tmp_path):
    """For each odd value a row of each table that has it in every column, keys among them."""
    old = HermesDatabase(tmp_path / "old.db", 30)
    for number, odd in enumerate(ODD):
        name = f"s{number}"
        own = {"sessions": {"id": name}, "messages": {"id": number + 1, "session_id": name}}
        own["session_model_usage"] = {"session_id": name}
        for table, columns in old.tables.items():
            names = [each.split()[0] for each in columns if not each.startswith("PRIMARY")]
            old.insert(table, **{**dict.fromkeys(names, odd), **own.get(table, {})})
    return old


def test_no_odd_value_costs_a_row(odd_file, target):
    account = import_hermes_file(odd_file.path, target)
    assert account.left_out == []
    others = [each.table for each in account.tables if each.rows != each.now]
    assert others == ["compression_locks"]
    again = import_hermes_file(odd_file.path, target)
    assert (again.tables, again.left_out) == (account.tables, [])
    with SessionRepository(target) as repository:
        exported = [*repository.iter_export()]
        assert len(exported) == len(ODD)
        assert all(len(each["messages"]) == 1 for each in exported)
        assert repository.usage_report("model")


def test_ids_that_become_alike_stay_apart(tmp_path, target):
    old = HermesDatabase(tmp_path / "old.db", 30)
    number = count(1)
    for own in ("", b"", b"without-id", "a\0b", b"a\xffb", "a\ufffdb", 1, "1", 1.0):
        row = {"id": next(number), "session_id": own, "role": "user", "timestamp": 1.0}
        old.insert("messages", **row)
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    with SessionRepository(target) as repository:
        assert repository.message_count() == 9


def test_ids_of_a_table_without_a_key_cost_no_message(tmp_path, target):
    """As in a file that was put together again from what could be read of a damaged one."""
    old = HermesDatabase(tmp_path / "old.db", 30)
    old.run("DROP TABLE messages")
    old.run("CREATE TABLE messages (id, session_id, role, content, timestamp)")
    for odd in (b"\xff", float("inf"), "x", 1.5, None, 7):
        old.run("INSERT INTO messages VALUES (?, 's', 'user', 'hi', 1.0)", odd)
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    with SessionRepository(target) as repository:
        kept = [(message["extra"] or {}).get("id") for message in repository.get_messages("s")]
    assert kept == [{"base64": "/w=="}, "inf", "x", 1.5, None, None]


def test_records_of_usage_of_no_session_are_kept(tmp_path, target):
    old = HermesDatabase(tmp_path / "old.db", 30)
    old.insert("session_model_usage", session_id="gone", model="m", input_tokens=5)
    account = import_hermes_file(old.path, target)
    [line] = [each for each in account.tables if each.table == "session_model_usage"]
    assert (line.rows, line.now, account.left_out) == (1, 1, [])
    assert account.altered == ["session_model_usage: row 1: its session is nowhere: it is in meta"]
    with SessionRepository(target) as repository:
        [(_, kept)] = repository.meta.items("hermes.session_model_usage/")
    assert kept["input_tokens"] == 5
