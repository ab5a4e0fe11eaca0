"""The managed data layer for AI-agent conversations: sessions, messages and search.

A name is imported when it is first used: the command's `--help`, a completion and Ctrl-C do not
wait for SQLAlchemy.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # to import `typing` takes six times as long as the rest of this file
if TYPE_CHECKING:
    from typing import Any

    from hermes_store import errors
    from hermes_store.asynchronous.repository import AsyncSessionRepository
    from hermes_store.filters import SessionFilter
    from hermes_store.repository import SessionRepository, Transaction
    from hermes_store.settings import Settings

__all__ = [
    "AsyncSessionRepository",
    "SessionFilter",
    "SessionRepository",
    "Settings",
    "Transaction",
    "__version__",
    "errors",
]
__version__ = "0.1.0"  # the project file says the same

_MODULES = {
    "AsyncSessionRepository": "asynchronous.repository",
    "SessionFilter": "filters",
    "Settings": "settings",
}
"""Where a name comes from, unless it is of the repository."""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _leave_logging_to_the_program()
    value = globals()[name] = _imported(name)
    return value


def _imported(name: str) -> Any:
    if name == "errors":
        return import_module("hermes_store.errors")
    module = _MODULES.get(name, "repository")
    return getattr(import_module(f"hermes_store.{module}"), name)


def _leave_logging_to_the_program() -> None:
    import logging  # noqa: PLC0415 - SQLAlchemy imports it too; alone it would double our import

    logger = logging.getLogger(__name__)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


if "logging" in sys.modules:
    _leave_logging_to_the_program()
