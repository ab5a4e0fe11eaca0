"""`SessionDB` on both databases, without the program: what it stores, and what comes back."""

import contextlib
import inspect
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL
from sqlalchemy import text as sql

from hermes_store import SessionRepository
from hermes_store.adapters.hermes_agent import SessionDB, unknown
from hermes_store.errors import HermesStoreError, InvalidArgumentError, SessionNotFoundError

CALL = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]


@pytest.fixture
def db(
    database: Path | URL, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[SessionDB]:
    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "home"))
    path = None
    if isinstance(database, URL):
        monkeypatch.setenv("HERMES_STORE_URL", database.render_as_string(hide_password=False))
    else:
        path = database
    db = SessionDB(db_path=path)
    yield db
    db.close()


@pytest.fixture
def store(db: SessionDB, database: Path | URL) -> Iterator[SessionRepository]:
    """The same store, beside the adapter."""
    with SessionRepository(database) as repository:
        yield repository


# --- messages ---------------------------------------------------------------------------------------


def test_everything_of_a_message_is_stored_and_replayed(db: SessionDB, store: SessionRepository):
    db.create_session("s", "cli")
    told = {
        "tool_calls": CALL,
        "finish_reason": "tool_calls",
        "reasoning": "why",
        "reasoning_content": "as the provider sent it",
        "reasoning_details": [{"type": "summary"}],
        "codex_reasoning_items": [{"id": "r"}],
        "codex_message_items": [{"id": "m"}],
        "effect_disposition": "none",
        "api_content": "as it was sent",
    }
    db.append_message("s", "assistant", "text", timestamp=10.0, **told)
    [message] = db.get_messages_as_conversation("s")
    assert message == {"role": "assistant", "content": "text", "timestamp": 10.0, **told}
    [record] = store.get_messages("s")
    assert record["extra"]["codex_message_items"] == [{"id": "m"}]


def test_two_messages_with_one_platform_id_are_both_kept(db: SessionDB):
    db.create_session("s", "telegram")
    for text in ("first", "second"):
        db.append_message("s", "user", text, platform_message_id="77")
    assert [m["content"] for m in db.get_messages("s")] == ["first", "second"]
    assert {m["platform_message_id"] for m in db.get_messages("s")} == {"77"}
    assert db.has_platform_message_id("s", "77")
    assert not db.has_platform_message_id("s", "78")


def test_ids_that_a_platform_gives_as_numbers_are_texts_as_in_hermes(db: SessionDB):
    db.create_session("s", "telegram", chat_id=-100, thread_id=3, session_key=9)
    session = db.get_session("s")
    assert [session[n] for n in ("chat_id", "thread_id", "session_key")] == ["-100", "3", "9"]
    db.append_message("s", "user", "hi", platform_message_id=77)
    assert [db.has_platform_message_id("s", each) for each in (77, "77", 78)] == [True, True, False]
    db.replace_messages("s", [{"role": "user", "content": "a", "message_id": 78}])
    assert [m["platform_message_id"] for m in db.get_messages("s")] == ["78"]
    db.record_gateway_session_peer("s", source="telegram", session_key=9, chat_id=5, thread_id=6)
    assert [db.get_session("s")[name] for name in ("chat_id", "thread_id")] == ["5", "6"]


def test_platform_ids_that_differ_by_a_nul_stay_apart(db) -> None:
    db.create_session("s", "slack")
    for odd in ("a", "a\0", "a\0b"):
        db.append_message("s", "user", "hi", platform_message_id=odd)
    found = [m["platform_message_id"] for m in db.get_messages("s")]
    assert found == ["a", "a\0", "a\0b"]


def test_a_compacted_conversation_goes_on_with_the_summary_and_is_still_found(db: SessionDB):
    db.create_session("s", "cli")
    db.append_message("s", "user", "a needle")
    assert db.archive_and_compact("s", [{"role": "user", "content": "summary"}]) == 1
    assert [m["content"] for m in db.get_messages("s")] == ["summary"]
    assert db.has_archived_messages("s")
    assert [hit["id"] for hit in db.search_messages("needle")] == [1]


