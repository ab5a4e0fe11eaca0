"""Sessions are locked in one order by every group."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL
from stored import column
from support import Caller

from hermes_store import SessionRepository

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture
def repository(database: URL) -> Iterator[SessionRepository]:
    with SessionRepository(database, write_pool_size=1) as repository:
        for session_id in ("a", "b", "c"):
            repository.create_session(session_id, "cli")
        yield repository


def test_hosts_that_write_to_the_same_sessions_do_not_deadlock(
    database: URL, repository: SessionRepository
) -> None:
    before = column(database, DEADLOCKS)  # an earlier test may have had this database
    names = [{"application_name": f"host {number}"} for number in range(3)]
    others = [SessionRepository(database.update_query_dict(name)) for name in names]
    sessions = "abc"

    def work(host: SessionRepository, number: int) -> None:
        for turn in range(10):
            session_id = sessions[(number + turn * (1 + number % 2)) % 3]
            host.append_message(session_id, "user", "x")
            host.update_token_counts(session_id, input_tokens=1)

    callers = [
        Caller(lambda host=host, number=number: work(host, number))
        for host in (repository, *others)
        for number in range(6)
    ]
    for caller in callers:
        caller.finish(60)
    for host in others:
        host.close()
    stored = [repository.get_session(session_id) for session_id in sessions]
    assert sum(session["message_count"] for session in stored) == len(callers) * 10
    assert sum(session["input_tokens"] for session in stored) == len(callers) * 10
    repository.close()
    assert column(database, DEADLOCKS) == before
