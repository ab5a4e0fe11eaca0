"""A primary and a hot standby: reads on the standby, a failover while agents write."""

import itertools
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
import stored
from sqlalchemy import URL, text
from support import Caller

from hermes_store import SessionRepository, migrate
from hermes_store.errors import OutcomeUnknownError, StoreReadOnlyError, StoreUnavailableError
from tools.standby import Pair, pair

SETTINGS = {name: postgres_server.SETTINGS[name] for name in ("shared_buffers", "timezone")}
WRITERS, BEFORE, AFTER = 8, 20, 20


@pytest.fixture
def servers() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="hermes-standby-") as folder:
        Path(folder).chmod(0o755)
        with pair(Path(folder), SETTINGS) as servers:
            migrate.upgrade(stored_on(servers.primary))
            yield servers


def stored_on(server: URL) -> URL:
    return server.set(drivername="postgresql+psycopg")


def in_recovery(repository: SessionRepository, *, reading: bool) -> bool:
    run = repository._store.read if reading else repository._store.write
    return run(lambda c: c.core.execute(text("SELECT pg_is_in_recovery()")).scalar_one())


def test_reads_on_the_standby_see_what_was_written_before(servers):
    primary, standby = stored_on(servers.primary), stored_on(servers.standby)
    with SessionRepository(primary, read_url=standby) as repository:
        assert in_recovery(repository, reading=True)
        assert not in_recovery(repository, reading=False)
        repository.create_session("s", "cli")
        for number in range(20):
            repository.append_message("s", "user", f"needle {number}")
            assert repository.get_session("s")["message_count"] == number + 1
        assert len(repository.search_messages("needle", limit=50)) == 20
        with repository.transaction() as tx:  # reads on the primary, whatever the standby has
            assert tx.message_count("s") == 20
    with SessionRepository(standby) as alone:
        assert alone.message_count() == 20
        with pytest.raises(StoreReadOnlyError, match="URL of the primary"):
            alone.append_message("s", "user", "refused")
    with SessionRepository(servers.either()) as repository:
        assert not in_recovery(repository, reading=False)


class Writer:
    """An agent that tries each message again until the store has acknowledged it."""

    def __init__(self, repository: SessionRepository, name: str) -> None:
        self.repository, self.name = repository, name
        self.acknowledged: list[str] = []
        self.refused = 0

    def write(self, failed_over: threading.Event, enough: threading.Semaphore) -> None:
        after = 0
        for number in itertools.count():
            self.append(f"{self.name}.{number}")
            enough.release()
            after += failed_over.is_set()
            if after == AFTER:
                return

    def append(self, key: str) -> None:
        while True:
            try:
                self.repository.append_message("s", "user", key, external_id=key)
            except (StoreUnavailableError, OutcomeUnknownError, StoreReadOnlyError):
                self.refused += 1
            else:
                self.acknowledged.append(key)
                return


def test_a_failover_under_eight_writers_loses_no_acknowledged_message_and_stores_none_twice(
    servers,
):
    failed_over, enough = threading.Event(), threading.Semaphore(0)
    with SessionRepository(servers.either()) as repository:
        repository.create_session("s", "cli")
        writers = [Writer(repository, str(number)) for number in range(WRITERS)]
        callers = [
            Caller(lambda writer=writer: writer.write(failed_over, enough)) for writer in writers
        ]
        for _ in range(WRITERS * BEFORE):
            assert enough.acquire(timeout=30)
        servers.fail_over()
        failed_over.set()
        for caller in callers:
            caller.finish(60)
        assert any(writer.refused for writer in writers)
        stored_texts = [each["content"] for each in repository.get_messages("s")]
        assert sorted(stored_texts) == sorted(key for each in writers for key in each.acknowledged)
        for writer in writers:
            mine = [key for key in stored_texts if key.startswith(f"{writer.name}.")]
            assert mine == writer.acknowledged
    stored.check(stored_on(servers.standby))
