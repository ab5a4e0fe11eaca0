"""Errors speak of options and files, not of the keywords and types of Python."""

import json
import re

import pytest

from hermes_store import SessionRepository, errors
from hermes_store.cli.errors import message_of
from hermes_store.errors import InvalidArgumentError

PYTHON = re.compile(
    r"\w\(\)|\w=|_timeout|auto_migrate|db_path|_filter|older_than_days|keyword|\bNone\b|\bstr\b"
    r"|\bdicts?\b|<class|\w{2}Error\b"
)

SAID = [
    errors.SessionNotFoundError("abc"),
    errors.MessageNotFoundError("abc", 5),
    errors.StoreBusyError(20.0),
    errors.UpgradeRequiredError("0005", "0011"),
    errors.SearchIndexError("damaged"),
    errors.TitleInUseError("Title", "abc"),
    errors.StoreUnavailableError("the disk is full", "make room"),
    errors.OutcomeUnknownError("reset"),
    errors.StoreReadOnlyError("the file is read-only"),
    errors.SchemaTooNewError("0099", "0011"),
    errors.ForeignDatabaseError("it has a table books"),
    errors.CopyError("the source holds no store"),
    errors.BackupError("it holds rows", "replace them with replace=True (--replace)"),
    InvalidArgumentError("db_path", "'' is not a path", "give a path or a URL"),
    InvalidArgumentError("older_than_days", "-1 is negative", "give days from 0 on"),
    InvalidArgumentError("source_filter", "'' is not a text", "give a non-empty str"),
    InvalidArgumentError("content", "5 is not a content", "give a str, a list, a dict or None"),
    InvalidArgumentError("sessions", "int is not a dict", "give dicts"),
    InvalidArgumentError("model", "5 is not a text", "give a str or None"),
]


@pytest.mark.parametrize("error", SAID, ids=lambda error: type(error).__name__)
def test_no_error_speaks_python(error):
    said = message_of(error)
    assert PYTHON.findall(said) == []
    assert said.count("\n") == 0


def test_an_argument_is_named_as_its_option():
    wrong = InvalidArgumentError("older_than_days", "-1 is negative", "give days from 0 on")
    assert message_of(wrong) == "--older-than: -1 is negative; give days from 0 on"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--db", "nonsense://x", "list"], "error: --db: 'nonsense' is not a supported database"),
        (["--db", "sqlite://", "list"], "error: --db: a database in memory cannot be shared"),
        (
            ["title", "20260210_09", "x" * 101],
            "error: title: is too long: it has 101 characters; use",
        ),
        (["title", "20260210_09", "记忆与会话存储"], "choose another: '记忆与会话存储 #2' is free"),
        (["search", "x", "--since", "someday"], "Invalid value for '--since': 'someday' is not a"),
        (
            ["list", "--limit", "few"],
            "Invalid value for '-n' / '--limit': 'few' is not a whole number",
        ),
        (
            ["rewind", "20260210_09", "x"],
            "Invalid value for '[MESSAGE_ID]': 'x' is not a whole number",
        ),
        (["prune", "--older-than", "soon"], "'soon' is not a number of days from 0 on; write 30"),
        (["copy", "{db}", "{db}"], "error: TO: is the source itself; name another database"),
    ],
)
def test_a_command_says_what_is_wrong_in_its_own_words(run, filled, arguments, said):
    result = run(*(each.format(db=filled) for each in arguments))
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert PYTHON.findall(result.err.replace(str(filled), "")) == []


def test_messages_of_several_lines_become_one(run, filled):
    result = run("search", "x", "--sort", "best")
    assert result.code == 2
    assert "'best' is not one of 'relevance', 'newest', 'oldest'." in result.err


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_an_answer_of_no_says_that_nothing_was_changed(run, filled, monkeypatch, as_json):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    result = run(*as_json, "delete", "20260210_09")
    assert result.code == 130
    if as_json:
        assert json.loads(result.err[result.err.index("{") :])["error"] == {
            "type": "Interrupted",
            "message": "interrupted: nothing was changed",
        }
    else:
        assert result.err.endswith("interrupted: nothing was changed\n")


KEPT = {
    "export -o {tmp}/x": ("hermes_store.SessionRepository.iter_export", "x is as it was"),
    "usage --by tool --svg {tmp}/x": ("hermes_store.charts.svg.svg", "x is as it was"),
    "reindex": ("hermes_store.SessionRepository.reindex", "it goes on where it stopped"),
    "optimize": ("hermes_store.SessionRepository.optimize", "nothing was lost"),
    "prune --yes --older-than 0": (
        "hermes_store.SessionRepository.prune_sessions",
        "run prune again to go on",
    ),
    "copy {db} {tmp}/x.db": ("hermes_store.transfer.copying.copy", "run the same copy again"),
    "upgrade --db {tmp}/new.db": ("hermes_store.migrate.upgrade", "'hermes-store upgrade' again"),
    "list": ("hermes_store.SessionRepository.session_count", "nothing was changed"),
    "delete --yes 20260210_0 20260310": (
        "hermes_store.SessionRepository.delete_session",
        "deleted 0 sessions of 1",
    ),
}


def test_an_interruption_right_after_a_delete_counts_it(run, filled, monkeypatch):
    delete = SessionRepository.delete_session

    def interrupted(*given):
        delete(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(SessionRepository, "delete_session", interrupted)
    result = run("delete", "--yes", "20260210_0")
    assert result.code == 130
    assert result.err.splitlines()[-1] == "interrupted: deleted 1 session of 1"


@pytest.mark.parametrize(("command", "function", "kept"), [(c, *k) for c, k in KEPT.items()])
def test_an_interrupted_command_says_what_is_kept(run, filled, tmp_path, monkeypatch, command, function, kept):  # fmt: skip  # noqa: PLR0917
    def interrupted(*_args, **_keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(function, interrupted)
    result = run(*command.replace(" 20260310", "").format(tmp=tmp_path, db=filled).split())
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("interrupted: ")
    assert kept in result.err
