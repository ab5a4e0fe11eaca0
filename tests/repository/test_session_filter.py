"""`SessionFilter`: every field, against a plain predicate, wherever a filter is taken."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import postgres_server
import pytest
from stored import change

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import InvalidArgumentError

FIELDS = [each.name for each in fields(SessionFilter)]
WORDS = ["Straße", "flaky", "Lock", "50%", "a_b", "记忆", "İstanbul"]
TEXTS = ["m", "M", "m%", "m_x", "mäx", "", "'; --", "x\U0010ffff"]
FOLDERS = ["/home/ä", "/home/ä/b", "/home/a_b", "/home/axb", "/HOME", "%"]
IDS = ["a", "a_", "a%", "ab", "b\u00e4", "B", "\U0010ffff"]
TIMES = [0.0, 10.0, 10.5, 20.0, 1e9]
NUMBERS = [0, 1, 2, 3, 500]
COSTS = [0.0, 0.25, 0.5, 2.0]


def choice(values: list[Any], rng: random.Random) -> Any:
    return rng.choice([None, *values])


def session(number: int, rng: random.Random) -> dict[str, Any]:
    """A session of which anything may be unknown."""
    started = rng.choice(TIMES)
    words = rng.sample(WORDS, rng.randrange(1, 4))
    return {
        "id": f"{rng.choice(IDS)}{number}",
        "source": rng.choice(["cli", "cron", "telegram"]),
        "model": choice(TEXTS, rng),
        "billing_provider": choice(TEXTS, rng),
        "user_id": choice(TEXTS, rng),
        "key": choice(TEXTS[:3], rng),
        "cwd": choice(FOLDERS, rng),
        "title": choice([f"{' '.join(words)} {number}"], rng),
        "link": choice(["compression", "branch", "delegate", "reset"], rng),
        "started_at": started,
        "ended_at": choice(TIMES, rng),
        "last_active": choice(TIMES, rng),
        "archived": choice(TIMES[:1], rng),
        "pinned": choice([0, 1], rng),
        "message_count": choice(NUMBERS, rng),
        "tool_call_count": choice(NUMBERS, rng),
        "input_tokens": choice(NUMBERS, rng),
        "output_tokens": choice(NUMBERS, rng),
        "estimated_cost_usd": choice(COSTS, rng),
        "actual_cost_usd": choice(COSTS, rng),
    }


def asked(name: str, rng: random.Random) -> Any:
    """A value to filter by."""
    if name in {"open", "archived", "pinned"}:
        return rng.choice([True, False, None])
    if name == "exclude_sources":
        return tuple(rng.sample(["cli", "cron", "telegram", "no such"], rng.randrange(4)))
    if name == "title":
        return rng.choice(["STRASSE", "lock flaky", "50%", "a_b", "a%b", "记", "nothing"])
    choices = {
        "source": ["cli", "cron", "nothing"],
        "key": TEXTS[:3],
        "cwd_prefix": ["/home/ä", "/home/a_", "/", "%", "/home/ä/b/c"],
        "id_prefix": IDS,
        "link": ["compression", "branch", "delegate", "reset"],
    }
    kinds = {"since": TIMES, "until": TIMES, "cost": COSTS}
    return rng.choice(
        choices.get(name) or kinds.get(name.rpartition("_")[2]) or number_or_text(name)
    )


def number_or_text(name: str) -> list[Any]:
    return NUMBERS if name.startswith(("min_", "max_")) else [text for text in TEXTS if text]


def measured(row: dict[str, Any], name: str) -> Any:
    """What a field with a range looks at."""
    active = row["started_at"] if row["last_active"] is None else row["last_active"]
    cost = row["estimated_cost_usd"] if row["actual_cost_usd"] is None else row["actual_cost_usd"]
    return {
        "started": row["started_at"],
        "active": active,
        "messages": row["message_count"] or 0,
        "tokens": (row["input_tokens"] or 0) + (row["output_tokens"] or 0),
        "cost": cost or 0.0,
        "tool_calls": row["tool_call_count"] or 0,
    }[name]


def equals(row: dict[str, Any], name: str, value: Any) -> bool:
    return row["billing_provider" if name == "provider" else name] == value


def begins(row: dict[str, Any], name: str, value: str) -> bool:
    return (row[name.removesuffix("_prefix")] or "").startswith(value)


def has_words(row: dict[str, Any], _name: str, value: str) -> bool:
    title = (row["title"] or "").casefold()
    return all(word in title for word in value.casefold().split())


def at_least(row: dict[str, Any], name: str, value: float) -> bool:
    return measured(row, name.removesuffix("_since").removeprefix("min_")) >= value


def at_most(row: dict[str, Any], name: str, value: float) -> bool:
    return measured(row, name.removeprefix("max_")) <= value


def before(row: dict[str, Any], name: str, value: float) -> bool:
    return measured(row, name.removesuffix("_until")) < value


PREDICATES = {
    **dict.fromkeys(FIELDS, equals),
    **{name: begins for name in FIELDS if name.endswith("_prefix")},
    **{name: at_least for name in FIELDS if name.endswith("_since") or name.startswith("min_")},
    **{name: before for name in FIELDS if name.endswith("_until")},
    **{name: at_most for name in FIELDS if name.startswith("max_")},
    "title": has_words,
    "exclude_sources": lambda row, _name, value: row["source"] not in value,
    "open": lambda row, _name, value: value == (row["ended_at"] is None),
    "archived": lambda row, _name, value: value == (row["archived"] is not None),
    "pinned": lambda row, _name, value: value == bool(row["pinned"]),
}


def meant(rows: list[dict[str, Any]], which: SessionFilter) -> set[str]:
    """The sessions that meet every field that was given."""
    given = {name: value for name in FIELDS if (value := getattr(which, name)) is not None}
    return {
        row["id"]
        for row in rows
        if all(PREDICATES[name](row, name, value) for name, value in given.items())
    }


ROWS = [session(number, random.Random(number)) for number in range(160)]
"""Some of everything; of each kind of value some are unknown."""


def fill(database: Any) -> None:
    for row in ROWS:
        names, places = ", ".join(row), ", ".join("?" * len(row))
        change(database, f"INSERT INTO sessions ({names}) VALUES ({places})", *row.values())


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def store(request, template, tmp_path_factory) -> Iterator[SessionRepository]:
    """A store with `ROWS`, and a message with one word in each."""
    if request.param == "sqlite":
        path = Path(shutil.copy(template, tmp_path_factory.mktemp("filter") / "state.db"))
        yield from filled(path)
    else:
        with postgres_server.store() as url:
            yield from filled(url)


def filled(database: Any) -> Iterator[SessionRepository]:
    with SessionRepository(database) as repository:
        for row in ROWS:
            repository.create_session(row["id"], row["source"])
            repository.append_message(row["id"], "user", "needle")
        for row in ROWS:
            names = ", ".join(f"{name} = ?" for name in row)
            change(database, f"UPDATE sessions SET {names} WHERE id = ?", *row.values(), row["id"])
        yield repository


def ids(found: Any) -> set[str]:
    listed = [each["id"] for each in found]
    assert len(set(listed)) == len(listed)
    return set(listed)


def filters(name: str) -> Iterator[SessionFilter]:
    """Filters with this field, alone and beside others."""
    rng = random.Random(name)
    while True:
        others = rng.sample(FIELDS, rng.choice([0, 0, 1, 2, 4]))
        given = {each: asked(each, rng) for each in {name, *others}}
        try:
            yield SessionFilter(**{"archived": None, **given})
        except InvalidArgumentError:  # a range that ends before it begins
            continue


def some(name: str, number: int) -> list[SessionFilter]:
    return [each for each, _ in zip(filters(name), range(number), strict=False)]


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_means_the_same_sessions_in_every_call(store, name):
    for which in some(name, 25):
        wanted = meant(ROWS, which)
        assert ids(store.list_sessions_rich(filter=which, limit=None)) == wanted, which
        assert ids(store.search_sessions(filter=which, limit=None)) == wanted, which
        assert store.session_count(filter=which) == len(wanted), which
        usage = store.usage_by_source(filter=which)
        assert sum(row["sessions"] for row in usage) == len(wanted), which


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_means_the_same_sessions_in_exports_searches_and_prunes(store, name):
    for which in some(name, 6):
        wanted = meant(ROWS, which)
        assert ids(store.export_all(filter=which)) == wanted, which
        assert ids(store.iter_export(filter=which)) == wanted, which
        hits = store.search_messages("needle", filter=which, limit=None)
        assert {hit["session_id"] for hit in hits} == wanted, which
        if which.open:
            with pytest.raises(InvalidArgumentError, match="open"):
                store.list_prune_candidates(filter=which)
        else:
            due = store.list_prune_candidates(0, filter=which)
            assert ids(due) == {row["id"] for row in ROWS if row["ended_at"] is not None} & wanted


def test_a_transaction_takes_filters_too(store):
    which = SessionFilter(source="cli", title="flaky")
    with store.transaction() as transaction:
        assert ids(transaction.list_sessions_rich(filter=which)) == meant(ROWS, which)
        assert transaction.session_count(filter=which) == len(meant(ROWS, which))


def test_a_search_with_symbols_keeps_to_the_filter(store):
    which = SessionFilter(source="cli", archived=None)
    session_id = min(meant(ROWS, which))
    with pytest.raises(LookupError), store.transaction() as transaction:
        for each in (session_id, next(iter(meant(ROWS, SessionFilter(source="cron"))))):
            transaction.append_message(each, "user", "C# beside C++")
        hits = transaction.search_messages("C#", filter=which)
        assert [hit["session_id"] for hit in hits] == [session_id]
        hits = transaction.search_messages("C# NOT needle", ["cli", "cron"], filter=which)
        assert [hit["session_id"] for hit in hits] == [session_id]
        raise LookupError  # the others of this file find what they began with


# --- what no filter means -------------------------------------------------------------------------


def test_lists_leave_archived_sessions_out_and_all_other_calls_do_not(store):
    there = {row["id"] for row in ROWS}
    live = {row["id"] for row in ROWS if row["archived"] is None}
    for filter_ in (None, SessionFilter()):
        assert ids(store.list_sessions_rich(limit=None, filter=filter_)) == live
        assert ids(store.search_sessions(limit=None, filter=filter_)) == live
    assert ids(store.export_all()) == there
    assert {hit["session_id"] for hit in store.search_messages("needle", limit=None)} == there
    assert store.session_count() == len(there)
    assert store.session_count(exclude_sources=["nothing"]) == len(there)
    assert sum(row["sessions"] for row in store.usage_by_source()) == len(there)
    ended = {row["id"] for row in ROWS if row["ended_at"] is not None}
    assert ids(store.list_prune_candidates(0)) == ended


def test_the_keywords_for_sources_narrow_a_filter(store):
    which = SessionFilter(archived=None, pinned=True, exclude_sources=["cron"])
    for source in ("cli", "telegram", "cron"):
        wanted = {row["id"] for row in ROWS if row["source"] == source} & meant(ROWS, which)
        assert ids(store.list_sessions_rich(source, limit=None, filter=which)) == wanted
        assert store.session_count(source, filter=which) == len(wanted)
        assert ids(store.export_all(source, filter=which)) == wanted
    one = SessionFilter(archived=None, source="cli")
    assert store.list_sessions_rich("telegram", filter=one) == []
    assert store.session_count(exclude_sources=["cli"], filter=one) == 0
    assert store.session_count("cli", filter=one) == store.session_count("cli")


# --- prune ----------------------------------------------------------------------------------------


def test_a_prune_deletes_what_the_filter_means_and_leaves_the_rest(repository, database):
    fill(database)
    which = SessionFilter(source="cli", max_messages=2)
    due = {row["id"] for row in ROWS if row["ended_at"] is not None} & meant(ROWS, which)
    assert repository.prune_sessions(0, filter=which) == len(due) > 5
    left = ids(repository.list_sessions_rich(limit=None, filter=SessionFilter(archived=None)))
    assert left == {row["id"] for row in ROWS} - due
    assert repository.prune_sessions(0, filter=which) == 0


@pytest.mark.parametrize("times", [{"started_until": 9e9}, {"active_since": 0.0}], ids=str)
def test_times_of_a_filter_replace_the_ninety_days(repository, times):
    repository.create_session("new", "cli")
    repository.end_session("new", "done")
    assert repository.list_prune_candidates(filter=SessionFilter(source="cli")) == []
    assert ids(repository.list_prune_candidates(filter=SessionFilter(**times))) == {"new"}
    assert repository.list_prune_candidates(90, filter=SessionFilter(**times)) == []


def test_an_age_before_the_times_of_a_filter_means_no_session_and_is_no_error(repository):
    repository.create_session("new", "cli")
    repository.end_session("new", "done")
    assert repository.list_prune_candidates(1e9, filter=SessionFilter(started_since=1e9)) == []
    assert repository.prune_sessions(0, filter=SessionFilter(started_until=1e9)) == 0


# --- values that cannot be used ---------------------------------------------------------------------

BAD = {
    **dict.fromkeys(
        ("source", "model", "provider", "user_id", "key", "cwd_prefix", "title", "id_prefix"),
        ("", 7, b"x", True, ["cli"]),
    ),
    "exclude_sources": ["cli", [""], [None], 7],
    "link": ["Branch", "", 1],
    **dict.fromkeys(("open", "archived", "pinned"), (0, 1, "yes", "")),
    **dict.fromkeys(
        ("started_since", "started_until", "active_since", "active_until"),
        (-1, 1.7e12, float("nan"), "7d", True),
    ),
    **dict.fromkeys(
        ("min_messages", "max_messages", "min_tokens", "max_tokens", "min_tool_calls", "max_tool_calls"),
        (-1, 1.5, "1", True, 2**60),
    ),
    **dict.fromkeys(("min_cost", "max_cost"), (-0.01, float("inf"), "1", True)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, some in BAD.items() for v in some], ids=repr
)
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_field(name, value):
    with pytest.raises(InvalidArgumentError, match=rf"^{name}: .*; \S") as refused:
        SessionFilter(**{name: value})
    assert refused.value.argument == name


def test_every_field_has_values_that_it_refuses():
    assert set(BAD) == set(FIELDS)


@pytest.mark.parametrize("low", [name for name in FIELDS if name.startswith("min_")])
def test_a_least_number_above_the_greatest_is_refused(low):
    high = low.replace("min_", "max_")
    SessionFilter(**{low: 2, high: 2})
    with pytest.raises(InvalidArgumentError, match=f"{low}: 2.* is greater than {high}, 1"):
        SessionFilter(**{low: 2, high: 1})


@pytest.mark.parametrize("of", ["started", "active"])
def test_times_that_end_before_they_begin_are_refused(of):
    SessionFilter(**{f"{of}_since": 5.0, f"{of}_until": 5.0})
    with pytest.raises(InvalidArgumentError, match=f"{of}_since: 6.0 is greater than {of}_until"):
        SessionFilter(**{f"{of}_since": 6, f"{of}_until": 5})


def test_a_title_of_blanks_has_no_word():
    with pytest.raises(InvalidArgumentError, match="title: has no word"):
        SessionFilter(title=" \n")


def test_what_is_no_filter_is_refused(repository):
    calls = (
        repository.list_sessions_rich, repository.search_sessions, repository.session_count,
        repository.export_all, repository.iter_export, repository.list_prune_candidates,
        repository.prune_sessions, repository.usage_by_source,
    )  # fmt: skip
    for call in calls:
        with pytest.raises(InvalidArgumentError, match="filter: a value of type dict"):
            call(filter={"source": "cli"})
    with pytest.raises(InvalidArgumentError, match="filter: "):
        repository.search_messages("x", filter="cli")


def test_a_filter_is_a_value():
    one, other = SessionFilter(exclude_sources=["a", "a"]), SessionFilter(exclude_sources=("a",))
    assert one == other
    assert len({one, other}) == 1
    with pytest.raises(AttributeError):
        one.source = "cli"
    with pytest.raises(TypeError):
        SessionFilter("cli")


def test_a_character_that_a_database_cannot_hold_is_no_error(repository):
    repository.create_session("s", "cli", model="a", cwd="/x")
    for which in ({"model": "a\0"}, {"cwd_prefix": "/x\0"}, {"title": "a\0"}, {"id_prefix": "s\0"}):
        assert repository.list_sessions_rich(filter=SessionFilter(**which)) == []
    assert ids(repository.list_sessions_rich(exclude_sources=["cli\0"])) == {"s"}


@pytest.mark.parametrize("field", ["source", "model", "user_id"])
def test_a_text_with_a_nul_finds_the_session_that_was_given_it(repository, field):
    given = {"source": "cli", field: "a\0b"}
    repository.create_session("s", **given)
    repository.create_session("other", "cli")
    for asked_for in (given, {"exclude_sources": ["a\0b"]}):
        which = SessionFilter(**asked_for)
        found = {each["id"] for each in repository.list_sessions_rich(filter=which)}
        assert ("s" in found) == (asked_for is given or field != "source")
        assert repository.session_count(filter=which) == len(found)


def test_a_folder_with_a_nul_begins_as_it_was_given(repository):
    repository.create_session("s", "cli", cwd="/a\0b/c")
    repository.create_session("other", "cli", cwd="/ab")
    for prefix, finds in {"/a": 2, "/a\0": 1, "/a\0b/": 1, "/a\0c": 0, "/a\1": 0}.items():
        assert repository.session_count(filter=SessionFilter(cwd_prefix=prefix)) == finds
