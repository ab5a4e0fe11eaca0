"""Keywords, records and rows follow from the columns of the models."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from stored import change

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import leases, messages, names, sessions, usage
from hermes_store.queries import filtering
from hermes_store.queries.properties import checked
from hermes_store.queries.rows import KEYWORDS
from hermes_store.records import (
    LeaseRecord,
    MessageRecord,
    NewMessage,
    SessionProperties,
    SessionRecord,
    UsageRecord,
)

PROGRAM = """
import json
import sys
from sqlalchemy import Column, Float, Text, text

from hermes_store import models

default = text("'the default'")
models.messages.append_column(Column("novel", Text, nullable=False, server_default=default))
models.messages.append_column(Column("score", Float))

from hermes_store import SessionRepository

with SessionRepository(sys.argv[1]) as repo:
    repo.create_session("s", "cli")
    repo.append_message("s", "user", "nobody writes the new column")
    repo.append_messages("s", [{"role": "user", "novel": "written", "score": -1}])
    [exported] = repo.export_all()
    repo.delete_session("s")
    repo.import_sessions([exported])
    both = *exported["messages"], *repo.get_messages("s")
    print(json.dumps([[message["novel"], message["score"]] for message in both]))
"""


def test_a_record_has_the_columns_that_callers_see() -> None:
    assert set(get_type_hints(MessageRecord)) == set(names(messages))
    assert set(get_type_hints(SessionRecord)) == set(names(sessions))
    assert set(get_type_hints(UsageRecord)) == set(names(usage)) - {"session_id"}
    assert set(get_type_hints(LeaseRecord)) == set(names(leases)) | {"seconds_left"}


def test_a_message_is_given_by_the_same_words_as_keywords_and_as_keys() -> None:
    keywords = inspect.signature(SessionRepository.append_message).parameters
    assert set(keywords) - {"self", "session_id"} == KEYWORDS
    assert set(get_type_hints(NewMessage)) == KEYWORDS


def test_what_a_caller_may_update_is_told_to_type_checkers() -> None:
    properties = get_type_hints(SessionProperties)
    given: dict[str, object] = {**dict.fromkeys(properties), "source": "cli"}
    assert set(checked(given)) == set(properties) <= set(names(sessions))
    with pytest.raises(InvalidArgumentError, match=f"use {', '.join(sorted(properties))}$"):
        checked({"unknown": 1})


def test_every_field_of_a_filter_is_translated() -> None:
    fields = set(get_type_hints(SessionFilter))
    translated = {*filtering._CONDITIONS, *filtering._STATES, "exclude_sources"}
    assert translated == fields == set(vars(SessionFilter()))


def test_a_new_column_is_filled_by_its_default_written_by_its_name_and_comes_back(
    sqlite_database: Path,
) -> None:
    change(
        sqlite_database,
        "ALTER TABLE messages ADD COLUMN novel TEXT NOT NULL DEFAULT 'the default'",
    )
    change(sqlite_database, "ALTER TABLE messages ADD COLUMN score REAL")
    command = [sys.executable, "-c", PROGRAM, str(sqlite_database)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [["the default", None], ["written", -1.0]] * 2
