"""Functions of PostgreSQL that make words of a text: taken apart, folded, each at its place.

They need no extension and no superuser, and call only functions of every server. A function that
catches errors is not PARALLEL SAFE: the server refuses that in a parallel plan.
"""

# ruff: noqa: S608, RUF001 - the SQL is of constants, and the letters are what they are

from __future__ import annotations

from hermes_store.search.alphabet import ACCENTS, APART, SEPARATORS
from hermes_store.search.ddl import LONGEST_TEXT, NOISE_KEYS

__all__ = ["FUNCTIONS"]

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

FUNCTIONS = {
    "hermes_search_folded": _FOLDED,
    "hermes_search_json": _JSON,
    "hermes_search_parts": _PARTS,
    "hermes_search_calls": _CALLS,
    "hermes_search_fold": _FOLD,
    "hermes_search_vector": _VECTOR,
}
"""Their statements, by their names."""
