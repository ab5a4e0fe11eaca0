-- The schema of a new database at revision 0023. Written by 'make schema'.
CREATE TABLE hermes_store_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT hermes_store_version_pkc PRIMARY KEY (version_num)
)
;
CREATE TABLE sessions (
	id TEXT NOT NULL, 
	source TEXT NOT NULL, 
	user_id TEXT, 
	model TEXT, 
	model_config TEXT, 
	system_prompt TEXT, 
	parent_session_id TEXT, 
	started_at REAL NOT NULL, 
	ended_at REAL, 
	end_reason TEXT, 
	message_count INTEGER DEFAULT 0, 
	tool_call_count INTEGER DEFAULT 0, 
	input_tokens INTEGER DEFAULT 0, 
	output_tokens INTEGER DEFAULT 0, title TEXT, cache_read_tokens INTEGER DEFAULT 0, cache_write_tokens INTEGER DEFAULT 0, reasoning_tokens INTEGER DEFAULT 0, billing_provider TEXT, billing_base_url TEXT, billing_mode TEXT, estimated_cost_usd REAL, actual_cost_usd REAL, cost_status TEXT, cost_source TEXT, pricing_version TEXT, last_active REAL, link TEXT, archived REAL, pinned INTEGER DEFAULT 0, cwd TEXT, "key" TEXT, api_call_count INTEGER DEFAULT 0, extra TEXT, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_parent_session_id_sessions FOREIGN KEY(parent_session_id) REFERENCES sessions (id)
)
;
CREATE TABLE messages (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	session_id TEXT NOT NULL, 
	role TEXT NOT NULL, 
	content TEXT, 
	tool_call_id TEXT, 
	tool_calls TEXT, 
	tool_name TEXT, 
	timestamp REAL NOT NULL, 
	token_count INTEGER, finish_reason TEXT, reasoning TEXT, reasoning_details TEXT, codex_reasoning_items TEXT, content_format TEXT, folded TEXT, name TEXT, external_id TEXT, extra TEXT, state TEXT, may_wait INTEGER, 
	CONSTRAINT fk_messages_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
)
;
CREATE INDEX idx_sessions_source ON sessions (source)
;
CREATE INDEX idx_sessions_parent ON sessions (parent_session_id)
;
CREATE UNIQUE INDEX idx_sessions_title_unique ON sessions (title) WHERE title IS NOT NULL
;
CREATE TABLE search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL CHECK (state IN ('ready', 'incomplete', 'damaged')),
    detail TEXT NOT NULL DEFAULT '',
    changed_at REAL NOT NULL,
    owner TEXT,
    owned_until REAL
