"""The options for which sessions: the same words in every command, and what they mean."""

import json
import shutil
from pathlib import Path

import pytest

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import deleting
from hermes_store.cli.app import COMMANDS, app

DAY = 86_400
NOW = 1_772_366_400.0  # 2026-03-01T12:00Z
SESSIONS = [
    {
        "id": "a1", "source": "cli", "model": "m_1", "billing_provider": "p", "user_id": "ana",
        "key": "chat 7", "cwd": "/srv/bot", "title": "Flaky Lock", "link": "branch", "parent_session_id": "b2",
        "started_at": NOW, "ended_at": NOW + 60, "archived": None, "pinned": True,
        "input_tokens": 100, "output_tokens": 50, "estimated_cost_usd": 0.5,
        "messages": [{"role": "user", "content": "needle", "timestamp": NOW + 30}] * 3,
    },
    {
        "id": "b1", "source": "cron", "model": "m%1", "started_at": NOW - 40 * DAY, "archived": NOW,
        "tool_call_count": 4, "messages": [{"role": "user", "content": "needle", "timestamp": NOW - 39 * DAY}],
    },
    {
        "id": "b2", "source": "telegram", "started_at": NOW - 10 * DAY, "ended_at": NOW - 9 * DAY,
        "messages": [{"role": "user", "content": "needle", "timestamp": NOW - 9 * DAY}],
    },
]  # fmt: skip

# What is typed, and the sessions that are meant, when archived ones count.
TYPED = {
    "--source cli": "a1",
    "--exclude-source cli --exclude-source cron": "b2",
    "--model m_1": "a1",
    "--provider p": "a1",
    "--user ana": "a1",
    "--key=chat_7": "",
    "--cwd /srv": "a1",
    "--title LOCK": "a1",
    "--id-prefix b": "b1 b2",
    "--link branch": "a1",
    "--open": "b1",
    "--ended": "a1 b2",
    "--archived": "b1",
    "--not-archived": "a1 b2",
    "--any": "a1 b1 b2",
    "--pinned": "a1",
    "--not-pinned": "b1 b2",
    "--started-since 2026-02-19": "a1 b2",
    "--started-until 2026-02-19": "b1",
    "--active-since 2026-02-25": "a1",
    "--active-until 2026-02-25": "b1 b2",
    "--min-messages 2": "a1",
    "--max-messages 1": "b1 b2",
    "--min-tokens 150": "a1",
    "--max-tokens 149": "b1 b2",
    "--min-cost 0.5": "a1",
    "--max-cost 0.49": "b1 b2",
    "--min-tool-calls 4": "b1",
    "--max-tool-calls 3": "a1 b2",
    "--source cli --title flaky --pinned --min-messages 3": "a1",
}
OF_MESSAGES = {"--source cli", "--exclude-source cli --exclude-source cron"}
TAKEN_BY = ("list", "search", "browse", "usage", "export", "prune", "archive")


@pytest.fixture(scope="module")
def few_template(template, tmp_path_factory):
    """A store with these sessions. Copy it; never open it."""
    path = Path(shutil.copy(template, tmp_path_factory.mktemp("few") / "state.db"))
    with SessionRepository(path) as repo:
        repo.import_sessions(SESSIONS)
    return path


@pytest.fixture
def few(few_template, home):
    home.mkdir()
    return Path(shutil.copy(few_template, home / "state.db"))


def listed(result):
    assert (result.code, result.err) == (0, ""), result
    return " ".join(sorted(each["id"] for each in json.loads(result.out)))


def left_out(ids, *, but=()):
    """The ids without the archived session, unless options speak of it."""
    return ids if but else " ".join(each for each in ids.split() if each != "b1")


@pytest.mark.parametrize("typed", TYPED)
def test_list_shows_what_the_options_mean(run, few, typed):
    says_it = [each for each in typed.split() if each in {"--archived", "--not-archived", "--any"}]
    assert listed(run("--json", "list", *typed.split())) == left_out(TYPED[typed], but=says_it)
    if not says_it:
        assert listed(run("--json", "list", "--any", *typed.split())) == TYPED[typed]


@pytest.mark.parametrize("typed", TYPED)
def test_export_writes_what_the_options_mean(run, few, typed):
    result = run("export", *typed.split())
    assert result.code == 0
    assert (
        " ".join(sorted(json.loads(line)["id"] for line in result.out.splitlines())) == TYPED[typed]
    )


@pytest.mark.parametrize("typed", TYPED)
def test_search_looks_into_what_the_options_mean(run, few, typed):
    result = run("--json", "search", "needle", *typed.split())
    assert result.code == 0
    assert " ".join(sorted({hit["session_id"] for hit in json.loads(result.out)})) == TYPED[typed]


