"""Usage by model and task, facts of programs, and who alone may do something.

Why: the sums of a session do not tell which model or which auxiliary task cost what; programs kept
their settings and locks in files beside the store, where a killed process left them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBER = sa.Double().with_variant(sa.REAL(), "sqlite")
SUMMED = [
    "calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
]


def upgrade() -> None:
    keys = [
        sa.Column(name, ID, nullable=False, server_default=sa.text("''"))
        for name in ("task", "model", "provider", "base_url", "mode")
    ]
    sums = [sa.Column(name, WHOLE, nullable=False, server_default=sa.text("0")) for name in SUMMED]
    op.create_table(
        "usage",
        sa.Column("session_id", ID, nullable=False),
        sa.Column("hour", WHOLE, nullable=False),
        *keys,
        *sums,
        sa.Column("estimated_cost_usd", NUMBER),
        sa.Column("actual_cost_usd", NUMBER),
        sa.Column("first_at", NUMBER, nullable=False),
        sa.Column("last_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint(
            "session_id",
            "hour",
            "task",
            "model",
            "provider",
            "base_url",
            "mode",
            name="pk_usage",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            ondelete="CASCADE",
            name="fk_usage_session_id_sessions",
        ),
    )
    op.create_index("idx_usage_hour", "usage", ["hour"])
    op.create_table(
        "meta",
        sa.Column("key", ID, nullable=False),
        sa.Column("value", sa.Text()),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "leases",
        sa.Column("name", ID, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("acquired_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def downgrade() -> None:
    op.drop_table("leases")
    op.drop_table("meta")
    op.drop_table("usage")
