"""Every field of a message is kept.

Why: a provider's message has keys that nobody foresaw (`refusal`, `annotations`,
`reasoning_content`), several people speak as `user`, and platforms give messages ids of their own.
Messages with such keys were refused, or lost them. `extra` holds what has no column, `name` says
who speaks, and a message whose `external_id` its session has already is not stored twice.

Titles get one normal form (NFC): two that look the same are the same. Where that form is taken, the
younger session gets the next number. The letters of a title are not split again on the way down.
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

from hermes_store.schema.additions import add_columns, drop_columns

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NEW = ["name", "external_id", "extra"]
TITLES = sa.text("SELECT id, title FROM sessions WHERE title IS NOT NULL ORDER BY started_at, id")
RENAME = sa.text("UPDATE sessions SET title = :title WHERE id = :id")


def upgrade() -> None:
    add_columns("messages", [sa.Column(name, sa.Text()) for name in NEW])
    named = sa.text("external_id IS NOT NULL")
    op.create_index(
        "idx_messages_external_id",
        "messages",
        ["session_id", "external_id"],
        unique=True,
        sqlite_where=named,
        postgresql_where=named,
    )
    if not op.get_context().as_sql:
        normalize_titles(op.get_bind())


def normalize_titles(connection: sa.Connection) -> None:
    rows = connection.execute(TITLES).all()
    taken = {title for _, title in rows}
    for session_id, title in rows:
        if not isinstance(title, str) or unicodedata.is_normalized("NFC", title):
            continue
        new = free(unicodedata.normalize("NFC", title), taken)
        taken.add(new)
        connection.execute(RENAME, {"id": session_id, "title": new})


def free(title: str, taken: set[str]) -> str:
    base, number = re.sub(r" #\d+$", "", title), 2
    while title in taken:
        title, number = f"{base} #{number}", number + 1
    return title


def downgrade() -> None:
    op.drop_index("idx_messages_external_id", "messages")
    drop_columns("messages", NEW[::-1])
