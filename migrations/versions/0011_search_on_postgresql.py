"""Search on PostgreSQL: the same words as on SQLite, in a column that keeps itself in step.

Why: gateways on several hosts search the same store. PostgreSQL's own parser takes `foo/bar.py` and
`user@host` for one word and drops symbols and emoji, so the words are set apart here, as FTS5 does
it, with functions that need no extension and no superuser. Each message carries them in `search`, a
generated column with a GIN index; nothing can forget to index a message.

Adding the column writes the table anew and locks it meanwhile: about two minutes for a million
messages. On SQLite there is nothing to do: revision 0010 made its index.
"""

# ruff: noqa: S608, RUF001 - the SQL is of constants, and the letters are what they are

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def characters(ranges: str) -> str:
    """What stands between the brackets of a regular expression's class, for code points."""
    pairs = (part.partition("-") for part in ranges.split())
    return "".join(rf"\U{int(a, 16):08x}-\U{int(z or a, 16):08x}" for a, _, z in pairs)


# Each of these characters is a word: scripts written without blanks (Thai, Lao, Tibetan, Burmese,
# Khmer, Chinese, Japanese, Korean), symbols, emoji.
APART = "ก-ᇿក-៿⌀-⓿■-𳑹"

# Accents that do not make another letter.
ACCENTS = characters("300-304 306-30c 30f 311 31b 323-328 32d-32e 330-331")

# Everything that is no letter, digit or symbol, but for U+001C: it stands between the texts of a
# message, so that no phrase reaches from one into the next.
BETWEEN_WORDS = characters("""
1-1b 1d-2f 3a-40 5b-60 7b-a9 ab-b1 b4 b6-b8 bb bf d7 f7 2c2-2c5 2d2-2df 2e5-2eb 2ed 2ef-2ff
375 37e 384-385 387 3f6 488-489 55a-55f 589-58a 58f 5be 5c0 5c3 5c6 5f3-5f4 600-604 606-60d
61b 61e-61f 66a-66d 6d4 6dd 700-70d 70f 7f7-7f9 830-83e 85e 964-965 970 9f2-9f3 9fb af0-af1
bf9 df4 e3f e4f e5a-e5b f04-f12 f14 f3a-f3d f85 fd0-fd4 fd9-fda 104a-104f 10fb 1360-1368
1400 166d-166e 1680 169b-169c 16eb-16ed 1735-1736 17d4-17d6 17d8-17db 1800-180a 180e
1944-1945 1a1e-1a1f 1aa0-1aa6 1aa8-1aad 1b5a-1b60 1bfc-1bff 1c3b-1c3f 1c7e-1c7f 1cc0-1cc7
1cd3 1fbd 1fbf-1fc1 1fcd-1fcf 1fdd-1fdf 1fed-1fef 1ffd-1ffe 2000-2064 206a-206f 207a-207e
208a-208e 20a0-20c0 20dd-20e0 20e2-20e4 2100-2101 2103-2106 2108-2109 2114 2116-2118
211e-2123 2140-2144 214b 214f 2190-22ff 2308-230b 2320-2321 2329-232a 237c 239b-23b3
23dc-23e1 2500-259f 25b7 25c1 25f8-25ff 266f 2768-2775 27c0-27ff 2900-2aff 2b30-2b44
2b47-2b4c 2cf9-2cfc 2cfe-2cff 2d70 2e00-2e2e 2e30-2e3b 3000-3003 3008-3011 3014-301f 3030
303d 309b-309c 30a0 30fb a4fe-a4ff a60d-a60f a670-a673 a67e a6f2-a6f7 a700-a716 a720-a721
a789-a78a a838 a874-a877 a8ce-a8cf a8f8-a8fa a92e-a92f a95f a9c1-a9cd a9de-a9df aa5c-aa5f
aade-aadf aaf0-aaf1 abeb d800-dfff fb29 fbb2-fbc1 fd3e-fd3f fdfc fe0f fe10-fe19 fe30-fe52
fe54-fe66 fe68-fe6b feff ff01-ff0f ff1a-ff20 ff3b-ff40 ff5b-ff65 ffe0-ffe3 ffe5-ffe6
ffe9-ffec fff9-fffb 10100-10102 1039f 103d0 10857 1091f 1093f 10a50-10a58 10a7f 10b39-10b3f
11047-1104d 110bb-110c1 11140-11143 111c5-111c8 12470-12473 1d173-1d17a 1d6c1 1d6db 1d6fb
1d715 1d735 1d74f 1d76f 1d789 1d7a9 1d7c3 1eef0-1eef1 e0001 e0020-e007f
""")

PARTS = r"""
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
        ELSIF key NOT IN ('type', 'id', 'data', 'media_type') AND piece NOT LIKE 'data:%'
            AND (length(piece) <= 512 OR strpos(piece, ' ') > 0 OR strpos(piece, '\n') > 0
                OR length(piece) < octet_length(piece))
        THEN
            IF strpos(piece, '\') > 0 THEN
                piece := CAST('["' || piece || '"]' AS json) ->> 0;
            END IF;
            strings := array_append(strings, piece);
        END IF;
    END LOOP;
    RETURN left(array_to_string(strings, E'\n'), 1000000);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN  -- no JSON, or too deep
    RETURN left(content, 1000000);
END $$"""

CALLS = r"""
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
        argument := coalesce(call #>> '{function,arguments}', call ->> 'arguments',
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
        found := found || coalesce(call #>> '{function,name}', call ->> 'name') || argument;
    END LOOP;
    RETURN left(array_to_string(found, ' '), 1000000);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN left(calls, 1000000);
END $$"""

FOLD = rf"""
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
    RETURN regexp_replace(folded, '[{BETWEEN_WORDS}]+', ' ', 'g');
END $$"""

VECTOR = r"""
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

CONTENT = """\
CASE WHEN content_format IS NULL THEN left(content, 1000000)
        ELSE hermes_search_parts(content) END"""

VIEW = f"""
CREATE VIEW messages_search AS
SELECT id,
    {CONTENT} AS content,
    tool_name,
    hermes_search_calls(tool_calls) AS tool_calls
FROM messages"""

COLUMN = rf"""
ALTER TABLE messages ADD COLUMN search tsvector GENERATED ALWAYS AS (
    hermes_search_vector(hermes_search_fold(
        coalesce({CONTENT}, '')
        || coalesce(E' \x1c ' || tool_name, '')
        || coalesce(E' \x1c ' || hermes_search_calls(tool_calls), '')))
) STORED"""

INDEX = "CREATE INDEX idx_messages_search ON messages USING gin (search)"


FUNCTIONS = {
    "hermes_search_parts": PARTS,
    "hermes_search_calls": CALLS,
    "hermes_search_fold": FOLD,
    "hermes_search_vector": VECTOR,
}


def require_unicode() -> None:
    """Lower case of every language comes from ICU, which nearly every server is built with."""
    known = "SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'"
    if not op.get_context().as_sql and not op.get_bind().scalar(sa.text(known)):
        raise NotImplementedError("this PostgreSQL was built without ICU; use one that has it")


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        require_unicode()
        for statement in (*FUNCTIONS.values(), VIEW, COLUMN, INDEX):
            op.execute(statement)


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP INDEX idx_messages_search")
        op.execute("ALTER TABLE messages DROP COLUMN search")
        op.execute("DROP VIEW messages_search")
        for name in FUNCTIONS:
            op.execute(f"DROP FUNCTION {name}")
