"""What a program keeps beside its sessions, under keys of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, bindparam, cast, delete, literal_column, select

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.database.upserts import Upsert, given
from hermes_store.models.stored import meta
from hermes_store.queries.sessions import id_range
from hermes_store.search.triggers import require_all_stored

__all__ = ["delete_one", "get", "items", "put"]

_NAMED = meta.c.key == bindparam("key", type_=Text)
_PUT = Statement(Upsert(meta, {"value": given(meta).c.value}), columns=("key", "value"))
_VALUE = cast(meta.c.value, Text)  # another program may have stored bytes
_GET = Statement(select(_VALUE).where(_NAMED))
_EXISTS = Statement(select(literal_column("1")).where(_NAMED))
_DELETE = Statement(delete(meta).where(_NAMED))
_ALL = Statement(select(cast(meta.c.key, Text), _VALUE).order_by(meta.c.key))
_WITH_PREFIX = Statement(
    select(meta.c.key, _VALUE)
    .where(meta.c.key >= bindparam("first"), meta.c.key < bindparam("beyond"))
    .order_by(meta.c.key)
)


def put(connection: OpenConnection, key: str, value: str | None) -> None:
    """Store JSON under a key, in place of what is there."""
    stored = _PUT.run(connection, key=key, value=value).rowcount
    require_all_stored(
        connection, f"the value of {key!r}", stored, 1, lambda: _is_there(connection, key)
    )


def _is_there(connection: OpenConnection, key: str) -> int:
    return int(_EXISTS.run(connection, key=key).fetchone() is not None)


def get(connection: OpenConnection, key: str, default: Any) -> Any:
    """The value of a key; `default` when there is none."""
    row = _GET.run(connection, key=key).fetchone()
    return default if row is None else _decoded(row[0])


def delete_one(connection: OpenConnection, key: str) -> bool:
    """Delete a key; return whether it was there."""
    return bool(_DELETE.run(connection, key=key).rowcount)


def items(connection: OpenConnection, prefix: str) -> list[tuple[str, Any]]:
    """The keys that begin so, with their values, in the order of the keys."""
    if prefix:
        rows = _WITH_PREFIX.run(connection, **id_range(prefix)).fetchall()
    else:
        rows = _ALL.run(connection).fetchall()
    return [(key, _decoded(value)) for key, value in rows]


def _decoded(stored: str | None) -> Any:
    return None if stored is None else values.decode_json(stored)
