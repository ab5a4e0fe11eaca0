"""When a session was last used.

Why: people look for what they worked on last, not for what they started last. Asked of the
messages, that order costs a pass over the whole file; kept on the session, it costs a page.
Old sessions get the time of their newest message, or of their start when they have none.

Going down loses nothing: the messages still say it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

EPOCH = sa.Double().with_variant(sa.REAL(), "sqlite")

FILL = """\
UPDATE sessions SET last_active = coalesce(
    (SELECT max(messages.timestamp) FROM messages WHERE messages.session_id = sessions.id),
    started_at
)"""


def upgrade() -> None:
    op.add_column("sessions", sa.Column("last_active", EPOCH))
    op.execute(FILL)
    op.create_index("idx_sessions_last_active", "sessions", [sa.text("last_active DESC")])


def downgrade() -> None:
    op.drop_index("idx_sessions_last_active", "sessions")
    op.drop_column("sessions", "last_active")
