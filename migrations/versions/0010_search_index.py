"""Search that finds what people type: paths, addresses, code, Chinese, emoji, tool calls.

Why: the original's index holds the text of messages only and takes a run of Chinese for one word;
every UPDATE of a message wrote it anew, and tool names and arguments could not be found. This
index is over a view that says what of a message is searched, and each character of a script
written without blanks is a word in it. Its triggers run only for the columns it holds, and leave
alone a message that is not in the index.

The revision itself is quick at any size: the new index starts empty. The messages that are there
already are indexed afterwards, step by step, in transactions that can be interrupted; until then
`search_index` says that search is incomplete. Searching exists on SQLite only here.
"""

# ruff: noqa: RUF001 - the symbols are what they are

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SEARCH_INDEX = """\
CREATE TABLE search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL CHECK (state IN ('ready', 'incomplete', 'damaged')),
    detail TEXT NOT NULL DEFAULT '',
    changed_at REAL NOT NULL,
    owner TEXT,
    owned_until REAL
)"""

MESSAGES_SEARCH = """\
CREATE VIEW messages_search(id, content, tool_name, tool_calls) AS
SELECT m.id,
    CASE
    WHEN m.content_format IS NULL AND length(m.content) <= 1000000 AND (
        length(m.content) = length(CAST(m.content AS BLOB))
        OR length(m.content) = length(CAST(
            replace(m.content, CAST(x'E280' AS TEXT), '') AS BLOB))
        OR length(m.content) = length(CAST(
            replace(replace(replace(replace(replace(m.content,
                CAST(x'E280' AS TEXT), ''), CAST(x'C2' AS TEXT), ''), CAST(x'C3' AS TEXT), ''),
                CAST(x'D0' AS TEXT), ''), CAST(x'D1' AS TEXT), '') AS BLOB))) THEN m.content
    WHEN m.content IS NOT NULL THEN (WITH
        t(text) AS MATERIALIZED (SELECT CASE
            WHEN m.content_format IS NULL OR NOT json_valid(m.content) THEN
                CASE WHEN length(m.content) > 1000000
                THEN substr(m.content, 1, 1000000) ELSE m.content END
            WHEN (length(m.content) - length(replace(m.content, '"', ''))) * length(m.content)
                > 2000000000 THEN
                substr(json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(m.content, '\\\\', '\\u005c'), '\\u0000', ' '),
                    '\\"', '\\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            ELSE (WITH RECURSIVE
            piece(n, p, rest, key) AS (
                SELECT 0, '',
                    replace(
                    replace(replace(m.content, '\\\\', '\\u005c'), '\\u0000', ' '),
                    '\\"', '\\u0022') || '"',
                    ''
                UNION ALL
                SELECT n + 1,
                    substr(rest, 1, instr(rest, '"') - 1),
                    substr(rest, instr(rest, '"') + 1),
                    CASE WHEN n % 2 = 0 AND rest GLOB ':*' THEN p ELSE key END
                FROM piece WHERE rest <> ''
            )
            SELECT substr(group_concat(json_extract('["' || p || '"]', '$[0]'), char(10)),
                1, 1000000)
            FROM piece
            WHERE n > 0 AND n % 2 = 0 AND rest NOT GLOB ':*'
                AND key NOT IN ('type', 'id', 'data', 'media_type') AND p NOT GLOB 'data:*'
                AND (length(p) <= 512 OR p GLOB '* *' OR p GLOB '*\\n*'
                    OR length(p) < length(CAST(p AS BLOB)))
            ) END)
        SELECT CASE WHEN length(text) = length(CAST(text AS BLOB))
        OR length(text) = length(CAST(
            replace(text, CAST(x'E280' AS TEXT), '') AS BLOB))
        OR length(text) = length(CAST(
            replace(replace(replace(replace(replace(text,
                CAST(x'E280' AS TEXT), ''), CAST(x'C2' AS TEXT), ''), CAST(x'C3' AS TEXT), ''),
                CAST(x'D0' AS TEXT), ''), CAST(x'D1' AS TEXT), '') AS BLOB))
            THEN text
        WHEN text NOT GLOB '*[⌀-⓿■-𳑹]*' AND instr(CAST(text AS BLOB), x'E0') = 0
            AND instr(CAST(text AS BLOB), x'E1') = 0 THEN text
        WHEN instr(CAST(text AS BLOB), x'00') THEN text
        ELSE (WITH RECURSIVE
            place(n) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7)),
            step(p4096, next) AS (
                SELECT substr(text, 1, 4096), 4097
                UNION ALL
                SELECT substr(text, next, 4096), next + 4096
                FROM step WHERE length(p4096) = 4096
            )
            SELECT replace(group_concat((SELECT group_concat(CASE
            WHEN length(p512) = length(CAST(p512 AS BLOB)) THEN p512
            ELSE (SELECT group_concat(CASE
            WHEN length(p64) = length(CAST(p64 AS BLOB)) THEN p64
            WHEN p64 NOT GLOB '*[ก-ᇿក-៿⌀-⓿■-𳑹]*' THEN p64
            ELSE (SELECT group_concat(CASE
            WHEN length(p8) = length(CAST(p8 AS BLOB)) THEN p8
            ELSE (SELECT group_concat(CASE
            WHEN p1 GLOB '[ก-ᇿក-៿⌀-⓿■-𳑹]' THEN ' ' || p1 || ' ' ELSE p1 END, '')
            FROM (SELECT substr(p8, 1 * n + 1, 1) AS p1
                FROM place LIMIT 8)) END, '')
            FROM (SELECT substr(p64, 8 * n + 1, 8) AS p8
                FROM place LIMIT 8)) END, '')
            FROM (SELECT substr(p512, 64 * n + 1, 64) AS p64
                FROM place LIMIT 8)) END, '')
            FROM (SELECT substr(p4096, 512 * n + 1, 512) AS p512
                FROM place LIMIT 8)), ''),
                ' ' || char(65039) || ' ', ' ')
            FROM step)
        END FROM t)
    END,
    CASE WHEN length(m.tool_name) = length(CAST(m.tool_name AS BLOB))
        OR instr(CAST(m.tool_name AS BLOB), x'00') THEN m.tool_name
    WHEN m.tool_name IS NOT NULL THEN (WITH RECURSIVE
        letter(c, n) AS (
            SELECT '', 1
            UNION ALL
            SELECT substr(m.tool_name, n, 1), n + 1 FROM letter WHERE n <= length(m.tool_name)
        )
        SELECT group_concat(CASE WHEN c GLOB '[ก-ᇿក-៿⌀-⓿■-𳑹]' THEN ' ' || c || ' ' ELSE c END, '')
        FROM letter)
    END,
    CASE WHEN m.tool_calls IS NOT NULL THEN (WITH
        t(text) AS MATERIALIZED (SELECT CASE
            WHEN NOT json_valid('[' || m.tool_calls || ']') THEN
                CASE WHEN length(m.tool_calls) > 1000000
                THEN substr(m.tool_calls, 1, 1000000) ELSE m.tool_calls END
            WHEN json_array_length('[' || m.tool_calls || ']', '$[0]') > 1000 THEN
                substr(json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(m.tool_calls, '\\\\', '\\u005c'), '\\u0000', ' '),
                    '\\"', '\\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            ELSE (WITH RECURSIVE
            call(i, number, list) AS (
                SELECT 0, json_array_length(list), list FROM (
                    SELECT CASE WHEN json GLOB '[[]*' THEN json ELSE '[' || json || ']' END
                        AS list
                    FROM (SELECT CASE WHEN instr(m.tool_calls, '\\u0000')
                        THEN replace(replace(m.tool_calls, '\\\\', '\\u005c'), '\\u0000', ' ')
                        ELSE m.tool_calls END AS json) LIMIT 1 OFFSET 0)
                UNION ALL
                SELECT i + 1, number, list FROM call WHERE i + 1 < number
            ),
            part(name, json) AS MATERIALIZED (
                SELECT
                    coalesce(json_extract(list, '$[' || i || '].function.name'),
                        json_extract(list, '$[' || i || '].name')),
                    coalesce(json_extract(list, '$[' || i || '].function.arguments'),
                        json_extract(list, '$[' || i || '].arguments'),
                        json_extract(list, '$[' || i || '].input'),
                        json_extract(list, '$[' || i || ']'))
                FROM call
            )
            SELECT substr(group_concat(coalesce(name || ' ', '') || CASE
                WHEN NOT json_valid(json) THEN json
                ELSE json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(json, '\\\\', '\\u005c'), '\\u0000', ' '),
                    '\\"', '\\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]')
                END, ' '), 1, 1000000)
            FROM part) END)
        SELECT CASE WHEN length(text) = length(CAST(text AS BLOB))
        OR length(text) = length(CAST(
            replace(text, CAST(x'E280' AS TEXT), '') AS BLOB))
        OR length(text) = length(CAST(
            replace(replace(replace(replace(replace(text,
                CAST(x'E280' AS TEXT), ''), CAST(x'C2' AS TEXT), ''), CAST(x'C3' AS TEXT), ''),
                CAST(x'D0' AS TEXT), ''), CAST(x'D1' AS TEXT), '') AS BLOB))
            THEN text
        WHEN text NOT GLOB '*[⌀-⓿■-𳑹]*' AND instr(CAST(text AS BLOB), x'E0') = 0
            AND instr(CAST(text AS BLOB), x'E1') = 0 THEN text
        WHEN instr(CAST(text AS BLOB), x'00') THEN text
        ELSE (WITH RECURSIVE
            place(n) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7)),
            step(p4096, next) AS (
                SELECT substr(text, 1, 4096), 4097
                UNION ALL
                SELECT substr(text, next, 4096), next + 4096
                FROM step WHERE length(p4096) = 4096
            )
            SELECT replace(group_concat((SELECT group_concat(CASE
            WHEN length(p512) = length(CAST(p512 AS BLOB)) THEN p512
            ELSE (SELECT group_concat(CASE
            WHEN length(p64) = length(CAST(p64 AS BLOB)) THEN p64
            WHEN p64 NOT GLOB '*[ก-ᇿក-៿⌀-⓿■-𳑹]*' THEN p64
            ELSE (SELECT group_concat(CASE
            WHEN length(p8) = length(CAST(p8 AS BLOB)) THEN p8
            ELSE (SELECT group_concat(CASE
            WHEN p1 GLOB '[ก-ᇿក-៿⌀-⓿■-𳑹]' THEN ' ' || p1 || ' ' ELSE p1 END, '')
            FROM (SELECT substr(p8, 1 * n + 1, 1) AS p1
                FROM place LIMIT 8)) END, '')
            FROM (SELECT substr(p64, 8 * n + 1, 8) AS p8
                FROM place LIMIT 8)) END, '')
            FROM (SELECT substr(p512, 64 * n + 1, 64) AS p64
                FROM place LIMIT 8)) END, '')
            FROM (SELECT substr(p4096, 512 * n + 1, 512) AS p512
                FROM place LIMIT 8)), ''),
                ' ' || char(65039) || ' ', ' ')
            FROM step)
        END FROM t)
    END
FROM messages AS m"""

