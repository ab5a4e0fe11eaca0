"""After the upgrade the original's conversations are used as if they had always been ours."""

from pathlib import Path

import pytest
from files import LEGACY, build, check_search_index, query

from hermes_store import SessionRepository

CHILD = "20260101_100000_d4e5f6"


@pytest.mark.parametrize("name", LEGACY)
def test_an_old_conversation_is_listed_read_continued_and_found(tmp_path: Path, name: str) -> None:
    path = build(name, tmp_path, wal=True)
    with SessionRepository(path) as repository:
        listed = repository.list_sessions_rich(order_by_last_active=True, limit=100)
        assert CHILD in {session["id"] for session in listed}
        before = [message["content"] for message in repository.get_messages(CHILD)]
        repository.append_message(CHILD, "user", "what about foo/baz.py, the second haystack?")
        after = [message["content"] for message in repository.get_messages(CHILD)]
        assert after == [*before, "what about foo/baz.py, the second haystack?"]
        assert len(repository.search_messages("foo/baz.py")) == 1
        if name != "no_messages_table":
            assert [hit["session_id"] for hit in repository.search_messages("needle index")] == [
                CHILD
            ]
            assert [hit["session_id"] for hit in repository.search_messages("记忆")] == [CHILD]
        repository.end_session(CHILD, "user_exit")
        if name == "other_tools":  # whose cards hold on to their session
            query(path, "DELETE FROM kanban_cards")
        goes_on = repository.get_session(CHILD)["link"] == "compression"
        assert repository.delete_session("20260101_090000_a1b2c3")
        child = repository.get_session(CHILD)
        assert child is None if goes_on else child["parent_session_id"] is None
    check_search_index(path)
