"""Take the conversations of a Hermes Agent file over into a store, and account for every row.

Sessions that are there already stay as they are, so that an interrupted import is simply run
again. The account at the end names each table of the old file that holds anything, where its rows
went, and how many of them are there now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Table, func, insert, select

from hermes_store import values
from hermes_store.database.address import Address, create_database, url_of
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.execution.store import Store
from hermes_store.models.stored import messages, meta, sessions, usage
from hermes_store.records import ImportResult
from hermes_store.schema.change import Progress
from hermes_store.settings import make_settings
from hermes_store.transfer.copy_rows import by_key, with_keys
from hermes_store.transfer.importers.hermes_file import HermesFile, Row, opened
from hermes_store.transfer.importers.hermes_rows import (
    link_of,
    message_of,
    session_of,
    usage_of,
    without_defaults,
)
from hermes_store.transfer.imports import import_all

__all__ = ["Account", "Line", "import_hermes_file"]

_PREFIX = "hermes."
"""Of the keys under which `meta` has the rows of tables that only Hermes Agent reads."""
_OF_A_MOMENT = {"compression_locks": "nothing: they are of a moment"}
_RESOLVED = {"schema_version", "sessions", "messages", "system_prompts"}
_ROWS_AT_ONCE = 500


T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """What became of one table."""

    table: str
    rows: int | None
    """In the old file; None when it is too damaged to count them."""
    went_to: str
    now: int
    """How many of them are there now."""


@dataclass(frozen=True)
class Account:
    """What an import did: each table, and every row that was altered or left out, by name."""

    version: int | None
    """Of the old file's schema."""
    tables: list[Line]
    altered: list[str]
    left_out: list[str]


def import_hermes_file(
    source: Path | str, target: Address, *, progress: Progress | None = None
) -> Account:
    """Store what the Hermes Agent file `source` holds in the database `target`; account for it.

    Creates the target when it is missing, and its schema. Not a byte of the old file changes, and
    the agent may go on using it. Raises `ForeignDatabaseError` for another kind of file, and
    `DamagedFileError` for one of which not even the schema can be read.
    """
    goal = url_of(target)
    with opened(Path(source).expanduser()) as file:
        create_database(goal)
        with closing(Store(goal, make_settings(mmap_size=0, auto_migrate=True))) as store:
            return _Import(file, store, progress or _tell_nobody).run()


def _tell_nobody(_step: str, _done: int, _total: int) -> None:
    pass


