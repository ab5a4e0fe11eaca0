"""A store to copy, and databases to copy it into."""

from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from sqlalchemy import URL

from hermes_store import SessionRepository


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | URL]:
    """Where the copy goes: a missing file, or an empty store of the server."""
    if request.param == "sqlite":
        yield tmp_path / "target.db"
    else:
        with postgres_server.store() as url:
            yield url


@pytest.fixture
def filled(repository: SessionRepository, database: Path | URL) -> Path | URL:
    """A small store with everything in it that a store can hold; messages were deleted from it."""
    repository.create_session("first", "cli", model="m", system_prompt="Be brief. 简短")
    repository.append_message("first", "user", "don't touch foo/bar.py:42")
    call = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    repository.append_message("first", "assistant", None, tool_calls=[call], reasoning="hm")
    repository.append_message("first", "tool", "记忆 and C#", tool_name="read", tool_call_id="c1")
    repository.append_message("first", "user", [{"type": "text", "text": "a picture"}])
    repository.end_session("first", "compression")
    repository.create_session("an-earlier-id", "telegram", parent_session_id="first", user_id="7")
    repository.append_message("an-earlier-id", "user", "", token_count=3)
    repository.set_session_title("an-earlier-id", "Wörter")
    repository.set_session_title("first", "Title")
    repository.update_token_counts("first", input_tokens=2**53, actual_cost_usd=0.1)
    repository.create_session("gone", "cron")
    repository.append_message("gone", "user", "with the greatest id")
    repository.delete_session("gone")
    return database
