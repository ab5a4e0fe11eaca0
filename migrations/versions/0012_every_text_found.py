"""A column for what search takes in place of a text: one folding of texts and queries.

Why: in tool results that are JSON text every word that begins a line was hidden behind `n`, a colour
of the terminal hid the word behind it, and the same letters in another form were other words. What
SQL can undo the view undoes. What it cannot, `messages.folded` holds: the folded text, and other forms
of words. It is NULL for most messages, and for those that other tools insert.

The revision is quick at any size. On SQLite the index starts empty. On PostgreSQL the column `search`
was generated, and another expression would write the whole table anew. So it becomes an ordinary
column that keeps its words, and a trigger makes those of each message that is written. On both, old
messages are indexed afterwards, in steps that can be interrupted; until then `search_index`, which
PostgreSQL now has too, says that search is incomplete.

On PostgreSQL the way back makes the column generated again: the server writes the table anew and locks
it meanwhile, some two minutes for a million messages.
"""

# ruff: noqa: E501, RUF001 - the SQL and the symbols are what they are

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DatabaseError

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MESSAGES_SEARCH = r"""CREATE VIEW messages_search(id, content, tool_name, tool_calls, forms) AS
SELECT m.id,
    CASE
    WHEN (m.folded IS NULL OR m.folded GLOB '{"forms": "*"}')
        AND m.content_format IS NULL AND length(m.content) <= 1000000
        AND m.content NOT GLOB '[[{"]*' AND (
        length(m.content) = length(CAST(m.content AS BLOB))
        OR length(m.content) = length(CAST(
            replace(m.content, CAST(x'E280' AS TEXT), '') AS BLOB))
        OR length(m.content) = length(CAST(
            replace(replace(replace(replace(replace(m.content,
                CAST(x'E280' AS TEXT), ''), CAST(x'C2' AS TEXT), ''), CAST(x'C3' AS TEXT), ''),
                CAST(x'D0' AS TEXT), ''), CAST(x'D1' AS TEXT), '') AS BLOB))) THEN m.content
    WHEN m.content IS NOT NULL THEN (WITH
        t(text) AS MATERIALIZED (SELECT coalesce(CASE WHEN json_valid(m.folded) THEN
            substr(json_extract(m.folded, '$.content'), 1, 1000000) END, CASE
            WHEN m.content_format IS NULL AND m.content GLOB '[[{"]*' AND instr(m.content, '\') AND json_valid(m.content) THEN
                substr(json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(m.content, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            WHEN m.content_format IS NULL OR NOT json_valid(m.content) THEN
                CASE WHEN length(m.content) > 1000000
                THEN substr(m.content, 1, 1000000) ELSE m.content END
            WHEN (length(m.content) - length(replace(m.content, '"', ''))) * length(m.content)
                > 200000000 THEN
                substr(json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(m.content, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            ELSE (WITH RECURSIVE
            piece(n, p, rest, key) AS (
                SELECT 0, '',
                    replace(
                    replace(replace(m.content, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022') || '"',
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
                AND key NOT IN ('type', 'id', 'data', 'media_type', 'signature', 'tool_use_id') AND p NOT GLOB 'data:*'
                AND (length(p) <= 512 OR p GLOB '* *' OR p GLOB '*\n*'
                    OR length(p) < length(CAST(p AS BLOB)))
            ) END))
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
        t(text) AS MATERIALIZED (SELECT coalesce(CASE WHEN json_valid(m.folded) THEN
            substr(json_extract(m.folded, '$.tool_name'), 1, 1000000) END, m.tool_name)),
        letter(c, n, text) AS (
            SELECT '', 1, text FROM t
            UNION ALL
            SELECT substr(text, n, 1), n + 1, text FROM letter WHERE n <= length(text)
        )
        SELECT group_concat(CASE WHEN c GLOB '[ก-ᇿក-៿⌀-⓿■-𳑹]' THEN ' ' || c || ' ' ELSE c END, '')
        FROM letter)
    END,
    CASE WHEN m.tool_calls IS NOT NULL THEN (WITH
        t(text) AS MATERIALIZED (SELECT coalesce(CASE WHEN m.folded IS NOT NULL
            AND NOT m.folded GLOB '{"forms": "*"}' THEN CASE WHEN json_valid(m.folded) THEN
            substr(json_extract(m.folded, '$.tool_calls'), 1, 1000000) END END, CASE
            WHEN NOT json_valid('[' || m.tool_calls || ']') THEN
                CASE WHEN length(m.tool_calls) > 1000000
                THEN substr(m.tool_calls, 1, 1000000) ELSE m.tool_calls END
            WHEN json_array_length('[' || m.tool_calls || ']', '$[0]') > 1000 THEN
                substr(json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(m.tool_calls, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            ELSE (WITH RECURSIVE
            call(i, number, list) AS (
                SELECT 0, json_array_length(list), list FROM (
                    SELECT CASE WHEN json GLOB '[[]*' THEN json ELSE '[' || json || ']' END
                        AS list
                    FROM (SELECT CASE WHEN instr(m.tool_calls, '\u0000')
                        THEN replace(replace(m.tool_calls, '\\', '\u005c'), '\u0000', ' ')
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
                    replace(replace(json, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]')
                END, ' '), 1, 1000000)
            FROM part) END))
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
    CASE WHEN m.folded IS NULL THEN NULL
    WHEN m.folded GLOB '{"forms": "*"}' AND length(m.folded) = length(CAST(m.folded AS BLOB))
        AND instr(m.folded, '\') = 0 THEN substr(m.folded, 12, length(m.folded) - 13)
    ELSE (WITH
        t(text) AS MATERIALIZED (SELECT CASE WHEN json_valid(m.folded) THEN
            substr(json_extract(m.folded, '$.forms'), 1, 1000000) END)
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
        END FROM t WHERE text IS NOT NULL)
    END
FROM messages AS m"""

