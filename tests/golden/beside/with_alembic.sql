-- Another application that uses Alembic, and even numbers its revisions like us.

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('0004');
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
