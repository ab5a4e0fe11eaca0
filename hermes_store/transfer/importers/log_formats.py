"""The formats of other programs' logs, and which of them a file has, by what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from hermes_store.transfer.importers import (
    chatgpt,
    claude_ai,
    claude_code,
    codex,
    google_adk,
    llm_logs,
    openai_agents,
    openai_fine_tuning,
    sharegpt,
)
from hermes_store.transfer.importers.json_records import MOST_CHARACTERS, JsonRecords, pass_over
from hermes_store.transfer.importers.log_database import tables_of
from hermes_store.transfer.importers.log_file import Beginning, LogFile
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Session
from hermes_store.transfer.importers.sqlite_rows import is_sqlite

__all__ = ["FORMATS", "Format", "format_of"]

_LOOKED_AT = 5
"""Records, until one is recognised."""
_MOST_READ = 4 * MOST_CHARACTERS
"""Bytes, for these: no record is longer."""


class Format(NamedTuple):
    """How one program writes its conversations."""

    title: str
    looks: Callable[[dict[str, Any]], bool]
    """Whether a record is one of this format; of a database, whether its tables are."""
    read: Callable[[Reading], Iterator[Session]]
    is_database: bool = False


FORMATS = {
    "chatgpt": Format("ChatGPT's export", chatgpt.looks, chatgpt.read),
    "claude-ai": Format("Claude.ai's export", claude_ai.looks, claude_ai.read),
    "claude-code": Format("Claude Code", claude_code.looks, claude_code.read),
    "codex": Format("Codex", codex.looks, codex.read),
    "sharegpt": Format("ShareGPT", sharegpt.looks, sharegpt.read),
    "openai-fine-tuning": Format(
        "OpenAI fine-tuning", openai_fine_tuning.looks, openai_fine_tuning.read
    ),
    "llm": Format("llm", llm_logs.looks, llm_logs.read, True),
    "openai-agents": Format("OpenAI Agents SDK", openai_agents.looks, openai_agents.read, True),
    "google-adk": Format("Google ADK", google_adk.looks, google_adk.read, True),
}


def format_of(file: LogFile) -> str | None:
    """The name of the format of a file; None when it is not known.

    Raises `LogFileError` for a zip that cannot be read.
    """
    if file.member is None and is_sqlite(file.path):
        tables = tables_of(file.path)
        found = (name for name, each in FORMATS.items() if each.is_database and each.looks(tables))
        return next(found, None)
    with file.opened() as stream:
        records = JsonRecords(Beginning(stream, _MOST_READ), pass_over)
        for _, value in islice(records, _LOOKED_AT):
            if isinstance(value, dict) and (name := _of_record(value)):
                return name
    return None


def _of_record(value: dict[str, Any]) -> str | None:
    found = (name for name, each in FORMATS.items() if not each.is_database and each.looks(value))
    return next(found, None)
