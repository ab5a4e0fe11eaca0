"""A link tells what the parent that is stored is to the session, and no other parent."""

import pytest
import stored

from hermes_store import SessionRepository, models
from hermes_store.errors import InvalidArgumentError


def link_of(repository, session_id):
    session = repository.get_session(session_id)
    return session["parent_session_id"], session["link"]


@pytest.fixture
def parents(repository):
    repository.create_session("a", "cli")
    repository.create_session("b", "cli")
    return repository


def test_a_link_is_filled_when_the_parent_is_stored_already(parents):
    parents.create_session("s", "cli", parent_session_id="a")
    parents.create_session("s", "cli", parent_session_id="a", link="branch")
    assert link_of(parents, "s") == ("a", "branch")


def test_a_link_is_filled_together_with_the_parent(parents):
    parents.create_session("s", "cli")
    parents.create_session("s", "cli", parent_session_id="b", link="delegate")
    assert link_of(parents, "s") == ("b", "delegate")


def test_a_link_to_another_parent_than_the_stored_one_changes_nothing(parents):
    parents.create_session("s", "cli", parent_session_id="a")
    parents.create_session("s", "cli", parent_session_id="b", link="compression")
    assert link_of(parents, "s") == ("a", None)


def test_a_link_that_is_known_is_not_overwritten(parents):
    parents.create_session("s", "cli", parent_session_id="a", link="branch")
    parents.create_session("s", "cli", parent_session_id="a", link="compression")
    assert link_of(parents, "s") == ("a", "branch")


def test_a_link_of_a_parent_in_a_circle_is_stored(parents, database):
    stored.change(database, "UPDATE sessions SET parent_session_id = 'b' WHERE id = 'a'")
    stored.change(database, "UPDATE sessions SET parent_session_id = 'a' WHERE id = 'b'")
    parents.create_session("s", "cli", parent_session_id="a", link="compression")
    assert link_of(parents, "s") == ("a", "compression")


def test_a_link_needs_a_parent_and_one_of_the_known_words(parents):
    with pytest.raises(InvalidArgumentError, match="needs a parent_session_id"):
        parents.create_session("s", "cli", link="branch")
    with pytest.raises(InvalidArgumentError, match="use one of compression, branch"):
        parents.create_session("s", "cli", parent_session_id="a", link="child")
    with pytest.raises(InvalidArgumentError, match="use one of compression, branch"):
        with parents.orm_session() as session:
            session.add(models.Session(id="s", source="cli", parent_session_id="a", link="child"))
    assert parents.get_session("s") is None


def test_an_import_links_again_whatever_the_order(parents, tmp_path):
    parents.create_session("c", "cli", parent_session_id="b", link="compression")
    parents.create_session("d", "cli", parent_session_id="c", link="delegate")
    for order in (1, -1):
        with SessionRepository(tmp_path / f"{order}.db") as other:
            other.import_sessions(parents.export_all()[::order])
            assert link_of(other, "c") == ("b", "compression")
            assert link_of(other, "d") == ("c", "delegate")


def test_a_session_that_is_imported_without_its_parent_has_no_link_until_the_parent_is_there(
    parents, tmp_path
):
    parents.create_session("c", "cli", parent_session_id="b", link="compression")
    exported = {each["id"]: each for each in parents.export_all()}
    with SessionRepository(tmp_path / "other.db") as other:
        assert other.import_sessions([exported["c"]]).orphaned == ["c"]
        assert link_of(other, "c") == (None, None)
        other.import_sessions([exported["b"], exported["c"]])
        assert link_of(other, "c") == ("b", "compression")
