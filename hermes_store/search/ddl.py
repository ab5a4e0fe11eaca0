"""The search index as SQL: what of a message is searched, and how it is kept in step.

`messages_text` is a view that says, for each message, which text can be found: one column per
place. `messages_fts` is an FTS5 index over it and holds no second copy of the text. The triggers
take the text for `delete` from the same view, so it is always the text that was inserted.

The newest messages wait until there are `TOGETHER`, and are indexed together: that takes a third of
the time. They wait if they `may_wait`, as the store says of some of its own; a row of another tool
is indexed at once, with those that wait. Messages up to `search_index.indexed_upto` are in the
index, and `messages_search` is the view of these: what FTS5 takes for its content.

Where other characters count as the same, or there are other forms of words, the view takes what
`searched.folded` has left in the column `folded`; of rows that other tools insert, the plain text.
Everything is plain SQL that any SQLite with FTS5 and JSON can run. Table-valued functions such as
`json_each` are left out: FTS5 does not allow them where it checks or rebuilds itself.
"""

# ruff: noqa: S608 - these statements are put together from constants

from __future__ import annotations

from hermes_store.search.alphabet import APART, SYMBOLS

__all__ = [
    "HEAD_DDL",
    "IN_MEMORY",
    "LONGEST_TEXT",
    "NOISE_KEYS",
    "SETTINGS",
    "TOGETHER",
    "TRIGGERS",
]

LONGEST_TEXT = 1_000_000
"""Characters of each column of a message that can be found; what follows is not indexed."""

TOGETHER = 32
"""So many messages are indexed together."""

NOISE_KEYS = "'type', 'id', 'data', 'media_type', 'signature', 'tool_use_id'"
"""Keys of a part of structured content whose values are not for readers: not indexed."""

_STEPS = (4096, 512, 64, 8, 1)
_LOOKED_THROUGH = 64
_MOST_COPIED = 200_000_000
_MOST_CALLS = 1_000
_SHALLOW = 1_900
_APART_ABOVE = APART.partition("៿")[2]


def _set_apart(text: str) -> str:
    """An expression for `text` with a blank on either side of each character of `APART`.

    Most texts are settled by their length. What is left is looked through, and only texts with
    one of `APART` are taken to pieces, down to single characters where there is one. The steps
    keep `substr`, which counts from the start of the text, from becoming quadratic. A text with a
    NUL, where SQLite's text functions stop, is taken as it is. U+FE0F, which makes an emoji
    colourful, is left out.
    """
    step = _STEPS[0]
    return f"""\
CASE WHEN {_is_settled(text)}
            THEN {text}
        WHEN {text} NOT GLOB '*[{_APART_ABOVE}]*' AND instr(CAST({text} AS BLOB), x'E0') = 0
            AND instr(CAST({text} AS BLOB), x'E1') = 0 THEN {text}
        WHEN instr(CAST({text} AS BLOB), x'00') THEN {text}
        ELSE (WITH RECURSIVE
            place(n) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7)),
            step(p{step}, next) AS (
                SELECT substr({text}, 1, {step}), {step + 1}
                UNION ALL
                SELECT substr({text}, next, {step}), next + {step}
                FROM step WHERE length(p{step}) = {step}
            )
            SELECT replace(group_concat({_spaced(*_STEPS)}, ''),
                ' ' || char(65039) || ' ', ' ')
            FROM step)
        END"""


def _is_settled(text: str) -> str:
    """A condition: the length of `text` shows that there is nothing to set apart.

    In ASCII the length equals the size in bytes. It still does for other texts without the bytes
    that begin dashes and quotation marks (E2 80), Latin (C2, C3) and Cyrillic letters (D0, D1).
    """
    return f"""\
length({text}) = length(CAST({text} AS BLOB))
        OR length({text}) = length(CAST(
            replace({text}, CAST(x'E280' AS TEXT), '') AS BLOB))
        OR length({text}) = length(CAST(
            replace(replace(replace(replace(replace({text},
                CAST(x'E280' AS TEXT), ''), CAST(x'C2' AS TEXT), ''), CAST(x'C3' AS TEXT), ''),
                CAST(x'D0' AS TEXT), ''), CAST(x'D1' AS TEXT), '') AS BLOB))"""


def _spaced(size: int, smaller: int, *smallest: int) -> str:
    """An expression for the piece `p<size>`, put together again from pieces an eighth as long."""
    p = f"p{smaller}"
    if smaller == 1:
        cases = f"WHEN {p} GLOB '[{APART}]' THEN ' ' || {p} || ' ' ELSE {p}"
    else:
        cases = f"WHEN length({p}) = length(CAST({p} AS BLOB)) THEN {p}"
        if smaller == _LOOKED_THROUGH:
            cases += f"\n            WHEN {p} NOT GLOB '*[{APART}]*' THEN {p}"
        cases += f"\n            ELSE {_spaced(smaller, *smallest)}"
    return f"""\
(SELECT group_concat(CASE
            {cases} END, '')
            FROM (SELECT substr(p{size}, {smaller} * n + 1, {smaller}) AS {p}
                FROM place LIMIT 8))"""


