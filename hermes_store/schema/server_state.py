"""What a server's database holds, before any connection works with it."""

from __future__ import annotations

from sqlalchemy import URL, Engine

from hermes_store.database.choice import backend_of
from hermes_store.database.failures import again_if_overtaken, typed_errors
from hermes_store.schema.state import State, look
from hermes_store.settings import Settings

__all__ = ["look_at_server"]


def look_at_server(url: URL, *, lock_timeout: float) -> State:
    """The state of a server's database. Only read, which a standby and fewer rights allow.

    A table that another process drops between two statements is looked for again. Raises what
    `look` raises, and typed errors.
    """
    backend = backend_of(url)
    engine = backend.read_engine(url, Settings(lock_timeout=lock_timeout))
    try:
        with typed_errors(backend):
            return again_if_overtaken(backend, lambda: _look(engine))
    finally:
        engine.dispose()


def _look(engine: Engine) -> State:
    with engine.connect() as connection:
        return look(connection)
