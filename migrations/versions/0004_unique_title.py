"""A title names one session: step 4 of the original schema.

Why: resuming by title must find one session. Between steps 3 and 4 nothing stopped two sessions
from taking the same title, and then the original could never be opened again: here the oldest
keeps it and later ones become "title #2", "title #3", … as a continued session would be named.

Going down drops the rule; titles stay as they are.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SESSIONS = sa.table(
    "sessions", *(sa.column(name) for name in ("rowid", "id", "title", "started_at"))
)
NUMBERED = re.compile(r"^(.*?) #\d+$", re.DOTALL)


def columns() -> dict[str, list[sa.Column]]:
    return {}


def number_equal_titles(connection: sa.Connection) -> None:
    """Give every session but the oldest of its title the next free "title #N"."""
    taken = set(connection.scalars(sa.select(SESSIONS.c.title)))
    numbers: dict[str, int] = {}
    for key, title in _later_ones(connection):
        match = NUMBERED.match(title)
        base = match[1] if match else title
        number = numbers.get(base, 2)
        while f"{base} #{number}" in taken:
            number += 1
        numbers[base] = number + 1
        statement = SESSIONS.update().where(_key(connection) == key)
        connection.execute(statement.values(title=f"{base} #{number}"))


def _key(connection: sa.Connection) -> sa.ColumnClause:
    """SQLite lets a legacy id be NULL, so there a row is known by its rowid."""
    return SESSIONS.c.rowid if connection.dialect.name == "sqlite" else SESSIONS.c.id


def _later_ones(connection: sa.Connection) -> list[tuple[object, str]]:
    key, title, started_at = _key(connection), SESSIONS.c.title, SESSIONS.c.started_at
    place = sa.func.row_number().over(partition_by=title, order_by=(started_at, key))
    numbered = sa.select(key.label("key"), title, place.label("place")).where(title.is_not(None))
    each = numbered.subquery().c
    statement = sa.select(each.key, each.title).where(each.place > 1)
    rows = connection.execute(statement.order_by(each.title, each.place))
    return [(found, text) for found, text in rows]


def create_title_index() -> None:
    op.create_index(
        "idx_sessions_title_unique",
        "sessions",
        ["title"],
        unique=True,
        sqlite_where=sa.text("title IS NOT NULL"),  # as the original; NULLs are distinct anyway
    )


def upgrade() -> None:
    if not op.get_context().as_sql:  # a script for a new database meets no titles
        number_equal_titles(op.get_bind())
    create_title_index()


def downgrade() -> None:
    op.drop_index("idx_sessions_title_unique", "sessions")
