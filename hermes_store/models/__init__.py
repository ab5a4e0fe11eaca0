"""The tables: what a row of each means. The mapped classes stand in `hermes_store.models.mapped`.

They are imported when they are first used: a repository reads and writes without them, and
`sqlalchemy.orm` is a quarter of the time in which a program starts.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in hermes_store/__init__.py
if TYPE_CHECKING:
    from typing import Any

    from hermes_store.models.mapped import (
        Base,
        Lease,
        Message,
        Meta,
        Session,
        Usage,
        messages,
        sessions,
    )

__all__ = ["Base", "Lease", "Message", "Meta", "Session", "Usage", "messages", "sessions"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module("hermes_store.models.mapped"), name)
    return value
