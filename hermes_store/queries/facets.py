"""What sessions have in common, counted among the last active ones: a large store is as quick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.filters import SessionFilter
from hermes_store.queries.listing import Shape, select_page, translated
from hermes_store.queries.paging import Page
from hermes_store.queries.sessions import readable
from hermes_store.records import SessionFacets

__all__ = ["COLUMNS", "count", "counted"]

COLUMNS = ("source", "model", "user_id", "last_active")


@lru_cache(maxsize=64)
def _statement(shape: Shape) -> Statement:
    return Statement(select_page(select(readable(COLUMNS)), shape))


def count(
    connection: OpenConnection,
    which: SessionFilter,
    zone: tzinfo | None,
    *,
    among: int,
    conversations: bool,
) -> SessionFacets:
    """Count the values of the last active sessions; an index says which these are."""
    page = Page(among, by_last_active=True)
    shape, parameters = translated(connection, which, page, conversations=conversations)
    return counted(_statement(shape).run(connection, **parameters).fetchall(), zone)


def counted(rows: Sequence[Sequence[Any]], zone: tzinfo | None) -> SessionFacets:
    """Count the values of rows: source, model, user and last activity of sessions."""
    sources, models, users, times = zip(*rows, strict=True) if rows else ((), (), (), ())
    return {
        "counted": len(rows),
        "source": _counted(sources),
        "model": _counted(models),
        "user_id": _counted(users),
        "month": dict(sorted(_counted(_month(at, zone) for at in times).items(), reverse=True)),
    }


def _counted(values: Iterable[str | None]) -> dict[str, int]:
    return dict(Counter(value for value in values if value).most_common())


def _month(at: float | None, zone: tzinfo | None) -> str | None:
    """The month of a time; None for what no filter can ask for: another tool stored it."""
    try:
        return None if not at or at < 0 else datetime.fromtimestamp(at, zone).strftime("%Y-%m")
    except (ValueError, OverflowError, OSError, TypeError):
        return None
