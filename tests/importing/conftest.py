"""Importing as a person does it: the command, and the store that it leaves."""

import json
from typing import NamedTuple

import pytest

from hermes_store import SessionRepository
from hermes_store.cli.app import run


class Imported(NamedTuple):
    code: int
    out: str
    err: str
    repository: SessionRepository


class Importing:
    """Runs the command's import with some arguments."""

    def __init__(self, database, capsys) -> None:
        shown = getattr(database, "render_as_string", None)
        self.url = shown(hide_password=False) if shown else str(database)
        self._capsys = capsys
        self.repository = SessionRepository(database)

    def __call__(self, *arguments) -> Imported:
        self._capsys.readouterr()
        code = run(["--db", self.url, "import", *map(str, arguments)])
        out, err = self._capsys.readouterr()
        return Imported(code, out, err, self.repository)


@pytest.fixture
def import_logs(database, capsys):
    """Import into each kind of database."""
    importing = Importing(database, capsys)
    with importing.repository:
        yield importing


@pytest.fixture
def sqlite_logs(sqlite_database, capsys):
    """Import into a SQLite file."""
    importing = Importing(sqlite_database, capsys)
    with importing.repository:
        yield importing


@pytest.fixture
def import_records(tmp_path, import_logs):
    """Import a JSON file with some records."""

    def call(records, *arguments, name="conversations.json") -> SessionRepository:
        path = tmp_path / name
        path.write_text(json.dumps(records), encoding="utf-8")
        result = import_logs(path, *arguments)
        assert result.code == 0, result.err
        return result.repository

    return call


@pytest.fixture
def import_lines(tmp_path, import_logs):
    """Import a file with a JSON value on each line."""

    def call(lines, *arguments, name="log.jsonl") -> SessionRepository:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
        result = import_logs(path, *arguments)
        assert result.code == 0, result.err
        return result.repository

    return call
