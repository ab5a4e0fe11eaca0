"""Sessions of the SDK's own file, imported: the adapter goes on with them."""

import asyncio

from agents import SQLiteSession
from turn import TURN, back, ordered

from hermes_store import SessionRepository
from hermes_store.adapters.openai_agents import HermesSession
from hermes_store.cli.app import run


def test_an_imported_session_has_the_same_items_and_goes_on(tmp_path, sqlite_database, capsys):
    theirs = SQLiteSession("chat-1", tmp_path / "agents.db")
    back(theirs, TURN)
    command = ["--db", str(sqlite_database), "import", str(tmp_path / "agents.db")]
    assert run(command) == 0
    with SessionRepository(sqlite_database) as repository:
        ours = HermesSession("chat-1", repository)
        assert ordered(asyncio.run(ours.get_items())) == ordered(TURN)
        assert ordered(back(ours, TURN[:1])) == ordered([*TURN, *TURN[:1]])
    back(theirs, TURN[1:2])
    assert run(command) == 0
    assert "1 session continued, 1 message" in capsys.readouterr().err
    theirs.close()
