"""An error of the package's own is told, whatever becomes of the connection behind it."""

import pytest

from hermes_store import SessionRepository
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import SearchTooBroadError


def too_broad(connection: OpenConnection) -> None:
    raise SearchTooBroadError(1.0)


def test_an_error_is_told_when_the_rollback_behind_it_fails_too(
    repository: SessionRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(connection: OpenConnection) -> None:
        raise connection.errors[1]("canceling statement due to statement timeout")

    repository.create_session("s", "cli")
    with monkeypatch.context() as patch:
        patch.setattr(OpenConnection, "roll_back", ended)
        with pytest.raises(SearchTooBroadError):
            repository._read(too_broad)
    assert repository.session_count() == 1