def test_usage_is_of_what_the_options_mean(run, few):
    with SessionRepository(few) as repo:
        for session in SESSIONS:
            repo.record_usage(session["id"], model=session["id"])
    for typed, meant in TYPED.items():
        assert listed(run("--json", "usage", "--longest", 9, *typed.split())) == meant, typed
        by_model = json.loads(run("--json", "usage", "--by", "model", *typed.split()).out)
        assert " ".join(sorted(row["group"] for row in by_model)) == meant, typed


@pytest.mark.parametrize("typed", [each for each in TYPED if each != "--open"])
def test_prune_means_ended_ones_of_what_the_options_mean(run, few, typed):
    result = run("--json", "prune", "--older-than", "0", *typed.split())
    assert result.code == 0
    due = " ".join(sorted(each["id"] for each in json.loads(result.out)["sessions"]))
    assert due == " ".join(each for each in TYPED[typed].split() if each != "b1")


@pytest.mark.parametrize(
    "typed", [each for each in TYPED if "archived" not in each and each != "--any"]
)
def test_archive_puts_away_what_the_options_mean(run, few, typed):
    result = run("--json", "archive", *typed.split())
    wanted = [each for each in TYPED[typed].split() if each != "b1"]
    assert result.code == 0, result
    assert sorted(json.loads(result.out)["sessions"]) == wanted
    assert listed(run("--json", "list", "--archived")) == " ".join(sorted({*wanted, "b1"}))


def test_short_names_of_times(run, few):
    assert listed(run("--json", "list", "--since", "2026-02-19")) == "a1 b2"
    assert listed(run("--json", "list", "--any", "--until", "2026-02-19")) == "b1"
    both = ("--since", "2026-02-19", "--until", "2026-02-25")
    assert listed(run("--json", "list", *both)) == "b2"


def test_the_times_of_a_search_are_of_messages(run, few):
    found = json.loads(run("--json", "search", "needle", "--since", "2026-02-25").out)
    assert {hit["session_id"] for hit in found} == {"a1"}
    found = json.loads(run("--json", "search", "needle", "--started-until", "2026-02-25").out)
    assert {hit["session_id"] for hit in found} == {"b1", "b2"}


def test_every_field_of_the_filter_is_an_option_of_each_command():
    fields = set(SessionFilter.__dataclass_fields__)
    for name in TAKEN_BY:
        named = {str(option.name) for option in app.get_command(None, name).params}
        missing = fields - named
        assert missing <= ({"exclude_sources"} if name == "search" else set()), name
    assert set(TAKEN_BY) <= set(COMMANDS)


def test_a_folder_that_begins_with_a_dot_is_meant_from_here(run, few, monkeypatch, tmp_path):
    here = tmp_path / "bot"
    here.mkdir()
    with SessionRepository(few) as repo:
        repo.update_session("b2", cwd=str(here))
    monkeypatch.chdir(here)
    assert listed(run("--json", "list", "--cwd", ".")) == "b2"
    assert listed(run("--json", "list", "--cwd", "..")) == "b2"


# --- what cannot be meant ---------------------------------------------------------------------------

WRONG = {
    "--min-messages 3 --max-messages 2": "--min-messages: 3 is greater than --max-messages, 2",
    "--since 2026-03 --until 2026-02": "--started-since: ",
    "--min-messages -1": "-1 is not in the range x>=0",
    "--min-cost x": "'x' is not a number",
    "--link Branch": "'Branch' is not one of 'compression', 'branch', 'delegate', 'reset'",
    "--active-since lately": "'lately' is not a time since 1970",
    "--archvied": "no such option: --archvied (did you mean --archived?)",
}


@pytest.mark.parametrize("typed", WRONG)
@pytest.mark.parametrize("command", ["list", "export", "prune", "archive"])
def test_what_cannot_be_meant_is_refused_in_the_words_of_the_options(run, few, command, typed):
    result = run(command, *typed.split())
    assert (result.code, result.out) == (2, "")
    assert WRONG[typed].partition(" (did")[0] in result.err


@pytest.mark.parametrize(
    "option", ["--source", "--model", "--user", "--key", "--title", "--cwd", "--id-prefix"]
)
def test_an_empty_text_does_not_mean_all_sessions(run, few, option):
    for command in ("list", "export", "prune", "archive"):
        result = run(command, option, "")
        assert (result.code, result.out) == (2, ""), command
        assert result.err == f"error: {option}: '' is not a text; give a text that is not empty\n"


def test_a_mistyped_source_is_named(run, few):
    for command in ("list", "export", "archive"):
        result = run(command, "--source", "clj")
        assert result.code == 2
        assert "no session has the source 'clj'" in result.err


# --- commands ---------------------------------------------------------------------------------------


