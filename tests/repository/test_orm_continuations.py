"""Continuations that are stored through `orm_session()` are those of `create_session`."""

import pytest
from sqlalchemy import insert

from hermes_store import SessionFilter
from hermes_store.models import Session


def titled_and_pinned(repository) -> None:
    repository.create_session("first", "cli")
    repository.set_session_title("first", "Work")
    repository.set_pinned("first")
    repository.set_archived("first")


def what_they_have(repository) -> dict[str, tuple[str | None, bool, bool]]:
    return {
        each["id"]: (each["title"], each["pinned"], each["archived"] is not None)
        for each in repository.search_sessions(limit=None, filter=SessionFilter(archived=None))
    }


def by_add(orm, row):
    orm.add(Session(**row))


def by_insert(orm, row):
    orm.execute(insert(Session), [row])


def by_values(orm, row):
    orm.execute(insert(Session).values(**row))


@pytest.mark.parametrize("store", [by_add, by_insert, by_values])
def test_a_continuation_has_what_create_session_gives_it(repository, store):
    titled_and_pinned(repository)
    with repository.orm_session() as orm:
        store(orm, {"id": "next", "source": "cli", "parent_session_id": "first", "link": "compression"})  # fmt: skip
    assert what_they_have(repository) == {
        "first": (None, True, True),
        "next": ("Work", True, True),
    }
    assert repository.get_session_title("first") == "Work"


def test_objects_in_memory_follow_a_continuation(repository):
    titled_and_pinned(repository)
    with repository.orm_session() as orm:
        first = orm.get(Session, "first")
        following = Session(id="next", source="cli", parent=first, link="compression")
        orm.add(following)
        orm.flush()
        assert (first.title, following.title, following.pinned) == (None, "Work", 1)
        assert following.archived == first.archived
    assert (first.title, following.title) == (None, "Work")


def test_a_whole_conversation_that_is_added_at_once_has_its_title_at_the_tip(repository):
    with repository.orm_session() as orm:
        last = None
        for number in range(4):
            title = "Work" if number == 0 else None
            last = Session(
                id=f"part {number}", source="cli", parent=last, started_at=float(number),
                title=title, link="compression" if last else None,
            )  # fmt: skip
            orm.add(last)
    titles = {name: title for name, (title, *_) in what_they_have(repository).items()}
    assert titles == {"part 0": None, "part 1": None, "part 2": None, "part 3": "Work"}


def test_a_continuation_with_a_title_of_its_own_keeps_it(repository):
    titled_and_pinned(repository)
    with repository.orm_session() as orm:
        orm.add(Session(id="next", source="cli", title="Own", parent_session_id="first", link="compression"))  # fmt: skip
    assert what_they_have(repository)["next"][0] == "Own"


@pytest.mark.parametrize("link", ["branch", "reset", None])
def test_what_does_not_continue_a_conversation_takes_nothing(repository, link):
    titled_and_pinned(repository)
    with repository.orm_session() as orm:
        orm.add(Session(id="next", source="cli", parent_session_id="first", link=link))
    assert what_they_have(repository) == {
        "first": ("Work", True, True),
        "next": (None, False, False),
    }
