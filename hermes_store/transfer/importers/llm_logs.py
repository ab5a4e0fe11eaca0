"""The `logs.db` of llm, from its first schema to its newest.

The tables are those of llm/migrations.py and docs/logging.md of https://github.com/simonw/llm:
`log` or `logs` of the first versions, `responses` with `conversations`, and since 0.36 `threads`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from hermes_store.database.pieces import pieces
from hermes_store.transfer.importers import llm_threads
from hermes_store.transfer.importers.log_database import Grouped, Tables, attachment, database
from hermes_store.transfer.importers.log_fields import (
    count_of,
    id_of,
    made_id,
    rest_of,
    text_of,
    time_of,
    tool_call,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session, Usage, session
from hermes_store.transfer.importers.sqlite_rows import Row, SqliteRows

__all__ = ["looks", "read"]

_SOURCE = "llm"
_OF_RESPONSE = frozenset(
    {
        *("rowid_", "id", "prompt", "system", "response", "conversation_id", "reasoning"),
        *("datetime_utc", "timestamp_utc", "timestamp"),
    }
)


def looks(tables: Tables) -> bool:
    """Whether a file has tables of llm."""
    of_llm = {"prompt", "response", "model"}
    # Codex, too, keeps a database with a table `threads`.
    return "tip_message_hash" in tables.get("threads", ()) or any(
        of_llm <= set(tables.get(name, ())) for name in ("log", "logs", "responses")
    )


def read(reading: Reading) -> Iterator[Session]:
    """The conversations of a file."""
    with database(reading) as tables:
        for number, each in enumerate(_sessions(tables), start=1):
            reading.at(number, "session")
            yield each


def _sessions(tables: SqliteRows) -> Iterator[Session]:
    for name in ("log", "logs"):
        if name in tables.columns:
            yield from _oldest(tables, name)
    responses = Grouped(tables, "responses", "conversation_id", "id")
    old = {conversation: Usage() for conversation, _ in responses.values()}
    yield from _conversations(tables, old)
    yield from llm_threads.sessions(tables, {str(own_id): used for own_id, used in old.items()})


# --- the first schemas ----------------------------------------------------------------------------


def _oldest(tables: SqliteRows, table: str) -> Iterator[Session]:
    """A row is a prompt with its response; `chat_id` names the first row of a chat."""
    own = "id" if "id" in tables.columns[table] else None
    chats: dict[Any, list[int]] = {}
    for row in tables.rows(table):
        place = row[own] if own else row["rowid_"]
        chat = row.get("chat_id") or place
        chats.setdefault(str(chat), []).append(row["rowid_"])
    for places in chats.values():
        [first] = tables.at(table, places[:1]) or [{}]
        told = [first.get("prompt"), first.get("response"), _time(first)]
        read = partial(_of_rows, tables, table, places)
        yield _session(made_id(_SOURCE, [str(each) for each in told]), None, read)


def _of_rows(tables: SqliteRows, table: str, places: list[int]) -> Iterator[Row]:
    for some in pieces(places):
        yield from tables.at(table, some)


# --- responses and their conversations ------------------------------------------------------------


def _conversations(tables: SqliteRows, old: dict[Any, Usage]) -> Iterator[Session]:
    responses = Grouped(tables, "responses", "conversation_id")
    alone = Grouped(tables, "responses", "id")
    named = Grouped(tables, "conversations", "id")
    beside = _Beside(tables)
    for own_id, usage in old.items():
        if own_id is None:
            continue
        about = next(named.of(own_id), {})
        read = partial(responses.of, own_id)
        name = id_of(own_id) or made_id(_SOURCE, own_id)
        yield _session(name, about.get("name"), read, beside, usage)
    for row in responses.of(None):
        own_id = id_of(row["id"]) or made_id(_SOURCE, str(row))
        yield _session(own_id, None, partial(alone.of, row["id"]), beside)


class _Beside:
    """What other tables hold of a response."""

    def __init__(self, tables: SqliteRows) -> None:
        self._calls = Grouped(tables, "tool_calls", "response_id")
        self._results = Grouped(tables, "tool_results", "response_id")
        self._attached = Grouped(tables, "prompt_attachments", "response_id")
        self._attachments = Grouped(tables, "attachments", "id")
        self._borrowed = Grouped(tables, "prompt_fragments", "response_id")
        self._fragments = Grouped(tables, "fragments", "id")

    def calls(self, response: Any) -> list[dict[str, Any]] | None:
        """The calls of tools that the model made."""
        rows = self._calls.of(response)
        return [tool_call(r["tool_call_id"], r["name"], r["arguments"]) for r in rows] or None

    def results(self, response: Any) -> Iterator[Message]:
        """What tools gave back, which the response answers."""
        for row in self._results.of(response):
            rest = rest_of(row, {"rowid_", "id", "response_id", "name", "output", "tool_call_id"})
            yield {
                "role": "tool",
                "content": text_of(row["output"]),
                "tool_name": text_of(row["name"]),
                "tool_call_id": text_of(row["tool_call_id"]),
                "external_id": f"{response}/result-{row['rowid_']}",
                "extra": {_SOURCE: rest} if rest else None,
            }

    def parts(self, response: Any) -> list[dict[str, Any]]:
        """The fragments and the files that the prompt stands behind."""
        found: list[dict[str, Any]] = []
        for row in sorted(self._borrowed.of(response), key=_order):
            found += map(_fragment, self._fragments.of(row["fragment_id"]))
        for row in sorted(self._attached.of(response), key=_order):
            found += map(attachment, self._attachments.raw(row["attachment_id"]))
        return found


def _order(row: Row) -> int:
    return count_of(row["order"])


def _fragment(row: Row) -> dict[str, Any]:
    return {"type": "text", "text": row["content"], **rest_of(row, {"rowid_", "id", "content"})}


def _session(
    own_id: str,
    title: Any,
    read: Any,
    beside: _Beside | None = None,
    usage: Usage | None = None,
) -> Session:
    """A session of the rows that `read` gives; what they used is added to `usage`."""
    usage, times = usage or Usage(), list[float]()
    model = system = None
    for row in read():
        model, system = text_of(row.get("model")) or model, system or text_of(row.get("system"))
        if (time := _time(row)) is not None:
            times = [min([time, *times]), max([time, *times])]
        if "input_tokens" in row:
            tokens = {name: row.get(name) for name in ("input_tokens", "output_tokens")}
            usage.add(time, text_of(row.get("model")), **tokens)
    return session(
        _SOURCE,
        own_id,
        partial(_messages, read, beside),
        title=title,
        started=min(times, default=None),
        ended=max(times, default=None),
        model=model,
        system_prompt=system,
        **usage.columns(),
    )


def _messages(read: Any, beside: _Beside | None) -> Iterator[Message]:
    system = None
    for row in read():
        own_id, time = str(row.get("id") or row["rowid_"]), _time(row)
        if (told := text_of(row.get("system"))) and told != system:
            system = told
            said = {"role": "system", "content": told}
            yield {**said, "external_id": f"{own_id}/system", "timestamp": time}
        for each in beside.results(own_id) if beside else ():
            yield {**each, "timestamp": time}
        yield from _prompt(row, own_id, time, beside.parts(own_id) if beside else [])
        rest = rest_of(row, _OF_RESPONSE)
        yield {
            "role": "assistant",
            "content": text_of(row.get("response")),
            "reasoning": text_of(row.get("reasoning")),
            "tool_calls": beside.calls(own_id) if beside else None,
            "external_id": own_id,
            "timestamp": time,
            "extra": {_SOURCE: rest} if rest else None,
        }


def _prompt(row: Row, own_id: str, time: float | None, parts: list[Any]) -> Iterator[Message]:
    prompt = text_of(row.get("prompt"))
    content = [*parts, *([{"type": "text", "text": prompt}] if prompt else [])] if parts else prompt
    if content:
        said = {"role": "user", "content": content}
        yield {**said, "external_id": f"{own_id}/prompt", "timestamp": time}


def _time(row: Row) -> float | None:
    names = ("datetime_utc", "timestamp_utc", "timestamp")
    return next((time for name in names if (time := time_of(row.get(name))) is not None), None)
