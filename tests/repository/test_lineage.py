"""Which sessions are one conversation, where it began, where it goes on, what it came from."""

from itertools import pairwise

import pytest
import stored

from hermes_store import SessionRepository, models
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError
from hermes_store.queries import lineage
from hermes_store.queries.lineage import chain_of, family, whole_conversation


@pytest.fixture
def begin(repository, database):
    """Store sessions, each begun a second after the one before."""
    moments = iter(range(1_000, 10_000))

    def begin(session_id, parent=None, link=None):
        repository.create_session(session_id, "cli", parent_session_id=parent, link=link)
        at = next(moments)
        stored.change(database, "UPDATE sessions SET started_at = ? WHERE id = ?", at, session_id)
        return session_id

    return begin


@pytest.fixture
def chain(begin):
    """Three sessions of one conversation, the middle one with a delegate and a branch."""
    begin("a")
    begin("b", "a", "compression")
    begin("worker", "b", "delegate")
    begin("branch", "b", "branch")
    begin("c", "b", "compression")
    return ["a", "b", "c"]


def link(database, session_id, parent, link="compression"):
    """Join sessions as another tool would: nothing is checked."""
    stored.change(
        database,
        "UPDATE sessions SET parent_session_id = ?, link = ? WHERE id = ?",
        parent,
        link,
        session_id,
    )


def ids_of_chain(repository, session_id):
    with repository.transaction() as tx:
        return chain_of(tx._open, session_id).ids


def whole(repository, session_id):
    with repository.transaction() as tx:
        return whole_conversation(tx._open, session_id)


def test_any_session_of_a_conversation_leads_to_its_root_its_tip_and_its_lineage(repository, chain):
    for each in chain:
        assert repository.get_root(each) == "a"
        assert repository.get_tip(each) == "c"
        assert repository.get_lineage(each) == chain
        assert ids_of_chain(repository, each) == chain


def test_a_session_of_its_own_is_its_root_and_its_tip(repository, begin):
    begin("alone")
    assert repository.get_root("alone") == repository.get_tip("alone") == "alone"
    assert repository.get_lineage("alone") == ["alone"]
    assert repository.get_ancestors("alone") == []


def test_a_branch_a_delegate_and_a_reset_are_conversations_of_their_own(repository, begin, chain):
    begin("after", "c", "reset")
    begin("unknown", "c")
    for each in ("branch", "worker", "after", "unknown"):
        assert repository.get_lineage(each) == [each]


@pytest.mark.parametrize("wrong", ["conversation", "tips", [], {}, None, 7], ids=repr)
def test_what_is_to_be_included_is_one_of_two_words(repository, chain, wrong):
    assert repository.list_lineage("a", include="conversations") == repository.list_lineage("a")
    for call in (
        lambda: repository.list_lineage("a", include=wrong),
        lambda: repository.list_sessions_rich(include=wrong),
        lambda: repository.session_count(include=wrong),
    ):
        with pytest.raises(InvalidArgumentError, match=r"^include: .*; use one of conv"):
            call()


def test_ancestors_are_all_that_a_session_comes_from(repository, begin, chain):
    begin("on", "branch", "compression")
    assert repository.get_ancestors("on") == ["a", "b", "branch"]
    assert repository.get_lineage("on") == ["branch", "on"]
    assert repository.get_ancestors("a") == []


def test_of_two_that_continue_a_session_the_one_begun_last_is_the_tip(repository, begin):
    begin("a")
    begin("left", "a", "compression")
    begin("left-on", "left", "compression")
    begin("right", "a", "compression")
    begin("later", "left-on", "compression")
    for each in ("a", "left", "left-on", "later", "right"):
        assert repository.get_tip(each) == "right"
        assert repository.get_lineage(each) == ["a", "right"]
        assert ids_of_chain(repository, each) == ["a", "left", "left-on", "right", "later"]


def test_of_two_begun_at_one_time_the_one_with_the_greater_id_is_the_tip(
    repository, database, begin
):
    begin("a")
    begin("z", "a", "compression")
    begin("y", "a", "compression")
    stored.change(database, "UPDATE sessions SET started_at = 5000")
    assert repository.get_tip("y") == "z"


def test_an_unknown_session_has_no_lineage(repository):
    for method in (
        repository.get_root,
        repository.get_tip,
        repository.get_lineage,
        repository.get_ancestors,
    ):
        with pytest.raises(SessionNotFoundError, match="nobody"):
            method("nobody")


def test_a_transaction_sees_what_it_has_joined(repository):
    with repository.transaction() as tx:
        tx.create_session("a", "cli")
        tx.create_session("b", "cli", parent_session_id="a", link="compression")
        assert tx.get_tip("a") == "b"
        assert tx.get_ancestors("b") == ["a"]


