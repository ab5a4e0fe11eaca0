"""The search index on PostgreSQL as SQL: functions, a column, a trigger, an index, a view.

`messages.search` is a `tsvector` that a trigger makes of each message. It holds the same words as
the index on SQLite, each at its place. `to_tsvector` is not used: its parser takes `foo/bar.py`
and `user@host` for one word, and drops symbols and emoji. The trigger works whatever the
`search_path` is, so that a dump can be restored.
"""

# ruff: noqa: S608 - the SQL is of constants

from __future__ import annotations

from hermes_store.search.postgresql_functions import FUNCTIONS

__all__ = [
    "AS_FOUND",
    "DROPS",
    "HEAD_DDL",
    "INCOMPLETE",
    "INDEX",
    "MADE",
    "MISSING_OR_CORRUPT",
    "STATE",
    "TO_BE_FILLED",
    "TRIGGER",
]

INDEX = "idx_messages_search"

TRIGGER = "zz_messages_search"
"""PostgreSQL runs triggers in the order of their names: this one after those of other programs."""

MISSING_OR_CORRUPT = frozenset({"42P01", "42703", "42883", "XX002"})
"""SQLSTATE of errors: a table, a column or a function is missing, or an index is corrupt."""

STATE = """\
CREATE TABLE search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL CHECK (state IN ('ready', 'incomplete', 'damaged')),
    detail TEXT NOT NULL DEFAULT '',
    changed_at DOUBLE PRECISION NOT NULL,
    owner TEXT,
    owned_until DOUBLE PRECISION,
    filled BIGINT NOT NULL DEFAULT 0
)"""
"""Up to the id `filled`, the columns `folded` and `search` say what they shall."""

TO_BE_FILLED = "UPDATE search_index SET state = 'incomplete', detail = '', filled = 0"
"""Says that the messages which are there have to be indexed."""

INCOMPLETE = " "
"""A word that no text holds. In the vector of a message it says that some places are missing,
because a `tsvector` holds 255 places of a word and none beyond 16,383."""

_PLACES = {
    "content": "CASE WHEN content_format IS NULL THEN hermes_search_json(content)"
    " ELSE hermes_search_parts(content) END",
    "tool_name": "tool_name",
    "tool_calls": "hermes_search_calls(tool_calls)",
}


def _text_of(place: str) -> str:
    return f"coalesce(hermes_search_folded(folded, '{place}'), {_PLACES[place]})"


_VIEW = f"""
CREATE VIEW messages_search AS
SELECT id,
    {_text_of("content")} AS content,
    {_text_of("tool_name")} AS tool_name,
    {_text_of("tool_calls")} AS tool_calls,
    hermes_search_folded(folded, 'forms') AS forms
FROM messages"""

# The server binds the names in a body after RETURN when it makes the function.
_OF_MESSAGE = rf"""
CREATE FUNCTION hermes_search_of_message(
    content text, content_format text, tool_name text, tool_calls text, folded text
) RETURNS tsvector LANGUAGE sql IMMUTABLE
RETURN coalesce(hermes_search_vector(hermes_search_fold(
    coalesce({_text_of("content")}, '')
    || coalesce(E' \x1c ' || {_text_of("tool_name")}, '')
    || coalesce(E' \x1c ' || {_text_of("tool_calls")}, '')
    || coalesce(E' \x1c ' || hermes_search_folded(folded, 'forms'), ''))), '')"""

MADE = "hermes_search_of_message(content, content_format, tool_name, tool_calls, folded)"
"""What `search` of a message shall be: never NULL, which says that it is not indexed."""

_KEEP = r"""
CREATE FUNCTION hermes_search_keep() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    kept tsvector;
BEGIN
    IF TG_OP = 'INSERT' AND new.search IS NOT NULL THEN  -- words came along: of these texts?
        kept := ts_delete(new.search, ' ' || encode(sha256(convert_to(coalesce(new.content, '')
            || coalesce(E' \x1c ' || new.tool_name, '') || coalesce(E' \x1d ' || new.folded, ''),
            'UTF8')), 'hex'));
        IF length(kept) < length(new.search) AND new.content_format IS NULL
            AND new.tool_calls IS NULL
        THEN
            new.search := kept;
            RETURN new;
        END IF;
        new.search := NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND NOT new.folded IS DISTINCT FROM old.folded
        AND (old.content IS DISTINCT FROM new.content
            OR old.content_format IS DISTINCT FROM new.content_format
            OR old.tool_name IS DISTINCT FROM new.tool_name
            OR old.tool_calls IS DISTINCT FROM new.tool_calls)
    THEN
        new.folded := NULL;  -- another tool has changed a text
    END IF;
    IF TG_TABLE_SCHEMA = current_schema THEN
        new.search := hermes_search_of_message(
            new.content, new.content_format, new.tool_name, new.tool_calls, new.folded);
    ELSE  -- as where a dump is restored; planned for each row
        EXECUTE format('SELECT %I.hermes_search_of_message($1, $2, $3, $4, $5)', TG_TABLE_SCHEMA)
        INTO new.search
        USING new.content, new.content_format, new.tool_name, new.tool_calls, new.folded;
    END IF;
    RETURN new;
EXCEPTION WHEN undefined_function OR undefined_column THEN  -- searches and check() notice
    RETURN new;
END $$"""

_TRIGGER = f"""
CREATE TRIGGER {TRIGGER}
BEFORE INSERT OR UPDATE OF content, content_format, tool_name, tool_calls, folded ON messages
FOR EACH ROW EXECUTE FUNCTION hermes_search_keep()"""

AS_FOUND = f"{TRIGGER} {1 + 2 + 4 + 16} hermes_search_keep t t"
"""That trigger in the catalogue: for a row, before, at an insert and at an update, each time."""

HEAD_DDL = {
    **FUNCTIONS,
    "messages_search": _VIEW,
    "hermes_search_of_message": _OF_MESSAGE,
    "hermes_search_keep": _KEEP,
    "search": "ALTER TABLE messages ADD COLUMN search tsvector",
    TRIGGER: _TRIGGER,
    INDEX: f"CREATE INDEX {INDEX} ON messages USING gin (search)",
}
"""What the newest revision has made by raw DDL, in the order in which it can be created."""

_FUNCTIONS = [name for name in HEAD_DDL if name.startswith("hermes_search_")]

DROPS = (
    f"DROP TRIGGER IF EXISTS {TRIGGER} ON messages",
    "ALTER TABLE messages DROP COLUMN IF EXISTS search",
    "DROP VIEW IF EXISTS messages_search",
    *(f"DROP FUNCTION IF EXISTS {name}" for name in reversed(_FUNCTIONS)),
)
"""Statements that undo whatever of it is there; the index goes with its column."""