, indexed_upto INTEGER NOT NULL DEFAULT 0)
;
CREATE VIRTUAL TABLE messages_fts USING fts5(
    content, tool_name, tool_calls, forms,
    content=messages_search, content_rowid=id,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc Co So' separators '
¦©®°₺₻₼₽₾₿⃀
℀℁℃℄℅℆℈℉℔№℗℞℟℠℡™℣⅏
↕↖↗↘↙↜↝↞↟↡↢↤↥↧↨↩↪↫↬↭↯↰↱↲↳↴↵↶↷↸↹↺↻↼↽↾↿⇀⇁⇂⇃⇄⇅⇆⇇⇈⇉⇊⇋⇌⇍⇐⇑⇓⇕⇖⇗⇘⇙⇚⇛⇜⇝⇞⇟⇠⇡⇢⇣⇤⇥⇦⇧⇨⇩⇪⇫⇬⇭⇮⇯⇰⇱⇲⇳
─━│┃┄┅┆┇┈┉┊┋┌┍┎┏┐┑┒┓└┕┖┗┘┙┚┛├┝┞┟┠┡┢┣┤┥┦┧┨┩┪┫┬┭┮┯┰┱┲┳┴┵┶┷┸┹┺┻┼┽┾┿
╀╁╂╃╄╅╆╇╈╉╊╋╌╍╎╏═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬╭╮╯╰╱╲╳╴╵╶╷╸╹╺╻╼╽╾╿
▀▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐░▒▓▔▕▖▗▘▙▚▛▜▝▞▟'"
)
;
CREATE INDEX idx_messages_session ON messages (session_id, id, state)
;
CREATE UNIQUE INDEX idx_messages_external_id ON messages (session_id, external_id) WHERE external_id IS NOT NULL AND state IS NULL
;
CREATE INDEX idx_messages_rewound ON messages (state, id) WHERE state = 'rewound'
;
CREATE INDEX idx_sessions_continued ON sessions (parent_session_id, started_at, id) WHERE link = 'compression'
;
CREATE INDEX idx_sessions_key ON sessions ("key", started_at) WHERE key IS NOT NULL
;
CREATE TABLE usage (
	session_id TEXT NOT NULL, 
	hour INTEGER NOT NULL, 
	task TEXT DEFAULT '' NOT NULL, 
	model TEXT DEFAULT '' NOT NULL, 
	provider TEXT DEFAULT '' NOT NULL, 
	base_url TEXT DEFAULT '' NOT NULL, 
	mode TEXT DEFAULT '' NOT NULL, 
	calls INTEGER DEFAULT 0 NOT NULL, 
	input_tokens INTEGER DEFAULT 0 NOT NULL, 
	output_tokens INTEGER DEFAULT 0 NOT NULL, 
	cache_read_tokens INTEGER DEFAULT 0 NOT NULL, 
	cache_write_tokens INTEGER DEFAULT 0 NOT NULL, 
	reasoning_tokens INTEGER DEFAULT 0 NOT NULL, 
	estimated_cost_usd REAL, 
	actual_cost_usd REAL, 
	first_at REAL NOT NULL, 
	last_at REAL NOT NULL, 
	CONSTRAINT pk_usage PRIMARY KEY (session_id, hour, task, model, provider, base_url, mode), 
	CONSTRAINT fk_usage_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
)
;
CREATE INDEX idx_usage_hour ON usage (hour)
;
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT, 
	CONSTRAINT pk_meta PRIMARY KEY ("key")
)
;
CREATE TABLE leases (
	name TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	acquired_at REAL NOT NULL, 
	expires_at REAL NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
)
;
CREATE INDEX idx_sessions_started ON sessions (started_at DESC, id DESC)
;
CREATE INDEX idx_sessions_last_active ON sessions (last_active DESC, id DESC)
;
CREATE VIEW messages_search AS
SELECT id, content, tool_name, tool_calls, forms FROM messages_text
WHERE id <= coalesce((SELECT indexed_upto FROM search_index), 9223372036854775807)
;
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages
WHEN new.may_wait IS NULL
    OR new.id - coalesce((SELECT indexed_upto FROM search_index), 9223372036854775807) NOT BETWEEN 1 AND 31
BEGIN
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
    SELECT id, content, tool_name, tool_calls, forms FROM messages_text
    WHERE id BETWEEN min(new.id, 1 + coalesce((SELECT indexed_upto FROM search_index), 9223372036854775807)) AND new.id;
    UPDATE search_index SET indexed_upto = new.id WHERE indexed_upto < new.id;
END
;
CREATE TRIGGER messages_fts_delete BEFORE DELETE ON messages
WHEN EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls, forms)
    SELECT 'delete', id, content, tool_name, tool_calls, forms
    FROM messages_text WHERE id = old.id;
END
;
CREATE TRIGGER messages_fts_update_before
BEFORE UPDATE OF id, content, content_format, tool_name, tool_calls, folded ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls, old.folded)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls, new.folded)
    AND EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = old.id)
BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content, tool_name, tool_calls, forms)
    SELECT 'delete', id, content, tool_name, tool_calls, forms
    FROM messages_text WHERE id = old.id;
