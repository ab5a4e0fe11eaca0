"""The picker: its screens, the keys that both have, and the export."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import output
from hermes_store.cli.browsing.failing import failing
from hermes_store.cli.browsing.listing import Listing
from hermes_store.cli.errors import EXIT_INTERRUPTED
from hermes_store.cli.export_formats import json_lines
from hermes_store.cli.file_names import file_name
from hermes_store.cli.writing import written_whole

__all__ = ["Browser"]

_ENDING: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""Signals, and what else happens at each."""
_BY_A_SIGNAL = 128
"""What shells add to a signal's number: 130 is an interruption."""


class Browser(App[None]):
    """Begins with the list of conversations."""

    TITLE = "hermes-store"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]

    def __init__(self, repo: SessionRepository, which: SessionFilter) -> None:
        super().__init__()
        self._repo = repo
        self._which = which

    def get_default_screen(self) -> Screen[Any]:
        """The list."""
        return Listing(self._repo, self._which)

    def on_mount(self) -> None:
        """Let signals end it as keys do, so that the terminal is given back."""
        loop = asyncio.get_running_loop()

        def end(number: int, _frame: object) -> None:
            loop.call_soon_threadsafe(partial(self.exit, return_code=_BY_A_SIGNAL + number))

        for number in _ENDING:
            signal.signal(number, end)

    def on_unmount(self) -> None:
        """Leave signals to the command."""
        for number, handler in _ENDING.items():
            signal.signal(number, handler)

    def action_interrupt(self) -> None:
        """End as an interrupted command does."""
        self.exit(return_code=EXIT_INTERRUPTED)

    @work(thread=True, group="export")
    def export(self, session_id: str) -> None:
        """Write the whole conversation into a new file of the current folder."""
        with failing(self):
            target = _free_name(session_id)
            sessions = self._repo.export_lineage(session_id)
            with written_whole(target) as stream:
                for line in json_lines(sessions):
                    stream.write(line.encode(errors="replace"))
            messages = sum(len(session["messages"]) for session in sessions)
            told = f"{output.count(len(sessions), 'session')}, {output.count(messages, 'message')}"
            self.notify(f"{target}: {told}", markup=False)


def _free_name(session_id: str) -> Path:
    """A name of the session that no file has."""
    name = file_name(session_id, None, "")
    names = (Path(f"{name}{f'-{number}' if number else ''}.jsonl") for number in range(1_000_000))
    return next(each for each in names if not each.exists())
