-- Values of other types than their columns: the original bound what it was given.

CREATE TABLE schema_version (
    version INTEGER NOT NULL
);
INSERT INTO schema_version (version) VALUES (6);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
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
    output_tokens INTEGER DEFAULT 0,
    title TEXT,
    cache_read_tokens INTEGER DEFAULT 0,
    cache_write_tokens INTEGER DEFAULT 0,
    reasoning_tokens INTEGER DEFAULT 0,
    billing_provider TEXT,
    billing_base_url TEXT,
    billing_mode TEXT,
    estimated_cost_usd REAL,
    actual_cost_usd REAL,
    cost_status TEXT,
    cost_source TEXT,
    pricing_version TEXT,
    FOREIGN KEY (parent_session_id) REFERENCES sessions(id)
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL REFERENCES sessions(id),
    role TEXT NOT NULL,
    content TEXT,
    tool_call_id TEXT,
    tool_calls TEXT,
    tool_name TEXT,
    timestamp REAL NOT NULL,
    token_count INTEGER,
    finish_reason TEXT,
    reasoning TEXT,
    reasoning_details TEXT,
    codex_reasoning_items TEXT
);

CREATE INDEX idx_sessions_source ON sessions(source);
CREATE INDEX idx_sessions_parent ON sessions(parent_session_id);
CREATE INDEX idx_sessions_started ON sessions(started_at DESC);
CREATE INDEX idx_messages_session ON messages(session_id, timestamp);
CREATE UNIQUE INDEX idx_sessions_title_unique ON sessions(title) WHERE title IS NOT NULL;

CREATE VIRTUAL TABLE messages_fts USING fts5(
    content,
    content=messages,
    content_rowid=id
);
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts(rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content) VALUES('delete', old.id, old.content);
END;
CREATE TRIGGER messages_fts_update AFTER UPDATE ON messages BEGIN
    INSERT INTO messages_fts(messages_fts, rowid, content) VALUES('delete', old.id, old.content);
    INSERT INTO messages_fts(rowid, content) VALUES (new.id, new.content);
END;

INSERT INTO sessions (id, source, user_id, model, system_prompt, parent_session_id, started_at, ended_at, end_reason, message_count, tool_call_count, input_tokens, output_tokens) VALUES
    ('20260101_090000_a1b2c3', 'cli', NULL, 'claude-opus', 'You are Hermes.', NULL, 1767258000.0, 1767261600.0, 'compression', 3, 1, 1200, 345),
    ('20260101_100000_d4e5f6', 'cli', NULL, 'claude-opus', 'You are Hermes.', '20260101_090000_a1b2c3', 1767261600.5, NULL, NULL, 2, 0, 80, 12),
    ('20260102_080000_070809', 'telegram', '42', NULL, NULL, NULL, 1767340800.25, NULL, NULL, 0, 0, 0, 0);
INSERT INTO messages (id, session_id, role, content, tool_call_id, tool_calls, tool_name, timestamp, token_count) VALUES
    (1, '20260101_090000_a1b2c3', 'user', 'Why don''t the tests in foo/bar.py pass?', NULL, NULL, NULL, 1767258001.0, 11),
    (2, '20260101_090000_a1b2c3', 'assistant', NULL, NULL, '[{"id": "call_1", "type": "function", "function": {"name": "terminal", "arguments": "{\"command\": \"pytest -x\"}"}}]', NULL, 1767258003.5, NULL),
    (3, '20260101_090000_a1b2c3', 'tool', 'AssertionError: 50% done', 'call_1', NULL, 'terminal', 1767258003.0, NULL),
    (5, '20260101_100000_d4e5f6', 'user', '记忆断裂 after the upgrade', NULL, NULL, NULL, 1767261601.0, NULL),
    (6, '20260101_100000_d4e5f6', 'assistant', 'Fixed the needle in the index.', NULL, NULL, NULL, 1767261609.125, 9);
UPDATE messages SET finish_reason = 'stop' WHERE role = 'assistant';
UPDATE sessions SET title = 'deploy script' WHERE id = '20260101_090000_a1b2c3';
UPDATE sessions SET cache_read_tokens = 64, estimated_cost_usd = 0.0125, cost_status = 'estimated', billing_provider = 'anthropic'
    WHERE id = '20260101_090000_a1b2c3';
UPDATE messages SET reasoning = 'Look at the index first.', reasoning_details = '[{"type": "summary", "text": "index"}]' WHERE id = 6;

INSERT INTO sessions (id, source, model, started_at, title, input_tokens, output_tokens, estimated_cost_usd) VALUES
    (CAST('bytes' AS BLOB), CAST('cli' AS BLOB), CAST('claude-ü' AS BLOB), 1767344400.0, CAST('titel' AS BLOB), 'many', 1.5, '0.25 USD'),
    ('continued', 'cli', NULL, 1767348000.0, NULL, CAST('12' AS BLOB), -3, CAST('1' AS BLOB));
UPDATE sessions SET parent_session_id = CAST('bytes' AS BLOB) WHERE id = 'continued';
INSERT INTO messages (session_id, role, content, tool_name, timestamp, token_count) VALUES
    (CAST('bytes' AS BLOB), 'user', CAST('a needle in bytes' AS BLOB), CAST('terminal' AS BLOB), 1767344401.0, 'few'),
    ('continued', CAST('user' AS BLOB), 'x', NULL, 1767348001.0, 2.5);
