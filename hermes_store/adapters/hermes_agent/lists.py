"""Lists of conversations: each once, as the session in which it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, func, or_, select

from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.choosing import CONDITIONS, chosen, holds
from hermes_store.adapters.hermes_agent.columns import Row, stored_session
from hermes_store.adapters.hermes_agent.listed_rows import LINK, listed, select_listed
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.statements import Statement
from hermes_store.models.links import COMPRESSION
from hermes_store.models.stored import sessions
from hermes_store.queries.conversations import GOES_ON
from hermes_store.values import ALL

__all__ = ["Lists"]

_OF_THE_TIP = (
    "id",
    "ended_at",
    "end_reason",
    "message_count",
    "tool_call_count",
    "title",
    "last_active",
    "preview",
    "model",
    "system_prompt",
    "cwd",
    "git_branch",
    "git_repo_root",
)
"""What a list shows of a conversation's last session; the rest is of the first."""

_c = sessions.c
_BY_START = (_c.started_at.desc(), _c.id.desc())
_BY_ACTIVITY = (_c.last_active.desc(), _c.id.desc())
"""Of equal times the greater id, as in the index; Hermes' ids begin with their start."""


class Lists(Base):
    """Many sessions at a time, without their messages."""

    def list_sessions_rich(
        self,
        source: str | None = None,
        exclude_sources: Sequence[str] | None = None,
        cwd_prefix: str | None = None,
        limit: int = 20,
        offset: int = 0,
        include_children: bool = False,
        min_message_count: int = 0,
        project_compression_tips: bool = True,
        order_by_last_active: bool = False,
        include_archived: bool = False,
        archived_only: bool = False,
        id_query: str | None = None,
        search_query: str | None = None,
        compact_rows: bool = False,
    ) -> list[Row]:
        """Return a page of conversations with previews: the last started or active first.

        Each stands there once, as its last session with the start of its first one, whose id is
        under `_lineage_root_id`. Subagents are left out, unless `include_children` asks for each
        session by itself. `compact_rows` leaves the system prompt out.
        """
        which, given = chosen(locals())  # the keywords are those of a filter
        compact = bool(compact_rows)
        whole = project_compression_tips and not include_children
        from_tips = whole and order_by_last_active
        if not include_children:
            which.append("is_listed_tip" if from_tips else "is_listed")
        given |= {"limit": ALL if limit is None or limit < 0 else limit, "offset": offset}
        shape = _Shape(tuple(which), bool(order_by_last_active), compact)
        needle = holds(id_query, search_query)
        if needle is None:
            rows = self._tables.run(_page_of(shape), given)
        else:
            ends = self._ends(needle, tips=from_tips) if whole else []
            held = or_(needle, is_given(_c.id, "ends"))
            rows = self._tables.run(_page(shape, held), {**given, "ends": as_parameter(ends)})
        found = listed(rows, compact=compact)
        return self._wholes(rows, found, compact=compact) if whole else found

    def list_cron_job_runs(self, job_id: str, limit: int = 20, offset: int = 0) -> list[Row]:
        """Return a page of the sessions that a job of cron ran in, the last started first."""
        begin = f"cron_{job_id}_"
        runs = and_(_c.source == "cron", _c.id >= begin, _c.id < f"cron_{job_id}`")
        page = select_listed().where(runs).order_by(*_BY_START)
        return self._listed(page.limit(_all(limit)).offset(offset))

    def search_sessions(
        self, source: str | None = None, limit: int = 20, offset: int = 0
    ) -> list[Row]:
        """Return a page of whole sessions, the last active first."""
        page = select(sessions).order_by(*_BY_ACTIVITY)
        if source:
            page = page.where(_c.source == source)
        rows = self._rows(page.limit(_all(limit)).offset(offset))
        return [{**stored_session(row), "last_active": row["last_active"]} for row in rows]

    def search_sessions_by_id(
        self, query: str, limit: int = 20, include_archived: bool = True
    ) -> list[Row]:
        """Return conversations of which a session's id holds a text, the nearest first."""
        wanted = (query or "").strip().lower()
        if not wanted or limit <= 0:
            return []
        found = self.list_sessions_rich(
            limit=limit * 4,
            include_archived=include_archived,
            order_by_last_active=True,
            id_query=wanted,
        )
        return sorted(found, key=lambda row: _distance(row, wanted))[:limit]

    def session_count(
        self,
        source: str | None = None,
        cwd_prefix: str | None = None,
        min_message_count: int = 0,
        include_archived: bool = False,
        archived_only: bool = False,
        exclude_children: bool = False,
        exclude_sources: Sequence[str] | None = None,
    ) -> int:
        """Return how many sessions there are; archived ones only when asked for."""
        which, given = chosen(locals())  # the keywords are those of a filter
        if exclude_children:
            which.append("is_listed")
        return int(self._tables.run(_count_of(tuple(which)), given)[0][0])

    def distinct_session_cwds(self, include_archived: bool = False) -> list[Row]:
        """Return the folders of sessions, each with the number and last use of its sessions."""
        ended = func.max(func.coalesce(_c.ended_at, _c.started_at)).label("last_active")
        which = [_c.cwd.is_not(None), func.trim(_c.cwd) != ""]
        if not include_archived:
            which.append(_c.archived.is_(None))
        return self._rows(
            select(_c.cwd, func.count().label("sessions"), ended).where(*which).group_by(_c.cwd)
        )

    def _listed(self, page: Select[Any]) -> list[Row]:
        return listed([(*row.values(),) for row in self._rows(page)])

    # --- a conversation of several sessions -------------------------------------------------------

    def _ends(self, needle: ColumnElement[bool], *, tips: bool) -> list[str]:
        """One end of each conversation of which another session meets a condition."""
        inside = GOES_ON if tips else _c.link == COMPRESSION
        end = self._repo.get_tip if tips else self._repo.get_root
        return [*{end(row["id"]) for row in self._rows(select(_c.id).where(needle, inside))}]

    def _wholes(self, rows: list[Any], found: list[Row], *, compact: bool) -> list[Row]:
        """Each row of a list; what is a part of a conversation, together with its other end."""
        return [
            self._whole(one, compact=compact)
            if row[LINK] == COMPRESSION or one["end_reason"] == "compression"
            else one
            for row, one in zip(rows, found, strict=True)
        ]

    def _whole(self, one: Row, *, compact: bool) -> Row:
        """A row together with what the other end of its conversation says."""
        line = self._repo.get_lineage(one["id"])
        if line[0] == line[-1] or one["id"] not in line:
            return one
        root, tip = (
            one if end == one["id"] else self._get_session_rich_row(end, compact_rows=compact)
            for end in (line[0], line[-1])
        )
        if root is None or tip is None:  # it was just deleted
            return one
        shown = {name: tip[name] for name in _OF_THE_TIP if name in tip}
        return {**root, **shown, "_lineage_root_id": line[0]}

    def _get_session_rich_row(self, session_id: str, compact_rows: bool = False) -> Row | None:
        """One session as in a list; None when there is none. The name is Hermes' own."""
        found = self._tables.run(_one(compact=compact_rows), {"session": session_id})
        return listed(found, compact=compact_rows)[0] if found else None


