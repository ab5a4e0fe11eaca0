"""What a session's parent is to it.

Why: a parent can be the part of a conversation that was compressed, the conversation that was
branched off, the agent that delegated, or the one before a reset. Lists, resume and deletion treat
them differently, and had to guess from reasons of an end.
"""

import sqlalchemy as sa

from hermes_store.schema.additions import add_columns, drop_columns

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_columns("sessions", [sa.Column("link", sa.Text())])


def downgrade() -> None:
    drop_columns("sessions", ["link"])