def test_a_rewind_is_counted_and_can_be_taken_back(db: SessionDB):
    db.create_session("s", "cli")
    ids = [
        db.append_message("s", *each) for each in (("user", "a"), ("assistant", "b"), ("user", "c"))
    ]
    done = db.rewind_to_message("s", ids[2])
    assert (done["rewound_count"], done["new_head_id"]) == (1, ids[1])
    assert done["target_message"]["content"] == "c"
    assert db.get_session("s")["rewind_count"] == 1
    with pytest.raises(ValueError, match="must be a 'user' message"):
        db.rewind_to_message("s", ids[1])
    with pytest.raises(ValueError, match="not found in session"):
        db.rewind_to_message("s", 999)
    assert db.restore_rewound("s", ids[2]) == 1
    assert db.message_count("s") == 3


def nested(depth: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"content": nested(300)}, "[" * 301 + "]" * 301),
        ({"content": [float("nan")]}, ["NaN"]),
        ({"content": {1: "a", "1": "b"}}, {"1": "b"}),
        ({"tool_calls": [{"a": float("inf")}]}, [{"a": "Infinity"}]),
        ({"finish_reason": {"why": 1}}, '{"why": 1}'),
        ({"token_count": -1}, None),
        ({"new_of_message": Path("file")}, "file"),
        ({"effect_disposition": nested(300)}, "[" * 301 + "]" * 301),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_value_that_the_store_refuses_costs_no_message(db: SessionDB, given: Any, stored: Any):
    [name] = given
    message = {"role": "assistant", "content": "said", **given}
    db.create_session("s", "cli")
    db.append_message("s", **message)
    db.append_message("s", platform_message_id="7", **message)
    assert [row.get(name) for row in db.get_messages("s")] == [stored, stored]
    db.archive_and_compact("s", [message])
    assert [row.get(name) for row in db.get_messages("s")] == [stored]
    db.replace_messages("s", [message, message])
    assert [row.get(name) for row in db.get_messages("s")] == [stored, stored]


@pytest.mark.parametrize(
    "given",
    [
        {"model_config": {"temperature": float("nan"), "stop": nested(300)}},
        {"model": 5, "user_id": 77, "system_prompt": b"bytes", "cwd": Path("folder")},
        {"source": ""},
        {"source": "x" * 600},
        {"parent_session_id": 5},
        {"parent_session_id": "a\0"},
        {"session_key": "chat\0"},
        {"session_key": "x" * 600},
        {"chat_id": 42, "new_of_session": Path("file")},
    ],
    ids=lambda given: next(iter(given)),
)
def test_a_value_that_the_store_refuses_costs_no_session(db: SessionDB, given: dict[str, Any]):
    for _ in range(2):
        db.create_session("s", **{"source": "cli", **given})
        db.append_message("s", "user", "said")
        session = db.get_session("s")
        if "session_key" in given:
            assert session["session_key"] == given["session_key"]
    assert db.message_count("s") == 2


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"model_config": {"stop": float("nan")}}, '{"stop": "NaN"}'),
        ({"model_config": '{"stop": NaN}'}, '{"stop": "NaN"}'),
        ({"display_name": float("inf")}, "Infinity"),
        ({"source": "x" * 600}, "x" * 480),
        ({"actual_cost_usd": float("inf")}, None),
        ({"input_tokens": 2**70}, 2**53),
        ({"parent_session_id": "a\0"}, None),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_value_that_the_store_refuses_costs_no_import(db: SessionDB, given: Any, stored: Any):
    [name] = given
    both = [{"id": "s", "source": "cli", **given}, {"id": "other", "source": "cli"}]
    assert db.import_sessions(both)["imported_ids"] == ["s", "other"]
    assert db.get_session("s")[name] == stored