END
;
CREATE TRIGGER messages_fts_update_after
AFTER UPDATE OF id, content, content_format, tool_name, tool_calls, folded ON messages
WHEN (old.id, old.content, old.content_format, old.tool_name, old.tool_calls, old.folded)
    IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls, new.folded)
BEGIN
    UPDATE messages SET folded = NULL
    WHERE id = new.id AND folded IS NOT NULL AND old.folded IS new.folded
        AND (old.id, old.content, old.content_format, old.tool_name, old.tool_calls)
            IS NOT (new.id, new.content, new.content_format, new.tool_name, new.tool_calls);
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
    SELECT id, content, tool_name, tool_calls, forms FROM messages_text
    WHERE id = new.id AND id <= coalesce((SELECT indexed_upto FROM search_index), 9223372036854775807)
    AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize WHERE id = new.id);
END
;
CREATE VIEW messages_text(id, content, tool_name, tool_calls, forms) AS
SELECT m.id,
    CASE
    WHEN (m.folded IS NULL OR m.folded GLOB '{"forms": "*"}') AND m.content_format IS NULL
        AND m.content NOT GLOB '[[{"]*' AND length(CAST(m.content AS BLOB)) <= 1000000 AND (
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
            WHEN m.content_format IS NULL AND m.content GLOB '[[{"]*' AND instr(m.content, '\') AND json_valid(m.content)
                AND NOT instr(CAST(m.content AS BLOB), x'00') THEN
                substr(json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(m.content, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]'),
                1, 1000000)
            WHEN m.content_format IS NULL OR NOT json_valid(m.content)
                OR instr(CAST(m.content AS BLOB), x'00') THEN
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
    CASE WHEN m.tool_calls IS NULL THEN NULL
    WHEN (m.folded IS NULL OR m.folded GLOB '{"forms": "*"}')
        AND typeof(m.tool_calls) = 'text' AND m.tool_calls GLOB '[[]{*'
        AND length(CAST(m.tool_calls AS BLOB)) <= 1900
        AND length(m.tool_calls) = length(CAST(m.tool_calls AS BLOB))
        AND NOT instr(m.tool_calls, '\u') AND json_valid(m.tool_calls)
        AND json_array_length(m.tool_calls) = 1 THEN
        (WITH part(name, json) AS (
                SELECT
                    coalesce(json_extract(m.tool_calls, '$[0].function.name'),
                        json_extract(m.tool_calls, '$[0].name')),
                    coalesce(json_extract(m.tool_calls, '$[0].function.arguments'),
                        json_extract(m.tool_calls, '$[0].arguments'),
                        json_extract(m.tool_calls, '$[0].input'),
                        json_extract(m.tool_calls, '$[0]'))
                LIMIT 1 OFFSET 0
            )
            SELECT coalesce(name || ' ', '') || CASE
                WHEN NOT json_valid(json) THEN json
                ELSE json_extract('["' || replace(replace(replace(replace(
                    replace(
                    replace(replace(json, '\\', '\u005c'), '\u0000', ' '),
                    '\"', '\u0022'),
                    '"', ''), char(9), ' '), char(10), ' '), char(13), ' ') || '"]', '$[0]')
                END
            FROM part)
    ELSE (WITH
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
                    SELECT CASE WHEN json GLOB '[[]*' AND json_valid(json) THEN json
                        ELSE '[' || json || ']' END AS list
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
FROM messages AS m
;
INSERT INTO hermes_store_version (version_num)
VALUES ('0023')
;
INSERT INTO search_index (id, state, detail, changed_at, owner, owned_until, indexed_upto)
VALUES (1, 'ready', '', (julianday('now') - 2440587.5) * 86400, NULL, NULL, 0)
;
INSERT INTO messages_fts(messages_fts, rank) VALUES ('automerge', 8)
;
INSERT INTO messages_fts(messages_fts, rank) VALUES ('pgsz', 2000)
