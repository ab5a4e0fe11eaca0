"""Bad input: a typed error names the argument, the database is unchanged, the store goes on."""

import math
from decimal import Decimal

import pytest
from stored import as_stored, rows

from hermes_store.errors import HermesStoreError, InvalidArgumentError

HUGE = 2**63
DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]

NO_TEXT = [5, b"bytes", ["x"], object(), 1.5, True]
NO_COUNT = [-1, 1.5, "5", True, HUGE, 10**5000, math.nan, [1], Decimal(1)]
NO_NUMBER = [
    "5",
    math.nan,
    math.inf,
    -math.inf,
    True,
    [1],
    10**400,
    10**5000,
    object(),
    Decimal("NaN"),
]
NO_JSON = [object(), b"x", {1, 2}, [math.nan], {"x": math.inf}, {(1,): 2}, DEEP]
NO_ID = [None, "", 5, b"x", ["s"], "a\ud800", "a\0"]
NO_LIST = ["cli", 5, b"x", [5], [None], [""], [["cli"]]]
NO_PAGE = [-1, 1.5, "5", True, HUGE]


def cases():
    def case(argument, bad, call, name=None):
        yield pytest.param(argument, bad, call, id=f"{name or argument} {argument}")

    create = "create_session"
    yield from case("session_id", NO_ID, lambda r, v: r.create_session(v, "cli"), create)
    yield from case("source", [None, "", *NO_TEXT], lambda r, v: r.create_session("new", v), create)
    for name in ("model", "system_prompt", "user_id"):
        yield from case(
            name, NO_TEXT, lambda r, v, n=name: r.create_session("new", "cli", **{n: v})
        )
    yield from case(
        "model_config", NO_JSON, lambda r, v: r.create_session("new", "cli", model_config=v)
    )
    yield from case(
        "parent_session_id",
        NO_ID[1:],
        lambda r, v: r.create_session("new", "cli", parent_session_id=v),
    )
    for name in (
        "ensure_session", "reopen_session", "get_session", "get_session_title", "get_messages",
        "get_messages_as_conversation", "export_session", "clear_messages", "delete_session",
    ):  # fmt: skip
        yield from case("session_id", NO_ID, lambda r, v, n=name: getattr(r, n)(v), name)
    yield from case("session_id", NO_ID, lambda r, v: r.end_session(v, "x"), "end")
    yield from case("session_id", NO_ID, lambda r, v: r.update_system_prompt(v, "x"), "prompt")
    yield from case("session_id", NO_ID, lambda r, v: r.update_token_counts(v, 1), "usage")
    yield from case("session_id", NO_ID, lambda r, v: r.set_session_title(v, "x"), "title")
    yield from case("session_id", NO_ID, lambda r, v: r.append_message(v, "user"), "append")
    yield from case("session_id", NO_ID, lambda r, v: r.append_messages(v, []), "append many")
    yield from case("session_id", NO_ID[1:], lambda r, v: r.message_count(v), "count")
    yield from case("end_reason", NO_TEXT, lambda r, v: r.end_session("s", v))
    yield from case("system_prompt", NO_TEXT, lambda r, v: r.update_system_prompt("s", v), "update")
    yield from case("session_id_or_prefix", NO_TEXT, lambda r, v: r.resolve_session_id(v))

    append = {
        "content": [5, b"x", object(), 1.5, True, [object()], {"x": math.nan}, ("a",), DEEP],
        "token_count": NO_COUNT,
        "timestamp": [*NO_NUMBER, -1, 5e246, 1_700_000_000_000],
        **dict.fromkeys(("tool_name", "tool_call_id", "finish_reason", "reasoning"), NO_TEXT),
        **dict.fromkeys(("tool_calls", "reasoning_details", "codex_reasoning_items"), NO_JSON),
    }
    yield from case("role", [None, "", *NO_TEXT], lambda r, v: r.append_message("s", v))
    for name, bad in append.items():
        yield from case(name, bad, lambda r, v, n=name: r.append_message("s", "user", **{n: v}))

    tokens = ("input", "output", "cache_read", "cache_write", "reasoning")
    usage = {
        **dict.fromkeys((f"{name}_tokens" for name in tokens), NO_COUNT),
        **dict.fromkeys(("estimated_cost_usd", "actual_cost_usd"), (*NO_NUMBER, -0.5)),
        **dict.fromkeys(("model", "cost_status", "billing_provider", "pricing_version"), NO_TEXT),
    }
    for name, bad in usage.items():
        yield from case(
            name, bad, lambda r, v, n=name: r.update_token_counts("s", **{n: v}), f"add {name}"
        )
        yield from case(
            name, bad, lambda r, v, n=name: r.set_token_counts("s", **{n: v}), f"set {name}"
        )

    yield from case("title", ["x" * 101, *NO_TEXT], lambda r, v: r.set_session_title("s", v))
    yield from case("title", NO_TEXT, lambda r, v: r.get_session_by_title(v), "by title")
    yield from case("title", NO_TEXT, lambda r, v: r.resolve_session_by_title(v), "resolve title")
    yield from case(
        "base_title",
        [None, "", "  ", "\u200b", *NO_TEXT],
        lambda r, v: r.get_next_title_in_lineage(v),
    )

    yield from case("source", NO_TEXT, lambda r, v: r.list_sessions_rich(source=v), "list")
    yield from case("source", NO_TEXT, lambda r, v: r.search_sessions(source=v), "search_sessions")
    yield from case("source", NO_TEXT, lambda r, v: r.session_count(v), "session_count")
    yield from case("source", NO_TEXT, lambda r, v: r.export_all(v), "export_all")
    yield from case("source", NO_TEXT, lambda r, v: r.prune_sessions(90, v), "prune")
    yield from case(
        "exclude_sources", NO_LIST, lambda r, v: r.list_sessions_rich(exclude_sources=v)
    )
    for name in ("source_filter", "exclude_sources", "role_filter"):
        yield from case(
            name, NO_LIST, lambda r, v, n=name: r.search_messages("x", **{n: v}), f"search {name}"
        )
    for name, bad in (("limit", NO_PAGE), ("offset", [None, *NO_PAGE])):
        for method in ("list_sessions_rich", "search_sessions"):
            yield from case(
                name, bad, lambda r, v, n=name, m=method: getattr(r, m)(**{n: v}), method
            )
        yield from case(name, bad, lambda r, v, n=name: r.search_messages("x", **{n: v}), "search")


