-- Another application's sessions.

CREATE TABLE sessions (id INTEGER PRIMARY KEY, session_id TEXT, data BLOB, expiry TIMESTAMP);
CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT);