MESSAGES_FTS = r"""CREATE VIRTUAL TABLE messages_fts USING fts5(
    content, tool_name, tool_calls, forms,
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
    "messages_fts_insert": r"""CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages
BEGIN
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
    SELECT id, content, tool_name, tool_calls, forms FROM messages_search WHERE id = new.id;
END""",
    "messages_fts_delete": r"""CREATE TRIGGER messages_fts_delete BEFORE DELETE ON messages
WHEN EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls, forms)
    SELECT 'delete', id, content, tool_name, tool_calls, forms
    FROM messages_search WHERE id = old.id;
END""",
    "messages_fts_update_before": r"""CREATE TRIGGER messages_fts_update_before
BEFORE UPDATE OF id, content, content_format, tool_name, tool_calls, folded ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls, old.folded)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls, new.folded)
    AND EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls, forms)
    SELECT 'delete', id, content, tool_name, tool_calls, forms
    FROM messages_search WHERE id = old.id;
END""",
    "messages_fts_update_after": r"""CREATE TRIGGER messages_fts_update_after
AFTER UPDATE OF id, content, content_format, tool_name, tool_calls, folded ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls, old.folded)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls, new.folded)
BEGIN
    UPDATE messages SET folded = NULL
    WHERE id = new.id AND folded IS NOT NULL AND old.folded IS new.folded
        AND (old.id, old.content, old.content_format, old.tool_name, old.tool_calls)
            IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls);
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
    SELECT id, content, tool_name, tool_calls, forms FROM messages_search WHERE id = new.id
    AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = new.id);
