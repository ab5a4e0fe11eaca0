"""A CHECK that somebody added refuses a message: the error names it and shows no text."""

import pytest
import stored
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.errors import RefusedError

SECRET = "the text of the message"


@pytest.fixture
def repository(postgresql_database: URL):
    stored.change(
        postgresql_database, "ALTER TABLE messages ADD CONSTRAINT short CHECK (length(content) < 9)"
    )
    with SessionRepository(postgresql_database) as repository:
        repository.create_session("s", "cli")
        yield repository


@pytest.mark.postgresql
def test_a_check_of_somebody_else_is_named_and_the_message_is_not_shown(repository) -> None:
    with pytest.raises(RefusedError, match="short") as refused:
        repository.append_message("s", "user", SECRET)
    assert SECRET not in str(refused.value)
    assert repository.get_messages("s") == []
    repository.append_message("s", "user", "short")
    assert repository.message_count("s") == 1
