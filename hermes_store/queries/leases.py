"""Who alone may do something, until when. Each question and each change is one statement.

The time is read by the statement itself, so waiting for a lock takes nothing from a lease.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Double, Text, bindparam, case, delete, not_, or_, select, update

from hermes_store import values
from hermes_store.database.clock import Clock
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.database.upserts import Upsert, given
from hermes_store.models.stored import leases
from hermes_store.records import LeaseRecord
from hermes_store.search.triggers import require_all_stored

__all__ = ["acquire", "held", "holder", "refresh", "release"]

_NOW = Clock()
_EXPIRES_AT = _NOW + bindparam("seconds", type_=Double)
_HOLDER = bindparam("holder", type_=Text)
_NAMED = leases.c.name == bindparam("name", type_=Text)
_IS_HELD = leases.c.expires_at > _NOW
_IS_OWN = (_NAMED, leases.c.holder == _HOLDER, _IS_HELD)

_ACQUIRE = Statement(
    Upsert(
        leases,
        {
            "holder": given(leases).c.holder,
            "acquired_at": case((_IS_HELD, leases.c.acquired_at), else_=_NOW),
            "expires_at": _EXPIRES_AT,
        },
        where=or_(not_(_IS_HELD), leases.c.holder == given(leases).c.holder),
    ).values(name=bindparam("name"), holder=_HOLDER, acquired_at=_NOW, expires_at=_EXPIRES_AT)
)
_REFRESH = Statement(update(leases).where(*_IS_OWN).values(expires_at=_EXPIRES_AT))
_RELEASE = Statement(delete(leases).where(*_IS_OWN))
_WHO = Statement(select(leases.c.holder).where(_NAMED, _IS_HELD))
_COLUMNS = (leases.c.name, leases.c.holder, leases.c.acquired_at, leases.c.expires_at)
_ALL = Statement(
    select(*_COLUMNS, (leases.c.expires_at - _NOW).label("seconds_left"))
    .where(_IS_HELD)
    .order_by(leases.c.name)
)


def _run(statement: Statement, connection: OpenConnection, **parameters: Any) -> Any:
    return statement.run(connection, now=values.now(), **parameters)


def acquire(connection: OpenConnection, name: str, holder: str, seconds: float) -> bool:
    """Give a lease that is free to `holder`, or prolong it when `holder` has it."""
    given = {"name": name, "holder": holder, "seconds": seconds}
    if not _run(_ACQUIRE, connection, **given).rowcount:
        return False
    require_all_stored(connection, "the lease", 1, 1, lambda: _is_of(connection, name, holder))
    return True


def _is_of(connection: OpenConnection, name: str, who: str) -> int:
    return int(holder(connection, name) == who)


def refresh(connection: OpenConnection, name: str, holder: str, seconds: float) -> bool:
    """Prolong a lease that `holder` has."""
    given = {"name": name, "holder": holder, "seconds": seconds}
    return bool(_run(_REFRESH, connection, **given).rowcount)


def release(connection: OpenConnection, name: str, holder: str) -> bool:
    """Make a lease free that `holder` has."""
    return bool(_run(_RELEASE, connection, name=name, holder=holder).rowcount)


def holder(connection: OpenConnection, name: str) -> str | None:
    """Who has a lease now."""
    row = _run(_WHO, connection, name=name).fetchone()
    return None if row is None else cast("str", row[0])


def held(connection: OpenConnection) -> list[LeaseRecord]:
    """The leases that are held now, in the order of their names."""
    found: list[Any] = [
        dict(zip(LeaseRecord.__annotations__, row, strict=True))
        for row in _run(_ALL, connection).fetchall()
    ]
    return found
