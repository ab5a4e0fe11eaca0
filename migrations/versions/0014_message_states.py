"""A message can be set aside without being lost.

Why: agents compact a long conversation, and users take back what they said. Such messages had to be
deleted, or stayed in every reader's way. `state` NULL is live, `compacted` was summarised away and
stays findable, `rewound` was taken back and is hidden unless somebody asks for it.

The index of a session's messages says their state, too. Without that every reader of the live ones
looked up each message that was set aside: a list took 8 ms longer for 20,000 of them, now 1 ms.

An `external_id` is unique among the live messages of a session: what was compacted may be stored
again. Going down keeps every message, and all of them are live, and counted, again.
"""

import sqlalchemy as sa
from alembic import op

from hermes_store.schema.additions import add_columns, drop_columns

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NAME = "idx_messages_external_id"
COLUMNS = ["session_id", "external_id"]
NAMED = sa.text("external_id IS NOT NULL")
NAMED_AND_LIVE = sa.text("external_id IS NOT NULL AND state IS NULL")
FORGET_REPEATED = """\
UPDATE messages SET external_id = NULL WHERE state IS NOT NULL AND external_id IS NOT NULL"""
COUNT_ALL = """\
UPDATE sessions SET message_count =
    (SELECT count(*) FROM messages WHERE messages.session_id = sessions.id)
WHERE id IN (SELECT session_id FROM messages WHERE state IS NOT NULL)"""
IN_ORDER = "idx_messages_session"
REWOUND = sa.text("state = 'rewound'")


def in_order(*columns: str) -> None:
    op.drop_index(IN_ORDER, "messages")
    op.create_index(IN_ORDER, "messages", list(columns))


def index(condition: sa.TextClause) -> None:
    op.create_index(
        NAME,
        "messages",
        COLUMNS,
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def upgrade() -> None:
    add_columns("messages", [sa.Column("state", sa.Text())])
    in_order("session_id", "id", "state")
    op.drop_index(NAME, "messages")
    index(NAMED_AND_LIVE)
    # With the state in it, SQLite reads this short index alone; else it would read a longer one.
    op.create_index(
        "idx_messages_rewound",
        "messages",
        ["state", "id"],
        sqlite_where=REWOUND,
        postgresql_where=REWOUND,
    )


def downgrade() -> None:
    op.execute(COUNT_ALL)
    op.execute(FORGET_REPEATED)
    op.drop_index("idx_messages_rewound", "messages")
    op.drop_index(NAME, "messages")
    index(NAMED)
    in_order("session_id", "id")
    drop_columns("messages", ["state"])
