"""The formats of an export: what each makes of sessions, as pieces of a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from hermes_store import SessionRepository
from hermes_store.cli.extras import needing
from hermes_store.errors import SessionNotFoundError
from hermes_store.records import SessionExport
from hermes_store.transfer.exporters.training import LeftOut

__all__ = ["FORMATS", "Format"]

Sessions = Iterable[SessionExport]


class Format(NamedTuple):
    """One format."""

    suffix: str
    is_json: bool
    is_whole: bool
    """Whether it holds all of a session, or says by itself what it is for."""
    document: Callable[[Sessions, SessionRepository, LeftOut], Iterator[str]]
    """Yields a whole file of sessions; the last argument gets what the format cannot hold."""


def _lines(sessions: Iterable[Any]) -> Iterator[str]:
    for session in sessions:
        if session is not None:
            yield json.dumps(session, ensure_ascii=False) + "\n"


def _jsonl(sessions: Sessions, _repo: SessionRepository, _left_out: LeftOut) -> Iterator[str]:
    return _lines(sessions)


def _markdown(sessions: Sessions, repo: SessionRepository, _left_out: LeftOut) -> Iterator[str]:
    from hermes_store.cli.markdown import markdown

    return markdown(sessions, partial(_lineage, repo))


def _html(sessions: Sessions, repo: SessionRepository, _left_out: LeftOut) -> Iterator[str]:
    with needing("web", "starlette", "jinja2", "markupsafe"):
        from hermes_store.web.exported import exported

    return exported(sessions, partial(_lineage, repo))


def _lineage(repo: SessionRepository, session_id: str) -> list[str]:
    try:
        return repo.get_lineage(session_id)
    except SessionNotFoundError:  # deleted since the export began
        return []


def _sharegpt(sessions: Sessions, _repo: SessionRepository, left_out: LeftOut) -> Iterator[str]:
    from hermes_store.transfer.exporters.sharegpt import conversation

    return _lines(conversation(each, left_out) for each in sessions)


def _openai(sessions: Sessions, _repo: SessionRepository, left_out: LeftOut) -> Iterator[str]:
    from hermes_store.transfer.exporters.openai import training_example

    return _lines(training_example(each, left_out) for each in sessions)


FORMATS = {
    "jsonl": Format(".jsonl", is_json=True, is_whole=True, document=_jsonl),
    "md": Format(".md", is_json=False, is_whole=True, document=_markdown),
    "html": Format(".html", is_json=False, is_whole=True, document=_html),
    "sharegpt": Format(".jsonl", is_json=True, is_whole=False, document=_sharegpt),
    "openai": Format(".jsonl", is_json=True, is_whole=False, document=_openai),
}
