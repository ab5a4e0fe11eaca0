"""Sessions, messages and full-text search: step 1 of the original schema.

Why: a conversation outlives the process that held it. A session is one run of an agent, a
message one thing said in it, and the index finds what was said. The original kept one JSONL
file per session, which could be neither listed nor searched.

Ids compare byte by byte on PostgreSQL too ("C" collation), as on SQLite, so that a prefix is a
range of the index. The full-text table and its triggers exist on SQLite only.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
EPOCH = sa.Double().with_variant(sa.REAL(), "sqlite")
WHOLE = sa.Integer().with_variant(postgresql.BIGINT(), "postgresql")

INDEXES = {
    "idx_sessions_source": ("sessions", ["source"]),
    "idx_sessions_parent": ("sessions", ["parent_session_id"]),
    "idx_sessions_started": ("sessions", [sa.text("started_at DESC")]),
    "idx_messages_session": ("messages", ["session_id", "timestamp"]),
}

MESSAGES_FTS = """\
CREATE VIRTUAL TABLE messages_fts USING fts5(
    content,
    content=messages,
    content_rowid=id
)"""

TRIGGERS = {
    "messages_fts_insert": """\
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts(rowid, content) VALUES (new.id, new.content);
END""",
    "messages_fts_delete": """\
CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content) VALUES('delete', old.id, old.content);
END""",
    "messages_fts_update": """\
CREATE TRIGGER messages_fts_update AFTER UPDATE ON messages BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content) VALUES('delete', old.id, old.content);
    INSERT INTO messages_fts(rowid, content) VALUES (new.id, new.content);
END""",
}


def columns() -> dict[str, list[sa.Column]]:
    return {
        "sessions": [
            sa.Column("id", ID, nullable=False),
            sa.Column("source", sa.Text, nullable=False),
            sa.Column("user_id", sa.Text),
            sa.Column("model", sa.Text),
            sa.Column("model_config", sa.Text),
            sa.Column("system_prompt", sa.Text),
            sa.Column("parent_session_id", ID),
            sa.Column("started_at", EPOCH, nullable=False),
            sa.Column("ended_at", EPOCH),
            sa.Column("end_reason", sa.Text),
            sa.Column("message_count", WHOLE, server_default=sa.text("0")),
            sa.Column("tool_call_count", WHOLE, server_default=sa.text("0")),
            sa.Column("input_tokens", WHOLE, server_default=sa.text("0")),
            sa.Column("output_tokens", WHOLE, server_default=sa.text("0")),
        ],
        "messages": [
            sa.Column("id", WHOLE, sa.Identity(), nullable=False),
            sa.Column("session_id", ID, nullable=False),
            sa.Column("role", sa.Text, nullable=False),
            sa.Column("content", sa.Text),
            sa.Column("tool_call_id", sa.Text),
            sa.Column("tool_calls", sa.Text),
            sa.Column("tool_name", sa.Text),
            sa.Column("timestamp", EPOCH, nullable=False),
            sa.Column("token_count", WHOLE),
        ],
    }


def create_sessions() -> None:
    op.create_table(
        "sessions",
        *columns()["sessions"],
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["parent_session_id"], ["sessions.id"], name="fk_sessions_parent_session_id_sessions"
        ),
    )


def create_messages() -> None:
    op.create_table(
        "messages",
        *columns()["messages"],
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_messages_session_id_sessions"
        ),
        sqlite_autoincrement=True,
    )


def create_indexes(names: list[str]) -> None:
    for name in names:
        table, expressions = INDEXES[name]
        op.create_index(name, table, expressions)


def create_search() -> None:
    op.execute(MESSAGES_FTS)
    for trigger in TRIGGERS.values():
        op.execute(trigger)


def upgrade() -> None:
    create_sessions()
    create_messages()
    create_indexes(list(INDEXES))
    if op.get_context().dialect.name == "sqlite":
        create_search()


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        for name in reversed(TRIGGERS):
            op.execute(f"DROP TRIGGER {name}")
        op.execute("DROP TABLE messages_fts")
    op.drop_table("messages")
    op.drop_table("sessions")
