"""Errors of the store, while a screen is shown: told in its corner, and the picker goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textual.app import App

from hermes_store.cli.errors import message_of
from hermes_store.errors import HermesStoreError

__all__ = ["failing"]


@contextmanager
def failing(app: App[Any]) -> Iterator[None]:
    """In the block, which runs in a thread, tell what the store or the disk refuses."""
    try:
        yield
    except (HermesStoreError, OSError) as exc:
        if app.is_running:
            app.notify(message_of(exc), severity="error", markup=False, timeout=10)