@pytest.mark.parametrize(
    "given", [{"id": "x" * 600}, {"id": "a\0"}, {"model_config": "[" * 99_999}]
)
def test_an_import_that_cannot_be_stored_stores_nothing(db: SessionDB, given: dict[str, Any]):
    done = db.import_sessions([{"id": "other", "source": "cli"}, {"id": "s", **given}])
    assert [done["ok"], len(done["errors"]), done["errors"][0]["index"]] == [False, 1, 1]
    assert db.session_count() == 0


@pytest.mark.parametrize("text", ["{", '{"stop": NaN}', "[" * 99_999, "[" * 300 + "]" * 300])
def test_settings_that_are_no_json_of_the_store_are_kept(db: SessionDB, text: str):
    db.create_session("s", "cli")
    db.update_session_meta("s", text, "a-model")
    row = db.get_session("s")
    kept = {"stop": "NaN"} if "NaN" in text else text
    assert [row["model"], json.loads(row["model_config"])] == ["a-model", kept]
    thought = {"role": "assistant", "content": "t", "reasoning_details": text}
    assert db.import_sessions([{"id": "i", "messages": [thought]}])["ok"]
    assert db.get_messages("i")[0]["reasoning_details"] == (
        '{"stop": "NaN"}' if "NaN" in text else text
    )


def test_a_chat_is_noted_whatever_its_ids_are(db: SessionDB):
    db.create_session("s", "telegram")
    chat = {"source": "telegram", "user_id": 77, "chat_id": 5, "origin_json": {"a": 1}}
    for key in ("x" * 600, "chat\0", "chat"):
        db.record_gateway_session_peer("s", session_key=key, **chat)
        session = db.get_session("s")
        assert (session["session_key"], session["user_id"]) == (key, "77")


def test_routes_of_a_folder_in_a_folder_stay(db: SessionDB):
    db.save_gateway_routing_entry("chat", "inner", scope="/home/profiles")
    db.replace_gateway_routing_entries({"chat": "outer"}, scope="/home")
    assert db.load_gateway_routing_entries(scope="/home/profiles") == {"chat": "inner"}
    assert db.load_gateway_routing_entries(scope="/home") == {"chat": "outer"}


@pytest.mark.parametrize("none", [None, ""])
def test_a_call_before_there_is_a_session_finds_and_changes_nothing(db: SessionDB, none: Any):
    assert db.get_session(none) is None
    assert db.get_messages(none) == db.get_messages_as_conversation(none) == []
    assert db.get_resume_conversations(none) == ([], [])
    assert db.get_ancestor_display_prefix(none) == db.get_compression_lineage(none) == []
    assert db.get_conversation_root(none) == db.get_compression_tip(none) == none
    assert db.export_session_lineage(none) is None
    assert db.has_archived_messages(none) is db.set_session_archived(none, True) is False
    assert db.archive_and_compact(none, []) == 0
    for change in (db.update_session_model, db.update_session_meta, db.update_system_prompt):
        change(none, "text")
    db.clear_messages(none)
    db.update_session_billing_route(none, provider="p", base_url="u")


def test_a_title_that_another_session_has_is_refused_in_the_words_of_hermes(db: SessionDB):
    for name in ("s", "t"):
        db.create_session(name, "cli")
    db.set_session_title("t", "taken")
    for name in ("s", "not there yet"):
        with pytest.raises(ValueError, match=r"^Title 'taken' is already in use by session t$"):
            db.set_session_title(name, "taken")
    assert db.set_auto_title_if_empty("not there yet", "taken") is False


def test_a_session_whose_extra_another_program_wrote_is_read(db: SessionDB, store):
    for name, extra in (("list", "[1]"), ("text", "no JSON")):
        db.create_session(name, "cli")
        with store.transaction() as tx:
            put = sql("UPDATE sessions SET extra = :extra WHERE id = :id")
            tx.execute(put, {"extra": extra, "id": name})
        assert db.get_session(name)["chat_id"] is None
    assert len(db.list_sessions_rich(include_children=True)) == 2
    assert len(db.search_sessions()) == 2


