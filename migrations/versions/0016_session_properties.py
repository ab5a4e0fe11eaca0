"""What owners and gateways say of a session.

Why: owners put conversations away and pin them, agents return to a folder, a gateway looks for "the
session of this chat", and each program has facts of its own. They were kept beside the store, or in
`model_config`. `extra` holds what has no column.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from hermes_store.schema.additions import add_columns, drop_columns

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WITH_KEY = sa.text("key IS NOT NULL")


def new_columns() -> list[sa.Column[Any]]:
    time = sa.Double().with_variant(sa.REAL(), "sqlite")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return [
        sa.Column("archived", time),
        sa.Column("pinned", number, server_default=sa.text("0")),
        sa.Column("cwd", sa.Text()),
        sa.Column("key", sa.Text()),
        sa.Column("api_call_count", number, server_default=sa.text("0")),
        sa.Column("extra", sa.Text()),
    ]


def upgrade() -> None:
    add_columns("sessions", new_columns())
    op.create_index(
        "idx_sessions_key",
        "sessions",
        ["key", "started_at"],
        sqlite_where=WITH_KEY,
        postgresql_where=WITH_KEY,
    )


def downgrade() -> None:
    op.drop_index("idx_sessions_key", "sessions")
    drop_columns("sessions", [column.name for column in reversed(new_columns())])
