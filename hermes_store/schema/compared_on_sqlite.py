"""Compare the triggers, views and search tables of SQLite with those that the revisions make."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Connection

from hermes_store.database.sql_text import canonical
from hermes_store.schema.names import is_raw
from hermes_store.schema.raw_ddl import RawDDLOp
from hermes_store.search.ddl import HEAD_DDL

__all__ = ["compare_on_sqlite", "head_objects"]

log = logging.getLogger(__name__)

_SHADOW_TABLE = re.compile(r"_(data|idx|content|docsize|config)$")


@dataclass(frozen=True)
class _Object:
    type: str
    name: str
    sql: str

    @property
    def drop(self) -> str:
        return f"DROP {self.type.upper()} {self.name}"

    @property
    def is_search_table(self) -> bool:
        return canonical(self.sql).startswith("create virtual table")

    @property
    def rebuild(self) -> str:
        return f"INSERT INTO {self.name}({self.name}) VALUES('rebuild')"


def head_objects() -> dict[str, _Object]:
    """What the revisions make by raw DDL, in the order in which it can be created."""
    return {
        name: _Object(canonical(sql).split()[1].replace("virtual", "table"), name, sql)
        for name, sql in HEAD_DDL.items()
    }


def compare_on_sqlite(
    context: AutogenContext, upgrade_ops: ops.UpgradeOps, _schemas: Iterable[str | None]
) -> PriorityDispatchResult:
    """Add what differs to the draft: what is missing, changed or left over."""
    assert context.connection is not None
    wanted = head_objects()
    found = _found_objects(context.connection, wanted)
    same = {
        name
        for name, each in wanted.items()
        if name in found and canonical(found[name].sql) == canonical(each.sql)
    }
    rebuilds = [wanted[name].rebuild for name in same if wanted[name].is_search_table]
    differences = [
        *_drops(wanted, found, same, rebuilds),
        *_creates(wanted, found, same, rebuilds),
    ]
    for each in differences:
        log.info("Detected %s %s", each.what, each.name)
    upgrade_ops.ops += differences
    return PriorityDispatchResult.CONTINUE


def _found_objects(connection: Connection, wanted: Mapping[str, _Object]) -> dict[str, _Object]:
    rows = connection.exec_driver_sql(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'view', 'trigger')"
    )
    found = {name: _Object(type_, name, sql) for type_, name, sql in rows}
    return {
        name: each
        for name, each in found.items()
        if name in wanted or (is_raw(name) and not _is_shadow(each, found))
    }


def _is_shadow(each: _Object, found: Mapping[str, _Object]) -> bool:
    """Whether SQLite keeps this table for a search table."""
    owner = _SHADOW_TABLE.sub("", each.name)
    return owner != each.name and owner in found and found[owner].is_search_table


def _drops(
    wanted: Mapping[str, _Object],
    found: Mapping[str, _Object],
    same: set[str],
    rebuilds: list[str],
) -> Iterator[RawDDLOp]:
    """Views first, then triggers, then tables: SQLite looks into neither before it is used."""
    order = {name: place for place, name in enumerate(wanted)}
    gone = [each for each in found.values() if each.name not in same]
    for each in sorted(gone, key=lambda each: (each.type, order.get(each.name, 0)), reverse=True):
        what = "changed" if each.name in wanted else "removed"
        undo = [each.sql, *_filling(each, rebuilds)]
        yield RawDDLOp(f"drop_{what}_{each.type}", each.name, [each.drop], undo)


def _creates(
    wanted: Mapping[str, _Object],
    found: Mapping[str, _Object],
    same: set[str],
    rebuilds: list[str],
) -> Iterator[RawDDLOp]:
    for each in wanted.values():
        if each.name not in same:
            what = "changed" if each.name in found else "missing"
            do = [each.sql, *_filling(each, rebuilds)]
            yield RawDDLOp(f"create_{what}_{each.type}", each.name, do, [each.drop])


def _filling(each: _Object, rebuilds: list[str]) -> list[str]:
    """A new search table is empty; one over a new view holds what the old view said."""
    if each.is_search_table:
        return [each.rebuild]
    return rebuilds if each.type == "view" else []
