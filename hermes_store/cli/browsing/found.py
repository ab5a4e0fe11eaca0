"""What the picker lists, a page at a time: conversations, or what holds the typed words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

from rich.text import Text

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import output
from hermes_store.cli.search import marked
from hermes_store.cli.session_table import cells
from hermes_store.cli.text import in_one_line, one_line
from hermes_store.records import SearchHit, SessionListing
from hermes_store.values.highlights import MARKERS

__all__ = ["COLUMNS", "Row", "found"]

COLUMNS = ("LAST ACTIVE", "SOURCE", "MSGS", "TITLE")
_AT_ONCE = 100


class Row(NamedTuple):
    """A line of the list."""

    session_id: str
    message_id: int | None
    """The message that was found; None where the session itself was."""
    cells: tuple[Text, ...]


def found(repo: SessionRepository, which: SessionFilter, words: str) -> Iterator[list[Row]]:
    """Yield pages of conversations, the last used first.

    With `words`, those whose titles hold them, then the messages that do: the best of each session.
    """
    if not words.strip():
        yield from _listed(repo, which)
        return
    seen: set[str] = set()
    titled = replace(which, title=f"{which.title or ''} {words}")
    for page in _listed(repo, titled):
        seen.update(row.session_id for row in page)
        yield page
    for hits in _hits(repo, which, words):
        yield [*_once(hits, seen)]


def _listed(repo: SessionRepository, which: SessionFilter) -> Iterator[list[Row]]:
    after = None
    while page := repo.list_sessions_rich(
        limit=_AT_ONCE, order_by_last_active=True, filter=which, after=after
    ):
        yield [_of_session(each) for each in page]
        after = page[-1]["id"]


def _hits(
    repo: SessionRepository, which: SessionFilter, words: str
) -> Iterator[Sequence[SearchHit]]:
    for offset in count(0, _AT_ONCE):
        page = repo.search_messages(
            words, limit=_AT_ONCE, offset=offset, markers=MARKERS, filter=which
        )
        if not page:
            return
        yield page


def _once(hits: Sequence[SearchHit], seen: set[str]) -> Iterator[Row]:
    for hit in hits:
        if hit["session_id"] not in seen:
            seen.add(hit["session_id"])
            yield _of_hit(hit)


def _of_session(session: SessionListing) -> Row:
    shown = cells(session, short_date=False)
    return Row(session["id"], None, tuple(Text(shown[name]) for name in COLUMNS))


def _of_hit(hit: SearchHit) -> Row:
    title = in_one_line(hit["title"])
    said = Text(f"{title} · " if title else "").append_text(marked(hit["snippet"]))
    when, source = Text(output.when(hit["timestamp"])), Text(one_line(hit["source"]))
    return Row(hit["session_id"], hit["id"], (when, source, Text(""), said))
