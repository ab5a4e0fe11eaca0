-- Another program made the messages anew, with ids of its own.

CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (6);

CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT NOT NULL, started_at REAL NOT NULL);
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT,
    timestamp REAL NOT NULL
);
INSERT INTO sessions VALUES ('s', 'cli', 1.0);
INSERT INTO messages VALUES ('m1', 's', 'user', 'Hello!', 2.0);
