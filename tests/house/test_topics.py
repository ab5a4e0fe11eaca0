"""A topic of the API reaches the database by `_read` and `_write` only, and stands alone."""

import ast
import inspect
from collections import Counter
from pathlib import Path

from hermes_store import SessionRepository, Transaction
from hermes_store.api.base import Topic
from hermes_store.api.care import Care
from hermes_store.api.operations import Operations
from hermes_store.api.sessions import Sessions

DOORS = {"_read", "_write"}


def test_the_topics_of_a_repository_are_those_of_a_transaction_and_care():
    assert issubclass(SessionRepository, Operations)
    assert issubclass(Transaction, Operations)
    assert not issubclass(Transaction, Care)


def test_every_name_belongs_to_one_topic():
    owners = [each for each in SessionRepository.__mro__ if Topic in each.__bases__]
    names = Counter(name for each in owners for name in vars(each) if name[0] != "_")
    assert [name for name, topics in names.items() if topics > 1] == []


def test_a_topic_uses_nothing_of_its_owner_but_the_two_doors():
    for topic in Operations.__bases__:
        tree = ast.parse(Path(inspect.getfile(topic)).read_text(encoding="utf-8"))
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        }
        assert used - DOORS <= vars(topic).keys(), topic
        assert "__init__" not in vars(topic), topic


class Elsewhere(Sessions):
    """A topic as an object of its own, over the doors of a repository or a transaction."""

    def __init__(self, owner):
        self._read, self._write = owner._read, owner._write

    _read = _write = None


def test_a_topic_serves_as_an_object_over_the_doors_of_its_owner(tmp_path):
    with SessionRepository(tmp_path / "state.db") as repo:
        with repo.transaction() as transaction:
            Elsewhere(transaction).create_session("a", "cli")
            assert Elsewhere(transaction).session_count() == 1
        Elsewhere(repo).create_session("b", "cli")
        assert Elsewhere(repo).session_count() == repo.session_count() == 2