def test_list_goes_on_behind_a_session(run, few):
    first = run("list", "--any", "-n", "2")
    assert "1–2 of 3 sessions" in first.err
    rest = run("--json", "list", "--any", "--after", "b2")
    assert listed(rest) == "b1"
    page = run("list", "--any", "-n", "1", "--after", "a1")
    assert page.err == "--after b2 goes on\n"
    assert run("list", "--any", "-n", "1", "--after", "b2").err == ""
    assert run("list", "--any", "--after", "b1").err == "no sessions after b1\n"
    assert run("list", "--after", "nothing").code == 3


def test_archive_and_its_undo_by_name(run, few):
    assert run("archive", "Flaky", "b2").err == "archived 2 conversations\n"
    assert listed(run("--json", "list")) == ""
    assert json.loads(run("--json", "archive", "a1", "b1", "--undo").out) == {
        "sessions": ["a1", "b1"],
        "archived": False,
    }
    assert listed(run("--json", "list")) == "a1 b1"


@pytest.mark.parametrize("wrong", ["", "--any", "a1 --source cli", "--undo", "--undo --source cli"])
def test_archive_needs_names_or_a_rule(run, few, wrong):
    result = run("archive", *wrong.split())
    assert result.code == 2
    assert "name" in result.err
    assert listed(run("--json", "list")) == "a1 b2"


def test_archive_takes_all_names_or_none(run, few):
    assert run("archive", "a1", "nothing").code == 3
    assert listed(run("--json", "list")) == "a1 b2"


def test_pin_and_its_undo(run, few):
    assert run("pin", "b2").err == "b2 is pinned\n"
    assert listed(run("--json", "list", "--pinned")) == "a1 b2"
    assert json.loads(run("--json", "pin", "b2", "--undo").out) == {"id": "b2", "pinned": False}
    assert listed(run("--json", "list", "--pinned")) == "a1"


def test_pin_by_a_rule_and_its_undo(run, few):
    assert run("pin", "--not-pinned").err == "2 conversations are pinned\n"
    undone = json.loads(run("--json", "pin", "--pinned", "--undo").out)
    assert (sorted(undone["sessions"]), undone["pinned"]) == (["a1", "b1", "b2"], False)
    assert run("pin").code == run("pin", "b2", "--open").code == 2


def test_end_by_last_activity(run, few):
    assert (
        run("end", "--inactive-since", "2026-02-01", "--reason", "idle").err == "ended 1 session\n"
    )
    with SessionRepository(few) as repo:
        ended = repo.get_session("b1")
    assert (ended["ended_at"], ended["end_reason"]) == (NOW - 39 * DAY, "idle")
    again = run("--json", "end", "--inactive-since", "2026-02-01")
    assert json.loads(again.out) == {"ended": [], "end_reason": "ended by hand"}


@pytest.mark.parametrize("wrong", [[], ["b1", "--inactive-since", "2026"]])
def test_end_takes_a_session_or_a_time(run, few, wrong):
    result = run("end", *wrong)
    assert result.code == 2
    assert "give a session or --inactive-since" in result.err


def test_a_prune_with_times_has_no_age(run, few):
    def due(*typed):
        return [each["id"] for each in json.loads(run("--json", "prune", *typed).out)["sessions"]]

    assert due("--active-until", "2026-02-25") == ["b2"]
    assert due("--active-until", "2026-02-25", "--older-than", "100000") == []
    assert run("prune", "--open").code == 2
    done = json.loads(
        run("--json", "prune", "--yes", "--until", "2026-02-25", "--source", "telegram").out
    )
    assert (done["deleted"], listed(run("--json", "list", "--any"))) == (1, "a1 b1")


def test_delete_shows_archived_sessions_too_before_it_asks(few):
    with SessionRepository(few) as repo:
        shown = deleting._whole(repo, ["b1", "b2"])
        assert {each: [row["id"] for row in rows] for each, rows in shown.items()} == {
            "b1": ["b1"],
            "b2": ["b2"],
        }


def test_named_sessions_and_options_do_not_go_together(run, few):
    result = run("export", "a1", "--pinned")
    assert result.code == 2
    assert "not both" in result.err


@pytest.mark.parametrize("command", ["list", "export", "prune", "archive", "search needle"])
@pytest.mark.parametrize(
    "typed",
    [
        "--pinned --not-pinned",
        "--not-pinned --pinned",
        "--open --ended",
        "--archived --not-archived",
        "--any --archived",
        "--not-archived --any",
    ],
)
def test_options_that_contradict_each_other_are_refused_by_name(run, few, command, typed):
    result = run(*command.split(), *typed.split())
    assert (result.code, result.out) == (2, "")
    assert "contradict each other: give one of them" in result.err
    assert all(option in result.err for option in typed.split())