def _is_short(text: str) -> str:
    """A condition: all of `text` can be found."""
    return f"length(CAST({text} AS BLOB)) <= {LONGEST_TEXT}"


def _bounded(text: str) -> str:
    """An expression for `text` without what is beyond the longest; `substr` would stop at a NUL."""
    return f"""\
CASE WHEN length({text}) > {LONGEST_TEXT}
                THEN substr({text}, 1, {LONGEST_TEXT}) ELSE {text} END"""


def _without_nul(json: str) -> str:
    """An expression for `json` without NUL characters, where `json_extract` would end a string."""
    return rf"""replace(replace({json}, '\\', '\u005c'), '\u0000', ' ')"""


def _paired(json: str) -> str:
    """The same, and every quotation mark in it begins or ends a string."""
    return rf"""replace(
                    {_without_nul(json)},
                    '\"', '\u0022')"""


def _unescaped(string: str) -> str:
    """An expression for the text of a JSON string, given what is between its quotation marks."""
    return f"""json_extract('["' || {string} || '"]', '$[0]')"""


def _as_it_reads(json: str) -> str:
    """An expression for the text of `json` with its braces and commas, its strings bare."""
    bare = f"""\
replace(replace(replace(replace(
                    {_paired(json)},
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ')"""
    return _unescaped(bare)


# Of a list of parts, every string that is a value: pieces between quotation marks are strings by
# turns, and a name is followed by a colon. Strings that are not for readers are left out:
# identifiers, and the bytes of pictures, which are long without a blank or a line break. Each piece
# copies the rest of the text: where that would take seconds, the whole is taken as it reads.
_PARTS = f"""\
(WITH RECURSIVE
            piece(n, p, rest, key) AS (
                SELECT 0, '',
                    {_paired("m.content")} || '"',
                    ''
                UNION ALL
                SELECT n + 1,
                    substr(rest, 1, instr(rest, '"') - 1),
                    substr(rest, instr(rest, '"') + 1),
                    CASE WHEN n % 2 = 0 AND rest GLOB ':*' THEN p ELSE key END
                FROM piece WHERE rest <> ''
            )
            SELECT substr(group_concat({_unescaped("p")}, char(10)),
                1, {LONGEST_TEXT})
            FROM piece
            WHERE n > 0 AND n % 2 = 0 AND rest NOT GLOB ':*'
                AND key NOT IN ({NOISE_KEYS}) AND p NOT GLOB 'data:*'
                AND (length(p) <= 512 OR p GLOB '* *' OR p GLOB '*\\n*'
                    OR length(p) < length(CAST(p AS BLOB)))
            )"""


def _folded(place: str) -> str:
    """An expression for the folded text of a place; NULL where there is none."""
    return f"""\
CASE WHEN json_valid(m.folded) THEN
            substr(json_extract(m.folded, '$.{place}'), 1, {LONGEST_TEXT}) END"""


_HAS_FORMS_ONLY = """m.folded GLOB '{"forms": "*"}'"""
_IS_AS_STORED = f"(m.folded IS NULL OR {_HAS_FORMS_ONLY})"

# `json_valid` reads up to a NUL: what goes on behind one is taken as it is.
_HAS_NUL = "instr(CAST(m.content AS BLOB), x'00')"

# JSON that a tool has written as text: only where there is something to undo in it.
_IS_JSON = rf"""m.content GLOB '[[{{"]*' AND instr(m.content, '\') AND json_valid(m.content)
                AND NOT {_HAS_NUL}"""

_CONTENT = f"""\
CASE
    WHEN {_IS_AS_STORED} AND m.content_format IS NULL
        AND m.content NOT GLOB '[[{{"]*' AND {_is_short("m.content")} AND (
        {_is_settled("m.content")}) THEN m.content
    WHEN m.content IS NOT NULL THEN (WITH
        t(text) AS MATERIALIZED (SELECT coalesce({_folded("content")}, CASE
            WHEN m.content_format IS NULL AND {_IS_JSON} THEN
                substr({_as_it_reads("m.content")},
                1, {LONGEST_TEXT})
            WHEN m.content_format IS NULL OR NOT json_valid(m.content)
                OR {_HAS_NUL} THEN
                {_bounded("m.content")}
            WHEN (length(m.content) - length(replace(m.content, '"', ''))) * length(m.content)
                > {_MOST_COPIED} THEN
                substr({_as_it_reads("m.content")},
                1, {LONGEST_TEXT})
            ELSE {_PARTS} END))
        SELECT {_set_apart("text")} FROM t)
    END"""