# --- what is not known here -------------------------------------------------------------------------


def test_an_unknown_keyword_is_kept_and_told_once(db, store, caplog, monkeypatch):
    monkeypatch.setattr(unknown, "_told", set())
    with caplog.at_level(logging.WARNING, "hermes_store"):
        db.create_session("s", "cli", new_of_session={"a": 1})
        for text in ("one", "two"):
            db.append_message("s", "user", text, new_of_message="kept")
    told = [record.getMessage() for record in caplog.records]
    assert len([each for each in told if "new_of_message" in each]) == 1
    assert store.get_session("s")["extra"] == {"new_of_session": {"a": 1}}
    assert [m["extra"] for m in store.get_messages("s")] == [{"new_of_message": "kept"}] * 2
    assert db.get_session("s")["new_of_session"] == {"a": 1}


def test_an_unknown_keyword_of_any_write_costs_nothing_of_it(db, store):
    more = {"new_keyword": "kept"}
    calls = {
        "append": lambda: db.append_message("s", "user", "said", **more),
        "replace": lambda: db.replace_messages("s", [{"role": "user", "content": "put"}], **more),
        "compact": lambda: db.archive_and_compact("s", [{"role": "user", "content": "c"}], **more),
        "usage": lambda: db.update_token_counts("s", 5, model="m", **more),
        "beside": lambda: db.record_auxiliary_usage("s", "title", input_tokens=7, **more),
        "route": lambda: db.update_session_billing_route("s", provider="p", base_url="u", **more),
        "folder": lambda: db.update_session_cwd("s", "/work", **more),
        "cooldown": lambda: db.record_compression_failure_cooldown("s", 4e9, **more),
        "chat": lambda: db.record_gateway_session_peer(
            "s", source="x", session_key="k", chat_id="5", **more
        ),
        "prompt": lambda: db.update_system_prompt("s", "p", **more),
        "settings": lambda: db.update_session_meta("s", "{}", **more),
        "model": lambda: db.update_session_model("s", "m2", **more),
        "title": lambda: db.set_session_title("s", "named", **more),
        "auto title": lambda: db.set_auto_title_if_empty("s", "auto", **more),
        "end": lambda: db.end_session("s", "done", **more),
    }
    db.create_session("s", "cli")
    for call in calls.values():
        db._put_extra("s", new_keyword=None)
        call()
        kept = [store.get_session("s")["extra"], *(m["extra"] for m in store.get_messages("s"))]
        assert "kept" in {(each or {}).get("new_keyword") for each in kept}
    session = db.get_session("s")
    assert (session["input_tokens"], session["billing_provider"]) == (5, "p")
    assert (session["cwd"], session["chat_id"], session["end_reason"]) == ("/work", "5", "done")
    assert (session["system_prompt"], session["model"], session["title"]) == ("p", "m2", "named")


def test_odd_numbers_of_tokens_cost_no_other_number(db, store):
    db.create_session("s", "cli")
    odd = {"output_tokens": -1, "cache_read_tokens": "x", "estimated_cost_usd": float("nan")}
    db.update_token_counts("s", input_tokens=5.0, model="m", actual_cost_usd=-2, **odd)
    db.record_auxiliary_usage("s", "title", input_tokens=7, estimated_cost_usd=float("inf"))
    session = store.get_session("s")
    assert (session["input_tokens"], session["output_tokens"]) == (5, 0)
    used = {row["group"]: row["input_tokens"] for row in store.usage_report("task")}
    assert used["title"] == 7


def test_an_unknown_parent_does_not_cost_the_session(db: SessionDB, store: SessionRepository):
    db.create_session("s", "cli", parent_session_id="gone")
    db.append_message("s", "user", "stored")
    assert store.get_session("s")["extra"] == {"parent_session_id": "gone"}


