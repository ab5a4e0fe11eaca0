"""A title for each session: step 3 of the original schema.

Why: people look for "the deploy script", not for 20260315_104502_ab12. Going down loses the titles.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def columns() -> dict[str, list[sa.Column]]:
    return {"sessions": [sa.Column("title", sa.Text)]}


def upgrade() -> None:
    for column in columns()["sessions"]:
        op.add_column("sessions", column)


def downgrade() -> None:
    op.drop_column("sessions", "title")
