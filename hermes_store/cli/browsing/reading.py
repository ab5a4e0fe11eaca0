"""The page of a session: its messages, a hundred at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, RichLog

from hermes_store import SessionRepository
from hermes_store.cli.browsing.failing import failing
from hermes_store.cli.conversation import Writer, text_of
from hermes_store.records import MessageRecord

__all__ = ["Reading"]

_AT_ONCE = 100
_BEFORE_A_HIT = 5
_LONGEST = 20_000
"""Characters of a message."""


class Reading(Screen[None]):
    """Shows a session from its first message on, or from a little before a message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back"),
        Binding("n", "later", "Later messages"),
        Binding("p", "earlier", "Earlier messages"),
        Binding("e", "export", "Export"),
    ]

    def __init__(self, repo: SessionRepository, session_id: str, message_id: int | None) -> None:
        super().__init__()
        self._repo = repo
        self._session_id = session_id
        self._message_id = message_id
        self._session: Mapping[str, Any] | None = None
        self._tip = session_id
        self._messages: Sequence[MessageRecord] = ()

    def compose(self) -> ComposeResult:
        """The text, and which keys there are."""
        yield RichLog(id="text", auto_scroll=False)
        yield Footer()

    def on_mount(self) -> None:
        """Read the first page."""
        self._read(**self._beginning())

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._write()

    def action_later(self) -> None:
        """Go to the messages behind these."""
        if self._messages:
            self._read(after_id=self._messages[-1]["id"])

    def action_earlier(self) -> None:
        """Go to the messages before these."""
        if self._messages:
            self._read(before_id=self._messages[0]["id"], newest=True)

    def action_export(self) -> None:
        """Write the conversation into a file."""
        browser: Any = self.app
        browser.export(self._session_id)

    def _beginning(self) -> dict[str, Any]:
        if self._message_id is None:
            return {}
        return {"around_id": self._message_id, "limit": _BEFORE_A_HIT, "include": "all"}

    @work(thread=True, exclusive=True)
    def _read(self, **where: Any) -> None:
        with failing(self.app):
            session = self._repo.get_session(self._session_id)
            tip = self._repo.get_tip(self._session_id) if session else self._session_id
            found = self._repo.get_messages(self._session_id, **{"limit": _AT_ONCE, **where})
            messages = [each for each in found if each["state"] != "rewound"]
            if self.app.is_running:
                self.app.call_from_thread(self._show, session, tip, messages)

    def _show(
        self, session: Mapping[str, Any] | None, tip: str, messages: Sequence[MessageRecord]
    ) -> None:
        if session is None:
            self.notify("the session was deleted a moment ago", severity="error", markup=False)
            self.app.pop_screen()
        elif not messages and self._session is not None:
            self.notify("there are no more messages", markup=False)
        else:
            self._session, self._tip, self._messages = session, tip, messages
            self._write()
            self.query_one(RichLog).scroll_home(animate=False)

    def _write(self) -> None:
        log = self.query_one(RichLog)
        if self._session is None or not log.size.width:
            return
        lines: list[str] = []
        width = log.scrollable_content_region.width
        writer = Writer(lines.append, full=False, reasoning=False, width=width)
        writer.session(self._session, self._tip)
        for message in self._messages:
            writer.message(_cut(message))
        log.clear()
        log.write(Text.from_ansi("".join(lines)))


def _cut(message: MessageRecord) -> Mapping[str, Any]:
    text = text_of(message["content"])
    if len(text) <= _LONGEST:
        return message
    left_out = f"\n… {len(text) - _LONGEST:,} more characters, 'hermes-store show' prints them"
    return {**message, "content": text[:_LONGEST] + left_out}