END""",
}

OLD_ON_SQLITE = {
    "messages_search": r"""CREATE VIEW messages_search(id, content, tool_name, tool_calls) AS
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
                    replace(replace(m.content, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            ELSE (WITH RECURSIVE
            piece(n, p, rest, key) AS (
                SELECT 0, '',
                    replace(
                    replace(replace(m.content, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022') || '"',
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
                AND (length(p) <= 512 OR p GLOB '* *' OR p GLOB '*\n*'
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
                    replace(replace(m.tool_calls, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            ELSE (WITH RECURSIVE
            call(i, number, list) AS (
                SELECT 0, json_array_length(list), list FROM (
                    SELECT CASE WHEN json GLOB '[[]*' THEN json ELSE '[' || json || ']' END
                        AS list
                    FROM (SELECT CASE WHEN instr(m.tool_calls, '\u0000')
                        THEN replace(replace(m.tool_calls, '\\', '\u005c'), '\u0000', ' ')
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
                    replace(replace(json, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
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
FROM messages AS m""",
    "messages_fts": r"""CREATE VIRTUAL TABLE messages_fts USING fts5(
    content, tool_name, tool_calls,
    content=messages_search, content_rowid=id,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc Co So' separators '
¦©®°₺₻₼₽₾₿⃀
℀℁℃℄℅℆℈℉℔№℗℞℟℠℡™℣⅏
↕↖↗↘↙↜↝↞↟↡↢↤↥↧↨↩↪↫↬↭↯↰↱↲↳↴↵↶↷↸↹↺↻↼↽↾↿⇀⇁⇂⇃⇄⇅⇆⇇⇈⇉⇊⇋⇌⇍⇐⇑⇓⇕⇖⇗⇘⇙⇚⇛⇜⇝⇞⇟⇠⇡⇢⇣⇤⇥⇦⇧⇨⇩⇪⇫⇬⇭⇮⇯⇰⇱⇲⇳
─━│┃┄┅┆┇┈┉┊┋┌┍┎┏┐┑┒┓└┕┖┗┘┙┚┛├┝┞┟┠┡┢┣┤┥┦┧┨┩┪┫┬┭┮┯┰┱┲┳┴┵┶┷┸┹┺┻┼┽┾┿
╀╁╂╃╄╅╆╇╈╉╊╋╌╍╎╏═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬╭╮╯╰╱╲╳╴╵╶╷╸╹╺╻╼╽╾╿
▀▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐░▒▓▔▕▖▗▘▙▚▛▜▝▞▟'"
)""",
    "messages_fts_insert": r"""CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages
BEGIN
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls)
    SELECT id, content, tool_name, tool_calls FROM messages_search WHERE id = new.id;
END""",
    "messages_fts_delete": r"""CREATE TRIGGER messages_fts_delete BEFORE DELETE ON messages
WHEN EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls)
    SELECT 'delete', id, content, tool_name, tool_calls FROM messages_search WHERE id = old.id;
END""",
    "messages_fts_update_before": r"""CREATE TRIGGER messages_fts_update_before
BEFORE UPDATE OF id, content, content_format, tool_name, tool_calls ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls)
    AND EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls)
    SELECT 'delete', id, content, tool_name, tool_calls FROM messages_search WHERE id = old.id;
END""",
    "messages_fts_update_after": r"""CREATE TRIGGER messages_fts_update_after
AFTER UPDATE OF id, content, content_format, tool_name, tool_calls ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls)
BEGIN
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls)
    SELECT id, content, tool_name, tool_calls FROM messages_search WHERE id = new.id;
END""",
}

STATE_ON_POSTGRESQL = r"""CREATE TABLE search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL CHECK (state IN ('ready', 'incomplete', 'damaged')),
    detail TEXT NOT NULL DEFAULT '',
    changed_at DOUBLE PRECISION NOT NULL,
    owner TEXT,
    owned_until DOUBLE PRECISION,
    filled BIGINT NOT NULL DEFAULT 0
)"""

ON_POSTGRESQL = {
    "hermes_search_folded": r"""
CREATE FUNCTION hermes_search_folded(folded text, place text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN CAST(folded AS json) ->> place;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN  -- another tool's
    RETURN NULL;
END $$""",
    "hermes_search_json": r"""
CREATE FUNCTION hermes_search_json(content text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF content ~ '^[[{"]' AND strpos(content, '\') > 0 THEN
        PERFORM CAST(content AS json);
        RETURN left(CAST('["' || translate(replace(replace(replace(replace(content,
            '\\', '\u005c'), '\u0000', ' '), '\"', '\u0022'), '"', ''), E'\n\r\t', '   ')
            || '"]' AS json) ->> 0, 1000000);
    END IF;
    RETURN left(content, 1000000);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN  -- no JSON, or too deep
    RETURN left(content, 1000000);
END $$""",
    "hermes_search_parts": r"""
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
        ELSIF key NOT IN ('type', 'id', 'data', 'media_type', 'signature', 'tool_use_id') AND piece NOT LIKE 'data:%'
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
END $$""",
    "messages_search": r"""
CREATE VIEW messages_search AS
SELECT id,
    coalesce(hermes_search_folded(folded, 'content'), CASE WHEN content_format IS NULL THEN hermes_search_json(content) ELSE hermes_search_parts(content) END) AS content,
    coalesce(hermes_search_folded(folded, 'tool_name'), tool_name) AS tool_name,
    coalesce(hermes_search_folded(folded, 'tool_calls'), hermes_search_calls(tool_calls)) AS tool_calls,
    hermes_search_folded(folded, 'forms') AS forms
FROM messages""",
    "hermes_search_of_message": r"""
CREATE FUNCTION hermes_search_of_message(
    content text, content_format text, tool_name text, tool_calls text, folded text
) RETURNS tsvector LANGUAGE sql IMMUTABLE
RETURN coalesce(hermes_search_vector(hermes_search_fold(
    coalesce(coalesce(hermes_search_folded(folded, 'content'), CASE WHEN content_format IS NULL THEN hermes_search_json(content) ELSE hermes_search_parts(content) END), '')
    || coalesce(E' \x1c ' || coalesce(hermes_search_folded(folded, 'tool_name'), tool_name), '')
    || coalesce(E' \x1c ' || coalesce(hermes_search_folded(folded, 'tool_calls'), hermes_search_calls(tool_calls)), '')
    || coalesce(E' \x1c ' || hermes_search_folded(folded, 'forms'), ''))), '')""",
    "hermes_search_keep": r"""
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
END $$""",
    "zz_messages_search": r"""
CREATE TRIGGER zz_messages_search
BEFORE INSERT OR UPDATE OF content, content_format, tool_name, tool_calls, folded ON messages
FOR EACH ROW EXECUTE FUNCTION hermes_search_keep()""",
}

OLD_ON_POSTGRESQL = {
    "hermes_search_parts": r"""
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
END $$""",
    "messages_search": r"""
CREATE VIEW messages_search AS
SELECT id,
    CASE WHEN content_format IS NULL THEN left(content, 1000000)
        ELSE hermes_search_parts(content) END AS content,
    tool_name,
    hermes_search_calls(tool_calls) AS tool_calls
FROM messages""",
    "search": r"""
ALTER TABLE messages ADD COLUMN search tsvector GENERATED ALWAYS AS (
    hermes_search_vector(hermes_search_fold(
        coalesce(CASE WHEN content_format IS NULL THEN left(content, 1000000)
        ELSE hermes_search_parts(content) END, '')
        || coalesce(E' \x1c ' || tool_name, '')
        || coalesce(E' \x1c ' || hermes_search_calls(tool_calls), '')))
) STORED""",
    "idx_messages_search": r"""CREATE INDEX idx_messages_search ON messages USING gin (search)""",
}

RECORD_STATE = """\
UPDATE search_index SET detail = '', owner = NULL, owned_until = NULL,
    state = CASE WHEN EXISTS (SELECT 1 FROM messages) THEN 'incomplete' ELSE 'ready' END,
    changed_at = (julianday('now') - 2440587.5) * 86400"""

SHADOWS = {
    "messages_fts_data": "(id INTEGER PRIMARY KEY, block BLOB)",
    "messages_fts_idx": "(segid, term, pgno, PRIMARY KEY (segid, term)) WITHOUT ROWID",
    "messages_fts_docsize": "(id INTEGER PRIMARY KEY, sz BLOB)",
    "messages_fts_config": "(k PRIMARY KEY, v) WITHOUT ROWID",
}

RECORD_STATE_ON_POSTGRESQL = """\
INSERT INTO search_index(id, state, changed_at)
SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM messages) THEN 'incomplete' ELSE 'ready' END,
    EXTRACT(EPOCH FROM now())"""


def run(*statements: str) -> None:
    """Execute each; `op.execute` takes a bare colon for a parameter."""
    for statement in statements:
        op.execute(statement.replace(":", r"\:"))


def drop_on_sqlite() -> None:
    run(*(f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS))
    run("DROP VIEW IF EXISTS messages_search")
    if op.get_context().as_sql:
        run("DROP TABLE IF EXISTS messages_fts")
        return
    try:
        run("DROP TABLE IF EXISTS messages_fts")
    except DatabaseError:  # SQLite opens it to drop it: tables of its own are missing or damaged
        run(*(f"CREATE TABLE IF NOT EXISTS {name} {columns}" for name, columns in SHADOWS.items()))
        run("INSERT OR REPLACE INTO messages_fts_config(k, v) VALUES ('version', 4)")
        run("INSERT OR REPLACE INTO messages_fts_data(id, block) VALUES (10, zeroblob(7))")
        run("DROP TABLE messages_fts")
    run(*(f"DROP TABLE IF EXISTS {name}" for name in SHADOWS))


def free_on_postgresql() -> None:
    """Make the column an ordinary one, which takes no time, and drop what is made anew.

    A column or an index that somebody dropped is there again afterwards.
    """
    run("ALTER TABLE messages ADD COLUMN IF NOT EXISTS search tsvector")
    run("ALTER TABLE messages ALTER COLUMN search DROP EXPRESSION IF EXISTS")
    run("CREATE INDEX IF NOT EXISTS idx_messages_search ON messages USING gin (search)")
    run("DROP VIEW IF EXISTS messages_search", "DROP FUNCTION IF EXISTS hermes_search_parts(text)")


def drop_on_postgresql() -> None:
    run("DROP TRIGGER IF EXISTS zz_messages_search ON messages")
    run("ALTER TABLE messages DROP COLUMN IF EXISTS search", "DROP VIEW IF EXISTS messages_search")
    for name in ("keep", "of_message", "parts", "json", "folded"):
        run(f"DROP FUNCTION IF EXISTS hermes_search_{name}")


def upgrade() -> None:
    op.add_column("messages", sa.Column("folded", sa.Text()))
    if op.get_context().dialect.name == "sqlite":
        drop_on_sqlite()
        run(MESSAGES_SEARCH, MESSAGES_FTS, *TRIGGERS.values(), RECORD_STATE)
    else:
        free_on_postgresql()
        for statement in (STATE_ON_POSTGRESQL, RECORD_STATE_ON_POSTGRESQL, *ON_POSTGRESQL.values()):
            op.execute(statement)


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        drop_on_sqlite()
        op.execute("ALTER TABLE messages DROP COLUMN folded")
        run(*OLD_ON_SQLITE.values(), RECORD_STATE)
    else:
        drop_on_postgresql()
        op.drop_table("search_index")
        op.drop_column("messages", "folded")
        for statement in OLD_ON_POSTGRESQL.values():
            op.execute(statement)
