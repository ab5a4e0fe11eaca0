"""The formats of an export: what each makes of sessions, as pieces of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from hermes_store.cli.extras import needing
from hermes_store.cli.text import as_json
from hermes_store.records import SessionExport
from hermes_store.transfer.exporters.training import LeftOut

__all__ = ["FORMATS", "Format", "Sessions", "json_lines"]

Sessions = Iterable[tuple[SessionExport, list[str]]]
"""Each session with the ids of its conversation, when there are several."""


class Format(NamedTuple):
    """One format."""

    suffix: str
    document: Callable[[Sessions, LeftOut], Iterator[str]]
    """Yields a whole file of sessions; the last argument gets what the format cannot hold."""
    is_json: bool = False
    """Without conversations: a session names its parent."""
    is_whole: bool = True
    """Whether it holds all of a session, or says by itself what it is for."""


def json_lines(sessions: Iterable[Any]) -> Iterator[str]:
    """Yield each session as a line of JSON."""
    for session in sessions:
        if session is not None:
            yield as_json(session) + "\n"


def _jsonl(sessions: Sessions, _left_out: LeftOut) -> Iterator[str]:
    return json_lines(session for session, _ in sessions)


def _markdown(sessions: Sessions, _left_out: LeftOut) -> Iterator[str]:
    from hermes_store.cli.markdown import markdown

    return markdown(sessions)


def _html(sessions: Sessions, _left_out: LeftOut) -> Iterator[str]:
    with needing("web", "starlette", "jinja2", "markupsafe"):
        from hermes_store.web.exported import exported

    return exported(sessions)


def _sharegpt(sessions: Sessions, left_out: LeftOut) -> Iterator[str]:
    from hermes_store.transfer.exporters.sharegpt import conversation

    return json_lines(conversation(session, left_out) for session, _ in sessions)


def _openai(sessions: Sessions, left_out: LeftOut) -> Iterator[str]:
    from hermes_store.transfer.exporters.openai import training_example

    return json_lines(training_example(session, left_out) for session, _ in sessions)


FORMATS = {
    "jsonl": Format(".jsonl", _jsonl, is_json=True),
    "md": Format(".md", _markdown),
    "html": Format(".html", _html),
    "sharegpt": Format(".jsonl", _sharegpt, is_json=True, is_whole=False),
    "openai": Format(".jsonl", _openai, is_json=True, is_whole=False),
}
