"""Why a model stopped: step 2 of the original schema.

Why: an answer cut off by the length limit looks like any other; `finish_reason` tells them apart.
Going down loses the reasons.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def columns() -> dict[str, list[sa.Column]]:
    return {"messages": [sa.Column("finish_reason", sa.Text)]}


def upgrade() -> None:
    for column in columns()["messages"]:
        op.add_column("messages", column)


def downgrade() -> None:
    op.drop_column("messages", "finish_reason")