# A name is short: its characters are taken one by one.
_TOOL_NAME = f"""\
CASE WHEN length(m.tool_name) = length(CAST(m.tool_name AS BLOB))
        OR instr(CAST(m.tool_name AS BLOB), x'00') THEN m.tool_name
    WHEN m.tool_name IS NOT NULL THEN (WITH RECURSIVE
        t(text) AS MATERIALIZED (SELECT coalesce({_folded("tool_name")}, m.tool_name)),
        letter(c, n, text) AS (
            SELECT '', 1, text FROM t
            UNION ALL
            SELECT substr(text, n, 1), n + 1, text FROM letter WHERE n <= length(text)
        )
        SELECT group_concat(CASE WHEN c GLOB '[{APART}]' THEN ' ' || c || ' ' ELSE c END, '')
        FROM letter)
    END"""

# Of each call, its name and its arguments: `read_file {path: foo/bar.py, city: Düsseldorf}`. To
# reach a call takes as long as there are calls before it: where that would take seconds, the whole
# is taken as it reads. Nearly all are a list of one call, in ASCII: that is had without a loop, if
# it is too short to be nested as deeply as SQLite's JSON goes, or to be beyond the longest.


def _name_and_arguments(calls: str, call: str) -> str:
    """Two expressions, of a call in a list of them; `call` is its path, but for the end quote."""
    return f"""\
coalesce(json_extract({calls}, {call}.function.name'),
                        json_extract({calls}, {call}.name')),
                    coalesce(json_extract({calls}, {call}.function.arguments'),
                        json_extract({calls}, {call}.arguments'),
                        json_extract({calls}, {call}.input'),
                        json_extract({calls}, {call}'))"""


_READ = f"""\
coalesce(name || ' ', '') || CASE
                WHEN NOT json_valid(json) THEN json
                ELSE {_as_it_reads("json")}
                END"""

_CALLS = f"""\
(WITH RECURSIVE
            call(i, number, list) AS (
                SELECT 0, json_array_length(list), list FROM (
                    SELECT CASE WHEN json GLOB '[[]*' AND json_valid(json) THEN json
                        ELSE '[' || json || ']' END AS list
                    FROM (SELECT CASE WHEN instr(m.tool_calls, '\\u0000')
                        THEN {_without_nul("m.tool_calls")}
                        ELSE m.tool_calls END AS json) LIMIT 1 OFFSET 0)
                UNION ALL
                SELECT i + 1, number, list FROM call WHERE i + 1 < number
            ),
            part(name, json) AS MATERIALIZED (
                SELECT
                    {_name_and_arguments("list", "'$[' || i || ']")}
                FROM call
            )
            SELECT substr(group_concat({_READ}, ' '), 1, {LONGEST_TEXT})
            FROM part)"""

_IS_ONE_CALL = rf"""{_IS_AS_STORED}
        AND typeof(m.tool_calls) = 'text' AND m.tool_calls GLOB '[[]{{*'
        AND length(CAST(m.tool_calls AS BLOB)) <= {_SHALLOW}
        AND length(m.tool_calls) = length(CAST(m.tool_calls AS BLOB))
        AND NOT instr(m.tool_calls, '\u') AND json_valid(m.tool_calls)
        AND json_array_length(m.tool_calls) = 1"""

_ONE_CALL = f"""\
(WITH part(name, json) AS (
                SELECT
                    {_name_and_arguments("m.tool_calls", "'$[0]")}
                LIMIT 1 OFFSET 0
            )
            SELECT {_READ}
            FROM part)"""

_TOOL_CALLS = f"""\
CASE WHEN m.tool_calls IS NULL THEN NULL
    WHEN {_IS_ONE_CALL} THEN
        {_ONE_CALL}
    ELSE (WITH
        t(text) AS MATERIALIZED (SELECT coalesce(CASE WHEN m.folded IS NOT NULL
            AND NOT {_HAS_FORMS_ONLY} THEN {_folded("tool_calls")} END, CASE
            WHEN NOT json_valid('[' || m.tool_calls || ']') THEN
                {_bounded("m.tool_calls")}
            WHEN json_array_length('[' || m.tool_calls || ']', '$[0]') > {_MOST_CALLS} THEN
                substr({_as_it_reads("m.tool_calls")},
                1, {LONGEST_TEXT})
            ELSE {_CALLS} END))
        SELECT {_set_apart("text")} FROM t)
    END"""

