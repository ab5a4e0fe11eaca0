"""A file of Hermes Agent at each version comes along whole: what each column becomes."""

import hashlib

import pytest
from hermes_schema import VERSIONS, HermesDatabase

from hermes_store import SessionRepository
from hermes_store.transfer.importers.hermes import Account, import_hermes_file

CALL = '[{"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}]'
PICTURE = '\0json:[{"type": "text", "text": "a picture"}]'


def fill(old: HermesDatabase) -> None:
    """One of everything that the version can hold."""
    old.insert(
        "sessions",
        id="root",
        source="telegram",
        user_id="7",
        model="m",
        model_config='{"temperature": 0.5}',
        system_prompt=None if old.has("system_prompts") else "Be brief.",
        system_prompt_hash="ab12",
        started_at=1000.0,
        ended_at=2000.0,
        end_reason="compression",
        message_count=5,
        input_tokens=10,
        estimated_cost_usd=0.25,
        title="Fix the lock",
        api_call_count=3,
        handoff_state="pending",
        cwd="/work",
        rewind_count=2,
        archived=1,
        session_key="telegram:42",
        chat_id="42",
        display_name="Ana",
        origin_json='{"platform": "telegram"}',
        profile_name="work",
        pinned=1,
    )
    old.insert("system_prompts", hash="ab12", prompt="Be brief.")
    old.insert("sessions", id="tip", source="telegram", started_at=2000.0, parent_session_id="root")
    marked = '{"_delegate_from": "root"}'
    old.insert(
        "sessions",
        id="worker",
        source="cli",
        started_at=1500.0,
        parent_session_id="root",
        model_config=marked,
    )
    say = {"session_id": "root", "timestamp": 1001.0}
    old.insert("messages", **say, role="user", content="don't touch 记忆", platform_message_id="p1")
    old.insert(
        "messages",
        **say,
        role="assistant",
        tool_calls=CALL,
        reasoning="hm",
        finish_reason="tool_calls",
        reasoning_content="hm hm",
        codex_message_items='[{"id": "x"}]',
        api_content="as sent",
        effect_disposition="none",
        active=None,
    )
    old.insert("messages", **say, role="tool", content="done", tool_call_id="c1", tool_name="read")
    old.insert("messages", **say, role="user", content=PICTURE, observed=1)
    old.insert("messages", **say, role="user", content="set aside", active=0, compacted=1)
    old.insert("messages", **say, role="user", content="taken back", active=0)
    old.insert(
        "session_model_usage",
        session_id="root",
        model="m",
        task="title",
        api_call_count=2,
        input_tokens=8,
        estimated_cost_usd=0.01,
        first_seen=3600.0,
        last_seen=7300.0,
    )
    old.insert("state_meta", key="last_auto_prune", value="123.5")
    old.insert("gateway_routing", scope="s", session_key="k", entry_json="{}", updated_at=5.0)
    old.insert("compression_locks", session_id="root", holder="h", acquired_at=1.0, expires_at=2.0)
    old.insert("gateway_heartbeats", gateway_id="g", beat_at=9.0)


@pytest.fixture(scope="module", params=VERSIONS)
def old(request, tmp_path_factory):
    """The file, which no test changes."""
    old = HermesDatabase(tmp_path_factory.mktemp("hermes") / "old.db", request.param)
    fill(old)
    return old


@pytest.fixture(scope="module")
def account(old):
    """Of its import into `new`, which was made once."""
    return import_hermes_file(old.path, old.path.with_name("new.db"))


@pytest.fixture(scope="module")
def new(account, old):
    with SessionRepository(old.path.with_name("new.db")) as repository:
        yield repository