def test_an_unknown_session_is_an_error_for_a_message_and_nothing_else(db: SessionDB):
    with pytest.raises(SessionNotFoundError):
        db.append_message("ghost", "user", "lost?")
    with pytest.raises(SessionNotFoundError):
        db.replace_messages("ghost", [{"role": "user", "content": "lost?"}])
    db.replace_messages("ghost", [])
    db.end_session("ghost", "done")
    db.reopen_session("ghost")
    assert db.get_session("ghost") is None
    assert db.set_session_title("ghost", "t") is False


# --- conversations of several sessions --------------------------------------------------------------


def continued(db: SessionDB) -> None:
    """A conversation that was compressed into a second session, and a subagent of the second."""
    db.create_session("root", "cli", model="m")
    db.append_message("root", "user", "begin")
    db.set_session_title("root", "talk")
    db.end_session("root", "compression")
    db.create_session("tip", "cli", parent_session_id="root")
    db.append_message("tip", "user", "go on")
    db.create_session(
        "agent", "cli", parent_session_id="tip", model_config={"_delegate_from": "tip"}
    )
    db.append_message("agent", "user", "work")


@pytest.mark.parametrize("by_activity", [False, True])
def test_a_list_shows_a_conversation_once_and_no_subagent(db: SessionDB, by_activity: bool):
    continued(db)
    [row] = db.list_sessions_rich(order_by_last_active=by_activity)
    assert (row["id"], row["_lineage_root_id"], row["preview"]) == ("tip", "root", "go on")
    assert [
        r["id"]
        for r in db.list_sessions_rich(search_query="talk", order_by_last_active=by_activity)
    ] == ["tip"]
    assert db.session_count(exclude_children=True) == 1
    assert db.session_count() == 3


@pytest.mark.parametrize("by_activity", [False, True])
def test_a_subagent_without_a_parent_is_told_by_its_marker(db: SessionDB, by_activity: bool):
    db.create_session("agent", "cli", model_config={"_delegate_from": "deleted"})
    db.create_session("user", "cli", model_config={"temperature": 1})
    listed = db.list_sessions_rich(order_by_last_active=by_activity)
    assert [row["id"] for row in listed] == ["user"]


def test_care_of_the_search_index_counts_as_hermes_counts(db: SessionDB):
    db.create_session("s", "cli")
    db.append_message("s", "user", "which file holds this")
    assert (db.optimize_fts(), db.rebuild_fts(), db.vacuum()) == (2, 2, 2)
    assert len(db.search_messages("holds")) == 1


def test_an_imported_session_has_its_texts_and_no_empty_ones(db: SessionDB):
    given = {"id": "s", "title": "", "cwd": "/work", "billing_mode": "api", "git_branch": "main"}
    assert db.import_sessions([{**given, "model_config": '{"a": 1}', "messages": []}])["ok"]
    row = db.get_session("s")
    assert [row[name] for name in given] == ["s", None, "/work", "api", "main"]
    assert row["model_config"] == '{"a": 1}'


def test_whatever_was_exported_is_imported_again(db: SessionDB, store: SessionRepository):
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    db.create_session("s", "cli", session_key="k\0" * 400)
    for text in ("one", "two"):
        db.append_message("s", "user", text, platform_message_id="1")
    db.append_message("s", "assistant", deep, tool_calls=deep, reasoning_details=deep)
    beside = {"reasoning_content": "r", "codex_message_items": [{"a": 1}], "api_content": "as sent"}
    db.append_message("s", "assistant", "t", observed=True, of_a_newer_hermes=1, **beside)
    assert db.export_session("s")["messages"] == db.get_messages("s")
    exported = {**db.export_session("s"), "id": "again", "started_at": -5, "ended_at": "x"}
    assert db.import_sessions([exported])["imported_ids"] == ["again"]
    assert db.get_session("again")["session_key"] == "k\0" * 400
    one, other = db.get_messages("s"), db.get_messages("again")
    names = [name for name in one[0] if name not in {"id", "session_id"}]
    assert [[row[name] for name in names] for row in one] == [
        [row[name] for name in names] for row in other
    ]


