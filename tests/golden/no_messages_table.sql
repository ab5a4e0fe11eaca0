-- The process died while it created the schema: sessions only.

CREATE TABLE schema_version (
    version INTEGER NOT NULL
);

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

INSERT INTO sessions (id, source, user_id, model, system_prompt, parent_session_id, started_at, ended_at, end_reason, message_count, tool_call_count, input_tokens, output_tokens) VALUES
    ('20260101_090000_a1b2c3', 'cli', NULL, 'claude-opus', 'You are Hermes.', NULL, 1767258000.0, 1767261600.0, 'compression', 3, 1, 1200, 345),
    ('20260101_100000_d4e5f6', 'cli', NULL, 'claude-opus', 'You are Hermes.', '20260101_090000_a1b2c3', 1767261600.5, NULL, NULL, 2, 0, 80, 12),
    ('20260102_080000_070809', 'telegram', '42', NULL, NULL, NULL, 1767340800.25, NULL, NULL, 0, 0, 0, 0);