MESSAGES_FTS = """\
CREATE VIRTUAL TABLE messages_fts USING fts5(
    content, tool_name, tool_calls,
    content=messages_search, content_rowid=id,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc Co So' separators '
¦©®°₺₻₼₽₾₿⃀
℀℁℃℄℅℆℈℉℔№℗℞℟℠℡™℣⅏
↕↖↗↘↙↜↝↞↟↡↢↤↥↧↨↩↪↫↬↭↯↰↱↲↳↴↵↶↷↸↹↺↻↼↽↾↿⇀⇁⇂⇃⇄⇅⇆⇇⇈⇉⇊⇋⇌⇍⇐⇑⇓⇕⇖⇗⇘⇙⇚⇛⇜⇝⇞⇟⇠⇡⇢⇣⇤⇥⇦⇧⇨⇩⇪⇫⇬⇭⇮⇯⇰⇱⇲⇳
─━│┃┄┅┆┇┈┉┊┋┌┍┎┏┐┑┒┓└┕┖┗┘┙┚┛├┝┞┟┠┡┢┣┤┥┦┧┨┩┪┫┬┭┮┯┰┱┲┳┴┵┶┷┸┹┺┻┼┽┾┿
╀╁╂╃╄╅╆╇╈╉╊╋╌╍╎╏═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬╭╮╯╰╱╲╳╴╵╶╷╸╹╺╻╼╽╾╿
▀▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐░▒▓▔▕▖▗▘▙▚▛▜▝▞▟'"
)"""