def test_links_are_those_of_the_store(db: SessionDB, store: SessionRepository):
    continued(db)
    assert store.get_session("tip")["link"] == "compression"
    assert store.get_session("agent")["link"] == "delegate"
    assert store.get_lineage("root") == ["root", "tip"]


def test_a_resume_of_any_part_reaches_the_tip(db: SessionDB):
    continued(db)
    assert db.get_compression_tip("root") == "tip"
    assert db.resolve_resume_session_id("root") == "tip"
    assert db.get_conversation_root("tip") == "root"
    assert [
        m["content"] for m in db.get_messages_as_conversation("tip", include_ancestors=True)
    ] == [
        "begin",
        "go on",
    ]


def test_a_continuation_may_take_over_the_title(db: SessionDB):
    continued(db)
    db.create_session("other", "cli")
    with pytest.raises(ValueError, match="already in use"):
        db.set_session_title("other", "talk")
    assert db.set_session_title("tip", "talk")
    assert db.get_session_title("root") is None


def test_a_deleted_session_takes_its_subagents_along_and_no_other(db: SessionDB):
    continued(db)
    assert db.delete_session("tip")
    assert db.get_session("agent") is None
    assert [m["content"] for m in db.get_messages("root")] == ["begin"]


# --- what Hermes alone knows ------------------------------------------------------------------------


def test_a_chat_is_found_again_by_its_key_and_by_its_parts(db: SessionDB):
    db.create_session("s", "telegram", user_id="u")
    db.append_message("s", "user", "hi")
    chat = {"chat_id": "1", "chat_type": "dm", "thread_id": "2"}
    db.record_gateway_session_peer("s", source="telegram", user_id="u", session_key="k", **chat)
    found = db.find_latest_gateway_session_for_peer(source="telegram", session_key="k")
    assert (found["id"], found["chat_id"], found["session_key"]) == ("s", "1", "k")
    by_parts = {"source": "telegram", "session_key": "other", "user_id": "u", **chat}
    assert db.find_latest_gateway_session_for_peer(**by_parts)["id"] == "s"
    assert db.find_session_by_origin(platform="Telegram", chat_id="1", thread_id="2") == "s"
    assert db.find_session_by_origin(platform="telegram", chat_id="9") is None


def test_routes_are_kept_by_scope(db: SessionDB):
    db.save_gateway_routing_entry("a", "{1}")
    db.replace_gateway_routing_entries({"b": "{2}"}, scope="x")
    assert db.load_gateway_routing_entries() == {"a": "{1}"}
    assert db.load_gateway_routing_entries(scope="x") == {"b": "{2}"}
    db.delete_gateway_routing_entries(["a"])
    assert db.load_gateway_routing_entries() == {}


LONG_NAMES = ["x" * 600, "键" * 600, "a\0b", "x" * 600 + "y"]


def test_names_that_no_key_can_be_are_kept_apart(db: SessionDB):
    long = "/home/" + "d" * 600
    for scope in ("", long):
        for name in LONG_NAMES:
            db.save_gateway_routing_entry(name, name[-1], scope=scope)
        db.delete_gateway_routing_entries(LONG_NAMES[:1], scope=scope)
        kept = db.load_gateway_routing_entries(scope=scope)
        assert len(kept) == len(LONG_NAMES) - 1
        assert kept["x" * 600 + "y"] == "y"
    db.replace_gateway_routing_entries({}, scope=long)
    assert db.load_gateway_routing_entries(scope=long) == {}
    assert len(db.load_gateway_routing_entries()) == len(LONG_NAMES) - 1


def test_usage_of_a_model_with_a_very_long_name_is_kept(db: SessionDB):
    db.create_session("s", "cli")
    db.record_auxiliary_usage("s", "t" * 600, model="m" * 600, input_tokens=5)
    db.update_token_counts("s", model="m" * 600, input_tokens=3)
    used = db._repo.usage_report("model")
    assert sum(row["input_tokens"] for row in used) == 8


