"""Statements that stay compiled from test to test.

SQLAlchemy compiles a statement once for each engine, and every test opens stores of its own: that
was a quarter of what tests of copying took. What is compiled depends on the dialect's settings and
the version of the database alone, so engines of equal ones share it.
"""

from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy
from sqlalchemy.util import LRUCache

_MOST = 5_000
_PLAIN = (bool, int, str, tuple, type(None))
_settings: WeakKeyDictionary[Any, tuple[Any, ...]] = WeakKeyDictionary()


class Kept(LRUCache[Any, Any]):
    """What is compiled, for all engines of equal dialects."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_equal(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_equal(key), compiled)


def _equal(key: Any) -> Any:
    """The key with what its dialect is, instead of which one."""
    dialect, *rest = key
    settings = _settings.get(dialect) or _of(dialect)
    return (settings, *rest)


def _of(dialect: Any) -> tuple[Any, ...]:
    plain = (value for value in vars(dialect).values() if isinstance(value, _PLAIN))
    found = (type(dialect), dialect.dbapi, *plain)
    if dialect.server_version_info:  # it has seen its database, and changes no more
        _settings[dialect] = found
    return found


def begin() -> None:
    """Let every engine that is made from now on share them."""
    create, kept = sqlalchemy.create_engine, Kept(_MOST)

    def create_sharing(*arguments: Any, **options: Any) -> Any:
        engine = create(*arguments, **options)
        engine.update_execution_options(compiled_cache=kept)
        return engine

    sqlalchemy.create_engine = create_sharing