def test_a_thousand_links_end_in_an_answer(repository):
    ids = [f"{number:04}" for number in range(1_000)]
    parts = [{"id": each, "source": "cli", "started_at": float(each)} for each in ids]
    for before, after in pairwise(parts):
        after |= {"parent_session_id": before["id"], "link": "compression"}
    with repository.transaction() as one:  # instead of a thousand
        one.import_sessions(parts)
    for each in (ids[0], ids[500], ids[-1]):
        assert repository.get_lineage(each) == ids
        assert repository.get_tip(each) == ids[-1]
    assert repository.get_ancestors(ids[-1]) == ids[:-1]
    assert ids_of_chain(repository, ids[500]) == ids


def test_in_a_circle_the_one_begun_first_is_the_root_and_its_parent_the_tip(
    repository, database, begin
):
    for each in ("b", "a", "c"):
        begin(each)
    for each, parent in (("a", "c"), ("b", "a"), ("c", "b")):
        link(database, each, parent)
    for each in "abc":
        assert repository.get_lineage(each) == ["b", "c", "a"]
        assert ids_of_chain(repository, each) == ["b", "a", "c"]
    assert repository.get_ancestors("a") == ["b", "c"]


def test_a_part_whose_parent_is_gone_is_the_root_of_what_is_left(repository, begin, chain):
    with repository.orm_session() as session:
        session.delete(session.get(models.Session, "a"))
    assert repository.get_lineage("c") == ["b", "c"]
    assert repository.get_ancestors("c") == ["b"]


def test_a_session_that_is_its_own_parent_stands_alone(repository, database, begin):
    link(database, begin("a"), "a")
    assert repository.get_lineage("a") == ["a"]
    assert repository.get_ancestors("a") == []


def test_what_continues_a_part_of_a_circle_belongs_to_it(repository, database, begin):
    for each in ("a", "b", "tail"):
        begin(each)
    for each, parent in (("a", "b"), ("b", "a"), ("tail", "a")):
        link(database, each, parent)
    assert repository.get_lineage("tail") == ["a", "b"]
    assert ids_of_chain(repository, "tail") == ["a", "b", "tail"]


def test_with_a_conversation_go_its_delegates_and_theirs(repository, begin, chain):
    begin("helper", "worker", "delegate")
    begin("worker-on", "worker", "compression")
    begin("on-branch", "branch", "delegate")
    for each in chain:
        assert whole(repository, each) == ["a", "b", "worker", "c", "helper", "worker-on"]
    assert whole(repository, "worker-on") == ["worker", "helper", "worker-on"]


# --- check and export -----------------------------------------------------------------------------


def test_check_names_circles_and_links_without_a_parent(repository, database, begin):
    for each in ("a", "b", "tail", "fine"):
        begin(each)
    for each, parent in (("a", "b"), ("b", "a"), ("tail", "a")):
        link(database, each, parent)
    link(database, "fine", None)
    assert repository.check() == [
        "sessions whose parents form a circle: a, b, tail",
        "sessions that have a link but no parent: fine",
    ]


def test_a_store_of_chains_is_all_right(repository, chain):
    assert repository.check() == []


def test_a_conversation_is_exported_whole_and_an_import_links_it_again(repository, chain, tmp_path):
    for each in chain:
        repository.append_message(each, "user", f"said in {each}")
    exported = repository.export_lineage("c")
    assert [each["id"] for each in exported] == ["a", "b", "worker", "c"]
    assert [len(each["messages"]) for each in exported] == [1, 1, 0, 1]
    with SessionRepository(tmp_path / "other.db") as other:
        other.import_sessions(exported)
        assert other.get_lineage("a") == chain
        assert other.export_lineage("b") == exported
    with pytest.raises(SessionNotFoundError):
        repository.export_lineage("nobody")


@pytest.mark.postgresql
@pytest.mark.parametrize("analyzed", [True, False])
def test_a_server_looks_related_sessions_up_in_the_index(postgresql_database, analyzed):
    from sqlalchemy import text

    with SessionRepository(postgresql_database) as repository, repository.transaction() as own:
        own.execute(text(
            "INSERT INTO sessions (id, source, started_at, parent_session_id, link)"
            " SELECT 's' || n, 'cli', n, CASE WHEN n % 4 > 0 THEN 's' || n - 1 END,"
            " CASE WHEN n % 4 > 0 THEN 'compression' END FROM generate_series(0, 19999) AS n"))  # fmt: skip
        if analyzed:
            own.execute(text("ANALYZE sessions"))
        assert own.get_lineage("s4998") == ["s4996", "s4997", "s4998", "s4999"]
        given = {"ids": '["s4998"]', "session": "s4998", "root": "s4996"}
        driver = own.connection.connection.dbapi_connection
        for name in ("_PARTS", "_ANCESTORS", "_WHOLE", "_FAMILY"):
            statement = getattr(lineage, name)
            sql, constants = statement._compile("postgresql", own.connection.dialect)
            found = driver.execute(f"EXPLAIN {sql}", given | constants).fetchall()
            plan = "\n".join(row[0] for row in found)
            assert "Seq Scan on sessions" not in plan, name
            assert "Hash Join" not in plan, name


def test_a_family_is_all_that_parents_join(repository, chain, begin):
    begin("stranger")
    assert set(repository._read(family, "b")) >= set(chain)
    assert "stranger" not in repository._read(family, "b")