def test_a_topic_is_bound_to_one_session(db: SessionDB):
    db.create_session("s", "telegram")
    topic: Any = {"chat_id": 1, "user_id": 5, "session_key": "k", "session_id": "s"}
    db.enable_telegram_topic_mode(chat_id="1", user_id="5")
    db.bind_telegram_topic(thread_id=7, **topic)
    with pytest.raises(ValueError, match="already linked"):
        db.bind_telegram_topic(thread_id=8, **topic)
    assert db.get_telegram_topic_binding(chat_id="1", thread_id="7")["session_id"] == "s"
    assert db.delete_telegram_topic_binding(chat_id="1", thread_id="7") == 1
    assert not db.is_telegram_topic_mode_enabled(chat_id="1", user_id="5")


def test_a_handoff_is_claimed_once(db: SessionDB):
    db.create_session("s", "cli")
    assert db.request_handoff("s", "telegram")
    assert not db.request_handoff("s", "discord")
    assert [row["id"] for row in db.list_pending_handoffs()] == ["s"]
    assert (db.claim_handoff("s"), db.claim_handoff("s")) == (True, False)
    db.fail_handoff("s", "no way")
    assert db.get_handoff_state("s") == {
        "state": "failed",
        "platform": "telegram",
        "error": "no way",
    }


def test_changes_of_what_is_kept_beside_the_columns_do_not_lose_each_other(db: SessionDB):
    db.create_session("s", "cli")
    calls = [
        lambda: db.set_compression_fallback_streak("s", 3),
        lambda: db.request_handoff("s", "telegram"),
        lambda: db.update_session_cwd("s", "/w", git_branch="b"),
        lambda: db.set_expiry_finalized("s"),
        lambda: db.record_compression_failure_cooldown("s", time.time() + 60, "e"),
    ]
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = db.get_session("s")
    names = ("compression_fallback_streak", "handoff_state", "git_branch", "expiry_finalized")
    assert [row[name] for name in names] == [3, "pending", "b", 1]
    assert db.get_compression_failure_cooldown("s")["error"] == "e"


def test_one_holder_compresses_a_session(db: SessionDB):
    assert db.try_acquire_compression_lock("s", "a")
    assert not db.try_acquire_compression_lock("s", "b")
    assert db.get_compression_lock_holder("s") == "a"
    db.release_compression_lock("s", "a")
    assert db.try_acquire_compression_lock("s", "b")


def test_usage_is_kept_for_the_session_and_for_each_model(db: SessionDB, store: SessionRepository):
    db.create_session("s", "cli", model="asked")
    route = {"model": "used", "billing_provider": "p"}
    db.update_token_counts("s", 10, 5, api_call_count=1, estimated_cost_usd=0.5, **route)
    db.record_auxiliary_usage("s", "title", model="small", input_tokens=3)
    session = db.get_session("s")
    assert (session["model"], session["input_tokens"], session["api_call_count"]) == ("used", 10, 1)
    assert {(row["group"], row["input_tokens"]) for row in store.usage_report("model")} == {
        ("used", 10),
        ("small", 3),
    }


# --- the connection ---------------------------------------------------------------------------------


def test_a_session_is_reopened_by_the_statement_of_the_command(db: SessionDB):
    db.create_session("s", "cli")
    db.end_session("s", "cli_close")
    db._conn.execute("UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id = ?", ("s",))
    db._conn.commit()
    assert db.get_session("s")["ended_at"] is None


def test_on_a_server_other_statements_are_refused_with_a_remedy(
    db: SessionDB, database: Path | URL
):
    if isinstance(database, URL):
        with pytest.raises(InvalidArgumentError, match="use the methods of SessionDB"):
            db._conn.execute("SELECT 1")
    else:
        assert db._conn.execute("SELECT 1").fetchone()[0] == 1


# --- arguments of a wrong kind ------------------------------------------------------------------------

