"""What a session cost: step 5 of the original schema.

Why: cached and reasoning tokens are billed apart from the rest, and a price is only worth
something with where it came from. Going down loses these figures.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(postgresql.BIGINT(), "postgresql")
DOLLARS = sa.Double().with_variant(sa.REAL(), "sqlite")


def columns() -> dict[str, list[sa.Column]]:
    return {
        "sessions": [
            sa.Column("cache_read_tokens", WHOLE, server_default=sa.text("0")),
            sa.Column("cache_write_tokens", WHOLE, server_default=sa.text("0")),
            sa.Column("reasoning_tokens", WHOLE, server_default=sa.text("0")),
            sa.Column("billing_provider", sa.Text),
            sa.Column("billing_base_url", sa.Text),
            sa.Column("billing_mode", sa.Text),
            sa.Column("estimated_cost_usd", DOLLARS),
            sa.Column("actual_cost_usd", DOLLARS),
            sa.Column("cost_status", sa.Text),
            sa.Column("cost_source", sa.Text),
            sa.Column("pricing_version", sa.Text),
        ]
    }


def upgrade() -> None:
    for column in columns()["sessions"]:
        op.add_column("sessions", column)


def downgrade() -> None:
    for column in reversed(columns()["sessions"]):
        op.drop_column("sessions", column.name)
