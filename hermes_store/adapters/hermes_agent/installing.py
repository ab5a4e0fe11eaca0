"""Put the class in the place of Hermes' own."""

from __future__ import annotations

from importlib import import_module

from hermes_store.adapters.hermes_agent.session_db import SessionDB

__all__ = ["install"]


def install() -> None:
    """Let every module of Hermes that is imported from now on use this `SessionDB`.

    Hermes' own module `hermes_state` stays, with our class in it. Call this before other modules
    of Hermes are imported: they copy the name. Raises ModuleNotFoundError without Hermes Agent.
    """
    program = import_module("hermes_state")
    program.SessionDB = SessionDB  # type: ignore[attr-defined]  # a module of the program
