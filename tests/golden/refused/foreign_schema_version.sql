-- Another application's sessions, and its schema_version.

CREATE TABLE schema_version (
    version INTEGER NOT NULL
);
INSERT INTO schema_version (version) VALUES (3);
CREATE TABLE sessions (id INTEGER PRIMARY KEY, session_id TEXT, data BLOB);
