"""A file that another program wrote, or a member of a zip: opened each time that it is read."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from hermes_store.errors import LogFileError
from hermes_store.transfer.importers.json_records import Stream

__all__ = ["Beginning", "LogFile", "files_in", "is_zip"]

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_MOST_TIMES_LARGER = 200
"""JSON of conversations is packed to a tenth; what is packed to a thousandth is made to do harm."""
_LEAST_SUSPECT = 50_000_000
_MEMBERS = (".json", ".jsonl")


class LogFile(NamedTuple):
    """Where conversations are read from."""

    path: Path
    member: str | None
    """The name of the member, when `path` is a zip. It is never written to a disk."""
    size: int
    """In bytes, unpacked."""
    written: float
    """When the file was last written, in Unix seconds."""

    @property
    def name(self) -> str:
        """How messages name it."""
        return str(self.path) if self.member is None else f"{self.path}/{self.member}"

    @property
    def stem(self) -> str:
        """Its name without folder and suffix."""
        return Path(self.path if self.member is None else self.member).stem

    @contextmanager
    def opened(self) -> Iterator[Stream]:
        """Its bytes, as many as `size` says: what is appended meanwhile is for the next import.

        Raises `LogFileError` while a damaged zip is read.
        """
        if self.member is None:
            with self.path.open("rb") as stream:
                yield Beginning(stream, self.size)
            return
        with _zip(self.path) as archive, _member(archive, self.member, self.name) as member:
            yield io.BufferedReader(_Checked(member, self.name))


class Beginning:
    """The first bytes of a stream."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none behind the last of these."""
        found = self._stream.read(min(size, self._left))
        self._left -= len(found)
        return found


class _Checked(io.RawIOBase):
    """The bytes of a member of a zip; damage is a typed error."""

    def __init__(self, member: IO[bytes], name: str) -> None:
        self._member = member
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # of any buffer
        try:
            found = self._member.read(len(buffer))
        except _DAMAGE as exc:
            raise LogFileError(self._name, f"cannot be unpacked ({exc})", _UNPACK) from exc
        buffer[: len(found)] = found
        return len(found)


_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(OSError, ValueError, struct.error),  # of places and lengths that are not there
)
_UNPACK = "get the export once more, or unpack it with another program and give the file in it"


def is_zip(path: Path) -> bool:
    """Whether a file begins as zips do. Raises `OSError`."""
    with path.open("rb") as stream:
        return stream.read(4) in {_ZIP, _EMPTY_ZIP}


def files_in(path: Path) -> list[LogFile]:
    """The file itself, or the JSON files in a zip. Raises `LogFileError`."""
    status = path.stat()
    if not is_zip(path):
        return [LogFile(path, None, status.st_size, status.st_mtime)]
    with _zip(path) as archive:
        members = [each for each in archive.infolist() if _is_wanted(each)]
    if len({each.filename for each in members}) < len(members):
        raise LogFileError(str(path), "has several files of one name", _UNPACK)
    for each in members:
        _refuse(path, each)
    members.sort(key=lambda each: each.filename)
    return [LogFile(path, each.filename, each.file_size, status.st_mtime) for each in members]


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    hidden = "__MACOSX" in member.filename
    return member.filename.lower().endswith(_MEMBERS) and not member.is_dir() and not hidden


def _refuse(path: Path, member: zipfile.ZipInfo) -> None:
    name = f"{path}/{member.filename}"
    if member.flag_bits & 1:
        raise LogFileError(name, "is encrypted", "unpack it with its password, give the file in it")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise LogFileError(name, "is packed by a method that exports do not use", _UNPACK)
    too_large = member.file_size > _MOST_TIMES_LARGER * max(member.compress_size, 1)
    if too_large and member.file_size > _LEAST_SUSPECT:
        times = member.file_size // max(member.compress_size, 1)
        problem = f"would be {times:,} times as large unpacked: that is not an export"
        raise LogFileError(name, problem, "if you trust it, unpack it and give the file in it")


@contextmanager
def _zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as exc:
        raise LogFileError(str(path), f"is a damaged zip ({exc})", _UNPACK) from exc
    with archive:
        yield archive


def _member(archive: zipfile.ZipFile, member: str, name: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except _DAMAGE as exc:
        raise LogFileError(name, f"cannot be unpacked ({exc})", _UNPACK) from exc
