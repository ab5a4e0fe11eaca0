"""What finds messages: the store on both databases, and three indexes as people set them up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, create_engine, text

from hermes_store import SessionRepository

__all__ = ["Search", "fts5", "store", "to_tsvector"]

Search = Callable[[str], set[int]]
"""The places in the list of messages of what a query finds."""


@contextmanager
def store(messages: Sequence[str], database: URL | Path | None = None) -> Iterator[Search]:
    """Hermes' own search, on a new file or in an empty database."""
    with (
        TemporaryDirectory() as folder,
        SessionRepository(database or Path(folder) / "state.db") as repository,
    ):
        repository.create_session("s", "cli")
        given = [{"role": "tool", "content": each} for each in messages]
        places = {id_: at for at, id_ in enumerate(repository.append_messages("s", given))}
        yield lambda typed: {
            places[hit["id"]] for hit in repository.search_messages(typed, limit=None)
        }


@contextmanager
def fts5(messages: Sequence[str], tokenizer: str) -> Iterator[Search]:
    """FTS5 with one of its own tokenizers; what is typed is a phrase, as tutorials quote it."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(f"CREATE VIRTUAL TABLE found USING fts5(content, tokenize='{tokenizer}')")
        rows = [(at, each.replace("\0", " ")) for at, each in enumerate(messages)]
        db.executemany("INSERT INTO found(rowid, content) VALUES (?, ?)", rows)

        def search(typed: str) -> set[int]:
            match = " ".join(
                '"' + each.replace('"', '""') + '"' for each in typed.replace('"', " ").split()
            )
            found = db.execute("SELECT rowid FROM found WHERE found MATCH ?", (match,))
            return {at for (at,) in found}

        yield search


@contextmanager
def to_tsvector(messages: Sequence[str], database: URL) -> Iterator[Search]:
    """PostgreSQL's own parser without a language, and its web-style query."""
    engine = create_engine(database)
    try:
        with engine.connect() as connection:
            connection.execute(
                text("CREATE TEMP TABLE found (at integer, words tsvector)"),
            )
            connection.execute(
                text("INSERT INTO found VALUES (:at, to_tsvector('simple', :content))"),
                [
                    {"at": at, "content": each.replace("\0", " ")}
                    for at, each in enumerate(messages)
                ],
            )
            query = text(
                "SELECT at FROM found WHERE words @@ websearch_to_tsquery('simple', :typed)"
            )
            yield lambda typed: set(connection.scalars(query, {"typed": typed}))
    finally:
        engine.dispose()