TRIGGERS = {
    "messages_fts_insert": """\
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages
BEGIN
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls)
    SELECT id, content, tool_name, tool_calls FROM messages_search WHERE id = new.id;
END""",
    "messages_fts_delete": """\
CREATE TRIGGER messages_fts_delete BEFORE DELETE ON messages
WHEN EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls)
    SELECT 'delete', id, content, tool_name, tool_calls FROM messages_search WHERE id = old.id;
END""",
    "messages_fts_update_before": """\
CREATE TRIGGER messages_fts_update_before
BEFORE UPDATE OF id, content, content_format, tool_name, tool_calls ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls)
    AND EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls)
    SELECT 'delete', id, content, tool_name, tool_calls FROM messages_search WHERE id = old.id;
END""",
    "messages_fts_update_after": """\
CREATE TRIGGER messages_fts_update_after
AFTER UPDATE OF id, content, content_format, tool_name, tool_calls ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls)
BEGIN
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls)
    SELECT id, content, tool_name, tool_calls FROM messages_search WHERE id = new.id;
END""",
}

RECORD_STATE = """\
INSERT INTO search_index(id, state, changed_at)
SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM messages) THEN 'incomplete' ELSE 'ready' END,
    (julianday('now') - 2440587.5) * 86400"""

OLD_MESSAGES_FTS = """\
CREATE VIRTUAL TABLE messages_fts USING fts5(
    content,
    content=messages,
    content_rowid=id
)"""

OLD_TRIGGERS = {
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


def run(*statements: str) -> None:
    """Execute each; `op.execute` takes a bare colon for a parameter."""
    for statement in statements:
        op.execute(statement.replace(":", r"\:"))


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        run(*(f"DROP TRIGGER IF EXISTS {name}" for name in OLD_TRIGGERS))
        run("DROP TABLE IF EXISTS messages_fts")
        run(SEARCH_INDEX, MESSAGES_SEARCH, MESSAGES_FTS, *TRIGGERS.values(), RECORD_STATE)


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        run(*(f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS))
        run("DROP TABLE IF EXISTS messages_fts", "DROP VIEW messages_search")
        run("DROP TABLE search_index", OLD_MESSAGES_FTS, *OLD_TRIGGERS.values())
        run("INSERT INTO messages_fts(messages_fts) VALUES('rebuild')")
