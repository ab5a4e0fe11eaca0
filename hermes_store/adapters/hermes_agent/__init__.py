"""Hermes Agent on a store: its class `SessionDB`, and what puts it into the program.

    from hermes_store.adapters import hermes_agent

    hermes_agent.install()  # before any module of Hermes is imported

or `python -m hermes_store.adapters.hermes_agent chat` in place of `hermes chat`.
"""

from __future__ import annotations

from hermes_store.adapters.hermes_agent.installing import install
from hermes_store.adapters.hermes_agent.session_db import SessionDB

__all__ = ["SessionDB", "install"]
