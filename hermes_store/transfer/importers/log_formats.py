"""The formats of other programs' logs, and which of them a file has, by what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from hermes_store.transfer.importers import chatgpt
from hermes_store.transfer.importers.json_records import JsonRecords
from hermes_store.transfer.importers.log_file import LogFile
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Session

__all__ = ["FORMATS", "Format", "format_of"]

_LOOKED_AT = 20
"""Records, until one is recognised."""


class Format(NamedTuple):
    """How one program writes its conversations."""

    title: str
    looks: Callable[[dict[str, Any]], bool]
    """Whether a record is one of this format."""
    read: Callable[[Reading], Iterator[Session]]


FORMATS = {
    "chatgpt": Format("ChatGPT's export", chatgpt.looks, chatgpt.read),
}


def format_of(file: LogFile) -> str | None:
    """The name of the format of a file; None when it is not known.

    Raises `LogFileError` for a zip that cannot be read.
    """
    with file.opened() as stream:
        for _, value in islice(JsonRecords(stream, _pass_over), _LOOKED_AT):
            for name, each in FORMATS.items() if isinstance(value, dict) else ():
                if each.looks(value):
                    return name
    return None


def _pass_over(_number: int, _problem: str) -> None:
    """What cannot be read tells nothing about the format."""
