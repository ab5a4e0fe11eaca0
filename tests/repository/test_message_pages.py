"""Pages of a session's messages, by id."""

import pytest
import stored
from hypothesis import given, settings
from hypothesis import strategies as st
from support import only_sqlite

from hermes_store.errors import InvalidArgumentError


@pytest.fixture
def ids(repository):
    """Ten messages whose ids have gaps, because another session's lie between."""
    repository.create_session("s", "cli")
    repository.create_session("other", "cli")
    found = []
    for number in range(10):
        found.append(repository.append_message("s", "user", f"m{number}"))
        repository.append_message("other", "user", "x")
    return found


def page(repository, **asked):
    return [message["id"] for message in repository.get_messages("s", **asked)]


def test_without_arguments_a_page_is_all_of_them(repository, ids):
    assert page(repository) == ids
    assert page(repository, include="all") == ids


def test_a_limit_gives_the_first_or_the_last_ones_always_in_order(repository, ids):
    assert page(repository, limit=3) == ids[:3]
    assert page(repository, limit=3, newest=True) == ids[-3:]
    assert page(repository, newest=True) == ids
    assert page(repository, limit=0) == []


def test_before_and_after_leave_the_message_itself_out(repository, ids):
    assert page(repository, before_id=ids[3]) == ids[:3]
    assert page(repository, after_id=ids[3]) == ids[4:]
    assert page(repository, after_id=ids[2], before_id=ids[5]) == ids[3:5]
    assert page(repository, after_id=ids[3], limit=2) == ids[4:6]
    assert page(repository, before_id=ids[8], limit=2, newest=True) == ids[6:8]


def test_around_a_message_are_as_many_on_each_side(repository, ids):
    assert page(repository, around_id=ids[4], limit=2) == ids[2:7]
    assert page(repository, around_id=ids[0], limit=2) == ids[:3]
    assert page(repository, around_id=ids[4], limit=0) == [ids[4]]
    assert page(repository, around_id=ids[4]) == ids


def test_around_a_message_of_another_session_it_is_not_there_itself(repository, ids):
    assert page(repository, around_id=ids[4] + 1, limit=2) == [*ids[3:5], *ids[5:7]]


def test_messages_of_a_page_are_whole(repository, ids):
    assert repository.get_messages("s", limit=99) == repository.get_messages("s")


@settings(max_examples=60)
@given(
    st.tuples(st.integers(0, 25), st.integers(0, 25), st.none() | st.integers(0, 12), st.booleans())
)
def test_a_page_is_the_same_slice_of_the_list(repository, ids, bounds):
    after, before, limit, newest = bounds
    between = [one for one in ids if after < one < before]
    expected = between if limit is None else between[-limit or 99 :] if newest else between[:limit]
    asked = {"after_id": after, "before_id": before, "limit": limit, "newest": newest}
    assert page(repository, **asked) == expected
    assert repository.count_messages("s", after_id=after, before_id=before) == len(between)


def test_messages_are_counted_before_and_after_one(repository, ids):
    assert repository.count_messages("s") == 10
    assert repository.count_messages("s", before_id=ids[3]) == 3
    assert repository.count_messages("s", after_id=ids[3]) == 6
    assert repository.count_messages("s", include="all") == 10
    assert repository.count_messages("nobody") == 0


def test_a_transaction_pages_through_what_it_has_written(repository, ids):
    with repository.transaction() as tx:
        new = tx.append_message("s", "user", "new")
        assert [m["id"] for m in tx.get_messages("s", limit=1, newest=True)] == [new]
        assert tx.count_messages("s", after_id=ids[-1]) == 1


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"include": "hidden"}, "include: 'hidden' is not known; use one of live, all"),
        ({"around_id": 3, "before_id": 5}, "around_id: stands alone"),
        ({"around_id": 3, "newest": True}, "around_id: stands alone"),
        ({"before_id": "3"}, "before_id: '3' is not a message id"),
        ({"after_id": True}, "after_id: True is not a message id"),
        ({"limit": -1}, "limit: -1 cannot be used"),
    ],
)
def test_what_cannot_be_a_page_is_refused_by_name(repository, asked, named):
    with pytest.raises(InvalidArgumentError, match=named):
        repository.get_messages("s", **asked)


@pytest.mark.parametrize("far", [-5, 0, 2**53, 2**70, -(2**70)])
def test_ids_that_no_message_has_are_no_error(repository, ids, far):
    expected = ids if far > 0 else []
    assert page(repository, before_id=far) == expected
    assert page(repository, around_id=far, limit=3) == (ids[-3:] if far > 0 else ids[:3])


@only_sqlite
def test_messages_that_are_set_aside_are_passed_by_in_the_index(repository, database) -> None:
    """Else a list would read each of them to look for the first live one."""
    plan = "EXPLAIN QUERY PLAN SELECT {} FROM messages WHERE session_id = 's' AND state IS NULL{}"
    for what, order in (("count(*)", ""), ("id", " ORDER BY id"), ("max(id)", " AND id < 9")):
        [step] = stored.rows(database, plan.format(what, order))
        assert "USING COVERING INDEX idx_messages_session" in step[3]
