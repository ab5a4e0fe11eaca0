"""The list of the picker: type to search, enter to read, e to export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import DataTable, Footer, Input

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli.browsing.failing import failing
from hermes_store.cli.browsing.found import COLUMNS, Row, found
from hermes_store.cli.browsing.reading import Reading

__all__ = ["Listing"]

Pages = Iterator[list[Row]]

_PAUSE = 0.2
"""Seconds without a key, after which a search begins."""
_NONE = "no conversation is meant"
_NONE_WITH = "no title and no message holds these words"
_NEAR_THE_END = 30
"""Rows: the next page is read before a person gets there."""


class Listing(Screen[None]):
    """A field to type in, and the conversations that are meant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("enter", "read", "Read"),
        Binding("e", "export", "Export"),
        Binding("slash", "search", "Search", show=False),
    ]

    def __init__(self, repo: SessionRepository, which: SessionFilter) -> None:
        super().__init__()
        self._repo = repo
        self._which = which
        self._words = ""
        self._rows: list[Row] = []
        self._pages: Pages | None = None
        """What comes next of the list; None at its end."""
        self._awaited: Pages | None = None
        """Of what a thread reads a page."""
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        """The field, the list, and which keys there are."""
        yield Input(placeholder="type to search, tab for the list, enter to read", id="words")
        yield DataTable(cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        """List all conversations."""
        self.query_one(DataTable).add_columns(*COLUMNS)
        self._look_for("")

    # --- what is listed ---------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look for what is typed, when typing pauses."""
        if self._pause:
            self._pause.stop()
        words = event.value
        self._pause = self.set_timer(_PAUSE, lambda: self._look_for(words))

    def _look_for(self, words: str) -> None:
        if self._pause:
            self._pause.stop()
        self._words = words
        self.query_one(Input).border_subtitle = ""
        self._rows = []
        self._pages = found(self._repo, self._which, words)
        self.query_one(DataTable).clear()
        self._read_on()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Read on before the end of the list comes into sight."""
        if event.cursor_row >= len(self._rows) - _NEAR_THE_END:
            self._read_on()

    def _read_on(self) -> None:
        if self._pages is not None and self._awaited is not self._pages:
            self._awaited = self._pages
            self._next_page(self._pages)

    @work(thread=True, group="list")
    def _next_page(self, pages: Pages) -> None:
        page: list[Row] | None = None
        with failing(self.app):
            page = next(pages, None)
        if self.app.is_running:
            self.app.call_from_thread(self._add, pages, page)

    def _add(self, pages: Pages, page: list[Row] | None) -> None:
        if pages is not self._pages:
            return  # other words were typed meanwhile
        self._awaited = None
        if page is None:
            self._pages = None
            if not self._rows:
                self.query_one(Input).border_subtitle = _NONE_WITH if self._words else _NONE
            return
        table = self.query_one(DataTable)
        self._rows += page
        for row in page:
            table.add_row(*row.cells)
        if table.cursor_row >= len(self._rows) - _NEAR_THE_END:
            self._read_on()

    # --- keys -------------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Let the arrow keys leave the field for the list."""
        if event.key in {"down", "pagedown"} and self.query_one(Input).has_focus:
            self.query_one(DataTable).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for what is typed at once; when that is listed, read."""
        if event.value == self._words:
            self.action_read()
        else:
            self._look_for(event.value)

    def on_data_table_row_selected(self) -> None:
        """Read it."""
        self.action_read()

    def action_read(self) -> None:
        """Show the session of the row where the cursor stands."""
        if row := self._row():
            self.app.push_screen(Reading(self._repo, row.session_id, row.message_id))

    def action_export(self) -> None:
        """Export it."""
        if row := self._row():
            browser: Any = self.app
            browser.export(row.session_id)

    def action_search(self) -> None:
        """Go to the field."""
        self.query_one(Input).focus()

    def action_leave(self) -> None:
        """Empty the field, or end."""
        words = self.query_one(Input)
        if words.value:
            words.value = ""
        else:
            self.app.exit()

    def _row(self) -> Row | None:
        place = self.query_one(DataTable).cursor_row
        return self._rows[place] if place < len(self._rows) else None
