"""Two writers change one conversation at once: each is wholly before the other, or wholly after."""

import pytest
import stored
from support import Caller, until_it_waits

from hermes_store import SessionRepository


@pytest.fixture
def session(repository: SessionRepository) -> SessionRepository:
    repository.create_session("s", "cli")
    return repository


def behind_an_append(database, session, call, **message):
    """What `call` returns when it began while another writer had appended and not committed."""
    with session.transaction() as tx:
        tx.append_message("s", "user", "late", **message)
        caller = Caller(lambda: call(session))
        until_it_waits(database, caller)
    return caller.finish()


def states(repo: SessionRepository) -> list[tuple[str, str | None]]:
    return [(each["content"], each["state"]) for each in repo.get_messages("s", include="all")]


def test_a_compaction_takes_what_was_appended_before_its_summary(database, session) -> None:
    session.append_message("s", "user", "early")
    summary = [{"role": "system", "content": "summary"}]
    behind_an_append(database, session, lambda repo: repo.compact("s", summary))
    assert states(session) == [("early", "compacted"), ("late", "compacted"), ("summary", None)]
    assert session.check() == []


def test_a_replacement_takes_what_was_appended_before_it(database, session) -> None:
    session.append_message("s", "user", "early")
    new = [{"role": "user", "content": "new"}]
    behind_an_append(database, session, lambda repo: repo.replace_messages("s", new))
    assert states(session) == [("new", None)]
    assert session.check() == []


def test_a_rewind_takes_back_what_was_appended_before_it(database, session) -> None:
    first = session.append_message("s", "user", "early")
    behind_an_append(database, session, lambda repo: repo.rewind("s", first))
    assert states(session) == [("early", "rewound"), ("late", "rewound")]
    assert session.check() == []


def test_a_pop_takes_the_newest_of_all(database, session) -> None:
    session.append_message("s", "user", "early")
    popped = behind_an_append(database, session, lambda repo: repo.pop_message("s"))
    assert popped["content"] == "late"
    assert states(session) == [("early", None)]


def test_a_restore_sees_the_foreign_id_that_was_appended_before_it(database, session) -> None:
    from hermes_store.errors import InvalidArgumentError

    first = session.append_message("s", "user", "early", external_id="m1")
    session.rewind("s", first)
    with pytest.raises(InvalidArgumentError, match="external_id 'm1'"):
        behind_an_append(database, session, lambda r: r.restore("s", first), external_id="m1")
    assert states(session) == [("early", "rewound"), ("late", None)]


def test_no_two_callers_pop_the_same_message(database, session) -> None:
    ids = session.append_messages("s", [{"role": "user", "content": str(n)} for n in range(40)])
    callers = [
        Caller(lambda: [session.pop_message("s")["id"] for _ in range(5)])  # type: ignore[index]
        for _ in range(8)
    ]
    popped = [id_ for caller in callers for id_ in caller.finish()]  # type: ignore[attr-defined]
    assert sorted(popped) == ids
    assert session.get_session("s")["message_count"] == 0
    assert session.check() == []


def test_changes_of_one_field_each_are_both_kept(session: SessionRepository) -> None:
    message = session.append_message("s", "user", "x")
    fields = [{"content": "new"}, {"name": "alice"}, {"extra": {"a": 1}}, {"token_count": 3}]
    for caller in [
        Caller(lambda given=given: session.replace_message("s", message, **given))
        for given in fields
    ]:
        caller.finish()
    [found] = session.get_messages("s")
    assert [found[next(iter(given))] for given in fields] == ["new", "alice", {"a": 1}, 3]


def test_a_session_deleted_while_it_is_compacted_is_gone_with_all(database, session) -> None:
    from hermes_store.errors import SessionNotFoundError

    session.append_message("s", "user", "early")
    with session.transaction() as tx:
        tx.delete_session("s")
        caller = Caller(lambda: session.compact("s", [{"role": "user", "content": "summary"}]))
        until_it_waits(database, caller)
    with pytest.raises(SessionNotFoundError):
        caller.finish()
    assert stored.column(database, "SELECT count(*) FROM messages") == [0]
    assert session.check() == []
