"""Usage by model and task: added up as a plain Python model adds it up, by any group."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import only_sqlite

from hermes_store import SessionFilter, SessionRepository, values
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError

TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
COSTS = ("estimated_cost_usd", "actual_cost_usd")
NOTHING = dict.fromkeys(TOKENS, 0) | dict.fromkeys(COSTS)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()  # a Sunday
HOUR, DAY = 3600, 86_400


@pytest.fixture
def at(monkeypatch):
    """Turn the clock by which records are stored."""
    return lambda seconds: monkeypatch.setattr(values, "now", lambda: float(seconds))


@pytest.fixture
def session(repository):
    repository.create_session("s", "cli", user_id="ada")
    repository.create_session("t", "telegram")
    return repository


def groups(repository, by, *names, **how):
    return [[row[name] for name in ("group", *names)] for row in repository.usage_report(by, **how)]


def test_records_of_one_hour_and_the_same_texts_are_added_up(session, at):
    at(NOON)
    session.record_usage("s", model="m", input_tokens=1, output_tokens=2, estimated_cost_usd=0.5)
    at(NOON + 1800)
    session.record_usage(
        "s", model="m", calls=3, input_tokens=10, cache_read_tokens=3, cache_write_tokens=4,
        reasoning_tokens=5, estimated_cost_usd=0.25, actual_cost_usd=0.125,
    )  # fmt: skip
    session.record_usage("s", model="other")
    both = {
        "group": "m", "sessions": 1, "calls": 4, "input_tokens": 11, "output_tokens": 2,
        "cache_read_tokens": 3, "cache_write_tokens": 4, "reasoning_tokens": 5,
        "estimated_cost_usd": 0.75, "actual_cost_usd": 0.125,
    }  # fmt: skip
    other = NOTHING | {"group": "other", "sessions": 1, "calls": 1}
    assert session.usage_report("model") == [both, other]
    with session.transaction() as transaction:
        assert transaction.usage_report("model") == [both, other]
    [record, _] = session.export_session("s")["usage"]
    assert (record["hour"], record["first_at"], record["last_at"]) == (
        NOON // HOUR,
        NOON,
        NOON + 1800,
    )


def test_a_clock_that_steps_back_within_the_hour_moves_no_time_the_wrong_way(session, at):
    for seconds in (600, 0, 300):
        at(NOON + seconds)
        session.record_usage("s")
    [record] = session.export_session("s")["usage"]
    assert (record["calls"], record["first_at"], record["last_at"]) == (3, NOON, NOON + 600)


def test_an_unknown_cost_is_none_and_stays_apart_from_a_cost_of_zero(session):
    session.record_usage("s", model="unknown")
    session.record_usage("s", model="free", actual_cost_usd=0)
    session.record_usage("s", model="free")
    session.record_usage("s", model="paid", estimated_cost_usd=1.5)
    session.record_usage("s", model="paid")
    costs = {group: costs for group, *costs in groups(session, "model", *COSTS)}
    assert costs == {"unknown": [None, None], "free": [None, 0.0], "paid": [1.5, None]}


def test_the_sums_of_a_session_are_another_account(session):
    before = session.get_session("s")
    session.record_usage("s", model="m", input_tokens=5, actual_cost_usd=1.0)
    assert session.get_session("s") == before
    session.update_token_counts("s", 7)
    assert groups(session, "model", "input_tokens") == [["m", 5]]


def test_a_session_that_does_not_exist_is_an_error(session):
    with pytest.raises(SessionNotFoundError, match="ghost"):
        session.record_usage("ghost", input_tokens=1)
    assert session.usage_report() == []


def test_a_deleted_session_takes_its_usage_with_it(session):
    for session_id in ("s", "t"):
        session.record_usage(session_id, input_tokens=1)
    session.delete_session("s")
    assert groups(session, "day", "sessions")[0][1] == 1
    session.end_session("t", "done")
    session.prune_sessions(0)
    assert session.usage_report() == []


# --- groups ---------------------------------------------------------------------------------------


def test_days_weeks_and_months_come_in_order_without_empty_ones(session, at):
    for days, session_id in ((-40, "s"), (0, "s"), (0, "t"), (1, "t"), (3, "s")):
        at(NOON + days * DAY)
        session.record_usage(session_id, input_tokens=1)
    assert groups(session, "day", "sessions", "calls") == [
        ["2026-01-20", 1, 1],
        ["2026-03-01", 2, 2],
        ["2026-03-02", 1, 1],
        ["2026-03-04", 1, 1],
    ]
    assert groups(session, "week", "sessions", "calls") == [
        ["2026-W04", 1, 1],
        ["2026-W09", 2, 2],
        ["2026-W10", 2, 2],
    ]
    assert groups(session, "month", "sessions", "calls") == [["2026-01", 1, 1], ["2026-03", 2, 4]]
    assert session.usage_report() == session.usage_report("day")


def test_a_week_belongs_to_the_year_of_its_thursday(session, at):
    for day in (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
        at(day.timestamp())
        session.record_usage("s")
    assert groups(session, "week", "calls") == [["2026-W53", 2]]
    assert groups(session, "month", "calls") == [["2026-12", 1], ["2027-01", 1]]


def test_days_are_those_of_the_time_zone(session, at, monkeypatch):
    at(datetime(2026, 3, 1, 23, 30, tzinfo=UTC).timestamp())
    session.record_usage("s")
    rome, kolkata = ZoneInfo("Europe/Rome"), timezone(timedelta(hours=5, minutes=30))
    assert groups(session, "day") == [["2026-03-01"]]
    assert groups(session, "day", timezone=rome) == [["2026-03-02"]]
    assert groups(session, "day", timezone=kolkata) == [["2026-03-02"]]
    assert groups(session, "day", timezone=timezone(timedelta(hours=-8))) == [["2026-03-01"]]


def test_a_day_has_23_or_25_hours_where_the_clocks_are_changed(session, at):
    rome = ZoneInfo("Europe/Rome")
    for day in (datetime(2026, 3, 29, tzinfo=rome), datetime(2026, 10, 25, tzinfo=rome)):
        for hours in range(49):
            at(day.timestamp() + hours * HOUR)
            session.record_usage("s")
    assert groups(session, "day", "calls", timezone=rome) == [
        ["2026-03-29", 23],
        ["2026-03-30", 24],
        ["2026-03-31", 2],
        ["2026-10-25", 25],
        ["2026-10-26", 24],
    ]


def test_without_a_time_zone_it_is_the_local_time_of_the_machine(session, at, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        at(NOON + 4 * HOUR)
        session.record_usage("s")
        assert groups(session, "day", timezone=None) == [["2026-03-02"]]
        assert groups(session, "day") == [["2026-03-01"]]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_other_groups_come_with_the_most_tokens_first(session):
    session.record_usage("s", model="a", provider="p", task="title", input_tokens=1)
    session.record_usage("t", model="b", provider="p", output_tokens=5)
    session.record_usage("s", model="b", input_tokens=1)
    assert groups(session, "model", "sessions", "calls") == [["b", 2, 2], ["a", 1, 1]]
    assert groups(session, "provider", "calls") == [["p", 2], ["", 1]]
    assert groups(session, "task", "calls") == [["", 2], ["title", 1]]
    assert groups(session, "source", "output_tokens") == [["telegram", 5], ["cli", 0]]
    assert groups(session, "user", "calls") == [["", 1], ["ada", 2]]


def call(name, **more):
    return {"id": "c", "function": {"name": name, "arguments": "{}"}} | more


def test_calls_of_tools_are_counted_from_the_messages(session):
    session.append_message("s", "assistant", tool_calls=[call("terminal"), call("read")])
    session.append_message("s", "tool", "out", tool_name="terminal")
    session.append_message("s", "tool", "text", tool_name="read")
    session.append_message("t", "tool", "only the result is there", tool_name="terminal")
    session.append_message("t", "assistant", tool_calls=[{"name": "search"}, {"no": "name"}, "x"])
    session.append_message("t", "assistant", tool_calls=call("search"))
    assert session.usage_report("tool") == [
        NOTHING | {"group": "search", "sessions": 1, "calls": 2},
        NOTHING | {"group": "terminal", "sessions": 2, "calls": 2},
        NOTHING | {"group": "read", "sessions": 1, "calls": 1},
    ]


def test_calls_of_messages_that_were_set_aside_count_too(session):
    asked = session.append_message("s", "user", "look")
    session.append_message("s", "assistant", tool_calls=[call("read")])
    session.rewind("s", asked)
    session.append_message("s", "assistant", tool_calls=[call("read")])
    session.compact("s", [{"role": "system", "content": "looked"}])
    assert groups(session, "tool", "calls") == [["read", 2]]


def test_json_that_is_not_json_is_no_call(session, database):
    import stored

    session.append_message("s", "assistant", tool_calls=[call("read")])
    stored.change(database, "UPDATE messages SET tool_calls = '[not json'")
    assert session.usage_report("tool") == []


def test_hours_of_the_day_are_summed_over_all_days_by_the_clocks_of_the_time_zone(session, at):
    rome = ZoneInfo("Europe/Rome")
    for month, session_id in ((1, "s"), (7, "s"), (7, "t"), (12, "s")):
        at(datetime(2026, month, 1, 14, 30, tzinfo=rome).timestamp())
        session.record_usage(session_id)
    at(datetime(2026, 7, 1, 9, tzinfo=rome).timestamp())
    session.record_usage("t")
    by_hour = groups(session, "hour", "sessions", "calls", timezone=rome)
    assert by_hour == [["09:00", 1, 1], ["14:00", 2, 4]]
    assert groups(session, "hour", "calls") == [["07:00", 1], ["12:00", 2], ["13:00", 2]]
    kolkata = timezone(timedelta(hours=5, minutes=30))
    assert groups(session, "hour", timezone=kolkata) == [["12:00"], ["17:00"], ["18:00"]]
    assert groups(session, "hour", timezone=timezone(timedelta(hours=-9))) == [
        ["03:00"], ["04:00"], ["22:00"],
    ]  # fmt: skip


BY = ("day", "week", "month", "model", "provider", "source", "user", "task", "tool", "hour")


@pytest.mark.parametrize("by", BY)
def test_a_filter_says_whose_usage_counts(session, by):
    for session_id in ("s", "t"):
        session.record_usage(session_id, model=session_id, input_tokens=3)
        session.append_message(session_id, "tool", "out", tool_name=session_id)
    [row] = session.usage_report(by, SessionFilter(source="telegram"))
    assert (row["sessions"], row["calls"]) == (1, 1)
    with session.transaction() as transaction:
        assert transaction.usage_report(by, filter=SessionFilter(source="telegram")) == [row]
    assert session.usage_report(by, SessionFilter(source="nowhere")) == []
    assert session.usage_report(by, SessionFilter(user_id="ada", id_prefix="s")) != []
    everything = session.usage_report(by, SessionFilter(archived=None))
    assert everything == session.usage_report(by)
    assert sum(row["calls"] for row in everything) == 2


@pytest.mark.parametrize("by", [each for each in BY if each not in {"day", "hour"}])
def test_hours_that_begin_in_a_range_count(session, at, by):
    for hour, session_id in enumerate(["s", "t", "s", "t"]):
        moment = NOON + hour * HOUR + 1800
        at(moment)
        session.record_usage(session_id)
        session.append_message(session_id, "tool", "out", tool_name="read", timestamp=moment)

    def calls(**bounds):
        return sum(row["calls"] for row in session.usage_report(by, **bounds))

    assert calls() == calls(since=0) == calls(until=NOON + DAY) == 4
    assert calls(since=NOON + HOUR, until=NOON + 3 * HOUR) == 2
    assert calls(since=NOON + HOUR, until=NOON + HOUR) == 0
    assert calls(since=NOON + 1, until=NOON + 2 * HOUR + 1) == 2
    only = SessionFilter(source="telegram")
    assert [row["calls"] for row in session.usage_report(by, only, since=NOON + 2 * HOUR)] == [1]


@pytest.mark.parametrize("by", ["day", "week", "month"])
@pytest.mark.parametrize("only", [None, "cli"])
def test_pauses_of_years_are_no_groups(session, at, by, only):
    records = [
        {"session_id": "st"[n % 2], "at": hour * HOUR, "input_tokens": n, "calls": 1}
        for n, hour in enumerate([0, 1, 700, 340_000, 340_001, 495_000, 69_999_999])
    ]
    for record in records:
        at(record["at"])
        session.record_usage(record["session_id"], input_tokens=record["input_tokens"])
    found = session.usage_report(by, SessionFilter(source=only, archived=None))
    nothing = dict.fromkeys((*TOKENS, *COSTS, "model"), None)
    whole = [{**nothing, **dict.fromkeys(TOKENS, 0), **record} for record in records]
    wanted = expected([r for r in whole if only is None or r["session_id"] == "s"], by, UTC)
    assert {row.pop("group"): row for row in found} == wanted


def test_the_last_periods_are_those_that_have_records(session, at):
    days = [0, 1, 5, 400, 2_000, 2_001]
    for day in days:
        at(NOON + day * DAY)
        session.record_usage("s" if day % 2 else "t")
    everything = session.usage_report()
    assert len(everything) == len(days)
    for number in (*range(8), 3_000):
        assert session.usage_report(last=number) == everything[max(0, 6 - number) :]
    cli = SessionFilter(source="cli")
    assert groups(session, "day", filter=cli, last=2) == groups(session, "day", filter=cli)[-2:]
    assert session.usage_report(last=1, until=NOON + 6 * DAY) == [everything[2]]
    assert session.usage_report(last=5, since=NOON + 2_000 * DAY) == everything[4:]
    assert groups(session, "month", last=1) == groups(session, "month")[-1:]


def test_the_newest_records_begin_at_an_hour_of_which_all_count(session, at):
    assert session.newest_usage_since(0) is None
    for hour, models in enumerate([1, 3, 2]):
        at(NOON + hour * HOUR + 1_800)
        for number in range(models):
            session.record_usage("s", model=f"m{number}")
    since = [session.newest_usage_since(number) for number in range(7)]
    assert since == [NOON + hour * HOUR for hour in (2, 2, 1, 1, 1)] + [None] * 2
    with session.transaction() as transaction:
        assert transaction.newest_usage_since(3) == NOON + HOUR
    counts = [sum(row["calls"] for row in session.usage_report("model", since=s)) for s in since]
    assert counts == [2, 2, 5, 5, 5, 6, 6]


@pytest.mark.parametrize("bad", [-1, "3", 1.5, True, 2**63])
def test_a_number_of_records_that_is_none_is_an_error(session, bad):
    with pytest.raises(InvalidArgumentError, match=r"^records: .*; \S"):
        session.newest_usage_since(bad)


@pytest.mark.parametrize("bad", [-1, "3", 1.5, True, 2**63])
def test_a_number_of_periods_that_is_none_is_an_error(session, bad):
    with pytest.raises(InvalidArgumentError, match=r"^last: .*; \S"):
        session.usage_report(last=bad)


@pytest.mark.parametrize("by", ["model", "user", "hour", "tool"])
def test_groups_that_are_no_periods_have_no_last_ones(session, by):
    with pytest.raises(InvalidArgumentError, match=r"^last: .*; leave it out, or use day, week, "):
        session.usage_report(by, last=3)


@pytest.mark.parametrize("bad", ["2026", -1, float("nan"), 1e12])
def test_a_bound_that_is_no_time_is_an_error_that_names_it(session, bad):
    for name in ("since", "until"):
        with pytest.raises(InvalidArgumentError, match=rf"^{name}: "):
            session.usage_report(**{name: bad})


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [None, "", "year", 5, b"day", ["day"]])
def test_a_group_that_is_not_known_is_an_error_that_lists_them(session, bad):
    with pytest.raises(InvalidArgumentError, match=r"^by: .*day, week, month, model, provider"):
        session.usage_report(bad)


@pytest.mark.parametrize("bad", [0, "UTC", "Europe/Rome", timedelta(0)])
def test_a_time_zone_of_another_type_is_an_error(session, bad):
    with pytest.raises(InvalidArgumentError, match=r"^timezone: "):
        session.usage_report(timezone=bad)


def test_a_filter_of_another_type_is_an_error(session):
    with pytest.raises(InvalidArgumentError, match=r"^filter: "):
        session.usage_report(filter={"source": "cli"})


NAMES = ("task", "model", "provider", "base_url", "mode")


@pytest.mark.parametrize("name", [*NAMES, "calls", *TOKENS, *COSTS])
def test_a_bad_argument_is_named_and_nothing_is_recorded(session, name):
    texts = (5, b"x", ["x"], True, "x" * 501)
    numbers = (-1, "1", float("nan"), True, [1], 2**63)
    bad = {**dict.fromkeys(NAMES, texts), **dict.fromkeys(COSTS, numbers[:5])}
    for value in bad.get(name, (*numbers, 1.5)):
        with pytest.raises(InvalidArgumentError, match=rf"^{name}: .*; "):
            session.record_usage("s", **{name: value})
    with pytest.raises(InvalidArgumentError, match=r"^session_id: "):
        session.record_usage("", **{name: None})
    assert session.usage_report() == []


def test_texts_that_are_too_long_together_are_an_error_that_names_the_longest(session):
    texts = dict.fromkeys(NAMES, "x" * 479) | {"model": "記" * 400}
    with pytest.raises(InvalidArgumentError, match=r"^model: .* 3117 bytes; use at most 2400"):
        session.record_usage("s", **texts)
    session.record_usage("s", **texts | {"model": "y" * 480, "mode": "z" * 482})
    assert groups(session, "model") == [["y" * 480]]


def test_any_text_is_a_group(session):
    for text in ("'; DROP TABLE usage; --", "%s", ":model", "?", "记忆"):
        session.record_usage("s", model=text, task=text)
    assert len(session.usage_report("model")) == len(session.usage_report("task")) == 5


# --- a model of it --------------------------------------------------------------------------------

TEXT = st.sampled_from([None, "", "a", "b"])
COUNT = st.integers(0, 2**40)
COST = st.none() | st.sampled_from([0, 0.25, 1.5])
RECORD = st.fixed_dictionaries(
    {
        "session_id": st.sampled_from(["s", "t", "u"]),
        "at": st.integers(0, 800).map(lambda hours: NOON + hours * HOUR + hours),
        "model": TEXT, "provider": TEXT, "task": TEXT, "mode": TEXT, "calls": st.integers(0, 3),
        **dict.fromkeys(TOKENS, COUNT), **dict.fromkeys(COSTS, COST),
    }
)  # fmt: skip
ZONES = st.sampled_from([UTC, ZoneInfo("Europe/Rome"), ZoneInfo("America/New_York")])
OF_SESSION = {"s": ("cli", "ada"), "t": ("telegram", ""), "u": ("cli", "")}


SOURCES = st.sampled_from([None, "cli", "telegram"])


def of_source(records, source):
    return [r for r in records if source in {None, OF_SESSION[r["session_id"]][0]}]


def expected(records, by, zone):
    found = defaultdict(list)
    for record in records:
        found[group_of(record, by, zone)].append(record)
    return {group: summed(some) for group, some in found.items()}


def group_of(record, by, zone):
    moment = datetime.fromtimestamp(record["at"], zone)
    year, week, _ = moment.isocalendar()
    source, user = OF_SESSION[record["session_id"]]
    known = {
        "hour": f"{moment:%H}:00", "day": f"{moment:%Y-%m-%d}", "month": f"{moment:%Y-%m}", "week": f"{year}-W{week:02}",
        "source": source, "user": user,
    }  # fmt: skip
    return known[by] if by in known else record[by] or ""


def summed(records):
    costs = {name: [r[name] for r in records if r[name] is not None] for name in COSTS}
    return {
        "sessions": len({record["session_id"] for record in records}),
        **{name: sum(record[name] for record in records) for name in ("calls", *TOKENS)},
        **{name: sum(known) if known else None for name, known in costs.items()},
    }


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_any_records_are_reported_as_a_plain_model_adds_them_up(request, kind, at):
    with SessionRepository(request.getfixturevalue(f"{kind}_database")) as repository:

        @settings(max_examples=40, deadline=None)
        @given(records=st.lists(RECORD, max_size=15), zone=ZONES, only=SOURCES)
        def hold(records, zone, only):
            with repository.transaction() as transaction:
                for session_id, (source, user) in OF_SESSION.items():
                    transaction.delete_session(session_id)
                    transaction.create_session(session_id, source, user_id=user or None)
                for record in records:
                    given = dict(record)
                    at(given.pop("at"))
                    transaction.record_usage(given.pop("session_id"), **given)
            for by in (
                "day",
                "week",
                "month",
                "model",
                "provider",
                "task",
                "source",
                "user",
                "hour",
            ):
                which = SessionFilter(source=only, archived=None)
                rows = repository.usage_report(by, which, timezone=zone)
                found = {row.pop("group"): row for row in rows}
                assert found == expected(of_source(records, only), by, zone)
                assert len(found) == len(rows)
            names = [row["group"] for row in repository.usage_report("day", timezone=zone)]
            assert names == sorted(names)

        hold()


class AsPytz(tzinfo):
    """A zone that answers right only about moments, not about dates that it is put into."""

    def fromutc(self, moment):
        return moment + timedelta(hours=-9)

    def utcoffset(self, moment):
        return timedelta(hours=14)

    def dst(self, moment):
        return None


@pytest.mark.parametrize(
    "zone",
    [
        ZoneInfo("America/St_Johns"),
        ZoneInfo("America/Goose_Bay"),
        ZoneInfo("Antarctica/Casey"),
        AsPytz(),
    ],
    ids=["St Johns", "Goose Bay", "Casey", "as of pytz"],
)
@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_a_report_ends_where_clocks_go_back_over_midnight(sqlite_database, zone, by):
    hours = [161_580, 161_581, 352_000, 358_083, 358_084, 358_100]
    records = [
        {"hour": h, "calls": 1, "first_at": h * 3600.0, "last_at": h * 3600.0} for h in hours
    ]
    session = {"id": "s", "source": "cli", "started_at": 1.0, "usage": records}
    with SessionRepository(sqlite_database) as repository:
        repository.import_sessions([session])
        report = repository.usage_report(by, timezone=zone)
    assert sum(row["calls"] for row in report) == len(hours)
    assert len({row["group"] for row in report}) == len(report)


@only_sqlite
def test_what_is_noted_in_one_hour_is_one_row_however_many_calls_there_are(repository, at):
    at(NOON)
    repository.create_session("s", "cli")
    with repository.transaction() as transaction:
        for _ in range(500):
            transaction.record_usage("s", model="m")
    assert len(repository.export_session("s")["usage"]) == 1