_FORMS = f"""\
CASE WHEN m.folded IS NULL THEN NULL
    WHEN {_HAS_FORMS_ONLY} AND length(m.folded) = length(CAST(m.folded AS BLOB))
        AND instr(m.folded, '\\') = 0 THEN substr(m.folded, 12, length(m.folded) - 13)
    ELSE (WITH
        t(text) AS MATERIALIZED (SELECT {_folded("forms")})
        SELECT {_set_apart("text")} FROM t WHERE text IS NOT NULL)
    END"""

_VIEW = f"""\
CREATE VIEW messages_text(id, content, tool_name, tool_calls, forms) AS
SELECT m.id,
    {_CONTENT},
    {_TOOL_NAME},
    {_TOOL_CALLS},
    {_FORMS}
FROM messages AS m"""

# Where the row is missing, no message waits, and the index is as ever.
_UPTO = "coalesce((SELECT indexed_upto FROM search_index), 9223372036854775807)"

_INDEXED = f"""\
CREATE VIEW messages_search AS
SELECT id, content, tool_name, tool_calls, forms FROM messages_text
WHERE id <= {_UPTO}"""

_TABLE = f"""\
CREATE VIRTUAL TABLE messages_fts USING fts5(
    content, tool_name, tool_calls, forms,
    content=messages_search, content_rowid=id,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc Co So' separators '
{SYMBOLS}'"
)"""

IN_MEMORY = _TABLE.replace("content=messages_search, content_rowid=id", "content=''")
"""An index like `messages_fts` that stands by itself."""

_STATE = """\
CREATE TABLE search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL CHECK (state IN ('ready', 'incomplete', 'damaged')),
    detail TEXT NOT NULL DEFAULT '',
    changed_at REAL NOT NULL,
    owner TEXT,
    owned_until REAL,
    indexed_upto INTEGER NOT NULL DEFAULT 0
)"""

_TEXTS = "id, content, content_format, tool_name, tool_calls"
_COLUMNS = f"{_TEXTS}, folded"


def _of(row: str, columns: str) -> str:
    return ", ".join(f"{row}.{column}" for column in columns.split(", "))


_IS_CHANGED = f"""\
({_of("old", _COLUMNS)})
    IS NOT ({_of("new", _COLUMNS)})"""
_IS_INDEXED = "EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)"
_INSERT = """\
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
    SELECT id, content, tool_name, tool_calls, forms FROM messages_text"""
_DELETE = """\
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls, forms)
    SELECT 'delete', id, content, tool_name, tool_calls, forms
    FROM messages_text WHERE id = old.id;"""

# A tool that changes a text knows nothing of `folded`, which then says what the text was.
_FORGET = f"""\
    UPDATE messages SET folded = NULL
    WHERE id = new.id AND folded IS NOT NULL AND old.folded IS new.folded
        AND ({_of("old", _TEXTS)})
            IS NOT ({_of("new", _TEXTS)});"""

TRIGGERS = {
    "messages_fts_insert": f"""\
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages
WHEN new.may_wait IS NULL
    OR new.id - {_UPTO} NOT BETWEEN 1 AND {TOGETHER - 1}
BEGIN
{_INSERT}
    WHERE id BETWEEN min(new.id, 1 + {_UPTO}) AND new.id;
    UPDATE search_index SET indexed_upto = new.id WHERE indexed_upto < new.id;
END""",
    "messages_fts_delete": f"""\
CREATE TRIGGER messages_fts_delete BEFORE DELETE ON messages
WHEN {_IS_INDEXED}
BEGIN
{_DELETE}
END""",
    "messages_fts_update_before": f"""\
CREATE TRIGGER messages_fts_update_before
BEFORE UPDATE OF {_COLUMNS} ON messages
WHEN {_IS_CHANGED}
    AND {_IS_INDEXED}
BEGIN
{_DELETE}
END""",
    "messages_fts_update_after": f"""\
CREATE TRIGGER messages_fts_update_after
AFTER UPDATE OF {_COLUMNS} ON messages
WHEN {_IS_CHANGED}
BEGIN
{_FORGET}
{_INSERT}
    WHERE id = new.id AND id <= {_UPTO}
    AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = new.id);
END""",
}
"""Name → SQL. They leave alone a message that is not in the index."""

HEAD_DDL = {
    "search_index": _STATE,
    "messages_text": _VIEW,
    "messages_search": _INDEXED,
    "messages_fts": _TABLE,
    **TRIGGERS,
}
"""Everything the newest revision has made by raw DDL, in the order in which it can be created."""

SETTINGS = [
    f"INSERT INTO messages_fts(messages_fts, rank) VALUES ('{name}', {value})"
    for name, value in {"pgsz": 2000, "automerge": 8}.items()
]
"""How the index is written; it keeps them itself."""
