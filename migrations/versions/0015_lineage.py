"""What a session's parent is to it.

Why: a parent can be the part of a conversation that was compressed, the conversation that was
branched off, the agent that delegated, or the one before a reset. Lists, resume and deletion treat
them differently, and had to guess from reasons of an end.

Of old rows it is derived. A marker in `model_config` tells, where it names the parent: a session
that continues another inherits that one's marker, which names somebody else then. Otherwise the
parent's end tells, if the session began after it: a delegate begins before. What neither tells
stays NULL. Going down forgets the links.
"""

import sqlalchemy as sa
from alembic import op

from hermes_store.schema.additions import add_columns, drop_columns

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

IS_PART = sa.text("link = 'compression'")
MARKERS = {"delegate": "_delegate_from", "branch": "_branched_from", "reset": "_reset_from"}

# What a marker names. Other tools stored texts that are not JSON; PostgreSQL would refuse them.
NAMED = {
    "sqlite": "CASE WHEN json_valid(model_config) THEN json_extract(model_config, '$.{}') END",
    "postgresql": """substring(model_config from '"{}"\\s*:\\s*"([^"]*)"') COLLATE "C\"""",
}
DERIVE = """\
UPDATE sessions SET link = CASE {by_marker}
ELSE (
  SELECT CASE
    WHEN ended.end_reason = 'compression' THEN 'compression'
    WHEN ended.end_reason = 'branched' THEN 'branch'
    ELSE 'reset' END
  FROM sessions AS ended
  WHERE ended.id = sessions.parent_session_id AND sessions.started_at >= ended.ended_at
  AND ended.end_reason IN ('compression', 'branched', 'reset', 'session_reset', 'session_switch',
    'idle', 'daily', 'suspended', 'resume_pending_expired')
) END
WHERE parent_session_id IS NOT NULL"""


def derived(dialect: str) -> str:
    """The statement that fills the links."""
    named = NAMED[dialect]
    by_marker = " ".join(
        f"WHEN model_config LIKE '%{marker}%' AND {named.format(marker)} = parent_session_id "
        f"THEN '{link}'"
        for link, marker in MARKERS.items()
    )
    return DERIVE.format(by_marker=by_marker)


def upgrade() -> None:
    add_columns("sessions", [sa.Column("link", sa.Text())])
    op.execute(derived(op.get_context().dialect.name))
    op.create_index(
        "idx_sessions_continued",
        "sessions",
        ["parent_session_id", "started_at", "id"],
        sqlite_where=IS_PART,
        postgresql_where=IS_PART,
    )


def downgrade() -> None:
    op.drop_index("idx_sessions_continued", "sessions")
    drop_columns("sessions", ["link"])