class _Import:
    """One run: where it reads, where it writes, and what it has seen."""

    def __init__(self, file: HermesFile, store: Store, report: Progress) -> None:
        self._file = file
        self._store = store
        self._report = report
        self._result = ImportResult()
        self._tables: list[Line] = []
        self._altered: dict[str, None] = {}
        self._left_out: dict[str, None] = {}
        self._made: set[Any] = set()
        """Sessions that only messages name."""

    def run(self) -> Account:
        """Sessions with their messages first, then what refers to them."""
        total = self._file.count("messages") or 0
        self._file.sort_messages(lambda done: self._report("reading messages", done, total))
        self._made = {*self._file.sessions_of_messages()}
        self._made.difference_update(row["id"] for row in self._file.rows("sessions", "id"))
        import_all(self._sessions(), self._store.write, result=self._result, on_bad=self._refused)
        self._account_for_sessions()
        for table in sorted(self._file.columns.keys() - _RESOLVED):
            if self._file.count(table) != 0:
                self._take_over(table)
        return self._account()

    def _account(self) -> Account:
        done = self._result
        altered = [
            *self._altered,
            *(
                f"session {name}: its title is {title!r} now"
                for name, title in done.retitled.items()
            ),
            *(f"session {name}: its parent is nowhere, so it has none" for name in done.orphaned),
        ]
        left_out = [*self._left_out, *(f"{place}: damaged" for place in self._file.damaged)]
        return Account(self._file.version, self._tables, altered, left_out)

    def _note(self, what: str, change: str) -> None:
        self._altered[f"{what}: {change}"] = None

    def _refused(self, error: InvalidArgumentError) -> None:
        self._left_out[str(error)] = None

    # --- sessions and messages ------------------------------------------------------------------

    def _sessions(self) -> Iterator[Row]:
        """Every session as an import takes it; one is made for messages that have none."""
        for row in self._file.rows("sessions"):
            yield self._session(row)
        for session_id in sorted(self._made, key=str):
            self._note(f"session {_id(session_id)}", "made: only messages named it")
            yield self._session({"id": session_id})

    def _session(self, row: Row) -> Row:
        session_id = _id(row["id"])
        note = partial(self._note, f"session {session_id}")
        session = session_of(row, self._file.columns["sessions"], note)
        if session["id"] != session_id:
            note("it has an id now")
        of_it = _Messages(self._file, row["id"], self._note)
        if session["started_at"] is None:
            session["started_at"] = next((each["timestamp"] or 0.0 for each in of_it), 0.0)
        session |= {"id": session_id, "source": session["source"] or "unknown", "messages": of_it}
        self._find_prompt(session, row.get("system_prompt_hash"))
        self._find_parent(session)
        return session

    def _find_parent(self, session: Row) -> None:
        name = session["parent_session_id"]
        if name is None:
            return
        parent = self._file.one("sessions", "id", name)
        if parent is None:
            session["extra"] = {**(session["extra"] or {}), "parent_session_id": name}
        if session["link"] is None:
            session["link"] = link_of(session, parent)

    def _find_prompt(self, session: Row, prompt_hash: Any) -> None:
        if not prompt_hash:
            return
        found = self._file.one("system_prompts", "hash", prompt_hash)
        if found is not None:
            session["system_prompt"] = found["prompt"]
        else:
            session["extra"] = {**(session["extra"] or {}), "system_prompt_hash": prompt_hash}
            self._note(f"session {session['id']}", "its system prompt is not in the file")

    def _account_for_sessions(self) -> None:
        there = Counter[str]()
        done, total = 0, self._file.count("sessions") or 0
        for some in batched(self._ids(), _ROWS_AT_ONCE):
            held = self._store.read(_messages_held, [*map(_id, some)])
            there.update(sessions=len(held), messages=sum(held.values()))
            for session_id in some:
                self._compare(session_id, held.get(_id(session_id)))
            done += len(some)
            self._report("counting", done, total)
        for name in ("sessions", "messages"):
            self._tables.append(Line(name, self._file.count(name), name, there[name]))
        prompts = (
            self._file.count("system_prompts") if "system_prompts" in self._file.columns else 0
        )
        if prompts:
            self._tables.append(Line("system_prompts", prompts, "sessions.system_prompt", prompts))

    def _ids(self) -> Iterator[Any]:
        yield from (row["id"] for row in self._file.rows("sessions", "id"))
        yield from self._made

    def _compare(self, session_id: Any, held: int | None) -> None:
        wanted = self._file.number_of_messages(session_id)
        if held is not None and held < wanted:
            missing = f"{wanted - held} of its {wanted} messages"
            self._left_out[f"session {_id(session_id)}: {missing}: it was in the store before"] = (
                None
            )

    # --- other tables ---------------------------------------------------------------------------

    def _take_over(self, table: str) -> None:
        rows, went_to = self._file.count(table), _OF_A_MOMENT.get(table)
        if went_to is not None:
            self._tables.append(Line(table, rows, went_to, 0))
        elif table == "session_model_usage":
            now = self._store_each(table, usage, partial(self._usage, table))
            self._tables.append(Line(table, rows, "usage", now))
        else:
            now = self._store_each(table, meta, partial(self._meta, table))
            prefix = "" if table == "state_meta" else f" under {_PREFIX}{table}/"
            self._tables.append(Line(table, rows, f"meta{prefix}", now))

    def _store_each(self, table: str, into: Table, row_of: Callable[[Row], Row | None]) -> int:
        now = done = 0
        total = self._file.count(table) or 0
        for some in batched(self._file.rows(table), _ROWS_AT_ONCE):
            rows = [row for row in map(row_of, some) if row is not None]
            now += self._store.write(_store_what_is_missing, rows, into=into)
            done += len(some)
            self._report(f"storing {table}", done, total)
        return now

    def _usage(self, table: str, row: Row) -> Row | None:
        session_id = row["session_id"]
        session = self._file.one("sessions", "id", session_id)
        if session is None:
            self._left_out[f"{table}: row {row['rowid_']}: there is no session {session_id}"] = None
            return None
        started = session.get("started_at")
        since = float(started) if isinstance(started, (int, float)) else 0.0
        note = partial(self._note, f"{table}: row {row['rowid_']}")
        return {"session_id": session_id, **usage_of(row, since, note)}

    def _meta(self, table: str, row: Row) -> Row:
        if table == "state_meta":
            key, value = str(row["key"]), row["value"]
        else:
            value = without_defaults(row, self._file.columns[table])
            key = f"{_PREFIX}{table}/{self._key(table, row)}"
        return {"key": key, "value": values.encode_json("value", value)}

    def _key(self, table: str, row: Row) -> str:
        """What tells a row from the others of its table."""
        names = self._file.keys[table]
        return "/".join(str(row[name]) for name in names) if names else str(row["rowid_"])