def test_every_row_is_accounted_for_and_none_is_left_out(old, account: Account):
    assert account.version == old.version
    assert account.left_out == []
    lines = {each.table: (each.rows, each.now) for each in account.tables}
    assert lines.pop("sessions") == (3, 3)
    assert lines.pop("messages") == (6, 6)
    if old.has("compression_locks"):
        assert lines.pop("compression_locks") == (1, 0)
    assert set(lines.values()) <= {(1, 1)}
    assert set(lines) == {name for name in old.tables if old.has(name)} - {
        "compression_locks",
        "messages",
        "schema_version",
        "sessions",
    }


def test_a_session_keeps_what_it_says(old, new):
    root = new.get_session("root")
    assert (root["source"], root["user_id"], root["model"]) == ("telegram", "7", "m")
    assert (root["title"], root["system_prompt"]) == ("Fix the lock", "Be brief.")
    assert root["model_config"] == {"temperature": 0.5}
    assert (root["started_at"], root["ended_at"]) == (1000.0, 2000.0)
    assert (root["input_tokens"], root["estimated_cost_usd"]) == (10, 0.25)
    extra = {
        "chat_id": "42",
        "display_name": "Ana",
        "handoff_state": "pending",
        "origin_json": {"platform": "telegram"},
        "profile_name": "work",
        "rewind_count": 2,
    }
    assert (root["extra"] or {}) == {k: v for k, v in extra.items() if old.has("sessions", k)}
    assert root["cwd"] == ("/work" if old.has("sessions", "cwd") else None)
    assert root["key"] == ("telegram:42" if old.has("sessions", "session_key") else None)
    assert root["archived"] == (2000.0 if old.has("sessions", "archived") else None)
    assert root["pinned"] is old.has("sessions", "pinned")
    assert root["api_call_count"] == (3 if old.has("sessions", "api_call_count") else 0)


def test_a_parent_is_linked_as_what_it_is(new):
    links = {each: new.get_session(each)["link"] for each in ("root", "tip", "worker")}
    assert links == {"root": None, "tip": "compression", "worker": "delegate"}


def test_a_message_keeps_what_it_says(old, new):
    user, assistant, tool, picture, *_ = new.get_messages("root", include="all")
    assert (user["id"], user["content"], user["timestamp"]) == (1, "don't touch 记忆", 1001.0)
    has_ids = old.has("messages", "platform_message_id")
    assert user["external_id"] == ("p1" if has_ids else None)
    assert assistant["tool_calls"][0]["function"]["name"] == "read"
    assert (assistant["content"], assistant["reasoning"]) == (None, "hm")
    extra = {
        "api_content": "as sent",
        "codex_message_items": [{"id": "x"}],
        "effect_disposition": "none",
        "reasoning_content": "hm hm",
    }
    assert (assistant["extra"] or {}) == {k: v for k, v in extra.items() if old.has("messages", k)}
    assert (tool["tool_call_id"], tool["tool_name"]) == ("c1", "read")
    assert picture["content"] == [{"type": "text", "text": "a picture"}]
    assert picture["extra"] == ({"observed": 1} if old.has("messages", "observed") else None)


def test_what_was_set_aside_or_taken_back_stays_so(old, new):
    states = [message["state"] for message in new.get_messages("root", include="all")]
    hidden = "rewound" if old.has("messages", "active") else None
    compacted = "compacted" if old.has("messages", "compacted") else hidden
    assert states == [None, None, None, None, compacted, hidden]


def test_messages_are_found_and_the_new_store_is_sound(new):
    assert [hit["id"] for hit in new.search_messages("记忆")] == [1]
    assert new.check() == []


def test_no_byte_of_the_old_file_changes_and_run_again_nothing_of_the_new_one(old, new, account):
    before, there = hashlib.sha256(old.path.read_bytes()).digest(), new.export_all()
    assert import_hermes_file(old.path, old.path.with_name("new.db")).tables == account.tables
    assert hashlib.sha256(old.path.read_bytes()).digest() == before
    assert {each.name for each in old.path.parent.iterdir()} & {"old.db-wal", "old.db-shm"} == set()
    assert new.export_all() == there
