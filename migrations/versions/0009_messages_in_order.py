"""Messages of a session in the order they were written.

Why: clocks step back, and then a tool's result came before its call and providers refused the
conversation. The order is `id`; the index now gives it without sorting.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("idx_messages_session", "messages")
    op.create_index("idx_messages_session", "messages", ["session_id", "id"])


def downgrade() -> None:
    op.drop_index("idx_messages_session", "messages")
    op.create_index("idx_messages_session", "messages", ["session_id", "timestamp"])
