"""Import conversations from the files of other programs.

Sessions that are there already get the messages that came since, so an import that was interrupted
is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from hermes_store import values
from hermes_store.database.address import Address, create_database, url_of
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import DamagedFileError, InvalidArgumentError, LogFileError
from hermes_store.execution.store import Store
from hermes_store.queries import meta
from hermes_store.records import ImportResult
from hermes_store.schema.change import Progress
from hermes_store.settings import make_settings
from hermes_store.transfer.growing import grow, sessions_of_messages
from hermes_store.transfer.importers.log_file import LogFile
from hermes_store.transfer.importers.log_formats import FORMATS
from hermes_store.transfer.importers.log_reading import Place, Reading
from hermes_store.transfer.importers.log_sessions import Session
from hermes_store.transfer.imports import import_all
from hermes_store.transfer.parsing import ParsedSession

__all__ = ["LogsResult", "Recognised", "Stored", "import_logs"]

OnBad = Callable[[Place, str], object]


class Recognised(NamedTuple):
    """A file and the name of its format, a key of `FORMATS`."""

    file: LogFile
    format: str


@dataclass
class Stored:
    """What was stored of a session."""

    format: str
    title: str | None
    is_new: bool
    """False: it was there before, and got messages in addition."""
    messages: int


@dataclass
class LogsResult(ImportResult):
    """What an import of logs did."""

    stored: dict[str, Stored] = field(default_factory=dict)
    """Session id → what was stored of it, in the order of the files."""


def import_logs(
    logs: Sequence[Recognised],
    target: Address,
    *,
    result: LogsResult,
    on_bad: OnBad,
    warn: Callable[[str], object],
    progress: Progress,
) -> None:
    """Store the conversations of some files in the database `target`, and say in `result` what.

    Creates the target when it is missing, and its schema. The files do not change. `on_bad` is
    called with the place of each record that cannot be stored, which is left out unless `on_bad`
    raises; what was stored before stays. Raises `LogFileError` for a file that cannot be read.
    """
    goal = url_of(target)
    create_database(goal)
    with closing(Store(goal, make_settings(mmap_size=0, auto_migrate=True))) as store:
        _Import(store, result, on_bad, warn, progress).run(logs)


def _readable(sessions: Iterator[Session], reading: Reading) -> Iterator[Session]:
    """The sessions until the file cannot be read any further, which is told as of a bad record."""
    try:
        yield from sessions
    except LogFileError as exc:
        reading.bad(f"{exc.problem}; {exc.remedy}")
    except (DamagedFileError, OSError) as exc:
        reading.bad(str(exc))


def _put_new(connection: OpenConnection, key: str, value: str | None) -> None:
    if meta.get(connection, key, _NOTHING) is _NOTHING:
        meta.put(connection, key, value)


_NOTHING = object()


class _Import:
    """Where one import writes, and whom it tells what."""

    def __init__(
        self,
        store: Store,
        result: LogsResult,
        on_bad: OnBad,
        warn: Callable[[str], object],
        progress: Progress,
    ) -> None:
        self._store = store
        self._result = result
        self._on_bad = on_bad
        self._warn = warn
        self._progress = progress
        self._reading: Reading | None = None

    def run(self, logs: Sequence[Recognised]) -> None:
        import_all(
            self._sessions(logs),
            self._store.write,
            result=self._result,
            on_bad=self._refused,
            on_there=self._grow,
        )

    def _sessions(self, logs: Sequence[Recognised]) -> Iterator[Session]:
        total, before = sum(each.file.size for each in logs), 0
        for file, name in logs:
            report = partial(self._report, f"importing {file.path.name}", before, total)
            self._reading = Reading(
                file,
                on_bad=self._on_bad,
                warn=self._warn,
                known=partial(self._known, name),
                keep=self._keep,
                report=report,
            )
            for each in _readable(FORMATS[name].read(self._reading), self._reading):
                sessions, messages = self._result.sessions, self._result.messages
                yield each
                added = self._result.messages - messages
                self._note(each, name, is_new=self._result.sessions > sessions, added=added)
            report(file.size)
            before += file.size

    def _note(self, session: Session, name: str, *, is_new: bool, added: int) -> None:
        if is_new or added:
            made = Stored(name, session["title"], is_new, 0)
            self._result.stored.setdefault(session["id"], made).messages += added

    def _known(self, source: str, tree: str) -> dict[str, str]:
        return self._store.read(sessions_of_messages, source, tree)

    def _keep(self, key: str, value: Any) -> None:
        try:
            name, written = values.key("key", key), values.encode_json("value", value)
        except InvalidArgumentError as exc:
            self._refused(exc)
        else:
            self._store.write(_put_new, name, written)

    def _report(self, step: str, before: int, total: int, done: int) -> None:
        self._progress(step, before + done, total)

    def _refused(self, error: InvalidArgumentError) -> None:
        assert self._reading is not None
        self._on_bad(self._reading.place, str(error))

    def _grow(self, session: ParsedSession) -> None:
        if added := grow(session, self._store.write):
            self._result.messages += added
            self._result.skipped.pop()
