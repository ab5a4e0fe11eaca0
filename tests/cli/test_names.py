"""What a person types as a session, a source or a role; what means nothing is an error."""

import json

import pytest

from hermes_store import SessionRepository

RACE, CHILD = "20260210_091204_3f9ac1", "20260210_104431_b07e52"


def shown(run, *words) -> str:
    return json.loads(run("--json", "show", *words).out)["id"]


def test_a_session_is_named_by_words_of_its_title(run, filled):
    assert shown(run, "whiteboard", "SYNC") == shown(run, "Whiteboard: offline sync")
    assert shown(run, "orders", "postgres") == shown(run, "Slow orders query (Postgres)")
    assert run("search", "don't", "--session", "slow orders").code == 0


def test_an_exact_title_wins_over_words(run, filled):
    assert shown(run, "Token refresh race") == CHILD  # its newest continuation
    run("title", RACE, "race")
    assert shown(run, "race") == RACE


@pytest.mark.parametrize("name", ["token refresh", "20260210_"])
def test_a_name_of_several_sessions_lists_them(run, filled, name):
    result = run("show", name)
    assert (result.code, result.out) == (3, "")
    assert f"{name!r} may mean 2 sessions: " in result.err
    assert (
        f"{CHILD} (Token refresh race #2), {RACE} (Token refresh race); name one by its id"
        in result.err
    )
    assert result.err.count("\n") == 1


def test_a_long_list_of_candidates_is_cut(run, filled):
    assert ", and 2 more; name one" in run("show", "2026").err


def test_what_is_deleted_is_named_exactly(run, filled):
    for command in (["delete", "--yes"], ["clear", "--yes"]):
        result = run(*command, "whiteboard sync")
        assert result.code == 3
        assert "no session has the id or title 'whiteboard sync'; sessions with such" in result.err
        assert "may mean 2" in run(*command, "20260210_").err
    assert run("delete", "--yes", "Whiteboard: offline sync").code == 0


@pytest.mark.parametrize("command", ["list", "search x", "export", "prune", "prune --yes"])
def test_an_unknown_source_is_an_error_with_a_suggestion(run, filled, command):
    result = run(*command.split(), "--source", "telegam")
    assert (result.code, result.out) == (2, "")
    assert "no session has the source 'telegam' (did you mean 'telegram'?); there are" in result.err


def test_in_an_empty_store_no_source_is_unknown(run, home):
    run("init")
    assert run("list", "--source", "cli").code == 0


def test_a_source_to_leave_out_may_be_missing_but_not_mistyped(run, filled):
    assert run("list", "--exclude-source", "mattermost").code == 0
    result = run("search", "the", "--exclude-source", "telegam")
    assert result.code == 2
    assert "did you mean 'telegram'?" in result.err


@pytest.mark.parametrize("command", ["search x", "show 20260210_09"])
def test_an_unknown_role_is_an_error_with_a_suggestion(run, filled, command):
    result = run(*command.split(), "--role", "asistant")
    assert (result.code, result.out) == (2, "")
    assert "there is no role 'asistant' (did you mean 'assistant'?)" in result.err


@pytest.mark.parametrize(
    ("command", "suggestion"),
    [
        ("search --sorce x", "--source"), ("search x --lmit 3", "--limit"),
        ("list --sorce x", "--source"), ("show x --arond 3", "--around"),
        ("lst", "list"), ("serch x", "search"),
    ],
)  # fmt: skip
def test_a_mistyped_option_or_command_is_an_error_with_a_suggestion(
    run, filled, command, suggestion
):
    result = run(*command.split())
    assert (result.code, result.out) == (2, "")
    assert f"(did you mean '{suggestion}'?)" in result.err


def test_sessions_are_found_by_words_in_any_case_and_by_ids_newest_first(repository):
    for number, title in enumerate(["Grüße aus Köln", "Köln, Dom", None, "other"]):
        repository.create_session(f"k{number}", "cli")
        repository.set_session_title(f"k{number}", title)
        repository.append_message(f"k{number}", "user", "x", timestamp=2e9 + number)

    def ids(*arguments):
        return [found["id"] for found in repository.find_sessions(*arguments)]

    assert ids("KÖLN") == ["k1", "k0"]
    assert ids("köln GRÜSSE") == ids("köln grüße") == ["k0"]
    assert ids("k") == ["k3", "k2", "k1", "k0"]
    assert ids("k", 2) == ["k3", "k2"]
    assert ids("") == ids("  ") == ids("%") == []
    assert repository.find_sessions("k2") == [
        {"id": "k2", "title": None, "source": "cli", "last_active": 2e9 + 2}
    ]


def test_sessions_are_counted_without_some_sources(repository):
    for number, source in enumerate(["cli", "cli", "cron", "slack"]):
        repository.create_session(f"s{number}", source)
    assert repository.session_count(exclude_sources=["cron", "slack"]) == 2
    assert repository.session_count("cli", exclude_sources=["cli"]) == 0
    assert repository.session_count(exclude_sources=[]) == 4


def test_a_store_opened_by_the_command_is_the_named_one(run, filled, tmp_path):
    with SessionRepository(tmp_path / "other.db") as other:
        other.create_session("only here", "cli")
    assert shown(run, "only here", "--db", tmp_path / "other.db") == "only here"