class _Shape(NamedTuple):
    """What the SQL of a list depends on; the rest are parameters."""

    which: tuple[str, ...]
    by_activity: bool
    compact: bool


def _page(shape: _Shape, *more: ColumnElement[bool]) -> Statement:
    which = [*(CONDITIONS[name] for name in shape.which), *more]
    page = select_listed(compact=shape.compact).where(*which)
    ordered = page.order_by(*(_BY_ACTIVITY if shape.by_activity else _BY_START))
    limit, offset = (bindparam(name, type_=BigInteger) for name in ("limit", "offset"))
    return Statement(ordered.limit(limit).offset(offset))


_page_of = lru_cache(maxsize=64)(_page)


@lru_cache(maxsize=64)
def _count_of(which: tuple[str, ...]) -> Statement:
    conditions = (CONDITIONS[name] for name in which)
    return Statement(select(func.count()).select_from(sessions).where(*conditions))


@cache
def _one(*, compact: bool) -> Statement:
    return Statement(select_listed(compact=compact).where(_c.id == bindparam("session")))


def _all(limit: int | None) -> int | None:
    return None if limit is None or limit < 0 else limit


def _distance(row: Row, wanted: str) -> int:
    ids = [str(row.get(name) or "").lower() for name in ("id", "_lineage_root_id")]
    if wanted in ids:
        return 0
    return 1 if any(each.startswith(wanted) for each in ids) else 2
