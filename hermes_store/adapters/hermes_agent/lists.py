"""Lists of conversations: each once, as the session in which it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.choosing import chosen, holds
from hermes_store.adapters.hermes_agent.columns import Row, stored_session
from hermes_store.adapters.hermes_agent.links import IS_DELEGATED, IS_LISTED
from hermes_store.models.links import BRANCH, COMPRESSION, RESET
from hermes_store.models.stored import messages, sessions

__all__ = ["Lists", "listed", "select_listed"]

_PREVIEW = 60
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
_later = sessions.alias("later")
_GOES_ON = (
    select(_later.c.id)
    .where(_later.c.parent_session_id == _c.id, _later.c.link == COMPRESSION)
    .exists()
)
_IS_LISTED_TIP = and_(
    ~_GOES_ON,
    ~func.coalesce(IS_DELEGATED, False),
    or_(_c.parent_session_id.is_(None), _c.link.in_([BRANCH, RESET, COMPRESSION])),
)
_BY_START = (_c.started_at.desc(), _c.id.desc())
_BY_ACTIVITY = (_c.last_active.desc(), *_BY_START)


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
        which = chosen(
            source=source,
            exclude_sources=exclude_sources,
            cwd_prefix=cwd_prefix,
            min_message_count=min_message_count,
            include_archived=include_archived,
            archived_only=archived_only,
        )
        whole = project_compression_tips and not include_children
        from_tips = whole and order_by_last_active
        needle = holds(id_query, search_query)
        if needle is not None:
            which.append(self._of_conversations(needle, tips=from_tips) if whole else needle)
        if not include_children:
            which.append(_IS_LISTED_TIP if from_tips else IS_LISTED)
        order = _BY_ACTIVITY if order_by_last_active else _BY_START
        page = select_listed(compact=compact_rows).where(*which).order_by(*order)
        rows = self._rows(page.limit(_all(limit)).offset(offset))
        return [self._whole(row, compact=compact_rows) if whole else listed(row) for row in rows]

    def list_cron_job_runs(self, job_id: str, limit: int = 20, offset: int = 0) -> list[Row]:
        """Return a page of the sessions that a job of cron ran in, the last started first."""
        begin = f"cron_{job_id}_"
        runs = and_(_c.source == "cron", _c.id >= begin, _c.id < f"cron_{job_id}`")
        page = select_listed().where(runs).order_by(*_BY_START)
        return [listed(row) for row in self._rows(page.limit(_all(limit)).offset(offset))]

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
        which = chosen(
            source=source,
            exclude_sources=exclude_sources,
            cwd_prefix=cwd_prefix,
            min_message_count=min_message_count,
            include_archived=include_archived,
            archived_only=archived_only,
            exclude_children=exclude_children,
        )
        counted = select(func.count().label("number")).select_from(sessions).where(*which)
        return int(self._rows(counted)[0]["number"])

    def distinct_session_cwds(self, include_archived: bool = False) -> list[Row]:
        """Return the folders of sessions, each with the number and last use of its sessions."""
        ended = func.max(func.coalesce(_c.ended_at, _c.started_at)).label("last_active")
        which = [_c.cwd.is_not(None), func.trim(_c.cwd) != ""]
        if not include_archived:
            which.append(_c.archived.is_(None))
        return self._rows(
            select(_c.cwd, func.count().label("sessions"), ended).where(*which).group_by(_c.cwd)
        )

    # --- a conversation of several sessions -------------------------------------------------------

    def _of_conversations(self, needle: ColumnElement[bool], *, tips: bool) -> ColumnElement[bool]:
        """Sessions at one end of the conversations in which any session meets a condition."""
        inside = _GOES_ON if tips else _c.link == COMPRESSION
        end = self._repo.get_tip if tips else self._repo.get_root
        parts = self._rows(select(_c.id).where(needle, inside))
        return or_(needle, _c.id.in_([*{end(row["id"]) for row in parts}]))

    def _whole(self, row: Row, *, compact: bool) -> Row:
        """A row together with what the other end of its conversation says."""
        if row["link"] != COMPRESSION and row["end_reason"] != "compression":
            return listed(row)
        line = self._repo.get_lineage(row["id"])
        if line[0] == line[-1] or row["id"] not in line:
            return listed(row)
        ends = (line[0], line[-1])
        root, tip = (
            listed(row) if end == row["id"] else self._rich(end, compact=compact) for end in ends
        )
        shown = {name: tip[name] for name in _OF_THE_TIP if name in tip}
        return {**root, **shown, "_lineage_root_id": line[0]}

    def _rich(self, session_id: str, *, compact: bool) -> Row:
        found = self._rows(select_listed(compact=compact).where(_c.id == session_id))
        return listed(found[0])


@cache
def select_listed(*, compact: bool = False) -> Select[Any]:
    """Sessions with the begin of what the user first said."""
    columns = [each for each in sessions.columns if not (compact and each.name == "system_prompt")]
    text = case(
        (messages.c.content_format.is_(None), func.substr(messages.c.content, 1, 200)), else_=""
    )
    said = (
        select(text)
        .where(
            messages.c.session_id == _c.id,
            messages.c.role == "user",
            messages.c.content.is_not(None),
            messages.c.state.is_(None),
        )
        .order_by(messages.c.id)
        .limit(1)
        .correlate(sessions)
        .scalar_subquery()
    )
    return select(*columns, said.label("said"))


def listed(row: Row) -> Row:
    """A row of `select_listed` as Hermes' row of a list."""
    found = stored_session({"system_prompt": None, **row})
    if "system_prompt" not in row:
        del found["system_prompt"]
    text = " ".join((row["said"] or "").splitlines()).strip()
    found["preview"] = text[:_PREVIEW] + ("..." if len(text) > _PREVIEW else "")
    found["last_active"] = row["last_active"]
    return found


def _all(limit: int | None) -> int | None:
    return None if limit is None or limit < 0 else limit


def _distance(row: Row, wanted: str) -> int:
    ids = [str(row.get(name) or "").lower() for name in ("id", "_lineage_root_id")]
    if wanted in ids:
        return 0
    return 1 if any(each.startswith(wanted) for each in ids) else 2
