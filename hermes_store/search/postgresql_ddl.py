"""The search index on PostgreSQL as SQL: functions, a column, a trigger, an index, a view.

`messages.search` is a `tsvector` that a trigger makes of each message. It holds the same words as
the index on SQLite, each at its place. `to_tsvector` is not used: its parser takes `foo/bar.py`
and `user@host` for one word, and drops symbols and emoji. The functions need no extension and no
superuser. They work whatever the `search_path` is, so that a dump can be restored. A function that
catches errors is not PARALLEL SAFE: the server refuses that in a parallel plan.
"""

# ruff: noqa: S608, RUF001 - the SQL is of constants, and the letters are what they are

from __future__ import annotations

from hermes_store.search.alphabet import ACCENTS, APART, SEPARATORS
from hermes_store.search.ddl import LONGEST_TEXT, NOISE_KEYS

__all__ = [
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

_BETWEEN_WORDS = SEPARATORS.replace(
    r"\U00000000-\U0000002f", r"\U00000001-\U0000001b\U0000001d-\U0000002f"
)
"""Without U+001C, which stands between the texts of a message: no phrase reaches across it."""

_PARTS = rf"""
CREATE FUNCTION hermes_search_parts(content text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    pieces text[];
    key text := '';
    piece text;
    strings text[];
BEGIN
    PERFORM CAST(content AS json);
    -- Every quotation mark then begins or ends a string: strings are at the even places.
    pieces := string_to_array(replace(replace(replace(
        content, '\\', '\u005c'), '\u0000', ' '), '\"', '\u0022'), '"');
    FOR place IN 1 .. cardinality(pieces) / 2 LOOP
        piece := pieces[2 * place];
        IF ltrim(pieces[2 * place + 1]) LIKE ':%' THEN
            key := piece;
        ELSIF key NOT IN ({NOISE_KEYS}) AND piece NOT LIKE 'data:%'
            AND (length(piece) <= 512 OR strpos(piece, ' ') > 0 OR strpos(piece, '\n') > 0
                OR length(piece) < octet_length(piece))
        THEN
            IF strpos(piece, '\') > 0 THEN
                piece := CAST('["' || piece || '"]' AS json) ->> 0;
            END IF;
            strings := array_append(strings, piece);
        END IF;
    END LOOP;
    RETURN left(array_to_string(strings, E'\n'), {LONGEST_TEXT});
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN  -- no JSON, or too deep
    RETURN left(content, {LONGEST_TEXT});
END $$"""

_CALLS = rf"""
CREATE FUNCTION hermes_search_calls(calls text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    list json;
    call json;
    argument text;
    found text[];
BEGIN
    list := replace(replace(calls, '\\', '\u005c'), '\u0000', ' ');
    IF json_typeof(list) <> 'array' THEN
        list := json_build_array(list);
    END IF;
    FOR call IN SELECT value FROM json_array_elements(list) LOOP
        argument := coalesce(call #>> '{{function,arguments}}', call ->> 'arguments',
            call ->> 'input', CAST(call AS text));
        BEGIN
            PERFORM CAST(argument AS json);
            argument := translate(replace(replace(replace(replace(argument,
                '\\', '\u005c'), '\u0000', ' '), '\"', '\u0022'), '"', ''), E'\n\r\t', '   ');
            IF strpos(argument, '\') > 0 THEN
                argument := CAST('["' || argument || '"]' AS json) ->> 0;
            END IF;
        EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
            NULL;  -- arguments that are no JSON are searched as they are
        END;
        found := found || coalesce(call #>> '{{function,name}}', call ->> 'name') || argument;
    END LOOP;
    RETURN left(array_to_string(found, ' '), {LONGEST_TEXT});
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN left(calls, {LONGEST_TEXT});
END $$"""

_FOLD = rf"""
CREATE FUNCTION hermes_search_fold(typed text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text;
BEGIN
    IF octet_length(typed) = length(typed) THEN
        RETURN regexp_replace(lower(typed COLLATE "C"), '[^a-z0-9\x1c]+', ' ', 'g');
    END IF;
    folded := normalize(
        regexp_replace(normalize(typed, NFD), '([A-Za-z])[{ACCENTS}]+', '\1', 'g'), NFC);
    folded := lower(folded COLLATE "und-x-icu");
    IF folded ~ '[ςſµ]' THEN
        folded := translate(folded, 'ςſµ', 'σsμ');
    END IF;
    IF folded ~ '[{APART}]' THEN
        folded := regexp_replace(folded, '([{APART}])', ' \1 ', 'g');
    END IF;
    IF folded ~ '[{ACCENTS}]' THEN
        folded := regexp_replace(folded, '[{ACCENTS}]+', '', 'g');
    END IF;
    RETURN regexp_replace(folded, '[{_BETWEEN_WORDS}]+', ' ', 'g');
END $$"""

_VECTOR = r"""
CREATE FUNCTION hermes_search_vector(folded text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    vector tsvector;
    words bigint;
BEGIN
    SELECT CAST(string_agg('''' || left(word, 500) || ''':' || place, ' ') AS tsvector), count(*)
    INTO vector, words
    FROM string_to_table(folded, ' ') WITH ORDINALITY AS each(word, place)
    WHERE word NOT IN ('', E'\x1c');
    IF words > 16000 OR (words > 254 AND EXISTS (
        SELECT FROM unnest(vector) AS each WHERE cardinality(each.positions) > 254
    )) THEN
        RETURN vector || CAST(''' ''' AS tsvector);
    END IF;
    RETURN vector;
EXCEPTION WHEN program_limit_exceeded THEN  -- a tsvector ends at 1 MiB: leave the places out
    WHILE folded <> '' LOOP
        BEGIN
            SELECT CAST(string_agg(DISTINCT '''' || left(word, 500) || '''', ' ') AS tsvector)
            INTO vector
            FROM string_to_table(folded, ' ') AS word
            WHERE word NOT IN ('', E'\x1c');
            RETURN vector || CAST(''' ''' AS tsvector);
        EXCEPTION WHEN program_limit_exceeded THEN
            folded := left(folded, length(folded) * 3 / 4);
        END;
    END LOOP;
    RETURN vector;
END $$"""

_JSON = rf"""
CREATE FUNCTION hermes_search_json(content text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF content ~ '^[[{{"]' AND strpos(content, '\') > 0 THEN
        PERFORM CAST(content AS json);
        RETURN left(CAST('["' || translate(replace(replace(replace(replace(content,
            '\\', '\u005c'), '\u0000', ' '), '\"', '\u0022'), '"', ''), E'\n\r\t', '   ')
            || '"]' AS json) ->> 0, {LONGEST_TEXT});
    END IF;
    RETURN left(content, {LONGEST_TEXT});
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN  -- no JSON, or too deep
    RETURN left(content, {LONGEST_TEXT});
END $$"""

_FOLDED = """
CREATE FUNCTION hermes_search_folded(folded text, place text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN CAST(folded AS json) ->> place;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN  -- another tool's
    RETURN NULL;
END $$"""

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

_KEEP = """
CREATE FUNCTION hermes_search_keep() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
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

HEAD_DDL = {
    "hermes_search_folded": _FOLDED,
    "hermes_search_json": _JSON,
    "hermes_search_parts": _PARTS,
    "hermes_search_calls": _CALLS,
    "hermes_search_fold": _FOLD,
    "hermes_search_vector": _VECTOR,
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
