"""What the model thought: step 6 of the original schema.

Why: some providers refuse the next turn unless their reasoning is replayed as it was sent.
Going down loses it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def columns() -> dict[str, list[sa.Column]]:
    return {
        "messages": [
            sa.Column("reasoning", sa.Text),
            sa.Column("reasoning_details", sa.Text),
            sa.Column("codex_reasoning_items", sa.Text),
        ]
    }


def upgrade() -> None:
    for column in columns()["messages"]:
        op.add_column("messages", column)


def downgrade() -> None:
    for column in reversed(columns()["messages"]):
        op.drop_column("messages", column.name)