@pytest.mark.parametrize(("argument", "bad", "call"), [*cases()])
def test_a_bad_argument_is_named_and_changes_nothing(filled, database, argument, bad, call):
    before = dump(database)
    for value in bad:
        with pytest.raises(InvalidArgumentError, match=rf"^{argument}\b.*; ") as raised:
            call(filled, value)
        assert raised.value.argument == argument
        assert len(str(raised.value)) < 300
    assert dump(database) == before
    assert filled.append_message("s", "user", "the store goes on")


@pytest.fixture
def filled(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "x")
    return repository


def dump(path):
    return rows(path, "SELECT * FROM sessions"), rows(path, "SELECT * FROM messages")


def test_a_decimal_is_an_amount_and_a_time(filled):
    filled.update_token_counts("s", actual_cost_usd=Decimal("1.25"))
    filled.append_message("s", "user", "x", timestamp=Decimal("4000000000.5"))
    session = filled.get_session("s")
    assert (session["actual_cost_usd"], session["last_active"]) == (1.25, 4000000000.5)


def test_lone_surrogates_in_other_texts_are_replaced(filled):
    filled.create_session("new", "c\ud800", model="m\ud800")
    session = filled.get_session("new")
    assert (session["source"], session["model"]) == ("c\ufffd", "m\ufffd")
    assert filled.session_count("c\ud800") == 1


def test_a_bad_argument_is_a_value_error_and_an_unknown_session_a_lookup_error(filled):
    with pytest.raises(ValueError, match="source"):
        filled.create_session("new", None)
    with pytest.raises(LookupError, match="ghost"):
        filled.end_session("ghost", "x")
    assert issubclass(InvalidArgumentError, HermesStoreError)


@pytest.mark.parametrize(
    "nasty", ["'; DROP TABLE messages; --", "%s", ":id", "?", "a\0b", '"', "\\"]
)
def test_text_is_never_sql(filled, database, nasty):
    own = nasty.replace("\0", "NUL")
    filled.create_session(own, nasty, nasty, {nasty: nasty}, nasty, nasty)
    filled.set_session_title(own, f"t {nasty}")
    filled.append_message(
        own, nasty, nasty, nasty, [nasty], nasty, 1, nasty, nasty, [nasty], [nasty]
    )
    filled.update_token_counts(own, cost_status=nasty)
    filled.end_session(own, nasty)
    assert filled.get_session(own)["end_reason"] == as_stored(database, nasty)
    assert filled.get_messages(own)[0]["content"] == as_stored(database, nasty)
    assert filled.resolve_session_id(own) == own
    assert [s["id"] for s in filled.list_sessions_rich(source=nasty)] == [own]
    assert filled.list_sessions_rich(exclude_sources=[nasty])[0]["id"] == "s"
    assert filled.export_all(nasty)[0]["id"] == own
    assert filled.prune_sessions(0, nasty) == 1
    assert filled.message_count() == 1
