"""The newest messages wait until there are 32, and enter the search index of SQLite together.

Why: half of an append went into FTS5, which writes a piece of its index for every transaction. One
piece for 32 messages takes a third of that, an agent's append half as long, and a search meets
fewer pieces. `search_index.indexed_upto` says up to which id messages are in the index. A search
indexes those that wait before it looks. A message waits if `may_wait` says so, as the store
does of those that follow each other quickly: what other tools insert is in the index at once.

What FTS5 takes for its content, `messages_search`, has only what is in the index: so its own checks
and its `rebuild` agree. The texts of all messages are the view `messages_text`, which is what
`messages_search` was.
"""

# ruff: noqa: S608 - these statements are put together from constants

import importlib.util
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DatabaseError

from hermes_store.schema.additions import add_columns, drop_columns

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UPTO = "coalesce((SELECT indexed_upto FROM search_index), 9223372036854775807)"
MESSAGES_SEARCH = f"""\
CREATE VIEW messages_search AS
SELECT id, content, tool_name, tool_calls, forms FROM messages_text
WHERE id <= {UPTO}"""

CHANGED = """\
(old.id, old.content, old.content_format, old.tool_name, old.tool_calls, old.folded)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls, new.folded)"""
COLUMNS = "id, content, content_format, tool_name, tool_calls, folded"
INSERT = """\
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
    SELECT id, content, tool_name, tool_calls, forms FROM messages_text"""
DELETE = """\
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls, forms)
    SELECT 'delete', id, content, tool_name, tool_calls, forms
    FROM messages_text WHERE id = old.id;"""

TRIGGERS = {
    "messages_fts_insert": f"""\
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages
WHEN new.may_wait IS NULL
    OR new.id - {UPTO} NOT BETWEEN 1 AND 31
BEGIN
{INSERT}
    WHERE id BETWEEN min(new.id, 1 + {UPTO}) AND new.id;
    UPDATE search_index SET indexed_upto = new.id WHERE indexed_upto < new.id;
END""",
    "messages_fts_delete": f"""\
CREATE TRIGGER messages_fts_delete BEFORE DELETE ON messages
WHEN EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
{DELETE}
END""",
    "messages_fts_update_before": f"""\
CREATE TRIGGER messages_fts_update_before
BEFORE UPDATE OF {COLUMNS} ON messages
WHEN {CHANGED}
    AND EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
{DELETE}
END""",
    "messages_fts_update_after": f"""\
CREATE TRIGGER messages_fts_update_after
AFTER UPDATE OF {COLUMNS} ON messages
WHEN {CHANGED}
BEGIN
    UPDATE messages SET folded = NULL
    WHERE id = new.id AND folded IS NOT NULL AND old.folded IS new.folded
        AND (old.id, old.content, old.content_format, old.tool_name, old.tool_calls)
            IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls);
{INSERT}
    WHERE id = new.id AND id <= {UPTO}
    AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = new.id);
END""",
}

SET_ASIDE = f"""\
SELECT EXISTS (SELECT 1 FROM search_index WHERE state = 'damaged') OR {len(TRIGGERS)} > (
    SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN {tuple(TRIGGERS)}
)"""

STATE = """\
CREATE TABLE IF NOT EXISTS search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL CHECK (state IN ('ready', 'incomplete', 'damaged')),
    detail TEXT NOT NULL DEFAULT '',
    changed_at REAL NOT NULL,
    owner TEXT,
    owned_until REAL{}
)"""
"""Where another tool has dropped it, the state is not recorded, until a reindex."""
UPTO_COLUMN = "indexed_upto INTEGER NOT NULL DEFAULT 0"

UPTO_THE_NEWEST = """\
UPDATE search_index SET indexed_upto = (SELECT coalesce(max(id), 0) FROM messages)"""


def of_0012(name: str):
    """A constant of the revision that made the view and the triggers as they were until here."""
    path = Path(__file__).with_name("0012_every_text_found.py")
    spec = importlib.util.spec_from_file_location("revision_0012", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def messages_text() -> str:
    """The view of all texts: what `messages_search` was."""
    return of_0012("MESSAGES_SEARCH").replace(
        "CREATE VIEW messages_search(", "CREATE VIEW messages_text("
    )


def replace(views: list[str], triggers: dict[str, str]) -> None:
    """Put views and triggers in place of those that are there.

    An index that is set aside, because it is damaged, has no triggers, and gets none.
    """
    set_aside = is_set_aside()
    for name in TRIGGERS:
        run(f"DROP TRIGGER IF EXISTS {name}")
    run("DROP VIEW IF EXISTS messages_search")
    for statement in (*views, *(() if set_aside else triggers.values())):
        run(statement)


def run(statement: str) -> None:
    op.execute(statement.replace(":", r"\:"))  # else it is a parameter


def is_set_aside() -> bool:
    """Whether the index is damaged, or misses messages because a trigger is missing."""
    return not op.get_context().as_sql and bool(op.get_bind().scalar(sa.text(SET_ASIDE)))


def upgrade() -> None:
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    add_columns("messages", [sa.Column("may_wait", whole)])
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute(STATE.format(""))
    op.execute(f"ALTER TABLE search_index ADD COLUMN {UPTO_COLUMN}")
    op.execute(UPTO_THE_NEWEST)
    replace([messages_text(), MESSAGES_SEARCH], TRIGGERS)


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute(STATE.format(f",\n    {UPTO_COLUMN}"))
        if not is_set_aside():
            index_those_that_wait()
        replace([of_0012("MESSAGES_SEARCH")], of_0012("TRIGGERS"))
        op.execute("DROP VIEW IF EXISTS messages_text")
        op.execute("ALTER TABLE search_index DROP COLUMN indexed_upto")
    drop_columns("messages", ["may_wait"])


def index_those_that_wait() -> None:
    """Where that fails, the index is set aside."""
    waiting = f"{INSERT} WHERE id > {UPTO}"
    if op.get_context().as_sql:
        run(waiting)
        return
    try:
        with op.get_bind().begin_nested():
            run(waiting)
    except DatabaseError:
        run("UPDATE search_index SET state = 'damaged', detail = 'the newest are not in it'")
