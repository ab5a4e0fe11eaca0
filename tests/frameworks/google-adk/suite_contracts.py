"""What every session service owes its callers: sessions and their state."""

import pytest
from contract_services import (
    WHO,
    by_all,
    by_all_that_strip,
    changed,
    run,
)
from google.adk.errors.already_exists_error import AlreadyExistsError


async def states(service, **who):
    found = (await service.list_sessions(**who)).sessions
    return {(each.user_id, each.id): each.state for each in found}


@by_all
@run
async def test_a_created_session_is_read_equal_and_gone_when_deleted(service):
    created = await service.create_session(**WHO, state={"k": [1, {"deep": None}]})
    which = {**WHO, "session_id": created.id}
    assert created.id
    assert created.state == {"k": [1, {"deep": None}]}
    assert await service.get_session(**which) == created
    await service.delete_session(**which)
    assert await service.get_session(**which) is None
    await service.delete_session(**which)  # once more is no error


@by_all
@run
async def test_an_id_that_is_taken_is_refused_and_the_session_stays_as_it_is(service):
    await service.create_session(**WHO, session_id="s", state={"k": "first"})
    with pytest.raises(AlreadyExistsError):
        await service.create_session(**WHO, session_id="s", state={"k": "second"})
    assert (await service.get_session(**WHO, session_id="s")).state == {"k": "first"}


@by_all_that_strip
@run
async def test_blanks_around_an_id_do_not_count(service):
    created = await service.create_session(**WHO, session_id="  s\t")
    assert created.id == "s"
    assert await service.get_session(**WHO, session_id=" s ") == created
    with pytest.raises(AlreadyExistsError):
        await service.create_session(**WHO, session_id="s ")
    await service.delete_session(**WHO, session_id="\ns")
    assert await service.get_session(**WHO, session_id="s") is None
    assert (await service.create_session(**WHO, session_id="  ")).id.strip()


@by_all
@run
async def test_the_same_id_of_another_user_or_app_is_another_session(service):
    first = await service.create_session(app_name="a", user_id="b/c", session_id="d")
    await service.append_event(first, changed(k=1))
    for app, user, name in (("a/b", "c", "d"), ("a", "b", "c/d"), ("a", "b%2Fc", "d")):
        assert await service.get_session(app_name=app, user_id=user, session_id=name) is None
        other = await service.create_session(app_name=app, user_id=user, session_id=name)
        assert (other.state, other.events) == ({}, [])


@by_all
@run
async def test_lists_have_no_events_and_the_oldest_update_comes_first(service):
    sessions = {}
    for user, name in (("ada", "1"), ("ada", "2"), ("bob", "3")):
        sessions[name] = await service.create_session(
            app_name="app", user_id=user, session_id=name, state={"n": name}
        )
    later = sessions["3"].last_update_time
    for number, name in enumerate(("2", "3", "1")):
        await service.append_event(sessions[name], changed(at=later + 10 + number))
    listed = (await service.list_sessions(app_name="app")).sessions
    assert [each.id for each in listed] == ["2", "3", "1"]
    assert [each.events for each in listed] == [[], [], []]
    assert [each.state for each in listed] == [{"n": "2"}, {"n": "3"}, {"n": "1"}]
    assert [each.last_update_time for each in listed] == pytest.approx(
        [later + 10, later + 11, later + 12], abs=1e-6
    )
    only = (await service.list_sessions(app_name="app", user_id="ada")).sessions
    assert [each.id for each in only] == ["2", "1"]
    assert (await service.list_sessions(app_name="app", user_id="eve")).sessions == []


# --- state ----------------------------------------------------------------------------------------


@by_all
@run
async def test_state_of_an_app_and_a_user_is_shared_and_that_of_a_session_is_not(service):
    first = await service.create_session(
        app_name="app", user_id="ada", session_id="1", state={"app:a": 1, "user:u": 1, "s": 1}
    )
    event = changed(**{"app:b": 2, "user:v": [2], "t": None, "app:a": 3})
    await service.append_event(first, event)
    await service.create_session(app_name="app", user_id="ada", session_id="2")
    await service.create_session(app_name="app", user_id="bob", session_id="3")
    await service.create_session(app_name="other", user_id="ada", session_id="4")
    app, user = {"app:a": 3, "app:b": 2}, {"user:u": 1, "user:v": [2]}
    assert await states(service, app_name="app") == {
        ("ada", "1"): {**app, **user, "s": 1, "t": None},
        ("ada", "2"): {**app, **user},
        ("bob", "3"): app,
    }
    assert await states(service, app_name="other") == {("ada", "4"): {}}
    assert await service.get_user_state(app_name="app", user_id="ada") == {"u": 1, "v": [2]}
    assert await service.get_user_state(app_name="app", user_id="bob") == {}
    assert await service.get_user_state(app_name="other", user_id="ada") == {}


@by_all
@run
async def test_temporary_state_is_in_the_object_and_nowhere_in_the_store(service):
    session = await service.create_session(**WHO, state={"temp:a": 1}, session_id="s")
    event = changed(**{"temp:b": 2, "k": 3})
    await service.append_event(session, event)
    assert session.state["temp:b"] == 2
    assert event.actions.state_delta == {"k": 3}
    again = await service.get_session(**WHO, session_id="s")
    assert again.state == {"k": 3}
    assert again.events[0].actions.state_delta == {"k": 3}