class _Messages:
    """The messages of a session as an import takes them. Each iteration reads the file again."""

    def __init__(self, file: HermesFile, session_id: Any, note: Callable[[str, str], None]) -> None:
        self._file = file
        self._session_id = session_id
        self._note = note

    def __iter__(self) -> Iterator[Row]:
        taken = set[str]()
        time = 0.0
        for row in self._file.messages_of(self._session_id):
            note = partial(self._note, f"message {row['rowid_']}")
            message = message_of(row, self._file.columns["messages"], note)
            if message["timestamp"] is None:
                message["timestamp"] = time
                note(f"its timestamp is {time} now, that of the message before")
            time = message["timestamp"]
            self._free_external_id(message, taken, note)
            yield message

    def _free_external_id(self, message: Row, taken: set[str], note: Callable[[str], None]) -> None:
        """Of live messages with one platform id the first one has it; the others keep it aside."""
        external_id = message["external_id"]
        if external_id is None or message["state"] is not None:
            return
        if external_id in taken:
            message["external_id"] = None
            message["extra"] = {**(message["extra"] or {}), "platform_message_id": external_id}
            note(f"its platform id {external_id} is in extra: an earlier message has it")
        taken.add(external_id)


def _id(session_id: Any) -> str:
    """The id of a session here: that in the file, unless there is none or it is no text."""
    if session_id is None or session_id in ("", b""):
        return "without-id"
    text = session_id.decode("utf-8", "replace") if isinstance(session_id, bytes) else session_id
    return str(text)


def _messages_held(connection: OpenConnection, ids: list[str]) -> dict[str, int]:
    """Of each session that is there, how many messages it has."""
    held = (
        select(sessions.c.id, func.count(messages.c.id))
        .join_from(sessions, messages, messages.c.session_id == sessions.c.id, isouter=True)
        .where(sessions.c.id.in_(ids))
        .group_by(sessions.c.id)
    )
    return {row[0]: row[1] for row in connection.core.execute(held)}


def _store_what_is_missing(connection: OpenConnection, rows: list[Row], *, into: Table) -> int:
    """Insert the rows whose keys are not there; return how many of all are there then."""
    new = by_key(into, rows)
    if new:
        there = select(*into.primary_key.columns).where(with_keys(into, rows))
        for key in connection.core.execute(there).all():
            del new[tuple(key)]
        count = len(by_key(into, rows))
        if new:
            connection.core.execute(insert(into), list(new.values()))
        return count
    return 0


def batched(given: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Tuples of at most `size`: `itertools.batched` of Python 3.12."""
    rest = iter(given)
    while some := tuple(islice(rest, size)):
        yield some