OF_A_SESSION = {
    "get_session": (),
    "get_messages": (),
    "set_session_title": ("title",),
    "set_auto_title_if_empty": ("title",),
    "update_session_cwd": ("/work",),
    "set_latest_user_api_content": ("text", "sent"),
    "request_handoff": ("telegram",),
    "claim_handoff": (),
    "rewind_to_message": (1,),
    "set_expiry_finalized": (),
}


@pytest.mark.parametrize("bad", [{"a": 1}, ["s"], object(), b"\xff", 10**30, 1.5, True, "s\ud800"])
@pytest.mark.parametrize("method", OF_A_SESSION)
def test_what_cannot_be_the_id_of_a_session_is_an_invalid_argument(
    db: SessionDB, method: str, bad: Any
):
    with pytest.raises(InvalidArgumentError):
        getattr(db, method)(bad, *OF_A_SESSION[method])


@pytest.mark.parametrize("bad", ["\ud800", 10**30])
@pytest.mark.parametrize(
    "ask",
    [
        lambda db, bad: db.has_platform_message_id("s", bad),
        lambda db, bad: db.rewind_to_message("s", bad),
        lambda db, bad: db.restore_rewound("s", bad),
        lambda db, bad: db.session_count(source=bad),
    ],
)
def test_no_error_of_the_driver_reaches_hermes(db: SessionDB, ask: Any, bad: Any):
    db.create_session("s", "cli")
    with contextlib.suppress(HermesStoreError):
        ask(db, bad)


OF_A_KIND: dict[str, Any] = {
    "session_id": "s",
    "session_id_or_prefix": "s",
    "session_ids": ["s"],
    "session_keys": ["s"],
    "messages": [{"role": "user", "content": "more"}],
    "compacted_messages": [{"role": "user", "content": "more"}],
    "sessions": [],
    "cwd_to_root": {"/a": "/b"},
    "entries": {"/a": "/b"},
    "around_message_id": 1,
    "since_message_id": 1,
    "target_message_id": 1,
    "streak": 1,
    "cooldown_until": 1.0,
    "archived": False,
}
"""What is given for the arguments that a method must have; for any other, a text."""

WRONG = [
    {}, {"a": 1}, [1], [{}], {1}, object(), b"\xff", 10**30, 10**5000, 1.5, float("nan"), True, None,
]  # fmt: skip


def wrong_calls() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each method of the class with each value in the place of each of its arguments."""
    for name, method in inspect.getmembers(SessionDB, inspect.isfunction):
        taken = [
            each
            for each in inspect.signature(method).parameters.values()
            if each.name != "self" and each.kind != each.VAR_KEYWORD
        ]
        needed = {
            each.name: OF_A_KIND.get(each.name, "text")
            for each in taken
            if each.default is each.empty
        }
        if not name.startswith("_"):
            for each in taken:
                yield from ((name, {**needed, each.name: bad}) for bad in WRONG)


def test_an_argument_of_a_wrong_kind_is_taken_or_an_invalid_argument_in_every_method(
    db: SessionDB,
):
    other = []
    for name, arguments in wrong_calls():
        if db.get_session("s") is None:  # some methods delete it
            db.ensure_session("s", "cli")
        try:
            getattr(db, name)(**arguments)
        except InvalidArgumentError:
            pass
        except Exception as exc:  # noqa: BLE001 - any other is what is looked for
            other.append((name, arguments, exc))
    assert not other


def test_an_error_of_a_call_with_arguments_of_their_kinds_stays_as_it_is(db: SessionDB):
    db.create_session("s", "cli")
    with pytest.raises(ValueError, match="Title too long") as caught:
        db.set_session_title("s", "x" * 500)
    assert not isinstance(caught.value, InvalidArgumentError)
    with pytest.raises(TypeError, match="missing"):
        db.set_session_title("s")  # type: ignore[call-arg]  # one is missing
    with pytest.raises(InvalidArgumentError, match="cannot be used; give str"):
        db.search_messages({"a": 1})  # type: ignore[arg-type]
