"""The page `/usage`: what models used, as bars and as a table; and the same as CSV."""

from __future__ import annotations

import time
from typing import Any, NamedTuple, cast, get_args

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from hermes_store import SessionFilter, SessionRepository
from hermes_store.charts.csv_text import csv_text
from hermes_store.charts.series import IN_TIME, MEASURES, Measure, chart_of, group_name
from hermes_store.charts.svg import svg
from hermes_store.queries.usage_records import COSTS, COUNTS
from hermes_store.records import UsageBy, UsageSum
from hermes_store.values.written import count, lasted, when
from hermes_store.web.asked import CHOOSING, one_of, parameters, session_filter
from hermes_store.web.listing import title
from hermes_store.web.rendering import address, render
from hermes_store.web.titles import titles_near

__all__ = ["longest", "page", "table"]

_BY = tuple(by for by in get_args(UsageBy) if by != "tool")
"""Tools are counted from all messages, which takes longer than a page may."""
_DAYS = ("30", "7", "90", "365", "all")
_SECONDS_A_DAY = 86_400
_LONGEST = 50
_MOST_ROWS = 200
_MOST_RECORDS = 10_000
"""Records that a page sums up, unless it is asked for all: the session of each is looked up."""
_MOST_IN_TIME = 50_000
"""The same by days, weeks and months of all sessions: they are read in their order."""
_MOST_TITLED = 4_000
"""The same where words of titles are asked for: these are compared."""


class Asked(NamedTuple):
    """What the address asks for."""

    given: dict[str, str]
    which: SessionFilter
    by: UsageBy
    measure: Measure
    days: str
    records: str

    def since(self) -> float | None:
        """When the days begin; None is always."""
        return None if self.days == "all" else time.time() - int(self.days) * _SECONDS_A_DAY

    def newest_since(self, repository: SessionRepository) -> float | None:
        """Since when records are summed up, where earlier ones of the days are not."""
        most = self._most_records()
        if most is None:
            return None
        newest, since = repository.newest_usage_since(most), self.since()
        return newest if newest is not None and (since is None or since < newest) else None

    def _most_records(self) -> int | None:
        """How many of the newest records are summed up; None is all of the days."""
        if self.records == "all":
            return None
        if self.which.title:
            return _MOST_TITLED
        is_of_all = self.by in IN_TIME and not self.which.given
        return _MOST_IN_TIME if is_of_all else _MOST_RECORDS

    def rows(
        self,
        repository: SessionRepository,
        newest_since: float | None = None,
        most: int | None = None,
    ) -> list[UsageSum]:
        """The report; of days, weeks and months at most so many."""
        since = self.since() if newest_since is None else newest_since
        last = most if self.by in IN_TIME else None
        return repository.usage_report(self.by, self.which, timezone=None, since=since, last=last)

    def shown(self, rows: list[UsageSum]) -> list[UsageSum]:
        """The rows of the table: the last periods, or the groups with the most tokens."""
        return rows[-_MOST_ROWS:] if self.by in IN_TIME else rows[:_MOST_ROWS]

    def left_out(self, number: int, noun: str) -> str:
        """What is not shown: of times it is not counted, because they are not read."""
        if not number:
            return ""
        return f"Earlier {self.by}s" if self.by in IN_TIME else count(number, noun)


def page(request: Request) -> Response:
    """Show usage: of all sessions, unless the address chooses some."""
    asked = _asked(request)
    repository = request.app.state.repository
    newest_since = asked.newest_since(repository)
    rows = asked.rows(repository, newest_since, _MOST_ROWS + 1)
    chart = chart_of(rows, asked.by, asked.measure, None)
    drawn = svg(chart, has_style=False).decode().partition("?>")[2] if rows else ""
    return HTMLResponse(
        render(
            "usage.html",
            given=asked.given,
            choices=_choices(asked),
            newest_since=newest_since and when(newest_since),
            whole=address("/usage", **{**asked.given, "records": "all"}),
            svg=Markup(drawn),  # noqa: S704 - an XML library has written it: texts are escaped
            left_out=asked.left_out(chart.left_out, "group"),
            rows=[_row(asked.by, row) for row in asked.shown(rows)],
            rows_left_out=asked.left_out(len(rows[_MOST_ROWS:]), "row"),
            csv=address("/usage.csv", **asked.given),
            longest=address("/usage/longest", **_of_sessions(asked.given)),
        )
    )


def longest(request: Request) -> Response:
    """List the sessions that lasted longest: a page of its own, because it looks at all of them."""
    given = {"archived": "any", **parameters(request, *CHOOSING, "look")}
    repository = request.app.state.repository
    near = titles_near(repository, given)
    found = repository.longest_sessions(_LONGEST, filter=near.which)
    return HTMLResponse(
        render(
            "longest.html",
            given=given,
            sessions=[_session(each) for each in found],
            looked_at=when(near.since),
            everything=address("/usage/longest", **given | {"look": "all"}),
            back=address("/usage", **_of_sessions(given)),
        )
    )


def table(request: Request) -> Response:
    """Answer with the rows as CSV."""
    asked = _asked(request)
    rows = asked.rows(request.app.state.repository)
    text = csv_text(rows, ("group", "sessions", *COUNTS, *COSTS))
    headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
    return PlainTextResponse(text, media_type="text/csv", headers=headers)


def _asked(request: Request) -> Asked:
    given = {"archived": "any", **parameters(request, *CHOOSING, "by", "of", "days", "records")}
    return Asked(
        given,
        session_filter(given),
        cast("UsageBy", one_of(given, "by", *_BY)),
        cast("Measure", one_of(given, "of", *MEASURES)),
        one_of(given, "days", *_DAYS),
        one_of(given, "records", "newest", "all"),
    )


def _choices(asked: Asked) -> list[dict[str, Any]]:
    """What a reader can choose besides sessions, and what is chosen."""
    return [
        {"name": "by", "label": "Summed up by", "values": _BY, "chosen": asked.by},
        {"name": "of", "label": "Bars of", "values": MEASURES, "chosen": asked.measure},
        {"name": "days", "label": "Of the last days", "values": _DAYS, "chosen": asked.days},
    ]


def _of_sessions(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name in CHOOSING}


def _row(by: UsageBy, row: UsageSum) -> dict[str, Any]:
    return {**row, "group": group_name(by, row["group"])}


def _session(session: Any) -> dict[str, Any]:
    length = lasted(session["started_at"], session["last_active"])
    return {
        "id": session["id"],
        "title": title(session),
        "facts": f"{when(session['started_at'])} · {length}",
        "estimated": session["estimated_cost_usd"],
        "actual": session["actual_cost_usd"],
    }
