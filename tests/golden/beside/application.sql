-- Another application's tables.

CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT);
INSERT INTO moz_places (url) VALUES ('https://example.org');
