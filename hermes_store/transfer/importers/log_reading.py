"""What a reader of another program's logs has: a file, and whom it tells what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hermes_store.transfer.importers.json_records import JsonRecords, Record, Stream, pass_over
from hermes_store.transfer.importers.log_fields import made_id
from hermes_store.transfer.importers.log_file import LogFile

__all__ = ["Place", "Reading"]

_PREFIX = 200
"""Characters of an id that a made one begins with: ids have a greatest length."""

Place = tuple[str, int, str]
"""The name of a file, a number, and what the number counts: "record", "line" or "row"."""


class Reading:
    """One file while it is read."""

    def __init__(
        self,
        file: LogFile,
        *,
        on_bad: Callable[[Place, str], object],
        warn: Callable[[str], object],
        known: Callable[[str], Mapping[str, str]],
        keep: Callable[[str, Any], object],
        report: Callable[[int], object],
    ) -> None:
        self.file = file
        self.known = known
        """Of a conversation that is stored: the session of each of its messages, by their ids."""
        self.keep = keep
        """Stores a value in `meta`, unless there is one under its key."""
        self._on_bad = on_bad
        self._warn = warn
        self._report = report
        self.place: Place = (file.name, 0, "record")
        """Where what was given last stands."""

    def records(self) -> Iterator[Record]:
        """The objects of the file, with the numbers of their records or lines."""
        with self.file.opened() as stream:
            found = JsonRecords(_Counted(stream, self._report), self._not_json)
            self._records = found
            for number, value in found:
                self.place = (self.file.name, number, found.unit)
                if isinstance(value, dict):
                    yield number, value
                else:
                    self.bad("not a JSON object")
            if found.had_invalid_bytes:
                self._warn(f"{self.file.name}: bytes that are not valid UTF-8 became U+FFFD")

    def again(self) -> Iterator[Record]:
        """The same objects once more, without a word about the others."""
        with self.file.opened() as stream:
            for number, value in JsonRecords(stream, pass_over):
                if isinstance(value, dict):
                    yield number, value

    def free_id(self, own_id: str, messages: Sequence[str]) -> str:
        """The id of a session whose program lets people choose ids, so that files repeat them.

        It is `own_id`, unless another conversation has it: one with none of these messages, which
        are given by their external ids. Then the id is made of `own_id` and the first message.
        """
        held = {each for each, holder in self.known(own_id).items() if holder == own_id}
        is_another = bool(held and messages) and held.isdisjoint(messages)
        return made_id(own_id[:_PREFIX], messages[0]) if is_another else own_id

    def bad(self, problem: str) -> None:
        """Leave out what stands at `place`, or raise."""
        self._on_bad(self.place, problem)

    def at(self, number: int, unit: str) -> None:
        """Note where what is given next stands."""
        self.place = (self.file.name, number, unit)

    def _not_json(self, number: int, problem: str, is_cut_off: bool) -> None:
        self.place = (self.file.name, number, self._records.unit)
        if is_cut_off:  # its program may be writing it now
            self._warn(f"{self.file.name}:{number}: cut off, left out")
        else:
            self.bad(problem)


class _Counted:
    """A stream that reports how many bytes were read."""

    def __init__(self, stream: Stream, report: Callable[[int], object]) -> None:
        self._stream = stream
        self._report = report
        self._done = 0

    def read(self, size: int, /) -> bytes:
        found = self._stream.read(size)
        self._done += len(found)
        self._report(self._done)
        return found
