"""The sessions of a Hermes Agent file as an import takes them, each with its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, count
from typing import Any

from hermes_store import values
from hermes_store.schema.change import Progress
from hermes_store.transfer.equal_usage import add
from hermes_store.transfer.importers.hermes_account import Remarks
from hermes_store.transfer.importers.hermes_file import HermesFile, Row
from hermes_store.transfer.importers.hermes_rows import (
    link_of,
    message_of,
    session_of,
    usage_of,
)
from hermes_store.transfer.importers.hermes_values import readable, shown, text_of

__all__ = ["Sessions"]

_USAGE = "session_model_usage"


class Sessions:
    """Every session of a file, and one for each that only messages name. Read by iterating."""

    def __init__(self, file: HermesFile, remarks: Remarks, report: Progress) -> None:
        self._file = file
        self._remarks = remarks
        self._report = report
        self._renamed: dict[int | None, str] = {}
        """Rowid → the id here, of sessions whose own cannot be stored."""
        self._new_ids: dict[Any, str] = {}
        """The same by their own ids, of which NULL names none."""
        self._given: set[str] = set()
        """The ids that were given anew."""
        named = {*file.sessions_of_messages()}
        for row in file.rows("sessions", "id"):
            own = row["id"]
            named.discard(own)
            if not own or own != readable(own):
                self._rename(row["rowid_"], own)
        self._made = {own: self._free(readable(own), "made") for own in sorted(named, key=str)}
        self._new_ids |= self._made

    def _rename(self, rowid: int, own: Any) -> None:
        new = self._renamed[rowid] = self._free(readable(own), rowid)
        if own is not None:
            self._new_ids[own] = new
        self._remarks.alter(f"session {own!r}", f"its id is {new} now")

    def _free(self, wanted: str, place: object) -> str:
        """`wanted`, or a name like it that no other session has."""
        first = name = wanted or "without-id"
        others = chain([f"{first}-{place}"], (f"{first}-{place}-{n}" for n in count(2)))
        while name in self._given or self._file.some("sessions", "id", name):
            name = next(others)
        self._given.add(name)
        return name

    def ids(self) -> Iterator[tuple[Any, str]]:
        """Of each session its own id, and its id here."""
        for row in self._file.rows("sessions", "id"):
            yield row["id"], self._renamed.get(row["rowid_"]) or row["id"]
        yield from self._made.items()

    def holds(self, own: Any) -> bool:
        """Whether a session has this id in the file, or gets it."""
        return own in self._made or bool(self._file.some("sessions", "id", own))

    def __iter__(self) -> Iterator[Row]:
        total, done = self._file.number_of_messages(), 0
        for row in self._all_rows():
            yield self._session(row, self._renamed.get(row["rowid_"]) or self._new(row["id"]))
            done += self._file.number_of_messages(row["id"])
            self._report("storing messages", done, total)

    def _all_rows(self) -> Iterator[Row]:
        yield from self._file.rows("sessions")
        for own, new in self._made.items():
            self._remarks.alter(f"session {new}", "made: only messages named it")
            yield {"id": own, "rowid_": None}

    def _new(self, own: Any) -> str:
        return self._made.get(own) or str(own)

    def _session(self, row: Row, session_id: str) -> Row:
        note = partial(self._remarks.alter, f"session {session_id}")
        session = session_of(row, self._file.columns["sessions"], note)
        of_it = _Messages(self._file, row["id"], self._remarks)
        if session["started_at"] is None:
            session["started_at"] = next((each["timestamp"] or 0.0 for each in of_it), 0.0)
        session |= {"id": session_id, "source": session["source"] or "unknown", "messages": of_it}
        session["usage"] = self._usage(row["id"], session["started_at"])
        self._find_prompt(session, row.get("system_prompt_hash"), note)
        self._find_parent(session, row.get("parent_session_id"))
        return session

    def _find_parent(self, session: Row, own: Any) -> None:
        if own is None:
            return
        parent = next(iter(self._file.some("sessions", "id", own)), None)
        if parent is None:
            session["extra"] = {**(session["extra"] or {}), "parent_session_id": readable(own)}
        if session["link"] is None:
            session["link"] = link_of(session, parent)
        session["parent_session_id"] = self._new_ids.get(own) or readable(own) or None

    def _find_prompt(self, session: Row, prompt_hash: Any, note: Callable[[str], None]) -> None:
        if not prompt_hash:
            return
        for found in self._file.some("system_prompts", "hash", prompt_hash)[:1]:
            session["system_prompt"] = text_of(found["prompt"], "its system prompt", note)
            return
        session["extra"] = {**(session["extra"] or {}), "system_prompt_hash": shown(prompt_hash)}
        note("its system prompt is not in the file")

    def _usage(self, own: Any, started: float) -> list[Row]:
        """What each model used; records that became alike are added up."""
        found: dict[tuple[Any, ...], Row] = {}
        for row in self._file.some(_USAGE, "session_id", own):
            what = f"{_USAGE}: row {row['rowid_']}"
            usage = usage_of(row, started, partial(self._remarks.alter, what))
            key = tuple(usage[name] for name in ("hour", "task", "model", "provider", "base_url"))
            first = found.setdefault((*key, usage["mode"]), usage)
            if first is not usage:
                add(first, usage)
                self._remarks.alter(what, "added to another one, which has the same texts now")
        return list(found.values())


class _Messages:
    """The messages of a session as an import takes them. Each iteration reads the file again."""

    def __init__(self, file: HermesFile, session_id: Any, remarks: Remarks) -> None:
        self._file = file
        self._session_id = session_id
        self._remarks = remarks

    def __iter__(self) -> Iterator[Row]:
        taken = set[str]()
        time = 0.0
        for row in self._file.messages_of(self._session_id):
            note = partial(self._remarks.alter, f"message {row['rowid_']}")
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
        if external_id is None:
            return
        if external_id and not values.is_external_id(external_id):
            why = "it is too long or holds a NUL"
        elif message["state"] is None and external_id in taken:
            why = "an earlier message has it"
        else:
            if message["state"] is None:
                taken.add(external_id)
            return
        message["external_id"] = None
        message["extra"] = {**(message["extra"] or {}), "platform_message_id": external_id}
        note(f"its platform id {external_id} is in extra: {why}")
