-- Another application that has a schema_version like ours.

CREATE TABLE schema_version (
    version INTEGER NOT NULL
);
INSERT INTO schema_version (version) VALUES (3);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
