"""Tokens and costs: added or set, unknown ones never wipe known ones."""

import pytest

TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


@pytest.fixture
def session(repository):
    repository.create_session("s", "cli")
    return repository


def stored(repository, *names):
    session = repository.get_session("s")
    return [session[name] for name in names]


def test_counts_are_added(session):
    session.update_token_counts("s", 1, 2, None, 3, 4, 5, 0.5, 0.25)
    session.update_token_counts("s", 10, 20, None, 30, 40, 50, 0.5, 0.25)
    assert stored(session, *TOKENS) == [11, 22, 33, 44, 55]
    assert stored(session, "estimated_cost_usd", "actual_cost_usd") == [1.0, 0.5]


@pytest.mark.parametrize("how", ["set_token_counts", "update_token_counts"])
def test_absolute_counts_take_the_place_of_the_stored(session, how):
    session.update_token_counts("s", 1, 2, None, 3, 4, 5, 0.5, 0.25)
    more = {"absolute": True} if how == "update_token_counts" else {}
    getattr(session, how)("s", 10, 20, None, 30, 40, 0, 1.5, 1.25, **more)
    assert stored(session, *TOKENS) == [10, 20, 30, 40, 0]
    assert stored(session, "estimated_cost_usd", "actual_cost_usd") == [1.5, 1.25]


def test_none_counts_as_zero(session):
    session.update_token_counts("s", input_tokens=100)
    session.update_token_counts("s", input_tokens=None, reasoning_tokens=None)
    session.update_token_counts("s", input_tokens=50)
    assert stored(session, "input_tokens", "reasoning_tokens") == [150, 0]
    session.set_token_counts("s", None)
    assert stored(session, "input_tokens") == [0]


@pytest.mark.parametrize("absolute", [False, True])
def test_an_unknown_cost_leaves_the_stored_one(session, absolute):
    session.update_token_counts("s", 1, absolute=absolute)
    assert stored(session, "estimated_cost_usd", "actual_cost_usd") == [None, None]
    session.update_token_counts("s", 1, estimated_cost_usd=1.5, actual_cost_usd=1.25)
    session.update_token_counts("s", 1, absolute=absolute)
    assert stored(session, "estimated_cost_usd", "actual_cost_usd") == [1.5, 1.25]


def test_a_cost_of_zero_is_a_known_cost(session):
    session.update_token_counts("s", actual_cost_usd=0)
    assert stored(session, "estimated_cost_usd", "actual_cost_usd") == [None, 0.0]
    session.update_token_counts("s", actual_cost_usd=2.0)
    session.set_token_counts("s", actual_cost_usd=0.0)
    assert stored(session, "actual_cost_usd") == [0.0]


@pytest.mark.parametrize("absolute", [False, True])
def test_the_last_known_status_and_the_first_known_billing_stay(session, absolute):
    facts = ("cost_status", "cost_source", "pricing_version")
    billing = ("model", "billing_provider", "billing_base_url", "billing_mode")
    for value in ("first", None, "second", None):
        given = dict.fromkeys((*facts, *billing), value)
        session.update_token_counts("s", **given, absolute=absolute)
    assert stored(session, *facts) == ["second"] * 3
    assert stored(session, *billing) == ["first"] * 4


def test_the_model_of_the_start_stays(session):
    session.create_session("t", "cli", model="known")
    session.update_token_counts("t", 1, 1, "other")
    assert session.get_session("t")["model"] == "known"


def test_one_session_is_counted_and_no_other(session):
    session.create_session("t", "cli")
    session.update_token_counts("t", 5)
    session.set_token_counts("t", 6)
    assert stored(session, "input_tokens") == [0]


def test_usage_is_summed_by_source_the_busiest_first(repository):
    assert repository.usage_by_source() == []
    for name, source in (("a", "cli"), ("b", "telegram"), ("c", "telegram"), ("d", "discord")):
        repository.create_session(name, source)
    repository.append_message("c", "user", "x")
    repository.update_token_counts("a", 2**53, 1, None, 2, 3, 4, estimated_cost_usd=0.5)
    repository.update_token_counts("b", 2**53, 1, None, 2, 3, 4, 0.25, actual_cost_usd=0.125)
    repository.update_token_counts("c", 1, 1, None, 2, 3, 4, estimated_cost_usd=1.0)
    telegram, cli, discord = (
        {"source": "telegram", "sessions": 2, "message_count": 1, "cost_usd": 1.125}
        | dict(zip(TOKENS, (2**53 + 1, 2, 4, 6, 8), strict=True)),
        {"source": "cli", "sessions": 1, "message_count": 0, "cost_usd": 0.5}
        | dict(zip(TOKENS, (2**53, 1, 2, 3, 4), strict=True)),
        {"source": "discord", "sessions": 1, "message_count": 0, "cost_usd": 0.0}
        | dict.fromkeys(TOKENS, 0),
    )
    assert repository.usage_by_source() == [telegram, cli, discord]
    with repository.transaction() as tx:
        assert tx.usage_by_source() == [telegram, cli, discord]
