"""Use the installed wheel: no checkout may be in reach."""

import tempfile
from importlib.resources import files
from pathlib import Path

import hermes_store
from hermes_store import SessionRepository

assert "site-packages" in str(hermes_store.__file__), hermes_store.__file__
assert (files("hermes_store") / "_migrations" / "env.py").is_file()
assert (files("hermes_store") / "py.typed").is_file()

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "state.db"
    with SessionRepository(path) as repo:
        repo.create_session("smoke", "cli")
        repo.append_message("smoke", "user", "It doesn't smoke, see foo/bar.py:42 记忆")
        for query in ("doesn't", "foo/bar.py:42", "记忆"):
            assert [hit["session_id"] for hit in repo.search_messages(query)] == ["smoke"], query
    with SessionRepository(path) as repo:
        assert repo.message_count() == 1
