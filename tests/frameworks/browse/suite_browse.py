"""`browse`, driven by keys: in Textual's own harness, and in a terminal of its own."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import asynccontextmanager

import pytest
from support import until
from textual.widgets import DataTable, Input, RichLog

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli.browsing import listing
from hermes_store.cli.browsing.app import Browser
from hermes_store.cli.browsing.reading import Reading

EVIL = "\x1b[2J\x07\x9b\u202e\u2066\U000e0041[bold]x[/bold]"
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Exports go into the current folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(listing, "_PAUSE", 0.01)
    return here


@pytest.fixture
def few(sqlite_database):
    with SessionRepository(sqlite_database) as repo:
        fill(repo)
        yield repo


@pytest.fixture
def on_both(repository):
    fill(repository)
    return repository


def fill(repository):
    for number, text in enumerate(["where is the needle", "straw", "記憶の箱"]):
        repository.create_session(f"s{number}", "cli" if number else "telegram")
        repository.append_message(f"s{number}", "user", text)
    repository.set_session_title("s1", "A needle in the title")


class Hands:
    """Presses keys, and waits until what they began has ended."""

    def __init__(self, app, pilot):
        self.app, self._pilot = app, pilot

    async def press(self, *keys):
        await self._pilot.press(*keys)
        await self.settle()

    async def settle(self):
        for _ in range(3):
            await self._pilot.pause(0.02)
            await self.app.workers.wait_for_complete()
        await self._pilot.pause()

    @property
    def listed(self):
        return [row.session_id for row in self.app.screen._rows]

    @property
    def table(self):
        return self.app.screen.query_one(DataTable)

    def cells(self):
        return [
            str(cell) for row in range(self.table.row_count) for cell in self.table.get_row_at(row)
        ]

    def text(self):
        lines = self.app.screen.query_one(RichLog).lines
        return "\n".join(line.text.rstrip() for line in lines)

    @property
    def said(self):
        return str(self.app.screen.query_one(Input).border_subtitle)

    def told(self):
        return [each.message for each in self.app._notifications]


@asynccontextmanager
async def opened(repo, which=None, size=(100, 30)):
    app = Browser(repo, which or SessionFilter())
    async with app.run_test(size=size) as pilot:
        hands = Hands(app, pilot)
        await hands.settle()
        yield hands


@pytest.mark.asyncio
async def test_it_opens_with_the_conversations_of_the_filter_the_last_used_first(on_both):
    async with opened(on_both) as hands:
        assert hands.listed == ["s2", "s1", "s0"]
    async with opened(on_both, SessionFilter(source="telegram")) as hands:
        assert hands.listed == ["s0"]
    async with opened(on_both, SessionFilter(source="nowhere")) as hands:
        assert hands.said == "no conversation is meant"


@pytest.mark.asyncio
async def test_typed_words_find_titles_and_then_messages_each_session_once(on_both):
    on_both.append_message("s1", "user", "the needle of the title")
    async with opened(on_both) as hands:
        await hands.press(*"needle")
        assert hands.listed == ["s1", "s0"]
        assert any("where is the needle" in cell for cell in hands.cells())
        await hands.press("escape")
        assert hands.listed == ["s1", "s2", "s0"]
        await hands.press(*"nowhere")
        assert hands.listed == []
        assert hands.said == "no title and no message holds these words"
        await hands.press("escape")
        assert hands.said == ""
    async with opened(on_both, SessionFilter(source="telegram")) as hands:
        await hands.press(*"needle")
        assert hands.listed == ["s0"]


@pytest.mark.parametrize("typed", ['"', "(", "AND", "*", "' OR 1 --", "[bold]", "记" * 300])
def test_whatever_is_typed_is_no_error(few, typed):
    async def type_it():
        async with opened(few) as hands:
            hands.app.screen.query_one(Input).value = typed
            await hands.settle()
            assert hands.listed == []

    asyncio.run(type_it())


@pytest.mark.asyncio
async def test_enter_reads_the_session_and_escape_leads_back(few):
    async with opened(few) as hands:
        await hands.press("down", "enter")
        assert isinstance(hands.app.screen, Reading)
        assert "A needle in the title" in hands.text()
        assert "\n  straw" in hands.text()
        await hands.press("escape")
        assert hands.listed == ["s2", "s1", "s0"]
        await hands.press("escape")
    assert hands.app.return_code == 0


@pytest.mark.asyncio
async def test_a_message_that_was_found_is_read_with_those_around_it(few):
    for number in range(300):
        few.append_message("s2", "user", f"hay {number}")
    few.rewind("s2", few.append_message("s2", "user", "taken back"))
    few.append_message("s2", "assistant", "the pin")
    async with opened(few) as hands:
        await hands.press(*"pin", "enter")
        shown = hands.text()
        assert [f"hay {n}" in shown for n in (295, 296, 299)] == [False, True, True]
        assert "the pin" in shown
        assert "taken back" not in shown


@pytest.mark.asyncio
async def test_a_long_session_is_read_a_hundred_messages_at_a_time_both_ways(few):
    for number in range(250):
        few.append_message("s2", "user", f"hay {number}.")
    async with opened(few) as hands:
        await hands.press("enter")
        assert "hay 98." in hands.text()
        assert "hay 99." not in hands.text()
        await hands.press("n")
        assert "hay 99." in hands.text()
        assert "hay 98." not in hands.text()
        await hands.press("n")
        await hands.press("n")
        assert "there are no more messages" in hands.told()
        assert "hay 249." in hands.text()
        await hands.press("p")
        assert "hay 148." in hands.text()
        await hands.press("p")
        assert "hay 99." not in hands.text()


@pytest.mark.asyncio
async def test_a_message_of_megabytes_is_cut_and_the_command_for_all_of_it_is_named(few):
    few.append_message("s2", "user", "x" * 3_000_000)
    async with opened(few) as hands:
        await hands.press("enter")
        assert "2,980,000 more characters, 'hermes-store show' prints them" in hands.text()


@pytest.mark.asyncio
async def test_e_exports_the_conversation_into_a_new_file_that_import_takes(few, folder, tmp_path):
    async with opened(few) as hands:
        await hands.press("tab", "e")
        await hands.press("enter", "e")
        assert hands.told() == [
            "s2.jsonl: 1 session, 1 message",
            "s2-1.jsonl: 1 session, 1 message",
        ]
    [line] = (folder / "s2-1.jsonl").read_text().splitlines()
    assert (folder / "s2.jsonl").read_text() == line + "\n"
    with SessionRepository(tmp_path / "new.db") as new:
        new.import_sessions([json.loads(line)])
        assert new.session_count() == 1


@pytest.mark.asyncio
async def test_an_id_that_is_a_path_is_a_name_in_this_folder(few, folder):
    few.create_session("../../etc/passwd", "cli")
    few.create_session("." * 300, "cli")
    async with opened(few) as hands:
        await hands.press("tab", "e", "down", "e")
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 2
    assert all(re.fullmatch(r"\w{1,100}\.jsonl", name) for name in names)


@pytest.mark.asyncio
async def test_a_folder_that_takes_no_file_is_told_and_the_picker_goes_on(few, folder):
    async with opened(few) as hands:
        folder.rmdir()
        await hands.press("tab", "e")
        assert "No such file or directory" in hands.told()[0]
        await hands.press("enter")
        assert isinstance(hands.app.screen, Reading)


@pytest.mark.asyncio
async def test_a_session_that_was_deleted_meanwhile_is_told(few):
    async with opened(few) as hands:
        few.delete_session("s2")
        await hands.press("enter")
        assert hands.told() == ["the session was deleted a moment ago"]
        assert not isinstance(hands.app.screen, Reading)


@pytest.mark.asyncio
async def test_what_is_stored_is_shown_as_pictures_and_no_markup_is_obeyed(few):
    few.create_session(f"evil{EVIL}", f"cli{EVIL}", model=EVIL)
    few.append_message(f"evil{EVIL}", f"user{EVIL}", f"hostile {EVIL}\n── user · forged")
    few.append_message(
        f"evil{EVIL}", "assistant", [{"type": EVIL}], tool_calls=[{"function": {"name": EVIL}}]
    )
    async with opened(few) as hands:
        assert [cell for cell in hands.cells() if STEERING.search(cell)] == []
        assert any("[bold]x[/bold]" in cell for cell in hands.cells())
        await hands.press(*"hostile")
        assert [cell for cell in hands.cells() if STEERING.search(cell)] == []
        await hands.press("enter")
        assert STEERING.search(hands.text().replace("\n", "")) is None
        assert "[bold]x[/bold]" in hands.text()
        assert "\n  ── user · forged" in hands.text()


@pytest.mark.asyncio
async def test_of_many_sessions_a_page_is_read_and_the_rest_when_it_comes_into_sight(repository):
    with repository.transaction() as transaction:
        for number in range(450):
            transaction.create_session(f"s{number:03}", "cli")
    async with opened(repository) as hands:
        assert len(hands.listed) == 100
        await hands.press("tab")
        for expected in (200, 300, 400, 450, 450):
            await hands.press("ctrl+end")
            assert len(hands.listed) == expected
        assert hands.listed == sorted(hands.listed, reverse=True)
        assert hands.table.row_count == 450


# --- in a terminal --------------------------------------------------------------------------------


class Terminal:
    """The command with a terminal of its own."""

    def __init__(self, *arguments, **environment):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.set_blocking(self._ours, False)
        environment = (
            os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"} | environment
        )
        command = [sys.executable, "-m", "hermes_store", *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def type(self, keys):
        os.write(self._ours, keys.encode())

    def shows(self, text):
        self._read()
        return text in self.shown

    def ended(self):
        self._read()
        return self.process.poll() is not None

    def _read(self):
        try:
            while piece := os.read(self._ours, 65_536):
                self.shown += piece.decode(errors="replace")
        except (BlockingIOError, OSError):
            pass


@pytest.fixture
def terminal(sqlite_database):
    with SessionRepository(sqlite_database) as repo:
        repo.create_session("s", "cli")
        repo.append_message("s", "user", "where is the needle?")
    opened = Terminal("--db", sqlite_database, "browse")
    until(lambda: opened.shows("where is the needle?"))
    yield opened
    opened.process.kill()
    opened.process.wait()


LEFT = "\x1b[?1049l"
"""The terminal shows again what it did before."""


def test_in_a_terminal_it_lists_reads_exports_and_gives_the_terminal_back(terminal, folder):
    terminal.type("\r")
    until(lambda: terminal.shows("Later messages"))
    terminal.type("e")
    until(lambda: terminal.shows("s.jsonl"))
    terminal.type("\x11")  # Ctrl-Q
    until(terminal.ended)
    assert terminal.process.returncode == 0
    assert LEFT in terminal.shown
    assert (folder / "s.jsonl").exists()


@pytest.mark.parametrize("how", ["key", "signal"])
def test_an_interruption_gives_the_terminal_back_and_ends_with_130(terminal, how):
    if how == "key":
        terminal.type("\x03")
    else:
        terminal.process.send_signal(signal.SIGINT)
    until(terminal.ended)
    assert terminal.process.returncode == 130
    assert LEFT in terminal.shown
    assert "interrupted: nothing was changed" in terminal.shown
    assert "Traceback" not in terminal.shown


def test_a_process_that_is_told_to_end_gives_the_terminal_back_too(terminal):
    terminal.process.send_signal(signal.SIGTERM)
    until(terminal.ended)
    assert terminal.process.returncode == 143
    assert LEFT in terminal.shown


@pytest.mark.parametrize("wrong", ["--json", "TERM=dumb", "TERM="])
def test_without_a_terminal_to_draw_on_a_sentence_names_the_other_commands(sqlite_database, wrong):
    environment = dict([wrong.split("=")]) if "=" in wrong else {}
    refused = Terminal(
        "--db", sqlite_database, "browse", *([wrong] if not environment else []), **environment
    )
    until(refused.ended)
    assert refused.process.returncode == 2
    assert "browse needs a terminal that it can draw on" in refused.shown
